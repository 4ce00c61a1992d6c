//! A wire between the program and an emulator's server that breaks where a test says.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use kustom::emulator::{Emulator, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, oneshot};

use crate::common::prelude::*;

/// What a session is asked for with.
const POST: &[u8] = b"POST /ipp/v1/sessions";

/// Far less than a large body, so that whoever sends one is still sending when the connection breaks.
const RECEIVE_BUFFER: u32 = 4096;

/// Where in the exchange of a POST something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// The connection has been accepted, and nothing has been read. Also of one that carries another request.
    Accepted,
    /// This many bytes of the request have been passed on to the emulator, and the others never will be. Never
    /// all of them: how long a request is depends on how its instants are written.
    Request(usize),
    /// The whole request has been passed on, and nothing has come back yet.
    Forwarded,
    /// The emulator has answered, and this many bytes of its answer have been passed back; never all of them.
    Answer(usize),
    /// The whole answer has been passed back.
    Answered,
    /// An answer to a GET has been passed back; the connection looks as if it could be used again.
    Read,
}

/// What happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The connection is closed in an orderly way.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing, until the program gives up. The test is told.
    Hold,
}

/// What goes wrong with the next POST of a session; the one after that passes.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    At(Point, Then),
    /// The emulator has answered, and its answer is kept back until the test lets it go.
    Pause,
    /// The program gets another answer. The emulator gets the request or does not.
    Instead {
        answer: Vec<u8>,
        carried_out: bool,
    },
}

/// The wire, with the emulator's server behind it. Dropping it ends both.
pub(crate) struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    status: Mutex<Status>,
    changed: Condvar,
    released: Notify,
}

#[derive(Default)]
struct Status {
    fault: Option<Fault>,
    /// Connections that were made, and those that are not over yet.
    accepted: usize,
    open: usize,
    /// Whether a fault has held the connection since it was set.
    held: bool,
    /// The POSTs that reached the emulator whole.
    posts: Vec<String>,
    /// Other requests that arrived whole.
    reads: Vec<String>,
    /// Whether every connection is reset at once, and how often that has happened.
    down: bool,
    turned_away: usize,
    /// The lengths of the last POST's head and of its whole, and those of its answer.
    request: (usize, usize),
    answer: (usize, usize),
}

impl Wire {
    pub(crate) fn to(emulator: &Emulator) -> Self {
        let shared = Arc::<Shared>::default();
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let (serving, emulator) = (Arc::clone(&shared), emulator.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let behind = listen(None);
                let upstream = behind.local_addr().expect("an address");
                let front = listen(Some(RECEIVE_BUFFER));
                tell.send(front.local_addr().expect("an address")).expect("the test waits");
                tokio::select! {
                    () = Server::new(behind, &emulator).serve(std::future::pending()) => {}
                    () = accept(front, upstream, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        let address = told.recv().expect("an address");
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// What the program takes for the API's address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks the next POST.
    pub(crate) fn breaks(&self, fault: Fault) {
        self.shared.change(|status| {
            status.fault = Some(fault);
            status.held = false;
        });
    }

    /// Waits until the fault holds the connection.
    #[track_caller]
    pub(crate) fn until_held(&self) {
        self.until("the exchange never came to the point where it is held", |status| status.held);
    }

    /// Lets the answer go that is kept back.
    pub(crate) fn release(&self) {
        self.shared.released.notify_one();
    }

    /// Turns everybody away, or lets them through again.
    pub(crate) fn down(&self, down: bool) {
        self.shared.change(|status| status.down = down);
    }

    /// Waits until this many were turned away.
    #[track_caller]
    pub(crate) fn until_turned_away(&self, times: usize) {
        self.until("nobody asks any more", |status| status.turned_away >= times);
    }

    /// The number of requests other than a POST whose line contains this, such as the ID of a session.
    pub(crate) fn reads_of(&self, part: &str) -> usize {
        self.shared.change(|status| status.reads.iter().filter(|line| line.contains(part)).count())
    }

    /// Waits until every connection is over, so that nothing can reach the emulator any more.
    #[track_caller]
    pub(crate) fn until_quiet(&self) {
        self.until("a connection does not end", |status| status.open == 0);
    }

    /// Mends the wire, and tells whether the fault has happened.
    pub(crate) fn mend(&self) -> bool {
        self.shared.change(|status| status.fault.take().is_none())
    }

    /// The POSTs that reached the emulator whole, so far.
    pub(crate) fn posts(&self) -> Vec<String> {
        self.shared.change(|status| status.posts.clone())
    }

    pub(crate) fn accepted(&self) -> usize {
        self.shared.change(|status| status.accepted)
    }

    /// The lengths of the last POST that passed: of its head and of its whole, and those of its answer.
    pub(crate) fn lengths(&self) -> ((usize, usize), (usize, usize)) {
        self.shared.change(|status| (status.request, status.answer))
    }

    #[track_caller]
    fn until(&self, complaint: &str, condition: impl Fn(&Status) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        let mut status = self.shared.status.lock().expect("a status");
        while !condition(&status) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{complaint}: {} open, {:?}", status.open, status.fault);
            status = self.shared.changed.wait_timeout(status, left).expect("a status").0;
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn change<R>(&self, change: impl FnOnce(&mut Status) -> R) -> R {
        let changed = change(&mut self.status.lock().expect("a status"));
        self.changed.notify_all();
        changed
    }

    fn take(&self, wanted: impl FnOnce(&Fault) -> bool) -> Option<Fault> {
        self.change(
            |status| {
                if status.fault.as_ref().is_some_and(wanted) { status.fault.take() } else { None }
            },
        )
    }

    fn turns_away(&self) -> bool {
        self.change(|status| {
            status.turned_away += usize::from(status.down);
            status.down
        })
    }

    async fn serve(&self, mut client: TcpStream, upstream: SocketAddr) -> io::Result<()> {
        client.set_nodelay(true)?;
        if self.turns_away() {
            return self.end(client, Then::Reset).await;
        }
        if let Some(Fault::At(_, then)) = self.take(|fault| matches!(fault, Fault::At(Point::Accepted, _))) {
            return self.end(client, then).await;
        }
        let mut server = TcpStream::connect(upstream).await?;
        server.set_nodelay(true)?;
        let (mut from_client, mut from_server) = (Vec::new(), Vec::new());
        loop {
            fill(&mut client, &mut from_client, POST.len()).await?;
            if self.turns_away() {
                return self.end(client, Then::Reset).await;
            }
            let is_post = from_client.starts_with(POST);
            let fault = self.take(|fault| match fault {
                Fault::At(Point::Read, _) => !is_post,
                _ => is_post,
            });
            if let Some(Fault::At(Point::Request(bytes), then)) = fault {
                let most = |arrived: &[u8]| length(arrived).map_or(bytes, |(_, whole)| bytes.min(whole - 1));
                while from_client.len() < most(&from_client) {
                    let more = from_client.len() + 1;
                    fill(&mut client, &mut from_client, more).await?;
                }
                server.write_all(&from_client[..most(&from_client)]).await?;
                drop(server);
                return self.end(client, then).await;
            }
            let (head, request) = message(&mut client, &mut from_client).await?;
            if let Some(Fault::Instead { answer, carried_out: false }) = fault {
                client.write_all(&answer).await?;
                return self.end(client, Then::Close).await;
            }
            if is_post {
                self.change(|status| {
                    status.request = (head, request.len());
                    status.posts.push(String::from_utf8_lossy(&request).into_owned());
                });
            }
            if !is_post {
                let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
                self.change(|status| status.reads.push(line));
            }
            server.write_all(&request).await?;
            if let Some(Fault::At(Point::Forwarded, then)) = fault {
                let ended = self.end(client, then).await;
                // The emulator finishes what it was asked, whoever waits for it.
                message(&mut server, &mut from_server).await?;
                return ended;
            }
            let (head, answer) = message(&mut server, &mut from_server).await?;
            if is_post {
                self.change(|status| status.answer = (head, answer.len()));
            }
            match fault {
                Some(Fault::Pause) => {
                    self.change(|status| status.held = true);
                    self.released.notified().await;
                    client.write_all(&answer).await?;
                }
                Some(Fault::Instead { answer, .. }) => {
                    client.write_all(&answer).await?;
                    return self.end(client, Then::Close).await;
                }
                Some(Fault::At(Point::Answer(bytes), then)) => {
                    client.write_all(&answer[..bytes.min(answer.len() - 1)]).await?;
                    return self.end(client, then).await;
                }
                Some(Fault::At(_, then)) => {
                    client.write_all(&answer).await?;
                    return self.end(client, then).await;
                }
                None => client.write_all(&answer).await?,
            }
        }
    }

    async fn end(&self, mut client: TcpStream, then: Then) -> io::Result<()> {
        match then {
            Then::Reset => return client.set_zero_linger(),
            Then::Close => client.shutdown().await?,
            Then::Hold => self.change(|status| status.held = true),
        }
        // Closing with unread bytes would be a reset.
        tokio::io::copy(&mut client, &mut tokio::io::sink()).await.map(drop)
    }
}

fn listen(receive_buffer: Option<u32>) -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes).expect("a buffer");
    }
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port on loopback");
    socket.listen(64).expect("a listener")
}

async fn accept(listener: TcpListener, upstream: SocketAddr, shared: Arc<Shared>) {
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        shared.change(|status| {
            status.accepted += 1;
            status.open += 1;
        });
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A program that hangs up has its reasons.
            let _ = shared.serve(client, upstream).await;
            shared.change(|status| status.open -= 1);
        });
    }
}

/// Reads until there are this many bytes.
async fn fill(from: &mut TcpStream, buffer: &mut Vec<u8>, bytes: usize) -> io::Result<()> {
    while buffer.len() < bytes {
        if from.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Reads one message of HTTP/1.1 with a length; gives the length of its head, and all of it.
async fn message(from: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<(usize, Vec<u8>)> {
    loop {
        if let Some((head, whole)) = length(buffer) {
            fill(from, buffer, whole).await?;
            return Ok((head, buffer.drain(..whole).collect()));
        }
        let more = buffer.len() + 1;
        fill(from, buffer, more).await?;
    }
}

/// The lengths of the head and of the whole of the message that these bytes begin, once the head is there.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    Some((head, head + body.map_or(0, |body| body.trim().parse().expect("a length"))))
}
