//! Reads a cart from `--item` flags, or from a JSON or CSV file.

use serde::Deserialize;
use serde_json::Value;

use crate::args::Input;
use crate::context::ApiContext;
use crate::error::Error;
use crate::model::{Cart, CartError, Currency, LineInput, check_sum, item_from_json, parse_item};
use crate::text::{escape_control, pluralize};

/// A cart file. Its lines are parsed later, when the currency is known. Unknown fields must not be ignored: a reference,
/// for example, protects against a duplicate charge.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CartFile {
    order_items: Vec<Value>,
    order_amount: Option<i64>,
    order_tax_amount: Option<i64>,
    purchase_currency: Option<String>,
}

impl CartFile {
    /// Reads JSON if the text begins like JSON, CSV otherwise.
    pub(super) fn read(input: &Input, context: &ApiContext<'_>) -> Result<Self, Error> {
        let bytes = input.read(context.output)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::usage("--cart: it is not UTF-8 text"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let invalid = |error| Error::usage(format!("--cart: {}", escape_control(&format!("{error}"))));
        if text.trim_start().starts_with('[') {
            return Ok(Self { order_items: serde_json::from_str(text).map_err(invalid)?, ..Self::default() });
        }
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error: serde_json::Error| {
                invalid(error).hint("give other fields as flags, or send the complete object with --body")
            });
        }
        Ok(Self { order_items: items_from_csv(text)?, ..Self::default() })
    }

    pub(super) fn currency(&self) -> Result<Option<Currency>, Error> {
        let currency = self.purchase_currency.as_deref().map(str::parse).transpose();
        currency.map_err(|error| Error::usage(format!("--cart: {error}")))
    }

    pub(super) fn into_cart(self, amount: Option<i64>, currency: Currency) -> Result<Cart, Error> {
        if let Some(code) = self.purchase_currency
            && !code.eq_ignore_ascii_case(currency.code())
        {
            let message =
                format!("--cart is in {}, but the session would be in {currency}", escape_control(&code));
            return Err(Error::usage(message).hint("omit --currency, or correct one of the two"));
        }
        let mut lines = Vec::with_capacity(self.order_items.len());
        for (index, item) in self.order_items.into_iter().enumerate() {
            let line = item_from_json(item, currency);
            lines.push(line.map_err(|error| Error::usage(format!("--cart, line {}: {error}", index + 1)))?);
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
        let cart = Cart::check(lines, currency)?;
        check_sum("order_amount", order_amount, cart.total, currency)?;
        check_sum("order_tax_amount", order_tax_amount, cart.tax, currency)?;
        check_sum("--amount", amount, cart.total, currency)?;
        Ok(cart)
    };
    check().map_err(|error: CartError| {
        Error::usage(format!("the cart does not add up: {error}")).hint("nothing was sent")
    })
}

/// Reads a header row with the keys of either form, and one line per row. Spreadsheets in many countries separate cells
/// by semicolons or tabs.
fn items_from_csv(text: &str) -> Result<Vec<Value>, Error> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let delimiter = [b';', b'\t'].into_iter().find(|byte| first.as_bytes().contains(byte)).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(text.as_bytes());
    let invalid = |error: csv::Error| Error::usage(format!("--cart: it is neither JSON nor CSV: {error}"));
    let header: Vec<_> = reader.headers().map_err(invalid)?.iter().map(str::to_lowercase).collect();
    if !header.iter().any(|key| key == "name") {
        let message = "--cart: it is neither JSON, nor CSV with a header row such as name,price,qty,tax";
        return Err(Error::usage(message));
    }
    if let Some(index) = (1..header.len()).find(|index| header[..*index].contains(&header[*index])) {
        return Err(Error::usage(format!(
            "--cart: the column '{}' occurs twice",
            escape_control(&header[index])
        )));
    }
    let mut items = Vec::new();
    for record in reader.records() {
        let record = record.map_err(invalid)?;
        let line = record
            .position()
            .map_or(items.len() + 2, |position| usize::try_from(position.line()).unwrap_or_default());
        if record.len() != header.len() {
            let (cells, expected) = (pluralize(record.len(), "cell"), header.len());
            let message = format!("--cart, line {line}: it has {cells}, but the header row has {expected}");
            return Err(
                Error::usage(message).hint("quote a cell that contains the separator or a line break")
            );
        }
        // An empty cell counts as a missing key.
        let cells = header.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
        items.push(cells.map(|(key, cell)| (key.as_str(), cell)).collect());
    }
    Ok(items)
}
