//! What the API's resources look like.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::view::{Cell, CellStyle, Column, View};
use crate::model::{
    Device, Enrollment, EnrollmentStatus, Location, Platform, Resource, Session, SessionStatus,
};

impl View for Resource<Location> {
    const NOUN: &'static str = "location";
    const FIELDS: &'static [&'static str] = &[
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
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |location, _| Cell::optional(location.id.as_deref())),
        Column::new("NAME", |location, _| Cell::optional(location.name.as_deref())),
        Column::new("STREET", |location, _| Cell::optional(location.street_address.as_deref())),
        Column::detail("", |location, _| Cell::optional(location.street_address2.as_deref())),
        Column::new("POSTAL CODE", |location, _| Cell::optional(location.postal_code.as_deref())),
        Column::new("CITY", |location, _| Cell::optional(location.city.as_deref())),
        Column::new("COUNTRY", |location, _| Cell::optional(location.country.as_deref())),
        Column::detail("MERCHANT", |location, _| Cell::optional(location.merchant_id.as_deref())),
        Column::detail("CREATED", |location, show| show.time(location.created_at)),
        Column::detail("UPDATED", |location, show| show.time(location.updated_at)),
    ];

    fn object(&self) -> Cow<'_, Map<String, Value>> {
        Cow::Borrowed(self.raw())
    }
}

impl View for Resource<Enrollment> {
    const NOUN: &'static str = "enrollment";
    const FIELDS: &'static [&'static str] =
        &["enrollment_id", "enrollment_code", "status", "expires_at", "location_id", "metadata"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |enrollment, _| Cell::optional(enrollment.enrollment_id.as_deref())),
        Column::new("CODE", |enrollment, _| Cell::optional(enrollment.enrollment_code.as_deref())),
        Column::new("STATUS", |enrollment, _| match &enrollment.status {
            Some(status) => Cell::styled(status.as_str(), enrollment_tone(status)),
            None => Cell::from(""),
        }),
        Column::new("EXPIRES", |enrollment, show| show.time(enrollment.expires_at)),
        Column::new("LOCATION", |enrollment, _| Cell::optional(enrollment.location_id.as_deref())),
        Column::new("METADATA", |enrollment, show| show.metadata(&enrollment.metadata)),
    ];

    fn object(&self) -> Cow<'_, Map<String, Value>> {
        Cow::Borrowed(self.raw())
    }
}

const fn enrollment_tone(status: &EnrollmentStatus) -> CellStyle {
    match status {
        EnrollmentStatus::Pending => CellStyle::Pending,
        EnrollmentStatus::Consumed => CellStyle::Success,
        EnrollmentStatus::Expired | EnrollmentStatus::Cancelled => CellStyle::Muted,
        EnrollmentStatus::Other(_) => CellStyle::Plain,
    }
}

impl View for Resource<Device> {
    const NOUN: &'static str = "device";
    const FIELDS: &'static [&'static str] = &[
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
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |device, _| Cell::optional(device.id.as_deref())),
        Column::new("NAME", |device, _| Cell::optional(device.name.as_deref())),
        Column::new("PLATFORM", |device, _| {
            device.platform.as_ref().map(Platform::as_str).unwrap_or_default().into()
        }),
        Column::new("LOCATION", |device, _| Cell::optional(device.location_id.as_deref())),
        Column::new("METADATA", |device, show| show.metadata(&device.metadata)),
        Column::detail("MERCHANT", |device, _| Cell::optional(device.merchant_id.as_deref())),
        Column::detail("HARDWARE", |device, _| Cell::optional(device.hardware_id.as_deref())),
        Column::detail("CASH REGISTER", |device, _| {
            device.open_cash_register_id.map(|id| id.to_string()).unwrap_or_default().into()
        }),
        Column::detail("CREATED", |device, show| show.time(device.created_at)),
    ];

    fn object(&self) -> Cow<'_, Map<String, Value>> {
        Cow::Borrowed(self.raw())
    }
}

impl View for Resource<Session> {
    const NOUN: &'static str = "session";
    const FIELDS: &'static [&'static str] = &[
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
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |session, _| Cell::optional(session.session_id.as_deref())),
        Column::new("STATUS", |session, _| match &session.status {
            Some(status) => Cell::styled(status.as_str(), session_tone(status)),
            None => Cell::from(""),
        }),
        Column::new("AMOUNT", |session, _| {
            super::view::ValueFormat::amount(session.order_amount, session.purchase_currency.as_deref())
        }),
        Column::detail("TAX", |session, _| {
            super::view::ValueFormat::amount(session.order_tax_amount, session.purchase_currency.as_deref())
        }),
        Column::new("ORDER", |session, _| Cell::optional(session.order_id.as_deref())),
        Column::new("DEVICE", |session, _| Cell::optional(session.device_id.as_deref())),
        Column::new("REFERENCE", |session, _| Cell::optional(session.merchant_reference1.as_deref())),
        Column::detail("REFERENCE 2", |session, _| Cell::optional(session.merchant_reference2.as_deref())),
        Column::detail("MERCHANT DATA", |session, _| Cell::optional(session.merchant_data.as_deref())),
        Column::new("STARTED", |session, show| show.time(session.purchase_started_at)),
        Column::new("COMPLETED", |session, show| show.time(session.purchase_completed_at)),
        Column::detail("ITEMS", |session, _| {
            let currency = session.purchase_currency.as_deref();
            let lines: Vec<_> = session
                .order_items
                .iter()
                .map(|item| {
                    let name = item.name.as_deref().unwrap_or("(no name)");
                    let quantity = item.quantity.map(|quantity| format!("{quantity} × ")).unwrap_or_default();
                    format!(
                        "{quantity}{name} {}",
                        super::view::ValueFormat::amount(item.total_amount, currency).text
                    )
                })
                .collect();
            lines.join("; ").into()
        }),
    ];

    fn object(&self) -> Cow<'_, Map<String, Value>> {
        Cow::Borrowed(self.raw())
    }
}

pub(crate) const fn session_tone(status: &SessionStatus) -> CellStyle {
    match status {
        SessionStatus::Finalized => CellStyle::Success,
        SessionStatus::Created | SessionStatus::Active => CellStyle::Pending,
        SessionStatus::Cancelled | SessionStatus::Expired => CellStyle::Muted,
        SessionStatus::Failed => CellStyle::Error,
        SessionStatus::Other(_) => CellStyle::Plain,
    }
}
