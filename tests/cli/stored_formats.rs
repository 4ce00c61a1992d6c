//! The files that users have on disk read to the same values in every version. The fixtures hold every variant of
//! every record, with and without its optional fields; a renamed field or variant would orphan what people have.

use std::fmt::Write as _;
use std::fs;

use crate::common::prelude::*;

const JOURNAL: &str = include_str!("../fixtures/journal.jsonl");
/// A ledger of version 3, with refunds only.
const LEDGER: &str = include_str!("../fixtures/ledger-3.sql");
const PROFILES: &str = include_str!("../fixtures/profiles.toml");
const STATE: &str = include_str!("../fixtures/emulator-state.json");
const SPARSE_STATE: &str = include_str!("../fixtures/emulator-state-sparse.json");

fn session(number: u8) -> String {
    format!("5e550000-0000-4000-8000-{number:012}")
}

#[test]
fn the_journal_reads_to_the_same_attempts() {
    let env = TestEnv::new().local();
    env.file("state/journal/local.jsonl", JOURNAL);
    insta::assert_snapshot!(env.run(["sessions", "list", "-o", "ndjson"]).stdout_only());
}

fn ledger_3() -> TestEnv {
    let env = TestEnv::new().at_emulator("http://127.0.0.1:1");
    fs::create_dir_all(env.state_folder()).unwrap();
    let database = rusqlite::Connection::open(env.state_folder().join("ledger.db")).unwrap();
    database.execute_batch(LEDGER).unwrap();
    env
}

#[test]
fn refunds_of_an_earlier_version_are_changes_of_orders() {
    let env = ledger_3();
    let exported = env.run(["ledger", "export"]).ok();
    insta::assert_snapshot!(exported);
    // An export of that version can still be imported.
    let other = TestEnv::new().local();
    let earlier = exported.replace("order_change", "refund").replace(r#""operation":"refund","#, "");
    let earlier = earlier.replace(r#"{"processed":{"id":"#, r#"{"refunded":{"refund_id":"#);
    let imported = other.command(["ledger", "import", "-"]).stdin(earlier).run().assert_code(0);
    assert_eq!(imported.stderr, "Imported 1 attempt and 2 order changes.\n");
    assert_eq!(other.run(["ledger", "export"]).ok(), exported);
}

#[test]
fn a_damaged_ledger_of_an_earlier_version_keeps_its_refunds() {
    let env = ledger_3();
    let path = env.state_folder().join("ledger.db");
    rusqlite::Connection::open(path).unwrap().execute_batch("UPDATE attempts SET checksum = ''").unwrap();
    let _ =
        env.run(["ledger", "repair", "--yes"]).assert_code(0).assert_stderr("2 order changes can be read");
    assert_eq!(env.run(["ledger", "export"]).ok().lines().count(), 2);
}

fn api_view(env: &TestEnv, sessions: &[u8]) -> String {
    let mut view = String::new();
    for list in ["locations", "enrollments", "devices"] {
        let args = [list, "list", "-o", "ndjson"].into_iter();
        view += &env.run(args.chain((list == "enrollments").then_some("--show-codes"))).stdout_only();
    }
    for number in sessions {
        view += &env.run(["sessions", "get", &session(*number), "-o", "ndjson"]).stdout_only();
    }
    view
}

#[test]
fn the_emulators_state_reads_to_the_same_values() {
    let env = TestEnv::new().local();
    env.file("state/local.json", STATE);
    insta::assert_snapshot!(api_view(&env, &[1, 2, 3, 4, 5, 6, 7, 8]));
}

#[test]
fn the_emulators_state_is_written_as_it_was_read() {
    let env = TestEnv::new().local();
    let path = env.file("state/local.json", STATE);
    for name in ["Till 2", "Till 1"] {
        let device = "de000000-0000-4000-8000-000000000001";
        env.run(["devices", "update", device, "--name", name]).ok();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), STATE);
}

#[test]
fn a_state_without_optional_fields_reads_to_their_defaults() {
    let env = TestEnv::new().local();
    env.file("state/local.json", SPARSE_STATE);
    insta::assert_snapshot!(api_view(&env, &[1]));
}

#[test]
fn the_profiles_read_to_the_same_values() {
    let env = TestEnv::new().with_profiles(PROFILES);
    let mut view = env.run(["profiles", "list", "-o", "ndjson"]).ok();
    for profile in ["playground", "store-7"] {
        let shown = env.run(["profiles", "show", profile, "-o", "ndjson"]).ok();
        let _ = write!(view, "\n{profile}\n{shown}");
    }
    insta::assert_snapshot!(view);
}

#[test]
fn the_profiles_file_is_written_with_its_comments_and_unknown_keys() {
    let env = TestEnv::new().with_profiles(PROFILES);
    env.run(["profiles", "use", "store-7"]).ok();
    insta::assert_snapshot!(fs::read_to_string(env.profiles_file()).unwrap());
}
