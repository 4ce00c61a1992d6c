use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use uuid::Uuid;

use super::change_once::{change_once, find_started, question};
use super::find::{FoundOrder, currency_of, ensure_order_named, find_order};
use super::view::format_lines;
use crate::api::refund_request;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::ledger::{Attempt, ChangeIntent, OrderChange};
use crate::model::{
    Currency, ItemChoice, Order, OrderItem, OrderStatus, RefundChoice, RefundError, RefundPlan,
    RefundRequest, format_minor, parse_amount, plan_refund, sold_lines,
};
use crate::output::{Cell, Choice, Column, Question, View, format_amount, format_time};
use crate::text::escape_control;

/// Refund a sale, in whole or in part
///
/// Each intended refund has an idempotency key, which is stored before it is sent and used for every repetition: after a
/// lost response, run the same command again. The same refund (order, reference, and amount or lines) is made once.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom orders refund receipt-1001 --amount 50.00 --reason 'Broken zip'
  kustom orders refund receipt-1001 --item SKU-001,qty=1 --item Bag
  kustom orders refund ORDER --all --yes --reference return-17   # on production in a script

Exit codes:
    5  the API refused it; nothing was refunded
    6  unavailable; nothing was refunded
    7  unknown: run the same command again, which cannot refund twice
    8  not confirmed; nothing was refunded
    9  this refund was made before (--again repeats it), or one of the same line is in progress

Next:
  kustom orders get ORDER
"))]
pub(crate) struct Args {
    /// Order ID, session ID, your reference, or an ID prefix; if omitted on a terminal, you pick a sale that was paid here
    #[arg(value_name = "ORDER", add = complete::orders())]
    order: Option<String>,
    /// Amount including tax, such as 50.00
    #[arg(long, value_name = "AMOUNT", conflicts_with_all = ["items", "all"], allow_hyphen_values = true)]
    amount: Option<String>,
    /// Line to refund, by its reference, name or number: `SKU-001` or `SKU-001,qty=1`; can be repeated
    #[arg(long = "item", id = "items", value_name = "LINE", conflicts_with = "all", value_parser = ItemChoice::parse)]
    items: Vec<ItemChoice>,
    /// Everything that is left
    #[arg(long)]
    all: bool,
    /// Reason, which the customer sees
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// Reference of the refund, which settlement files show
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reference: Option<String>,
    /// Make the refund even if the same one was made before
    #[arg(long)]
    again: bool,
}

/// The documented maximum length of a reference and of a reason, in characters.
const MAX_TEXT_LEN: usize = 255;

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { order: query, amount, items, all, reason, reference, again } = self;
        for (flag, text) in [("--reason", &reason), ("--reference", &reference)] {
            if text.as_ref().is_some_and(|text| text.chars().count() > MAX_TEXT_LEN) {
                return Err(Error::usage(format!("{flag} is longer than {MAX_TEXT_LEN} characters")));
            }
        }
        ensure_order_named(query.as_deref(), context)?;
        let is_chosen = amount.is_some() || !items.is_empty() || all;
        if context.output.assume_yes() && !is_chosen {
            return Err(Error::usage(
                "--yes needs --amount, --item or --all, so that it is clear what is refunded",
            )
            .hint("nothing was refunded"));
        }
        context.ensure_can_confirm()?;
        if !is_chosen && !context.output.can_prompt() {
            return Err(Error::new(ErrorKind::Unconfirmed, "it is not clear what to refund")
                .hint("add --amount, --item or --all; nothing was refunded"));
        }
        let prepare = async {
            let FoundOrder { id, order, sale } = find_order(query.as_deref(), context).await?;
            let currency = currency_of(&order)?;
            let choice = match amount {
                Some(text) => {
                    let amount = parse_amount(&text, currency);
                    RefundChoice::Amount(amount.map_err(|error| Error::usage(format!("--amount: {error}")))?)
                }
                None if !items.is_empty() => RefundChoice::Items(items),
                None if all => RefundChoice::All,
                None => ask_what(&order, currency, context).await?,
            };
            let mut intent = ChangeIntent {
                order_id: id.to_string(),
                currency: currency.code().to_owned(),
                reference: reference.map(|text| text.trim().to_owned()),
                is_all: choice == RefundChoice::All,
                ..ChangeIntent::default()
            };
            let plan = plan_refund(&order, &choice, currency);
            if let Some(plan) = plan.clone().ok().or_else(|| plan_without_refunds(&order, &choice, currency))
            {
                intent.amount = plan.amount;
                intent.lines = plan.lines;
            }
            // Before the plan's error: what was refunded before is often the reason why it cannot be refunded now.
            let started = find_started(&intent, &order, again, context).await?;
            if let (None, Err(error)) = (&started, plan) {
                return Err(explain(&error, &order));
            }
            let describe = |intent: &ChangeIntent| describe(intent, &order, sale.as_ref());
            let question = question("refund", &intent, started.as_ref(), describe);
            confirm(&question, is_chosen, context).await?;
            Ok((id, order, intent))
        };
        let (id, order, intent) = Box::pin(context.run_until_cancelled(prepare)).await?;
        let request = |change: &OrderChange| {
            let ChangeIntent { amount, reference, lines, .. } = change.intent.clone();
            let body = RefundRequest {
                refunded_amount: amount,
                reference,
                description: reason.clone(),
                order_lines: lines,
            };
            refund_request(id, &body, change.intent.currency(), change.id)
        };
        let change = change_once(id, &order, &intent, request, again, context).await?;
        report(change, id, context).await
    }
}

/// What the choice would have been before anything was refunded, to recognize it as a refund that was made.
fn plan_without_refunds(order: &Order, choice: &RefundChoice, currency: Currency) -> Option<RefundPlan> {
    let status = Some(OrderStatus::Captured);
    let order = Order { status, refunded_amount: Some(0), refunds: Vec::new(), ..order.clone() };
    plan_refund(&order, choice, currency).ok().filter(|_| *choice != RefundChoice::All)
}

/// Asks on production, and everywhere if it was not said what to refund.
async fn confirm(question: &str, is_chosen: bool, context: &ApiContext<'_>) -> Result<(), Error> {
    context.confirm(question).await?;
    if !is_chosen && !context.account.is_production() {
        context.output.confirm(&format!("{question}?")).await?;
    }
    Ok(())
}

/// The refund, its order and the sale, such as `50.00 SEK of order 5a… (receipt-1001, 249.50 SEK, 2026-11-26 10:03:00)`.
fn describe(intent: &ChangeIntent, order: &Order, sale: Option<&Attempt>) -> String {
    let currency = order.currency();
    let lines: Vec<_> = intent.lines.iter().map(format_piece).collect();
    let lines = if lines.is_empty() { String::new() } else { format!(" ({})", lines.join(", ")) };
    let reference = sale.and_then(|sale| sale.intent.merchant_reference1.clone());
    let reference = reference.or_else(|| order.merchant_reference1.clone());
    let sold_at = sale.map(|sale| sale.at).or(order.created_at).map(format_time);
    let total = format_amount(order.order_amount, currency.as_deref());
    let parts: Vec<_> =
        [reference, Some(format!("sale of {total}")), sold_at].into_iter().flatten().collect();
    let amount = format_amount(Some(intent.amount), Some(&intent.currency));
    format!("{amount}{lines} of order {} ({})", intent.order_id, parts.join(", "))
}

fn format_piece(item: &OrderItem) -> String {
    let name = item.name.as_deref().or(item.reference.as_deref()).unwrap_or("(no name)");
    format!("{} × {name}", item.quantity.unwrap_or(1))
}

fn explain(error: &RefundError, order: &Order) -> Error {
    let kind = match error {
        RefundError::NothingLeft { .. } | RefundError::TooMuch { .. } | RefundError::TooMany { .. } => {
            ErrorKind::Refused
        }
        _ => ErrorKind::Usage,
    };
    let report = Error::new(kind, error.to_string());
    match error {
        RefundError::UnknownLine(_) | RefundError::AmbiguousLine(_) => {
            let lines =
                format_lines(order).into_iter().zip(1..).map(|(line, number)| format!("{number}  {line}"));
            let lines: Vec<_> = lines.map(|line| escape_control(&line).into_owned()).collect();
            lines
                .iter()
                .fold(report, |report, line| report.line(line))
                .detail("candidates", lines)
                .hint("name a line by its number")
        }
        RefundError::NothingLeft { .. } | RefundError::TooMuch { .. } | RefundError::TooMany { .. } => {
            let id = order.order_id.as_deref().unwrap_or_default();
            report.hint(format!("see its refunds with `kustom orders get {id}`"))
        }
        _ => report,
    }
}

/// What to refund, as the list of [`ask_what`] offers it.
enum Offer {
    All,
    Line { number: usize, left: i64 },
    Amount,
}

/// Asks what to refund: everything, lines, or an amount.
async fn ask_what(
    order: &Order,
    currency: Currency,
    context: &ApiContext<'_>,
) -> Result<RefundChoice, Error> {
    let output = context.output;
    let refundable = order.refundable();
    if refundable == 0 {
        return Ok(RefundChoice::All);
    }
    let total = format_amount(Some(refundable), Some(currency.code()));
    let mut choices = vec![(Choice::new("Everything that is left", &total), Offer::All)];
    for (line, number) in sold_lines(order).into_iter().zip(1..).filter(|(line, _)| line.left() > 0) {
        let (left, name) = (line.left(), line.item.name.as_deref().unwrap_or("(no name)"));
        let price = format_amount(line.item.unit_price, Some(currency.code()));
        let price = if left == 1 { price } else { format!("{price} each") };
        choices.push((Choice::new(&format!("{left} × {name}"), &price), Offer::Line { number, left }));
    }
    choices.push((Choice::new("Another amount", ""), Offer::Amount));
    let (number, left) = match output.select("Refund", choices).await? {
        Offer::All => return Ok(RefundChoice::All),
        Offer::Line { number, left } => (number, left),
        Offer::Amount => {
            let prompt = format!("Amount, at most {}", format_minor(refundable, currency));
            return output.ask_amount(&prompt, currency).await.map(RefundChoice::Amount);
        }
    };
    let quantity = if left == 1 {
        1
    } else {
        let check = move |text: &str| match text.parse::<i64>() {
            Ok(number) if (1..=left).contains(&number) => Ok(()),
            _ => Err(format!("write a number from 1 to {left}")),
        };
        let question =
            Question::new(&format!("How many, of {left}")).default(Some("1".to_owned())).check(check);
        output.ask(question).await?.parse().unwrap_or(1)
    };
    Ok(RefundChoice::Items(vec![ItemChoice { line: format!("#{number}"), quantity: Some(quantity) }]))
}

/// A refund that was processed.
#[derive(Debug, Serialize)]
struct RefundResult {
    refund_id: Option<String>,
    order_id: String,
    refunded_amount: i64,
    purchase_currency: String,
    reference: Option<String>,
    order_lines: Vec<OrderItem>,
    /// The refundable amount; `None` if the order cannot be read.
    refundable_amount: Option<i64>,
    /// The idempotency key.
    attempt: String,
}

impl View for RefundResult {
    const NOUN: &'static str = "refund";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::id("ID", |refund| Cell::optional(refund.refund_id.as_deref())),
        Column::id("ORDER", |refund| refund.order_id.as_str().into()),
        Column::new("REFUNDED", |refund| {
            format_amount(Some(refund.refunded_amount), Some(&refund.purchase_currency)).into()
        }),
        Column::new("REFUNDABLE", |refund| {
            format_amount(refund.refundable_amount, Some(&refund.purchase_currency)).into()
        }),
        Column::new("REFERENCE", |refund| Cell::optional(refund.reference.as_deref())),
        Column::detail("LINES", |refund| {
            refund.order_lines.iter().map(format_piece).collect::<Vec<_>>().join("; ").into()
        }),
    ];
}

async fn report(change: OrderChange, id: Uuid, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
    let refund_id = change.processed_id().map(str::to_owned);
    let ChangeIntent { order_id, amount, currency, reference, lines, .. } = change.intent;
    let order = context.client.order(id, Some(&currency)).await.ok();
    let refundable = order.as_ref().map(|order| order.refundable());
    let refunded = format_amount(Some(amount), Some(&currency));
    let rest = refundable.map(|minor| {
        let rest = format_amount(Some(minor), Some(&currency));
        if minor == 0 {
            " Nothing is left to refund.".to_owned()
        } else {
            format!(" {rest} can still be refunded.")
        }
    });
    let result = RefundResult {
        refund_id,
        order_id: order_id.clone(),
        refunded_amount: amount,
        purchase_currency: currency,
        reference,
        order_lines: lines,
        refundable_amount: refundable,
        attempt: change.id.to_string(),
    };
    context.output.print_item(&result).map_err(|error| {
        error
            .context(&format!("{refunded} of order {order_id} was refunded"))
            .detail("order_id", order_id.as_str())
    })?;
    context
        .output
        .status(&format!("Refunded {refunded} of order {order_id}.{}", rest.as_deref().unwrap_or_default()));
    Ok(ExitStatus::Success)
}
