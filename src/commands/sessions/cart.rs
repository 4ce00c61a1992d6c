//! Reads a cart from `--item` flags, or from a JSON or CSV file.

use serde_json::{Map, Value};

use crate::args::Input;
use crate::context::ApiContext;
use crate::error::Error;
use crate::model::{Cart, Currency, LineInput, check_sum, item_from_fields, item_from_json, parse_item};
use crate::text::{escape_control, pluralize};

/// A cart file, before the currency of its amounts is known.
pub(super) enum CartSource {
    /// An array of lines, or an object with `order_items` and optionally sums and a currency.
    Json {
        items: Vec<Value>,
        order: Map<String, Value>,
    },
    Csv(String),
}

impl CartSource {
    /// Reads JSON if the text begins like JSON, CSV otherwise.
    pub(super) fn read(input: &Input, context: &ApiContext<'_>) -> Result<Self, Error> {
        let bytes = input.read(context.output)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::usage("--cart: it is not UTF-8 text"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        if !text.trim_start().starts_with(['[', '{']) {
            return Ok(Self::Csv(text.to_owned()));
        }
        let value: Value =
            serde_json::from_str(text).map_err(|error| Error::usage(format!("--cart: {error}")))?;
        let (items, order) = match value {
            Value::Array(items) => (items, Map::new()),
            Value::Object(mut order) => match order.shift_remove("order_items") {
                Some(Value::Array(items)) => (items, order),
                _ => return Err(Error::usage("--cart: the object has no array 'order_items'")),
            },
            _ => {
                return Err(Error::usage("--cart: write an array of lines, or an object with 'order_items'"));
            }
        };
        // Other fields would be ignored silently, and a reference, for example, protects against a duplicate charge.
        let known = ["order_amount", "order_tax_amount", "purchase_currency"];
        if let Some(other) = order.keys().find(|key| !known.contains(&key.as_str())) {
            let message = format!("--cart: '{}' is not part of a cart", escape_control(other));
            return Err(Error::usage(message).hint("give it as a flag, or send the whole object with --body"));
        }
        Ok(Self::Json { items, order })
    }

    pub(super) fn currency(&self) -> Option<Result<Currency, Error>> {
        let Self::Json { order, .. } = self else { return None };
        let code = order.get("purchase_currency")?.as_str()?;
        Some(code.parse().map_err(|error| Error::usage(format!("--cart: {error}"))))
    }
}

/// The lines of a cart before validation, with the sums in the file.
pub(super) struct CartInput {
    drafts: Vec<LineInput>,
    order_amount: Option<i64>,
    order_tax_amount: Option<i64>,
}

impl CartInput {
    pub(super) fn from_items(items: &[String], currency: Currency) -> Result<Self, Error> {
        let read = |(index, text): (usize, &String)| {
            parse_item(text, currency).map_err(|error| Error::usage(format!("--item {}: {error}", index + 1)))
        };
        let drafts = items.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { drafts, order_amount: None, order_tax_amount: None })
    }

    pub(super) fn from_source(source: CartSource, currency: Currency) -> Result<Self, Error> {
        match source {
            CartSource::Json { items, order } => Self::from_json(items, &order, currency),
            CartSource::Csv(text) => Self::from_csv(&text, currency),
        }
    }

    fn from_json(items: Vec<Value>, order: &Map<String, Value>, currency: Currency) -> Result<Self, Error> {
        let sum = |field: &str| match order.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| {
                Error::usage(format!("--cart: '{field}' is not a whole number of minor units"))
            }),
        };
        let (order_amount, order_tax_amount) = (sum("order_amount")?, sum("order_tax_amount")?);
        if let Some(code) = order.get("purchase_currency").and_then(Value::as_str)
            && !code.eq_ignore_ascii_case(currency.code())
        {
            let message =
                format!("--cart is in {}, but the session would be in {currency}", escape_control(code));
            return Err(Error::usage(message).hint("leave --currency out, or correct one of the two"));
        }
        let read = |(index, item)| {
            item_from_json(item, currency)
                .map_err(|error| Error::usage(format!("--cart, line {}: {error}", index + 1)))
        };
        let drafts = items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { drafts, order_amount, order_tax_amount })
    }

    /// Reads a header row with the keys of either form, and one line per row. Spreadsheets in many countries separate
    /// cells by semicolons or tabs.
    fn from_csv(text: &str, currency: Currency) -> Result<Self, Error> {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let delimiter =
            [b';', b'\t'].into_iter().find(|byte| first.as_bytes().contains(byte)).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(text.as_bytes());
        let unreadable =
            |error: csv::Error| Error::usage(format!("--cart: it is neither JSON nor CSV: {error}"));
        let header: Vec<_> = reader.headers().map_err(unreadable)?.iter().map(str::to_lowercase).collect();
        if !header.iter().any(|key| key == "name") {
            let message = "--cart: it is neither JSON, nor CSV with a header row such as name,price,qty,tax";
            return Err(Error::usage(message));
        }
        let mut drafts = Vec::new();
        for record in reader.records() {
            let (record, line) = (record.map_err(unreadable)?, drafts.len() + 1);
            if record.len() != header.len() {
                let (cells, wanted) = (pluralize(record.len(), "cell"), header.len());
                return Err(Error::usage(format!(
                    "--cart, line {line}: it has {cells}, but the header row has {wanted}"
                ))
                .hint("a cell that holds the separator, or a line break, stands in quotation marks"));
            }
            // An empty cell counts as a missing key.
            let fields = header.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
            let fields = fields.map(|(key, cell)| (key.clone(), Value::from(cell)));
            let draft = item_from_fields(fields, currency)
                .map_err(|error| Error::usage(format!("--cart, line {line}: {error}")))?;
            drafts.push(draft);
        }
        Ok(Self { drafts, order_amount: None, order_tax_amount: None })
    }

    /// Checks that the lines match the sums and `--amount`.
    pub(super) fn validate(self, amount: Option<i64>, currency: Currency) -> Result<Cart, Error> {
        let Self { drafts, order_amount, order_tax_amount } = self;
        let check = || {
            let cart = Cart::check(drafts, currency)?;
            check_sum("order_amount", order_amount, cart.total, currency)?;
            check_sum("order_tax_amount", order_tax_amount, cart.tax, currency)?;
            check_sum("--amount", amount, cart.total, currency)?;
            Ok(cart)
        };
        check().map_err(|error: crate::model::CartError| {
            Error::usage(format!("the cart does not add up: {error}")).hint("nothing was sent")
        })
    }
}
