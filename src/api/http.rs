//! The HTTP transport.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::base_url::BaseUrl;
use super::error::FailureCause;
use super::transport::{MAX_RESPONSE_BYTES, Response, Transport};
use crate::error::{Error, ErrorKind};
use crate::http_client::{self, root_cause};

#[derive(Debug)]
pub(crate) struct HttpTransport {
    client: reqwest::Client,
    host: String,
    timeout: Duration,
}

impl HttpTransport {
    pub(crate) fn new(base: &BaseUrl, timeout: Duration) -> Result<Self, Error> {
        let client = http_client::build(timeout, base.is_https(), base.is_loopback())
            .map_err(|message| Error::new(ErrorKind::Unavailable, message))?;
        Ok(Self { client, host: base.host().to_owned(), timeout })
    }

    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Response, FailureCause> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| FailureCause::NotSent { reason: root_cause(&error), transient: false })?;
        let mut response = self.client.execute(request).await.map_err(|error| self.classify_error(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_RESPONSE_BYTES => {
                    let reason = format!("it is larger than {} MiB", MAX_RESPONSE_BYTES / 1024 / 1024);
                    return Err(FailureCause::Unreadable { status, reason });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(Response { status, headers, body }),
                Err(error) if error.is_timeout() => return Err(self.timed_out()),
                Err(error) => {
                    let (host, cause) = (&self.host, root_cause(&error));
                    return Err(FailureCause::Lost(format!("the answer of {host} was cut off ({cause})")));
                }
            }
        }
    }

    fn timed_out(&self) -> FailureCause {
        let timeout = jiff::SignedDuration::try_from(self.timeout).unwrap_or(jiff::SignedDuration::MAX);
        FailureCause::Lost(format!("{} did not answer within {timeout:#}", self.host))
    }

    fn classify_error(&self, error: &reqwest::Error) -> FailureCause {
        let host = &self.host;
        if error.is_connect() {
            if let Some(tls) = find_cause::<rustls::Error>(error) {
                let invalid = format!("the certificate of {host} does not verify");
                let reason = match tls {
                    rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
                        format!("{invalid}: nobody this machine trusts issued it")
                    }
                    rustls::Error::InvalidCertificate(cause) => format!("{invalid}: {cause}"),
                    other => format!("no TLS connection to {host}: {other}"),
                };
                return FailureCause::NotSent { reason, transient: false };
            }
            let refused = |error: &io::Error| matches!(error.kind(), io::ErrorKind::ConnectionRefused);
            let reason = if error.is_dns() {
                format!("the name {host} does not resolve")
            } else if error.is_timeout() {
                format!("{host} did not accept a connection in time")
            } else if find_cause(error).is_some_and(refused) {
                format!("{host} refused the connection")
            } else {
                format!("no connection to {host} ({})", root_cause(error))
            };
            return FailureCause::NotSent { reason, transient: true };
        }
        if error.is_builder() {
            return FailureCause::NotSent { reason: root_cause(error), transient: false };
        }
        if error.is_timeout() {
            return self.timed_out();
        }
        FailureCause::Lost(format!("the connection to {host} broke ({})", root_cause(error)))
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: http::Request<Vec<u8>>) -> LocalBoxFuture<'_, Result<Response, FailureCause>> {
        Box::pin(self.send(request))
    }
}

fn find_cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An `io::Error` does not report the error it wraps as its source.
        next = match error.downcast_ref().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
