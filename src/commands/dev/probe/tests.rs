//! The probe on emulators in this process.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::api::{BaseUrl, Client, Credentials, FailureCause, Response, Transport};
use crate::emulator::state::{
    AfterDecline, CancelEnded, DeleteStatus, EnrollmentDialect, MerchantIdNeed, OfflineDevice, OptionInfo,
    TapAnswer,
};
use crate::emulator::{API_KEY, Emulator, MERCHANT_ID, State};
use crate::secret::ApiKey;

/// Passes this number of requests on. The response to the next one is lost, or the request itself, and then all others.
struct BreakingTransport {
    router: axum::Router,
    remaining: Rc<Cell<usize>>,
    loses_response: bool,
}

impl Transport for BreakingTransport {
    fn send(&self, request: http::Request<Vec<u8>>) -> LocalBoxFuture<'_, Result<Response, FailureCause>> {
        let lost = || FailureCause::Lost("the connection broke".to_owned());
        Box::pin(async move {
            let Some(remaining) = self.remaining.get().checked_sub(1) else {
                let reason = "no connection".to_owned();
                return Err(FailureCause::NotSent { reason, transient: false });
            };
            self.remaining.set(remaining);
            match remaining {
                0 if self.loses_response => {
                    Transport::send(&self.router, request).await?;
                    Err(lost())
                }
                0 => Err(lost()),
                _ => Transport::send(&self.router, request).await,
            }
        })
    }
}

fn client(emulator: &Emulator, requests: &Rc<Cell<usize>>, loses_response: bool) -> Client {
    let transport =
        BreakingTransport { router: emulator.router(), remaining: Rc::clone(requests), loses_response };
    let key = ApiKey::parse(API_KEY).unwrap();
    let credentials = Credentials { key, username: None, merchant_id: Some(MERCHANT_ID.to_owned()) };
    let base = BaseUrl::parse("http://localhost").unwrap();
    Client::new(Box::new(transport), base, &credentials, Box::new(|_| {})).unwrap()
}

/// Runs the probe and its clean-up. Returns what it saw, or its error.
fn probe(client: Client, dir: &tempfile::TempDir) -> Result<Observations, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let sessions = OpenSessions::read(dir.path().join("sessions.json"), "x".to_owned());
    let mut prober = Prober::new(client, CancellationToken::new(), false, true, "SEK".to_owned(), sessions);
    runtime.block_on(async {
        let result = prober.run().await;
        let left = prober.clean_up().await;
        result.map(|()| assert_eq!(left, [""; 0]))
    })?;
    Ok(prober.seen)
}

fn run_on(emulator: &Emulator) -> Observations {
    let unlimited = Rc::new(Cell::new(usize::MAX));
    probe(client(emulator, &unlimited, false), &tempfile::tempdir().unwrap()).unwrap()
}

fn emulator_with(options: EmulatorOptions) -> Emulator {
    let mut state = State::seed();
    state.options = options;
    Emulator::new(state)
}

/// Checks that an account has nothing left of the probe, except records that are final.
fn assert_clean(emulator: &Emulator) {
    let state = serde_json::to_value(emulator.state()).unwrap();
    for (list, field) in [("devices", "deregistered"), ("enrollments", "stage")] {
        for record in state[list].as_array().unwrap() {
            let is_final = [json!(true), json!("cancelled")].contains(&record[field]);
            assert!(is_final || record["metadata"].get(prober::TAG).is_none(), "{record}");
        }
    }
    let now = emulator.with_state(|_, context| context.now);
    for record in state["sessions"].as_array().unwrap() {
        let is_open = ["created", "active"].contains(&record["stage"].as_str().unwrap());
        let expires_at: jiff::Timestamp = record["expires_at"].as_str().unwrap().parse().unwrap();
        assert!(!is_open || expires_at <= now, "{record}");
    }
}

fn options() -> impl Strategy<Value = EmulatorOptions> {
    fn any_of<T: clap::ValueEnum + std::fmt::Debug + 'static>() -> impl Strategy<Value = T> {
        proptest::sample::select(T::value_variants())
    }
    let seconds = |longest: i64| (1..=longest).prop_map(SignedDuration::from_secs);
    let lag = prop_oneof![Just(SignedDuration::ZERO), seconds(5000)];
    let durations = (prop_oneof![seconds(90), seconds(100_000)], lag);
    let flags = (any::<bool>(), any::<bool>());
    let rest = (any_of::<EnrollmentDialect>(), any_of::<DeleteStatus>(), any_of::<TapAnswer>());
    let others = (any_of::<AfterDecline>(), any_of::<CancelEnded>());
    let more = (any_of::<MerchantIdNeed>(), any_of::<OfflineDevice>());
    (durations, flags, rest, others, more).prop_map(|(durations, flags, rest, others, more)| {
        let (session_lifetime, list_lag) = durations;
        let (one_open_session_per_device, strict_sums) = flags;
        let (enrollment_dialect, delete_status, tap_answer) = rest;
        let (status_after_decline, cancel_ended) = others;
        let (device_list_merchant_id, offline_device) = more;
        EmulatorOptions {
            session_lifetime,
            status_after_decline,
            one_open_session_per_device,
            cancel_ended,
            enrollment_dialect,
            strict_sums,
            delete_status,
            tap_answer,
            device_list_merchant_id,
            offline_device,
            list_lag,
            ..EmulatorOptions::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_probe_finds_exactly_the_options_of_an_emulator(options in options()) {
        let emulator = emulator_with(options.clone());
        let found = run_on(&emulator).options();
        let mut same = EmulatorOptions::default();
        for (name, value) in &found {
            same.set(name, value).unwrap();
        }
        prop_assert_eq!(found.len(), 11, "every option is found: {:?}", found);
        prop_assert_eq!(same, options);
        assert_clean(&emulator);
    }
}

#[test]
fn every_value_of_every_option_is_found() {
    for option in OptionInfo::list().into_iter().take(11) {
        for (value, _) in option.values {
            let mut options = EmulatorOptions::default();
            options.set(option.name, &value).unwrap();
            let found = run_on(&emulator_with(options)).options();
            assert_eq!(found.get(option.name), Some(&value), "{}", option.name);
        }
    }
}

#[test]
fn a_run_that_breaks_at_any_request_leaves_nothing_after_the_next_run() {
    let total = Rc::new(Cell::new(usize::MAX));
    let dir = tempfile::tempdir().unwrap();
    probe(client(&emulator_with(EmulatorOptions::default()), &total, false), &dir).unwrap();
    let total = usize::MAX - total.get();
    assert!(total > 100, "{total}");
    // Every request of the beginning, where most things are created, and some of the rest.
    for at in (1..16).chain((16..total).step_by(23)) {
        for loses_response in [true, false] {
            let emulator = emulator_with(EmulatorOptions::default());
            let (requests, dir) = (Rc::new(Cell::new(at)), tempfile::tempdir().unwrap());
            // Nothing can be cleaned up either, as if the process had been killed.
            let _ =
                probe(client(&emulator, &requests, loses_response), &dir).map(|_| assert!(at > total / 2));
            requests.set(usize::MAX);
            probe(client(&emulator, &requests, false), &dir).unwrap();
            assert_clean(&emulator);
        }
    }
}

#[test]
fn the_file_contains_no_value_of_the_account() {
    let emulator = emulator_with(EmulatorOptions::default());
    let seen = run_on(&emulator);
    let text =
        json!({"facts": seen.facts(), "options": seen.options(), "responses": seen.responses}).to_string();
    let state = serde_json::to_value(emulator.state()).unwrap();
    for list in ["devices", "sessions", "enrollments", "locations"] {
        for record in state[list].as_array().unwrap() {
            for field in ["id", "code", "name", "street_address", "city", "order_id", "hardware_id"] {
                let Some(value) = record[field].as_str().filter(|value| value.len() > 3) else { continue };
                assert!(!text.contains(value), "{list} {field}: {value}");
            }
        }
    }
    assert!(!text.contains(API_KEY) && !text.contains(MERCHANT_ID), "{text}");
    assert!(seen.responses.iter().all(description::ResponseCheck::is_described), "{:#?}", seen.responses);
}
