//! Finds an order by its ID, its session, a reference or an ID prefix, or lets the user pick it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::commands::sessions::status::{check_requested, store_end};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::ledger::{Attempt, Filter, Outcome};
use crate::model::{Currency, MIN_ID_PREFIX_LEN, Order, Resource, SessionStatus};
use crate::output::{Choice, format_amount, format_time};
use crate::text::{format_age, normalize_text, pluralize};

const MAX_CHOICES: usize = 100;

/// An order, and the sale that it came from if the ledger knows it.
pub(in crate::commands) struct FoundOrder {
    pub(in crate::commands) id: Uuid,
    pub(super) order: Resource<Order>,
    pub(super) sale: Option<Attempt>,
}

/// Fails if no order is named, and the user cannot pick one.
pub(super) fn ensure_order_named(query: Option<&str>, context: &ApiContext<'_>) -> Result<(), Error> {
    if query.is_some() || context.output.can_prompt() {
        return Ok(());
    }
    Err(Error::usage("no order is given")
        .hint("pass an order, a session or a reference; `kustom sessions list` lists the sales"))
}

/// Finds an order. Without a query, the user picks it from the sales that were paid.
pub(in crate::commands) async fn find_order(
    query: Option<&str>,
    context: &ApiContext<'_>,
) -> Result<FoundOrder, Error> {
    ensure_order_named(query, context)?;
    if query.is_none() {
        // A sale may have been paid since its status was last known.
        context.refresh_open_sessions().await?;
    }
    let sales = context.sales(&Filter::default()).await?;
    let (id, sale) = match query {
        None => {
            let sale = choose(sales, context).await?;
            (order_of(&sale, context).await?, Some(sale))
        }
        Some(query) => match find_sale(&sales, query)? {
            Some(sale) => (order_of(&sale, context).await?, Some(sale)),
            None => return find_by_id(query, context).await,
        },
    };
    let currency = sale.as_ref().and_then(|sale| sale.intent.purchase_currency.as_deref());
    Ok(FoundOrder { id, order: read_order(id, currency, context).await?, sale })
}

/// Reads an order in this currency, if it is known.
pub(super) async fn read_order(
    id: Uuid,
    currency: Option<&str>,
    context: &ApiContext<'_>,
) -> Result<Resource<Order>, Error> {
    let order = context.client.order(id, currency).await;
    order.map_err(|error| Error::from(error).context(&format!("order {id}")))
}

pub(super) fn currency_of(order: &Order) -> Result<Currency, Error> {
    let currency = order.currency().unwrap_or_default().parse();
    currency
        .map_err(|error| Error::new(ErrorKind::Unavailable, format!("the currency of the order: {error}")))
}

/// The ID is that of an order or of a session which the ledger does not know.
async fn find_by_id(query: &str, context: &ApiContext<'_>) -> Result<FoundOrder, Error> {
    let Ok(id) = query.trim().parse::<Uuid>() else { return Err(not_found(query)) };
    match context.client.order(id, None).await {
        Ok(order) => return Ok(FoundOrder { id, order, sale: None }),
        Err(error) if error.status() == Some(404) => {}
        Err(error) => return Err(Error::from(error).context(&format!("order {id}"))),
    }
    let session = match context.client.session(id).await {
        Ok(session) => session,
        Err(error) if error.status() == Some(404) => return Err(not_found(query)),
        Err(error) => return Err(Error::from(error).context(&format!("session {id}"))),
    };
    let id = order_of_session(&id.to_string(), session.status.as_ref(), session.order_id.as_deref())?;
    let currency = session.purchase_currency.as_deref();
    Ok(FoundOrder { id, order: read_order(id, currency, context).await?, sale: None })
}

fn not_found(query: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no order, session or reference '{query}'"))
        .hint("list the sales that were made here with `kustom sessions list`")
}

/// Finds a sale by the ID of its order or session, by its reference, or by an ID prefix. The first of these that matches
/// anything decides. Of several sales with the same reference, those that were not paid do not count.
fn find_sale(sales: &[Attempt], query: &str) -> Result<Option<Attempt>, Error> {
    let (lower, text) = (query.trim().to_ascii_lowercase(), normalize_text(query));
    let ids = |sale: &Attempt| {
        let ids = [sale.order_id().map(str::to_owned), sale.session_id().map(str::to_owned)];
        ids.into_iter().flatten().chain([sale.id.to_string()]).map(|id| id.to_ascii_lowercase())
    };
    let rules: [&dyn Fn(&Attempt) -> bool; 3] = [
        &|sale| ids(sale).any(|id| id == lower),
        &|sale| sale.intent.merchant_reference1.as_deref().map(normalize_text).as_ref() == Some(&text),
        &|sale| lower.len() >= MIN_ID_PREFIX_LEN && ids(sale).any(|id| id.starts_with(&lower)),
    ];
    for matches in rules {
        let mut found: Vec<&Attempt> = sales.iter().filter(|sale| matches(sale)).collect();
        if found.len() > 1 && found.iter().any(|sale| sale.is_paid()) {
            found.retain(|sale| sale.is_paid());
        }
        // Several attempts may have found the same session.
        let mut seen = Vec::new();
        found.retain(|sale| {
            let id = sale.order_id().or(sale.session_id());
            let is_new = id.is_none_or(|id| !seen.contains(&id));
            seen.extend(id);
            is_new
        });
        match found.as_slice() {
            [] => {}
            [sale] => return Ok(Some((*sale).clone())),
            several => return Err(ambiguous(query, several)),
        }
    }
    Ok(None)
}

fn ambiguous(query: &str, sales: &[&Attempt]) -> Error {
    let describe = |sale: &&Attempt| {
        let amount = format_amount(sale.intent.order_amount, sale.intent.purchase_currency.as_deref());
        let id = sale.order_id().or(sale.session_id());
        let id = id.map_or_else(|| sale.id.to_string(), str::to_owned);
        let reference = sale.intent.merchant_reference1.as_deref().unwrap_or_default();
        format!("{id}  {}  {amount}  {reference}", format_time(sale.at)).trim_end().to_owned()
    };
    let message = format!("'{query}' is ambiguous: it matches {}", pluralize(sales.len(), "sale"));
    let ids: Vec<_> = sales.iter().filter_map(|sale| sale.order_id().or(sale.session_id())).collect();
    sales
        .iter()
        .fold(Error::usage(message), |error, sale| error.line(&describe(sale)))
        .detail("candidates", ids)
        .hint("use the ID of the order, such as `kustom orders get ID`")
}

async fn order_of(sale: &Attempt, context: &ApiContext<'_>) -> Result<Uuid, Error> {
    match &sale.outcome {
        Outcome::Created { session_id, order_id: Some(order), status } => {
            order_of_session(session_id, Some(status), Some(order))
        }
        Outcome::Created { session_id: id, .. } => {
            let session_id: Uuid =
                id.parse().map_err(|_| Error::usage(format!("the ID of session {id} is not a UUID")))?;
            let session = context.client.session(session_id).await;
            let session = session.map_err(|error| Error::from(error).context(&format!("session {id}")))?;
            check_requested(&sale.intent.sent(), &session, ErrorKind::Unavailable)?;
            store_end(&session, context).await;
            order_of_session(id, session.status.as_ref(), session.order_id.as_deref())
        }
        Outcome::Pending | Outcome::Unknown(_) => {
            let message = format!("attempt {} has an unknown outcome, so it has no order yet", sale.id);
            Err(Error::usage(message).hint("resolve it with `kustom sessions recover`"))
        }
        Outcome::Refused(_) | Outcome::NotProcessed => {
            Err(Error::new(ErrorKind::NotFound, format!("attempt {} created no session", sale.id)))
        }
    }
}

fn order_of_session(
    session: &str,
    status: Option<&SessionStatus>,
    order: Option<&str>,
) -> Result<Uuid, Error> {
    let Some(order) = order else {
        let status = status.map_or("of no known status", SessionStatus::as_str);
        let message = format!("session {session} is {status}, so it has no order");
        return Err(Error::new(ErrorKind::NotFound, message).detail("session_status", status));
    };
    order.parse().map_err(|_| {
        let message = format!("the order ID {order} of session {session} is not a UUID");
        Error::new(ErrorKind::Unavailable, message)
    })
}

async fn choose(sales: Vec<Attempt>, context: &ApiContext<'_>) -> Result<Attempt, Error> {
    let paid = sales.into_iter().filter(Attempt::is_paid).take(MAX_CHOICES);
    let choices: Vec<_> = paid.map(|sale| (to_choice(&sale), sale)).collect();
    if choices.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "no sale was paid here").hint("pass an order ID"));
    }
    context.output.select("Sale", choices).await
}

fn to_choice(sale: &Attempt) -> Choice {
    let age = format_age(Timestamp::now().duration_since(sale.at).unsigned_abs());
    let amount = format_amount(sale.intent.order_amount, sale.intent.purchase_currency.as_deref());
    let reference = sale.intent.merchant_reference1.as_deref().unwrap_or_default();
    let parts: Vec<_> = [&amount, reference, &age].into_iter().filter(|part| !part.is_empty()).collect();
    let id = sale.order_id().unwrap_or_default();
    Choice::new(&parts.join("  "), id.get(..8).unwrap_or(id))
}
