//! Phones that play by themselves: rules such as `amount=*.51: insufficient-funds, then pay after 2s`.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::History;
use super::own_client::OwnClient;
use crate::model::{Currency, PaymentMethod, TapOutcome, format_minor};

const MAX_LEN: usize = 500;
const MAX_DELAY: SignedDuration = SignedDuration::from_hours(1);

/// How often the state file is checked for sessions that another process created.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

const FORM: &str = "use a rule such as '*: pay after 1s' or 'amount=*.51: insufficient-funds, then pay'";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneRule {
    text: String,
    conditions: Vec<Condition>,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    /// A pattern for the amount in the currency's decimals.
    Amount(String),
    Device(String),
    Currency(String),
    Reference(String),
    Percent(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    action: Action,
    after: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Pay(Option<PaymentMethod>),
    Choose(PaymentMethod),
    Decline(TapOutcome),
    Cancel,
    Ignore,
    Offline,
    Online,
}

impl fmt::Display for PhoneRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for PhoneRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() > MAX_LEN || text.contains(char::is_control) {
            return Err(format!("a rule is a single line of at most {MAX_LEN} characters"));
        }
        let (when, actions) = text.rsplit_once(':').ok_or(FORM)?;
        let conditions: Vec<_> = match when.trim() {
            "*" => Vec::new(),
            "" => return Err(format!("the rule has no condition: {FORM}")),
            when => when.split(',').map(|part| parse_condition(part.trim())).collect::<Result<_, _>>()?,
        };
        let parts = actions.split(',').map(str::trim);
        let parts = parts.map(|part| part.strip_prefix("then ").map_or(part, str::trim));
        let steps: Vec<Step> = parts.map(parse_step).collect::<Result<_, _>>()?;
        let last = steps.len() - 1;
        if steps[..last].iter().any(|step| matches!(step.action, Action::Pay(_) | Action::Cancel)) {
            return Err("nothing can follow 'pay' or 'cancel', which end the session".to_owned());
        }
        Ok(Self { text: text.to_owned(), conditions, steps })
    }
}

fn parse_condition(text: &str) -> Result<Condition, String> {
    if let Some(percent) = text.strip_suffix('%') {
        let percent = percent.parse().ok().filter(|percent| (1..=100).contains(percent));
        return percent.map(Condition::Percent).ok_or_else(|| format!("'{text}': use 1% to 100%"));
    }
    let unknown = || {
        format!("'{text}' is not a condition: use *, amount=, device=, currency=, reference= or a percentage")
    };
    let (name, value) = text.split_once('=').ok_or_else(unknown)?;
    let value = value.trim().to_owned();
    if value.is_empty() {
        return Err(format!("'{text}' has no value"));
    }
    match name.trim() {
        "amount" if value.bytes().all(|byte| byte.is_ascii_digit() || b"*.-".contains(&byte)) => {
            Ok(Condition::Amount(value))
        }
        "amount" => Err(format!("'{text}': use an amount such as 249.50, or *.51")),
        "device" => Ok(Condition::Device(value)),
        "currency" => Ok(Condition::Currency(value)),
        "reference" => Ok(Condition::Reference(value)),
        _ => Err(unknown()),
    }
}

fn parse_step(text: &str) -> Result<Step, String> {
    let (action, after) = match text.split_once(" after ") {
        Some((action, after)) => {
            let delay = after.trim().parse().ok();
            let delay = delay
                .filter(|delay: &SignedDuration| !delay.is_negative() && *delay <= MAX_DELAY)
                .and_then(|delay| Duration::try_from(delay).ok());
            let delay = delay.ok_or_else(|| format!("'{}': a delay is 0s to 1h", after.trim()))?;
            (action.trim(), delay)
        }
        None => (text, Duration::ZERO),
    };
    let method = |name: &str| {
        let found = PaymentMethod::ALL.into_iter().find(|method| method.name() == name);
        found.ok_or_else(|| {
            let names = PaymentMethod::ALL.map(PaymentMethod::name).join(", ");
            format!("'{name}' is not a payment method: use one of {names}")
        })
    };
    let action = match action {
        "pay" => Action::Pay(None),
        "cancel" => Action::Cancel,
        "ignore" => Action::Ignore,
        "decline" => Action::Decline(TapOutcome::DeclinedGeneric),
        "offline" => Action::Offline,
        "online" => Action::Online,
        _ => {
            if let Some(name) = action.strip_prefix("pay with ") {
                Action::Pay(Some(method(name.trim())?))
            } else if let Some(name) = action.strip_prefix("choose ") {
                Action::Choose(method(name.trim())?)
            } else if let Some(outcome) =
                TapOutcome::find(action).filter(|outcome| *outcome != TapOutcome::Success)
            {
                Action::Decline(outcome)
            } else {
                return Err(format!(
                    "'{action}' is not an action: use pay, pay with METHOD, choose METHOD, cancel, ignore, decline, \
                     offline, online or a reason such as insufficient-funds, optionally with 'after 2s'"
                ));
            }
        }
    };
    Ok(Step { action, after })
}

/// `*` matches any characters, also none.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// The rules of a server. Which sessions a percentage hits depends only on the seed and on the sessions before.
#[derive(Debug, Clone, Default)]
pub struct PhoneRules {
    seed: u32,
    rules: Vec<PhoneRule>,
}

/// What the conditions are about.
struct Sale<'a> {
    device_id: &'a str,
    device_name: &'a str,
    amount: String,
    currency: &'a str,
    reference: &'a str,
}

impl<'a> Sale<'a> {
    fn new(session: &'a Value, phones: &'a Value) -> Self {
        let text = |name: &str| session[name].as_str().unwrap_or_default();
        let (device_id, currency) = (text("device_id"), text("purchase_currency"));
        let phone = phones.as_array().and_then(|phones| phones.iter().find(|phone| phone["id"] == device_id));
        let minor = session["order_amount"].as_i64().unwrap_or_default();
        Self {
            device_id,
            device_name: phone.and_then(|phone| phone["name"].as_str()).unwrap_or_default(),
            amount: currency
                .parse::<Currency>()
                .map_or_else(|_| minor.to_string(), |currency| format_minor(minor, currency)),
            currency,
            reference: text("merchant_reference1"),
        }
    }
}

impl PhoneRules {
    pub const fn new(seed: u32, rules: Vec<PhoneRule>) -> Self {
        Self { seed, rules }
    }

    pub const fn seed(&self) -> u32 {
        self.seed
    }

    pub fn list(&self) -> Vec<String> {
        self.rules.iter().map(ToString::to_string).collect()
    }

    /// One random number generator per rule, so that adding a rule does not change what another one hits.
    fn generators(&self) -> Vec<fastrand::Rng> {
        let seeds = 1..=self.rules.len() as u64;
        seeds.map(|number| fastrand::Rng::with_seed((u64::from(self.seed) << 32) | number)).collect()
    }

    /// The first rule that matches.
    fn find(&self, sale: &Sale<'_>, generators: &mut [fastrand::Rng]) -> Option<&PhoneRule> {
        self.rules.iter().zip(generators).find_map(|(rule, rng)| {
            // The percentage is drawn last, and only for what the rule is about.
            let (percentages, others): (Vec<_>, Vec<_>) =
                rule.conditions.iter().partition(|condition| matches!(condition, Condition::Percent(_)));
            let is_hit = others.into_iter().chain(percentages).all(|condition| match condition {
                Condition::Amount(pattern) => matches_pattern(pattern, &sale.amount),
                Condition::Device(name) => matches_pattern(name, sale.device_name) || name == sale.device_id,
                Condition::Currency(code) => code.eq_ignore_ascii_case(sale.currency),
                Condition::Reference(pattern) => matches_pattern(pattern, sale.reference),
                Condition::Percent(percent) => rng.u8(0..100) < *percent,
            });
            is_hit.then_some(rule)
        })
    }
}

/// Plays the phones of an emulator by its rules, until its server stops.
pub(super) async fn play(rules: &PhoneRules, client: &OwnClient, history: &History) {
    if rules.rules.is_empty() {
        return;
    }
    let mut changes = history.changes();
    let (mut generators, mut seen) = (rules.generators(), HashSet::new());
    let mut playing = FuturesUnordered::new();
    while !*changes.borrow_and_update() {
        let open = client.get("/emulator/sessions?open=true").await;
        let sessions = open["sessions"].as_array().cloned().unwrap_or_default();
        let id = |session: &Value| session["session_id"].as_str().unwrap_or_default().to_owned();
        // A session that has ended is never open again.
        let open: HashSet<String> = sessions.iter().map(id).collect();
        seen.retain(|id| open.contains(id));
        let new: Vec<_> = sessions.into_iter().filter(|session| seen.insert(id(session))).collect();
        if !new.is_empty() {
            let phones = client.get("/emulator/phones").await;
            for session in new {
                if let Some(rule) = rules.find(&Sale::new(&session, &phones["phones"]), &mut generators) {
                    playing.push(play_session(session, rule, client));
                }
            }
        }
        tokio::select! {
            Some(()) = playing.next(), if !playing.is_empty() => {}
            _ = changes.changed() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

async fn play_session(session: Value, rule: &PhoneRule, client: &OwnClient) {
    let id = session["session_id"].as_str().unwrap_or_default();
    let device = session["device_id"].as_str().unwrap_or_default();
    for step in &rule.steps {
        tokio::time::sleep(step.after).await;
        let (path, body) = match step.action {
            Action::Pay(Some(method)) => (format!("sessions/{id}/pay"), json!({"method": method})),
            Action::Pay(None) => (format!("sessions/{id}/pay"), json!({})),
            Action::Choose(method) => (format!("sessions/{id}/choose"), json!({"method": method})),
            Action::Decline(outcome) => {
                (format!("sessions/{id}/decline"), json!({"outcome": outcome.as_str()}))
            }
            Action::Cancel => (format!("sessions/{id}/cancel"), json!({})),
            Action::Offline => (format!("devices/{device}/offline"), json!({})),
            Action::Online => (format!("devices/{device}/online"), json!({})),
            Action::Ignore => continue,
        };
        let response = client.send(Method::POST, &format!("/emulator/pos/{path}"), &body).await;
        // The session has ended, or its phone is gone: the rest of the rule has no effect.
        if !response.status().is_success() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(seed: u32, texts: &[&str]) -> PhoneRules {
        PhoneRules::new(seed, texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn chosen(rules: &PhoneRules, amounts: &[&str]) -> Vec<Option<String>> {
        let mut generators = rules.generators();
        let sale = |amount: &&str| Sale {
            device_id: "0b7c1f8e-52d4-4c39-a6b1-7f20d95e8a43",
            device_name: "Till 2",
            amount: (*amount).to_owned(),
            currency: "SEK",
            reference: "r-1",
        };
        let found = amounts.iter().map(|amount| rules.find(&sale(amount), &mut generators).cloned());
        found.map(|rule| rule.map(|rule| rule.to_string())).collect()
    }

    #[test]
    fn the_first_matching_rule_applies() {
        let texts =
            ["amount=*.51: insufficient-funds, then pay after 2s", "amount=9*, device=Till 2: ignore"];
        let (first, second) = (Some(texts[0].to_owned()), Some(texts[1].to_owned()));
        let amounts = ["10.51", "9.50", "90.51", "1.00"];
        assert_eq!(chosen(&rules(1, &texts), &amounts), [first.clone(), second, first, None]);
        for (condition, is_hit) in [
            ("device=Till*", true),
            ("device=Till 1", false),
            ("currency=sek", true),
            ("reference=r-*", true),
        ] {
            let rules = rules(1, &[&format!("{condition}: pay")]);
            assert_eq!(chosen(&rules, &["1.00"])[0].is_some(), is_hit, "{condition}");
        }
    }

    #[test]
    fn a_mistake_in_a_rule_is_explained() {
        for (text, expected) in [
            ("pay", "use a rule such as"),
            (": pay", "the rule has no condition"),
            ("*: pai", "'pai' is not an action"),
            ("*: pay after x", "'x': a delay is 0s to 1h"),
            ("*: pay, then cancel", "nothing can follow 'pay' or 'cancel'"),
            ("amount=x: pay", "'amount=x': use an amount"),
            ("amoun=1: pay", "'amoun=1' is not a condition"),
            ("0%: pay", "'0%': use 1% to 100%"),
            ("*: pay with cash", "'cash' is not a payment method"),
            ("*: success", "'success' is not an action"),
        ] {
            let error = text.parse::<PhoneRule>().unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn the_same_seed_and_sessions_give_the_same_outcomes(seed: u32, percent in 1_u8..=100) {
            let rule = format!("{percent}%: cancel");
            let amounts = ["1.00"; 50];
            let alone = chosen(&rules(seed, &[&rule]), &amounts);
            prop_assert_eq!(&chosen(&rules(seed, &[&rule]), &amounts), &alone);
            prop_assert_eq!(&chosen(&rules(seed, &[&rule, "*: pay"]), &amounts)
                .into_iter().map(|rule| rule.filter(|rule| rule != "*: pay")).collect::<Vec<_>>(), &alone);
        }
    }
}
