//! Reports the URL of an emulator that is ready, on stdout and in the file of `--ready-file`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::commands::listen_address::ReadyFile;
use crate::emulator::{API_KEY, MERCHANT_ID};
use crate::error::Error;
use crate::output::{Format, Output};

pub(super) struct Ready {
    pub(super) url: String,
}

impl Ready {
    pub(super) fn new(mut address: SocketAddr) -> Self {
        // Clients cannot connect to an unspecified address such as 0.0.0.0.
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        Self { url: format!("http://{address}") }
    }

    pub(super) fn print(&self, output: &Output) -> Result<(), Error> {
        match output.format() {
            Format::Csv => return output.print_json(&self.to_json()),
            Format::Table | Format::Json | Format::Ndjson => output.print(&self.line(output.format()))?,
        }
        output.flush()
    }

    /// Dropping the returned value removes the file.
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
