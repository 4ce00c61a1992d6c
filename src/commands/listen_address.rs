//! Listen addresses and ready files of the servers in kustom.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tokio::net::{TcpListener, TcpSocket};

use crate::error::Error;
use crate::fs::{io_error_message, write_atomic};

/// Parses an address with a port: `127.0.0.1:4010`, `[::1]:0`, `localhost:4010`, `:4010`.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost").unwrap_or(text).strip_prefix(':');
    let local = local.and_then(|port| port.parse().ok());
    match local {
        Some(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        None => text.parse().map_err(|_| {
            "write an address and a port, such as 127.0.0.1:4010; port 0 selects a free port".to_owned()
        }),
    }
}

/// Rejects an address that other machines can reach, unless `--public` was given. `reason` says why that is a risk.
pub(super) fn check_address(address: SocketAddr, is_public: bool, reason: &str) -> Result<(), Error> {
    if address.ip().is_loopback() || is_public {
        return Ok(());
    }
    Err(Error::usage(format!("{} is not a loopback address: {reason}", address.ip()))
        .hint("listen on 127.0.0.1, or add --public to allow other machines"))
}

/// Listens on an address. Returns the one with the port that was selected, too.
pub(super) fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    listen(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => Error::usage(format!("{address} is already in use")).hint(format!(
            "stop the program that uses it, or let kustom select a free port: --listen {}",
            SocketAddr::new(address.ip(), 0)
        )),
        _ => Error::usage(format!("cannot listen on {address}: {}", io_error_message(&error)))
            .hint("pass an address and a port that this user may listen on: --listen ADDRESS:PORT"),
    })
}

/// With the default of tokio, 128, a burst of connections delays the next one by a second, which its client waits before it
/// tries again. Systems have a limit of their own.
const BACKLOG: u32 = 4096;

fn listen(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `TcpListener::bind` does it: connections that a former process has closed do not keep the address in use.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// A file with the URL of a running server. It is removed when this value is dropped.
pub(super) struct ReadyFile {
    path: PathBuf,
    content: String,
}

impl ReadyFile {
    pub(super) fn write(path: PathBuf, content: String) -> Result<Self, Error> {
        write_atomic(&path, content.as_bytes()).map_err(|error| {
            let (path, reason) = (path.display(), io_error_message(&error));
            Error::usage(format!("cannot write the ready file {path}: {reason}"))
                .hint("pass a path in a directory that exists and is writable: --ready-file FILE")
        })?;
        Ok(Self { path, content })
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Another process may have replaced the file in the meantime.
        if fs::read(&self.path).is_ok_and(|content| content == self.content.as_bytes()) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port() {
        assert_eq!(parse_address("localhost:80").unwrap(), "127.0.0.1:80".parse().unwrap());
        assert_eq!(parse_address(":4011").unwrap(), "127.0.0.1:4011".parse().unwrap());
        assert_eq!(parse_address("[::1]:0").unwrap(), "[::1]:0".parse().unwrap());
        for wrong in
            ["", "4010", "127.0.0.1", "localhost", "localhost:x", "example.com:80", "127.0.0.1:70000"]
        {
            assert!(parse_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_addresses_than_loopback_need_the_public_flag() {
        let check = |text: &str, is_public| check_address(text.parse().unwrap(), is_public, "reason").is_ok();
        for local in ["127.0.0.1:1", "127.5.0.1:1", "[::1]:1"] {
            assert!(check(local, false), "{local}");
        }
        for public in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:127.0.0.1]:1"] {
            assert!(!check(public, false) && check(public, true), "{public}");
        }
    }
}
