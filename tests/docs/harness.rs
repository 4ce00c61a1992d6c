//! The world itself: what documents rely on works.

use super::environment::World;
use super::phone::Act;

#[test]
fn a_script_has_an_account_placeholders_and_a_customer() {
    let world = World::store();
    let devices = world.run("kustom devices list -o csv | cut -d, -f2").ok();
    assert_eq!(devices.stdout, "name\nTill 1\n");
    let _ = world.run("kustom sessions cancel SESSION && kustom dev simulate-tap SESSION").ok();
    let _ = world.run("kustom enrollments delete ENROLLMENT && kustom dev pos pair CODE").ok();
    let _ = world.run("kustom api GET /ipp/v1/sessions/SESSION").ok();
    let paid = world.run("kustom sessions create --device DEVICE --amount 5 --watch -o json | jq -r .status");
    assert_eq!((paid.exit, paid.stdout.as_str()), (0, "FINALIZED\n"), "{}", paid.stderr);
    let declined = world.run("kustom sessions recover ATTEMPT --not-carried-out").ok();
    assert!(declined.stdout.contains("not carried out"), "{declined:?}");
    world.phone_does(vec![Act::Decline, Act::Cancel]);
    let cancelled = world.run("kustom sessions create --device 'Till 1' --amount 7 --watch");
    assert_eq!(cancelled.exit, 10, "{cancelled:?}");
}

#[test]
fn a_world_without_an_account_has_the_profile_local() {
    let world = World::new();
    assert_eq!(world.run("kustom devices list").exit, 3);
    let local = world
        .run("export KUSTOM_PROFILE=local; kustom dev create-device --name 'Till 1' --location LOCATION");
    let _ = local.ok();
    let next = world.run("kustom sessions create --device 'Till 1' --amount 1.50 --watch").ok();
    assert!(next.stdout.contains("FINALIZED"), "{next:?}");
    let tapped = world.run("kustom dev simulate-tap SESSION");
    assert_eq!(tapped.exit, 0, "an open one is made: {tapped:?}");
}

#[test]
fn questions_are_answered_at_a_terminal() {
    let world = World::new();
    let login = world.type_in("kustom login\nkustom doctor").ok();
    assert!(login.stdout.contains("Stored the profile 'playground'"), "{login:?}");
    let paired = world.type_in("kustom enrollments pair").ok();
    assert!(paired.stdout.contains("is ready."), "{paired:?}");
    let _ = world.run("kustom enrollments pair --location 'Stockholm City' --name 'Till 3' -o ndjson").ok();
}

#[test]
fn servers_show_what_they_do_and_end() {
    let world = World::store();
    let listened = world.run("kustom webhooks listen --secret-file secret.txt -o csv | cut -d, -f2").ok();
    assert_eq!(listened.stdout, "outcome\naccepted\naccepted\n");
    let _ = world
        .run("kustom webhooks listen --secret-file secret.txt --resolve --exit-after session.finalized")
        .ok();
    let _ = world.run("kustom dev emulator").ok();
    let _ = world.run("kustom dev emulator --listen 127.0.0.1:0 --ready-file ready.txt").ok();
    let own = "kustom dev emulator --ready-file ready.txt 2> log.txt &\nwhile ! [ -e ready.txt ]; do sleep 0.1; \
               done\nKUSTOM_API_KEY=kco_test_api_emulator KUSTOM_MERCHANT_ID=EMULATED \
               KUSTOM_BASE_URL=$(cat ready.txt) kustom locations list \
               -o csv\nkill $!\nwait $!";
    assert_eq!(world.run(own).ok().stdout.lines().count(), 4);
}

#[test]
fn commands_are_shown_one_by_one() {
    let world = World::store();
    let commands = ["kustom devices get nobody", "echo $?", "name=x", "echo \"$name\""].map(str::to_owned);
    let shown = world.show(&commands);
    let [refused, code, nothing, name] = &shown[..] else { panic!("{shown:?}") };
    assert_eq!(refused.exit, 4);
    assert!(refused.output.starts_with("error: there is no device"), "{refused:?}");
    assert_eq!((code.output.as_str(), nothing.output.as_str(), name.output.as_str()), ("4\n", "", "x\n"));
}

/// Where jq is not installed, a stand-in does for what the documents need of it.
#[test]
fn the_stand_in_of_jq_reads_a_key() {
    let world = World::store();
    world.stand_in("jq", super::environment::JQ);
    let read = "kustom sessions create --device 'Till 1' --amount 5 -o json > session.json\njq -r .status session.json\n\
                jq -r .order_amount session.json\nkustom devices list -o ndjson | jq -r .name\n\
                kustom devices list -o ndjson | jq -r .platform";
    assert_eq!(world.run(read).ok().stdout, "CREATED\n500\nTill 1\nTERMINAL\n");
    assert_eq!(world.run("jq -r '.[0]' session.json").exit, 3);
}

/// What a script leaves running ends with the world, also when a test fails.
#[test]
fn nothing_is_left_running() {
    let world = World::store();
    let left = "kustom dev emulator --ready-file ready.txt > /dev/null 2>&1 &\nuntil [ -e ready.txt ]; do sleep 0.1; \
                done\necho $!";
    let process = world.run(left).ok().stdout.trim().to_owned();
    let alive = || {
        let mut ask = std::process::Command::new("/bin/sh");
        ask.args([
            "-c",
            &format!("kill -s 0 {process} 2>/dev/null && ! grep -q '^State:.Z' /proc/{process}/status"),
        ]);
        ask.status().expect("a shell").success()
    };
    assert!(alive());
    drop(world);
    let deadline = std::time::Instant::now() + crate::common::harness::TIMEOUT;
    while alive() {
        assert!(std::time::Instant::now() < deadline, "it is left");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}
