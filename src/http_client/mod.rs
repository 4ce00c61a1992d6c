//! The HTTP client for the API and for applications: HTTP/1.1 by reqwest, TLS by rustls with the platform's certificates.

mod proxy;
mod tls;

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Method, Response, StatusCode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;
use url::{Host, Url};

pub(crate) use proxy::{Proxy, VARIABLES as PROXY_VARIABLES};
pub(crate) use tls::{
    USES_FILES as USES_CERTIFICATE_FILES, VARIABLES as CERTIFICATE_VARIABLES, check_certificates,
};

use crate::deadline::await_until;
use crate::fs::io_error_message;

/// Far above a page of 100 devices.
pub(crate) const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;

/// Sends requests to one host: each once, without following redirects.
#[derive(Debug)]
pub(crate) struct HttpClient {
    target: Url,
    proxy: Option<Proxy>,
    timeout: Duration,
    /// How long the body of a response may take, if not until the timeout.
    body_timeout: Option<Duration>,
    /// Keeps connections open for the next request.
    reusing: OnceLock<reqwest::Client>,
    /// Opens a connection for each request.
    fresh: OnceLock<reqwest::Client>,
}

#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was sent.
    NotSent {
        reason: String,
        /// False for failures that no retry can fix, such as an invalid certificate.
        transient: bool,
    },
    /// The request may have arrived, but there is no response.
    Lost(String),
    /// The head of the response arrived, but its body did not.
    Incomplete {
        status: StatusCode,
        reason: String,
    },
    TooLarge {
        status: StatusCode,
    },
}

impl HttpClient {
    /// Fails if an environment variable that describes the proxy or the certificates cannot be used.
    pub(crate) fn new(target: &Url, timeout: Duration) -> Result<Self, String> {
        let is_https = target.scheme() == "https";
        let proxy = Proxy::for_url(target)?;
        if is_https {
            check_certificates()?;
        }
        Ok(Self {
            target: target.clone(),
            proxy,
            timeout,
            body_timeout: None,
            reusing: OnceLock::new(),
            fresh: OnceLock::new(),
        })
    }

    /// For responses whose status matters more than their body.
    pub(crate) fn with_body_timeout(self, timeout: Duration) -> Self {
        Self { body_timeout: Some(timeout), ..self }
    }

    /// Sends a request and reads the response.
    pub(crate) async fn send(&self, request: reqwest::Request) -> Result<Response<Vec<u8>>, Failure> {
        let client = self.client_for(request.method())?;
        let deadline = Instant::now() + self.timeout;
        let head = await_until(deadline, client.execute(request)).await;
        let mut response = head
            .ok_or_else(|| Failure::Lost(self.timed_out()))?
            .map_err(|error| self.classify_error(&error))?;
        let status = response.status();
        if let (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(proxy)) = (status, &self.proxy) {
            return Err(Failure::NotSent { reason: proxy.wants_password(), transient: false });
        }
        let mut received = Response::new(Vec::new());
        *received.status_mut() = status;
        *received.headers_mut() = std::mem::take(response.headers_mut());
        let body = received.body_mut();
        let read = async {
            while let Some(chunk) = response.chunk().await.map_err(|error| self.cut_off(status, &error))? {
                if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                    return Err(Failure::TooLarge { status });
                }
                body.extend_from_slice(&chunk);
            }
            Ok(())
        };
        let deadline = self.body_timeout.map_or(deadline, |timeout| deadline.min(Instant::now() + timeout));
        match await_until(deadline, read).await {
            Some(Ok(())) => Ok(received),
            Some(Err(failure)) => Err(failure),
            None => Err(Failure::Incomplete { status, reason: self.timed_out() }),
        }
    }

    /// A request that cannot be repeated must not use a connection that the server may be closing at the moment: it
    /// would be unknown whether the request arrived.
    fn client_for(&self, method: &Method) -> Result<&reqwest::Client, Failure> {
        let (cell, max_idle) =
            if method.is_idempotent() { (&self.reusing, usize::MAX) } else { (&self.fresh, 0) };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let client = self.build(max_idle).map_err(|error| Failure::NotSent {
            reason: format!("cannot set up TLS on this machine: {}", root_cause(&error)),
            transient: false,
        })?;
        Ok(cell.get_or_init(|| client))
    }

    fn build(&self, max_idle: usize) -> reqwest::Result<reqwest::Client> {
        // This fails only if a provider is installed already, which then is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("kustom-cli/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(max_idle)
            // Shorter than the timeout, so that an unreachable host is reported as "not sent", which is safe to retry.
            .connect_timeout((self.timeout * 3 / 4).min(Duration::from_secs(10)));
        if self.target.scheme() != "https" {
            // Plain HTTP needs no certificates, and reading those of the platform is slow.
            builder = builder.tls_certs_only([]);
        }
        if self.proxy.is_none() {
            builder = builder.no_proxy();
        }
        if let Some(Host::Domain(name)) = self.target.host()
            && is_localhost(name)
        {
            // A name server could give a name such as shop.localhost another address.
            let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            builder = builder.resolve_to_addrs(name, &loopback.map(|ip| SocketAddr::new(ip, 0)));
        }
        if self.target.scheme() == "http" && !is_this_machine(&self.target) {
            builder = builder.dns_resolver(Arc::new(PrivateResolver));
        }
        builder.build()
    }

    fn host(&self) -> &str {
        self.target.host_str().unwrap_or_default()
    }

    fn timed_out(&self) -> String {
        let timeout = jiff::SignedDuration::try_from(self.timeout).unwrap_or(jiff::SignedDuration::MAX);
        format!("{} did not respond within {timeout:#}", self.host())
    }

    fn cut_off(&self, status: StatusCode, error: &reqwest::Error) -> Failure {
        let reason = format!("the response from {} is incomplete ({})", self.host(), root_cause(error));
        Failure::Incomplete { status, reason }
    }

    fn classify_error(&self, error: &reqwest::Error) -> Failure {
        if error.is_connect() {
            return self.classify_connect_error(error);
        }
        if error.is_builder() {
            return Failure::NotSent { reason: root_cause(error), transient: false };
        }
        Failure::Lost(format!("the connection to {} broke ({})", self.host(), root_cause(error)))
    }

    fn classify_connect_error(&self, error: &reqwest::Error) -> Failure {
        if let Some(tls) = find_cause::<rustls::Error>(error) {
            let reason = tls::describe_error(tls, self.host());
            return Failure::NotSent { reason, transient: false };
        }
        let refused = |error: &io::Error| matches!(error.kind(), io::ErrorKind::ConnectionRefused);
        let (peer, remedy) = match &self.proxy {
            // The connection is one to the proxy.
            Some(proxy) => (proxy.to_string(), format!("; {}", proxy.remedy(self.host()))),
            None => (self.host().to_owned(), String::new()),
        };
        let cause = root_cause(error);
        let (reason, transient) =
            if let Some(proxy) = self.proxy.as_ref().filter(|_| proxy::wants_password(&cause)) {
                return Failure::NotSent { reason: proxy.wants_password(), transient: false };
            } else if proxy::refuses_target(&cause) {
                (format!("{peer} does not connect to {}", self.host()), true)
            } else if let Some(public) = find_cause::<PublicAddress>(error) {
                return Failure::NotSent { reason: public.to_string(), transient: false };
            } else if error.is_dns() {
                let name = self.proxy.as_ref().map_or(self.host(), Proxy::host);
                let of = self.proxy.as_ref().map(|proxy| format!(" of {proxy}")).unwrap_or_default();
                (format!("the name {name}{of} does not resolve"), true)
            } else if error.is_timeout() {
                (format!("{peer} did not accept a connection in time"), true)
            } else if find_cause(error).is_some_and(refused) {
                (format!("{peer} refused the connection"), true)
            } else {
                (format!("no connection to {peer} ({cause})"), true)
            };
        Failure::NotSent { reason: format!("{reason}{remedy}"), transient }
    }
}

/// Parses an `http` or `https` URL. The scheme may be missing for this machine, as in `localhost:3000/callbacks`.
pub(crate) fn parse_url(text: &str) -> Option<Url> {
    let text = text.trim();
    if text.contains("://") {
        return Url::parse(text).ok();
    }
    Url::parse(&format!("http://{text}")).ok().filter(|url| url.username().is_empty() && is_this_machine(url))
}

/// Whether the host is a loopback address or a name that is reserved for one.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => is_localhost(name),
        None => false,
    }
}

/// Whether plain HTTP to a URL is allowed: to this machine, and to the host that the user named for an emulator or an
/// application in a private network. A name must resolve to a private address, which [`HttpClient`] checks.
pub(crate) fn allows_plain_http(url: &Url, named: Option<&str>) -> bool {
    let is_private = match url.host() {
        Some(Host::Ipv4(address)) => is_private(address.into()),
        Some(Host::Ipv6(address)) => is_private(address.into()),
        Some(Host::Domain(_)) => true,
        None => false,
    };
    let plain = |host: &str| host.trim().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let is_named = || named.zip(url.host_str()).is_some_and(|(named, host)| plain(named) == plain(host));
    is_this_machine(url) || (is_private && is_named())
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// Resolves names for plain HTTP, which must not leave a private network.
struct PrivateResolver;

#[derive(Debug, thiserror::Error)]
#[error("{0} has no private address, and plain http is only for private networks; use https")]
struct PublicAddress(String);

impl Resolve for PrivateResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let private: Vec<_> = addresses.filter(|address| is_private(address.ip())).collect();
            if private.is_empty() {
                return Err(PublicAddress(name.as_str().to_owned()).into());
            }
            Ok(Box::new(private.into_iter()) as Addrs)
        })
    }
}

/// `localhost` and the names below it (RFC 6761).
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The innermost source of an error. The outer ones only repeat the URL and say "error sending request".
pub(crate) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.downcast_ref::<io::Error>().map_or_else(|| cause.to_string(), io_error_message)
}

fn find_cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_allowed_to_a_private_host_that_was_named() {
        let allows = |url: &str, named: &str| allows_plain_http(&Url::parse(url).unwrap(), Some(named));
        for (url, named) in [
            ("http://emulator:4010/x", "Emulator"),
            ("http://app.test.:1", "app.test"),
            ("http://172.17.0.1", "172.17.0.1"),
            ("http://[fd00::1]:80", "fd00::1"),
            ("http://127.9.9.9", "other"),
            ("http://[::1]", "other"),
            ("http://a.b.localhost.:80", "other"),
        ] {
            assert!(allows(url, named), "{url}");
        }
        for (url, named) in [
            ("http://emulator:4010", "app"),
            ("http://emulator.evil.example", "emulator"),
            ("http://93.184.216.34", "93.184.216.34"),
            ("http://[2001:db8::1]", "[2001:db8::1]"),
            ("http://emulator", ""),
            ("http://0.0.0.0", "app"),
            ("http://localhost.shop.example", "app"),
            ("http://localhost..", "app"),
        ] {
            assert!(!allows(url, named), "{url}");
        }
        assert!(!allows_plain_http(&Url::parse("http://emulator").unwrap(), None));
    }

    #[test]
    fn the_scheme_may_be_missing_for_this_machine() {
        let parse = |text: &str| parse_url(text).map(String::from);
        assert_eq!(parse("localhost:3000/x"), Some("http://localhost:3000/x".to_owned()));
        assert_eq!(parse(" 127.0.0.1:80 "), Some("http://127.0.0.1/".to_owned()));
        assert_eq!(parse("[::1]:81"), Some("http://[::1]:81/".to_owned()));
        assert_eq!(parse("https://shop.example"), Some("https://shop.example/".to_owned()));
        for wrong in ["shop.example", "api.kustom.co:443/x", "a@localhost", "", ":3000"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
