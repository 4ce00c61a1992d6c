//! Tests of the sandbox, on which the tests of the documents rely.

use super::background::Act;
use super::sandbox::Sandbox;

#[test]
fn a_store_has_an_account_placeholders_and_a_customer() {
    let sandbox = Sandbox::with_store();
    let devices = sandbox.run("kustom devices list -o csv | cut -d, -f2").assert_ok();
    assert_eq!(devices.stdout, "name\nTill 1\n");
    let _ = sandbox.run("kustom sessions cancel SESSION && kustom dev simulate-tap SESSION").assert_ok();
    let _ = sandbox.run("kustom enrollments delete ENROLLMENT && kustom dev pos pair CODE").assert_ok();
    let _ = sandbox.run("kustom api GET /ipp/v1/sessions/SESSION").assert_ok();
    let paid =
        sandbox.run("kustom sessions create --device DEVICE --amount 5 --watch -o json | jq -r .status");
    assert_eq!((paid.exit, paid.stdout.as_str()), (0, "FINALIZED\n"), "{}", paid.stderr);
    let declined = sandbox.run("kustom sessions recover ATTEMPT --not-carried-out").assert_ok();
    assert!(declined.stdout.contains("not carried out"), "{declined:?}");
    sandbox.set_phone_acts(vec![Act::Decline, Act::Cancel]);
    let cancelled = sandbox.run("kustom sessions create --device 'Till 1' --amount 7 --watch");
    assert_eq!(cancelled.exit, 10, "{cancelled:?}");
}

#[test]
fn a_sandbox_without_an_account_has_the_profile_local() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run("kustom devices list").exit, 3);
    let local = sandbox
        .run("export KUSTOM_PROFILE=local; kustom dev create-device --name 'Till 1' --location LOCATION");
    let _ = local.assert_ok();
    let next = sandbox.run("kustom sessions create --device 'Till 1' --amount 1.50 --watch").assert_ok();
    assert!(next.stdout.contains("FINALIZED"), "{next:?}");
    let tapped = sandbox.run("kustom dev simulate-tap SESSION");
    assert_eq!(tapped.exit, 0, "an open session is created: {tapped:?}");
}

#[test]
fn prompts_are_answered_in_a_terminal() {
    let sandbox = Sandbox::new();
    let login = sandbox.type_in("kustom login\nkustom doctor").assert_ok();
    assert!(login.stdout.contains("Stored the profile 'playground'"), "{login:?}");
    let paired = sandbox.type_in("kustom enrollments pair").assert_ok();
    assert!(paired.stdout.contains("is ready."), "{paired:?}");
    let _ = sandbox
        .run("kustom enrollments pair --location 'Stockholm City' --name 'Till 3' -o ndjson")
        .assert_ok();
}

#[test]
fn servers_are_used_and_stopped() {
    let sandbox = Sandbox::with_store();
    let listened =
        sandbox.run("kustom webhooks listen --secret-file secret.txt -o csv | cut -d, -f2").assert_ok();
    assert_eq!(listened.stdout, "outcome\naccepted\naccepted\n");
    let _ = sandbox
        .run("kustom webhooks listen --secret-file secret.txt --resolve --exit-after session.finalized")
        .assert_ok();
    let _ = sandbox.run("kustom dev emulator").assert_ok();
    let _ = sandbox.run("kustom dev emulator --listen 127.0.0.1:0 --ready-file ready.txt").assert_ok();
    let own = "kustom dev emulator --ready-file ready.txt 2> log.txt &\nwhile ! [ -e ready.txt ]; do sleep 0.1; \
               done\nKUSTOM_API_KEY=kco_test_api_emulator KUSTOM_MERCHANT_ID=EMULATED \
               KUSTOM_BASE_URL=$(cat ready.txt) kustom locations list \
               -o csv\nkill $!\nwait $!";
    assert_eq!(sandbox.run(own).assert_ok().stdout.lines().count(), 4);
}

#[test]
fn commands_run_one_by_one_in_one_shell() {
    let sandbox = Sandbox::with_store();
    let commands = ["kustom devices get nobody", "echo $?", "name=x", "echo \"$name\""].map(str::to_owned);
    let outputs = sandbox.run_each(&commands);
    let [(4, error), (_, exit_code), (_, empty), (_, name)] = &outputs[..] else { panic!("{outputs:?}") };
    assert!(error.starts_with("error: there is no device"), "{error}");
    assert_eq!((exit_code.as_str(), empty.as_str(), name.as_str()), ("4\n", "", "x\n"));
}

#[test]
fn the_jq_stub_reads_a_key() {
    let sandbox = Sandbox::with_store();
    sandbox.stub_program("jq", super::sandbox::JQ);
    let read = "kustom sessions create --device 'Till 1' --amount 5 -o json > session.json\njq -r .status session.json\n\
                jq -r .order_amount session.json\nkustom devices list -o ndjson | jq -r .name\n\
                kustom devices list -o ndjson | jq -r .platform";
    assert_eq!(sandbox.run(read).assert_ok().stdout, "CREATED\n500\nTill 1\nTERMINAL\n");
    assert_eq!(sandbox.run("jq -r '.[0]' session.json").exit, 3);
}

#[test]
fn background_jobs_are_killed_with_the_sandbox() {
    let sandbox = Sandbox::with_store();
    let script = "kustom dev emulator --ready-file ready.txt > /dev/null 2>&1 &\nuntil [ -e ready.txt ]; do sleep \
                  0.1; done\necho $!";
    let process = sandbox.run(script).assert_ok().stdout.trim().to_owned();
    let is_alive = || {
        let check =
            format!("kill -s 0 {process} 2>/dev/null && ! grep -q '^State:.Z' /proc/{process}/status");
        std::process::Command::new("/bin/sh").args(["-c", &check]).status().expect("a shell").success()
    };
    assert!(is_alive());
    drop(sandbox);
    let deadline = std::time::Instant::now() + crate::common::harness::TIMEOUT;
    while is_alive() {
        assert!(std::time::Instant::now() < deadline, "it is still running");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}
