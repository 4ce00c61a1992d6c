//! What surrounds kustom: variables, files that other programs leave, commands for the key, proxies and certificates.

use std::path::Path;

use crate::common::prelude::*;

#[test]
fn a_path_of_a_variable_does_not_depend_on_the_current_directory() {
    let env = TestEnv::new();
    for (name, value) in
        [("KUSTOM_STATE", "state"), ("KUSTOM_CONFIG", "./profiles.toml"), ("KUSTOM_STATE", "~anna/x")]
    {
        let said = env.command(["profiles", "list"]).env(name, value).run().assert_failure(2);
        assert_eq!(
            said,
            format!(
                "error: {name} is a relative path, which depends on the current directory\n  \
                 hint: write an absolute path into {name}\n"
            )
        );
    }
    let local = ["dev", "create-device", "--name", "T", "--location", "Stockholm City"];
    let home =
        |state: &str| env.command(local).env("KUSTOM_PROFILE", "local").env("KUSTOM_STATE", state).run().ok();
    let _ = home("~/kept");
    assert!(env.path().join("kept/local.json").exists());
    let said = env.command(["profiles", "list"]).env("KUSTOM_STATE", "~/x").env("HOME", "home").run();
    said.assert_failure(2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_relative_xdg_variable_or_home_is_rejected_and_a_tilde_is_expanded() {
    let env = TestEnv::new().local();
    let list = |variables: &[(&str, &str)]| {
        let device = ["dev", "create-device", "--name", "T", "--location", "Stockholm City"];
        let command = env.command(device).env("KUSTOM_STATE", "").env("KUSTOM_CONFIG", "");
        variables.iter().fold(command, |command, (name, value)| command.env(name, value)).run()
    };
    for name in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "HOME"] {
        list(&[(name, "relative")]).assert_failure_with(2, &format!("error: {name} is a relative path"));
    }
    let _ = list(&[("XDG_STATE_HOME", "~/state here")]).ok();
    assert!(env.path().join("state here/kustom").exists());
}

#[test]
fn a_key_is_recognized_wherever_it_stands() {
    let playground = Server::always(Reply::json(200, &json!({"content": []})));
    let env = TestEnv::new().with_profiles(&format!(
        "active = \"p\"\n[profiles.p]\nenvironment = \"playground\"\nbase_url = \"{}\"\napi_key = \"{KEY}\"\n",
        playground.url()
    ));
    let list = |key: &str| env.command(["devices", "list"]).env("KUSTOM_API_KEY", key).run();
    for key in [
        "\"kco_live_api_1\"",
        "' kco_live_api_1 '",
        "KCO_LIVE_api_1",
        "KUSTOM_API_KEY=kco_live_api_1",
        "export K=\"kco_live_api_1\"",
        "\"KUSTOM_API_KEY=kco_live_api_1\"",
        "\u{feff}kco_live_api_1\r\n",
        "c2hvcDprY29fbGl2ZV9hcGlfeA==",
    ] {
        list(key)
            .assert_failure_with(3, "a kco_live_… key (from KUSTOM_API_KEY) does not belong to playground");
    }
    for key in [
        "\"kco_live_api_1",
        "kco_live_api_1'",
        "key: kco_live_api_1",
        "a:kco_live_api_1",
        "a=b=kco_live_api_1",
        " \n",
        "kco test",
        "kco_tést",
    ] {
        let said = list(key).assert_failure(2);
        assert!(said.starts_with("error: KUSTOM_API_KEY: ") && !said.contains("api_1"), "{said}");
    }
    playground.assert_untouched();
    let _ = list(&format!("'{KEY}'\n")).ok();
    assert_eq!(playground.asked()[0].header("authorization"), Some(&*format!("Basic {KEY}")));
}

#[test]
fn a_callback_secret_may_have_another_form() {
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
    let application = Server::always(Reply::empty(200));
    let env = TestEnv::new();
    let trigger = |content: &str| {
        let file = env.file("secret", content).display().to_string();
        env.run(["dev", "trigger", "session.finalized", "--to", &application.url(), "--secret-file", &file])
    };
    let _ = trigger(secret).ok();
    for content in [
        "v1,whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
        "'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3'",
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\r\n",
        "\u{feff}\"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\"",
        "SECRET=whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
        "export SECRET=\"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\"",
    ] {
        let _ = trigger(content).assert_code(0).assert_stderr("as a secret of 24 bytes");
    }
    let unpadded = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NQ";
    let _ = trigger(unpadded).ok();
    for content in [
        "kco_test_api_0123456789",
        "KEY=kco_live_api_0123456789abcdef",
        "a word",
        "MDEyMzQ1",
        " \n",
        "whsec_",
        "whsec_!",
        "whsec_MDEy\nwhsec_MDEy",
    ] {
        let said = trigger(content).assert_failure(2);
        assert!(said.contains("does not contain a callback secret: ") && !said.contains("0123"), "{said}");
    }
}

#[test]
fn the_command_for_the_key_gets_no_standard_input_and_is_done_when_it_exits() {
    let server = Server::always(Reply::json(200, &json!({"content": []})));
    let started = std::time::Instant::now();
    for command in [
        "cat > /dev/null; echo kco_test_api_1",
        "sleep 100 & echo kco_test_api_1",
        "printf 'kco_test_api_1\\nuser: anna\\nurl: x\\n'",
    ] {
        let env = TestEnv::new().with_profiles(&format!(
            "active = \"p\"\n[profiles.p]\nenvironment = \"playground\"\nbase_url = \"{}\"\napi_key_command = {command:?}\n",
            server.url()
        ));
        let body = env.command(["api", "PUT", "/x", "--body", "-"]).stdin("{\"a\":1}").run().assert_code(0);
        assert_eq!(body.stderr, "", "{command}");
        let asked = server.asked();
        let last = asked.last().expect("a request");
        assert_eq!(
            (last.body.as_slice(), last.header("authorization")),
            (&b"{\"a\":1}"[..], Some("Basic kco_test_api_1"))
        );
    }
    assert!(started.elapsed().as_secs() < 60, "it was waited for a program that was left behind");
    let endless = TestEnv::new().with_profiles(
        "active = \"p\"\n[profiles.p]\nenvironment = \"playground\"\napi_key_command = \"yes\"\n",
    );
    endless
        .run(["devices", "list"])
        .assert_failure_with(3, "error: the command for the API key printed more than 64 KiB\n");
}

#[test]
fn a_file_that_is_a_link_is_replaced_where_the_link_leads() {
    use std::os::unix::fs::symlink;
    let env = TestEnv::new();
    let link = |name: &str, target: &str| {
        let path = env.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        symlink(env.path().join(target), &path).expect("a link");
        path
    };
    std::fs::create_dir(env.path().join("real")).expect("a folder");
    let scenario = env.path().join("s.toml").display().to_string();
    env.run(["dev", "run", "--init", &scenario]).ok();
    let report = link("report.xml", "real/report.xml");
    env.run(["dev", "run", &scenario, "--junit", &report.display().to_string()]).ok();
    let profiles = link("config/profiles.toml", "real/profiles.toml");
    let login = ["login", "--profile", "a", "--api-key-stdin", "--no-check"];
    env.command(login).stdin("kco_test_api_1\n").run().ok();
    let state = link("state/local.json", "real/local.json");
    let device =
        ["dev", "create-device", "--name", "T", "--location", "Stockholm City", "--profile", "local"];
    env.run(device).ok();
    for (path, target) in [(report, "report.xml"), (profiles, "profiles.toml"), (state, "local.json")] {
        assert!(path.is_symlink(), "{target} became a file");
        let written = std::fs::read_to_string(env.path().join("real").join(target));
        assert!(written.is_ok_and(|text| !text.is_empty()), "{target}");
    }
}

#[test]
fn the_files_of_editors_are_no_scenarios() {
    let env = TestEnv::new();
    let _ = env.file("shop/.keep", "");
    let scenario = env.path().join("shop/sale.toml").display().to_string();
    env.run(["dev", "run", "--init", &scenario]).ok();
    std::os::unix::fs::symlink("anna@till.4711", env.path().join("shop/.#sale.toml")).expect("a link");
    let _ = env.file("shop/._sale.toml", b"\0\x05\x16\x07Mac OS X\xff");
    let _ = env.file("shop/.git/x.toml", "?");
    env.run([Path::new("dev"), Path::new("run"), &env.path().join("shop")]).ok();
}

#[test]
fn the_proxy_is_named_and_not_the_host() {
    let refusing =
        TestEnv::new().env("KUSTOM_API_KEY", KEY).env("HTTPS_PROXY", "http://anna:secret@127.0.0.1:1");
    let list = ["devices", "list"];
    assert_eq!(
        refusing.run(list).assert_failure(6),
        "error: cannot reach the Kustom API: the proxy http://127.0.0.1:<port> (HTTPS_PROXY) refused the connection; correct \
         HTTPS_PROXY, or add api.playground.kustom.co to NO_PROXY (4 attempts)\n  \
         hint: nothing was sent; check the network with `kustom doctor`\n"
    );
    let unknown = TestEnv::new().env("KUSTOM_API_KEY", KEY).env("https_proxy", "socks5h://proxy.invalid");
    unknown.run(list).assert_failure_with(6, "socks5h://proxy.invalid (https_proxy)");
    let asking = Server::always(Reply::empty(407));
    let env = TestEnv::new().env("KUSTOM_API_KEY", KEY).env("ALL_PROXY", asking.url());
    env.run(list).assert_failure_with(6, "(ALL_PROXY) asks for a password (HTTP 407)");
    assert_eq!(asking.asked().len(), 1, "a request that needs a password was sent again");
    for (value, expected) in [
        ("http://[", "HTTPS_PROXY is not the URL of a proxy"),
        ("gopher://p", "HTTPS_PROXY names a proxy of the kind 'gopher'"),
    ] {
        let env = TestEnv::new().env("KUSTOM_API_KEY", KEY).env("HTTPS_PROXY", value);
        env.run(list).assert_failure_with(2, &format!("error: {expected}"));
        let said = env.run(["doctor"]).assert_code(2).stdout;
        assert!(said.contains(expected), "{said}");
    }
    let doctor = refusing.run(["doctor", "--offline"]).ok();
    let row = "(HTTPS_PROXY) is used for api.playground.kustom.co";
    assert!(doctor.contains(row) && !doctor.contains("secret"), "{doctor}");
}

#[cfg(target_os = "linux")]
#[test]
fn trusted_certificates_that_cannot_be_read_are_named() {
    let env = TestEnv::new().at("https://127.0.0.1:1", KEY);
    let der = env.file("company.der", b"0\x82\x01");
    for (value, problem) in [
        (env.path().join("missing.pem"), "No such file or directory"),
        (der, "it contains no certificate in PEM"),
    ] {
        let said = env.command(["devices", "list"]).env("SSL_CERT_FILE", &value).run().assert_failure(2);
        let file = value.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(
            said.starts_with("error: SSL_CERT_FILE is ") && said.contains(&file) && said.contains(problem),
            "{said}"
        );
        let _ = env
            .command(["doctor", "--offline"])
            .env("SSL_CERT_FILE", &value)
            .run()
            .assert_code(2)
            .assert_stdout("SSL_CERT_FILE is ")
            .assert_stdout(problem);
    }
    env.command(["devices", "list"])
        .env("SSL_CERT_DIR", "/missing")
        .run()
        .assert_failure_with(2, "error: SSL_CERT_DIR is /missing: ");
}

#[test]
fn colors_and_the_time_zone_follow_the_environment() {
    let env = TestEnv::new().local();
    let colors = |variables: &[(&str, &str)]| {
        let command =
            variables.iter().fold(env.command(["--help"]), |command, (name, value)| command.env(name, value));
        command.run().ok().contains('\u{1b}')
    };
    for (variables, expected) in [
        (&[][..], false),
        (&[("CLICOLOR_FORCE", "1")], true),
        (&[("FORCE_COLOR", "1")], true),
        (&[("FORCE_COLOR", "0")], false),
        (&[("CLICOLOR_FORCE", "0")], false),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        (&[("CLICOLOR", "1")], false),
    ] {
        assert_eq!(colors(variables), expected, "{variables:?}");
    }
    let zone = env.command(["locations", "list"]).env("TZ", "Europe/Stokholm\r").run().assert_code(0);
    let warning = "warning: TZ is 'Europe/Stokholm\\r', which is not a time zone, so times are in UTC\n";
    assert_eq!(zone.stderr, warning);
}

#[test]
fn in_continuous_integration_nothing_is_asked() {
    use crate::common::pty::PtySession;
    let env = TestEnv::new().local();
    let shown =
        PtySession::open(&env, ["sessions", "create", "--amount", "1.00"], &[("CI", "true")]).end_with(2);
    assert!(shown.contains("no device is given"), "{shown}");
}

#[test]
fn typed_paths_and_addresses_are_completed() {
    let server = Server::always(Reply::json(200, &json!({"content": []})));
    let env = TestEnv::new().at(&server.url().replace("http://", ""), KEY).env("KUSTOM_MERCHANT_ID", "M-1");
    for path in [
        "ipp/v1/devices",
        "C:/Program Files/Git/ipp/v1/devices",
        "d:\\msys64\\ipp\\v1\\devices",
        "/ipp/v1/devices",
    ] {
        env.run(["api", "GET", path]).ok();
    }
    env.run(["api", "HEAD", "/ipp/v1/devices"]).ok();
    for asked in server.asked() {
        assert_eq!(asked.target, "/ipp/v1/devices");
        assert_eq!(asked.header("x-merchant-id"), Some("M-1"), "{}", asked.method);
    }
    assert_eq!(server.lines().len(), 5);
}

/// The names of this machine as people type them, with the path that they add.
fn own_names(port: u16) -> Vec<(String, &'static str)> {
    [
        (format!("localhost:{port}"), "/"),
        (format!("localhost:{port}/x"), "/x"),
        (format!("localhost.:{port}/x"), "/x"),
        (format!("shop.localhost:{port}"), "/"),
        (format!("HTTP://api.shop.localhost.:{port}/x/"), "/x/"),
        (format!(" http://Localhost:{port}/x"), "/x"),
        (format!("127.0.0.1:{port}/x"), "/x"),
    ]
    .into()
}

#[test]
fn a_base_url_is_a_name_of_this_machine_as_people_type_it() {
    let server = Server::always(Reply::json(200, &json!({"content": []})));
    for (url, path) in own_names(server.port()) {
        TestEnv::new().at(&url, KEY).run(["devices", "list"]).ok();
        let asked = server.asked().pop().unwrap();
        assert_eq!(asked.line(), format!("GET {}/ipp/v1/devices", path.trim_end_matches('/')), "{url}");
        let host = asked.header("host").unwrap().to_owned();
        assert!(url.to_ascii_lowercase().contains(&host), "{url}: {host}");
    }
    for other in ["localhost.example", "http://notlocalhost:80", "localhost:port"] {
        TestEnv::new().at(other, KEY).run(["devices", "list"]).assert_failure(2);
    }
}

#[test]
fn callbacks_go_to_a_name_of_this_machine_as_people_type_it() {
    let server = Server::always(Reply::empty(204));
    let env = TestEnv::new();
    env.file("secret", "whsec_Zm9yIGNhbGxiYWNrcyBhbG9uZQ==");
    for (url, path) in own_names(server.port()) {
        let trigger = |to: &str| {
            env.run(["dev", "trigger", "payment.failed", "--to", to, "--secret-file", "secret"]).ok()
        };
        let _ = trigger(&url);
        assert_eq!(server.lines().pop().unwrap(), format!("POST {path}"), "{url}");
        let listen =
            ["webhooks", "listen", "--secret-file", "secret", "--listen", ":0", "--forward-to", &url];
        let listening = env
            .command(listen.iter().chain(&["--ready-file", "ready", "--exit-after", "payment.failed"]))
            .spawn();
        let _ = listening.until_stderr(|stderr| stderr.contains("to stop.\n"));
        let ready = std::fs::read_to_string(env.path().join("ready")).unwrap();
        assert!(ready.starts_with("http://127.0.0.1:"), "{ready}");
        let before = server.lines().len();
        let _ = trigger(ready.trim());
        let _ = listening.wait().assert_code(0);
        assert_eq!(server.lines()[before..], [format!("POST {path}")], "{url}");
    }
}

#[test]
fn a_server_listens_on_this_machine_if_only_a_port_is_typed() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let env = TestEnv::new();
    for typed in [format!(":{free}"), format!("localhost:{free}")] {
        let emulator = env.command(["dev", "emulator", "--listen", &typed]).spawn();
        let stdout = emulator.until_stdout(|stdout| stdout.ends_with('\n'));
        assert_eq!(stdout.lines().next(), Some(&*format!("http://127.0.0.1:{free}")), "{typed}");
        emulator.interrupt();
        let _ = emulator.wait().assert_code(0);
    }
}
