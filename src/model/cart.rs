//! Carts: lines that add up to themselves and to their order, in integers of minor units.
//!
//! What is not given is computed; what is given is checked. The API refuses a cart that does not add up
//! (observed), after the customer has waited for it: this refuses it first, and says which line is wrong.

use serde_json::{Map, Value};

use super::{Currency, format_minor};

/// Basis points in the whole.
const BASIS_POINTS: i128 = 10_000;

/// A line as it was given: nothing about it is checked yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LineInput {
    /// What is sold.
    pub name: String,
    /// `physical` and `discount` are documented, others observed.
    pub kind: Option<String>,
    /// The merchant's article number.
    pub reference: Option<String>,
    pub quantity: i64,
    /// Minor units, tax included; negative for a discount or a rounding (observed).
    pub unit_price: i64,
    /// What is taken off the whole line, in minor units.
    pub discount: i64,
    pub tax_rate: i64,
    /// Minor units, if it was given.
    pub total: Option<i64>,
    /// Minor units, if it was given.
    pub tax: Option<i64>,
    /// Further fields of the API's, sent as they are.
    pub further: Map<String, Value>,
}

/// A line that adds up.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    draft: LineInput,
    total: i64,
    tax: i64,
}

/// Lines that add up, and their sums.
#[derive(Debug, Clone, PartialEq)]
pub struct Cart {
    lines: Vec<Line>,
    total: i64,
    tax: i64,
}

/// Why a cart does not add up. Amounts are written in the currency's decimals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CartError {
    #[error("the cart is empty")]
    Empty,
    /// A line without a name.
    #[error("line {line} has no name")]
    Name { line: usize },
    /// A line of nothing, or of less.
    #[error("line {line} ({name}): the quantity is {given}, but must be at least 1")]
    Quantity {
        line: usize,
        name: String,
        /// What was given.
        given: i64,
    },
    /// A tax rate below zero.
    #[error("line {line} ({name}): the tax rate is {given} basis points, but must not be negative")]
    Rate {
        line: usize,
        name: String,
        /// What was given.
        given: i64,
    },
    /// A figure of a line that does not follow from the others.
    #[error("line {line} ({name}): {field} is {given}, but {why} is {expected}")]
    Figure {
        line: usize,
        name: String,
        /// The API's name of the figure.
        field: &'static str,
        /// What was given.
        given: String,
        /// How it is computed.
        why: &'static str,
        /// What it should be.
        expected: String,
    },
    /// A sum that is not that of the lines.
    #[error("{field} is {given}, but the lines add up to {expected}")]
    Sum {
        /// What was given.
        field: &'static str,
        given: String,
        expected: String,
    },
    /// Beyond the API's 64-bit integers.
    #[error("{0} is too large")]
    TooLarge(String),
}

/// The part of `total` that is tax, when tax at `rate` basis points is included in it: rounded to the nearest
/// minor unit, halves away from zero. A line of 2 × 1,000.00 at 25 % holds 400.00 (documented).
pub fn included_tax(total: i64, rate: i64) -> i64 {
    let (numerator, denominator) = (i128::from(total) * i128::from(rate), BASIS_POINTS + i128::from(rate));
    let nearest = (numerator.abs() * 2 + denominator) / (denominator * 2) * numerator.signum();
    // Tax is a part of the total, so it fits where the total fits.
    i64::try_from(nearest).unwrap_or(total)
}

/// Whether a given tax is the exact one, rounded in whatever way: the rule of rounding is not documented.
fn is_rounding_of(tax: i64, total: i64, rate: i64) -> bool {
    let (numerator, denominator) = (i128::from(total) * i128::from(rate), BASIS_POINTS + i128::from(rate));
    (i128::from(tax) * denominator - numerator).abs() < denominator
}

impl LineInput {
    fn checked(self, line: usize, currency: Currency) -> Result<Line, CartError> {
        let name = || self.name.clone();
        if self.name.trim().is_empty() {
            return Err(CartError::Name { line });
        }
        if self.quantity < 1 {
            return Err(CartError::Quantity { line, name: name(), given: self.quantity });
        }
        if self.tax_rate < 0 {
            return Err(CartError::Rate { line, name: name(), given: self.tax_rate });
        }
        let exact = i128::from(self.unit_price) * i128::from(self.quantity) - i128::from(self.discount);
        let total =
            i64::try_from(exact).map_err(|_| CartError::TooLarge(format!("line {line} ({})", self.name)))?;
        let wrong = |field, given, why, expected| CartError::Figure {
            line,
            name: name(),
            field,
            given: format_minor(given, currency),
            why,
            expected: format_minor(expected, currency),
        };
        if let Some(given) = self.total
            && given != total
        {
            return Err(wrong("total_amount", given, "price × quantity − discount", total));
        }
        let nearest = included_tax(total, self.tax_rate);
        let tax = match self.tax {
            Some(given) if !is_rounding_of(given, total, self.tax_rate) => {
                return Err(wrong("total_tax_amount", given, "the tax in its total", nearest));
            }
            given => given.unwrap_or(nearest),
        };
        Ok(Line { draft: self, total, tax })
    }
}

impl Line {
    /// The API's `order_items` element.
    pub fn to_json(&self) -> Map<String, Value> {
        let Self { draft, total, tax } = self;
        let LineInput {
            name,
            kind,
            reference,
            quantity,
            unit_price,
            discount,
            tax_rate,
            further,
            total: _,
            tax: _,
        } = draft;
        let mut item = Map::new();
        let mut set = |field: &str, value: Value| item.insert(field.to_owned(), value);
        if let Some(kind) = kind {
            set("type", kind.as_str().into());
        }
        if let Some(reference) = reference {
            set("reference", reference.as_str().into());
        }
        set("name", name.as_str().into());
        set("quantity", (*quantity).into());
        set("unit_price", (*unit_price).into());
        set("tax_rate", (*tax_rate).into());
        if *discount != 0 {
            set("total_discount_amount", (*discount).into());
        }
        set("total_amount", (*total).into());
        set("total_tax_amount", (*tax).into());
        item.extend(further.clone());
        item
    }
}

impl Cart {
    /// Checks every line, and adds them up.
    pub fn check(drafts: Vec<LineInput>, currency: Currency) -> Result<Self, CartError> {
        if drafts.is_empty() {
            return Err(CartError::Empty);
        }
        let (mut total, mut tax) = (0_i64, 0_i64);
        let mut lines = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.into_iter().enumerate() {
            let line = draft.checked(index + 1, currency)?;
            let too_large = || CartError::TooLarge(format!("the sum of the lines up to line {}", index + 1));
            total = total.checked_add(line.total).ok_or_else(too_large)?;
            tax = tax.checked_add(line.tax).ok_or_else(too_large)?;
            lines.push(line);
        }
        Ok(Self { lines, total, tax })
    }

    /// The sum of the lines, in minor units, tax included.
    pub const fn total(&self) -> i64 {
        self.total
    }

    /// The sum of the lines' taxes, in minor units.
    pub const fn tax(&self) -> i64 {
        self.tax
    }

    pub fn to_json(&self) -> Vec<Value> {
        self.lines.iter().map(|line| Value::Object(line.to_json())).collect()
    }

    /// Checks a sum that was given beside the lines.
    pub fn check_sum(
        &self,
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn sek() -> Currency {
        "SEK".parse().unwrap()
    }

    fn draft(unit_price: i64, quantity: i64, tax_rate: i64) -> LineInput {
        LineInput { name: "x".into(), unit_price, quantity, tax_rate, ..LineInput::default() }
    }

    fn message(draft: LineInput) -> String {
        Cart::check(vec![draft], sek()).unwrap_err().to_string()
    }

    #[test]
    fn the_contracts_sample_gives_its_numbers_to_the_unit() {
        let shirt = LineInput { name: "T-Shirt".into(), ..draft(100_000, 2, 2500) };
        let cart = Cart::check(vec![shirt], sek()).unwrap();
        assert_eq!((cart.total(), cart.tax()), (200_000, 40_000));
        assert_eq!(
            cart.to_json(),
            [json!({
                "name": "T-Shirt", "quantity": 2, "unit_price": 100_000, "tax_rate": 2500,
                "total_amount": 200_000, "total_tax_amount": 40_000,
            })]
        );
    }

    #[test]
    fn discounts_are_taken_off_the_line_and_negative_lines_off_the_sum() {
        let bread = LineInput { discount: 500, ..draft(2500, 3, 1200) };
        let voucher = LineInput { kind: Some("discount".into()), ..draft(-1000, 1, 1200) };
        let cart = Cart::check(vec![bread, voucher], sek()).unwrap();
        assert_eq!((cart.total(), cart.tax()), (7000 - 1000, 750 - 107));
    }

    #[test]
    fn an_error_names_line_given_and_expected() {
        let total = LineInput { total: Some(19_000), ..draft(10_000, 2, 2500) };
        assert_eq!(
            message(total),
            "line 1 (x): total_amount is 190.00, but price × quantity − discount is 200.00"
        );
        let tax = LineInput { tax: Some(5000), ..draft(10_000, 2, 2500) };
        assert_eq!(message(tax), "line 1 (x): total_tax_amount is 50.00, but the tax in its total is 40.00");
        assert_eq!(message(draft(1, 0, 0)), "line 1 (x): the quantity is 0, but must be at least 1");
        assert_eq!(
            message(draft(1, 1, -1)),
            "line 1 (x): the tax rate is -1 basis points, but must not be negative"
        );
        assert_eq!(message(LineInput { name: " ".into(), ..draft(1, 1, 0) }), "line 1 has no name");
        assert_eq!(Cart::check(Vec::new(), sek()), Err(CartError::Empty));
        let cart = Cart::check(vec![draft(100, 1, 0)], sek()).unwrap();
        let error = cart.check_sum("--amount", Some(90), cart.total(), sek()).unwrap_err();
        assert_eq!(error.to_string(), "--amount is 0.90, but the lines add up to 1.00");
    }

    #[test]
    fn a_tax_that_was_rounded_in_another_way_is_accepted() {
        // 100.00 at 12 % holds 10.714…: 10.71 and 10.72 are both roundings of it.
        for (tax, fits) in [(1070, false), (1071, true), (1072, true), (1073, false)] {
            let result = Cart::check(vec![LineInput { tax: Some(tax), ..draft(10_000, 1, 1200) }], sek());
            assert_eq!(result.is_ok(), fits, "{tax}");
        }
        let exact = LineInput { tax: Some(4001), ..draft(20_000, 1, 2500) };
        assert!(Cart::check(vec![exact], sek()).is_err(), "an exact tax has one rounding only");
    }

    #[test]
    fn nothing_overflows_at_the_limits() {
        for price in [i64::MIN, i64::MAX] {
            assert_eq!(message(draft(price, i64::MAX, i64::MAX)), "line 1 (x) is too large");
            let cart = Cart::check(vec![draft(price, 1, i64::MAX)], sek()).unwrap();
            assert!(cart.tax().unsigned_abs() <= cart.total().unsigned_abs());
        }
        let two = vec![draft(i64::MAX, 1, 0), draft(1, 1, 0)];
        assert_eq!(
            Cart::check(two, sek()).unwrap_err().to_string(),
            "the sum of the lines up to line 2 is too large"
        );
    }

    proptest! {
        #[test]
        fn any_cart_reconciles(lines in prop::collection::vec(
            (-10_000_000_i64..10_000_000, 1_i64..1000, 0_i64..100_000, 0_i64..10_000), 1..20))
        {
            let drafts: Vec<_> = lines.iter().map(|(price, quantity, discount, rate)| LineInput {
                discount: *discount, ..draft(*price, *quantity, *rate)
            }).collect();
            let cart = Cart::check(drafts, sek()).unwrap();
            let items = cart.to_json();
            let sum = |field: &str| items.iter().map(|item| item[field].as_i64().unwrap()).sum::<i64>();
            prop_assert_eq!(sum("total_amount"), cart.total());
            prop_assert_eq!(sum("total_tax_amount"), cart.tax());
            for (item, (price, quantity, discount, rate)) in items.iter().zip(&lines) {
                let (total, tax) = (item["total_amount"].as_i64().unwrap(), item["total_tax_amount"].as_i64().unwrap());
                prop_assert_eq!(total, price * quantity - discount);
                // Net and tax make the total, and the tax is the rate of the net within half a unit.
                let off = i128::from(tax) * (BASIS_POINTS + i128::from(*rate)) - i128::from(total) * i128::from(*rate);
                prop_assert!(2 * off.abs() <= BASIS_POINTS + i128::from(*rate));
            }
            // What is computed is accepted when it is given.
            let given = items.iter().zip(&lines).map(|(item, (price, quantity, discount, rate))| LineInput {
                discount: *discount, total: item["total_amount"].as_i64(), tax: item["total_tax_amount"].as_i64(),
                ..draft(*price, *quantity, *rate)
            }).collect();
            prop_assert_eq!(Cart::check(given, sek()).unwrap().total(), cart.total());
        }

        #[test]
        fn a_tax_of_the_opposite_sign_is_the_opposite_tax(total: i64, rate in 0_i64..=1_000_000) {
            prop_assume!(total != i64::MIN);
            prop_assert_eq!(included_tax(-total, rate), -included_tax(total, rate));
        }
    }
}
