//! An emulator that is held to the contract with everything it is asked.

use std::collections::BTreeSet;
use std::sync::Mutex;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use kustom::emulator::state::{EmulatorOptions, STOCKHOLM};
use kustom::emulator::{API_KEY, Emulator, MERCHANT_ID, State};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::contract::Contract;

pub const NO_ID: &str = "00000000-0000-4000-8000-000000000000";

pub struct World {
    pub emulator: Emulator,
    pub contract: &'static Contract,
    pub seen: Mutex<BTreeSet<String>>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub raw: Vec<u8>,
}

/// A request under construction: right credentials and a JSON body unless said otherwise.
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        let ask = Self { method, path: path.into(), headers: HeaderMap::new(), body: Vec::new() };
        ask.header("authorization", &format!("Basic {API_KEY}"))
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub fn merchant(self) -> Self {
        self.header("x-merchant-id", MERCHANT_ID)
    }

    pub fn json(self, body: &Value) -> Self {
        self.raw(body.to_string()).header("content-type", "application/json")
    }

    pub fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(EmulatorOptions::default())
    }

    pub fn with(options: EmulatorOptions) -> Self {
        let mut state = State::seed();
        state.options = options;
        Self { emulator: Emulator::new(state), contract: Contract::load(), seen: Mutex::default() }
    }

    pub fn right(&self, ask: Ask) -> Answer {
        let checked = self.contract.check_request(ask.method, &ask.path, &ask.headers, &ask.body);
        let operation = checked.unwrap_or_else(|violation| panic!("{violation}"));
        self.seen.lock().unwrap().insert(operation.clone());
        self.send(Some(operation), ask)
    }

    pub fn wrong(&self, ask: Ask) -> Answer {
        let checked = self.contract.check_request(ask.method, &ask.path, &ask.headers, &ask.body);
        let violation = checked.expect_err("the contract describes this request");
        self.send(violation.operation, ask)
    }

    pub fn send(&self, operation: Option<String>, ask: Ask) -> Answer {
        let is_sister = ask.path.starts_with("/ordermanagement/") || ask.path.starts_with("/settlements/");
        let answer = ask_router(&self.emulator, ask);
        if let Some(operation) = operation {
            let checked =
                self.contract.check_response(&operation, answer.status, &answer.headers, &answer.raw);
            checked.unwrap_or_else(|violation| panic!("{violation}"));
        }
        assert!(answer.status < 500, "{}", answer.status);
        if answer.status >= 400 && is_sister {
            assert_eq!(answer.headers["content-type"], "application/json");
            assert!(answer.body["error_code"].is_string() && answer.body["correlation_id"].is_string());
            assert!(answer.body["error_messages"].as_array().is_some_and(|messages| !messages.is_empty()));
        } else if answer.status >= 400 {
            assert_eq!(answer.headers["content-type"], "application/problem+json");
            assert_eq!(answer.body["status"], answer.status);
            assert!(answer.body["title"].is_string() && answer.body["detail"].is_string());
        }
        answer
    }

    pub fn device(&self, name: &str) -> String {
        let body = json!({"name": name, "location_id": STOCKHOLM});
        let answer = self.right(Ask::new("POST", "/ipp/v1/dev/devices").json(&body));
        answer.body["id"].as_str().unwrap().to_owned()
    }

    pub fn session(&self, device: &str) -> String {
        let answer = self.right(Ask::new("POST", "/ipp/v1/sessions").json(&order(device)));
        assert_eq!((answer.status, &answer.body["status"]), (200, &json!("CREATED")));
        answer.body["session_id"].as_str().unwrap().to_owned()
    }

    pub fn tap(&self, session: &str, outcome: &str) -> Answer {
        let path = format!("/ipp/v1/dev/sessions/{session}/simulate-tap?outcome={outcome}");
        self.right(Ask::new("POST", path))
    }

    pub fn cancel(&self, session: &str) -> Answer {
        self.right(Ask::new("PUT", format!("/ipp/v1/sessions/{session}/cancel")))
    }

    pub fn enroll(&self, body: &Value) -> Answer {
        self.right(Ask::new("POST", "/ipp/v1/enrollments").json(body))
    }
}

pub fn ask_router(emulator: &Emulator, ask: Ask) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut request =
            Request::builder().method(ask.method).uri(ask.path).body(Body::from(ask.body)).unwrap();
        *request.headers_mut() = ask.headers;
        let Ok(response) = emulator.router().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let raw = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        let body = serde_json::from_slice(&raw).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body, raw }
    })
}

pub fn order(device: &str) -> Value {
    json!({"device_id": device, "order_amount": 24950, "purchase_currency": "SEK"})
}
