//! The HTTP transport.

use std::error::Error as StdError;
use std::time::Duration;

use super::base_url::BaseUrl;
use super::transport::{MAX_RESPONSE_BYTES, Response, ResponseFuture, Transport, TransportError};

/// HTTP/1.1 by reqwest, TLS by rustls with the platform's certificates.
#[derive(Debug)]
pub(crate) struct HttpTransport {
    client: reqwest::Client,
    host: String,
    timeout: Duration,
}

/// The HTTP client could not be created, for example because the machine has no root certificates.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up TLS on this machine: {0}")]
pub(crate) struct SetUpError(String);

impl HttpTransport {
    /// Creates a transport to `base` with a timeout for each request.
    pub(crate) fn new(base: &BaseUrl, timeout: Duration) -> Result<Self, SetUpError> {
        // Fails if a provider is installed already, which is just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("kustom-cli/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(timeout)
            // Shorter than the request timeout, so a host that cannot be reached is known not to have received anything.
            .connect_timeout((timeout * 3 / 4).min(Duration::from_secs(10)));
        if !base.is_https() {
            // Without TLS and redirects there is no need to load the certificates of this machine.
            builder = builder.tls_certs_only([]);
        }
        if base.is_loopback() {
            // A proxy from the environment would receive the request unencrypted, with the key.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| SetUpError(innermost(&error)))?;
        Ok(Self { client, host: base.host().to_owned(), timeout })
    }

    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Response, TransportError> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::NotSent { reason: innermost(&error), passing: false })?;
        let mut response = self.client.execute(request).await.map_err(|error| self.explain(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_RESPONSE_BYTES => {
                    return Err(TransportError::TooLarge { status });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(Response { status, headers, body }),
                Err(error) if error.is_timeout() => return Err(self.too_slow()),
                Err(error) => {
                    let reason = format!("the answer of {} was cut off ({})", self.host, innermost(&error));
                    return Err(TransportError::Lost { reason });
                }
            }
        }
    }

    fn too_slow(&self) -> TransportError {
        let reason = format!("{} did not answer within {:#}", self.host, friendly(self.timeout));
        TransportError::Lost { reason }
    }

    fn explain(&self, error: &reqwest::Error) -> TransportError {
        let host = &self.host;
        if error.is_connect() {
            if let Some(tls) = find::<rustls::Error>(error) {
                let reason = match tls {
                    rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
                        format!(
                            "the certificate of {host} does not verify: nobody this machine trusts issued it"
                        )
                    }
                    rustls::Error::InvalidCertificate(why) => {
                        format!("the certificate of {host} does not verify: {why}")
                    }
                    other => format!("no TLS connection to {host}: {other}"),
                };
                return TransportError::NotSent { reason, passing: false };
            }
            let reason = if error.is_dns() {
                format!("the name {host} does not resolve")
            } else if error.is_timeout() {
                format!("{host} did not accept a connection in time")
            } else if find_io(error).is_some_and(|kind| kind == std::io::ErrorKind::ConnectionRefused) {
                format!("{host} refused the connection")
            } else {
                format!("no connection to {host} ({})", innermost(error))
            };
            return TransportError::NotSent { reason, passing: true };
        }
        if error.is_builder() {
            return TransportError::NotSent { reason: innermost(error), passing: false };
        }
        if error.is_timeout() {
            return self.too_slow();
        }
        TransportError::Lost { reason: format!("the connection to {host} broke ({})", innermost(error)) }
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: http::Request<Vec<u8>>) -> ResponseFuture<'_> {
        Box::pin(self.send(request))
    }
}

fn friendly(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    fn cause<'a>(error: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
        (*error).source()
    }
    std::iter::successors(Some(error), cause)
}

/// The message of the innermost cause. The outer ones only repeat the URL and "error sending request".
fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Finds a cause by its type. rustls errors are wrapped in one or more `io::Error`s, whose `source` skips them.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|cause| {
        let mut held = cause;
        loop {
            if let Some(found) = held.downcast_ref::<E>() {
                return Some(found);
            }
            held = held.downcast_ref::<std::io::Error>()?.get_ref()?;
        }
    })
}

fn find_io(error: &(dyn StdError + 'static)) -> Option<std::io::ErrorKind> {
    chain(error).find_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind)
}
