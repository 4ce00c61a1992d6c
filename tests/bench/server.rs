//! The server: http and https on loopback, with answers that cost it little, so that what is measured is the client.
//!
//! - `GET /DEVICES/DELAY/ipp/v1/devices`: pages of so many devices, each answered after so many milliseconds.
//! - `GET …/ipp/v1/sessions/ID`: a session whose id tells when it changes.
//! - `POST …/ipp/v1/sessions`: a session that was created.
//! - `GET /second-page`: when page 1 of a list was last asked for, in milliseconds since 1970.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use uuid::Uuid;

use super::measure::now;
use super::{Failure, waiting};

/// When the second page of a list was last asked for.
static SECOND_PAGE: AtomicU64 = AtomicU64::new(0);

/// Serves until it is ended, and tells the script by files: `authority.pem` is who issued its certificate, and
/// `addresses`, which comes last, sets the variables `http` and `https`.
pub(super) fn serve(folder: &Path) -> Result<(), Failure> {
    let (tls, authority) = identity()?;
    std::fs::write(folder.join("authority.pem"), authority)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let secure = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addresses =
            format!("http=http://{}\nhttps=https://{}\n", plain.local_addr()?, secure.local_addr()?);
        let unfinished = folder.join("addresses.tmp");
        std::fs::write(&unfinished, addresses)?;
        std::fs::rename(unfinished, folder.join("addresses"))?;
        let router = || Router::new().fallback(answer);
        let plain = axum::serve(Prompt(plain), router());
        let secure = axum::serve(Secure { listener: Prompt(secure), tls }, router());
        let (plain, secure) = tokio::join!(async { plain.await }, async { secure.await });
        plain.and(secure)?;
        Ok(())
    })
}

/// A certificate for 127.0.0.1, and that of who issued it.
fn identity() -> Result<(TlsAcceptor, String), Failure> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "The benchmark's authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.subject_alt_names.push(SanType::IpAddress(Ipv4Addr::LOCALHOST.into()));
    let certificate = params.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), authority.pem()))
}

/// Connections whose answers do not wait for an acknowledgement.
struct Prompt(TcpListener);

impl Listener for Prompt {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        // One that cannot do it works all the same.
        let _ = stream.set_nodelay(true);
        (stream, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Connections with TLS.
struct Secure {
    listener: Prompt,
    tls: TlsAcceptor,
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, peer) = self.listener.accept().await;
            // A client that gives up is its own affair.
            if let Ok(stream) = self.tls.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn answer(request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (request.method().as_str(), segments.as_slice()) {
        ("GET", ["second-page"]) => text(SECOND_PAGE.load(Ordering::Relaxed).to_string()),
        ("GET", [total, delay, "ipp", "v1", "devices"]) => {
            let query = request.uri().query().unwrap_or_default();
            let asked = |name: &str, usual: usize| {
                let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                pairs.into_iter().find(|(key, _)| *key == name).map_or(usual, |(_, value)| number(value))
            };
            let page = asked("page_number", 0);
            if page == 1 {
                SECOND_PAGE.store(now(), Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(number(delay) as u64)).await;
            text(devices(number(total), page, asked("page_size", 20)).to_string())
        }
        ("GET", [.., "ipp", "v1", "sessions", id]) => match id.parse() {
            Ok(id) => text(session(id).to_string()),
            Err(_) => status(404),
        },
        ("POST", [.., "ipp", "v1", "sessions"]) => {
            let asked = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap_or_default();
            let asked: Value = serde_json::from_slice(&asked).unwrap_or_default();
            let mut session = session(Uuid::from_u64_pair(u64::MAX, u64::MAX - u64::from(fastrand::u32(..))));
            for field in ["device_id", "order_amount", "purchase_currency", "merchant_reference1"] {
                session[field] = asked[field].clone();
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

/// A page in the API's envelope.
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
