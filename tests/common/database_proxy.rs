//! A wire between the program and PostgreSQL that breaks where a test says.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// How the server confirms that a transaction is stored.
const COMMITTED: &[u8] = b"COMMIT\0";

pub struct DatabaseProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_down: AtomicBool,
    /// The number of commits after which the wire breaks; zero for never.
    commits: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

impl DatabaseProxy {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::<Shared>::default();
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if serving.is_down.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
                let both = [&client, &server].map(|stream| stream.try_clone().expect("a stream"));
                serving.open.lock().expect("streams").extend(both);
                let pair = |stream: &TcpStream| stream.try_clone().expect("a stream");
                let (from, to) = (pair(&client), pair(&server));
                std::thread::spawn(move || copy(from, to, |_| true));
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || {
                    copy(server, client, |bytes| {
                        if bytes.windows(COMMITTED.len()).any(|window| window == COMMITTED) {
                            let left = shared.commits.load(Ordering::SeqCst);
                            shared.commits.store(left.saturating_sub(1), Ordering::SeqCst);
                            if left == 1 {
                                shared.is_down.store(true, Ordering::SeqCst);
                            }
                        }
                        !shared.is_down.load(Ordering::SeqCst)
                    });
                    if shared.is_down.load(Ordering::SeqCst) {
                        shared.close();
                    }
                });
            }
        });
        Self { address, shared }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Breaks all connections, and refuses new ones until [`Self::repair`].
    pub fn cut(&self) {
        self.shared.is_down.store(true, Ordering::SeqCst);
        self.shared.close();
    }

    /// Passes on this many confirmations of a commit, and then breaks.
    pub fn cut_after_commits(&self, number: usize) {
        self.shared.commits.store(number, Ordering::SeqCst);
    }

    pub fn repair(&self) {
        self.shared.is_down.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    fn close(&self) {
        for stream in self.open.lock().expect("streams").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Passes on bytes as long as `watch` returns true.
fn copy(mut from: TcpStream, mut to: TcpStream, watch: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 || to.write_all(&buffer[..length]).is_err() {
            break;
        }
        if !watch(&buffer[..length]) {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
