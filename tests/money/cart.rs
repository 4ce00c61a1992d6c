//! Carts: what is typed, or stands in a file, is on the wire to the unit, or is refused before anything is sent.

use crate::common::prelude::*;

const DEVICE: &str = "00000000-0000-4000-8000-0000000000d1";
const CREATE: [&str; 4] = ["sessions", "create", "--device", DEVICE];

fn server() -> Server {
    Server::always(Reply::json(200, &json!({"session_id": DEVICE, "status": "CREATED"})))
}

fn create<'a>(env: &'a TestEnv, words: &[&str]) -> TestCommand<'a> {
    env.command(CREATE.iter().chain(words))
}

fn sent(server: &Server) -> Value {
    let asked = server.asked();
    let last: &Asked = asked.last().expect("a request");
    assert_eq!(last.line(), "POST /ipp/v1/sessions");
    let mut body = last.json();
    let at = body.as_object_mut().expect("an object").shift_remove("purchase_started_at");
    assert!(at.expect("a moment").as_str().expect("a text").parse::<jiff::Timestamp>().is_ok());
    body
}

fn sample() -> Value {
    json!({
        "device_id": DEVICE, "order_amount": 200_000, "order_tax_amount": 40_000, "purchase_currency": "SEK",
        "order_items": [{
            "reference": "SKU-001", "name": "T-Shirt", "quantity": 2, "unit_price": 100_000, "tax_rate": 2500,
            "total_amount": 200_000, "total_tax_amount": 40_000,
        }],
    })
}

#[test]
fn the_contracts_sample_is_on_the_wire_to_the_unit() {
    let server = server();
    let env = server.env();
    let item = "T-Shirt,price=1000.00,qty=2,tax=25%,ref=SKU-001";
    create(&env, &["--currency", "SEK", "--item", item]).run().ok();
    assert_eq!(sent(&server), sample());
    create(&env, &["--currency", "SEK", "--item", item, "--amount", "2000.00"]).run().ok();
    assert_eq!(sent(&server), sample());
    let short = r#"[{"name":"T-Shirt","price":"1000.00","qty":2,"tax":"25%","ref":"SKU-001"}]"#;
    let order = sample();
    let items = order["order_items"].to_string();
    let csv = "name,price,qty,tax,ref\nT-Shirt,1000.00,2,25%,SKU-001\n";
    let bom = format!("\u{feff}{csv}");
    let api = "name,unit_price,quantity,tax_rate,reference,total_amount\r\nT-Shirt,100000,2,2500,SKU-001,200000\r\n";
    let mut sums = order.clone();
    for other in ["device_id", "merchant_reference1"] {
        sums.as_object_mut().expect("an object").remove(other);
    }
    let tabs = csv.replace(',', "\t");
    for text in [short, &items, &sums.to_string(), csv, &bom, &tabs, &csv.replace(',', ";"), api] {
        let file = env.file("cart", text);
        let words = ["--currency", "SEK", "--cart", file.to_str().expect("a path")];
        create(&env, &words).run().ok();
        assert_eq!(sent(&server), sample(), "{text}");
        create(&env, &["--currency", "SEK", "--cart", "-"]).stdin(text).run().ok();
        assert_eq!(sent(&server), sample(), "{text}");
    }
}

#[test]
fn all_that_a_line_can_have() {
    let server = server();
    let env = server.env();
    let items = [
        "--item",
        r#""Shirt, blue",price=100.00,qty=3,tax=12%,discount=50.00,type=physical,ref=SKU-1"#,
        "--item",
        "Voucher,price=-10.00,tax=12%,type=discount",
        "--item",
        "\"Bag \"\"L\"\"\", price=7",
    ];
    let words =
        ["--currency", "SEK", "--reference", "r-1", "--reference2", "r-2", "--merchant-data", "{\"a\":1}"];
    let location = ["--location", DEVICE];
    create(&env, &[&items[..], &words, &location].concat()).run().ok();
    assert_eq!(server.asked()[0].query("location_id"), Some(DEVICE));
    let expected = json!({
        "device_id": DEVICE, "order_amount": 24700, "order_tax_amount": 2679 - 107, "purchase_currency": "SEK",
        "merchant_reference1": "r-1", "merchant_reference2": "r-2", "merchant_data": "{\"a\":1}",
        "order_items": [
            {"type": "physical", "reference": "SKU-1", "name": "Shirt, blue", "quantity": 3, "unit_price": 10000,
             "tax_rate": 1200, "total_discount_amount": 5000, "total_amount": 25000, "total_tax_amount": 2679},
            {"type": "discount", "name": "Voucher", "quantity": 1, "unit_price": -1000, "tax_rate": 1200,
             "total_amount": -1000, "total_tax_amount": -107},
            {"name": "Bag \"L\"", "quantity": 1, "unit_price": 700, "tax_rate": 0, "total_amount": 700,
             "total_tax_amount": 0},
        ],
    });
    assert_eq!(sent(&server), expected);
    // What the API has learnt since is sent as it is.
    let cart = r#"[{"name":"x","unit_price":1,"tax_rate":0,"image_url":"https://example.com/x.png"}]"#;
    create(&env, &["--currency", "SEK", "--cart", "-"]).stdin(cart).run().ok();
    assert_eq!(sent(&server)["order_items"][0]["image_url"], "https://example.com/x.png");
}

#[test]
fn currencies_have_their_own_decimals() {
    let server = server();
    let env = server.env();
    for (currency, price, unit) in [
        ("JPY", "500", 500),
        ("KWD", "1.250", 1250),
        ("KWD", "1.25", 1250),
        ("SEK", "5.5", 550),
        ("SEK", "5", 500),
    ] {
        let item = format!("x,price={price},qty=2,tax=10%");
        create(&env, &["--currency", currency, "--item", &item]).run().ok();
        let body = sent(&server);
        assert_eq!(
            (&body["order_items"][0]["unit_price"], &body["order_amount"]),
            (&json!(unit), &json!(unit * 2))
        );
        create(&env, &["--currency", currency, "--amount", price]).run().ok();
        assert_eq!(sent(&server)["order_amount"], unit);
    }
    let asked = server.asked().len();
    create(&env, &["--currency", "JPY", "--item", "x,price=500.50"])
        .run()
        .assert_failure_with(2, "error: --item 1: price: ");
    create(&env, &["--currency", "KWD", "--amount", "1.2505"])
        .run()
        .assert_failure_with(2, "error: --amount: ");
    assert_eq!(server.asked().len(), asked);
}

#[test]
fn the_profiles_currency_is_the_default() {
    let server = server();
    let text = format!(
        "active = \"x\"\n[profiles.x]\nenvironment = \"playground\"\napi_key = \"{KEY}\"\nbase_url = \"{}\"\n\
         currency = \"NOK\"\n",
        server.url()
    );
    let env = TestEnv::new().with_profiles(&text);
    create(&env, &["--item", "x,price=1.00"]).run().ok();
    assert_eq!(sent(&server)["purchase_currency"], "NOK");
    create(&env, &["--item", "x,price=1", "--currency", "jpy"]).run().ok();
    assert_eq!(
        (&sent(&server)["purchase_currency"], &sent(&server)["order_amount"]),
        (&"JPY".into(), &1.into())
    );
}

#[test]
fn what_does_not_add_up_is_named_and_not_sent() {
    let server = Server::unwanted();
    let env = server.env();
    let whole = |why: &str| format!("error: the cart does not add up: {why}\n  hint: nothing was sent\n");
    let line = r#"{"name":"Cup","unit_price":10000,"quantity":2,"tax_rate":2500"#;
    for (cart, why) in [
        (
            format!("[{line},\"total_amount\":19000}}]"),
            "line 1 (Cup): total_amount is 190.00, but price × quantity − discount is 200.00",
        ),
        (
            format!("[{line}}},{line},\"total_tax_amount\":5000}}]"),
            "line 2 (Cup): total_tax_amount is 50.00, but the tax in its total is 40.00",
        ),
        (
            format!("{{\"order_amount\":19900,\"order_items\":[{line}}}]}}"),
            "order_amount is 199.00, but the lines add up to 200.00",
        ),
        (
            format!("{{\"order_tax_amount\":1,\"order_items\":[{line}}}]}}"),
            "order_tax_amount is 0.01, but the lines add up to 40.00",
        ),
        ("[]".to_owned(), "the cart is empty"),
        ("name,price,qty\nCup,1,0\n".to_owned(), "line 1 (Cup): the quantity is 0, but must be at least 1"),
        (
            r#"[{"name":"Cup","unit_price":1,"tax_rate":-1}]"#.to_owned(),
            "line 1 (Cup): the tax rate is -1 basis points, but must not be negative",
        ),
    ] {
        let said = create(&env, &["--currency", "SEK", "--cart", "-"]).stdin(cart).run().assert_failure(2);
        assert_eq!(&said, &whole(why));
    }
    let words = ["--currency", "SEK", "--item", "Cup,price=100", "--amount", "90.00"];
    assert_eq!(
        &create(&env, &words).run().assert_failure(2),
        &whole("--amount is 90.00, but the lines add up to 100.00")
    );
    assert!(!env.state_folder().exists());
    server.assert_untouched();
}

#[test]
fn what_is_no_cart_is_named_and_not_sent() {
    let server = Server::unwanted();
    let env = server.env();
    for (cart, begins) in [
        ("", "--cart: it is neither JSON, nor CSV with a header row such as name,price,qty,tax"),
        ("[", "--cart: EOF while parsing a list"),
        ("{}", "--cart: missing field `order_items`"),
        ("[1]", "--cart, line 1: it is not an object"),
        (r#"[{"name":"a","price":"1"},{"price":"1"}]"#, "--cart, line 2: 'name' is missing"),
        (r#"[{"name":"a","price":"1","tax":"25"}]"#, "--cart, line 1: tax: '25' is not a tax rate"),
        (
            r#"[{"name":"a","price":"1","unit_price":1}]"#,
            "--cart, line 1: 'price' and 'unit_price' cannot be combined",
        ),
        (r#"[{"name":"a","price":1.005}]"#, "--cart, line 1: price: "),
        (
            r#"[{"name":"a","unit_price":1.5,"tax_rate":0}]"#,
            "--cart, line 1: unit_price: '1.5' is not a whole number",
        ),
        (r#"[{"name":"a","price":"1","colour":"red"}]"#, "--cart, line 1: 'colour' is not known"),
        (r#"[{"name":["a"],"price":1}]"#, "--cart, line 1: 'name' must be a text or a number"),
        ("name,price,price\na,1,2\n", "--cart: the column 'price' occurs twice"),
        ("name,price\na,1\nb,x\n", "--cart, line 3: price: "),
        ("name,price\na,1,2\n", "--cart, line 2: it has 3 cells, but the header row has 2"),
        (r#"{"merchant_reference1":"r","order_items":[]}"#, "--cart: unknown field `merchant_reference1`"),
        (
            r#"{"purchase_currency":"NOK","order_items":[]}"#,
            "--cart is in NOK, but the session would be in SEK",
        ),
    ] {
        create(&env, &["--currency", "SEK", "--cart", "-"])
            .stdin(cart)
            .run()
            .assert_failure_with(2, &format!("error: {begins}"));
    }
    for (item, begins) in [
        ("Cup", "--item 1: 'price' is missing"),
        ("", "--item 1: 'name' is missing"),
        ("Cup,price", "--item 1: 'price' is not a pair"),
        ("Cup,35", "--item 1: '35' is not a pair"),
        ("Cup,price=35,tax=12,5%", "--item 1: tax: '12,5%' has a decimal comma; write tax=12.5%"),
        ("Cup,price=35.005", "--item 1: price: '35.005' has 3 decimals, but SEK has 2"),
        ("Cup,price=35,tax=25", "--item 1: tax: '25' is not a tax rate"),
        ("Cup,price=1,price=2", "--item 1: 'price' is given twice"),
        ("Cup,price=1,unit_price=2", "--item 1: 'unit_price' is not known"),
        ("Cup,price=1,qty=1.5", "--item 1: qty: '1.5' is not a whole number"),
        ("Cup,price=1,discount=-1", "--item 1: discount: '-1.00' is negative"),
        ("\"Cup,price=1", "--item 1: the quotation marks do not match"),
        ("Cup,price=1,000.00", "--item 1: '000.00' is not a pair"),
    ] {
        create(&env, &["--currency", "SEK", "--item", item])
            .run()
            .assert_failure_with(2, &format!("error: {begins}"));
    }
    create(&env, &["--currency", "SEK", "--item", "a,price=1", "--cart", "-"]).run().assert_failure(2);
    create(&env, &["--currency", "SEK", "--item", "a,price=-1"]).run().assert_failure(2);
    create(&env, &["--currency", "SEK", "--item", "a,price=0"]).run().assert_failure(2);
    server.assert_untouched();
}

#[test]
fn nothing_overflows_at_the_limits() {
    let server = server();
    let env = server.env();
    let most = i64::MAX;
    let cart = |lines: &str| create(&env, &["--currency", "SEK", "--cart", "-"]).stdin(lines);
    let largest = format!(r#"[{{"name":"a","unit_price":{most},"tax_rate":1000000}}]"#);
    cart(&largest).run().ok();
    assert_eq!(sent(&server)["order_amount"], most);
    for (lines, told) in [
        (
            format!(r#"[{{"name":"a","unit_price":{most},"quantity":{most},"tax_rate":{most}}}]"#),
            "line 1 (a) is too large",
        ),
        (
            format!(r#"[{{"name":"a","unit_price":{},"quantity":{most},"tax_rate":0}}]"#, i64::MIN),
            "line 1 (a) is too large",
        ),
        (
            format!(
                r#"[{{"name":"a","unit_price":{most},"tax_rate":0}},{{"name":"b","unit_price":1,"tax_rate":0}}]"#
            ),
            "the sum of the lines up to line 2 is too large",
        ),
        (
            r#"[{"name":"a","unit_price":9223372036854775808,"tax_rate":0}]"#.to_owned(),
            "unit_price: '9223372036854775808' is not a whole number",
        ),
        (r#"[{"name":"a","price":"92233720368547758.08"}]"#.to_owned(), "price: "),
    ] {
        cart(&lines).run().assert_failure_with(2, told);
    }
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_dry_run_prints_the_bytes_that_are_sent_and_sends_none() {
    let server = server();
    let env = server.env();
    let item = ["--item", "Ö \"x\",price=1,tax=25%", "--currency", "SEK"];
    let words = [item, ["--reference", "r-1", "--location", DEVICE]].concat();
    let dry = |format: &str| create(&env, &[&words[..], &["--dry-run", "-o", format]].concat()).run();
    let table = dry("table").assert_code(0);
    let json = dry("json").json();
    server.assert_untouched();
    assert!(!env.state_folder().exists(), "a dry run is not an attempt");
    assert_eq!(table.stderr, "No session was created.\n");
    create(&env, &words).run().ok();
    let [asked] = server.asked().try_into().expect("one request");
    let shown = |text: &str| redact(text, env.path());
    let body = String::from_utf8(asked.body.clone()).expect("text");
    assert_eq!(&shown(&table.stdout), &shown(&format!("POST {}\n\n{body}\n", asked.target)));
    assert_eq!((&json["method"], &json["path"]), (&"POST".into(), &asked.target.as_str().into()));
    assert_eq!(&shown(&json["body"].to_string()), &shown(&body));
    create(&env, &[&words[..], &["--dry-run", "--watch"]].concat())
        .run()
        .assert_failure_with(2, "cannot be used with");
}
