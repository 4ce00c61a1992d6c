//! All thirteen operations in every format, their requests checked against the contract, and a command for each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use kustom::emulator::state::OrderCapture;
use kustom::emulator::{Emulator, State};

use crate::common::contract::Contract;
use crate::common::contract_emulator::World;
use crate::common::prelude::*;

struct Transcript<'a> {
    env: &'a TestEnv,
    format: &'static str,
    text: String,
}

impl Transcript<'_> {
    fn run(&mut self, args: &[&str]) -> CommandOutput {
        let outcome = self.env.run(args.iter().chain(&["-o", self.format]));
        let quoted = |arg: &&str| if arg.contains(' ') { format!("'{arg}'") } else { (*arg).to_owned() };
        let words: Vec<_> = args.iter().map(quoted).collect();
        let CommandOutput { stdout, stderr, code, .. } = &outcome;
        let _ = write!(self.text, "$ kustom {}\n{stdout}", words.join(" "));
        for line in stderr.lines() {
            let _ = writeln!(self.text, "! {line}");
        }
        if let Some(code @ 1..) = code {
            let _ = writeln!(self.text, "exit {code}");
        }
        self.text.push('\n');
        outcome
    }

    fn create(&mut self, args: &[&str]) -> String {
        let output = self.run(args).ok();
        let mut words = output.split(|character: char| !character.is_ascii_hexdigit() && character != '-');
        words.find(|word| word.len() == 36).unwrap_or_else(|| panic!("no ID in {output}")).to_owned()
    }
}

fn run_all_operations(env: &TestEnv, format: &'static str) -> String {
    let mut transcript = Transcript { env, format, text: String::new() };
    let _ = transcript.run(&["locations", "list"]);
    let _ = transcript.run(&["locations", "get", "Stockholm City"]);
    let new = ["enrollments", "create", "--location", "Stockholm City", "--expires-in", "30m"];
    let enrollment = transcript.create(&[&new[..], &["--metadata", "till=1"]].concat());
    let enrollments = env.run(["enrollments", "list", "--show-codes", "-o", "json"]).json();
    let code = enrollments[0]["enrollment_code"].as_str().unwrap().to_owned();
    let filter = ["--location", "51e2", "--metadata", "till=1", "--include-consumed", "false"];
    let _ = transcript.run(&[&["enrollments", "list"][..], &filter].concat());
    let _ = transcript.run(&["enrollments", "delete", &enrollment]);
    let _ = transcript.run(&["enrollments", "list"]);
    let new = ["dev", "create-device", "--name", "Till 1", "--location", "göteborg haga"];
    let device = transcript.create(&[&new[..], &["--metadata", "floor=2"]].concat());
    let _ = transcript.run(&["devices", "list", "--location", "Göteborg Haga"]);
    let change = ["--name", "Till 2", "--no-location", "--metadata", "area=bar", "--unset-metadata", "floor"];
    let _ = transcript.run(&[&["devices", "update", "Till 1"][..], &change].concat());
    let _ = transcript.run(&["devices", "get", &device[..8]]);
    let new = ["sessions", "create", "--device", "Till 2", "--amount", "249.50", "--currency", "SEK"];
    let paid = transcript.create(&[&new[..], &["--reference", "receipt-1"]].concat());
    let _ = transcript.run(&["sessions", "get", &paid]);
    let _ = transcript.run(&["dev", "simulate-tap", &paid, "--outcome", "insufficient-funds"]);
    let _ = transcript.run(&["dev", "simulate-tap", &paid]);
    let _ = transcript.run(&["sessions", "watch", &paid]);
    let new = ["sessions", "create", "--device", &device, "--amount", "500", "--currency", "jpy"];
    let cancelled = transcript.create(&new);
    let _ = transcript.run(&["sessions", "cancel", &cancelled]);
    let _ = transcript.run(&["sessions", "watch", &cancelled]);
    let _ = transcript.run(&["sessions", "cancel", &paid, &cancelled]);
    let _ = transcript.run(&["devices", "deregister", "Till 2"]);
    let _ = transcript.run(&["devices", "list"]);
    let _ = transcript.run(&["api", "get", "/ipp/v1/locations", "--query", "page_size=1"]);
    let text = transcript.text.replace(&code, "<code>");
    let text = text.replace(&format!("get {}\n", &device[..8]), "get <beginning of id-2>\n");
    redact(&text, env.path())
}

#[test]
fn all_thirteen_on_local_in_every_format() {
    for format in ["table", "json", "ndjson", "csv"] {
        insta::assert_snapshot!(format, run_all_operations(&TestEnv::new().local(), format));
    }
}

#[test]
fn the_same_requests_pass_the_contract_in_both_directions() {
    let proxy = ValidatingProxy::start(&Emulator::new(State::seed()));
    insta::assert_snapshot!(
        "ndjson",
        run_all_operations(&TestEnv::new().at_emulator(&proxy.base_url()), "ndjson")
    );
    assert_eq!(proxy.violations(), []);
    let all: BTreeSet<_> = Contract::load().operations.iter().map(|operation| operation.id.clone()).collect();
    assert_eq!(all.len(), 13);
    assert_eq!(proxy.operations_seen(), all);
}

#[test]
fn commands_about_orders_and_payouts_pass_the_contract_in_both_directions() {
    let mut state = State::seed();
    state.options.order_capture = OrderCapture::Manual;
    let proxy = ValidatingProxy::start(&Emulator::new(state));
    let env = TestEnv::new().at_emulator(&proxy.base_url());
    env.run(["dev", "create-device", "--name", "Till 1"]).ok();
    for reference in ["receipt-1", "receipt-2"] {
        let args =
            ["sessions", "create", "--device", "Till 1", "--currency", "SEK", "--reference", reference];
        let item = ["--item", "Bag,price=49.50,tax=25%,ref=SKU-002,qty=2", "-o", "json"];
        let session = env.run(args.iter().chain(&item)).json()["session_id"].as_str().unwrap().to_owned();
        env.run(["dev", "simulate-tap", &session]).ok();
        let _ = env.run(["sessions", "watch", &session, "-q"]).assert_code(0);
    }
    for args in [
        &["orders", "capture", "receipt-1", "--amount", "60.00", "--reference", "c-1"][..],
        &["orders", "release", "receipt-1"],
        &["orders", "refund", "receipt-1", "--item", "SKU-002,qty=1", "--reference=r-1", "--reason=Torn"],
        &["orders", "refund", "receipt-1", "--amount", "1.00"],
        &["orders", "get", "receipt-1"],
        &["orders", "cancel", "receipt-2"],
        &["dev", "emulator", "clock", "advance", "72h"],
        &["payouts", "list", "--currency", "SEK"],
        &["payouts", "transactions", "--order", "receipt-1"],
    ] {
        env.run(args).ok();
    }
    let payouts = env.run(["payouts", "list", "-o", "json"]).json();
    let reference = payouts[0]["payment_reference"].as_str().unwrap();
    env.run(["payouts", "get", reference]).ok();
    env.run(["payouts", "transactions", reference]).ok();
    env.run(["report"]).ok();
    assert_eq!(proxy.violations(), []);
    let seen = proxy.operations_seen();
    let expected = "getOrder refundOrder captureOrder cancelOrder releaseRemainingAuthorization listPayouts getPayout \
                    listTransactions";
    for operation in expected.split(' ') {
        assert!(seen.contains(operation), "{operation} is missing in {seen:?}");
    }
}

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
    let contract: BTreeSet<_> =
        Contract::load().operations.iter().map(|operation| operation.id.as_str()).collect();
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
        TestEnv::new().at_emulator(&proxy.base_url()).run(command.split(' ')).ok();
        let seen = proxy.operations_seen();
        assert!(seen.contains(operation), "`{command}` is not {operation}");
        assert!(seen.iter().all(|seen| contract.contains(seen.as_str())), "{command}: {seen:?}");
        assert_eq!(proxy.violations(), [], "{command}");
    }
}
