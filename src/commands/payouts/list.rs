use jiff::tz::TimeZone;

use crate::api::PayoutFilter;
use crate::args::{TimeBound, check_period};
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::Currency;

/// List payouts, newest first
///
/// A payout has the sales and refunds of stores and of online shops, less fees.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom payouts list --since 2026-11-01 --until 2026-11-30
  kustom payouts list --currency SEK -o csv

Next:
  kustom payouts transactions REFERENCE
"))]
pub(crate) struct Args {
    /// First day, such as 2026-11-01, or time of the payouts
    #[arg(long, value_name = "DATE", value_parser = TimeBound::parse)]
    since: Option<TimeBound>,
    /// Last day, or time, of the payouts
    #[arg(long, value_name = "DATE", value_parser = TimeBound::parse)]
    until: Option<TimeBound>,
    /// Only payouts in this currency
    #[arg(long, value_name = "CURRENCY", add = complete::currencies())]
    currency: Option<Currency>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { since, until, currency } = self;
        let (since, until) = check_period(since, until, &TimeZone::system())?;
        let currency = currency.map(|currency| currency.code().to_owned());
        let mut payouts = context.client.payouts(&PayoutFilter { since, until, currency }).await?;
        // Whether the API includes the end is not documented.
        payouts.retain(|payout| {
            payout.payout_date.is_none_or(|at| {
                since.is_none_or(|since| since <= at) && until.is_none_or(|until| at < until)
            })
        });
        context.output.print_list(payouts)?;
        Ok(ExitStatus::Success)
    }
}
