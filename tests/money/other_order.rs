//! A server that responds about another order, or another session, than the one that was read or changed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::other_resource::{LOCATION, Liar, Lie, MERCHANT, id, truth};
use crate::common::prelude::*;

/// Whatever the response to a refund claims, and whatever the order shows afterwards, the refund is made once.
#[test]
fn a_refund_with_a_response_about_something_else_is_repeated_with_the_same_key() {
    const CHANGE: &str = "POST /ordermanagement/v1/orders/*";
    let lies = [
        ("order_id", json!(id(99))),
        ("order_id", json!(7)),
        ("order_id", json!("")),
        ("refunded_amount", json!(7)),
        ("purchase_currency", json!("NOK")),
        ("reference", json!("other")),
        ("merchant_id", json!("M2")),
        (LOCATION, json!(format!("/ordermanagement/v1/orders/{}/refunds/1", id(99)))),
        (LOCATION, json!("/ordermanagement/v1/orders//refunds/1")),
    ];
    let order = id(6);
    let refund = ["orders", "refund", &order, "--amount", "5", "--reference", "r"];
    for (field, value) in lies {
        let liar = Liar::new();
        let env = liar.env();
        liar.tell(Some(Lie { request: CHANGE, field, value: Some(value.clone()) }));
        for args in [&refund[..], &[&refund[..], &["--again"]].concat()] {
            let failed = env.run(args);
            let label = format!("{field} {value}: {}", failed.stderr);
            assert_eq!((failed.code, &*failed.stdout), (Some(7), ""), "{label}");
            assert!(failed.stderr.contains("the refund may have been processed"), "{label}");
            assert!(failed.stderr.contains("does not match the request"), "{label}");
        }
        liar.tell(None);
        let _ = env.run(refund).assert_code(0);
        let _ = env.run(refund).assert_code(9);
        assert_eq!(liar.keys().len(), 1, "{field} {value}");
    }
}

/// A lost response is looked for in the order. A refund of the order that is another one is not taken for it.
#[test]
fn another_refund_of_the_order_is_not_believed_to_be_the_one_that_was_sent() {
    for other in [
        json!({"refund_id": "x", "refunded_amount": 499, "reference": "r"}),
        json!({"refund_id": "x", "refunded_amount": "", "reference": "r"}),
        json!({"refund_id": "x", "refunded_amount": 500, "reference": "other"}),
        json!({"refund_id": "x", "refunded_amount": 500, "reference": ""}),
        json!({"refund_id": "x", "refunded_amount": 500}),
        json!({"refund_id": "x", "refunded_amount": 500, "reference": "r", "refunded_at": "2020-01-01T00:00:00Z"}),
        json!({}),
        json!("x"),
    ] {
        // Whether a refund was sent, and whether the responses to it are lost.
        let (shown, state) = (other.clone(), Arc::new(Mutex::new((false, true))));
        let lost = Arc::clone(&state);
        let server = Server::new(move |asked| {
            let mut body = truth(asked);
            let mut state = lost.lock().unwrap();
            if asked.method == "GET" && state.0 {
                body["refunds"] = json!([shown]);
            }
            state.0 |= asked.method == "POST";
            if asked.method == "POST" && state.1 { Reply::cut() } else { Reply::json(200, &body) }
        });
        let env = server.env().env("KUSTOM_MERCHANT_ID", MERCHANT);
        let order = id(6);
        let refund = ["orders", "refund", &order, "--amount", "5", "--reference", "r", "--timeout", "20s"];
        let failed = env.run(refund);
        assert_eq!(failed.code, Some(7), "{other}: {}", failed.stderr);
        state.lock().unwrap().1 = false;
        let _ = env.run(refund).assert_code(0);
        let asked = server.asked();
        let keys = asked.iter().filter_map(|asked| asked.header("klarna-idempotency-key"));
        assert_eq!(keys.collect::<BTreeSet<_>>().len(), 1, "{other}");
    }
}

/// An order that is in another currency than the sale in the ledger is not the order of that sale.
#[test]
fn an_order_in_another_currency_than_its_sale_is_not_changed() {
    let liar = Liar::new();
    for (value, code) in [("NOK", 6), ("", 6), ("sek", 0)] {
        let env = liar.env();
        let create = ["sessions", "create", "--device", &id(1), "--amount", "10", "--currency", "SEK"];
        liar.tell(None);
        let _ = env.run([&create[..], &["--reference", "r"]].concat()).assert_code(0);
        // The session has the ID of the order, so that one finds the other.
        liar.tell(Some(Lie {
            request: "GET /ipp/v1/sessions/*",
            field: "order_id",
            value: Some(json!(id(6))),
        }));
        let _ = env.run(["sessions", "list", "--refresh"]).assert_code(0);
        let field = "purchase_currency";
        let lie = Lie { request: "GET /ordermanagement/v1/orders/*", field, value: Some(json!(value)) };
        liar.tell(Some(lie));
        let before = liar.keys();
        for args in [&["orders", "get", "r"][..], &["orders", "refund", "r", "--amount", "5"]] {
            let outcome = env.run(args);
            let label = format!("{}: {value}: {}", outcome.command, outcome.stderr);
            assert_eq!(outcome.code, Some(code), "{label}");
            assert!(code == 0 || outcome.stderr.contains("but SEK was sent"), "{label}");
        }
        assert_eq!(liar.keys().len() - before.len(), usize::from(code == 0), "{value}");
    }
}

/// After the change, the order is read again. If that fails, nothing is printed as its result.
#[test]
fn an_order_that_is_read_after_its_change_is_the_one_that_was_changed() {
    for (field, value) in
        [("order_id", json!(id(99))), ("order_id", json!(7)), ("purchase_currency", json!("NOK"))]
    {
        for verb in ["capture", "cancel", "release"] {
            let is_changed = Arc::new(Mutex::new(false));
            let (changed, value) = (Arc::clone(&is_changed), value.clone());
            let server = Server::new(move |asked| {
                let mut body = truth(asked);
                let mut changed = changed.lock().unwrap();
                if asked.method == "GET" && *changed {
                    body[field] = value.clone();
                }
                *changed |= asked.method == "POST";
                Reply::json(200, &body)
            });
            let env = server.env().env("KUSTOM_MERCHANT_ID", MERCHANT);
            let outcome = env.run(["orders", verb, &id(7)]);
            assert_eq!((outcome.code, &*outcome.stdout), (Some(7), ""), "{verb} {field}: {}", outcome.stderr);
            assert!(outcome.stderr.contains("does not match the request"), "{}", outcome.stderr);
            assert!(*is_changed.lock().unwrap());
        }
    }
}

/// A session that was found by its reference is compared with what the ledger knows of it.
#[test]
fn another_session_than_the_one_of_the_reference_is_not_reported() {
    let liar = Liar::new();
    let env = liar.env();
    let create = ["sessions", "create", "--device", &id(1), "--amount", "2", "--currency", "SEK"];
    let _ = env.run([&create[..], &["--reference", "r"]].concat()).assert_code(0);
    let (read, cancel) = ("GET /ipp/v1/sessions/*", "PUT /ipp/v1/sessions/*");
    for (field, value) in [
        ("device_id", json!(id(99))),
        ("order_amount", json!(100)),
        ("order_amount", json!("")),
        ("purchase_currency", json!("NOK")),
        ("merchant_reference1", json!("other")),
        ("merchant_reference1", json!(7)),
    ] {
        for (args, request, code) in [
            (&["sessions", "get", "r"][..], read, 7),
            (&["sessions", "get", &id(5)[..35]], read, 7),
            (&["sessions", "watch", "r"], read, 7),
            (&["sessions", "cancel", "r"], cancel, 7),
            (&["orders", "get", "r"], read, 6),
        ] {
            liar.tell(Some(Lie { request, field, value: Some(value.clone()) }));
            let outcome = env.run(args);
            let label = format!("{}: {field} {value}: {}", outcome.command, outcome.stderr);
            assert_eq!((outcome.code, &*outcome.stdout), (Some(code), ""), "{label}");
            let difference = format!("session {} is not as requested: its {field} is ", id(5));
            assert!(outcome.stderr.contains(&difference), "{label}");
            assert!(outcome.stderr.contains("was sent"), "{label}");
        }
    }
    liar.tell(None);
    let _ = env.run(["sessions", "get", "r"]).assert_code(0);
    let _ = env.run(["sessions", "watch", "r"]).assert_code(0);
}
