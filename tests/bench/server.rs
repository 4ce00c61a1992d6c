//! An HTTP and HTTPS server on loopback that spends little time on a response.
//!
//! - `GET /DEVICES/DELAY/ipp/v1/devices`: a page of so many devices, after a delay in milliseconds.
//! - `GET …/ipp/v1/sessions/ID`: a session whose ID encodes when its status changes.
//! - `POST …/ipp/v1/sessions`: a new session.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::serve::{Listener, ListenerExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use uuid::Uuid;

use super::measure::now;
use super::{Error, tls, waiting};

/// Serves until the process is killed. Writes the certificate authority to `authority.pem`, and then the variables `http`
/// and `https` to `addresses`.
pub(super) fn serve(dir: &Path) -> Result<(), Error> {
    std::fs::write(dir.join("authority.pem"), tls::authority().pem())?;
    let acceptor = TlsAcceptor::from(tls::server_config(tls::authority(), "127.0.0.1"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let http = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let https = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addresses =
            format!("http=http://{}\nhttps=https://{}\n", http.local_addr()?, https.local_addr()?);
        let unfinished = dir.join("addresses.tmp");
        std::fs::write(&unfinished, addresses)?;
        std::fs::rename(unfinished, dir.join("addresses"))?;
        let router = || Router::new().fallback(respond);
        let http = http.tap_io(|stream| drop(stream.set_nodelay(true)));
        let (http, https) = tokio::join!(async { axum::serve(http, router()).await }, async {
            axum::serve(TlsListener { listener: https, acceptor }, router()).await
        },);
        http.and(https)?;
        Ok(())
    })
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            let _ = stream.set_nodelay(true);
            // A failed handshake must not stop the server.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn respond(request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (request.method().as_str(), segments.as_slice()) {
        ("GET", [total, delay, "ipp", "v1", "devices"]) => {
            let query = request.uri().query().unwrap_or_default();
            let parameter = |name: &str, default: usize| {
                let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                pairs.into_iter().find(|(key, _)| *key == name).map_or(default, |(_, value)| number(value))
            };
            let page = parameter("page_number", 0);
            tokio::time::sleep(Duration::from_millis(number(delay) as u64)).await;
            text(devices(number(total), page, parameter("page_size", 20)).to_string())
        }
        ("GET", [.., "ipp", "v1", "sessions", id]) => match id.parse() {
            Ok(id) => text(session(id).to_string()),
            Err(_) => status(404),
        },
        ("POST", [.., "ipp", "v1", "sessions"]) => {
            let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap_or_default();
            let requested: Value = serde_json::from_slice(&body).unwrap_or_default();
            let mut session = session(Uuid::from_u64_pair(u64::MAX, u64::MAX - u64::from(fastrand::u32(..))));
            let fields = [
                "device_id",
                "order_amount",
                "purchase_currency",
                "purchase_started_at",
                "merchant_reference1",
            ];
            for field in fields {
                session[field] = requested[field].clone();
            }
            text(session.to_string())
        }
        _ => status(404),
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_default()
}

fn text(body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

fn status(code: u16) -> Response {
    let mut response = text(json!({"title": "Not found", "status": code}).to_string());
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    response
}

fn devices(total: usize, page: usize, size: usize) -> Value {
    let size = size.clamp(1, 100);
    let pages = total.div_ceil(size);
    let numbers = (page * size).min(total)..((page + 1) * size).min(total);
    let content: Vec<Value> = numbers.map(device).collect();
    json!({
        "content": content, "total_elements": total, "total_pages": pages, "page_number": page,
        "page_size": size, "first": page == 0, "last": page + 1 >= pages,
    })
}

fn device(number: usize) -> Value {
    let id = |kind: u128| Uuid::from_u128((kind << 96) + 0x4000_8000_0000_0000_0000 + number as u128);
    json!({
        "id": id(1).to_string(), "hardware_id": id(2).to_string(), "merchant_id": "M1",
        "location_id": id(3).to_string(), "name": format!("Till {number}"), "platform": "ANDROID",
        "metadata": {"floor": "2", "area": "by the door"}, "created_at": "2026-05-04T08:15:30.123Z",
    })
}

fn session(id: Uuid) -> Value {
    let status = waiting::status(id, now());
    let mut session = json!({
        "session_id": id.to_string(), "status": status, "device_id": Uuid::from_u128(7).to_string(),
        "order_amount": 24950, "order_tax_amount": 4990, "purchase_currency": "SEK",
        "purchase_started_at": "2026-05-04T08:15:30.123Z", "merchant_reference1": "receipt-1001",
        "order_items": [{
            "name": "T-Shirt", "quantity": 1, "unit_price": 24950, "total_amount": 24950, "tax_rate": 2500,
            "total_tax_amount": 4990,
        }],
    });
    if status == "FINALIZED" {
        session["order_id"] = id.to_string().into();
    }
    session
}
