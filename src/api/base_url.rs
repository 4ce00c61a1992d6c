//! Where requests go.

use url::{Host, Url};

/// The scheme, host and optional path in front of `/ipp/v1`. Plain http only to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl(Url);

/// Why a text is not a base URL. No variant repeats the text, which could hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BaseUrlError {
    /// No URL at all, or one without a host.
    #[error("it is not a URL such as https://api.example.com")]
    Malformed,
    /// Something other than http or https.
    #[error("its scheme is neither https nor http")]
    Scheme,
    /// Plain http to another machine would show the key to the network.
    #[error("it is plain http to another machine, which would show the key to the network; use https")]
    PlainHttp,
    /// User name or password in the URL.
    #[error("it contains a user name or a password; those belong in the profile")]
    Userinfo,
    /// A query or a fragment.
    #[error("it contains a query or a fragment")]
    Query,
}

impl BaseUrl {
    /// Reads a base URL.
    pub(crate) fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| BaseUrlError::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BaseUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::Userinfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Query);
        }
        let base = Self(url);
        if base.0.scheme() == "http" && !base.is_loopback() {
            return Err(BaseUrlError::PlainHttp);
        }
        Ok(base)
    }

    /// Whether it is encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it is this machine: an address that cannot leave it, or the name `localhost`.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            None => false,
        }
    }

    /// The host, without a port.
    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// As text, without a slash at its end.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        for url in ["http://127.0.0.1:4010", "http://localhost:1/", "http://[::1]:9", "http://127.9.9.9"] {
            assert!(BaseUrl::parse(url).is_ok_and(|base| base.is_loopback()), "{url}");
        }
        for url in
            ["http://api.kustom.co", "http://10.0.0.1", "http://localhost.evil.example", "http://0.0.0.0"]
        {
            assert_eq!(BaseUrl::parse(url), Err(BaseUrlError::PlainHttp), "{url}");
        }
        assert!(BaseUrl::parse("https://proxy.example/kustom/").is_ok_and(|base| !base.is_loopback()));
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(BaseUrl::parse("api.kustom.co"), Err(BaseUrlError::Malformed));
        assert_eq!(BaseUrl::parse("https://"), Err(BaseUrlError::Malformed));
        assert_eq!(BaseUrl::parse("ftp://localhost"), Err(BaseUrlError::Scheme));
        assert_eq!(BaseUrl::parse("https://a:b@example.com"), Err(BaseUrlError::Userinfo));
        assert_eq!(BaseUrl::parse("https://example.com/?x=1"), Err(BaseUrlError::Query));
    }
}
