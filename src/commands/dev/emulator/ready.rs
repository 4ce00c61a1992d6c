//! How others learn that a server listens, and where.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::commands::listen_address::ReadyFile;
use crate::emulator::{API_KEY, MERCHANT_ID};
use crate::error::Error;
use crate::output::{Format, Output};

/// What a client needs to know of an emulator.
pub(super) struct Ready {
    pub(super) url: String,
}

impl Ready {
    pub(super) fn at(address: SocketAddr) -> Self {
        let mut address = address;
        // What listens everywhere is reached here too, by an address that a client can connect to.
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        Self { url: format!("http://{address}") }
    }

    /// Tells it on stdout, on one line where it can be.
    pub(super) fn show(&self, output: &Output) -> Result<(), Error> {
        match output.format() {
            Format::Csv => return output.print_json(&self.to_json()),
            Format::Table | Format::Json | Format::Ndjson => output.print(&self.line(output.format()))?,
        }
        output.flush()
    }

    /// Writes it to a file, whole, which the value that is returned removes again.
    pub(super) fn write(&self, path: PathBuf, format: Format) -> Result<ReadyFile, Error> {
        ReadyFile::write(path, self.line(format))
    }

    fn line(&self, format: Format) -> String {
        if format.is_json() { format!("{}\n", self.to_json()) } else { format!("{}\n", self.url) }
    }

    fn to_json(&self) -> Value {
        json!({"url": self.url, "key": API_KEY, "merchant_id": MERCHANT_ID})
    }
}
