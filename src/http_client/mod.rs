//! The HTTP client for the API and for applications: HTTP/1.1 by reqwest, TLS by rustls with the platform's certificates.

use std::error::Error;
use std::io;
use std::time::Duration;

use crate::fs::io_error_message;

/// Builds a client that follows no redirect and sends every request once.
pub(crate) fn build(timeout: Duration, is_https: bool, is_loopback: bool) -> Result<reqwest::Client, String> {
    // This fails only if a provider is installed already, which then is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("kustom-cli/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(timeout)
        // Shorter than `timeout`, so that an unreachable host is reported as "not sent", which is safe to retry.
        .connect_timeout((timeout * 3 / 4).min(Duration::from_secs(10)));
    if !is_https {
        // Plain HTTP needs no certificates, and reading those of the platform is slow.
        builder = builder.tls_certs_only([]);
    }
    if is_loopback {
        // A proxy from the environment would receive the plain request and with it the key.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| format!("cannot set up TLS on this machine: {}", root_cause(&error)))
}

/// The innermost source of an error. The outer ones only repeat the URL and say "error sending request".
pub(crate) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.downcast_ref::<io::Error>().map_or_else(|| cause.to_string(), io_error_message)
}
