//! The bodies and carts that a user writes: what the check for duplicates and the confirmation cannot read is rejected.

use crate::common::prelude::*;

const DEVICE: &str = "11111111-1111-4111-8111-111111111111";

fn dry_run(env: &TestEnv, flag: &str, content: impl AsRef<[u8]>) -> CommandOutput {
    let file = env.file("input", content).into_os_string();
    let mut args: Vec<std::ffi::OsString> =
        ["sessions", "create", "--dry-run", "-o", "json"].map(Into::into).into();
    args.extend([flag.into(), file]);
    if flag == "--cart" {
        args.extend(["--device", DEVICE, "--currency", "SEK"].map(Into::into));
    }
    env.run(args)
}

fn amount_of(env: &TestEnv, flag: &str, content: impl AsRef<[u8]>) -> i64 {
    let request = dry_run(env, flag, content).json_with(0);
    let amount = &request["body"]["order_amount"];
    // `2000.0` is sent as it is written.
    amount.to_string().trim_end_matches(".0").parse().expect("an amount")
}

#[test]
fn a_body_with_a_field_that_the_guard_cannot_read_is_rejected() {
    let server = Server::unwanted();
    let env = server.env();
    for (field, value, named) in [
        ("merchant_reference1", "1001", "merchant_reference1 is 1001"),
        ("merchant_reference2", "[\"r\"]", "merchant_reference2 is [\"r\"]"),
        ("order_amount", "\"24950\"", "order_amount is \"24950\""),
        ("order_amount", "249.5", "order_amount is 249.5"),
        ("order_amount", "-1", "order_amount is -1"),
        ("order_tax_amount", "[1]", "order_tax_amount is [1]"),
        ("purchase_currency", "\"sek\"", "purchase_currency is \"sek\""),
        ("device_id", "17", "device_id is 17"),
        ("device_id", "\"Till 1\"", "device_id is \"Till 1\""),
        (
            "device_id",
            "\"11111111111141118111111111111111\"",
            "device_id is \"11111111111141118111111111111111\"",
        ),
        ("purchase_started_at", "1764190000", "purchase_started_at is 1764190000"),
        ("order_items", "{}", "order_items is {}"),
        ("order_items", "[5]", "order_items[0] is 5"),
        ("order_items", "[{\"unit_price\":\"1\"}]", "order_items[0].unit_price is \"1\""),
    ] {
        let mut fields = vec![
            ("device_id", format!("\"{DEVICE}\"")),
            ("order_amount", "24950".to_owned()),
            ("purchase_currency", "\"SEK\"".to_owned()),
        ];
        fields.retain(|(known, _)| *known != field);
        fields.push((field, value.to_owned()));
        let body: Vec<_> = fields.iter().map(|(field, value)| format!("\"{field}\":{value}")).collect();
        let body = format!("{{{}}}", body.join(","));
        env.command(["sessions", "create", "--body", "-"])
            .stdin(body)
            .run()
            .assert_failure_with(2, &format!("error: --body: {named}, but must be "));
    }
    let body = format!(r#"{{"device_id":"{DEVICE}","purchase_currency":"SEK"}}"#);
    let said = dry_run(&env, "--body", body).assert_failure(2);
    assert!(said.contains("order_amount is missing; it must be an integer of minor units"), "{said}");
    let others =
        r#""merchant_reference1":null,"new":[1],"order_items":[{"unit_price":100.0,"total_amount":100}]"#;
    let body = format!(
        r#"{{"device_id":"{}","order_amount":1e2,"purchase_currency":"SEK",{others}}}"#,
        DEVICE.to_uppercase()
    );
    let _ = dry_run(&env, "--body", body).assert_code(0);
    server.assert_untouched();
}

#[test]
fn an_integer_may_be_written_with_a_zero_fraction_in_requests_and_responses() {
    let env = TestEnv::new().local();
    let body = format!(r#"{{"device_id":"{DEVICE}","order_amount":24950.0,"purchase_currency":"SEK"}}"#);
    assert_eq!(amount_of(&env, "--body", &body), 24_950);
    let cart = r#"{"order_items":[{"name":"x","unit_price":1000.0,"quantity":2.0,"tax_rate":2500.0}],"order_amount":2000.0}"#;
    assert_eq!(amount_of(&env, "--cart", cart), 2000);
    assert_eq!(amount_of(&env, "--cart", "name,unit_price,quantity,tax_rate\nx,1000.0,2.0,0.0\n"), 2000);
    let session = format!(
        r#"{{"session_id":"{DEVICE}","status":"FINALIZED","order_amount":24950.0,"purchase_currency":"SEK"}}"#
    );
    let server = Server::always(Reply::new(200, "application/json", session));
    let shown = server.env().run(["sessions", "get", DEVICE]).ok();
    assert!(shown.contains("249.50 SEK"), "{shown}");
}

#[test]
fn a_key_that_occurs_twice_is_rejected_in_every_json_input() {
    let server = Server::unwanted();
    let env = server.env();
    let body =
        format!(r#"{{"device_id":"{DEVICE}","order_amount":1,"order_amount":2,"purchase_currency":"SEK"}}"#);
    let cart = r#"[{"name":"x","unit_price":1,"tax_rate":0,"unit_price":2}]"#;
    for (flag, content, key) in [("--body", body.as_str(), "order_amount"), ("--cart", cart, "unit_price")] {
        dry_run(&env, flag, content)
            .assert_failure_with(2, &format!("the key '{key}' occurs twice at line 1 column "));
    }
    let api = env.command(["api", "POST", "/ipp/v1/enrollments", "--body", "-"]).stdin(body.as_str()).run();
    api.assert_failure_with(2, "the key 'order_amount' occurs twice");
    server.assert_untouched();
}

#[test]
fn production_names_the_amount_of_a_raw_request_or_rejects_it() {
    let server = Server::unwanted();
    let env = TestEnv::new().at(&server.url(), "kco_live_api_1");
    let run = |path: &str, body: &str| {
        env.command(["api", "POST", path, "--yes", "--body", "-"]).stdin(body).run().assert_failure(2)
    };
    let sale = format!(r#"{{"device_id":"{DEVICE}","order_amount":"5","purchase_currency":"SEK"}}"#);
    for path in ["/ipp/v1/sessions", "ipp/v1/%73essions/"] {
        let said = run(path, &sale);
        assert!(said.starts_with("error: --body: order_amount is \"5\", but must be "), "{said}");
    }
    let said = run("/ordermanagement/v1/orders/o/refunds", r#"{"refunded_amount":"5"}"#);
    assert!(said.starts_with("error: --body: refunded_amount is \"5\", but must be "), "{said}");
    server.assert_untouched();
}

#[test]
fn a_discount_with_the_wrong_sign_is_rejected_in_every_form() {
    let env = TestEnv::new().local();
    let item = |fields: &Value| {
        let total = &fields["total_amount"];
        json!({
            "device_id": DEVICE, "order_amount": total, "purchase_currency": "SEK", "order_items": [fields],
        })
    };
    let negative = "the discount is -10.00, but must not be negative";
    let positive = "it is a discount, so its price must be negative";
    let larger = "the discount is 101.00, but the line without it is only 100.00";
    for (flag, content, expected) in [
        (
            "--cart",
            json!([{"name": "x", "unit_price": 10_000, "tax_rate": 0, "total_discount_amount": -1000}]),
            negative,
        ),
        ("--cart", json!([{"name": "x", "price": "10.00", "type": "discount"}]), positive),
        ("--cart", json!([{"name": "x", "price": 100, "discount": "101.00"}]), larger),
        (
            "--body",
            item(&json!({"unit_price": 10_000, "total_amount": 11_000, "total_discount_amount": -1000})),
            negative,
        ),
        ("--body", item(&json!({"unit_price": 1000, "total_amount": 1000, "type": "discount"})), positive),
        (
            "--body",
            item(&json!({"unit_price": 10_000, "total_amount": 1, "total_discount_amount": 10_100})),
            larger,
        ),
    ] {
        dry_run(&env, flag, content.to_string()).assert_failure_with(2, expected);
    }
    for (content, expected) in [
        ("name,unit_price,tax_rate,total_discount_amount\nx,10000,0,-1000\n", negative),
        ("name,price,type\nx,10.00,discount\n", positive),
        ("name,price,discount\nx,100.00,101.00\n", larger),
    ] {
        dry_run(&env, "--cart", content).assert_failure_with(2, expected);
    }
    let create = ["sessions", "create", "--dry-run", "--device", DEVICE, "--item"];
    for (line, expected) in [
        ("x,price=10.00,qty=2,type=Discount", positive),
        ("x,price=10.00,qty=10,discount=101.00", larger),
        ("x,price=10.00,discount=-1.00", "discount: '-1.00' is negative"),
    ] {
        env.run(create.iter().chain([&line])).assert_failure_with(2, expected);
    }
}

#[test]
fn carts_are_read_as_spreadsheets_and_windows_programs_save_them() {
    let env = TestEnv::new().local();
    let utf16 = |text: &str| {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect::<Vec<u8>>()
    };
    let csv = "name;price;qty\r\nKaffe;35.00;2\r\n";
    for content in [
        format!("{csv};;\r\n;;;;\r\n   \r\n").into_bytes(),
        format!("sep=;\r\n{csv}").into_bytes(),
        format!("\"sep=;\"\r\n{csv}").into_bytes(),
        format!("sep=;;;\r\n{csv}").into_bytes(),
        b"sep=|\nname|price|qty\nKaffe|35.00|2\n".to_vec(),
        b"\n,,,\nname,price,qty,,\nKaffe,35.00,2,,\n".to_vec(),
        b"\xef\xbb\xbfname,price,qty\nKaffe,35.00,2\n".to_vec(),
        "name,price,qty\nKaffe,\u{a0}35.00,2\u{a0}\n\u{a0},,\n".into(),
        utf16(csv),
        utf16(r#"[{"name": "Kaffe", "price": "35.00", "qty": 2}]"#),
    ] {
        assert_eq!(amount_of(&env, "--cart", &content), 7000, "{}", String::from_utf8_lossy(&content));
    }
    let body = format!(r#"{{"device_id":"{DEVICE}","order_amount":7000,"purchase_currency":"SEK"}}"#);
    assert_eq!(amount_of(&env, "--body", utf16(&body)), 7000);
    assert_eq!(amount_of(&env, "--body", format!("\u{feff}{body}")), 7000);
    dry_run(&env, "--cart", b"name,price\nK\xf6tt,1\n")
        .assert_failure_with(2, "\"--cart: it is not text in UTF-8\"");
}

#[test]
fn a_tax_in_percent_is_a_warning_and_one_minor_unit_per_line_is_accepted() {
    let env = TestEnv::new().local();
    for (cart, warnings) in [
        ("unit_price,tax_rate\nx,10000,25\n", &["the tax rate is 25 basis points, which is 0.25 %"][..]),
        ("unit_price,tax_rate\nx,10000,100\nx,10000,2500\n", &[]),
        (
            "price,tax,type\nx,1,25%,physical\nx,1,300%,gift\nx,1,,\nx,1,,\n",
            &[
                "no tax is given in lines 3, 4, so none is sent",
                "the tax rate in line 2 is more than 100%",
                "the line type 'gift' is not documented, so the API may reject it",
            ],
        ),
    ] {
        let said = dry_run(&env, "--cart", format!("name,{cart}")).assert_code(0).stderr;
        assert_eq!(said.matches("\"warning\"").count(), warnings.len(), "{said}");
        assert!(warnings.iter().all(|warning| said.contains(warning)), "{said}");
    }
    let cart = |tax: i64| {
        let line = json!({"name": "x", "unit_price": 10_000, "tax_rate": 1200});
        json!({"order_items": [line, line], "order_tax_amount": tax}).to_string()
    };
    for tax in [2140, 2144] {
        let request: Value =
            serde_json::from_str(&dry_run(&env, "--cart", cart(tax)).ok()).expect("a request");
        assert_eq!(request["body"]["order_tax_amount"], tax);
    }
    dry_run(&env, "--cart", cart(2145))
        .assert_failure_with(2, "order_tax_amount is 21.45, but the lines add up to 21.42");
}

#[test]
fn a_reference_is_trimmed_before_it_is_sent() {
    let env = TestEnv::new().local();
    let create = ["sessions", "create", "--dry-run", "-o", "json", "--device", DEVICE, "--amount", "1.00"];
    let request = env.run(create.iter().chain(&["--reference", "\u{a0}r-1 \r\n"])).json();
    assert_eq!(request["body"]["merchant_reference1"], "r-1");
    env.run(create.iter().chain(&["--reference", " \r\n"]))
        .assert_failure_with(2, "\"--reference is empty\"");
}
