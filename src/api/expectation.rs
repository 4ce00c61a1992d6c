//! Checks that a response is about its request.
//!
//! A proxy, a cache or a faulty server can return the response to another request. The constructors of requests in this
//! module add the expectation, and the client checks it, so that no caller can forget it.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::model::{find_difference, show};

/// A longer text is not an ID.
const MAX_ID_LEN: usize = 200;

#[derive(Debug, Clone, Default)]
pub(super) struct Expectation {
    id: Option<ExpectedId>,
    /// Fields that were sent. Those that the response contains must be equal.
    sent: Map<String, Value>,
    /// The same for each element of a page.
    items: Map<String, Value>,
    /// The order whose path a `Location` header must have, if there is one.
    located_order: Option<Uuid>,
}

#[derive(Debug, Clone)]
struct ExpectedId {
    kind: Kind,
    rule: IdRule,
}

#[derive(Debug, Clone)]
enum IdRule {
    Equal(String),
    EqualIfPresent(String),
    Present,
}

/// A kind of resource: its noun, and the fields that may have its ID, the documented name first.
pub(super) type Kind = (&'static str, &'static [&'static str]);

pub(super) const SESSION: Kind = ("session", &["session_id"]);
pub(super) const ENROLLMENT: Kind = ("enrollment", &["enrollment_id"]);
pub(super) const LOCATION: Kind = ("location", &["id"]);
pub(super) const ORDER: Kind = ("order", &["order_id"]);
pub(super) const PAYOUT: Kind = ("payout", &["payment_reference"]);
/// The guide names it `device_id`, the schema `id`.
pub(super) const DEVICE: Kind = ("device", &["id", "device_id"]);

/// The fields of lists.
const LISTS: [&str; 3] = ["content", "payouts", "transactions"];

impl Expectation {
    /// The response is about the resource with this ID.
    pub(super) fn of(kind: Kind, id: &impl ToString) -> Self {
        Self::new(kind, IdRule::Equal(id.to_string()))
    }

    /// Like [`Self::of`], for a response whose body is not documented.
    pub(super) fn of_if_named(kind: Kind, id: &impl ToString) -> Self {
        Self::new(kind, IdRule::EqualIfPresent(id.to_string()))
    }

    /// The response to a create has a new ID.
    pub(super) fn created(kind: Kind) -> Self {
        Self::new(kind, IdRule::Present)
    }

    /// The response to a change of an order, whose body is not documented.
    pub(super) fn changed_order(id: Uuid) -> Self {
        Self { located_order: Some(id), ..Self::of_if_named(ORDER, &id) }
    }

    /// A page whose elements have this value, if they name the field.
    pub(super) fn items(field: &str, value: Option<&str>) -> Self {
        Self::default().and_items(field, value)
    }

    pub(super) fn and_items(mut self, field: &str, value: Option<&str>) -> Self {
        self.items.extend(value.map(|value| (field.to_owned(), value.into())));
        self
    }

    fn new(kind: Kind, rule: IdRule) -> Self {
        Self { id: Some(ExpectedId { kind, rule }), ..Self::default() }
    }

    /// Adds the fields of a JSON body.
    pub(super) fn with_body(mut self, body: &[u8]) -> Self {
        if let Ok(Value::Object(sent)) = serde_json::from_slice(body) {
            self.sent.extend(sent);
        }
        self
    }

    /// Adds a field that is known although it was not sent.
    pub(super) fn with(mut self, field: &str, value: Option<&str>) -> Self {
        self.sent.extend(value.map(|value| (field.to_owned(), value.into())));
        self
    }

    pub(super) fn without(mut self, field: &str) -> Self {
        self.sent.shift_remove(field);
        self
    }

    /// Describes the first difference. A body that is not JSON has none: the parser reports it.
    pub(super) fn find_difference(&self, body: &[u8], merchant_id: Option<&str>) -> Option<String> {
        if self.id.is_none() && self.sent.is_empty() && self.items.is_empty() && merchant_id.is_none() {
            return None;
        }
        let response: Value = serde_json::from_slice(body).ok()?;
        let list = LISTS.iter().find_map(|field| response.get(*field)).unwrap_or(&response);
        let items = list.as_array();
        if let (None, Some(items)) = (&self.id, items) {
            return items.iter().find_map(|item| self.find_difference_in_item(item, merchant_id));
        }
        let object = response.as_object()?;
        let id = self.id.as_ref().and_then(|expected| expected.find_difference(object));
        let sent =
            || find_difference(&self.sent, object).map(|text| format!("it is about another one: {text}"));
        id.or_else(sent).or_else(|| find_other_merchant(object, merchant_id))
    }

    /// Like [`Self::find_difference`], for the `Location` header.
    pub(super) fn find_difference_in_location(&self, location: Option<&str>) -> Option<String> {
        let (expected, location) = (self.located_order?, location?);
        let (_, rest) = location.split_once("/orders/")?;
        let order = rest.split(['/', '?', '#']).next().unwrap_or_default();
        (order.parse() != Ok(expected)).then(|| {
            let order = show(&order.into());
            format!("its location is that of order {order}, not that of order {expected}")
        })
    }

    fn find_difference_in_item(&self, item: &Value, merchant_id: Option<&str>) -> Option<String> {
        let item = item.as_object()?;
        let id = ["id", "enrollment_id", "payment_reference", "order_id"]
            .iter()
            .find_map(|field| item.get(*field))
            .map(show)
            .unwrap_or_default();
        let difference =
            find_difference(&self.items, item).map(|text| format!("{text} (in the element {id})"));
        difference.or_else(|| find_other_merchant(item, merchant_id))
    }
}

impl ExpectedId {
    fn find_difference(&self, received: &Map<String, Value>) -> Option<String> {
        let Self { kind: (noun, fields), rule } = self;
        let named = fields.iter().find_map(|field| received.get(*field).filter(|value| !value.is_null()));
        let is_valid =
            |id: &Value| id.as_str().is_some_and(|id| !id.trim().is_empty() && id.len() <= MAX_ID_LEN);
        match (rule, named) {
            (IdRule::EqualIfPresent(_), None) => None,
            (IdRule::Present, Some(id)) if is_valid(id) => None,
            (IdRule::Present, Some(id)) => Some(format!("it is about a {noun} whose ID is {}", show(id))),
            (IdRule::Present, None) => Some(format!("it is about a {noun} without an ID")),
            (IdRule::Equal(expected), None) => {
                Some(format!("it is about a {noun} without an ID, not about {noun} {expected}"))
            }
            (IdRule::Equal(expected) | IdRule::EqualIfPresent(expected), Some(id)) => {
                let is_equal = id.as_str().is_some_and(|id| id.eq_ignore_ascii_case(expected));
                (!is_equal).then(|| format!("it is about {noun} {}, not about {noun} {expected}", show(id)))
            }
        }
    }
}

/// The merchant ID is configured by hand, so its case and the white space around it do not count.
fn find_other_merchant(received: &Map<String, Value>, merchant_id: Option<&str>) -> Option<String> {
    let (expected, received) = (merchant_id?, received.get("merchant_id")?.as_str()?);
    (!received.trim().eq_ignore_ascii_case(expected.trim()))
        .then(|| format!("it is about merchant {received}, not about merchant {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_field_that_comes_back_is_equal_in_meaning() {
        let sent = object(&json!({
            "device_id": "0B7C1F8E-52d4-4c39-a6b1-7f20d95e8a43", "order_amount": 24950, "purchase_currency": "SEK",
            "merchant_reference1": "r-1 ", "purchase_started_at": "2026-11-22T10:00:00.123Z",
            "order_items": [{"name": "x", "quantity": 1}], "metadata": {"a": "b"}, "note": null,
        }));
        for same in [
            json!({}),
            json!({"device_id": "0b7c1f8e-52d4-4c39-a6b1-7f20d95e8a43", "order_amount": "24950"}),
            json!({"order_amount": 24950.00, "purchase_currency": "sek", "merchant_reference1": "r-1"}),
            json!({"purchase_started_at": "2026-11-22T11:00:00+01:00", "order_items": [], "note": 5}),
            json!({"order_items": [{"name": "x", "extra": 1}], "metadata": {"a": "b", "c": "d"}}),
            json!({"merchant_reference1": null, "tip": 3}),
        ] {
            assert_eq!(find_difference(&sent, &object(&same)), None, "{same}");
        }
        for (other, text) in [
            (json!({"order_amount": 1}), "its order_amount is 1, but 24950 was sent"),
            (json!({"order_amount": 24950.5}), "its order_amount is 24950.5, but 24950 was sent"),
            (json!({"order_amount": {}}), "its order_amount is another object, but 24950 was sent"),
            (json!({"purchase_currency": "NOK"}), "its purchase_currency is NOK, but SEK was sent"),
            (json!({"merchant_reference1": "R-1"}), "its merchant_reference1 is R-1, but r-1  was sent"),
            (json!({"merchant_reference1": ""}), "its merchant_reference1 is empty, but r-1  was sent"),
            (
                json!({"purchase_started_at": "2026-11-22T10:00:09Z"}),
                "its purchase_started_at is 2026-11-22T10:00:09Z, but 2026-11-22T10:00:00.123Z was sent",
            ),
            (
                json!({"order_items": [{"name": "y"}]}),
                "its order_items is another list, but another list was sent",
            ),
            (json!({"metadata": {"a": "c"}}), "its metadata is another object, but another object was sent"),
        ] {
            assert_eq!(find_difference(&sent, &object(&other)).as_deref(), Some(text));
        }
    }

    #[test]
    fn an_id_is_the_one_of_the_request() {
        let id = Uuid::from_u128(1);
        let difference = |expectation: Expectation, body: Value| {
            expectation.find_difference(body.to_string().as_bytes(), Some("m1"))
        };
        let read = || Expectation::of(SESSION, &id);
        assert_eq!(difference(read(), json!({"session_id": id, "merchant_id": " M1"})), None);
        let x = "not about session 00000000-0000-0000-0000-000000000001";
        for (received, text) in [
            (json!({"session_id": "y"}), format!("it is about session y, {x}")),
            (json!({"session_id": 1}), format!("it is about session 1, {x}")),
            (json!({"session_id": " "}), format!("it is about session empty, {x}")),
            (json!({"session_id": null}), format!("it is about a session without an ID, {x}")),
            (
                json!({"session_id": id, "merchant_id": "M2"}),
                "it is about merchant M2, not about merchant m1".to_owned(),
            ),
        ] {
            assert_eq!(difference(read(), received), Some(text));
        }
        for invalid in [
            json!({}),
            json!({"session_id": ""}),
            json!({"session_id": 5}),
            json!({"session_id": null}),
            json!({"session_id": "x".repeat(201)}),
        ] {
            assert!(difference(Expectation::created(SESSION), invalid.clone()).is_some(), "{invalid}");
            let mut with_list = invalid.clone();
            with_list["content"] = json!([]);
            assert!(difference(read(), with_list).is_some(), "a list does not hide the ID: {invalid}");
            let optional = difference(Expectation::of_if_named(SESSION, &id), invalid.clone());
            assert_eq!(optional.is_none(), invalid["session_id"].is_null(), "{invalid}");
        }
        let location = |text| Expectation::changed_order(id).find_difference_in_location(text);
        let order = format!("https://x.example/ordermanagement/v1/orders/{id}/refunds/7");
        for same in [None, Some("/refunds/7"), Some(&*order)] {
            assert_eq!(location(same), None, "{same:?}");
        }
        for (other, name) in [("/orders/y/refunds/7", "y"), ("/orders//refunds/7", "empty")] {
            let text = format!("its location is that of order {name}, not that of order {id}");
            assert_eq!(location(Some(other)), Some(text));
        }
        let list = || Expectation::items("location_id", Some("l"));
        assert_eq!(difference(list(), json!({"content": [{"id": "a", "location_id": "l"}, {}]})), None);
        assert_eq!(
            difference(list(), json!([{"id": "a", "location_id": "k"}])).as_deref(),
            Some("its location_id is k, but l was sent (in the element a)")
        );
        assert!(difference(Expectation::default(), json!({"content": [{"merchant_id": "M2"}]})).is_some());
    }
}
