//! A scenario from its text.

mod act;
mod expect;

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::action::{Action, ResourceKind};
use super::model::{Scenario, Step};
use super::toml_reader::{Diagnostic, Fields, Node, Source, suggestion};
use crate::emulator::EmulatorOptions;
use crate::emulator::state::OptionInfo;

/// Reads a scenario. `file` is what the file is called where it is shown, and gives the scenario its name if the text does
/// not.
pub(crate) fn parse(text: &str, file: &str) -> Result<Scenario, Vec<Diagnostic>> {
    let source = Source::new(text);
    let table = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        vec![source.mistake(offset, error.message().to_owned())]
    })?;
    let scenario = scenario(&source, &table, file);
    let mistakes = source.mistakes();
    if mistakes.is_empty() { Ok(scenario) } else { Err(mistakes) }
}

fn scenario<'a>(source: &Source<'a>, table: &'a Spanned<DeTable<'a>>, file: &str) -> Scenario {
    let mut fields = Fields::new(source, table.get_ref(), 0..0, "a scenario");
    let stem = || Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = fields.text("name").unwrap_or_else(stem);
    let description = fields.text("description");
    let switches =
        fields.get("switches").map(|node| (source.line(node.span().start), switches(source, node)));
    let mut steps = Steps { source, read: Vec::new(), made: Vec::new(), count: 0 };
    match fields.get("step").map(|node| (node.span(), node.get_ref())) {
        Some((_, DeValue::Array(items))) if !items.is_empty() => {
            items.iter().for_each(|item| steps.read(item));
        }
        Some((at, DeValue::Array(_))) => source.report(&at, "a scenario needs at least one step"),
        Some((at, _)) => source.report(&at, "each step begins with [[step]], in two pairs of brackets"),
        None => source.report(&(0..0), "a scenario needs at least one step, which begins with [[step]]"),
    }
    fields.finish();
    Scenario { name, description, file: file.to_owned(), switches, steps: steps.read }
}

/// The switches of an emulator, under the names that they have in its state.
fn switches<'a>(source: &Source<'a>, node: Node<'a>) -> EmulatorOptions {
    let DeValue::Table(table) = node.get_ref() else {
        source.report(&node.span(), "'switches' is a table, such as { strict_sums = false }");
        return EmulatorOptions::default();
    };
    let names = OptionInfo::list().iter().map(|option| option.name).collect::<Vec<_>>();
    let mut switches = EmulatorOptions::default();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if !names.contains(&name) {
            source.report(&key.span(), format!("'{name}' is not a switch{}", suggestion(name, &names)));
            continue;
        }
        let text = match value.get_ref() {
            DeValue::String(text) => text.as_ref(),
            DeValue::Boolean(true) => "true",
            DeValue::Boolean(false) => "false",
            // No switch has a value of another kind.
            _ => "",
        };
        if let Err(error) = switches.set(name, text) {
            source.report(&value.span(), error);
        }
    }
    switches
}

/// Something that a step makes.
struct Made {
    step: usize,
    thing: ResourceKind,
    name: Option<String>,
    /// It is expected not to be made.
    refused: bool,
}

/// The steps, as far as they are read.
struct Steps<'a, 's> {
    source: &'s Source<'a>,
    read: Vec<Step>,
    made: Vec<Made>,
    /// How many there are, with those that cannot be read.
    count: usize,
}

impl<'a> Steps<'a, '_> {
    fn read(&mut self, node: Node<'a>) {
        let index = self.count;
        self.count += 1;
        let source = self.source;
        let Some(mut fields) = Fields::of(source, node, "a step") else { return };
        let line = source.line(fields.at.start);
        let word = fields.get("do").map(|node| (node.span(), node.get_ref().as_str().map(str::to_owned)));
        let verb = match word {
            Some((_, Some(word))) if Action::NAMES.contains(&word.as_str()) => word,
            Some((at, Some(word))) => {
                let meant = suggestion(&word, &Action::NAMES);
                return source.report(&at, format!("'{word}' is nothing that can be done{meant}"));
            }
            Some((at, None)) => return source.report(&at, "'do' must be a text in quotation marks"),
            None => {
                return source
                    .report(&fields.at, "a step needs a 'do' that says what is done, such as do = \"tap\"");
            }
        };
        fields.set_label(format!("the step '{verb}'"));
        let name = fields.text("as");
        let act = act::read(&mut fields, &verb, self);
        let thing = thing_of(&verb);
        let expect = expect::read(&mut fields, &verb, act.as_ref());
        let subject =
            act.as_ref().and_then(|act| self.subject(&mut fields, index, act, expect.status.is_some()));
        if let Some(name) = &name {
            self.check_name(&fields, name, &verb, thing);
        }
        if let Some(thing) = thing {
            self.made.push(Made { step: index, thing, name: name.clone(), refused: expect.is_refusal() });
        }
        fields.finish();
        if let Some(act) = act {
            self.read.push(Step { line, name, act, subject, expect });
        }
    }

    /// What a step refers to, or what was made last.
    fn reference(&self, fields: &mut Fields<'a, '_>, thing: ResourceKind) -> Option<usize> {
        let key = thing.key();
        if fields.get(key).is_some() {
            let name = fields.text(key)?;
            return self.named(fields, thing, &name);
        }
        let last = self.last(thing);
        if last.is_none() {
            let what = format!("there is no {key} yet: one is made by {}", thing.created_by());
            self.source.report(&fields.at, what);
        }
        last
    }

    fn last(&self, thing: ResourceKind) -> Option<usize> {
        self.made.iter().rfind(|made| made.thing == thing && !made.refused).map(|made| made.step)
    }

    fn named(&self, fields: &Fields<'a, '_>, thing: ResourceKind, name: &str) -> Option<usize> {
        let key = thing.key();
        match self.made.iter().find(|made| made.name.as_deref() == Some(name)) {
            Some(made) if made.thing != thing => {
                fields.wrong(key, format!("'{name}' is a {}, and this must be a {key}", made.thing.key()));
                None
            }
            Some(made) if made.refused => {
                fields.wrong(key, format!("'{name}' is expected to be refused, so there is no such {key}"));
                None
            }
            Some(made) => Some(made.step),
            None => {
                let of_its_kind = self.made.iter().filter(|made| made.thing == thing);
                let names: Vec<_> = of_its_kind.filter_map(|made| made.name.as_deref()).collect();
                let meant = suggestion(name, &names);
                fields.wrong(key, format!("no {key} before this step is called '{name}'{meant}"));
                None
            }
        }
    }

    /// Whose status is looked at after the step.
    fn subject(
        &self,
        fields: &mut Fields<'a, '_>,
        index: usize,
        act: &Action,
        is_wanted: bool,
    ) -> Option<usize> {
        match act {
            Action::Create { .. } | Action::Enroll { .. } => Some(index),
            Action::Withdraw { code } | Action::Pair { code, .. } => Some(*code),
            Action::Choose { session, .. }
            | Action::Tap { session, .. }
            | Action::Pay { session, .. }
            | Action::Decline { session, .. }
            | Action::CancelOnPhone { session }
            | Action::Cancel { session }
            | Action::Get { session }
            | Action::Wait { session, .. } => Some(*session),
            Action::CreateDevice { .. }
            | Action::Deregister { .. }
            | Action::Network { .. }
            | Action::Advance { .. } => {
                if is_wanted || fields.get(ResourceKind::Session.key()).is_some() {
                    return self.reference(fields, ResourceKind::Session);
                }
                None
            }
        }
    }

    fn check_name(&self, fields: &Fields<'a, '_>, name: &str, verb: &str, thing: Option<ResourceKind>) {
        if thing.is_none() {
            fields.wrong("as", format!("'as' names what a step makes, and '{verb}' makes nothing"));
        } else if self.made.iter().any(|made| made.name.as_deref() == Some(name)) {
            fields.wrong("as", format!("a step before this one is called '{name}' too"));
        }
    }
}

/// What a step makes, going by its word alone.
fn thing_of(verb: &str) -> Option<ResourceKind> {
    match verb {
        "create-device" | "pair" => Some(ResourceKind::Device),
        "enroll" => Some(ResourceKind::Code),
        "create" => Some(ResourceKind::Session),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
