//! All thirteen operations in consecutive commands, in all four formats, with their whole output; the same
//! requests held to the contract; and no operation of the contract without a command.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use kustom::emulator::{API_KEY, Emulator, MERCHANT_ID, State};

use crate::common::contract::Contract;
use crate::common::contract_emulator::World;
use crate::common::harness::{CommandOutput, TestEnv};
use crate::common::proxy::ValidatingProxy;
use crate::common::redaction::redact;

/// A day at the till, as it stands on a screen.
struct Day<'a> {
    env: &'a TestEnv,
    format: &'static str,
    transcript: String,
}

impl Day<'_> {
    fn run(&mut self, args: &[&str]) -> CommandOutput {
        let outcome = self.env.run(args.iter().chain(&["-o", self.format]));
        let quoted = |arg: &&str| if arg.contains(' ') { format!("'{arg}'") } else { (*arg).to_owned() };
        let line: Vec<_> = args.iter().map(quoted).collect();
        let CommandOutput { stdout, stderr, code, .. } = &outcome;
        let _ = write!(self.transcript, "$ kustom {}\n{stdout}", line.join(" "));
        for said in stderr.lines() {
            let _ = writeln!(self.transcript, "! {said}");
        }
        if let Some(code @ 1..) = code {
            let _ = writeln!(self.transcript, "exit {code}");
        }
        self.transcript.push('\n');
        outcome
    }

    /// Runs it and gives the first id in its output, which is that of what was made.
    fn make(&mut self, args: &[&str]) -> String {
        let made = self.run(args).ok();
        let mut words = made.split(|character: char| !character.is_ascii_hexdigit() && character != '-');
        words.find(|word| word.len() == 36).unwrap_or_else(|| panic!("no id in {made}")).to_owned()
    }
}

/// Every operation at least once. Gives the transcript with all that is random replaced.
fn a_day(env: &TestEnv, format: &'static str) -> String {
    let mut day = Day { env, format, transcript: String::new() };
    let _ = day.run(&["locations", "list"]);
    let _ = day.run(&["locations", "get", "Stockholm City"]);
    let new = ["enrollments", "create", "--location", "Stockholm City", "--expires-in", "30m"];
    let enrollment = day.make(&[&new[..], &["--metadata", "till=1"]].concat());
    let enrollments = env.run(["enrollments", "list", "-o", "json"]).json();
    let code = enrollments[0]["enrollment_code"].as_str().unwrap().to_owned();
    let filter = ["--location", "51e2", "--metadata", "till=1", "--include-consumed", "false"];
    let _ = day.run(&[&["enrollments", "list"][..], &filter].concat());
    let _ = day.run(&["enrollments", "delete", &enrollment]);
    let _ = day.run(&["enrollments", "list"]);
    let new = ["dev", "create-device", "--name", "Till 1", "--location", "göteborg haga"];
    let device = day.make(&[&new[..], &["--metadata", "floor=2"]].concat());
    let _ = day.run(&["devices", "list", "--location", "Göteborg Haga"]);
    let change = ["--name", "Till 2", "--no-location", "--metadata", "area=bar", "--unset-metadata", "floor"];
    let _ = day.run(&[&["devices", "update", "Till 1"][..], &change].concat());
    let _ = day.run(&["devices", "get", &device[..8]]);
    let new = ["sessions", "create", "--device", "Till 2", "--amount", "249.50", "--currency", "SEK"];
    let paid = day.make(&[&new[..], &["--reference", "receipt-1"]].concat());
    let _ = day.run(&["sessions", "get", &paid]);
    let _ = day.run(&["dev", "simulate-tap", &paid, "--outcome", "insufficient-funds"]);
    let _ = day.run(&["dev", "simulate-tap", &paid]);
    let _ = day.run(&["sessions", "watch", &paid]);
    let called_off =
        day.make(&["sessions", "create", "--device", &device, "--amount", "500", "--currency", "jpy"]);
    let _ = day.run(&["sessions", "cancel", &called_off]);
    let _ = day.run(&["sessions", "watch", &called_off]);
    let _ = day.run(&["sessions", "cancel", &paid, &called_off]);
    let _ = day.run(&["devices", "deregister", "Till 2"]);
    let _ = day.run(&["devices", "list"]);
    let _ = day.run(&["api", "get", "/ipp/v1/locations", "--query", "page_size=1"]);
    let transcript = day.transcript.replace(&code, "<code>");
    let transcript = transcript.replace(&format!("get {}\n", &device[..8]), "get <beginning of id-2>\n");
    redact(&transcript, env.path())
}

/// Compares with the transcript that is kept. With `KUSTOM_UPDATE_TRANSCRIPTS` set it is written instead, to be
/// read in the diff.
fn as_kept(name: &str, transcript: &str) {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests", "cli", "transcripts", name].into_iter().collect();
    if std::env::var_os("KUSTOM_UPDATE_TRANSCRIPTS").is_some() {
        std::fs::write(&path, transcript).unwrap();
    }
    assert_eq!(transcript, &std::fs::read_to_string(&path).unwrap());
}

#[test]
fn all_thirteen_on_local_as_a_table() {
    as_kept("table.txt", &a_day(&TestEnv::new().local(), "table"));
}

#[test]
fn all_thirteen_on_local_as_json() {
    as_kept("json.txt", &a_day(&TestEnv::new().local(), "json"));
}

#[test]
fn all_thirteen_on_local_as_ndjson() {
    as_kept("ndjson.txt", &a_day(&TestEnv::new().local(), "ndjson"));
}

#[test]
fn all_thirteen_on_local_as_csv() {
    as_kept("csv.txt", &a_day(&TestEnv::new().local(), "csv"));
}

/// A home whose requests go to this address with the emulator's account.
fn at_emulator(base_url: &str) -> TestEnv {
    TestEnv::new().at(base_url, API_KEY).env("KUSTOM_MERCHANT_ID", MERCHANT_ID)
}

#[test]
fn the_same_requests_pass_the_contract_in_both_directions() {
    let proxy = ValidatingProxy::start(&Emulator::new(State::seed()));
    // What is shown does not depend on the way it took either.
    as_kept("ndjson.txt", &a_day(&at_emulator(&proxy.base_url()), "ndjson"));
    assert_eq!(proxy.violations(), []);
    let all: BTreeSet<_> = Contract::load().operations().into_iter().map(|operation| operation.id).collect();
    assert_eq!(all.len(), 13);
    assert_eq!(proxy.operations_seen(), all);
}

/// The command of each operation. `{device}`, `{session}` and `{enrollment}` are ids of such things.
const COMMANDS: [(&str, &str); 13] = [
    ("createSimulatedDevice", "dev create-device --name x"),
    ("simulateCardTap", "dev simulate-tap {session}"),
    ("listEnrollments", "enrollments list"),
    ("createEnrollment", "enrollments create --location 51e2"),
    ("deleteEnrollment", "enrollments delete {enrollment}"),
    ("listLocations", "locations list"),
    ("getLocation", "locations get 51e2"),
    ("listDevices", "devices list"),
    ("updateDevice", "devices update {device} --name y"),
    ("deregisterDevice", "devices deregister {device}"),
    ("createSession", "sessions create --device {device} --amount 1 --currency SEK"),
    ("getSession", "sessions get {session}"),
    ("cancelSession", "sessions cancel {session}"),
];

#[test]
fn every_operation_of_the_contract_has_a_command_and_every_command_its_operation() {
    let commands = BTreeMap::from(COMMANDS);
    let operations: Vec<_> = Contract::load().operations();
    let contract: BTreeSet<_> = operations.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(commands.keys().copied().collect::<BTreeSet<_>>(), contract);
    for (operation, command) in commands {
        let world = World::new();
        let device = world.device("Till 1");
        let session = world.session(&device);
        let location = kustom::emulator::state::STOCKHOLM;
        let enrollment = world.enroll(&serde_json::json!({ "location_id": location })).body;
        let proxy = ValidatingProxy::start(&world.emulator);
        let command = command
            .replace("{device}", &device)
            .replace("{session}", &session)
            .replace("{enrollment}", enrollment["enrollment_id"].as_str().unwrap());
        let _ = at_emulator(&proxy.base_url()).run(command.split(' ')).ok();
        let seen = proxy.operations_seen();
        assert!(seen.contains(operation), "`{command}` is not {operation}");
        // The service has nothing of what emulators have beside it.
        assert!(seen.iter().all(|seen| contract.contains(seen.as_str())), "{command}: {seen:?}");
        assert_eq!(proxy.violations(), [], "{command}");
    }
}
