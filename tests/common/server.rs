//! A server on loopback that answers what a test wants, however wrong, and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::harness::TIMEOUT;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    /// `GET /ipp/v1/devices`, without the query.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target.split('?').next().unwrap_or_default())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// A query parameter, not decoded.
    pub fn query(&self, name: &str) -> Option<&str> {
        let query = self.target.split_once('?')?.1;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// What a server does with a request.
#[derive(Debug, Clone)]
pub struct Reply {
    bytes: Vec<u8>,
    /// Written after the bytes, over and over.
    filler: usize,
    /// The connection is kept open without another byte until the client gives up.
    stalls: bool,
}

impl Reply {
    /// A whole answer.
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

    /// RFC 7807.
    pub fn problem(status: u16, detail: &str) -> Self {
        let body = json!({"title": "Refused", "status": status, "detail": detail});
        Self::new(status, "application/problem+json", body.to_string())
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self::new(status, "", "")
    }

    /// These bytes, and then the connection is closed. None at all is a request that got no answer.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), filler: 0, stalls: false }
    }

    /// The request is read, and the connection is closed without an answer.
    pub fn cut() -> Self {
        Self::raw("")
    }

    /// The request is read and never answered.
    pub fn stall() -> Self {
        Self { bytes: Vec::new(), filler: 0, stalls: true }
    }

    /// A success whose body has this many bytes, which are made up as they are sent.
    pub fn huge(bytes: usize) -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {bytes}\r\n\r\n"
        );
        Self { bytes: head.into_bytes(), filler: bytes, stalls: false }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let at = self.bytes.windows(2).position(|pair| pair == b"\r\n").expect("a status line") + 2;
        let line = format!("{name}: {value}\r\n").into_bytes();
        self.bytes.splice(at..at, line);
        self
    }

    /// Leaves out the last bytes of the body, though they are announced.
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
            // Comes back when the client has hung up.
            let _ = connection.read(&mut [0]);
        }
        Ok(())
    }
}

type Handler = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// The server, on a port of its own. Each connection has a thread and carries one request. Dropping it ends it.
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
    /// A server that decides what to answer.
    pub fn new(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Box::new(handler), None)
    }

    /// A server that gives these answers one after the other, and then the last one for ever.
    pub fn script(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<_> = replies.into_iter().collect();
        assert!(!replies.is_empty(), "a script has an answer");
        let next = AtomicUsize::new(0);
        Self::new(move |_| {
            let number = next.fetch_add(1, Ordering::SeqCst);
            replies[number.min(replies.len() - 1)].clone()
        })
    }

    /// A server that always answers the same.
    pub fn always(reply: Reply) -> Self {
        Self::script([reply])
    }

    /// A server that should not be asked anything.
    pub fn unwanted() -> Self {
        Self::always(Reply::problem(500, "this server should not have been asked"))
    }

    /// The same over TLS.
    pub fn with_tls(config: Arc<ServerConfig>, reply: Reply) -> Self {
        Self::start(Box::new(move |_| reply.clone()), Some(config))
    }

    fn start(handler: Handler, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
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

    /// What a client takes for the API's address.
    pub fn url(&self) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests that arrived whole, in their order.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().expect("requests").clone()
    }

    /// The lines of the requests, such as `GET /ipp/v1/devices`.
    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    /// Nobody has even connected.
    #[track_caller]
    pub fn assert_untouched(&self) {
        assert_eq!(self.asked(), [], "something was sent");
        assert_eq!(self.shared.connections.load(Ordering::SeqCst), 0, "somebody has connected");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn serve(&self, connection: TcpStream) {
        // A client that hangs up early has its reasons; what arrived has been noted.
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
