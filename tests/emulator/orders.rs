//! Order Management and Settlements: every operation, held to its description.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use kustom::emulator::state::{
    CurrencyCase, EmulatorOptions, FullyRefunded, OrderCapture, OrderReferences, RefundHeaders,
    SettlementsEnvelope, TransactionSigns,
};
use serde_json::{Value, json};

use crate::common::contract_emulator::{Answer, Ask, NO_ID, World};
use crate::common::harness::column;

/// The ID of the order of a session that was paid.
fn paid(world: &World) -> String {
    let session = world.session(&world.device("Till 1"));
    world.tap(&session, "SUCCESS");
    let session = world.right(Ask::get(format!("/ipp/v1/sessions/{session}")));
    session.body["order_id"].as_str().unwrap().to_owned()
}

fn path(order: &str, rest: &str) -> String {
    format!("/ordermanagement/v1/orders/{order}{rest}")
}

fn get(world: &World, order: &str) -> Value {
    world.right(Ask::get(path(order, ""))).body
}

fn refund(world: &World, order: &str, key: &str, body: &Value) -> Answer {
    world.right(Ask::new("POST", path(order, "/refunds")).header("klarna-idempotency-key", key).json(body))
}

fn advance(world: &World, by: &str) {
    let ask = Ask::new("POST", "/emulator/clock").json(&json!({"advance": by}));
    assert_eq!(world.right(ask).status, 200);
}

#[test]
fn every_operation_of_the_sister_apis_is_as_described() {
    let world = World::new();
    let order = paid(&world);
    let body = get(&world, &order);
    assert_eq!((&body["status"], &body["captured_amount"]), (&json!("CAPTURED"), &json!(24950)));
    assert!(body["billing_address"].is_object(), "it has personal data");
    let captures = world.right(Ask::get(path(&order, "/captures")));
    assert_eq!((captures.body.as_array().unwrap().len(), &captures.body), (1, &body["captures"]));
    let line = json!({"name": "Bag", "quantity": 2, "unit_price": 50, "total_amount": 100, "tax_rate": 2500,
                      "total_tax_amount": 20, "reference": "SKU-1", "type": "physical"});
    let request =
        json!({"refunded_amount": 100, "reference": "r-1", "description": "Broken", "order_lines": [line]});
    let refunded = refund(&world, &order, "k-1", &request);
    assert_eq!((refunded.status, refunded.raw.len()), (201, 0));
    let id = refunded.headers["refund-id"].to_str().unwrap().to_owned();
    assert!(refunded.headers["location"].to_str().unwrap().ends_with(&format!("/refunds/{id}")));
    let shown = world.right(Ask::get(path(&order, &format!("/refunds/{id}"))));
    assert_eq!((&shown.body["refunded_amount"], &shown.body["order_lines"]), (&json!(100), &json!([line])));
    // The same key: answered as the first time, whatever the body says.
    let again = refund(&world, &order, "k-1", &json!({"refunded_amount": 7}));
    assert_eq!((again.status, again.headers["refund-id"].to_str().unwrap()), (201, &*id));
    assert_eq!(get(&world, &order)["refunded_amount"], 100);
    for (rest, body, code) in [
        ("/refunds", Some(json!({"refunded_amount": 24_851})), "REFUND_NOT_ALLOWED"),
        ("/captures", Some(json!({"captured_amount": 1})), "CAPTURE_NOT_ALLOWED"),
        ("/cancel", None, "CANCEL_NOT_ALLOWED"),
        ("/release-remaining-authorization", None, "NOT_ALLOWED"),
    ] {
        let ask = Ask::new("POST", path(&order, rest));
        let refused =
            world.right(body.map_or_else(|| Ask::new("POST", path(&order, rest)), |body| ask.json(&body)));
        assert_eq!((refused.status, &refused.body["error_code"]), (403, &json!(code)), "{rest}");
    }
    assert_eq!(world.right(Ask::get(path(NO_ID, ""))).body["error_code"], "NO_SUCH_ORDER");
    assert_eq!(world.right(Ask::get(path(&order, &format!("/refunds/{NO_ID}")))).status, 404);

    assert_eq!(world.right(Ask::get("/settlements/v1/payouts")).body["payouts"], json!([]));
    assert_eq!(world.right(Ask::get("/settlements/v1/transactions")).body["transactions"], json!([]));
    advance(&world, "PT72H");
    let payouts = world.right(Ask::get("/settlements/v1/payouts?currency_code=SEK&size=1")).body;
    assert_eq!(payouts["pagination"], json!({"count": 1, "total": 1, "offset": 0}));
    let totals = &payouts["payouts"][0]["totals"];
    assert_eq!((&totals["sale_amount"], &totals["return_amount"]), (&json!(24950), &json!(100)));
    assert_eq!((&totals["fee_amount"], &totals["settlement_amount"]), (&json!(249), &json!(24601)));
    let reference = payouts["payouts"][0]["payment_reference"].as_str().unwrap();
    let payout = world.right(Ask::get(format!("/settlements/v1/payouts/{reference}"))).body;
    assert_eq!(payout, payouts["payouts"][0]);
    assert_eq!(world.right(Ask::get("/settlements/v1/payouts/none")).status, 404);
    let beyond = "/settlements/v1/payouts?offset=81045066266319251610533888";
    assert_eq!(world.right(Ask::get(beyond)).body["payouts"], json!([]));
    let list = world.right(Ask::get(format!("/settlements/v1/transactions?order_id={order}"))).body;
    let kinds = column(&list["transactions"], "type");
    assert_eq!(kinds, ["SALE", "FEE", "RETURN"]);
    let all: BTreeSet<_> = world.contract.orders.iter().map(|operation| operation.id.clone()).collect();
    let seen = world.seen.lock().unwrap();
    assert_eq!((all.len(), all.difference(&seen).collect::<Vec<_>>()), (10, vec![]));
}

#[test]
fn requests_that_are_not_as_described_are_rejected() {
    let world = World::new();
    let order = paid(&world);
    let refunds = || Ask::new("POST", path(&order, "/refunds"));
    for (body, part) in [
        (json!({}), "refunded_amount is required"),
        (json!({"refunded_amount": -1}), "refunded_amount must be from 0"),
        (json!({"refunded_amount": 200_000_001}), "refunded_amount must be from 0"),
        (json!({"refunded_amount": "1"}), "refunded_amount must be a whole number"),
        (json!({"refunded_amount": 1, "reference": "x".repeat(256)}), "reference must have at most 255"),
        (
            json!({"refunded_amount": 1, "order_lines": [{"name": "x"}]}),
            "order_lines[0].quantity is required",
        ),
    ] {
        let rejected = world.wrong(refunds().json(&body));
        assert_eq!((rejected.status, &rejected.body["error_code"]), (400, &json!("BAD_VALUE")), "{body}");
        assert!(rejected.body["error_messages"].to_string().contains(part), "{}", rejected.body);
    }
    let line = json!({"name": "x", "quantity": 1, "unit_price": 5, "total_amount": 5});
    let mismatch = world.right(refunds().json(&json!({"refunded_amount": 6, "order_lines": [line]})));
    assert_eq!((mismatch.status, &mismatch.body["error_code"]), (400, &json!("BAD_VALUE")));
    assert_eq!(world.wrong(Ask::get(path("x", ""))).status, 404);
    assert_eq!(world.wrong(Ask::get("/settlements/v1/payouts?size=501")).status, 400);
    assert_eq!(world.wrong(Ask::get(path(&order, "")).without("authorization")).status, 401);
    assert_eq!(world.wrong(Ask::new("DELETE", path(&order, ""))).status, 405);
    assert_eq!(world.wrong(Ask::get("/settlements/v1/nothing")).status, 404);
    assert_eq!(get(&world, &order)["refunded_amount"], 0);
}

#[test]
fn what_is_not_documented_about_orders_is_an_option() {
    let world = World::with(EmulatorOptions {
        order_capture: OrderCapture::Manual,
        order_lag: SignedDuration::from_mins(1),
        order_currency_case: CurrencyCase::Lower,
        order_references: OrderReferences::Overwritten,
        order_personal_data: false,
        fully_refunded_status: FullyRefunded::Captured,
        refund_headers: RefundHeaders::None,
        settlements_envelope: SettlementsEnvelope::Array,
        transaction_signs: TransactionSigns::Signed,
        ..EmulatorOptions::default()
    });
    let order = paid(&world);
    assert_eq!(world.right(Ask::get(path(&order, ""))).status, 404, "it is not there yet");
    advance(&world, "PT1M");
    let body = get(&world, &order);
    assert_eq!((&body["status"], &body["purchase_currency"]), (&json!("AUTHORIZED"), &json!("sek")));
    assert!(body["merchant_reference1"].as_str().unwrap().starts_with("POS-"));
    assert!(body.get("billing_address").is_none() && body.get("customer").is_none());
    let captured =
        world.right(Ask::new("POST", path(&order, "/captures")).json(&json!({"captured_amount": 24950})));
    assert_eq!((captured.status, captured.headers.contains_key("capture-id")), (201, true));
    let refunded = refund(&world, &order, "k", &json!({"refunded_amount": 24950}));
    assert_eq!(
        (refunded.status, refunded.headers.get("refund-id"), refunded.headers.get("location")),
        (201, None, None)
    );
    assert_eq!(get(&world, &order)["status"], "CAPTURED");
    advance(&world, "PT72H");
    let list = world.send(None, Ask::get("/settlements/v1/transactions")).body;
    let amounts: Vec<_> =
        list.as_array().unwrap().iter().map(|entry| entry["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [24950, -249, -24950]);
    let other =
        World::with(EmulatorOptions { order_capture: OrderCapture::Manual, ..EmulatorOptions::default() });
    let order = paid(&other);
    assert_eq!(other.right(Ask::new("POST", path(&order, "/cancel"))).status, 204);
    assert_eq!(get(&other, &order)["status"], "CANCELLED");
    let order = paid(&other);
    let rest = "/release-remaining-authorization";
    assert_eq!(other.right(Ask::new("POST", path(&order, rest))).status, 204);
    assert_eq!(other.right(Ask::new("POST", path(&order, rest))).status, 403);
    let order = paid(&other);
    let refused = refund(&other, &order, "k", &json!({"refunded_amount": 1}));
    assert_eq!((refused.status, &refused.body["error_code"]), (403, &json!("REFUND_NOT_ALLOWED")));
    let capture = Ask::new("POST", path(&order, "/captures")).json(&json!({"captured_amount": 100}));
    assert_eq!(other.right(capture).status, 201);
    assert_eq!(get(&other, &order)["status"], "PART_CAPTURED");
    assert_eq!(other.right(Ask::new("POST", path(&order, rest))).status, 204);
    assert_eq!(get(&other, &order)["status"], "CAPTURED");
}
