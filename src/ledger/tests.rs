//! Every storage behaves as the pure rules on a list of attempts do.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::error::ErrorKind;
use crate::model::SessionStatus;

#[path = "../../tests/common/postgres.rs"]
#[allow(dead_code, unreachable_pub, clippy::print_stderr)]
mod server;

use server::{Database, Postgres};

fn account(merchant: &str) -> AccountId {
    AccountId {
        environment: Some("playground".into()),
        host: Some("api.playground.kustom.co".into()),
        merchant_id: Some(merchant.into()),
        ..AccountId::default()
    }
}

fn ledger(storage: Storage) -> Ledger {
    Ledger::new(storage, account("M1"))
}

fn sqlite_storage(state: &Path) -> Storage {
    Storage::Sqlite(SqliteStorage::new(state))
}

fn sqlite(state: &Path) -> Ledger {
    ledger(sqlite_storage(state))
}

fn intent(device: u8, amount: i64, reference: Option<&str>) -> Intent {
    Intent {
        device_id: Some(format!("d{device}")),
        order_amount: Some(amount),
        purchase_currency: Some("SEK".into()),
        merchant_reference1: reference.map(str::to_owned),
        ..Intent::default()
    }
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_mins(minutes)
}

/// An attempt of this number at this minute, which created nothing.
fn attempt(number: u8, minutes: i64) -> Attempt {
    Attempt {
        id: Uuid::from_u128(number.into()),
        at: at(minutes),
        account: account("M1"),
        origin: Origin::default(),
        intent: intent(number % 2, 1, None),
        outcome: Outcome::NotProcessed,
        reported: true,
    }
}

/// A step of a shop's day.
#[derive(Debug, Clone)]
enum Step {
    Begin { device: u8, amount: i64, reference: Option<u8>, allow_duplicate: bool },
    Finish { attempt: usize, outcome: Outcome },
    Observe { session: usize, status: &'static str },
    Report { attempt: usize },
    Resolve { attempt: usize, outcome: Outcome },
    Prune,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        (0_usize..8).prop_map(|session| Outcome::created(format!("s{session}"))),
        Just(Outcome::Refused("no".into())),
        Just(Outcome::Unknown("lost".into())),
        Just(Outcome::NotProcessed),
    ];
    let status = prop::sample::select(vec!["CREATED", "ACTIVE", "FINALIZED", "CANCELLED", "NEW"]);
    let step = prop_oneof![
        4 => (0_u8..2, 1_i64..3, prop::option::of(0_u8..3), prop::bool::weighted(0.1)).prop_map(
            |(device, amount, reference, allow_duplicate)| Step::Begin { device, amount, reference, allow_duplicate }
        ),
        3 => (0_usize..12, outcome.clone()).prop_map(|(attempt, outcome)| Step::Finish { attempt, outcome }),
        1 => (0_usize..8, status).prop_map(|(session, status)| Step::Observe { session, status }),
        1 => (0_usize..12).prop_map(|attempt| Step::Report { attempt }),
        1 => (0_usize..12, outcome).prop_map(|(attempt, outcome)| Step::Resolve { attempt, outcome }),
        1 => Just(Step::Prune),
    ];
    prop::collection::vec(step, 1..40)
}

/// The positions of attempts in the order in which they were begun.
fn positions(begun: &[Uuid], attempts: &[Attempt]) -> Vec<Option<usize>> {
    attempts.iter().map(|attempt| begun.iter().position(|id| *id == attempt.id)).collect()
}

/// Runs the steps and returns what each of them showed. IDs are replaced by their order, since they are random.
async fn play(ledger: &Ledger, steps: &[Step]) -> Vec<String> {
    let mut begun: Vec<Uuid> = Vec::new();
    let mut shown = Vec::new();
    for step in steps {
        let nth = |index: usize| begun.get(index).copied().unwrap_or_default();
        let text = match step {
            Step::Begin { device, amount, reference, allow_duplicate } => {
                let reference = reference.map(|reference| format!("r{reference}"));
                let intent = intent(*device, *amount, reference.as_deref());
                match ledger.begin(&intent, *allow_duplicate, &HashSet::new()).await.unwrap() {
                    Begin::Started(id) => {
                        begun.push(id);
                        "started".to_owned()
                    }
                    Begin::Duplicates(duplicates) => {
                        let attempts: Vec<_> =
                            duplicates.iter().map(|duplicate| duplicate.attempt().clone()).collect();
                        format!("duplicates {:?}", positions(&begun, &attempts))
                    }
                }
            }
            Step::Finish { attempt, outcome } => {
                ledger.finish(nth(*attempt), outcome.clone()).await.unwrap();
                String::new()
            }
            Step::Observe { session, status } => {
                let session = json!({"session_id": format!("s{session}"), "status": status});
                ledger.record_status(&Resource::from_json(session).unwrap()).await.unwrap();
                String::new()
            }
            Step::Report { attempt } => {
                ledger.mark_reported(nth(*attempt)).await.unwrap();
                String::new()
            }
            Step::Resolve { attempt, outcome } => {
                format!("resolved {}", ledger.resolve(nth(*attempt), outcome).await.unwrap())
            }
            Step::Prune => format!("pruned {}", ledger.prune(Timestamp::MIN).await.unwrap()),
        };
        let all = ledger.attempts(&Filter::default(), usize::MAX).await.unwrap().attempts;
        let open = ledger.attempts(&Filter { open: true, ..Filter::default() }, 3).await.unwrap().attempts;
        let unknown = ledger.unknown_attempts().await.unwrap();
        let outcomes: Vec<_> = all.iter().map(|attempt| (&attempt.outcome, attempt.reported)).collect();
        let (open, unknown) = (positions(&begun, &open), positions(&begun, &unknown));
        shown.push(format!("{text} {outcomes:?} {open:?} {unknown:?}"));
    }
    shown
}

/// The reference: the same on a list of attempts, which is searched as a whole.
fn play_on_list(steps: &[Step]) -> Vec<String> {
    let mut list: Vec<Attempt> = Vec::new();
    let mut shown = Vec::new();
    for step in steps {
        let text = match step {
            Step::Begin { device, amount, reference, allow_duplicate } => {
                let reference = reference.map(|reference| format!("r{reference}"));
                let new = Attempt {
                    intent: intent(*device, *amount, reference.as_deref()),
                    outcome: Outcome::Pending,
                    reported: false,
                    ..attempt(u8::try_from(list.len() + 1).unwrap(), 0)
                };
                let known = if *allow_duplicate { Vec::new() } else { list.clone() };
                let duplicates = find_duplicates(&new, known);
                if duplicates.is_empty() {
                    list.push(new);
                    "started".to_owned()
                } else {
                    format!("duplicates {:?}", numbers(duplicates.iter().map(Duplicate::attempt)))
                }
            }
            Step::Finish { attempt, outcome } => {
                if let Some(attempt) = list.get_mut(*attempt) {
                    attempt.resolve(outcome);
                }
                String::new()
            }
            Step::Observe { session, status } => {
                let id = format!("s{session}");
                for attempt in list.iter_mut().filter(|attempt| attempt.session_id() == Some(&id)) {
                    attempt.observe(&SessionStatus::from((*status).to_owned()), None);
                }
                String::new()
            }
            Step::Report { attempt } => {
                if let Some(attempt) = list.get_mut(*attempt) {
                    attempt.reported = true;
                }
                String::new()
            }
            Step::Resolve { attempt, outcome } => {
                let is_linked = matches!(outcome, Outcome::Created { session_id, .. }
                    if list.iter().any(|other| other.session_id() == Some(session_id)));
                let attempt = list.get_mut(*attempt).filter(|attempt| attempt.outcome.is_unknown());
                let is_resolved = attempt.filter(|_| !is_linked).is_some_and(|attempt| {
                    attempt.reported = true;
                    attempt.resolve(outcome)
                });
                format!("resolved {is_resolved}")
            }
            // All attempts are younger.
            Step::Prune => "pruned 0".to_owned(),
        };
        let newest_first = || list.iter().rev();
        let is_open = |attempt: &&Attempt| attempt.session_id().is_some() && attempt.is_open();
        let outcomes: Vec<_> = newest_first().map(|attempt| (&attempt.outcome, attempt.reported)).collect();
        let open = numbers(newest_first().filter(is_open).take(3));
        let unknown = numbers(list.iter().filter(|attempt| attempt.outcome.is_unknown()));
        shown.push(format!("{text} {outcomes:?} {open:?} {unknown:?}"));
    }
    shown
}

/// The positions of attempts in the list of the reference.
fn numbers<'a>(attempts: impl Iterator<Item = &'a Attempt>) -> Vec<Option<u128>> {
    attempts.map(|attempt| Some(attempt.id.as_u128() - 1)).collect()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_storage_follows_the_pure_rules(steps in steps()) {
        let state = tempfile::tempdir().unwrap();
        let expected = play_on_list(&steps);
        prop_assert_eq!(&block_on(play(&sqlite(state.path()), &steps)), &expected);
        if let Some(database) = database() {
            block_on(async {
                let storage = postgres(&database);
                storage.create(None).await.unwrap();
                // Each case begins with an empty ledger.
                database.sql("TRUNCATE kustom.attempts");
                let shown = play(&ledger(Storage::Postgres(Box::new(storage))), &steps).await;
                prop_assert_eq!(&shown, &expected);
                Ok(())
            })?;
        }
    }
}

/// An empty database, if PostgreSQL is installed.
fn database() -> Option<Database<'static>> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let server = Postgres::shared()?;
    Some(server.database(&format!("ledger_{}", NUMBER.fetch_add(1, Ordering::Relaxed))))
}

fn postgres_storage(database: &Database<'_>) -> Storage {
    Storage::Postgres(Box::new(postgres(database)))
}

fn postgres(database: &Database<'_>) -> PostgresStorage {
    let Ok(LedgerLocation::Postgres(url)) = LedgerLocation::parse(&database.socket_url()) else { panic!() };
    PostgresStorage::new(*url, None, &Origin::current())
}

/// What every storage does, in addition to the rules: each returns `None` where it is not available.
fn all_storages(state: &Path) -> Vec<Box<dyn Fn() -> Storage>> {
    let path = state.to_owned();
    let mut storages: Vec<Box<dyn Fn() -> Storage>> = vec![Box::new(move || sqlite_storage(&path))];
    if let Some(database) = database() {
        block_on(postgres(&database).create(None)).unwrap();
        storages.push(Box::new(move || postgres_storage(&database)));
    }
    storages
}

#[test]
fn text_that_a_database_may_not_like_is_stored_and_found() {
    let state = tempfile::tempdir().unwrap();
    for open in all_storages(state.path()) {
        block_on(async {
            let ledger = ledger(open());
            let long = "r".repeat(20_000);
            for reference in ["a\0b", "'; DROP TABLE attempts; --", "r\u{e9}\u{1f600}", "%_\\", &long] {
                let sale = intent(1, 100, Some(reference));
                let begun = ledger.begin(&sale, false, &HashSet::new()).await.unwrap();
                assert!(matches!(begun, Begin::Started(_)), "{reference:?}");
                let again = ledger.begin(&sale, false, &HashSet::new()).await.unwrap();
                assert!(matches!(&again, Begin::Duplicates(found) if found.len() == 1), "{reference:?}");
                let reference = sale.reference();
                let filter = Filter { reference, ..Filter::default() };
                let page = ledger.attempts(&filter, 10).await.unwrap();
                let found = page.attempts.iter().filter(|attempt| attempt.intent == sale).count();
                assert_eq!((found, page.damaged), (1, 0));
            }
            assert_eq!(ledger.summary().await.unwrap().attempts, 5);
        });
    }
}

#[test]
fn the_lock_of_a_device_is_lost_with_its_connection() {
    let Some(database) = database() else { return };
    block_on(async {
        let storage = postgres(&database);
        storage.create(None).await.unwrap();
        let LockAttempt::Acquired(lock) = storage.try_lock("d1").await.unwrap() else { panic!() };
        assert!(lock.is_held());
        let others = "pid <> pg_backend_pid() AND datname = current_database()";
        database.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while lock.is_held() {
            assert!(std::time::Instant::now() < deadline, "nobody noticed");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let LockAttempt::Acquired(other) = storage.try_lock("d1").await.unwrap() else { panic!() };
        assert_eq!((lock.is_held(), other.is_held()), (false, true));
        drop(lock);
        assert!(other.is_held(), "the lock that was lost released another one");
    });
}

fn refund_intent(order_id: &str, amount: i64) -> ChangeIntent {
    ChangeIntent { order_id: order_id.into(), amount, currency: "SEK".into(), ..ChangeIntent::default() }
}

#[test]
fn a_refund_keeps_its_key_until_its_outcome_is_known_and_is_made_once() {
    let state = tempfile::tempdir().unwrap();
    for open in all_storages(state.path()) {
        block_on(async {
            // Another process each time.
            let ledger = || ledger(open());
            let intent = refund_intent("O-1", 100);
            let (first, decision) = ledger().begin_change(&intent, false).await.unwrap();
            assert_eq!(decision, ChangeDecision::Start);
            let (_, decision) = ledger().begin_change(&refund_intent("o-1", 100), false).await.unwrap();
            let ChangeDecision::Resume(resumed) = decision else { panic!("{decision:?}") };
            assert_eq!(resumed.id, first.id, "a repetition has the same key");
            let lost = ChangeOutcome::Unknown("lost".into());
            ledger().finish_change(&first, &lost).await.unwrap();
            let refunded = ChangeOutcome::Processed { id: Some("R-1".into()) };
            ledger().finish_change(&first, &refunded).await.unwrap();
            ledger().finish_change(&first, &lost).await.unwrap();
            let (_, decision) = ledger().begin_change(&intent, false).await.unwrap();
            let ChangeDecision::Exists(made) = decision else { panic!("{decision:?}") };
            assert_eq!(made.outcome, refunded, "what was processed stays");
            let (second, decision) = ledger().begin_change(&intent, true).await.unwrap();
            assert_eq!(decision, ChangeDecision::Start);
            let ids = |refunds: Vec<OrderChange>| refunds.iter().map(|refund| refund.id).collect::<Vec<_>>();
            assert_eq!(ids(ledger().changes_of_order("o-1").await.unwrap()), [first.id, second.id]);
            assert!(ledger().changes_of_order("o-2").await.unwrap().is_empty());
            let all = ledger().refunds(None, None).await.unwrap();
            assert_eq!((ids(all.0), all.1), (vec![first.id, second.id], 0));
            assert_eq!(ledger().refunds(Some(Timestamp::MAX), None).await.unwrap().0, []);
            let amounts = ledger().refunded_amounts(Some(first.at)).await.unwrap();
            assert_eq!(amounts.into_iter().collect::<Vec<_>>(), [("O-1".to_owned(), 100)]);
            let later = first.at + jiff::SignedDuration::from_hours(25);
            assert!(ledger().refunded_amounts(Some(later)).await.unwrap().is_empty());
            let other = Ledger::new(open(), account("M2"));
            let (_, decision) = other.begin_change(&intent, false).await.unwrap();
            assert_eq!(decision, ChangeDecision::Start, "of another account");
        });
    }
}

#[test]
fn a_damaged_refund_stops_the_refunds_of_its_order_only() {
    let state = tempfile::tempdir().unwrap();
    let statement =
        "UPDATE order_changes SET record = replace(record, '100', '999') WHERE order_id = 'damaged'";
    let database = database();
    let mut damages: Vec<Box<dyn Fn()>> = vec![Box::new(|| {
        let database = rusqlite::Connection::open(state.path().join("ledger.db")).unwrap();
        assert_eq!(database.execute(statement, []).unwrap(), 1);
    })];
    let mut storages: Vec<Box<dyn Fn() -> Storage>> = vec![Box::new(|| sqlite_storage(state.path()))];
    if let Some(database) = &database {
        block_on(postgres(database).create(None)).unwrap();
        storages.push(Box::new(|| postgres_storage(database)));
        damages.push(Box::new(|| drop(database.sql(&format!("SET search_path = kustom; {statement}")))));
    }
    for (open, damage) in storages.iter().zip(&damages) {
        block_on(async {
            let ledger = || ledger(open());
            let (attempt, _) = ledger().begin_change(&refund_intent("damaged", 100), false).await.unwrap();
            damage();
            let error = ledger().begin_change(&refund_intent("damaged", 50), false).await.unwrap_err();
            assert!(error.message.ends_with("one order change is not what was stored"), "{}", error.message);
            assert!(ledger().finish_change(&attempt, &ChangeOutcome::Pending).await.is_err());
            let (_, decision) = ledger().begin_change(&refund_intent("intact", 100), false).await.unwrap();
            assert_eq!(decision, ChangeDecision::Start);
            let (refunds, omitted) = ledger().refunds(None, None).await.unwrap();
            assert_eq!((refunds.len(), omitted), (1, 1));
        });
    }
}

#[test]
fn a_database_that_is_not_a_ledger_of_this_version_is_not_used() {
    let Some(database) = database() else { return };
    block_on(async {
        let begin = async || {
            let begun =
                ledger(postgres_storage(&database)).begin(&intent(1, 1, None), false, &HashSet::new()).await;
            begun.map(|_| ())
        };
        let error = begin().await.unwrap_err();
        assert!(error.message.contains("there is no ledger in postgres://"), "{}", error.message);
        assert_eq!(error.hints, ["create it with `kustom ledger init`"]);
        postgres(&database).create(None).await.unwrap();
        postgres(&database).create(None).await.unwrap();
        begin().await.unwrap();
        for version in [0, 99] {
            database.sql(&format!("UPDATE kustom.version SET version = {version}"));
            let error = begin().await.unwrap_err();
            let expected = format!("has version {version}, and this kustom knows version 3");
            assert!(error.message.ends_with(&expected), "{}", error.message);
            assert_eq!(error.kind, ErrorKind::Unavailable);
        }
    });
}

#[test]
fn a_ledger_that_was_removed_or_replaced_meanwhile_starts_nothing() {
    let state = tempfile::tempdir().unwrap();
    block_on(async {
        let used = sqlite(state.path());
        let sale = |reference: &'static str| intent(1, 100, Some(reference));
        used.begin(&sale("r1"), false, &HashSet::new()).await.unwrap();
        for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
            let _ = fs::remove_file(state.path().join(file));
        }
        let error = used.begin(&sale("r2"), false, &HashSet::new()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        sqlite(state.path()).begin(&sale("r3"), false, &HashSet::new()).await.unwrap();
        assert!(used.begin(&sale("r4"), false, &HashSet::new()).await.is_err(), "replaced");
    });
}

/// A folder in memory, where there is one: waiting for the disk at each of a million commits would take hours.
fn folder_in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A ledger with one attempt of each kind that must stop a create, each of which is then tried.
fn damaged_ledger_stops(bytes: &[u8], sales: &[Intent]) -> Result<(), String> {
    let state = folder_in_memory();
    fs::write(state.path().join("ledger.db"), bytes).unwrap();
    block_on(async {
        for sale in sales {
            match sqlite(state.path()).begin(sale, false, &HashSet::new()).await {
                Ok(Begin::Started(_)) => return Err(format!("{sale:?} is charged again")),
                Ok(Begin::Duplicates(_)) | Err(_) => {}
            }
        }
        Ok(())
    })
}

/// The file of a small ledger, and its sales. Its pages are as small as SQLite allows, so that few bits are in unused space.
fn small_ledger() -> (Vec<u8>, [Intent; 4]) {
    let state = folder_in_memory();
    let empty = rusqlite::Connection::open(state.path().join("ledger.db")).unwrap();
    empty.execute_batch("PRAGMA page_size = 512; VACUUM;").unwrap();
    drop(empty);
    let sales =
        [intent(1, 100, Some("r1")), intent(1, 200, None), intent(1, 300, Some("r3")), intent(1, 400, None)];
    block_on(async {
        let ledger = sqlite(state.path());
        for (number, sale) in sales.iter().enumerate() {
            let Begin::Started(id) = ledger.begin(sale, false, &HashSet::new()).await.unwrap() else {
                panic!()
            };
            // The second one stays without an outcome, and the result of the last one was never printed.
            match number {
                0 | 3 => ledger.finish(id, Outcome::created(format!("s{number}"))).await.unwrap(),
                2 => ledger.finish(id, Outcome::Unknown("lost".into())).await.unwrap(),
                _ => {}
            }
        }
    });
    assert!(!state.path().join("ledger.db-wal").exists(), "all is in one file");
    (fs::read(state.path().join("ledger.db")).unwrap(), sales)
}

/// Flips bits of a small ledger: each `step`th one.
fn flip_bits(step: usize) {
    let length = small_ledger().0.len() * 8;
    let bits: Vec<_> = (0..length).step_by(step).collect();
    // A sale whose result was never printed stops another one for ten minutes only, so the ledger is made again.
    for bits in bits.chunks(1000) {
        let (bytes, sales) = small_ledger();
        assert_eq!((bytes.len() * 8, damaged_ledger_stops(&bytes, &sales)), (length, Ok(())));
        for bit in bits {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(damaged_ledger_stops(&damaged, &sales), Ok(()), "bit {bit} of {length}");
        }
    }
}

#[test]
fn no_flipped_bit_makes_a_sale_be_charged_again() {
    // All bits take minutes: see the test below. A prime number spreads the sample over all bytes of a page.
    flip_bits(199);
}

#[test]
#[ignore = "takes minutes"]
fn no_flipped_bit_at_all_makes_a_sale_be_charged_again() {
    // A larger step takes a sample.
    let step = std::env::var("FLIP_STEP").ok().and_then(|step| step.parse().ok());
    flip_bits(step.unwrap_or(1));
}

#[test]
fn a_period_is_found_by_an_index_and_completely_when_the_clock_was_set_back() {
    let state = tempfile::tempdir().unwrap();
    for open in all_storages(state.path()) {
        block_on(async {
            let attempts = vec![attempt(1, 10), attempt(2, 100), attempt(3, 20), attempt(4, 30)];
            open().import(&attempts).await.unwrap();
            let ledger = ledger(open());
            let found = async |since: Option<i64>, until: Option<i64>, device: Option<&str>| {
                let device_id = device.map(str::to_owned);
                let filter =
                    Filter { since: since.map(at), until: until.map(at), device_id, ..Filter::default() };
                let page = ledger.attempts(&filter, 10).await.unwrap().attempts;
                page.iter().map(|attempt| attempt.id.as_u128()).collect::<Vec<_>>()
            };
            assert_eq!(found(Some(20), None, None).await, [4, 3, 2]);
            assert_eq!(found(Some(31), None, None).await, [2]);
            assert_eq!(found(None, Some(20), None).await, [1]);
            assert_eq!(found(None, Some(101), None).await, [4, 3, 2, 1]);
            assert_eq!(found(Some(20), Some(100), None).await, [4, 3]);
            assert_eq!(found(Some(10), Some(100), Some("d1")).await, [3, 1]);
            assert_eq!(found(Some(101), None, None).await, []);
        });
    }
    let database = rusqlite::Connection::open(state.path().join("ledger.db")).unwrap();
    let plan = |(statement, params): sql::Query| -> String {
        let mut statement = database.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let rows = statement.query_map(rusqlite::params_from_iter(params), |row| row.get::<_, String>(3));
        rows.unwrap().map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    let expected = "SEARCH attempts USING COVERING INDEX attempts_at (at_ms>? AND at_ms<?)";
    assert_eq!(plan(sql::positions(Some(at(1)), None)), expected);
    let filter = Filter { since: Some(at(1)), until: Some(at(2)), ..Filter::default() };
    let expected = "SEARCH attempts USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
    assert_eq!(plan(sql::select(&filter, &(1..9), 20)), expected);
}

#[test]
fn a_shared_ledger_of_version_1_keeps_its_refunds() {
    const VERSION_1: &str = "SET search_path = kustom; \
        ALTER TABLE order_changes RENAME TO refunds; \
        ALTER INDEX order_changes_order RENAME TO refunds_order; \
        ALTER INDEX order_changes_at RENAME TO refunds_at; \
        DROP INDEX attempts_status, attempts_device, attempts_location, attempts_till; \
        UPDATE version SET version = 1";
    let Some(database) = database() else { return };
    block_on(async {
        postgres(&database).create(None).await.unwrap();
        let ledger = || ledger(postgres_storage(&database));
        let (refund, _) = ledger().begin_change(&refund_intent("o", 100), false).await.unwrap();
        database.sql(VERSION_1);
        postgres(&database).create(None).await.unwrap();
        assert_eq!(ledger().changes_of_order("o").await.unwrap(), [refund]);
    });
}

#[test]
fn a_ledger_of_a_newer_version_is_not_used() {
    let state = tempfile::tempdir().unwrap();
    block_on(async {
        sqlite(state.path()).begin(&intent(1, 1, None), false, &HashSet::new()).await.unwrap();
        let database = rusqlite::Connection::open(state.path().join("ledger.db")).unwrap();
        database.pragma_update(None, "user_version", 99).unwrap();
        let error =
            sqlite(state.path()).begin(&intent(1, 2, None), false, &HashSet::new()).await.unwrap_err();
        assert!(
            error.message.ends_with("has version 99, and this kustom knows version 4"),
            "{}",
            error.message
        );
        assert_eq!(error.hints, ["update kustom"]);
    });
}

#[test]
fn pruning_goes_by_the_order_when_the_clock_was_set_back() {
    let state = tempfile::tempdir().unwrap();
    let storage = sqlite_storage(state.path());
    block_on(async {
        // The third was made after the second, with a clock that had been set back.
        storage.import(&[attempt(1, 10), attempt(2, 100), attempt(3, 20)]).await.unwrap();
        let ledger = ledger(storage);
        assert_eq!(ledger.prune(at(50)).await.unwrap(), 1);
        let kept = ledger.attempts(&Filter::default(), usize::MAX).await.unwrap().attempts;
        assert_eq!(kept.iter().map(|attempt| attempt.id.as_u128()).collect::<Vec<_>>(), [3, 2]);
    });
}
