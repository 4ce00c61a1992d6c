//! What a process writes, while it writes.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::harness::TIMEOUT;

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub struct Stream {
    shared: Arc<(Mutex<Written>, Condvar)>,
}

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    ended: bool,
}

impl Stream {
    pub fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Written::default()), Condvar::new()));
        let to = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            loop {
                let read = pipe.read(&mut buffer).unwrap_or(0);
                let mut written = to.0.lock().expect("a stream");
                written.bytes.extend_from_slice(&buffer[..read]);
                written.ended = read == 0;
                to.1.notify_all();
                if written.ended {
                    return;
                }
            }
        });
        Self { shared }
    }

    pub fn end(&self, deadline: Instant) -> (Vec<u8>, bool) {
        let mut written = self.shared.0.lock().expect("a stream");
        while !written.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            written = self.shared.1.wait_timeout(written, left).expect("a stream").0;
        }
        (written.bytes.clone(), written.ended)
    }

    #[track_caller]
    pub fn until(&self, command: &str, condition: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + TIMEOUT;
        let mut written = self.shared.0.lock().expect("a stream");
        loop {
            let text = text(&written.bytes);
            if condition(&text) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!written.ended && !left.is_zero(), "{command} never wrote what was waited for:\n{text}");
            written = self.shared.1.wait_timeout(written, left).expect("a stream").0;
        }
    }
}
