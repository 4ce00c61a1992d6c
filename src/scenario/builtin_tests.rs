//! The shipped scenarios pass, and each of them fails when the rule that it is about is broken.

use super::*;
use crate::api::{InProcessTransport, Response, ResponseFuture, Transport};
use crate::emulator::state::{AfterDecline, CancelEnded, PageRequest};
use crate::emulator::{Emulator, EmulatorOptions};
use crate::model::CallbackType;
use crate::scenario::assertions::Mismatch;
use crate::scenario::model::Step;
use crate::scenario::runner::{RunOutcome, RunResult, Runner, Stop, Target, TestEmulator};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

type Request = http::Request<Vec<u8>>;

/// What is done to the emulator so that it breaks a rule.
#[derive(Clone, Copy)]
struct Broken {
    switches: fn(&mut EmulatorOptions),
    /// To what is asked, or to the emulator before it is.
    before: fn(&Emulator, Request) -> Request,
    /// To what is answered to this line.
    after: fn(&str, Response) -> Response,
}

const WHOLE: Broken = Broken { switches: |_| {}, before: |_, request| request, after: |_, answer| answer };

struct Altered {
    inner: InProcessTransport,
    emulator: Emulator,
    broken: Broken,
    /// How many requests are answered as they should be; after that, none is.
    patience: Cell<usize>,
    asked: Rc<Cell<usize>>,
}

impl Transport for Altered {
    fn send(&self, request: Request) -> ResponseFuture<'_> {
        Box::pin(async move {
            self.asked.set(self.asked.get() + 1);
            let Some(left) = self.patience.get().checked_sub(1) else {
                let headers = http::HeaderMap::new();
                return Ok(Response { status: 418, headers, body: Vec::new() });
            };
            self.patience.set(left);
            let request = (self.broken.before)(&self.emulator, request);
            let line = format!("{} {}", request.method(), request.uri());
            Ok((self.broken.after)(&line, self.inner.send(request).await?))
        })
    }
}

/// Plays a scenario. Gives what came of it, and how many requests it took.
fn play_with(scenario: &Scenario, broken: Broken, patience: usize) -> (RunResult, usize) {
    let mut switches = scenario.switches.clone().map(|(_, switches)| switches).unwrap_or_default();
    (broken.switches)(&mut switches);
    let world = TestEmulator::new(switches);
    let asked = Rc::new(Cell::new(0));
    let transport = Altered {
        inner: world.transport(),
        emulator: world.emulator().clone(),
        broken,
        patience: Cell::new(patience),
        asked: Rc::clone(&asked),
    };
    let client = TestEmulator::client(Box::new(transport), Box::new(|_| {})).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (_stopper, stop) = Stop::pair();
    let played = runtime.block_on(Runner::new(&client, Target::World(&world), stop).play(scenario));
    (played, asked.get())
}

fn play(scenario: &Scenario, broken: Broken) -> RunResult {
    play_with(scenario, broken, usize::MAX).0
}

fn shipped(file: &str) -> Scenario {
    let all = scenarios().unwrap();
    all.into_iter().find(|scenario| scenario.file == format!("{FOLDER}{file}")).unwrap()
}

/// Where and how a scenario failed, as one text.
fn failure(played: &RunResult) -> String {
    let RunOutcome::Failed(failure) = &played.verdict else { panic!("it did not fail: {played:?}") };
    let told = |Mismatch { what, expected, actual }: &Mismatch| format!("{what} {expected} / {actual}");
    let unmet: Vec<_> = failure.unmet.iter().map(told).collect();
    format!("step {}, {}: {}", played.steps + 1, failure.verb, unmet.join("; "))
}

/// The emulator answers something else.
fn answer(status: u16, body: &Value) -> Response {
    Response { status, headers: http::HeaderMap::new(), body: body.to_string().into_bytes() }
}

/// The answer without a field.
fn without(field: &str, answer: Response) -> Response {
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(object) = body.as_object_mut() {
        object.remove(field);
    }
    Response { body: body.to_string().into_bytes(), ..answer }
}

/// The request with another outcome of the tap.
fn with_outcome(request: Request, outcome: &str) -> Request {
    let uri = request.uri().to_string();
    let Some((path, _)) = uri.split_once("outcome=") else { return request };
    let (mut head, body) = request.into_parts();
    head.uri = format!("{path}outcome={outcome}").parse().unwrap();
    Request::from_parts(head, body)
}

#[test]
fn each_passes_and_goes_the_same_way_each_time() {
    let all = scenarios().unwrap();
    for scenario in &all {
        let played = play(scenario, WHOLE);
        assert_eq!(
            played,
            RunResult { verdict: RunOutcome::Passed, steps: scenario.steps.len(), left: vec![] }
        );
        assert_eq!(play(scenario, WHOLE), played, "{}", scenario.name);
    }
    let first = parse(TEMPLATE, "first.toml").unwrap();
    assert_eq!(play(&first, WHOLE).verdict, RunOutcome::Passed);
}

#[test]
fn every_file_of_the_folder_is_shipped() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let files: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, BUILTIN.iter().map(|(name, _)| (*name).to_owned()).collect());
}

const DOCUMENT: &str = include_str!("../../docs/scenarios.md");

/// What the document shows is not only meant well.
#[test]
fn the_example_in_the_document_passes_and_everything_is_explained() {
    let (_, rest) = DOCUMENT.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let scenario = parse(example, "example.toml").unwrap();
    assert_eq!(play(&scenario, WHOLE), RunResult { verdict: RunOutcome::Passed, steps: 13, left: vec![] });
    let expectations = ["status", "http", "exit", "answer", "has", "lacks", "says", "callbacks"];
    for word in crate::scenario::action::Action::NAMES.iter().chain(&expectations) {
        assert!(DOCUMENT.contains(&format!("\n| `{word}` | ")), "{word} is not explained");
    }
}

/// Somebody who wants it to end is heard between two steps and while a session is waited for.
#[test]
fn a_scenario_ends_when_somebody_wants_it_to() {
    let wait = "[[step]]\ndo = \"create-device\"\n[[step]]\ndo = \"create\"\namount = \"1\"\n[[step]]\ndo = \"wait\"\n";
    let scenario = parse(wait, "x").unwrap();
    for (requests, steps) in [(0, 0), (1, 1), (2, 2), (7, 2)] {
        let world = TestEmulator::new(EmulatorOptions::default());
        let (stopper, stop) = Stop::pair();
        let asked = Cell::new(0);
        if requests == 0 {
            stopper.stop();
        }
        let observer = Box::new(move |event: &crate::api::Event<'_>| {
            if matches!(event, crate::api::Event::Answered { .. }) {
                asked.set(asked.get() + 1);
                if asked.get() == requests {
                    stopper.stop();
                }
            }
        });
        let client = TestEmulator::client(Box::new(world.transport()), observer).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let played = runtime.block_on(Runner::new(&client, Target::World(&world), stop).play(&scenario));
        assert_eq!(played, RunResult { verdict: RunOutcome::Stopped, steps, left: vec![] });
    }
}

/// Scenario, broken rule, and where and how the scenario fails.
const RULES: &[(&str, Broken, &str)] = &[
    (
        "tap-outcomes.toml",
        Broken { switches: |switches| switches.status_after_decline = AfterDecline::Failed, ..WHOLE },
        "step 3, tap: status ACTIVE / FAILED",
    ),
    (
        "tap-outcomes.toml",
        Broken { after: |_, answer| without("order_id", answer), ..WHOLE },
        "step 13, get: has order_id / nothing",
    ),
    (
        "tap-outcomes.toml",
        Broken { before: |_, request| with_outcome(request, "LOST_CARD"), ..WHOLE },
        "step 12, tap: status FINALIZED / ACTIVE; callbacks ipp.session.finalized / ipp.payment.failed",
    ),
    (
        "second-try.toml",
        Broken { switches: |switches| switches.status_after_decline = AfterDecline::Created, ..WHOLE },
        "step 4, decline: status ACTIVE / CREATED",
    ),
    (
        // The method of the first try sticks.
        "second-try.toml",
        Broken {
            before: |_, request| {
                let body = String::from_utf8_lossy(request.body()).replace("SWISH", "CARD");
                request.map(|_| body.into_bytes())
            },
            ..WHOLE
        },
        "step 5, choose: answer.method \"SWISH\" / \"CARD\"",
    ),
    (
        "expiry.toml",
        Broken { switches: |switches| switches.session_lifetime = SignedDuration::from_mins(11), ..WHOLE },
        "step 5, wait: step EXPIRED within 1s / exit 13: it is ACTIVE after 1s",
    ),
    (
        "expiry.toml",
        Broken { switches: |switches| switches.session_lifetime = SignedDuration::from_mins(9), ..WHOLE },
        "step 3, advance: status CREATED / EXPIRED",
    ),
    (
        "expiry.toml",
        Broken { switches: |switches| switches.cancel_ended = CancelEnded::Answer, ..WHOLE },
        "step 7, cancel: http 409 / 200; exit 5 / 0",
    ),
    (
        "cancel-against-pay.toml",
        Broken { switches: |switches| switches.cancel_ended = CancelEnded::Answer, ..WHOLE },
        "step 4, cancel: http 409 / 200",
    ),
    (
        // A cancel that is refused, and undoes the payment all the same.
        "cancel-against-pay.toml",
        Broken {
            after: |line, answer| {
                let text = String::from_utf8_lossy(&answer.body).replace("\"FINALIZED\"", "\"CANCELLED\"");
                if line.starts_with("GET ") { Response { body: text.into_bytes(), ..answer } } else { answer }
            },
            ..WHOLE
        },
        "step 3, tap: status FINALIZED / CANCELLED",
    ),
    (
        // Every phone is always reached.
        "phone-offline.toml",
        Broken {
            before: |emulator, request| {
                emulator.with_state(|state, moment| {
                    for device in state.list_devices(None, PageRequest::default(), moment.now).content {
                        state.set_offline(device.id.unwrap().parse().unwrap(), false).unwrap();
                    }
                });
                request
            },
            ..WHOLE
        },
        "step 4, create: http 409 / 200; exit 5 / 0",
    ),
    (
        // A code pairs as many phones as there are.
        "pairing.toml",
        Broken {
            after: |line, given| match given.status {
                409 if line.ends_with("/pair") => answer(200, &json!({"id": uuid::Uuid::nil()})),
                _ => given,
            },
            ..WHOLE
        },
        "step 3, pair: http 409 / 200",
    ),
    (
        // The phone stands somewhere else than its code says.
        "pairing.toml",
        Broken {
            after: |line, given| if line.ends_with("/pair") { without("location_id", given) } else { given },
            ..WHOLE
        },
        "step 2, pair: answer.location_id \"b7f03d5e-1c86-4a29-8e47-60d9a1c35f02\" / nothing",
    ),
    (
        // A device that was removed takes payments.
        "pairing.toml",
        Broken {
            before: |_, request| {
                let is_removal = request.method() == http::Method::DELETE;
                let (mut head, body) = request.into_parts();
                if is_removal {
                    head.method = http::Method::GET;
                    head.uri = "/".parse().unwrap();
                }
                Request::from_parts(head, body)
            },
            ..WHOLE
        },
        "step 8, create: http 404 / 200; exit 4 / 0",
    ),
    (
        // Codes live for a day when nothing is said.
        "expired-code.toml",
        Broken {
            before: |_, request| {
                if request.method() != http::Method::POST || !request.uri().path().ends_with("/enrollments") {
                    return request;
                }
                let mut body: Value = serde_json::from_slice(request.body()).unwrap();
                body["expires_in"] = json!(86_400_000);
                request.map(|_| body.to_string().into_bytes())
            },
            ..WHOLE
        },
        "step 6, pair: http 409 / 200",
    ),
    (
        // A code that was withdrawn can be used.
        "expired-code.toml",
        Broken {
            after: |line, given| match given.status {
                404 if line.ends_with("/pair") => answer(200, &json!({"id": uuid::Uuid::nil()})),
                _ => given,
            },
            ..WHOLE
        },
        "step 4, pair: http 404 / 200",
    ),
    (
        "two-open-sessions.toml",
        Broken { switches: |switches| switches.one_open_session_per_device = false, ..WHOLE },
        "step 3, create: http 409 / 200; exit 5 / 0",
    ),
    (
        "refused-cart.toml",
        Broken { switches: |switches| switches.strict_sums = false, ..WHOLE },
        "step 2, create: http 400 / 200; exit 5 / 0",
    ),
    (
        // It is refused for something else.
        "refused-cart.toml",
        Broken {
            after: |_, given| {
                if given.status == 400 { answer(400, &json!({"detail": "No."})) } else { given }
            },
            ..WHOLE
        },
        "step 2, create: has errors.order_amount / nothing",
    ),
];

#[test]
fn each_fails_when_its_rule_is_broken_and_says_how() {
    for (file, broken, expected) in RULES {
        assert_eq!(failure(&play(&shipped(file), *broken)), *expected, "{file}");
    }
    let broken: BTreeSet<_> = RULES.iter().map(|(file, ..)| *file).collect();
    assert_eq!(broken, BUILTIN.iter().map(|(name, _)| *name).collect(), "each has a rule that can be broken");
}

/// A tap that pays although it should be declined is noticed at its own step, whichever outcome it was.
#[test]
fn each_outcome_of_a_tap_is_looked_at() {
    let scenario = shipped("tap-outcomes.toml");
    let declines = scenario.steps.iter().enumerate().filter_map(|(index, step)| match step.act {
        crate::scenario::action::Action::Tap { outcome: Some(outcome), .. } => Some((index, outcome)),
        _ => None,
    });
    let mut seen = BTreeSet::new();
    for (index, outcome) in declines {
        seen.insert(outcome.as_str());
        let other = if outcome == crate::model::TapOutcome::Success { "LOST_CARD" } else { "SUCCESS" };
        let mut altered = scenario.clone();
        let act = &mut altered.steps[index].act;
        if let crate::scenario::action::Action::Tap { outcome, .. } = act {
            *outcome = crate::model::TapOutcome::find(other);
        }
        assert!(failure(&play(&altered, WHOLE)).starts_with(&format!("step {}, tap: status ", index + 1)));
    }
    assert_eq!(seen, crate::model::TapOutcome::ALL.iter().map(|outcome| outcome.as_str()).collect());
}

/// The step with each of its expectations, one after the other, turned into one that cannot be met, and what it is about.
fn altered(step: &Step) -> Vec<(String, Step)> {
    let expect = &step.expect;
    let mut all = Vec::new();
    let mut add = |what: &str, alter: &dyn Fn(&mut crate::scenario::model::Expect)| {
        let mut step = step.clone();
        alter(&mut step.expect);
        all.push((what.to_owned(), step));
    };
    if expect.status.is_some() {
        add("status", &|expect| expect.status = Some("UNHEARD".to_owned()));
    }
    if expect.http.is_some() {
        add("http", &|expect| expect.http = Some(418));
    }
    if expect.exit.is_some() {
        add("exit", &|expect| expect.exit = Some(99));
    }
    if expect.says.is_some() {
        add("says", &|expect| expect.says = Some("something else".to_owned()));
    }
    for name in expect.answer.keys() {
        add(&format!("answer.{name}"), &|expect| {
            expect.answer.insert(name.clone(), json!("something else"));
        });
    }
    for index in 0..expect.has.len() {
        add("has", &|expect| expect.has[index].push_str("_else"));
    }
    for index in 0..expect.lacks.len() {
        add("lacks", &|expect| expect.lacks[index] = "session_id".to_owned());
    }
    if expect.callbacks.is_some() {
        add("callbacks", &|expect| expect.callbacks.as_mut().unwrap().push(CallbackType::SessionCreated));
        add("callbacks", &|expect| {
            expect.callbacks.as_mut().unwrap().insert(0, CallbackType::SessionCancelled);
        });
    }
    all
}

#[test]
fn no_expectation_is_met_by_everything() {
    let mut tried = BTreeSet::new();
    for scenario in scenarios().unwrap() {
        for (index, step) in scenario.steps.iter().enumerate() {
            for (what, step) in altered(step) {
                let mut scenario = scenario.clone();
                scenario.steps[index] = step;
                let played = play(&scenario, WHOLE);
                let RunOutcome::Failed(failure) = played.verdict else { panic!("{}: {what}", scenario.name) };
                let unmet: Vec<_> = failure.unmet.iter().map(|unmet| unmet.what.as_str()).collect();
                assert_eq!((played.steps, unmet), (index, vec![what.as_str()]), "{}", scenario.name);
                tried.insert(what.split('.').next().unwrap().to_owned());
            }
        }
    }
    let all = ["status", "http", "exit", "says", "answer", "has", "lacks", "callbacks"];
    assert_eq!(tried, all.into_iter().map(str::to_owned).collect());
}

/// Whatever request is the first that goes wrong, it does not pass unseen.
#[test]
fn no_request_is_made_for_nothing() {
    for scenario in scenarios().unwrap() {
        let (played, requests) = play_with(&scenario, WHOLE, usize::MAX);
        assert_eq!(played.verdict, RunOutcome::Passed);
        for patience in 0..requests {
            let (played, _) = play_with(&scenario, WHOLE, patience);
            assert!(matches!(played.verdict, RunOutcome::Failed(_)), "{}, request {patience}", scenario.name);
        }
    }
}
