//! Reads a cart from `--item` flags, or from a JSON or CSV file.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::args::Input;
use crate::commands::spreadsheet::{Sheet, line_of};
use crate::context::ApiContext;
use crate::error::Error;
use crate::model::{
    Cart, CartError, Currency, LineInput, check_sum, integer, item_from_json, parse_item, parse_json,
};
use crate::text::{pluralize, trim_text};

/// A cart file. Its lines are parsed later, when the currency is known. Unknown fields must not be ignored: a reference,
/// for example, protects against a duplicate charge.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CartFile {
    order_items: Vec<Value>,
    #[serde(default, deserialize_with = "deserialize_amount")]
    order_amount: Option<i64>,
    #[serde(default, deserialize_with = "deserialize_amount")]
    order_tax_amount: Option<i64>,
    purchase_currency: Option<String>,
    /// The line of each item in a CSV file, as an editor counts them. JSON has none.
    #[serde(skip)]
    csv_lines: Vec<usize>,
}

fn deserialize_amount<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    match Value::deserialize(from)? {
        Value::Null => Ok(None),
        value => {
            let invalid = || D::Error::custom(format_args!("{value} is not an integer of minor units"));
            integer(&value).map(Some).ok_or_else(invalid)
        }
    }
}

impl CartFile {
    /// Reads JSON if the text begins like JSON, CSV otherwise.
    pub(super) fn read(input: &Input, context: &ApiContext<'_>) -> Result<Self, Error> {
        let text = input.read_text("--cart", context.output)?;
        let invalid = |error| Error::usage(format!("--cart: {error}"));
        if !text.trim_start().starts_with(['[', '{']) {
            let (csv_lines, order_items) = items_from_csv(&text)?.into_iter().unzip();
            return Ok(Self { order_items, csv_lines, ..Self::default() });
        }
        match parse_json(&text).map_err(invalid)? {
            Value::Array(order_items) => Ok(Self { order_items, ..Self::default() }),
            object => Self::deserialize(object).map_err(|error| {
                invalid(error).hint("give other fields as flags, or send the complete object with --body")
            }),
        }
    }

    pub(super) fn currency(&self) -> Result<Option<Currency>, Error> {
        let currency = self.purchase_currency.as_deref().map(str::parse).transpose();
        currency.map_err(|error| Error::usage(format!("--cart: {error}")))
    }

    pub(super) fn into_cart(self, amount: Option<i64>, currency: Currency) -> Result<Cart, Error> {
        if let Some(code) = self.purchase_currency
            && !code.eq_ignore_ascii_case(currency.code())
        {
            let message = format!("--cart is in {code}, but the session would be in {currency}");
            return Err(Error::usage(message).hint("omit --currency, or correct one of the two"));
        }
        let mut lines = Vec::with_capacity(self.order_items.len());
        for (index, item) in self.order_items.into_iter().enumerate() {
            let line = item_from_json(item, currency);
            let number = self.csv_lines.get(index).copied().unwrap_or(index + 1);
            lines.push(line.map_err(|error| Error::usage(format!("--cart, line {number}: {error}")))?);
        }
        check_cart(lines, [self.order_amount, self.order_tax_amount, amount], currency)
    }
}

pub(super) fn cart_from_items(
    items: &[String],
    amount: Option<i64>,
    currency: Currency,
) -> Result<Cart, Error> {
    let mut lines = Vec::with_capacity(items.len());
    for (index, text) in items.iter().enumerate() {
        let line = parse_item(text, currency);
        lines.push(line.map_err(|error| Error::usage(format!("--item {}: {error}", index + 1)))?);
    }
    check_cart(lines, [None, None, amount], currency)
}

/// Checks that the lines match the sums of the file and `--amount`.
fn check_cart(
    lines: Vec<LineInput>,
    [order_amount, order_tax_amount, amount]: [Option<i64>; 3],
    currency: Currency,
) -> Result<Cart, Error> {
    let check = || {
        let cart = Cart::check(lines, currency)?.with_order_tax(order_tax_amount, currency)?;
        check_sum("order_amount", order_amount, cart.total, currency)?;
        check_sum("--amount", amount, cart.total, currency)?;
        Ok(cart)
    };
    check().map_err(|error: CartError| {
        Error::usage(format!("the cart does not add up: {error}")).hint("nothing was sent")
    })
}

/// Reads a header row with the keys of either form, and one item per row, with its line.
fn items_from_csv(text: &str) -> Result<Vec<(usize, Value)>, Error> {
    let Sheet { header, rows, .. } = Sheet::parse(text)
        .map_err(|error| Error::usage(format!("--cart: it is neither JSON nor CSV: {error}")))?;
    let mut header: Vec<_> = header.iter().map(|cell| trim_text(cell).to_lowercase()).collect();
    // A column without a header may be empty, as to the right of a table.
    let named = header.iter().rposition(|key| !key.is_empty()).map_or(0, |last| last + 1);
    header.truncate(named);
    if !header.iter().any(|key| key == "name") {
        let message = "--cart: it is neither JSON, nor CSV with a header row such as name,price,qty,tax";
        return Err(Error::usage(message));
    }
    if let Some(index) = (1..header.len()).find(|index| header[..*index].contains(&header[*index])) {
        return Err(Error::usage(format!("--cart: the column '{}' occurs twice", header[index])));
    }
    let mut items = Vec::new();
    for row in rows {
        let line = line_of(&row);
        let is_beyond = |(index, cell): (usize, &str)| index >= header.len() && !trim_text(cell).is_empty();
        if row.len() < header.len() || row.iter().enumerate().any(is_beyond) {
            let (cells, expected) = (pluralize(row.len(), "cell"), header.len());
            let message = format!("--cart, line {line}: it has {cells}, but the header row has {expected}");
            return Err(
                Error::usage(message).hint("quote a cell that contains the separator or a line break")
            );
        }
        // An empty cell counts as a missing key.
        let cells = header.iter().zip(row.iter()).filter(|(_, cell)| !trim_text(cell).is_empty());
        items.push((line, cells.map(|(key, cell)| (key.as_str(), cell)).collect()));
    }
    Ok(items)
}
