//! Where deliveries are posted.

use std::time::Duration;

use http::{HeaderMap, Method, Request, Uri};
use url::Url;

use crate::api::{
    BaseUrl, BaseUrlError, HttpTransport, Response, SetUpError, Transport as _, TransportError,
};

/// Somebody's endpoint for callbacks: https, or plain http on this machine.
#[derive(Debug)]
pub struct Endpoint {
    uri: Uri,
    /// Without the query, which may hold a secret.
    shown: String,
    transport: HttpTransport,
}

/// Why callbacks cannot be posted to a URL. No variant repeats it.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// No URL at all, or one without a host.
    #[error("it is not a URL such as http://127.0.0.1:8080/callbacks")]
    Malformed,
    /// Something other than http or https.
    #[error("its scheme is neither https nor http")]
    Scheme,
    /// Plain http to another machine.
    #[error("it is plain http to another machine, which would show payments to the network; use https")]
    PlainHttp,
    /// User name or password in the URL.
    #[error("it contains a user name or a password")]
    Userinfo,
    /// There can be no connections.
    #[error("{0}")]
    SetUp(#[from] SetUpError),
}

/// Why a delivery has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryError {
    /// Provably nothing arrived.
    NotSent(String),
    /// It may have arrived.
    Lost(String),
}

impl DeliveryError {
    /// What happened, in words.
    pub fn reason(self) -> String {
        match self {
            Self::NotSent(reason) | Self::Lost(reason) => reason,
        }
    }
}

impl Endpoint {
    /// Checks a URL. No request to it is repeated, follows a redirect, or takes longer than `timeout`.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, EndpointError> {
        let mut url = Url::parse(url.trim()).map_err(|_| EndpointError::Malformed)?;
        url.set_fragment(None);
        let uri: Uri = url.as_str().parse().map_err(|_| EndpointError::Malformed)?;
        url.set_query(None);
        let base = BaseUrl::parse(url.as_str()).map_err(|error| match error {
            BaseUrlError::Scheme => EndpointError::Scheme,
            BaseUrlError::PlainHttp => EndpointError::PlainHttp,
            BaseUrlError::Userinfo => EndpointError::Userinfo,
            BaseUrlError::Malformed | BaseUrlError::Query => EndpointError::Malformed,
        })?;
        Ok(Self { uri, shown: url.into(), transport: HttpTransport::new(&base, timeout)? })
    }

    /// The URL as it can be shown.
    pub fn display_url(&self) -> &str {
        &self.shown
    }

    /// Posts a body once, as it is. An answer that says too much still says whether the delivery was acknowledged: it
    /// is given without its headers and its body.
    pub async fn post(&self, headers: HeaderMap, body: Vec<u8>) -> Result<Response, DeliveryError> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        match self.transport.send(request).await {
            Ok(answer) => Ok(answer),
            Err(TransportError::TooLarge { status }) => {
                Ok(Response { status, headers: HeaderMap::new(), body: Vec::new() })
            }
            Err(TransportError::NotSent { reason, .. } | TransportError::State { reason }) => {
                Err(DeliveryError::NotSent(reason))
            }
            Err(TransportError::Lost { reason }) => Err(DeliveryError::Lost(reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Result<String, String> {
        let endpoint = Endpoint::new(url, Duration::from_secs(1)).map_err(|error| error.to_string())?;
        Ok(format!("{} {}", endpoint.display_url(), endpoint.uri))
    }

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        let local = "http://127.0.0.1:8080/hooks";
        assert_eq!(endpoint(local), Ok(format!("{local} {local}")));
        assert_eq!(
            endpoint(" https://shop.example/hooks?token=x#y "),
            Ok("https://shop.example/hooks https://shop.example/hooks?token=x".to_owned())
        );
        let plain =
            "it is plain http to another machine, which would show payments to the network; use https";
        assert_eq!(endpoint("http://shop.example/hooks"), Err(plain.to_owned()));
        assert_eq!(endpoint("http://localhost.shop.example/"), Err(plain.to_owned()));
        for (url, why) in [
            ("shop.example", "it is not a URL such as http://127.0.0.1:8080/callbacks"),
            ("ftp://127.0.0.1/", "its scheme is neither https nor http"),
            ("https://a:b@shop.example/", "it contains a user name or a password"),
        ] {
            assert_eq!(endpoint(url), Err(why.to_owned()));
        }
    }
}
