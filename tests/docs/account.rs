//! The account of a world: one state file, which the profile `local` and a served emulator share.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use axum::body::{Body, to_bytes};
use http::Request;
use kustom::emulator::state::STOCKHOLM;
use kustom::emulator::{API_KEY, FaultTable, Faults, FileEmulator, MERCHANT_ID, Server};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tower::ServiceExt as _;

/// An emulator behind an address. Dropping it stops it.
pub(crate) struct Account {
    state_file: PathBuf,
    address: SocketAddr,
    faults: Faults,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Account {
    /// Serves the state in this file. It listens when this returns.
    pub(crate) fn serve(state_file: &Path) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
        listener.set_nonblocking(true).expect("a listener that tokio can use");
        let address = listener.local_addr().expect("an address");
        let faults = Faults::new(FaultTable::new(1));
        let emulator = FileEmulator::new(state_file.to_owned()).with_faults(faults.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let server = Server::with_file_backend(listener, &emulator);
                tokio::select! {
                    () = server.serve(std::future::pending()) => {}
                    // Connections that are kept open must not keep the test from ending.
                    _ = stopped => {}
                }
            });
        });
        Self { state_file: state_file.to_owned(), address, faults, stop: Some(stop), thread: Some(thread) }
    }

    /// What a client takes for the API's address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next session that is asked for over the network is created, and the answer is lost.
    pub(crate) fn lose_the_next_answer(&self) {
        let fault = "POST /ipp/v1/sessions: drop-after-response-headers once".parse().expect("a fault");
        self.faults.change(|table| table.add(fault)).expect("room for a fault");
    }

    /// Asks what the API or the emulator has; gives the status and the body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Basic {API_KEY}"));
        request = request.header("x-merchant-id", MERCHANT_ID);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = request.body(body).expect("a request");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let emulator = FileEmulator::new(self.state_file.clone());
        runtime.block_on(async {
            let Ok(response) = emulator.router().oneshot(request.map(Body::from)).await;
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
            (status, serde_json::from_slice(&body).unwrap_or_default())
        })
    }

    /// The same, which must work.
    #[track_caller]
    pub(crate) fn works(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// The elements of the state under this name, oldest first.
    fn all(&self, what: &str) -> Vec<Value> {
        let text = std::fs::read(&self.state_file).unwrap_or_default();
        let state: Value = serde_json::from_slice(&text).unwrap_or_default();
        state[what].as_array().cloned().unwrap_or_default()
    }

    /// The ids of its sessions, oldest first.
    pub(crate) fn sessions(&self) -> Vec<String> {
        self.all("sessions").iter().map(|session| text(session, "id")).collect()
    }

    /// How a session stands.
    pub(crate) fn status(&self, session: &str) -> String {
        text(&self.works("GET", &format!("/ipp/v1/sessions/{session}"), &Value::Null), "status")
    }

    /// The codes that a phone can use, oldest first.
    pub(crate) fn codes(&self) -> Vec<String> {
        self.pending().iter().map(|enrollment| text(enrollment, "code")).collect()
    }

    fn pending(&self) -> Vec<Value> {
        self.all("enrollments").into_iter().filter(|enrollment| enrollment["stage"] == "pending").collect()
    }

    /// The id of a device of this name, which is made where there is none.
    pub(crate) fn device(&self, name: &str) -> String {
        let devices = self.all("devices").into_iter();
        let mut known = devices.filter(|device| device["name"] == name && device["deregistered"] == false);
        let device = known.next().unwrap_or_else(|| {
            let body = json!({"name": name, "location_id": STOCKHOLM});
            self.works("POST", "/ipp/v1/dev/devices", &body)
        });
        text(&device, "id")
    }

    /// The newest session; a new one where there is none, or none that is open where it must be.
    pub(crate) fn session(&self, open: bool) -> String {
        let newest = self.sessions().pop();
        let fits = |id: &String| !open || matches!(self.status(id).as_str(), "CREATED" | "ACTIVE");
        newest.filter(fits).unwrap_or_else(|| {
            let device = self.device("Till 1");
            let order = json!({"device_id": device, "order_amount": 24950, "purchase_currency": "SEK"});
            text(&self.works("POST", "/ipp/v1/sessions", &order), "session_id")
        })
    }

    /// The newest enrollment that a phone can use, by this field of the state; a new one where there is none.
    pub(crate) fn enrollment(&self, field: &str) -> String {
        if self.pending().is_empty() {
            let body = json!({"location_id": STOCKHOLM, "expires_in": 7_200_000});
            self.works("POST", "/ipp/v1/enrollments", &body);
        }
        text(self.pending().last().expect("an enrollment"), field)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}
