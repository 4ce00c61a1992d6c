//! The probe on emulators in this process.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::api::{BaseUrl, Client, Credentials, FailureCause, Response, Transport};
use crate::emulator::state::{OptionInfo, OrderCapture, SettlementsEnvelope, TransactionSigns};
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

/// Before it passes a request on, it checks that the next run would clean up if the process were killed now: before the
/// emulator has received the request, and after it has, without its response.
struct ForkingTransport {
    emulator: Emulator,
    sessions: PathBuf,
    forks: Rc<Cell<usize>>,
}

impl Transport for ForkingTransport {
    fn send(&self, request: http::Request<Vec<u8>>) -> LocalBoxFuture<'_, Result<Response, FailureCause>> {
        Box::pin(async move {
            for is_received in [false, true] {
                let fork = Emulator::new(self.emulator.state());
                if is_received {
                    Transport::send(&fork.router(), request.clone()).await?;
                }
                let dir = tempfile::tempdir().unwrap();
                // There is no file before the first session.
                let _ = std::fs::copy(&self.sessions, dir.path().join("sessions.json"));
                let left = prober(connect(fork.router()), dir.path()).clean_up().await;
                assert_eq!(left, [""; 0], "{} {}", request.method(), request.uri());
                // Nothing can find a session whose ID never arrived: it has no phone any more, and expires.
                let is_unknown = is_received && is_session_create(&request);
                assert_clean(&fork, usize::from(is_unknown));
                self.forks.set(self.forks.get() + 1);
            }
            Transport::send(&self.emulator.router(), request).await
        })
    }
}

fn is_session_create(request: &http::Request<Vec<u8>>) -> bool {
    request.method() == http::Method::POST && request.uri().path() == "/ipp/v1/sessions"
}

fn client(emulator: &Emulator, requests: &Rc<Cell<usize>>, loses_response: bool) -> Client {
    connect(BreakingTransport { router: emulator.router(), remaining: Rc::clone(requests), loses_response })
}

fn connect(transport: impl Transport + 'static) -> Client {
    let key = ApiKey::parse(API_KEY).unwrap();
    let credentials = Credentials { key, username: None, merchant_id: Some(MERCHANT_ID.to_owned()) };
    let base = BaseUrl::parse("http://localhost").unwrap();
    Client::new(Box::new(transport), base, &credentials, Box::new(|_| {})).unwrap()
}

fn prober(client: Client, dir: &Path) -> Prober {
    prober_of(client, dir, true)
}

fn prober_of(client: Client, dir: &Path, is_emulator: bool) -> Prober {
    let sessions = OpenSessions::read(dir.join("sessions.json"), "x".to_owned());
    Prober::new(client, CancellationToken::new(), false, is_emulator, "SEK".to_owned(), sessions)
}

/// Runs the probe and its clean-up. Returns what it saw, or its error.
fn probe(client: Client, dir: &tempfile::TempDir) -> Result<Observations, Error> {
    run(prober(client, dir.path()))
}

fn run(mut prober: Prober) -> Result<Observations, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
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

/// Checks that an account has nothing left of the probe, except records that are final, and this number of sessions that
/// nobody can pay and that expire.
fn assert_clean(emulator: &Emulator, unknown_sessions: usize) {
    let state = serde_json::to_value(emulator.state()).unwrap();
    for (list, field) in [("devices", "deregistered"), ("enrollments", "stage")] {
        for record in state[list].as_array().unwrap() {
            let is_final = [json!(true), json!("cancelled")].contains(&record[field]);
            assert!(is_final || record["metadata"].get(prober::TAG).is_none(), "{record}");
        }
    }
    let now = emulator.with_state(|_, context| context.now);
    let is_open = |record: &&Value| {
        let expires_at: jiff::Timestamp = record["expires_at"].as_str().unwrap().parse().unwrap();
        ["created", "active"].contains(&record["stage"].as_str().unwrap()) && expires_at > now
    };
    let open: Vec<_> = state["sessions"].as_array().unwrap().iter().filter(is_open).collect();
    assert!(open.len() <= unknown_sessions, "{open:?}");
}

/// The longest value of each option that is a duration; all but the first can be zero.
const LONGEST: [(&str, i64); 5] = [
    ("session_lifetime", 100_000),
    ("list_lag", 5000),
    ("order_lag", 100_000),
    ("idempotency_memory", 1_000_000),
    ("payout_delay", 10_000_000),
];

fn value_of(option: OptionInfo) -> BoxedStrategy<(String, String)> {
    let name = option.name;
    let values: Vec<_> = option.values.into_iter().map(|(value, _)| value).collect();
    if !values.is_empty() {
        return proptest::sample::select(values).prop_map(move |value| (name.clone(), value)).boxed();
    }
    let (_, longest) = LONGEST.into_iter().find(|(other, _)| *other == name).unwrap();
    let shortest = if name == "session_lifetime" { 1..=90_i64 } else { 0..=0 };
    let seconds = prop_oneof![shortest, 1..=90_i64, 1..=longest];
    seconds.prop_map(move |seconds| (name.clone(), SignedDuration::from_secs(seconds).to_string())).boxed()
}

/// Any combination of options.
fn options() -> impl Strategy<Value = EmulatorOptions> {
    let values: Vec<_> = OptionInfo::list().into_iter().map(value_of).collect();
    values.prop_map(|values| {
        let mut options = EmulatorOptions::default();
        for (name, value) in values {
            options.set(&name, &value).unwrap();
        }
        options
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_probe_finds_exactly_the_options_of_an_emulator(options in options()) {
        let emulator = emulator_with(options.clone());
        let found = run_on(&emulator).options;
        let mut same = EmulatorOptions::default();
        for (name, value) in &found {
            same.set(name, value).unwrap();
        }
        prop_assert_eq!(found.len(), OptionInfo::list().len(), "every option is found: {:?}", found);
        prop_assert_eq!(same, options);
        assert_clean(&emulator, 0);
    }
}

#[test]
fn every_value_of_every_option_is_found() {
    for option in OptionInfo::list() {
        for (value, _) in option.values {
            let mut options = EmulatorOptions::default();
            options.set(&option.name, &value).unwrap();
            let found = run_on(&emulator_with(options)).options;
            assert_eq!(found.get(option.name.as_str()), Some(&value), "{}", option.name);
        }
    }
}

fn kill_at_each_request(order_capture: OrderCapture) {
    let emulator = emulator_with(EmulatorOptions { order_capture, ..EmulatorOptions::default() });
    let (forks, dir) = (Rc::new(Cell::new(0)), tempfile::tempdir().unwrap());
    let transport = ForkingTransport {
        emulator: emulator.clone(),
        sessions: dir.path().join("sessions.json"),
        forks: Rc::clone(&forks),
    };
    probe(connect(transport), &dir).unwrap();
    assert_clean(&emulator, 0);
    assert!(forks.get() > 400, "{}", forks.get());
}

#[test]
fn a_run_that_is_killed_at_any_request_leaves_nothing_after_the_clean_up_of_the_next_run() {
    kill_at_each_request(OrderCapture::Automatic);
}

#[test]
fn a_run_that_is_killed_at_any_request_of_a_manual_capture_leaves_nothing_either() {
    kill_at_each_request(OrderCapture::Manual);
}

#[test]
fn a_run_that_is_disconnected_leaves_nothing_after_the_next_run() {
    let total = Rc::new(Cell::new(usize::MAX));
    let dir = tempfile::tempdir().unwrap();
    probe(client(&emulator_with(EmulatorOptions::default()), &total, false), &dir).unwrap();
    let total = usize::MAX - total.get();
    // The other requests are in the test above; this one shows that a clean-up without a connection forgets nothing.
    for at in (1..16).step_by(2).chain((16..total).step_by(79)) {
        for loses_response in [true, false] {
            let emulator = emulator_with(EmulatorOptions::default());
            let (requests, dir) = (Rc::new(Cell::new(at)), tempfile::tempdir().unwrap());
            let broken = probe(client(&emulator, &requests, loses_response), &dir);
            assert!(broken.is_err(), "request {at} of {total}");
            requests.set(usize::MAX);
            probe(client(&emulator, &requests, false), &dir).unwrap();
            assert_clean(&emulator, 0);
        }
    }
}

#[test]
fn an_account_whose_clock_cannot_be_advanced_shows_payouts_once_it_has_some() {
    let options = EmulatorOptions {
        order_capture: OrderCapture::Automatic,
        payout_delay: SignedDuration::from_hours(30),
        transaction_signs: TransactionSigns::Signed,
        settlements_envelope: SettlementsEnvelope::Array,
        ..EmulatorOptions::default()
    };
    let mut state = State::seed();
    state.options = options;
    let noon: jiff::Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    let emulator = Emulator::with_clock_and_ids(state, move || noon, uuid::Uuid::new_v4);
    let dir = tempfile::tempdir().unwrap();
    let probe = || run(prober_of(connect(emulator.router()), dir.path(), false)).unwrap();
    let missing = |seen: &Observations| {
        let found = &seen.options;
        let names = OptionInfo::list().into_iter().map(|option| option.name);
        names.filter(|name| !found.contains_key(name.as_str())).collect::<Vec<_>>()
    };

    let without_payouts = probe();
    let unseen = ["session_lifetime", "offline_device", "idempotency_memory"];
    let of_payouts = ["payout_delay", "payout_fee", "transaction_signs"];
    assert_eq!(missing(&without_payouts), [&unseen[..], &of_payouts].concat());
    for name in ["fees that are deducted from payouts", "signs of amounts in transactions"] {
        let facts = without_payouts.facts();
        assert_eq!(facts.iter().find(|fact| fact.name == name).unwrap().seen, None);
    }

    let four_days = SignedDuration::from_hours(96);
    emulator.with_state(|state, context| state.advance_clock(four_days, context)).unwrap();
    let with_payouts = probe();
    assert_eq!(missing(&with_payouts), unseen);
    let found = with_payouts.options;
    for (name, value) in
        [("payout_delay", "PT30H"), ("payout_fee", "one_percent"), ("transaction_signs", "signed")]
    {
        assert_eq!(found[name], value);
    }
    assert_clean(&emulator, 0);
}

#[test]
fn every_response_of_an_emulator_is_as_described() {
    let seen = run_on(&emulator_with(EmulatorOptions::default()));
    assert!(seen.responses.iter().all(response_check::ResponseCheck::is_described), "{:#?}", seen.responses);
}
