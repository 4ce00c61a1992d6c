//! The account of a sandbox: one state file, shared by the profile `local` and an emulator that is served over HTTP.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use axum::body::{Body, to_bytes};
use http::Request;
use kustom::emulator::state::STOCKHOLM;
use kustom::emulator::{API_KEY, FaultTable, Faults, FileEmulator, History, MERCHANT_ID, Server, Setup};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) struct Account {
    state_file: PathBuf,
    address: SocketAddr,
    faults: Faults,
}

impl Account {
    /// Serves the state until the tests exit.
    pub(crate) fn serve(state_file: PathBuf) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let address = listener.local_addr().expect("an address");
        let faults = Faults::new(FaultTable::new(1));
        let emulator = FileEmulator::new(state_file.clone()).with_setup(Setup {
            faults: Some(faults.clone()),
            history: Some(History::default()),
            ..Setup::default()
        });
        std::thread::spawn(move || {
            runtime().block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                Server::with_file_backend(listener, &emulator).serve(std::future::pending()).await;
            });
        });
        Self { state_file, address, faults }
    }

    /// Base URL of the API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next session that is requested over HTTP is created, but the response is lost.
    pub(crate) fn lose_next_response(&self) {
        let fault = "POST /ipp/v1/sessions: drop-after-response-headers once".parse().expect("a fault");
        self.faults.change(|table| table.add(fault)).expect("room for a fault");
    }

    /// Calls the API or the emulator's own endpoints, without faults; returns the status and the body.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Basic {API_KEY}"))
            .header("x-merchant-id", MERCHANT_ID)
            .body(body)
            .expect("a request");
        runtime().block_on(async {
            let Ok(response) = FileEmulator::new(self.state_file.clone()).router().oneshot(request).await;
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
            (status, serde_json::from_slice(&body).unwrap_or_default())
        })
    }

    #[track_caller]
    fn call_ok(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, response) = self.call(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {response}");
        response
    }

    /// The items of a list in the state, oldest first.
    fn list(&self, key: &str) -> Vec<Value> {
        let text = std::fs::read(&self.state_file).unwrap_or_default();
        let state: Value = serde_json::from_slice(&text).unwrap_or_default();
        state[key].as_array().cloned().unwrap_or_default()
    }

    /// IDs of the sessions, oldest first.
    pub(crate) fn sessions(&self) -> Vec<String> {
        self.list("sessions").iter().map(|session| string_field(session, "id")).collect()
    }

    /// Enrollment codes that a phone can use, oldest first.
    pub(crate) fn codes(&self) -> Vec<String> {
        self.pending_enrollments().iter().map(|enrollment| string_field(enrollment, "code")).collect()
    }

    fn pending_enrollments(&self) -> Vec<Value> {
        let mut enrollments = self.list("enrollments");
        enrollments.retain(|enrollment| enrollment["stage"] == "pending");
        enrollments
    }

    /// ID of the device with this name, created if necessary.
    pub(crate) fn device(&self, name: &str) -> String {
        let mut devices = self.list("devices").into_iter();
        let device = devices.find(|device| device["name"] == name && device["deregistered"] == false);
        let device = device.unwrap_or_else(|| {
            let body = json!({"name": name, "location_id": STOCKHOLM});
            self.call_ok("POST", "/ipp/v1/dev/devices", &body)
        });
        string_field(&device, "id")
    }

    /// ID of the newest session, created if there is none or if it must be open and is not.
    pub(crate) fn session(&self, must_be_open: bool) -> String {
        let is_open = |id: &String| {
            let session = self.call_ok("GET", &format!("/ipp/v1/sessions/{id}"), &Value::Null);
            matches!(session["status"].as_str(), Some("CREATED" | "ACTIVE"))
        };
        let newest = self.sessions().pop().filter(|id| !must_be_open || is_open(id));
        newest.unwrap_or_else(|| {
            let device = self.device("Till 1");
            let order = json!({"device_id": device, "order_amount": 24950, "purchase_currency": "SEK"});
            string_field(&self.call_ok("POST", "/ipp/v1/sessions", &order), "session_id")
        })
    }

    /// ID of the order of the newest session, which is paid.
    pub(crate) fn order(&self) -> String {
        let id = self.session(false);
        string_field(&self.call_ok("GET", &format!("/ipp/v1/sessions/{id}"), &Value::Null), "order_id")
    }

    /// Pays out what was sold, which happens some days later.
    pub(crate) fn pay_out(&self) {
        let four_days = json!({"advance": "96h"});
        self.call_ok("POST", "/emulator/clock", &four_days);
    }

    /// Reference of the newest payout.
    pub(crate) fn payout(&self) -> String {
        let payouts = self.call_ok("GET", "/settlements/v1/payouts", &Value::Null);
        string_field(&payouts["payouts"][0], "payment_reference")
    }

    /// A field of the newest pending enrollment, created if necessary.
    pub(crate) fn enrollment(&self, field: &str) -> String {
        if self.pending_enrollments().is_empty() {
            let body = json!({"location_id": STOCKHOLM, "expires_in": 7_200_000});
            self.call_ok("POST", "/ipp/v1/enrollments", &body);
        }
        string_field(self.pending_enrollments().last().expect("an enrollment"), field)
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn string_field(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}
