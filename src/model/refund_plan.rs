//! Plans a refund of an amount, or of lines of an order with their tax, so that nothing is refunded twice.

use super::cart::included_tax;
use super::{Currency, Order, OrderItem, OrderStatus, format_minor};

/// The documented maximum of a single refund, in minor units.
const MAX_AMOUNT: i64 = 200_000_000;

/// What the user wants to refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundChoice {
    /// Everything that is left.
    All,
    Amount(i64),
    Items(Vec<ItemChoice>),
}

/// A line, by its reference, its name or its number, and how many pieces of it; without a quantity all that are left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemChoice {
    pub line: String,
    pub quantity: Option<i64>,
}

impl ItemChoice {
    /// Parses `SKU-001` or `SKU-001,qty=1`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (line, quantity) = match text.rsplit_once(",qty=") {
            None => (text, None),
            Some((line, number)) => match number.trim().parse() {
                Ok(number @ 1..) => (line, Some(number)),
                _ => return Err(format!("'{number}' is not a number of pieces, such as SKU-001,qty=1")),
            },
        };
        if line.trim().is_empty() {
            return Err("write the reference, the name or the number of a line".to_owned());
        }
        Ok(Self { line: line.trim().to_owned(), quantity })
    }
}

/// A refund that was checked against the order.
#[derive(Debug, Clone, PartialEq)]
pub struct RefundPlan {
    pub amount: i64,
    /// Empty for a refund by amount.
    pub lines: Vec<OrderItem>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundError {
    #[error(
        "nothing can be refunded: the order is {status}, {captured} was captured and {refunded} refunded"
    )]
    NothingLeft { status: String, captured: String, refunded: String },
    #[error("{amount} is more than {refundable}, which is what can still be refunded")]
    TooMuch { amount: String, refundable: String },
    #[error("{0} is more than the API refunds at once")]
    TooLarge(String),
    #[error("the amount of a refund must be more than zero")]
    NotPositive,
    #[error("the order has no lines, so it can only be refunded by amount")]
    NoLines,
    #[error("the order has no line '{0}'")]
    UnknownLine(String),
    #[error("'{0}' is ambiguous: several lines of the order match it")]
    AmbiguousLine(String),
    #[error("line '{0}' is named twice")]
    Repeated(String),
    #[error("{wanted} of '{line}' cannot be refunded: {sold} were sold and {refunded} refunded")]
    TooMany { line: String, wanted: i64, sold: i64, refunded: i64 },
}

/// The lines of an order that are the same, and what was refunded of them.
#[derive(Debug, Clone, PartialEq)]
pub struct SoldLine {
    /// With the sums of all of these lines.
    pub item: OrderItem,
    pub refunded: Quantities,
}

/// Sums over lines. Wider than the API's integers, so that no sum overflows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quantities {
    pub quantity: i128,
    total: i128,
    discount: i128,
    tax: i128,
}

impl Quantities {
    fn of(item: &OrderItem) -> Self {
        let value = |value: Option<i64>| i128::from(value.unwrap_or_default());
        Self {
            quantity: i128::from(item.quantity.unwrap_or(1)),
            total: value(item.total_amount),
            discount: value(item.total_discount_amount),
            tax: value(item.total_tax_amount),
        }
    }

    fn add(&mut self, other: Self) {
        self.quantity += other.quantity;
        self.total += other.total;
        self.discount += other.discount;
        self.tax += other.tax;
    }
}

fn minor(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// Whether two lines are about the same article at the same price.
fn is_same_line(one: &OrderItem, other: &OrderItem) -> bool {
    let is_same_article = match (&one.reference, &other.reference) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.name == other.name,
        _ => false,
    };
    is_same_article && one.unit_price == other.unit_price && one.tax_rate == other.tax_rate
}

/// Whether two refunds are about pieces of the same line.
pub fn shares_line(one: &[OrderItem], other: &[OrderItem]) -> bool {
    one.iter().any(|item| other.iter().any(|other| is_same_line(item, other)))
}

/// The lines of an order, each with what was refunded of it.
pub fn sold_lines(order: &Order) -> Vec<SoldLine> {
    let mut lines: Vec<SoldLine> = Vec::new();
    for item in order.order_lines.iter().flatten() {
        if let Some(same) = lines.iter_mut().find(|line| is_same_line(&line.item, item)) {
            let mut sum = Quantities::of(&same.item);
            sum.add(Quantities::of(item));
            same.item.quantity = Some(minor(sum.quantity));
            same.item.total_amount = Some(minor(sum.total));
            same.item.total_discount_amount =
                same.item.total_discount_amount.or(item.total_discount_amount).map(|_| minor(sum.discount));
            same.item.total_tax_amount =
                same.item.total_tax_amount.or(item.total_tax_amount).map(|_| minor(sum.tax));
        } else {
            let item = OrderItem { quantity: item.quantity.or(Some(1)), ..item.clone() };
            lines.push(SoldLine { item, refunded: Quantities::default() });
        }
    }
    for refunded in order.refunds.iter().filter_map(|refund| refund.order_lines.as_ref()).flatten() {
        if let Some(line) = lines.iter_mut().find(|line| is_same_line(&line.item, refunded)) {
            line.refunded.add(Quantities::of(refunded));
        }
    }
    lines
}

impl SoldLine {
    /// How many pieces can still be refunded.
    pub fn left(&self) -> i64 {
        minor((Quantities::of(&self.item).quantity - self.refunded.quantity).max(0))
    }

    /// The line of a refund of `quantity` pieces. The discount and the tax are split so that all refunds together are the
    /// line that was sold, to the minor unit.
    fn refund(&self, quantity: i64) -> OrderItem {
        let sold = Quantities::of(&self.item);
        let until = self.refunded.quantity + i128::from(quantity);
        let is_last = until >= sold.quantity;
        let discount = if is_last || sold.quantity == 0 {
            sold.discount - self.refunded.discount
        } else {
            (sold.discount * until / sold.quantity - self.refunded.discount).max(0)
        };
        let unit_price = i128::from(self.item.unit_price.unwrap_or_default());
        let total = unit_price * i128::from(quantity) - discount;
        let tax = if is_last {
            sold.tax - self.refunded.tax
        } else {
            let until = minor(self.refunded.total + total);
            i128::from(included_tax(until, self.item.tax_rate.unwrap_or_default())) - self.refunded.tax
        };
        OrderItem {
            quantity: Some(quantity),
            total_amount: Some(minor(total)),
            total_discount_amount: self.item.total_discount_amount.map(|_| minor(discount)),
            total_tax_amount: self.item.total_tax_amount.map(|_| minor(tax)),
            ..self.item.clone()
        }
    }

    fn label(&self) -> &str {
        self.item.name.as_deref().or(self.item.reference.as_deref()).unwrap_or("(no name)")
    }
}

/// Checks a refund against what was captured, sold and refunded before.
pub fn plan_refund(
    order: &Order,
    choice: &RefundChoice,
    currency: Currency,
) -> Result<RefundPlan, RefundError> {
    let format = |amount: i64| format!("{} {currency}", format_minor(amount, currency));
    let refundable = order.refundable();
    if refundable == 0 {
        return Err(RefundError::NothingLeft {
            status: order.status.as_ref().map_or("of no known status", OrderStatus::as_str).to_owned(),
            captured: format(order.captured_amount.unwrap_or_default()),
            refunded: format(order.refunded_amount.unwrap_or_default()),
        });
    }
    let plan = match choice {
        RefundChoice::Amount(amount) => RefundPlan { amount: *amount, lines: Vec::new() },
        RefundChoice::All => plan_all(order, refundable),
        RefundChoice::Items(items) => plan_items(order, items)?,
    };
    if plan.amount <= 0 {
        return Err(RefundError::NotPositive);
    }
    if plan.amount > refundable {
        let (amount, refundable) = (format(plan.amount), format(refundable));
        return Err(RefundError::TooMuch { amount, refundable });
    }
    if plan.amount > MAX_AMOUNT {
        return Err(RefundError::TooLarge(format(plan.amount)));
    }
    Ok(plan)
}

/// Everything that is left, with its lines if they add up to it. After a refund by amount they do not.
fn plan_all(order: &Order, refundable: i64) -> RefundPlan {
    let lines: Vec<_> = sold_lines(order)
        .iter()
        .filter(|line| line.left() > 0)
        .map(|line| line.refund(line.left()))
        .collect();
    let total = sum(&lines);
    let lines = if total == i128::from(refundable) { lines } else { Vec::new() };
    RefundPlan { amount: refundable, lines }
}

fn plan_items(order: &Order, items: &[ItemChoice]) -> Result<RefundPlan, RefundError> {
    let sold = sold_lines(order);
    if sold.is_empty() {
        return Err(RefundError::NoLines);
    }
    let mut chosen = Vec::new();
    let mut lines = Vec::new();
    for ItemChoice { line, quantity } in items {
        let index = find_line(&sold, line)?;
        if chosen.contains(&index) {
            return Err(RefundError::Repeated(line.clone()));
        }
        chosen.push(index);
        let found = &sold[index];
        let wanted = quantity.unwrap_or_else(|| found.left());
        if wanted < 1 || wanted > found.left() {
            return Err(RefundError::TooMany {
                line: found.label().to_owned(),
                wanted: wanted.max(1),
                sold: found.item.quantity.unwrap_or(1),
                refunded: minor(found.refunded.quantity),
            });
        }
        lines.push(found.refund(wanted));
    }
    Ok(RefundPlan { amount: minor(sum(&lines)), lines })
}

fn sum(lines: &[OrderItem]) -> i128 {
    lines.iter().filter_map(|line| line.total_amount).map(i128::from).sum()
}

/// Finds a line by its reference, its name or its number. The first of these that matches anything decides.
fn find_line(sold: &[SoldLine], query: &str) -> Result<usize, RefundError> {
    let number = query.strip_prefix('#').unwrap_or(query).parse::<usize>().ok();
    let lower = query.to_lowercase();
    for rule in 0..3 {
        let is_match = |index: &usize| {
            let item = &sold[*index].item;
            match rule {
                0 => item.reference.as_deref() == Some(query),
                1 => item.name.as_ref().is_some_and(|name| name.to_lowercase() == lower),
                _ => number == Some(index + 1),
            }
        };
        let found: Vec<_> = (0..sold.len()).filter(is_match).collect();
        match found.as_slice() {
            [] => {}
            [index] => return Ok(*index),
            _ => return Err(RefundError::AmbiguousLine(query.to_owned())),
        }
    }
    Err(RefundError::UnknownLine(query.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Refund;
    use proptest::prelude::*;

    fn sek() -> Currency {
        "SEK".parse().unwrap()
    }

    fn item(reference: &str, quantity: i64, unit_price: i64, discount: i64, rate: i64) -> OrderItem {
        let total = quantity * unit_price - discount;
        OrderItem {
            reference: Some(reference.to_owned()),
            name: Some(format!("Article {reference}")),
            quantity: Some(quantity),
            unit_price: Some(unit_price),
            total_amount: Some(total),
            tax_rate: Some(rate),
            total_discount_amount: (discount != 0).then_some(discount),
            total_tax_amount: Some(included_tax(total, rate)),
            ..OrderItem::default()
        }
    }

    fn order(lines: Vec<OrderItem>) -> Order {
        let total = minor(sum(&lines));
        Order {
            status: Some(OrderStatus::Captured),
            captured_amount: Some(total),
            refunded_amount: Some(0),
            order_lines: Some(lines),
            ..Order::default()
        }
    }

    fn apply(order: &mut Order, plan: &RefundPlan) {
        order.refunded_amount = order.refunded_amount.map(|refunded| refunded + plan.amount);
        order.refunds.push(Refund { order_lines: Some(plan.lines.clone()), ..Refund::default() });
    }

    fn choice(line: &str, quantity: i64) -> RefundChoice {
        RefundChoice::Items(vec![ItemChoice { line: line.to_owned(), quantity: Some(quantity) }])
    }

    fn error(order: &Order, choice: &RefundChoice) -> String {
        plan_refund(order, choice, sek()).unwrap_err().to_string()
    }

    #[test]
    fn a_line_is_found_by_reference_name_and_number() {
        let order = order(vec![item("a", 1, 5, 0, 0), item("b", 1, 6, 0, 0), item("b", 1, 7, 0, 0)]);
        for (query, amount) in [("a", 5), ("article A", 5), ("2", 6), ("#3", 7)] {
            assert_eq!(plan_refund(&order, &choice(query, 1), sek()).unwrap().amount, amount, "{query}");
        }
        assert_eq!(error(&order, &choice("b", 1)), "'b' is ambiguous: several lines of the order match it");
        assert_eq!(ItemChoice::parse("a,b,qty=2"), Ok(ItemChoice { line: "a,b".into(), quantity: Some(2) }));
        assert!(ItemChoice::parse("a,qty=0").is_err() && ItemChoice::parse(",qty=1").is_err());
    }

    proptest! {
        /// Whatever is refunded in whatever order: all of it together is what was sold, to the minor unit.
        #[test]
        fn refunds_by_line_add_up_to_what_was_sold(
            lines in proptest::collection::vec((1_i64..8, 1_i64..30_000, 0_i64..50, 0_i64..4), 1..5),
            steps in proptest::collection::vec((0_usize..5, 1_i64..5), 0..30),
        ) {
            let rates = [0, 600, 1200, 2500];
            let lines: Vec<_> = lines.into_iter().enumerate().map(|(index, (quantity, price, discount, rate))| {
                let rate = rates[usize::try_from(rate).unwrap()];
                item(&format!("SKU-{index}"), quantity, price + 50, discount, rate)
            }).collect();
            let mut order = order(lines.clone());
            for (index, quantity) in steps {
                let choice = choice(&format!("SKU-{}", index % lines.len()), quantity);
                if let Ok(plan) = plan_refund(&order, &choice, sek()) {
                    prop_assert_eq!(sum(&plan.lines), i128::from(plan.amount));
                    for line in &plan.lines {
                        let expected = line.unit_price.unwrap() * line.quantity.unwrap()
                            - line.total_discount_amount.unwrap_or_default();
                        prop_assert_eq!(line.total_amount, Some(expected));
                        let nearest = included_tax(expected, line.tax_rate.unwrap());
                        prop_assert!((line.total_tax_amount.unwrap() - nearest).abs() <= 1, "{:?}", line);
                    }
                    apply(&mut order, &plan);
                }
                prop_assert!(order.refunded_amount <= order.captured_amount);
                prop_assert!(sold_lines(&order).iter().all(|line| line.left() >= 0));
            }
            if let Ok(plan) = plan_refund(&order, &RefundChoice::All, sek()) {
                prop_assert_eq!(sum(&plan.lines), i128::from(plan.amount));
                apply(&mut order, &plan);
            }
            prop_assert_eq!(order.refunded_amount, order.captured_amount);
            for line in sold_lines(&order) {
                prop_assert_eq!(line.refunded, Quantities::of(&line.item));
            }
        }
    }
}
