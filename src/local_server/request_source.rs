//! Which requests a server on this machine takes: those of programs, and of its own pages in a browser.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Checks that a request to a loopback address names this machine, and that it does not come from a page of another site.
/// Programs other than browsers send no `Origin`.
pub(crate) fn check_source(headers: &HeaderMap, address: Option<SocketAddr>) -> Result<(), &'static str> {
    // Other machines use whatever names they have for this one.
    if address.is_some_and(|address| address.ip().is_loopback()) {
        // Browsers always send it.
        let is_local = headers.get_all(HOST).iter().all(|host| host.to_str().is_ok_and(is_local_host));
        // DNS rebinding: the name of another site that resolves to this machine.
        if !is_local {
            return Err("The Host header names another machine than this one.");
        }
    }
    let other_site = Err("The request comes from a page of another site.");
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("invalid"));
    let host = text(HOST.as_str()).unwrap_or_default();
    let is_same_origin =
        |origin: &str| origin.strip_prefix("http://").is_some_and(|rest| rest.eq_ignore_ascii_case(host));
    if text(ORIGIN.as_str()).is_some_and(|origin| !is_same_origin(origin)) {
        return other_site;
    }
    // A link from another site may open a page.
    let opens_page = text("sec-fetch-mode") == Some("navigate") && text("sec-fetch-dest") == Some("document");
    match text("sec-fetch-site") {
        Some("cross-site" | "same-site") if !opens_page => other_site,
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
        let check = |pairs: &[_]| check_source(&headers(pairs), "127.0.0.1:4010".parse().ok());
        for host in ["127.0.0.1:4010", "localhost", "LOCALHOST:1", "[::1]:4010", "127.9.9.9", "emulator:4010"]
        {
            assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.example:4010",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
            "[::2]:1",
        ] {
            assert!(check(&[("host", host)]).is_err(), "{host}");
        }
        assert_eq!(check(&[]), Ok(()));
        let public = "0.0.0.0:1".parse().ok();
        assert_eq!(check_source(&headers(&[("host", "till.example")]), public), Ok(()));
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
            assert_eq!(check(&[&[host], allowed].concat()), Ok(()), "{allowed:?}");
        }
        for other in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:4011"),
            ("origin", "https://127.0.0.1:4010"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(check(&[host, other]).is_err(), "{other:?}");
        }
    }
}
