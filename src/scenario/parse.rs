//! Parses scenario files. Reports the mistakes of all steps at once.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, ValueDeserializer};

use super::deserialize::SESSION_STATUSES;
use super::model::{Action, Expect, Reference, ResourceKind, Scenario, Step};
use crate::emulator::EmulatorOptions;
use crate::model::{Cart, Currency, parse_amount, parse_item};
use crate::text::line_column;

const DEFAULT_CURRENCY: &str = "SEK";

const CODE_STATUSES: &str = "PENDING, CONSUMED, EXPIRED, CANCELLED";

/// A mistake in a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    pub line: usize,
    /// In characters, starting at 1.
    pub column: usize,
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// The file as a whole. Steps are deserialized one by one, so that a mistake in one does not hide others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    name: Option<String>,
    description: Option<String>,
    #[serde(rename = "options", alias = "switches")]
    emulator_options: Option<Spanned<EmulatorOptions>>,
    #[serde(default, rename = "step")]
    steps: Vec<IgnoredAny>,
}

/// Parses a scenario. `file` is the name to print; without a `name` in the text it also names the scenario.
pub(crate) fn parse(text: &str, file: &str) -> Result<Scenario, Vec<Diagnostic>> {
    let mut parser = Parser { text, steps: Vec::new(), created: Vec::new(), mistakes: Vec::new() };
    let scenario = parser.parse_file(file);
    let mut mistakes = parser.mistakes;
    mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
    scenario.filter(|_| mistakes.is_empty()).ok_or(mistakes)
}

struct Parser<'a> {
    text: &'a str,
    steps: Vec<Step>,
    created: Vec<Created>,
    mistakes: Vec<Diagnostic>,
}

/// A resource that a step creates.
struct Created {
    step: usize,
    kind: ResourceKind,
    name: Option<String>,
    /// The step is expected to fail, so later steps cannot refer to it.
    is_failure: bool,
}

impl Parser<'_> {
    fn report(&mut self, span: &Range<usize>, message: impl Into<String>) {
        let (line, column) = line_column(self.text, span.start);
        self.mistakes.push(Diagnostic { line, column, message: message.into() });
    }

    /// Returns the value, or reports the error.
    fn check<T>(&mut self, result: Result<T, toml::de::Error>) -> Option<T> {
        result.map_err(|error| self.report(&error.span().unwrap_or_default(), error.message())).ok()
    }

    fn deserialize<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>) -> Option<T> {
        self.check(T::deserialize(ValueDeserializer::from(value)))
    }

    fn parse_file(&mut self, file: &str) -> Option<Scenario> {
        let text = self.text;
        let table = self.check(DeTable::parse(text))?;
        let header = self.check(ScenarioFile::deserialize(Deserializer::from(table.clone())));
        if let Some(DeValue::Array(steps)) = table.into_inner().remove("step").map(Spanned::into_inner) {
            for (index, step) in steps.into_iter().enumerate() {
                self.parse_step(index, step);
            }
        }
        let ScenarioFile { name, description, emulator_options, steps } = header?;
        if steps.is_empty() {
            self.report(&(0..0), "a scenario needs at least one [[step]]");
        }
        let stem = || Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let emulator_options =
            emulator_options.map(|options| (line_column(text, options.span().start).0, options.into_inner()));
        Some(Scenario {
            name: name.unwrap_or_else(stem),
            description,
            file: file.to_owned(),
            emulator_options,
            steps: std::mem::take(&mut self.steps),
        })
    }

    fn parse_step(&mut self, index: usize, step: Spanned<DeValue<'_>>) {
        let span = step.span();
        let DeValue::Table(mut table) = step.into_inner() else {
            return self.report(&span, "a step must be a table");
        };
        let Some(action_name) = table.remove("do") else {
            return self.report(&span, "missing field `do`, such as do = \"tap\"");
        };
        let name: Option<Reference> = table.remove("as").and_then(|name| self.deserialize(name));
        let expect: Option<Spanned<Expect>> =
            table.remove("expect").and_then(|expect| self.deserialize(expect));
        let Some(action_name) = self.deserialize::<Spanned<String>>(action_name) else { return };
        let action = self.parse_action(&action_name, table, &span);
        let action_name = action_name.into_inner();
        let created = ResourceKind::created_by(&action_name);
        if let Some(name) = &name {
            let (span, name) = (name.span(), name.get_ref());
            if created.is_none() {
                self.report(&span, format!("'as' has no effect, since '{action_name}' creates nothing"));
            } else if self.created.iter().any(|created| created.name.as_ref() == Some(name)) {
                self.report(&span, format!("an earlier step is already named '{name}'"));
            }
        }
        if let (Some(expect), Some(action)) = (&expect, &action) {
            self.check_expect(expect, &action_name, action, created);
        }
        let expect = expect.map(Spanned::into_inner).unwrap_or_default();
        let is_failure = expect.is_failure();
        if let Some(action) = action {
            let (target, status_of) = self.resolve_references(index, &action, created, &expect, &span);
            let line = line_column(self.text, span.start).0;
            self.steps.push(Step { line, action_name, action, target, status_of, expect });
        }
        if let Some(kind) = created {
            self.created.push(Created { step: index, kind, name: name.map(Spanned::into_inner), is_failure });
        }
    }

    fn parse_action(
        &mut self,
        name: &Spanned<String>,
        fields: DeTable<'_>,
        span: &Range<usize>,
    ) -> Option<Action> {
        // serde reads the enum from a table with one entry: the variant and its fields.
        let key = Spanned::new(name.span(), name.get_ref().as_str().into());
        let fields = Spanned::new(span.clone(), DeValue::Table(fields));
        let variant = DeValue::Table(DeTable::from_iter([(key, fields)]));
        let mut action = self.deserialize(Spanned::new(span.clone(), variant))?;
        if let Action::Create { amount, currency, items, reference, body, .. } = &mut action {
            if amount.is_none() && items.is_none() && body.is_empty() {
                self.report(span, "'create' needs 'amount', 'items' or 'body'");
            }
            let currency = currency.or_else(|| DEFAULT_CURRENCY.parse().ok())?;
            let mut fields = self.session_fields(amount.as_ref(), items.as_ref(), currency);
            fields.extend(reference.take().map(|text| ("merchant_reference1".to_owned(), text.into())));
            fields.append(body);
            *body = fields;
        }
        Some(action)
    }

    /// The fields of a session that follow from its amount and items. An amount is sent as it is, even if the items have
    /// another total: a scenario may expect the API to reject it.
    fn session_fields(
        &mut self,
        amount: Option<&Spanned<String>>,
        items: Option<&Spanned<Vec<Spanned<String>>>>,
        currency: Currency,
    ) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("purchase_currency".to_owned(), currency.code().into());
        if let Some(items) = items {
            let mut lines = Vec::new();
            for item in items.get_ref() {
                match parse_item(item.get_ref(), currency) {
                    Ok(line) => lines.push(line),
                    Err(error) => self.report(&item.span(), format!("'items': {error}")),
                }
            }
            if lines.len() == items.get_ref().len() {
                match Cart::check(lines, currency) {
                    Ok(cart) => {
                        fields.insert("order_amount".to_owned(), cart.total.into());
                        fields.insert("order_tax_amount".to_owned(), cart.tax.into());
                        fields.insert("order_items".to_owned(), cart.items.into());
                    }
                    Err(error) => self.report(&items.span(), format!("'items': {error}")),
                }
            }
        }
        if let Some(amount) = amount {
            match parse_amount(amount.get_ref(), currency) {
                Ok(value) => drop(fields.insert("order_amount".to_owned(), value.into())),
                Err(error) => self.report(&amount.span(), format!("'amount': {error}")),
            }
        }
        fields
    }

    /// Reports expectations that are never or always met.
    fn check_expect(
        &mut self,
        expect: &Spanned<Expect>,
        action_name: &str,
        action: &Action,
        created: Option<ResourceKind>,
    ) {
        let (span, expect) = (expect.span(), expect.get_ref());
        let Expect { status, callbacks, .. } = expect.clone();
        if !action.sends_request() && *expect != (Expect { status, callbacks, ..Expect::default() }) {
            self.report(
                &span,
                format!("'{action_name}' sends no request: expect only 'status' and 'callbacks'"),
            );
        }
        if expect.message.is_some() && !expect.is_failure() {
            self.report(&span, "'says' is about a failure: expect one with 'http' or 'exit'");
        }
        let Some(status) = &expect.status else { return };
        let is_code = matches!(action, Action::Enroll { .. } | Action::Withdraw { .. } | Action::Pair { .. });
        let statuses = if is_code { CODE_STATUSES } else { SESSION_STATUSES };
        if !statuses.split(", ").any(|known| known == status) {
            self.report(&span, format!("unknown status '{status}', expected one of {statuses}"));
        }
        if expect.is_failure() && matches!(created, Some(ResourceKind::Code | ResourceKind::Session)) {
            self.report(
                &span,
                format!("'{action_name}' is expected to fail, so it creates nothing that has a status"),
            );
        }
    }

    /// The steps that create what this step applies to, and what its `expect.status` is about.
    fn resolve_references(
        &mut self,
        index: usize,
        action: &Action,
        created: Option<ResourceKind>,
        expect: &Expect,
        span: &Range<usize>,
    ) -> (Option<usize>, Option<usize>) {
        let kind = action.target().map(|(kind, _)| kind);
        let target = action.target().and_then(|(kind, reference)| self.resolve(kind, reference, span));
        let status_of = match (created, kind) {
            (Some(ResourceKind::Code | ResourceKind::Session), _) => Some(index),
            (_, Some(ResourceKind::Code | ResourceKind::Session)) => target,
            _ => match action.observed_session() {
                None if expect.status.is_none() => None,
                reference => self.resolve(ResourceKind::Session, reference, span),
            },
        };
        (target, status_of)
    }

    fn resolve(
        &mut self,
        kind: ResourceKind,
        reference: Option<&Reference>,
        span: &Range<usize>,
    ) -> Option<usize> {
        let noun = kind.name();
        let Some(reference) = reference else {
            let last = self.created.iter().rfind(|created| created.kind == kind && !created.is_failure);
            let step = last.map(|created| created.step);
            if step.is_none() {
                self.report(span, format!("no earlier step creates a {noun}"));
            }
            return step;
        };
        let name = reference.get_ref();
        let message = match self.created.iter().find(|created| created.name.as_ref() == Some(name)) {
            Some(created) if created.kind != kind => {
                format!("'{name}' is a {}, not a {noun}", created.kind.name())
            }
            Some(created) if created.is_failure => {
                format!("'{name}' is not created, since its step is expected to fail")
            }
            Some(created) => return Some(created.step),
            None => format!("no earlier step creates a {noun} named '{name}'"),
        };
        self.report(&reference.span(), message);
        None
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
pub(super) mod tests;
