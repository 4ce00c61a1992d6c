//! Which requests a server on this machine takes: those of programs, and of its own pages in a browser.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Why a request is rejected before anything of it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OriginError {
    /// DNS rebinding: the name of another site that resolves to this machine.
    #[error("The Host header names another machine than this one.")]
    Host,
    #[error("The request comes from a page of another site.")]
    Origin,
}

/// Checks that a request to a loopback address names this machine.
pub(crate) fn check_host(headers: &HeaderMap, address: SocketAddr) -> Result<(), OriginError> {
    if !address.ip().is_loopback() {
        // Other machines use whatever names they have for this one.
        return Ok(());
    }
    // Browsers always send it.
    let is_local = headers.get_all(HOST).iter().all(|host| host.to_str().is_ok_and(is_local_host));
    if is_local { Ok(()) } else { Err(OriginError::Host) }
}

/// Checks that a request does not come from a page of another site. Programs other than browsers send no `Origin`.
pub(crate) fn check_origin(headers: &HeaderMap) -> Result<(), OriginError> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("invalid"));
    let host = text(HOST.as_str()).unwrap_or_default();
    let is_same_origin =
        |origin: &str| origin.strip_prefix("http://").is_some_and(|rest| rest.eq_ignore_ascii_case(host));
    if text(ORIGIN.as_str()).is_some_and(|origin| !is_same_origin(origin)) {
        return Err(OriginError::Origin);
    }
    // A link from another site may open a page.
    let opens_page = text("sec-fetch-mode") == Some("navigate") && text("sec-fetch-dest") == Some("document");
    match text("sec-fetch-site") {
        Some("cross-site" | "same-site") if !opens_page => Err(OriginError::Origin),
        _ => Ok(()),
    }
}

/// Returns true for a loopback address, and for a name without a dot, such as that of a container: no other site can have
/// such a name.
fn is_local_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => !name.is_empty() && !name.contains(['.', ':']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_request_names_this_machine_and_comes_from_no_other_site() {
        let local: SocketAddr = "127.0.0.1:4010".parse().unwrap();
        for host in ["127.0.0.1:4010", "localhost", "LOCALHOST:1", "[::1]:4010", "127.9.9.9", "emulator:4010"]
        {
            assert_eq!(check_host(&headers(&[("host", host)]), local), Ok(()), "{host}");
        }
        for host in [
            "evil.example:4010",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
            "[::2]:1",
        ] {
            assert_eq!(check_host(&headers(&[("host", host)]), local), Err(OriginError::Host), "{host}");
        }
        assert_eq!(check_host(&headers(&[]), local), Ok(()));
        assert_eq!(check_host(&headers(&[("host", "till.example")]), "0.0.0.0:1".parse().unwrap()), Ok(()));
        let host = ("host", "127.0.0.1:4010");
        for allowed in [
            &[][..],
            &[("origin", "http://127.0.0.1:4010"), ("sec-fetch-site", "same-origin")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ],
        ] {
            assert_eq!(check_origin(&headers(&[&[host], allowed].concat())), Ok(()), "{allowed:?}");
        }
        for other in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:4011"),
            ("origin", "https://127.0.0.1:4010"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(check_origin(&headers(&[host, other])), Err(OriginError::Origin), "{other:?}");
        }
    }
}
