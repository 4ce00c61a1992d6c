use std::collections::HashMap;
use std::path::PathBuf;

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::compare::{Facts, OrderFact, PosSums, compare};
use super::daily::{parse_zone, period};
use super::pos_file::{self, Columns};
use crate::api::{PayoutFilter, TransactionFilter};
use crate::args::TimeBound;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::ledger::{Attempt, Filter};
use crate::model::{Currency, Resource, Transaction, TransactionType};
use crate::output::Format;
use crate::text::{normalize_text, pluralize};

const MAX_CONCURRENT_READS: usize = 8;

/// Compare the ledger with orders, payouts and the export of the point of sale
///
/// Names each difference: paid but not in the point of sale, in the point of sale but not paid, another amount, paid twice,
/// refunded more or less, an attempt with an unknown outcome, and not paid out or with another amount. A sale that is not
/// paid out yet is a difference after fourteen days, or with --payout.
///
/// The export is CSV, as Excel saves it in Swedish or English. A negative amount is a refund.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom report reconcile                              # today: ledger, orders and payouts
  kustom report reconcile --pos export.csv --reference-column Kvitto --amount-column Belopp
  kustom report reconcile --payout REFERENCE -o csv > differences.csv

Exit codes:
   0  everything matches
  14  there are differences

Next:
  kustom orders get ORDER
"))]
pub(super) struct Args {
    /// Export of the point of sale, as CSV
    #[arg(long, value_name = "FILE")]
    pos: Option<PathBuf>,
    #[command(flatten)]
    columns: Columns,
    /// Currency of the export [default: that of the profile, or of all sales]
    #[arg(long, value_name = "CURRENCY", requires = "pos", add = complete::currencies())]
    currency: Option<Currency>,
    /// Payment reference of a payout; without a period, its sales are compared
    #[arg(long, value_name = "REFERENCE")]
    payout: Option<String>,
    /// First day, such as 2026-11-01, or time [default: today]
    #[arg(long, value_name = "DATE", value_parser = TimeBound::parse)]
    since: Option<TimeBound>,
    /// Last day, or time [default: today]
    #[arg(long, value_name = "DATE", value_parser = TimeBound::parse)]
    until: Option<TimeBound>,
    /// Time zone of the days, such as Europe/Stockholm [default: that of this machine]
    #[arg(long, value_name = "ZONE", value_parser = parse_zone)]
    time_zone: Option<TimeZone>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let zone = self.time_zone.clone().unwrap_or_else(TimeZone::system);
        let has_period = self.since.is_some() || self.until.is_some();
        let (since, until) = if self.payout.is_some() && !has_period {
            (None, None)
        } else {
            period(self.since.clone(), self.until.clone(), &zone)?
        };
        let mut sales = context.sales(&Filter { since, until, ..Filter::default() }).await?;
        let transactions = self.transactions(since, context).await?;
        let paid_out = paid_out(&transactions);
        if self.payout.is_some() && !has_period {
            sales.retain(|sale| sale.order_id().is_some_and(|order| paid_out.contains_key(order)));
        }
        let pos = self.read_pos(&sales, context)?;
        sales.retain(|sale| sale.is_paid() || sale.outcome.is_unknown());
        let orders = read_orders(&sales, context).await?;
        let refunded = context.ledger().await?.refunded_amounts(None).await?;
        let is_one_payout = self.payout.is_some();
        let facts = Facts { sales, orders, refunded, paid_out, is_one_payout, pos, now: Timestamp::now() };
        let comparison = compare(&facts);
        let has_differences = !comparison.differences.is_empty();
        if has_differences || context.output.format() != Format::Table {
            context.output.print_list(comparison.differences)?;
        }
        let pending = match comparison.pending {
            0 => String::new(),
            pending => format!(" {pending} not paid out yet."),
        };
        let compared = pluralize(comparison.paid, "paid sale");
        let result = if has_differences { "there are differences" } else { "everything matches" };
        context.output.status(&format!("Compared {compared}: {result}.{pending}"));
        Ok(if has_differences { ExitStatus::Differences } else { ExitStatus::Success })
    }

    /// The transactions of the payout, or of all payouts since the period began.
    async fn transactions(
        &self,
        since: Option<Timestamp>,
        context: &ApiContext<'_>,
    ) -> Result<Vec<Resource<Transaction>>, Error> {
        let of_payout = |reference: String| TransactionFilter {
            payment_reference: Some(reference),
            ..TransactionFilter::default()
        };
        if let Some(reference) = &self.payout {
            return Ok(context.client.transactions(&of_payout(reference.clone())).await?);
        }
        let payouts = context.client.payouts(&PayoutFilter { since, ..PayoutFilter::default() }).await?;
        let mut all = Vec::new();
        for reference in payouts.iter().filter_map(|payout| payout.payment_reference.clone()) {
            all.extend(context.client.transactions(&of_payout(reference)).await?);
        }
        Ok(all)
    }

    fn read_pos(&self, sales: &[Attempt], context: &ApiContext<'_>) -> Result<Option<PosSums>, Error> {
        let Some(path) = &self.pos else { return Ok(None) };
        let profile = context.account.currency.as_ref().and_then(|currency| currency.value.parse().ok());
        let default = self.currency.or(profile).or_else(|| only_currency(sales));
        let mut pos: PosSums = PosSums::new();
        for line in pos_file::read(path, &self.columns, default)? {
            let key = (line.currency.code().to_owned(), normalize_text(&line.reference));
            let (sold, refunded) = pos.entry(key).or_default();
            let (sum, amount) = if line.amount < 0 {
                (refunded, line.amount.checked_neg())
            } else {
                (sold, Some(line.amount))
            };
            *sum = amount.and_then(|amount| sum.checked_add(amount)).ok_or_else(|| {
                Error::usage(format!("--pos {}: the amounts are too large", path.display()))
            })?;
        }
        Ok(Some(pos))
    }
}

/// The payout of each order, without refunds and fees.
fn paid_out(transactions: &[Resource<Transaction>]) -> HashMap<String, i64> {
    let mut sums: HashMap<String, i64> = HashMap::new();
    for transaction in transactions {
        if let (Some(TransactionType::Sale), Some(order), Some(amount)) =
            (&transaction.kind, &transaction.order_id, transaction.amount)
        {
            let sum = sums.entry(order.clone()).or_default();
            *sum = sum.saturating_add(amount.saturating_abs());
        }
    }
    sums
}

fn only_currency(sales: &[Attempt]) -> Option<Currency> {
    let mut codes = sales.iter().filter_map(|sale| sale.intent.purchase_currency.as_deref());
    let first = codes.next()?;
    if codes.all(|code| code == first) { first.parse().ok() } else { None }
}

async fn read_orders(
    sales: &[Attempt],
    context: &ApiContext<'_>,
) -> Result<HashMap<String, OrderFact>, Error> {
    let ids = sales.iter().filter_map(|sale| sale.order_id().map(str::to_owned));
    let reads = stream::iter(ids).map(|id| async move {
        let parsed = id
            .parse()
            .map_err(|_| Error::new(ErrorKind::Unavailable, format!("the order ID {id} is not a UUID")))?;
        let order = context.client.order(parsed, None).await;
        let order = order.map_err(|error| Error::from(error).context(&format!("order {id}")))?;
        let captured = order.captured_amount.unwrap_or_default();
        Ok((id, OrderFact { captured, refunded: order.refunded_amount.unwrap_or_default() }))
    });
    reads.buffer_unordered(MAX_CONCURRENT_READS).collect::<Vec<_>>().await.into_iter().collect()
}
