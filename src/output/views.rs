//! The views of the API's resources.

use super::names::NameKind;
use super::view::{Cell, CellStyle, Column, View, format_amount, format_metadata, format_time};
use crate::model::{
    Device, Enrollment, EnrollmentStatus, Location, OrderItem, Platform, Resource, Session, SessionStatus,
};

impl View for Resource<Location> {
    const NOUN: &'static str = "location";
    const SORT_BY: Option<fn(&Self) -> &str> = Some(|location| location.name.as_deref().unwrap_or_default());
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |location| Cell::optional(location.id.as_deref())),
        Column::new("NAME", |location| Cell::optional(location.name.as_deref())),
        Column::new("CITY", |location| Cell::optional(location.city.as_deref())),
        Column::new("STREET", |location| Cell::optional(location.street_address.as_deref())),
        Column::detail("", |location| Cell::optional(location.street_address2.as_deref())),
        Column::new("POSTAL CODE", |location| Cell::optional(location.postal_code.as_deref())),
        Column::new("COUNTRY", |location| Cell::optional(location.country.as_deref())),
        Column::detail("MERCHANT", |location| Cell::optional(location.merchant_id.as_deref())),
        Column::detail("CREATED", |location| Cell::optional(location.created_at.map(format_time))),
        Column::detail("UPDATED", |location| Cell::optional(location.updated_at.map(format_time))),
    ];
    const CSV_FIELDS: &'static [&'static str] = &[
        "id",
        "merchant_id",
        "name",
        "street_address",
        "street_address2",
        "postal_code",
        "city",
        "country",
        "created_at",
        "updated_at",
    ];
}

impl View for Resource<Enrollment> {
    const NOUN: &'static str = "enrollment";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |enrollment| Cell::optional(enrollment.enrollment_id.as_deref())),
        Column::fixed("CODE", |enrollment| Cell::optional(enrollment.enrollment_code.as_deref())),
        Column::fixed("STATUS", |enrollment| match &enrollment.status {
            Some(status) => Cell::styled(status.as_str(), enrollment_style(status)),
            None => Cell::from(""),
        }),
        Column::new("LOCATION", |enrollment| {
            Cell::named(NameKind::Location, enrollment.location_id.as_deref())
        }),
        Column::wide("LOCATION ID", |enrollment| Cell::optional(enrollment.location_id.as_deref())),
        Column::fixed("EXPIRES", |enrollment| Cell::optional(enrollment.expires_at.map(format_time))),
        Column::new("METADATA", |enrollment| format_metadata(&enrollment.metadata).into()),
    ];
    const CSV_FIELDS: &'static [&'static str] =
        &["enrollment_id", "enrollment_code", "status", "expires_at", "location_id", "metadata"];
}

const fn enrollment_style(status: &EnrollmentStatus) -> CellStyle {
    match status {
        EnrollmentStatus::Pending => CellStyle::Pending,
        EnrollmentStatus::Consumed => CellStyle::Success,
        EnrollmentStatus::Expired | EnrollmentStatus::Cancelled => CellStyle::Muted,
        EnrollmentStatus::Other(_) => CellStyle::Plain,
    }
}

impl View for Resource<Device> {
    const NOUN: &'static str = "device";
    const SORT_BY: Option<fn(&Self) -> &str> = Some(|device| device.name.as_deref().unwrap_or_default());
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |device| Cell::optional(device.id.as_deref())),
        Column::new("NAME", |device| Cell::optional(device.name.as_deref())),
        Column::new("LOCATION", |device| Cell::named(NameKind::Location, device.location_id.as_deref())),
        Column::wide("LOCATION ID", |device| Cell::optional(device.location_id.as_deref())),
        Column::new("PLATFORM", |device| Cell::optional(device.platform.as_ref().map(Platform::as_str))),
        Column::new("METADATA", |device| format_metadata(&device.metadata).into()),
        Column::detail("MERCHANT", |device| Cell::optional(device.merchant_id.as_deref())),
        Column::detail("HARDWARE", |device| Cell::optional(device.hardware_id.as_deref())),
        Column::detail("CASH REGISTER", |device| {
            Cell::optional(device.open_cash_register_id.map(|id| id.to_string()))
        }),
        Column::detail("CREATED", |device| Cell::optional(device.created_at.map(format_time))),
    ];
    const CSV_FIELDS: &'static [&'static str] = &[
        "id",
        "name",
        "location_id",
        "platform",
        "metadata",
        "created_at",
        "merchant_id",
        "hardware_id",
        "open_cash_register_id",
        "unique_id",
    ];
}

impl View for Resource<Session> {
    const NOUN: &'static str = "session";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |session| Cell::optional(session.session_id.as_deref())),
        Column::fixed("STATUS", |session| match &session.status {
            Some(status) => Cell::styled(status.as_str(), session_style(status)),
            None => Cell::from(""),
        }),
        Column::fixed("AMOUNT", |session| {
            format_amount(session.order_amount, session.purchase_currency.as_deref()).into()
        }),
        Column::detail("TAX", |session| {
            format_amount(session.order_tax_amount, session.purchase_currency.as_deref()).into()
        }),
        Column::new("DEVICE", |session| Cell::named(NameKind::Device, session.device_id.as_deref())),
        Column::wide("DEVICE ID", |session| Cell::optional(session.device_id.as_deref())),
        Column::new("REFERENCE", |session| Cell::optional(session.merchant_reference1.as_deref())),
        Column::id("ORDER", |session| Cell::optional(session.order_id.as_deref())),
        Column::detail("REFERENCE 2", |session| Cell::optional(session.merchant_reference2.as_deref())),
        Column::detail("MERCHANT DATA", |session| Cell::optional(session.merchant_data.as_deref())),
        Column::fixed("STARTED", |session| Cell::optional(session.purchase_started_at.map(format_time))),
        Column::fixed("COMPLETED", |session| Cell::optional(session.purchase_completed_at.map(format_time))),
        Column::detail("ITEMS", |session| {
            let currency = session.purchase_currency.as_deref();
            let items: Vec<_> =
                session.order_items.iter().flatten().map(|item| format_item(item, currency)).collect();
            items.join("; ").into()
        }),
    ];
    const CSV_FIELDS: &'static [&'static str] = &[
        "session_id",
        "status",
        "device_id",
        "order_id",
        "order_amount",
        "order_tax_amount",
        "purchase_currency",
        "purchase_started_at",
        "purchase_completed_at",
        "merchant_reference1",
        "merchant_reference2",
        "merchant_data",
        "order_items",
    ];
}

fn format_item(item: &OrderItem, currency: Option<&str>) -> String {
    let name = item.name.as_deref().unwrap_or("(no name)");
    let quantity = item.quantity.map(|quantity| format!("{quantity} × ")).unwrap_or_default();
    format!("{quantity}{name} {}", format_amount(item.total_amount, currency))
}

pub(crate) const fn session_style(status: &SessionStatus) -> CellStyle {
    match status {
        SessionStatus::Finalized => CellStyle::Success,
        SessionStatus::Created | SessionStatus::Active => CellStyle::Pending,
        SessionStatus::Cancelled | SessionStatus::Expired => CellStyle::Muted,
        SessionStatus::Failed => CellStyle::Error,
        SessionStatus::Other(_) => CellStyle::Plain,
    }
}
