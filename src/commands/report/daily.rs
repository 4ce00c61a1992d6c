//! `kustom report`

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::chart::bars;
use super::summary::{Entry, Kind, summarize};
use crate::args::{TimeBound, check_period};
use crate::commands::resolve::fetch_all;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::ledger::{Attempt, ChangeOutcome, Filter, OrderChange, Outcome};
use crate::model::{Device, Location, SessionStatus};
use crate::output::{Format, format_amount};
use crate::text::pluralize;

const MAX_CONCURRENT_READS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum GroupBy {
    /// The device that took the payment
    Device,
    /// The location of the device
    Location,
    /// The payment method, which is read from each order
    Method,
    /// The hour of the sale or the refund
    Hour,
}

#[derive(Debug, clap::Args)]
pub(super) struct DailyArgs {
    /// Day to report on [default: today]
    #[arg(long, value_name = "DATE", value_parser = TimeBound::parse, conflicts_with_all = ["since", "until"])]
    day: Option<TimeBound>,
    /// First day, such as 2026-11-01, or time
    #[arg(long, value_name = "DATE", value_parser = TimeBound::parse)]
    since: Option<TimeBound>,
    /// Last day, or time
    #[arg(long, value_name = "DATE", value_parser = TimeBound::parse)]
    until: Option<TimeBound>,
    /// Sums for each of these
    #[arg(long, value_name = "GROUP", value_enum)]
    by: Option<GroupBy>,
    /// Time zone of days and hours, such as Europe/Stockholm [default: that of this machine]
    #[arg(long, value_name = "ZONE", value_parser = parse_zone)]
    time_zone: Option<TimeZone>,
}

pub(super) fn parse_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| "write a time zone such as Europe/Stockholm".to_owned())
}

/// The beginning and the end of what is reported, today by default.
pub(super) fn period(
    since: Option<TimeBound>,
    until: Option<TimeBound>,
    zone: &TimeZone,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Error> {
    if since.is_none() && until.is_none() {
        let today = || Some(TimeBound::Day(Timestamp::now().to_zoned(zone.clone()).date()));
        return check_period(today(), today(), zone);
    }
    check_period(since, until, zone)
}

impl DailyArgs {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { day, since, until, by, time_zone } = self;
        let zone = time_zone.unwrap_or_else(TimeZone::system);
        let (since, until) = (day.clone().or(since), day.or(until));
        let (since, until) = period(since, until, &zone)?;
        let sales = context.sales(&Filter { since, until, ..Filter::default() }).await?;
        let (refunds, damaged) = context.ledger().await?.refunds(since, until).await?;
        if damaged > 0 {
            context.output.warn(&format!("{} in the ledger cannot be read", pluralize(damaged, "refund")));
        }
        let refunds: Vec<_> = refunds
            .into_iter()
            .filter(|refund| matches!(refund.outcome, ChangeOutcome::Processed { .. }))
            .collect();
        let groups = Groups::read(by, &sales, &refunds, &zone, context).await?;
        let entries = sales.iter().map(|sale| sale_entry(sale, &groups));
        let entries = entries.chain(refunds.iter().map(|refund| refund_entry(refund, &groups)));
        let too_large = |_| Error::new(ErrorKind::Unavailable, "the sums are too large to be exact");
        let rows = summarize(entries).map_err(too_large)?;
        let is_empty = rows.is_empty();
        context.output.print_list(rows)?;
        if context.output.format() == Format::Table && context.output.is_terminal() && !is_empty {
            print_chart(&sales, &zone, context)?;
        }
        let has = |kind| sales.iter().any(|sale| kind_of(sale) == kind);
        if has(Kind::Open) {
            context.output.status("Update open sessions with `kustom sessions list --refresh`.");
        }
        if has(Kind::Unknown) {
            context.output.status("Resolve unknown attempts with `kustom sessions recover`.");
        }
        Ok(ExitStatus::Success)
    }
}

fn kind_of(sale: &Attempt) -> Kind {
    match &sale.outcome {
        Outcome::Created { status: SessionStatus::Finalized, .. } => Kind::Paid,
        Outcome::Created { status, .. } if !status.is_terminal() => Kind::Open,
        Outcome::Created { .. } | Outcome::Refused(_) | Outcome::NotProcessed => Kind::Unpaid,
        Outcome::Pending | Outcome::Unknown(_) => Kind::Unknown,
    }
}

fn sale_entry<'a>(sale: &'a Attempt, groups: &'a Groups<'_>) -> Entry<'a> {
    Entry {
        kind: kind_of(sale),
        group: groups.of_sale(sale),
        currency: sale.intent.purchase_currency.as_deref().unwrap_or_default().into(),
        amount: sale.intent.order_amount.unwrap_or_default(),
        tax: sale.intent.order_tax_amount.unwrap_or_default(),
    }
}

fn refund_entry<'a>(refund: &'a OrderChange, groups: &'a Groups<'_>) -> Entry<'a> {
    Entry {
        kind: Kind::Refund,
        group: groups.of_refund(refund),
        currency: refund.intent.currency.to_ascii_uppercase().into(),
        amount: refund.intent.amount,
        tax: 0,
    }
}

/// Which group a sale belongs to.
struct Groups<'a> {
    by: Option<GroupBy>,
    zone: &'a TimeZone,
    /// The name of the group, by device ID or by order ID.
    names: HashMap<String, String>,
    /// The device of an order, for refunds.
    devices: HashMap<String, String>,
}

const UNKNOWN_GROUP: &str = "(unknown)";

impl<'a> Groups<'a> {
    async fn read(
        by: Option<GroupBy>,
        sales: &[Attempt],
        refunds: &[OrderChange],
        zone: &'a TimeZone,
        context: &ApiContext<'_>,
    ) -> Result<Self, Error> {
        let mut groups = Self { by, zone, names: HashMap::new(), devices: HashMap::new() };
        match by {
            None | Some(GroupBy::Hour) => return Ok(groups),
            Some(GroupBy::Device | GroupBy::Location) => groups.names = names(by, context).await,
            Some(GroupBy::Method) => groups.names = methods(sales, refunds, context).await,
        }
        let earlier;
        let orders: HashSet<_> = sales.iter().filter_map(Attempt::order_id).collect();
        let is_known = |refund: &OrderChange| orders.contains(refund.intent.order_id.as_str());
        // A refund may belong to a sale of another day.
        let sales = if refunds.iter().all(is_known) {
            sales
        } else {
            earlier = context.sales(&Filter::default()).await?;
            &earlier
        };
        groups.devices = sales
            .iter()
            .filter_map(|sale| Some((sale.order_id()?.to_owned(), sale.intent.device_id.clone()?)))
            .collect();
        Ok(groups)
    }

    fn hour(&self, at: Timestamp) -> Cow<'static, str> {
        at.to_zoned(self.zone.clone()).strftime("%H:00").to_string().into()
    }

    fn name<'b>(&'b self, id: Option<&'b str>) -> Cow<'b, str> {
        let Some(id) = id else { return UNKNOWN_GROUP.into() };
        let fallback = || match self.by {
            Some(GroupBy::Device) => id,
            _ => UNKNOWN_GROUP,
        };
        self.names.get(id).map_or_else(fallback, String::as_str).into()
    }

    fn of_sale<'b>(&'b self, sale: &'b Attempt) -> Cow<'b, str> {
        match self.by {
            None => "".into(),
            Some(GroupBy::Hour) => self.hour(sale.at),
            Some(GroupBy::Device | GroupBy::Location) => self.name(sale.intent.device_id.as_deref()),
            Some(GroupBy::Method) => self.name(sale.order_id()),
        }
    }

    fn of_refund<'b>(&'b self, refund: &'b OrderChange) -> Cow<'b, str> {
        let order = &refund.intent.order_id;
        match self.by {
            None => "".into(),
            Some(GroupBy::Hour) => self.hour(refund.at),
            Some(GroupBy::Device | GroupBy::Location) => {
                self.name(self.devices.get(order).map(String::as_str))
            }
            Some(GroupBy::Method) => self.name(Some(order)),
        }
    }
}

/// The names of devices or of their locations, by device ID. Without the API, devices are shown by their IDs.
async fn names(by: Option<GroupBy>, context: &ApiContext<'_>) -> HashMap<String, String> {
    let devices = match fetch_all::<Device>(context.client.devices(None)).await {
        Ok(devices) => devices,
        Err(error) => {
            context.output.warn(&format!("no names: {}", Error::from(error).message));
            return HashMap::new();
        }
    };
    if by == Some(GroupBy::Device) {
        let named = devices.iter().filter_map(|device| Some((device.id.clone()?, device.name.clone()?)));
        return named.collect();
    }
    let locations = fetch_all::<Location>(context.client.locations()).await.unwrap_or_default();
    let name_of = |id: &str| {
        let location = locations.iter().find(|location| location.id.as_deref() == Some(id));
        location.and_then(|location| location.name.clone()).unwrap_or_else(|| id.to_owned())
    };
    let located = devices.iter().filter_map(|device| Some((device.id.clone()?, device.location_id.clone()?)));
    located.map(|(device, location)| (device, name_of(&location))).collect()
}

/// The payment method of each order, by its ID.
async fn methods(
    sales: &[Attempt],
    refunds: &[OrderChange],
    context: &ApiContext<'_>,
) -> HashMap<String, String> {
    let paid = sales.iter().filter_map(Attempt::order_id);
    let refunded = refunds.iter().map(|refund| refund.intent.order_id.as_str());
    let orders: BTreeSet<&str> = paid.chain(refunded).collect();
    let reads = stream::iter(orders).map(|id| async move {
        let order = context.client.order(id.parse().ok()?, None).await.ok()?;
        let method = order.initial_payment_method.as_ref()?.kind.clone()?;
        Some((id.to_owned(), method))
    });
    reads.buffer_unordered(MAX_CONCURRENT_READS).filter_map(std::future::ready).collect().await
}

/// Prints a bar per hour for each currency.
fn print_chart(sales: &[Attempt], zone: &TimeZone, context: &ApiContext<'_>) -> Result<(), Error> {
    let mut by_currency: BTreeMap<&str, Vec<(usize, i64)>> = BTreeMap::new();
    for sale in sales.iter().filter(|sale| sale.is_paid()) {
        let (Some(currency), Some(amount)) = (&sale.intent.purchase_currency, sale.intent.order_amount)
        else {
            continue;
        };
        let hour = usize::try_from(sale.at.to_zoned(zone.clone()).hour()).unwrap_or_default();
        let hours = by_currency.entry(currency).or_default();
        match hours.iter_mut().find(|(other, _)| *other == hour) {
            Some((_, sum)) => *sum = sum.saturating_add(amount),
            None => hours.push((hour, amount)),
        }
    }
    let width = usize::from(context.output.width().unwrap_or(u16::MAX));
    for (currency, hours) in by_currency {
        context.output.print("\n")?;
        for line in bars(&hours, width, |minor| format_amount(Some(minor), Some(currency))) {
            context.output.print(&format!("{line}\n"))?;
        }
    }
    context.output.flush()
}
