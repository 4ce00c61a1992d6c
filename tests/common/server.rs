//! A server on loopback that answers what a test wants, however wrong, and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::harness::{TIMEOUT, TestEnv};
use super::stream::text;

/// The key of [`Server::env`].
pub const KEY: &str = "kco_test_api_0123456789abcdef";

/// Sends bytes to a server, and returns what comes back.
pub fn exchange(address: &str, request: impl AsRef<[u8]>) -> String {
    let mut connection = TcpStream::connect(address).expect("a connection");
    connection.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    // The server may have responded before it received everything.
    let _ = connection.write_all(request.as_ref());
    let mut response = Vec::new();
    let _ = connection.read_to_end(&mut response);
    text(&response)
}

/// The status of a response.
pub fn status_of(response: &str) -> u16 {
    let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no response: {response:?}"))
}

/// The token in a page of a server of ours.
pub fn token_of(page: &str) -> &str {
    page.split("data-token=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target.split('?').next().unwrap_or_default())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        let query = self.target.split_once('?')?.1;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

#[derive(Debug, Clone)]
pub struct Reply {
    bytes: Vec<u8>,
    filler: usize,
    stalls: bool,
}

impl Reply {
    pub fn new(status: u16, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut bytes = format!("HTTP/1.1 {status} Whatever\r\nconnection: close\r\n").into_bytes();
        if !content_type.is_empty() {
            bytes.extend_from_slice(format!("content-type: {content_type}\r\n").as_bytes());
        }
        bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
        Self { bytes, filler: 0, stalls: false }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub fn problem(status: u16, detail: &str) -> Self {
        let body = json!({"title": "Refused", "status": status, "detail": detail});
        Self::new(status, "application/problem+json", body.to_string())
    }

    pub fn empty(status: u16) -> Self {
        Self::new(status, "", "")
    }

    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), filler: 0, stalls: false }
    }

    pub fn cut() -> Self {
        Self::raw("")
    }

    pub fn stall() -> Self {
        Self { bytes: Vec::new(), filler: 0, stalls: true }
    }

    pub fn huge(bytes: usize) -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {bytes}\r\n\r\n"
        );
        Self { bytes: head.into_bytes(), filler: bytes, stalls: false }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let at = self.bytes.windows(2).position(|pair| pair == b"\r\n").expect("a status line") + 2;
        let line = format!("{name}: {value}\r\n").into_bytes();
        self.bytes.splice(at..at, line);
        self
    }

    #[must_use]
    pub fn without_the_last(mut self, bytes: usize) -> Self {
        self.bytes.truncate(self.bytes.len() - bytes);
        self
    }

    fn send(&self, connection: &mut (impl Read + Write)) -> std::io::Result<()> {
        connection.write_all(&self.bytes)?;
        let filler = vec![b' '; self.filler.min(1024 * 1024)];
        let mut left = self.filler;
        while left > 0 {
            let now = left.min(filler.len());
            connection.write_all(&filler[..now])?;
            left -= now;
        }
        connection.flush()?;
        if self.stalls {
            let _ = connection.read(&mut [0]);
        }
        Ok(())
    }
}

type Handler = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    handler: Handler,
    tls: Option<Arc<ServerConfig>>,
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
    over: AtomicBool,
}

impl Server {
    pub fn new(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Box::new(handler), None)
    }

    /// A server at another address than loopback.
    pub fn on(address: SocketAddr, handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at(address, Box::new(handler), None)
    }

    pub fn script(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<_> = replies.into_iter().collect();
        assert!(!replies.is_empty(), "a script has an answer");
        let next = AtomicUsize::new(0);
        Self::new(move |_| {
            let number = next.fetch_add(1, Ordering::SeqCst);
            replies[number.min(replies.len() - 1)].clone()
        })
    }

    pub fn always(reply: Reply) -> Self {
        Self::script([reply])
    }

    pub fn unwanted() -> Self {
        Self::always(Reply::problem(500, "this server should not have been asked"))
    }

    /// The same over TLS.
    pub fn with_tls(config: Arc<ServerConfig>, reply: Reply) -> Self {
        Self::start(Box::new(move |_| reply.clone()), Some(config))
    }

    fn start(handler: Handler, tls: Option<Arc<ServerConfig>>) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), handler, tls)
    }

    fn start_at(address: SocketAddr, handler: Handler, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            handler,
            tls,
            asked: Mutex::default(),
            connections: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if accepting.over.load(Ordering::SeqCst) {
                    return;
                }
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                let serving = Arc::clone(&accepting);
                std::thread::spawn(move || serving.serve(connection));
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// A playground account at this server.
    pub fn env(&self) -> TestEnv {
        TestEnv::new().at(&self.url(), KEY)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().expect("requests").clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    #[track_caller]
    pub fn assert_untouched(&self) {
        assert_eq!(self.asked(), [], "something was sent");
        assert_eq!(self.shared.connections.load(Ordering::SeqCst), 0, "somebody has connected");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn serve(&self, connection: TcpStream) {
        let _ = connection.set_read_timeout(Some(TIMEOUT));
        let _ = connection.set_nodelay(true);
        if let Some(config) = &self.tls {
            let session = ServerConnection::new(Arc::clone(config)).expect("TLS");
            let mut stream = StreamOwned::new(session, connection);
            if self.answer(&mut stream).is_some() {
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
            return;
        }
        let mut connection = connection;
        if self.answer(&mut connection).is_some() {
            // Closing with unread bytes would reset the connection before the answer is read.
            let _ = connection.shutdown(std::net::Shutdown::Write);
            let _ = std::io::copy(&mut connection, &mut std::io::sink());
        }
    }

    fn answer(&self, connection: &mut (impl Read + Write)) -> Option<()> {
        let asked = read(connection)?;
        self.asked.lock().expect("requests").push(asked.clone());
        (self.handler)(&asked).send(connection).ok()
    }
}

fn read(connection: &mut impl Read) -> Option<Asked> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().expect("a length"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, target, headers, body })
}
