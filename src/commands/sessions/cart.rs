//! Where a cart comes from: `--item`, or a JSON or CSV file.

use serde_json::{Map, Value};

use crate::commands::args::Input;
use crate::context::Online;
use crate::error::Error;
use crate::model::{Cart, Currency, Draft, item_from_fields, item_from_json, parse_item};

/// A cart as it was given, with the sums that stood beside its lines.
pub(super) struct Given {
    drafts: Vec<Draft>,
    order_amount: Option<i64>,
    order_tax_amount: Option<i64>,
}

impl Given {
    /// Reads repeated `--item`s.
    pub(super) fn from_items(items: &[String], currency: Currency) -> Result<Self, Error> {
        let read = |(index, text): (usize, &String)| {
            parse_item(text, currency).map_err(|error| Error::usage(format!("--item {}: {error}", index + 1)))
        };
        let drafts = items.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { drafts, order_amount: None, order_tax_amount: None })
    }

    /// Reads `--cart`: JSON if it begins like JSON, CSV otherwise.
    pub(super) fn from_input(input: &Input, currency: Currency, online: &Online<'_>) -> Result<Self, Error> {
        let bytes = input.read(online.terminal)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::usage("--cart: it is not UTF-8 text"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        if text.trim_start().starts_with(['[', '{']) {
            Self::from_json(text, currency)
        } else {
            Self::from_csv(text, currency)
        }
    }

    /// An array of lines, or an object with `order_items` and perhaps the sums.
    fn from_json(text: &str, currency: Currency) -> Result<Self, Error> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| Error::usage(format!("--cart: {error}")))?;
        let (items, order) = match value {
            Value::Array(items) => (items, Map::new()),
            Value::Object(mut order) => match order.remove("order_items") {
                Some(Value::Array(items)) => (items, order),
                _ => return Err(Error::usage("--cart: the object has no array 'order_items'")),
            },
            _ => {
                return Err(Error::usage("--cart: write an array of lines, or an object with 'order_items'"));
            }
        };
        let sum = |field: &str| match order.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| {
                Error::usage(format!("--cart: '{field}' is not a whole number of minor units"))
            }),
        };
        let (order_amount, order_tax_amount) = (sum("order_amount")?, sum("order_tax_amount")?);
        if let Some(code) = order.get("purchase_currency").and_then(Value::as_str)
            && code != currency.code()
        {
            let message = format!("--cart is in {code}, but the session would be in {currency}");
            return Err(Error::usage(message).hint(format!("add --currency {code}")));
        }
        let read = |(index, item)| {
            item_from_json(item, currency)
                .map_err(|error| Error::usage(format!("--cart, line {}: {error}", index + 1)))
        };
        let drafts = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { drafts, order_amount, order_tax_amount })
    }

    /// A header row with the keys of either shape, and a row a line.
    fn from_csv(text: &str, currency: Currency) -> Result<Self, Error> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let unreadable =
            |error: csv::Error| Error::usage(format!("--cart: it is neither JSON nor CSV: {error}"));
        let header = reader.headers().map_err(unreadable)?.clone();
        if !header.iter().any(|key| key == "name") {
            return Err(Error::usage(
                "--cart: it is neither JSON, nor CSV with a header row such as name,price,qty,tax",
            ));
        }
        let mut drafts = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let record = record.map_err(unreadable)?;
            // An empty cell is a key that is not given.
            let fields = header.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
            let fields = fields.map(|(key, cell)| (key.to_owned(), Value::from(cell)));
            let draft = item_from_fields(fields, currency)
                .map_err(|error| Error::usage(format!("--cart, line {}: {error}", index + 1)))?;
            drafts.push(draft);
        }
        Ok(Self { drafts, order_amount: None, order_tax_amount: None })
    }

    /// Checks that it adds up, to itself and to `--amount`.
    pub(super) fn checked(self, amount: Option<i64>, currency: Currency) -> Result<Cart, Error> {
        let Self { drafts, order_amount, order_tax_amount } = self;
        let check = || {
            let cart = Cart::check(drafts, currency)?;
            cart.check_sum("order_amount", order_amount, cart.total(), currency)?;
            cart.check_sum("order_tax_amount", order_tax_amount, cart.tax(), currency)?;
            cart.check_sum("--amount", amount, cart.total(), currency)?;
            Ok(cart)
        };
        check().map_err(|error: crate::model::CartError| {
            Error::usage(format!("the cart does not add up: {error}")).hint("nothing was sent")
        })
    }
}
