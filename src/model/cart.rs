//! Carts: lines that add up to themselves and to their order, in minor units.
//!
//! Omitted amounts are computed and given ones are checked. The API rejects a cart that does not add up (observed), and
//! this check reports which line is wrong before anything is sent.

use serde_json::{Map, Value};

use super::{Currency, format_minor};

/// 100 % in basis points.
const BASIS_POINTS: i128 = 10_000;

/// A line as given, not yet checked. Amounts are in minor units.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LineInput {
    pub name: String,
    /// `physical` and `discount` are documented.
    pub kind: Option<String>,
    /// The merchant's article number.
    pub reference: Option<String>,
    pub quantity: i64,
    /// Includes tax; negative for a discount or a rounding (observed).
    pub unit_price: i64,
    /// Discount on the line, not on each unit.
    pub discount: i64,
    /// Basis points.
    pub tax_rate: i64,
    /// Whether the rate is zero because none was given.
    pub lacks_tax: bool,
    pub total: Option<i64>,
    pub tax: Option<i64>,
    /// Fields of the API that this version does not know, sent unchanged.
    pub extra: Map<String, Value>,
}

/// Lines that add up, and their sums in minor units.
#[derive(Debug, Clone, PartialEq)]
pub struct Cart {
    /// The API's `order_items`.
    pub items: Vec<Value>,
    /// Includes tax.
    pub total: i64,
    pub tax: i64,
    /// Possible mistakes in a cart that adds up.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CartError {
    #[error("the cart is empty")]
    Empty,
    #[error("line {line} ({name}): {problem}")]
    Line { line: usize, name: String, problem: String },
    #[error("{field} is {given}, but the lines add up to {expected}")]
    Sum { field: &'static str, given: String, expected: String },
    /// Beyond the API's 64-bit integers.
    #[error("{0} is too large")]
    TooLarge(String),
}

/// Numerator and denominator of the exact tax that is included in `total`.
fn tax_fraction(total: i64, rate: i64) -> (i128, i128) {
    (i128::from(total) * i128::from(rate), BASIS_POINTS + i128::from(rate))
}

/// The tax included in `total`, rounded half away from zero: 2 × 1,000.00 at 25 % includes 400.00 (documented).
pub(super) fn included_tax(total: i64, rate: i64) -> i64 {
    let (numerator, denominator) = tax_fraction(total, rate);
    let nearest = (numerator.abs() * 2 + denominator) / (denominator * 2) * numerator.signum();
    // Tax is a part of the total, so it fits where the total fits.
    i64::try_from(nearest).unwrap_or(total)
}

/// 1 % in basis points.
const PERCENT: i64 = 100;

/// How far the tax of a line may be off, in minor units (documented for orders).
const TAX_TOLERANCE: u64 = 1;

impl LineInput {
    /// Checks that a discount lowers the sum. A discount with the wrong sign would add up as well.
    pub(super) fn check_signs(&self, currency: Option<Currency>) -> Result<(), String> {
        let format = |amount: i128| match (i64::try_from(amount), currency) {
            (Ok(amount), Some(currency)) => format_minor(amount, currency),
            _ => amount.to_string(),
        };
        let gross = i128::from(self.unit_price) * i128::from(self.quantity);
        let discount = i128::from(self.discount);
        if discount < 0 {
            let discount = format(discount);
            return Err(format!("the discount is {discount}, but must not be negative: it is subtracted"));
        }
        let is_discount =
            self.kind.as_deref().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("discount"));
        let highest = gross.max(i128::from(self.unit_price)).max(i128::from(self.total.unwrap_or_default()));
        if is_discount && highest > 0 {
            let highest = format(highest);
            return Err(format!("it is a discount, so its price must be negative, not {highest}"));
        }
        if discount > 0 && discount > gross {
            let (discount, gross) = (format(discount), format(gross));
            return Err(format!("the discount is {discount}, but the line without it is only {gross}"));
        }
        Ok(())
    }

    /// Returns the total and the tax.
    fn check(&self, line: usize, currency: Currency) -> Result<(i64, i64), CartError> {
        let Self { name, quantity, tax_rate, .. } = self;
        let error = |problem: String| CartError::Line { line, name: name.clone(), problem };
        let mismatch = |field, given, rule, expected| {
            let (given, expected) = (format_minor(given, currency), format_minor(expected, currency));
            error(format!("{field} is {given}, but {rule} is {expected}"))
        };
        if *quantity < 1 {
            return Err(error(format!("the quantity is {quantity}, but must be at least 1")));
        }
        if *tax_rate < 0 {
            return Err(error(format!("the tax rate is {tax_rate} basis points, but must not be negative")));
        }
        self.check_signs(Some(currency)).map_err(error)?;
        let exact = i128::from(self.unit_price) * i128::from(*quantity) - i128::from(self.discount);
        let total = i64::try_from(exact).map_err(|_| CartError::TooLarge(format!("line {line} ({name})")))?;
        if let Some(given) = self.total.filter(|given| *given != total) {
            return Err(mismatch("total_amount", given, "price × quantity − discount", total));
        }
        let nearest = included_tax(total, *tax_rate);
        let tax = self.tax.unwrap_or(nearest);
        if tax.abs_diff(nearest) > TAX_TOLERANCE {
            return Err(mismatch("total_tax_amount", tax, "the tax in its total", nearest));
        }
        Ok((total, tax))
    }

    /// A rate in percent, where the API takes basis points.
    fn warn_about_rate(&self, line: usize) -> Option<String> {
        let Self { name, tax_rate, .. } = self;
        (1..PERCENT).contains(tax_rate).then(|| {
            format!(
                "line {line} ({name}): the tax rate is {tax_rate} basis points, which is 0.{tax_rate:02} %; \
                 {tax_rate} % are {} basis points",
                tax_rate * PERCENT
            )
        })
    }

    /// Builds the API's `order_items` element.
    fn into_json(self, total: i64, tax: i64) -> Value {
        let mut item = Map::new();
        let mut set = |field: &str, value: Value| item.insert(field.to_owned(), value);
        if let Some(kind) = self.kind {
            set("type", kind.into());
        }
        if let Some(reference) = self.reference {
            set("reference", reference.into());
        }
        set("name", self.name.into());
        set("quantity", self.quantity.into());
        set("unit_price", self.unit_price.into());
        set("tax_rate", self.tax_rate.into());
        if self.discount != 0 {
            set("total_discount_amount", self.discount.into());
        }
        set("total_amount", total.into());
        set("total_tax_amount", tax.into());
        item.extend(self.extra);
        item.into()
    }
}

impl Cart {
    /// Checks every line and adds them up.
    pub fn check(lines: Vec<LineInput>, currency: Currency) -> Result<Self, CartError> {
        if lines.is_empty() {
            return Err(CartError::Empty);
        }
        let mut cart = Self {
            items: Vec::with_capacity(lines.len()),
            total: 0,
            tax: 0,
            warnings: find_oddities(&lines),
        };
        for (line, number) in lines.into_iter().zip(1..) {
            let (total, tax) = line.check(number, currency)?;
            cart.warnings.extend(line.warn_about_rate(number));
            let too_large = || CartError::TooLarge(format!("the sum of the lines up to line {number}"));
            cart.total = cart.total.checked_add(total).ok_or_else(too_large)?;
            cart.tax = cart.tax.checked_add(tax).ok_or_else(too_large)?;
            cart.items.push(line.into_json(total, tax));
        }
        Ok(cart)
    }

    /// Takes the tax that was given in addition to the lines. Programs that round the tax of the order instead of that of
    /// each line are off by up to one minor unit per line.
    pub fn with_order_tax(mut self, given: Option<i64>, currency: Currency) -> Result<Self, CartError> {
        let tolerance = TAX_TOLERANCE * self.items.len() as u64;
        match given {
            Some(given) if given.abs_diff(self.tax) <= tolerance => self.tax = given,
            given => check_sum("order_tax_amount", given, self.tax, currency)?,
        }
        Ok(self)
    }
}

/// Describes what may be a mistake in the lines.
fn find_oddities(lines: &[LineInput]) -> Vec<String> {
    let numbers = |is_odd: &dyn Fn(&LineInput) -> bool| {
        let odd = lines.iter().zip(1..).filter(|(line, _)| is_odd(line));
        let numbers: Vec<_> = odd.map(|(_, number): (_, usize)| number.to_string()).collect();
        match numbers.as_slice() {
            [] => None,
            [number] => Some(format!("line {number}")),
            numbers => Some(format!("lines {}", numbers.join(", "))),
        }
    };
    let untaxed =
        numbers(&|line| line.lacks_tax).map(|lines| format!("no tax is given in {lines}, so none is sent"));
    let overtaxed = numbers(&|line| i128::from(line.tax_rate) > BASIS_POINTS)
        .map(|lines| format!("the tax rate in {lines} is more than 100%"));
    [untaxed, overtaxed].into_iter().flatten().collect()
}

/// Checks a sum that was given in addition to the lines.
pub fn check_sum(
    field: &'static str,
    given: Option<i64>,
    sum: i64,
    currency: Currency,
) -> Result<(), CartError> {
    match given {
        Some(given) if given != sum => Err(CartError::Sum {
            field,
            given: format_minor(given, currency),
            expected: format_minor(sum, currency),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sek() -> Currency {
        "SEK".parse().unwrap()
    }

    fn line(unit_price: i64, quantity: i64, tax_rate: i64) -> LineInput {
        LineInput { name: "x".into(), unit_price, quantity, tax_rate, ..LineInput::default() }
    }

    #[test]
    fn a_tax_may_be_one_minor_unit_off() {
        // 100.00 at 12 % includes 10.71, and 200.00 at 25 % includes 40.00.
        for (price, rate, tax, accepted) in [
            (10_000, 1200, 1069, false),
            (10_000, 1200, 1070, true),
            (10_000, 1200, 1072, true),
            (10_000, 1200, 1073, false),
            (20_000, 2500, 4001, true),
            (20_000, 2500, 4002, false),
        ] {
            let input = LineInput { tax: Some(tax), ..line(price, 1, rate) };
            assert_eq!(Cart::check(vec![input], sek()).is_ok(), accepted, "{tax}");
        }
    }

    proptest! {
        #[test]
        fn any_cart_reconciles(numbers in prop::collection::vec(
            (-10_000_000_i64..10_000_000, 1_i64..1000, 0_i64..100_000, 0_i64..10_000), 1..20))
        {
            let lines: Vec<_> = numbers.iter().map(|(price, quantity, discount, rate)| LineInput {
                discount: *discount.min(&(price * quantity).max(0)), ..line(*price, *quantity, *rate)
            }).collect();
            let cart = Cart::check(lines.clone(), sek()).unwrap();
            let amount = |item: &Value, field: &str| item[field].as_i64().unwrap();
            let sum = |field: &str| cart.items.iter().map(|item| amount(item, field)).sum::<i64>();
            prop_assert_eq!(sum("total_amount"), cart.total);
            prop_assert_eq!(sum("total_tax_amount"), cart.tax);
            let mut given = Vec::new();
            for (item, line) in cart.items.iter().zip(lines) {
                let (total, tax) = (amount(item, "total_amount"), amount(item, "total_tax_amount"));
                prop_assert_eq!(total, line.unit_price * line.quantity - line.discount);
                let (numerator, denominator) = tax_fraction(total, line.tax_rate);
                prop_assert!(2 * (i128::from(tax) * denominator - numerator).abs() <= denominator);
                given.push(LineInput { total: Some(total), tax: Some(tax), ..line });
            }
            // Computed amounts are accepted when they are given.
            prop_assert_eq!(Cart::check(given, sek()).unwrap(), cart);
        }

        #[test]
        fn a_negated_total_has_the_negated_tax(total: i64, rate in 0_i64..=1_000_000) {
            prop_assume!(total != i64::MIN);
            prop_assert_eq!(included_tax(-total, rate), -included_tax(total, rate));
        }
    }
}
