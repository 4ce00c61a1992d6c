//! Plain HTTP to another machine: only to a host of a private network that was named, and never with an account of
//! production or playground.

use crate::common::prelude::*;

/// An address of this machine that is not loopback, for a server that other machines could be.
fn private_address() -> Option<std::net::Ipv4Addr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent.
    socket.connect("192.0.2.1:9").ok()?;
    match socket.local_addr().ok()?.ip() {
        std::net::IpAddr::V4(address) if address.is_private() => Some(address),
        _ => None,
    }
}

#[test]
fn an_emulator_in_a_private_network_is_used_if_its_host_is_named() {
    let Some(address) = private_address() else { return };
    let server = Server::on((address, 0).into(), |_| {
        Reply::json(200, &serde_json::json!({"content": [], "last": true}))
    });
    let (url, host) = (format!("http://{address}:{}", server.port()), address.to_string());
    let list = ["devices", "list"];
    let local = || TestEnv::new().local().env("KUSTOM_BASE_URL", &url);
    let said = local().run(list).assert_failure(2);
    assert!(said.contains("it is plain http to another machine") && said.contains("--allow-http"), "{said}");
    local().run(["devices", "list", "--allow-http", "10.255.255.2"]).assert_failure(2);
    let public = TestEnv::new().local().env("KUSTOM_BASE_URL", "http://93.184.216.34");
    public.run(["devices", "list", "--allow-http", "93.184.216.34"]).assert_failure(2);
    let profile = |environment: &str| {
        TestEnv::new().with_profiles(&format!(
            "active = \"x\"\n[profiles.x]\nenvironment = \"{environment}\"\napi_key = \"kco_test_api_emulator\"\n\
             base_url = \"{url}\"\nallow_http = \"{host}\"\n"
        ))
    };
    profile("playground")
        .run(list)
        .assert_failure_with(2, "allow_http is only for profiles of the environment local");
    server.assert_untouched();
    local().run(["devices", "list", "--allow-http", &host]).ok();
    local().env("KUSTOM_ALLOW_HTTP", &host).run(list).ok();
    profile("local").run(list).ok();
    assert_eq!(server.lines(), ["GET /ipp/v1/devices"; 3]);
}

#[test]
fn a_key_of_an_account_is_never_sent_in_plain_text() {
    let allow = ["devices", "list", "--allow-http", "10.255.255.1"];
    for (key, environment) in [
        ("kco_live_api_0123456789", "production"),
        ("kco_test_api_0123456789", "playground"),
        ("a-shared-secret-1", "production"),
    ] {
        let env = TestEnv::new().at("http://10.255.255.1:9", key);
        let said = env.run(allow).assert_failure(2);
        assert!(said.contains("only for emulators") && said.contains(environment), "{said}");
    }
    let env = TestEnv::new().local().at("http://10.255.255.1:9", "kco_live_api_0123456789");
    env.run(allow).assert_failure_with(3, "does not belong to local");
}

#[test]
fn login_allows_plain_http_as_other_commands_do() {
    let Some(address) = private_address() else { return };
    let server = Server::on((address, 0).into(), |_| {
        Reply::json(200, &serde_json::json!({"content": [], "last": true}))
    });
    let (url, host) = (format!("http://{address}:{}", server.port()), address.to_string());
    let login = |env: &TestEnv, key: &str, more: &[&str]| {
        let args = ["login", "--profile", "shared", "--api-key-stdin"];
        env.command([&args[..], more].concat()).stdin(key).run()
    };
    let (emulator, local) = ("kco_test_api_emulator", ["--environment", "local", "--base-url", &url]);
    let allowed = [&local[..], &["--allow-http", &host]].concat();

    let env = TestEnv::new();
    let said = login(&env, emulator, &local)
        .assert_failure_with(2, "error: the base URL from --base-url cannot be used: it is plain http");
    assert!(said.contains("--allow-http"), "{said}");
    login(&env, emulator, &[&local[..], &["--allow-http", "10.255.255.2"]].concat()).assert_failure(2);
    let public =
        ["--environment", "local", "--base-url", "http://93.184.216.34", "--allow-http", "93.184.216.34"];
    login(&env, emulator, &public).assert_failure(2);
    for (key, more, code) in [
        ("kco_live_api_0123456789", &["--environment", "local"][..], 3),
        ("kco_live_api_0123456789", &[], 2),
        (emulator, &["--environment", "playground"], 2),
        (emulator, &[], 2),
    ] {
        let args = [more, &["--base-url", &url, "--allow-http", &host]].concat();
        login(&env, key, &args).assert_failure(code);
    }
    assert!(!env.profiles_file().exists());
    server.assert_untouched();

    // The profile has all that it needs, and a login that replaces it keeps the host.
    let _ = login(&env, emulator, &allowed).assert_code(0);
    let stored = std::fs::read_to_string(env.profiles_file()).unwrap();
    assert!(stored.contains(&format!("allow_http = \"{host}\"")), "{stored}");
    env.run(["devices", "list"]).ok();
    let _ = login(&env, emulator, &local).assert_code(0);
    let from_variables = TestEnv::new().env("KUSTOM_BASE_URL", &url).env("KUSTOM_ALLOW_HTTP", &host);
    let _ = login(&from_variables, emulator, &["--environment", "local"]).assert_code(0);
    assert_eq!(server.lines(), ["GET /ipp/v1/devices"; 4]);
    let set = ["profiles", "set", "--profile", "shared", "base_url", "http://10.255.255.2:9"];
    env.run(set).assert_failure(2);
    env.run([&set[..], &["--allow-http", "10.255.255.2"]].concat()).ok();
}

#[test]
fn a_name_of_a_public_address_is_not_used() {
    // It resolves to a public address, or not at all.
    let env = TestEnv::new().local().env("KUSTOM_BASE_URL", "http://api.kustom.co.example:9");
    let said = env.run(["devices", "list", "--allow-http", "api.kustom.co.example"]).assert_failure(6);
    assert!(said.contains("does not resolve") || said.contains("no private address"), "{said}");
    let env = TestEnv::new().local().env("KUSTOM_BASE_URL", "http://api.kustom.co");
    env.run(["devices", "list", "--allow-http", "api.kustom.co"]).assert_failure(3);
}

#[test]
fn callbacks_go_to_a_named_host_of_a_private_network() {
    let env = TestEnv::new();
    env.file("secret", "whsec_Zm9yIGNhbGxiYWNrcyBhbG9uZQ==");
    let Some(address) = private_address() else { return };
    let server = Server::on(std::net::SocketAddr::from((address, 0)), |_| Reply::empty(204));
    let url = format!("http://{address}:{}/x", server.port());
    let trigger = ["dev", "trigger", "payment.failed", "--to", &url, "--secret-file", "secret"];
    env.run(trigger).assert_failure_with(2, "--allow-http HOST");
    server.assert_untouched();
    env.command(trigger).env("KUSTOM_ALLOW_HTTP", address.to_string()).run().ok();
    env.run(trigger.iter().copied().chain(["--allow-http", &address.to_string()])).ok();
    assert_eq!(server.lines(), ["POST /x", "POST /x"]);
}
