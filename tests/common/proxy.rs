//! A server that stands between a client and the emulator and holds both to the contract.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use kustom::emulator::Emulator;
use tokio::sync::oneshot;
use tower::ServiceExt as _;

use super::contract::{Contract, Violation};

pub struct ValidatingProxy {
    address: SocketAddr,
    seen: Arc<Seen>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    violations: Mutex<Vec<Violation>>,
    operations: Mutex<BTreeSet<String>>,
}

#[derive(Clone)]
struct Between {
    contract: &'static Contract,
    emulator: Router,
    seen: Arc<Seen>,
}

impl ValidatingProxy {
    pub fn start(emulator: &Emulator) -> Self {
        Self::in_front_of(emulator.router())
    }

    pub fn in_front_of(emulator: Router) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
        listener.set_nonblocking(true).expect("a listener that tokio can use");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Seen::default());
        let between = Between { contract: Contract::load(), emulator, seen: Arc::clone(&seen) };
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let app = Router::new().fallback(pass).with_state(between);
                tokio::select! {
                    served = async { axum::serve(listener, app).await } => served.expect("the proxy serves"),
                    // Connections that clients keep open must not keep the test from ending.
                    _ = stopped => {}
                }
            });
        });
        Self { address, seen, stop: Some(stop), thread: Some(thread) }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn violations(&self) -> Vec<Violation> {
        self.seen.violations.lock().expect("violations").clone()
    }

    pub fn operations_seen(&self) -> BTreeSet<String> {
        self.seen.operations.lock().expect("operations").clone()
    }
}

impl Drop for ValidatingProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn pass(State(between): State<Between>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let checked = between.contract.check_request(parts.method.as_str(), target, &parts.headers, &body);
    let operation = match &checked {
        Ok(operation) => Some(operation.clone()),
        Err(violation) => violation.operation.clone(),
    };
    match checked {
        Ok(operation) => drop(between.seen.operations.lock().expect("operations").insert(operation)),
        Err(violation) => between.seen.violations.lock().expect("violations").push(violation),
    }
    let request = Request::from_parts(parts, Body::from(body));
    let Ok(response) = between.emulator.oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body: Bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if let Some(operation) = operation {
        let status = parts.status.as_u16();
        let checked = between.contract.check_response(&operation, status, &parts.headers, &body);
        if let Err(violation) = checked {
            between.seen.violations.lock().expect("violations").push(violation);
        }
    }
    Response::from_parts(parts, Body::from(body))
}
