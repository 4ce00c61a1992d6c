//! Posts callbacks to the endpoint of an application: `https`, or plain `http` on this machine and to a private host that
//! the user named.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Response};
use jiff::Timestamp;
use standardwebhooks::WebhookError;
use url::Url;

use crate::http_client::{Failure, HttpClient, allows_plain_http, parse_url};
use crate::secret::CallbackSecret;
use crate::webhooks::SigningKeys;

/// The sender of a callback that is forwarded waits for the response.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

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
    client: HttpClient,
}

impl CallbackEndpoint {
    /// Allows plain HTTP to the host `allow_http`. No error repeats the URL, which may contain a secret.
    pub fn new(url: &str, timeout: Duration, allow_http: Option<&str>) -> Result<Self, String> {
        let mut url = parse_url(url)
            .ok_or_else(|| "it is not a URL such as http://127.0.0.1:8080/callbacks".to_owned())?;
        url.set_fragment(None);
        if !matches!(url.scheme(), "http" | "https") {
            return Err("its scheme is neither https nor http".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it contains a user name or a password".to_owned());
        }
        if url.scheme() != "https" && !allows_plain_http(&url, allow_http) {
            return Err(
                "it is plain http to another machine, which would show payments to the network; use https, or \
                 --allow-http HOST in a private network"
                    .to_owned(),
            );
        }
        let client = HttpClient::new(&url, timeout)?.with_body_timeout(BODY_TIMEOUT);
        Ok(Self { url, client })
    }

    /// The URL without its query, which may contain a secret.
    pub fn display_url(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.into()
    }

    /// Posts `body` once, without following redirects. The status says whether the callback was acknowledged, so a
    /// response whose body cannot be read is returned without its headers and body.
    pub async fn post(&self, headers: HeaderMap, body: Vec<u8>) -> Result<Response<Vec<u8>>, DeliveryError> {
        let mut request = reqwest::Request::new(Method::POST, self.url.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = Some(body.into());
        match self.client.send(request).await {
            Ok(response) => Ok(response),
            Err(Failure::Incomplete { status, .. } | Failure::TooLarge { status }) => {
                let mut response = Response::new(Vec::new());
                *response.status_mut() = status;
                Ok(response)
            }
            Err(Failure::NotSent { reason, .. }) => Err(DeliveryError::NotSent(reason)),
            Err(Failure::Lost(reason)) => Err(DeliveryError::Lost(reason)),
        }
    }
}

/// Signs callbacks and posts them to an endpoint.
pub struct CallbackPoster {
    endpoint: CallbackEndpoint,
    keys: SigningKeys,
}

impl CallbackPoster {
    /// With two secrets, as during a rotation, each callback has two signatures.
    pub fn new(endpoint: CallbackEndpoint, secrets: &[CallbackSecret]) -> Result<Self, WebhookError> {
        Ok(Self { endpoint, keys: SigningKeys::new(secrets)? })
    }

    pub fn display_url(&self) -> String {
        self.endpoint.display_url()
    }

    /// Posts a JSON body under a webhook ID, which must stay the same when the callback is posted again. Returns the headers
    /// that were sent, too.
    pub async fn post(
        &self,
        id: &str,
        body: Vec<u8>,
    ) -> (HeaderMap, Result<Response<Vec<u8>>, DeliveryError>) {
        let mut headers = match self.keys.sign(id, Timestamp::now(), &body) {
            Ok(headers) => headers,
            Err(error) => return (HeaderMap::new(), Err(DeliveryError::NotSent(error.to_string()))),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let response = self.endpoint.post(headers.clone(), body).await;
        (headers, response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<(String, String), String> {
        let endpoint = CallbackEndpoint::new(url, Duration::from_secs(1), None)?;
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
        let plain_http = "it is plain http to another machine, which would show payments to the network; use https, or \
                          --allow-http HOST in a private network";
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
