//! Several machines with one ledger in PostgreSQL: a sale is charged once, whatever happens to any of them.

use super::faulty_proxy::{Fault, Point, Then};
use super::fixture::{DUPLICATE, Shop, UNKNOWN};
use crate::common::database_proxy::DatabaseProxy;
use crate::common::postgres::{Database, PASSWORD, Postgres};
use crate::common::prelude::*;
use crate::common::tls;

/// Another machine of the shop, with a state directory of its own.
pub(crate) fn machine(shop: &Shop, ledger: &str, till: &str) -> TestEnv {
    TestEnv::new()
        .at_emulator(&shop.wire.url())
        .env("KUSTOM_LEDGER", ledger)
        .env("PGPASSWORD", PASSWORD)
        .env("KUSTOM_TILL", till)
}

pub(crate) fn create_ledger<'a>(server: &'a Postgres, name: &str) -> Database<'a> {
    let database = server.database(name);
    let env = TestEnv::new().local().env("KUSTOM_LEDGER", database.url()).env("PGPASSWORD", PASSWORD);
    let created = env.run(["ledger", "init"]).assert_code(0);
    assert!(created.err().starts_with("The ledger postgres://"), "{}", created.err());
    database
}

/// The outcomes in the ledger, by reference.
fn outcomes(database: &Database<'_>) -> Vec<String> {
    let rows = database
        .sql("SELECT coalesce(reference_key, '') || ' ' || outcome FROM kustom.attempts ORDER BY seq");
    rows.lines().map(str::to_owned).collect()
}

#[test]
fn the_second_of_two_machines_is_stopped_and_hears_about_the_first() {
    let Some(server) = Postgres::shared() else { return };
    let database = create_ledger(server, "two_machines");
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let (first, second) = (machine(&shop, &database.url(), "1"), machine(&shop, &database.socket_url(), "2"));
    let created = first.run(sale.args()).json();
    let again = second.run(sale.args()).assert_code(DUPLICATE);
    let error = again.last_error();
    assert_eq!((&error["kind"], &error["session_id"]), (&"duplicate".into(), &created["session_id"]));
    assert!(again.stderr.contains("till 1 on machine "), "{}", again.stderr);
    assert!(!second.state_folder().join("ledger.db").exists(), "nothing is kept on the machine");
    for machine in [&first, &second] {
        let listed = machine.run(["sessions", "list", "-o", "json"]).json();
        assert_eq!((&listed[0]["till"], &listed[0]["session_id"]), (&"1".into(), &created["session_id"]));
    }
    assert_eq!(shop.charged(&sale).len(), 1);
}

#[test]
fn an_unknown_outcome_of_one_machine_stops_the_others_until_it_is_resolved() {
    let Some(server) = Postgres::shared() else { return };
    let database = create_ledger(server, "unknown_outcome");
    let mut shop = Shop::open();
    let sale = shop.sale(false);
    let (first, second) = (machine(&shop, &database.url(), "1"), machine(&shop, &database.url(), "2"));
    shop.wire.breaks(Fault::At(Point::Forwarded, Then::Close));
    let lost = first.run(sale.args()).assert_code(UNKNOWN);
    let attempt = lost.last_error()["attempt"].as_str().expect("an ID").to_owned();
    let stopped = second.run(sale.args()).assert_code(DUPLICATE);
    assert_eq!(stopped.last_error()["attempt"], attempt.as_str());
    let [session] = &shop.charged(&sale).into_iter().collect::<Vec<_>>()[..] else { panic!("one session") };
    let _ = second.run(["sessions", "recover", &attempt, "--session", session]).assert_code(0);
    assert_eq!(outcomes(&database), ["created"]);
    assert_eq!(first.run(["sessions", "list", "--unknown", "-o", "json"]).json(), Value::Array(Vec::new()));
}

#[test]
fn a_machine_waits_for_another_that_creates_a_session_on_the_device_and_goes_on_when_it_dies() {
    let Some(server) = Postgres::shared() else { return };
    let database = create_ledger(server, "device_lock");
    let mut shop = Shop::open();
    let (one, other) = (shop.sale(true), shop.sale(true));
    let (first, second) = (machine(&shop, &database.url(), "1"), machine(&shop, &database.url(), "2"));
    shop.wire.breaks(Fault::Pause);
    let holding = first.command(one.args()).spawn();
    shop.wire.until_held();
    let waiting = second.command(other.words("table")).spawn();
    let waits = waiting.until_stderr(|said| said.contains("waiting for its outcome"));
    assert!(waits.contains("by till 1 on machine "), "{waits}");
    let _ = holding.kill();
    shop.wire.release();
    let _ = waiting.wait().assert_code(0);
    assert_eq!(outcomes(&database).len(), 2);
    assert_eq!(outcomes(&database)[0].split(' ').nth(1), Some("pending"));
}

#[test]
fn without_the_database_nothing_is_sent() {
    let Some(mut server) = Postgres::start() else { return };
    let url = create_ledger(&server, "stopped").url();
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let machine = machine(&shop, &url, "1");
    server.stop();
    for more in [&[][..], &["--allow-duplicate"]] {
        let stopped = machine.command(sale.args()).args(more).run().assert_code(6);
        let error = stopped.last_error();
        let message = error["message"].as_str().expect("a message");
        assert!(message.starts_with("cannot reach the ledger postgres://127.0.0.1:"), "{message}");
        assert!(error["hints"][0].as_str().expect("a hint").starts_with("nothing was sent"), "{error}");
        assert!(!stopped.whole().contains(PASSWORD));
    }
    assert!(!machine.state_folder().join("ledger.db").exists(), "no other ledger takes its place");
    let _ = machine.run(["ledger", "status", "-o", "json"]).assert_code(6).assert_stdout("\"usable\": false");
    let _ = machine.run(["doctor", "--offline"]).assert_code(0);
    let _ = machine.run(["doctor"]).assert_code(6);
    assert!(shop.sessions().is_empty());
    server.restart();
    let _ = machine.run(sale.args()).assert_code(0);
}

#[test]
fn a_database_that_is_lost_between_the_intent_and_the_request_sends_nothing() {
    let Some(server) = Postgres::shared() else { return };
    let database = create_ledger(server, "lost_before");
    let proxy = DatabaseProxy::to(server.port());
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let through = database.url().replace(&server.port().to_string(), &proxy.port().to_string());
    let (first, second) = (machine(&shop, &through, "1"), machine(&shop, &database.url(), "2"));
    proxy.cut_after_commits(1);
    let _ = first.run(sale.args()).assert_code(6).assert_stderr("nothing was sent");
    assert!(shop.sessions().is_empty());
    let _ = second.run(sale.args()).assert_code(DUPLICATE);
    proxy.repair();
    let status = first.run(["ledger", "status", "-o", "json"]).json();
    assert_eq!((&status["attempts"], &status["undelivered"]), (&1.into(), &0.into()));
    let _ = second.run(sale.args()).assert_code(0);
    let reference = sale.reference.as_deref().unwrap_or_default();
    assert_eq!(outcomes(&database), [format!("{reference} refused"), format!("{reference} created")]);
}

#[test]
fn a_database_that_is_lost_after_the_request_gets_the_result_later() {
    let Some(server) = Postgres::shared() else { return };
    let database = create_ledger(server, "lost_after");
    let proxy = DatabaseProxy::to(server.port());
    let mut shop = Shop::open();
    let through = database.url().replace(&server.port().to_string(), &proxy.port().to_string());
    let (first, second) = (machine(&shop, &through, "1"), machine(&shop, &database.url(), "2"));
    for with_reference in [true, false] {
        let sale = shop.sale(with_reference);
        shop.wire.breaks(Fault::Pause);
        let running = first.command(sale.args()).spawn();
        shop.wire.until_held();
        proxy.cut();
        shop.wire.release();
        let created = running.wait().assert_code(0);
        let session = created.document();
        assert!(created.stderr.contains("the next command delivers the outcome"), "{}", created.stderr);
        let _ = second.run(sale.args()).assert_code(DUPLICATE).assert_stderr("its outcome is unknown");
        let _ = first.run(sale.args()).assert_code(6);
        proxy.repair();
        let listed = first.run(["sessions", "list", "--limit", "1", "-o", "json"]).json();
        assert_eq!(listed[0]["session_id"], session["session_id"]);
        let again = second.run(sale.args());
        if with_reference {
            assert_eq!(again.assert_code(DUPLICATE).last_error()["session_id"], session["session_id"]);
        } else {
            // Its result was printed, so this is another sale.
            let _ = again.assert_code(0);
        }
    }
}

#[test]
fn recovery_waits_for_the_database() {
    let Some(mut server) = Postgres::start() else { return };
    let url = create_ledger(&server, "recovery").url();
    let mut shop = Shop::open();
    let sale = shop.sale(true);
    let machine = machine(&shop, &url, "1");
    shop.wire.breaks(Fault::At(Point::Forwarded, Then::Close));
    let attempt = machine.run(sale.args()).assert_code(UNKNOWN).last_error()["attempt"].clone();
    let attempt = attempt.as_str().expect("an ID");
    let [session] = &shop.charged(&sale).into_iter().collect::<Vec<_>>()[..] else { panic!("one session") };
    server.stop();
    let _ = machine.run(["sessions", "recover", attempt, "--session", session]).assert_code(6);
    server.restart();
    let _ = machine.run(["sessions", "recover", attempt, "--session", session]).assert_code(0);
    let listed = machine.run(["sessions", "list", "-o", "json"]).json();
    assert_eq!(
        (&listed[0]["session_id"], listed.as_array().map(Vec::len)),
        (&session.as_str().into(), Some(1))
    );
}

#[test]
fn the_password_comes_from_a_variable_a_file_or_a_command_and_is_never_shown() {
    let Some(server) = Postgres::shared() else { return };
    let database = create_ledger(server, "passwords");
    let url = database.url();
    let profiles = |more: &str| {
        format!(
            "active = 'shop'\n[profiles.shop]\nenvironment = 'playground'\napi_key = 'kco_test_api_0123456789'\n\
             ledger = '{url}'\n{more}"
        )
    };
    let status = ["ledger", "status", "-o", "json"];
    let env = TestEnv::new().with_profiles(&profiles(""));
    let _ = env.run(status).assert_code(6).assert_stderr("password");
    assert_eq!(env.command(status).env("PGPASSWORD", PASSWORD).run().json()["usable"], true);
    let file = env.file(".pgpass", format!("127.0.0.1:*:passwords:postgres:{PASSWORD}\n"));
    let _ = env.run(status).assert_code(6).assert_stderr("others can read it; chmod 600");
    set_mode(&file, 0o600);
    assert_eq!(env.run(status).json()["usable"], true);
    let env = TestEnv::new().with_profiles(&profiles(&format!("ledger_command = 'echo {PASSWORD}'\n")));
    assert_eq!(env.run(status).json()["usable"], true);
    let shown = [
        env.command(status).env("PGPASSWORD", "another-secret-word").run().assert_code(6),
        env.run(["profiles", "show"]).assert_code(0),
        env.run(["profiles", "list", "-o", "json"]).assert_code(0),
        env.run(["doctor", "--offline", "-vv"]).assert_code(0),
    ];
    for output in shown {
        assert!(!output.whole().contains(PASSWORD), "{}", output.whole());
        assert!(!output.whole().contains("another-secret-word"), "{}", output.whole());
    }
    let env = TestEnv::new().with_profiles(&profiles("ledger_command = 'exit 3'\n"));
    let _ = env.run(status).assert_code(6).assert_stderr("the command for the ledger's password exited with");
}

#[test]
fn a_url_with_a_password_or_without_tls_is_rejected_and_not_shown() {
    let cases = [
        ("postgres://till:secretword@db.example.com/shop", "contains a password"),
        ("postgres://till@db.example.com/shop?password=secretword", "contains a password"),
        ("postgres://till@db.example.com/shop?sslmode=disable", "turns TLS off"),
        ("secretword", "neither `sqlite` nor a URL"),
    ];
    for (url, expected) in cases {
        for args in [&["ledger", "status"][..], &["doctor", "--offline"], &["sessions", "list"]] {
            let env = TestEnv::new().local().env("KUSTOM_LEDGER", url);
            let output = env.run(args).assert_code(2);
            assert!(output.whole().contains(expected), "{}", output.whole());
            assert!(!output.whole().contains("secretword"), "{}", output.whole());
        }
        let profile = format!(
            "active = 's'\n[profiles.s]\nenvironment = 'playground'\napi_key = 'kco_test_api_0123456789'\nledger = '{url}'\n"
        );
        let env = TestEnv::new().with_profiles(&profile);
        for args in [&["profiles", "show"][..], &["profiles", "list"], &["doctor", "--offline"]] {
            let output = env.run(args);
            assert!(!output.whole().contains("secretword"), "{}", output.whole());
        }
    }
}

#[test]
fn tls_is_verified() {
    let Some(mut server) = Postgres::start() else { return };
    let url = create_ledger(&server, "encrypted").url().replace("127.0.0.1", "localhost");
    let url = format!("{url}?sslmode=verify-full");
    let status = ["ledger", "status", "-o", "json"];
    let env = TestEnv::new().local().env("KUSTOM_LEDGER", &url).env("PGPASSWORD", PASSWORD);
    let _ = env.run(status).assert_code(6).assert_stderr("TLS");
    for (issuer, name, code) in [
        (tls::authority(), "localhost", 0),
        (tls::authority(), "db.example.com", 6),
        (tls::stranger(), "localhost", 6),
    ] {
        server.stop();
        let (certificate, key) = tls::certificate(issuer, name);
        server.restart_with_tls(&certificate, &key);
        let output = env.run(status).assert_code(code);
        assert!(code == 0 || output.stderr.contains("certificate"), "{}", output.stderr);
    }
    let root = env.file("root.pem", tls::stranger().pem());
    let _ = env
        .command(status)
        .env("KUSTOM_LEDGER", format!("{url}&sslrootcert={}", root.display()))
        .run()
        .assert_code(0);
}

#[test]
fn a_till_needs_few_rights() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database("rights");
    database.sql(&format!("CREATE ROLE \"till one\" LOGIN PASSWORD '{PASSWORD}'"));
    let admin = TestEnv::new().local().env("KUSTOM_LEDGER", database.url()).env("PGPASSWORD", PASSWORD);
    let url = database.url().replace("postgres@", "till%20one@");
    let mut shop = Shop::open();
    let machine = machine(&shop, &url, "1");
    let before = machine.run(["ledger", "status"]).assert_code(6).assert_stderr("there is no ledger in ");
    assert!(before.stderr.contains("ledger init`"), "{}", before.stderr);
    let _ = machine.run(["ledger", "init"]).assert_code(6).assert_stderr("permission denied");
    let sql = admin.run(["ledger", "init", "--print-sql", "--role", "till one"]).ok();
    assert_eq!(machine.run(["ledger", "status"]).code, Some(6), "printing changes nothing");
    database.sql(&sql);
    let _ = admin.run(["ledger", "init", "--role", "till one"]).assert_code(0);
    let sale = shop.sale(true);
    let _ = machine.run(sale.args()).assert_code(0);
    let _ = machine.run(sale.args()).assert_code(DUPLICATE);
    let pruned = machine.run(["sessions", "list", "--prune", "1ms"]);
    assert!(matches!(pruned.code, Some(0 | 6)), "{}", pruned.stderr);
}

#[test]
fn attempts_are_exported_and_imported() {
    let mut shop = Shop::open();
    let (one, two) = (shop.sale(true), shop.sale(true));
    for sale in [&one, &two] {
        shop.command(sale).run().ok();
    }
    let exported = shop.env.run(["ledger", "export"]).ok();
    assert_eq!(exported.lines().count(), 2);
    let file = shop.env.file("attempts.ndjson", &exported);
    let other = TestEnv::new().at_emulator(&shop.wire.url());
    let imported = other.command(["ledger", "import", "-"]).stdin(exported.as_str()).run().assert_code(0);
    assert_eq!(imported.err(), "Imported 2 attempts.\n");
    let again = other.run(["ledger", "import", &file.display().to_string()]).assert_code(0);
    assert_eq!(again.err(), "Imported 0 attempts; 2 were there already.\n");
    let _ = other.run(one.args()).assert_code(DUPLICATE);
    assert_eq!(other.run(["ledger", "export"]).ok(), exported);
    let broken = format!("{exported}{{\"id\": 1}}\n");
    let rejected =
        TestEnv::new().local().command(["ledger", "import", "-"]).stdin(broken).run().assert_code(2);
    assert!(
        rejected.stderr.starts_with("error: line 3 is neither an attempt nor an order change"),
        "{}",
        rejected.stderr
    );
    if let Some(server) = Postgres::shared() {
        let database = create_ledger(server, "imported");
        let machine = machine(&shop, &database.url(), "1");
        let _ = machine.command(["ledger", "import", "-"]).stdin(exported.as_str()).run().assert_code(0);
        assert_eq!(machine.run(["ledger", "export"]).ok(), exported);
        let _ = machine.run(two.args()).assert_code(DUPLICATE);
    }
}
