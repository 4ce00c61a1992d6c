//! What is expected of a step.

use super::act::SESSION_STATUSES;
use crate::model::CallbackType;
use crate::scenario::action::Action;
use crate::scenario::model::Expect;
use crate::scenario::toml_reader::Fields;

const CODE_STATUSES: [&str; 4] = ["PENDING", "CONSUMED", "EXPIRED", "CANCELLED"];

/// Reads the table `expect` of a step. Without an act, because that cannot be read, only its form is looked at.
pub(super) fn read(fields: &mut Fields<'_, '_>, verb: &str, act: Option<&Action>) -> Expect {
    let Some(node) = fields.get("expect") else { return Expect::default() };
    let Some(mut fields) = Fields::of(fields.source, node, "'expect'") else { return Expect::default() };
    let statuses: &[&'static str] = match act {
        Some(Action::Enroll { .. } | Action::Withdraw { .. } | Action::Pair { .. }) => &CODE_STATUSES,
        _ => &SESSION_STATUSES,
    };
    let status = fields.one_of("status", statuses, |text| statuses.contains(&text).then(|| text.to_owned()));
    let http = fields.number("http", 100..=599).and_then(|number| u16::try_from(number).ok());
    let exit = fields.number("exit", 0..=255).and_then(|number| u8::try_from(number).ok());
    let mut names = |name| -> Vec<String> {
        let texts = fields.texts(name).unwrap_or_default();
        texts.into_iter().map(|(text, _)| text).collect()
    };
    let (has, lacks) = (names("has"), names("lacks"));
    let answer = fields.object("answer").unwrap_or_default();
    let says = fields.text("says");
    let callbacks = callbacks(&mut fields);
    let expect = Expect { status, http, exit, answer, has, lacks, says, callbacks };
    check(&fields, verb, act, &expect);
    fields.finish();
    expect
}

fn callbacks(fields: &mut Fields<'_, '_>) -> Option<Vec<CallbackType>> {
    let mut types = Vec::new();
    for (text, at) in fields.texts("callbacks")? {
        let Some(kind) = CallbackType::find(&text) else {
            // They are few, and look so much alike that the nearest one is as often as not another.
            let known = CallbackType::ALL;
            let known: Vec<_> = known.iter().map(CallbackType::as_str).collect();
            let known = known.join(", ");
            fields.source.report(&at, format!("'{text}' is no type of callback; there are {known}"));
            continue;
        };
        types.push(kind);
    }
    Some(types)
}

/// What can never be, or always is, is no expectation.
fn check(fields: &Fields<'_, '_>, verb: &str, act: Option<&Action>, expect: &Expect) {
    let asks = act.is_none_or(Action::sends_request);
    for key in ["http", "exit", "answer", "has", "lacks", "says"] {
        let is_there = match key {
            "http" => expect.http.is_some(),
            "exit" => expect.exit.is_some(),
            "answer" => !expect.answer.is_empty(),
            "has" => !expect.has.is_empty(),
            "lacks" => !expect.lacks.is_empty(),
            _ => expect.says.is_some(),
        };
        if is_there && !asks {
            fields.wrong(key, format!("'{verb}' asks the API nothing, so it has no '{key}'"));
        }
    }
    if expect.says.is_some() && !expect.is_refusal() {
        fields.wrong("says", "'says' is about a refusal: expect one with 'http' or 'exit'");
    }
    let makes = act.and_then(Action::creates).is_some() && !matches!(act, Some(Action::Pair { .. }));
    if expect.status.is_some() && makes && expect.is_refusal() {
        fields.wrong(
            "status",
            format!("'{verb}' is expected to be refused, so there is nothing to have a status"),
        );
    }
}
