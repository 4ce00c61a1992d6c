//! The base URL of the API.

use url::Url;

use crate::http_client::{allows_plain_http, is_this_machine, parse_url};

/// The scheme, host and optional path before `/ipp/v1`. Plain HTTP is allowed only to this machine, and to the
/// host of an emulator that the user named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl(Url);

/// Never repeats the URL, which may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BaseUrlError {
    #[error("it is not a URL such as https://api.example.com")]
    Malformed,
    #[error("its scheme is neither https nor http")]
    Scheme,
    #[error("it is plain http to another machine, which would show the key to the network; use https")]
    PlainHttp,
    #[error("it contains a user name or a password; those belong in the profile")]
    Userinfo,
    #[error("it contains a query or a fragment")]
    Query,
}

impl BaseUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, BaseUrlError> {
        Self::parse_allowing(text, None)
    }

    /// Like [`Self::parse`], and allows plain HTTP to this host.
    pub(crate) fn parse_allowing(text: &str, host: Option<&str>) -> Result<Self, BaseUrlError> {
        let url = parse_url(text).ok_or(BaseUrlError::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BaseUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::Userinfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Query);
        }
        if url.scheme() == "http" && !allows_plain_http(&url, host) {
            return Err(BaseUrlError::PlainHttp);
        }
        Ok(Self(url))
    }

    /// Returns true for a loopback address and for names such as `localhost`.
    pub(crate) fn is_loopback(&self) -> bool {
        is_this_machine(&self.0)
    }

    /// Returns true for this machine, and for the host of an emulator that the user named: no other is plain HTTP.
    pub(crate) fn is_local(&self) -> bool {
        self.is_loopback() || self.0.scheme() == "http"
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.0
    }

    /// Excludes the port.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The host and the port, in lower case, without the port of the scheme and the dot of an absolute name.
    pub(crate) fn authority(&self) -> String {
        let host = self.host().trim_end_matches('.').to_ascii_lowercase();
        self.0.port().map_or(host.clone(), |port| format!("{host}:{port}"))
    }

    /// Excludes a trailing slash.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.as_str())
    }
}
