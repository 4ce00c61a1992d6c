//! Settlements: payouts, and the transactions that they consist of.

use http::Method;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::{Client, parse_json};
use super::error::Error;
use super::expectation::{Expectation, PAYOUT};
use super::request::Request;
use crate::model::{Payout, Resource, Transaction};

/// The documented maximum of `size`.
const SIZE: usize = 500;

/// A list of this many parts is not one of payouts.
const MAX_PARTS: usize = 10_000;

#[derive(Debug, Clone, Default)]
pub(crate) struct PayoutFilter {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub currency: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct TransactionFilter {
    pub payment_reference: Option<String>,
    pub order_id: Option<String>,
}

/// A part of a list: an array, or an object with one (inherited).
struct Part<T> {
    items: Vec<Resource<T>>,
    total: Option<usize>,
}

impl<T: DeserializeOwned> Part<T> {
    fn from_json(mut value: Value, name: &str) -> Result<Self, String> {
        let total = value.pointer("/pagination/total").and_then(Value::as_u64);
        let items = match &mut value {
            Value::Array(items) => std::mem::take(items),
            Value::Object(object) => match object.get_mut(name) {
                Some(Value::Array(items)) => std::mem::take(items),
                _ => return Err(format!("expected an object with an array '{name}'")),
            },
            _ => return Err("expected an array or an object".to_owned()),
        };
        let items = items.into_iter().map(Resource::from_json).collect::<Result<_, _>>()?;
        Ok(Self { items, total: total.and_then(|total| total.try_into().ok()) })
    }
}

impl Client {
    pub(crate) async fn payouts(&self, filter: &PayoutFilter) -> Result<Vec<Resource<Payout>>, Error> {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        let list = Request::with_prefix(Method::GET, "/settlements/v1", &["payouts"])
            .query_opt("start_date", time(filter.since).as_deref())
            .query_opt("end_date", time(filter.until).as_deref())
            .query_opt("currency_code", filter.currency.as_deref())
            .expect_response(Expectation::items("currency_code", filter.currency.as_deref()));
        self.fetch_parts(list, "payouts").await
    }

    pub(crate) async fn payout(&self, reference: &str) -> Result<Resource<Payout>, Error> {
        let request = Request::with_prefix(Method::GET, "/settlements/v1", &["payouts", reference]);
        self.send_json(&request.expect_response(Expectation::of(PAYOUT, &reference))).await
    }

    pub(crate) async fn transactions(
        &self,
        filter: &TransactionFilter,
    ) -> Result<Vec<Resource<Transaction>>, Error> {
        let (payout, order) = (filter.payment_reference.as_deref(), filter.order_id.as_deref());
        let expectation = Expectation::items("payment_reference", payout).and_items("order_id", order);
        let list = Request::with_prefix(Method::GET, "/settlements/v1", &["transactions"])
            .query_opt("payment_reference", payout)
            .query_opt("order_id", order)
            .expect_response(expectation);
        self.fetch_parts(list, "transactions").await
    }

    /// Fetches all parts of a list. A part that repeats the previous one ends it.
    async fn fetch_parts<T: DeserializeOwned>(
        &self,
        list: Request,
        name: &str,
    ) -> Result<Vec<Resource<T>>, Error> {
        let mut all: Vec<Resource<T>> = Vec::new();
        let mut previous = Vec::new();
        for _ in 0..MAX_PARTS {
            let request = list.clone().query("size", SIZE.to_string()).query("offset", all.len().to_string());
            let response = self.send(&request).await?;
            if response.body == previous {
                break;
            }
            let part = parse_json(&request, &response, |value| Part::from_json(value, name))?;
            let count = part.items.len();
            all.extend(part.items);
            let is_last = part.total.map_or(count < SIZE, |total| all.len() >= total);
            if count == 0 || is_last {
                break;
            }
            previous = response.body;
        }
        Ok(all)
    }
}
