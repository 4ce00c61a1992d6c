//! Where a server listens, and how others learn of it.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

use crate::error::Error;
use crate::fs::{io_error_message, write_atomic};

/// An address with a port: `127.0.0.1:4010`, `[::1]:0`, `localhost:4010`.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    match local {
        Some(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        None => text.parse().map_err(|_| {
            "write an address and a port, such as 127.0.0.1:4010; port 0 is one that is free".to_owned()
        }),
    }
}

/// Refuses what others on the network can reach, unless that is wanted; `why` says what they could do there.
pub(super) fn check(address: SocketAddr, is_public: bool, why: &str) -> Result<(), Error> {
    if address.ip().is_loopback() || is_public {
        return Ok(());
    }
    Err(Error::usage(format!("{} is not on this machine alone: {why}", address.ip()))
        .hint("listen on 127.0.0.1, or add --public if that is what you want"))
}

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            Error::usage(format!("something listens on {address} already")).hint(format!(
                "end it, or take another port: --listen {}, where 0 is one that is free",
                SocketAddr::new(address.ip(), 0)
            ))
        }
        _ => Error::usage(format!("cannot listen on {address}: {}", io_error_message(&error)))
            .hint("name an address of this machine and a port that is yours with --listen"),
    })
}

/// A file that says where a server listens, and is there as long as the server is.
pub(super) struct ReadyFile {
    path: PathBuf,
    content: String,
}

impl ReadyFile {
    /// Writes it, whole.
    pub(super) fn write(path: PathBuf, content: String) -> Result<Self, Error> {
        write_atomic(&path, content.as_bytes()).map_err(|error| unusable(&path, &error))?;
        Ok(Self { path, content })
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // One that somebody else has written meanwhile is not ours to remove.
        if fs::read(&self.path).is_ok_and(|content| content == self.content.as_bytes()) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Error {
    Error::usage(format!("cannot write the ready file {}: {}", path.display(), io_error_message(error)))
        .hint("name a file in a folder that exists and is yours")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port() {
        assert_eq!(address("localhost:80").unwrap(), "127.0.0.1:80".parse().unwrap());
        assert_eq!(address("[::1]:0").unwrap(), "[::1]:0".parse().unwrap());
        for wrong in
            ["", "4010", "127.0.0.1", "localhost", "localhost:x", "example.com:80", "127.0.0.1:70000"]
        {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_loopback_is_taken_without_a_word() {
        let check = |text: &str, is_public| check(text.parse().unwrap(), is_public, "why").is_ok();
        for local in ["127.0.0.1:1", "127.5.0.1:1", "[::1]:1"] {
            assert!(check(local, false), "{local}");
        }
        for public in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:127.0.0.1]:1"] {
            assert!(!check(public, false) && check(public, true), "{public}");
        }
    }
}
