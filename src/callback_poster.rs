//! Posts callbacks to the endpoint of an application: `https`, or plain `http` on this machine.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use jiff::{SignedDuration, Timestamp};
use standardwebhooks::WebhookError;
use url::{Host, Url};

use crate::http_client::{self, root_cause};
use crate::secret::CallbackSecret;
use crate::webhooks::Signer;

const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// Why there is no response to a callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryError {
    /// The callback did not reach the endpoint.
    NotSent(String),
    /// The callback may have reached the endpoint.
    Lost(String),
}

impl DeliveryError {
    pub fn reason(self) -> String {
        match self {
            Self::NotSent(reason) | Self::Lost(reason) => reason,
        }
    }
}

#[derive(Debug)]
pub struct CallbackEndpoint {
    url: Url,
    client: reqwest::Client,
    timeout: Duration,
}

impl CallbackEndpoint {
    /// No error repeats the URL, which may contain a secret.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, String> {
        let mut url = Url::parse(url.trim())
            .map_err(|_| "it is not a URL such as http://127.0.0.1:8080/callbacks".to_owned())?;
        url.set_fragment(None);
        if !matches!(url.scheme(), "http" | "https") {
            return Err("its scheme is neither https nor http".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it contains a user name or a password".to_owned());
        }
        let (is_https, is_loopback) = (url.scheme() == "https", is_loopback(&url));
        if !is_https && !is_loopback {
            return Err(
                "it is plain http to another machine, which would show payments to the network; use https"
                    .to_owned(),
            );
        }
        let client = http_client::build(timeout, is_https, is_loopback)?;
        Ok(Self { url, client, timeout })
    }

    /// The URL without its query, which may contain a secret.
    pub fn display_url(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.into()
    }

    /// Posts `body` once, without following redirects. A response larger than 16 MiB is returned without its headers
    /// and body, since its status still says whether the callback was acknowledged.
    pub async fn post(&self, headers: HeaderMap, body: Vec<u8>) -> Result<Response<Vec<u8>>, DeliveryError> {
        let request = self.client.post(self.url.clone()).headers(headers).body(body);
        let mut incoming = request.send().await.map_err(|error| self.delivery_error(&error))?;
        let mut response = Response::new(Vec::new());
        *response.status_mut() = incoming.status();
        while let Some(chunk) = incoming.chunk().await.map_err(|error| self.delivery_error(&error))? {
            if response.body().len() + chunk.len() > MAX_RESPONSE_BYTES {
                response.body_mut().clear();
                return Ok(response);
            }
            response.body_mut().extend_from_slice(&chunk);
        }
        *response.headers_mut() = std::mem::take(incoming.headers_mut());
        Ok(response)
    }

    fn delivery_error(&self, error: &reqwest::Error) -> DeliveryError {
        let host = self.url.host_str().unwrap_or_default();
        let cause = root_cause(error);
        if error.is_connect() || error.is_builder() {
            DeliveryError::NotSent(format!("cannot connect to {host} ({cause})"))
        } else if error.is_timeout() {
            let timeout = SignedDuration::try_from(self.timeout).unwrap_or(SignedDuration::MAX);
            DeliveryError::Lost(format!("{host} did not respond within {timeout:#}"))
        } else {
            DeliveryError::Lost(format!("the connection to {host} was lost ({cause})"))
        }
    }
}

/// Signs callbacks and posts them to an endpoint.
pub struct CallbackPoster {
    endpoint: CallbackEndpoint,
    signer: Signer,
}

impl CallbackPoster {
    /// With two secrets, as during a rotation, each callback has two signatures.
    pub fn new(endpoint: CallbackEndpoint, secrets: &[CallbackSecret]) -> Result<Self, WebhookError> {
        Ok(Self { endpoint, signer: Signer::new(secrets)? })
    }

    pub fn display_url(&self) -> String {
        self.endpoint.display_url()
    }

    /// Posts a JSON body under a webhook ID, which must stay the same when the callback is posted again.
    pub async fn post(&self, id: &str, body: Vec<u8>) -> Result<Response<Vec<u8>>, DeliveryError> {
        self.post_signed(self.sign(id, &body)?, body).await
    }

    /// The headers of one attempt.
    pub fn sign(&self, id: &str, body: &[u8]) -> Result<HeaderMap, DeliveryError> {
        let mut headers = self
            .signer
            .sign(id, Timestamp::now(), body)
            .map_err(|error| DeliveryError::NotSent(error.to_string()))?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(headers)
    }

    pub async fn post_signed(
        &self,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response<Vec<u8>>, DeliveryError> {
        self.endpoint.post(headers, body).await
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<(String, String), String> {
        let endpoint = CallbackEndpoint::new(url, Duration::from_secs(1))?;
        Ok((endpoint.display_url(), endpoint.url.into()))
    }

    #[test]
    fn plain_http_is_accepted_on_this_machine_only() {
        let local = "http://127.0.0.1:8080/hooks";
        assert_eq!(parse(local), Ok((local.to_owned(), local.to_owned())));
        assert_eq!(
            parse(" https://shop.example/hooks?token=x#y "),
            Ok(("https://shop.example/hooks".to_owned(), "https://shop.example/hooks?token=x".to_owned()))
        );
        let plain_http =
            "it is plain http to another machine, which would show payments to the network; use https";
        for (url, expected) in [
            ("http://shop.example/hooks", plain_http),
            ("http://localhost.shop.example/", plain_http),
            ("http://10.0.0.1/", plain_http),
            ("shop.example", "it is not a URL such as http://127.0.0.1:8080/callbacks"),
            ("ftp://127.0.0.1/", "its scheme is neither https nor http"),
            ("https://a:b@shop.example/", "it contains a user name or a password"),
        ] {
            assert_eq!(parse(url), Err(expected.to_owned()));
        }
    }
}
