//! The proxy that environment variables name.

use std::ffi::OsString;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::is_this_machine;

/// In the order in which reqwest reads them.
const HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

pub(crate) const VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];

const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// A proxy for HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    variable: &'static str,
    host: String,
    /// Scheme, host and port. Never the password.
    address: String,
}

impl Proxy {
    /// The proxy for a URL. Plain HTTP has none, because the proxy would see the request and with it the key.
    pub(crate) fn for_url(target: &Url) -> Result<Option<Self>, String> {
        if target.scheme() != "https" || is_this_machine(target) {
            return Ok(None);
        }
        Self::from_env(target, |name| std::env::var_os(name))
    }

    /// A variable that cannot be read is an error, because the request must not bypass the proxy.
    fn from_env(target: &Url, get: impl Fn(&str) -> Option<OsString>) -> Result<Option<Self>, String> {
        // Like reqwest: an empty variable hides the lower-case one of the same name.
        let find = |names: &[&'static str]| {
            names.iter().find_map(|name| Some((*name, get(name)?))).filter(|(_, value)| !value.is_empty())
        };
        let Some((variable, value)) = find(&HTTPS).or_else(|| find(&ALL)) else {
            return Ok(None);
        };
        // The value may contain a password, so no message repeats it.
        let invalid = || format!("{variable} is not the URL of a proxy, such as http://proxy.example:3128");
        let value = value.into_string().map_err(|_| invalid())?;
        let with_scheme = if value.contains("://") { value.clone() } else { format!("http://{value}") };
        let url = Url::parse(&with_scheme).map_err(|_| invalid())?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err(format!(
                "{variable} names a proxy of the kind '{}', but kustom supports {}",
                url.scheme(),
                SCHEMES.join(", ")
            ));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(invalid)?.to_owned();
        let no_proxy = EXCEPTIONS.iter().find_map(|name| get(name));
        let no_proxy = no_proxy.and_then(|value| value.into_string().ok()).unwrap_or_default();
        let matcher = Matcher::builder().all(value).no(no_proxy).build();
        let target: http::Uri = target.as_str().parse().map_err(|_| invalid())?;
        // reqwest decides in the same way.
        if matcher.intercept(&target).is_none() {
            return if Matcher::builder().all(with_scheme).build().intercept(&target).is_none() {
                Err(invalid())
            } else {
                Ok(None)
            };
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let address = format!("{}://{host}{port}", url.scheme());
        Ok(Some(Self { variable, host, address }))
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn wants_password(&self) -> String {
        format!(
            "{self} asks for a password (HTTP 407); write the user name and the password into {}, such as \
             http://USER:PASSWORD@{}",
            self.variable, self.host
        )
    }

    /// What to do if the proxy does not work.
    pub(super) fn remedy(&self, target: &str) -> String {
        format!("correct {}, or add {target} to NO_PROXY", self.variable)
    }
}

impl std::fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the proxy {} ({})", self.address, self.variable)
    }
}

// hyper-util does not export its error of a tunnel.

pub(super) fn wants_password(cause: &str) -> bool {
    cause.contains("proxy authorization required")
}

/// The proxy responded, but does not connect to the host.
pub(super) fn refuses_target(cause: &str) -> bool {
    cause.starts_with("tunnel error: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)], target: &str) -> Result<Option<String>, String> {
        let get = |name: &str| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| OsString::from(value))
        };
        let proxy = Proxy::from_env(&Url::parse(target).unwrap(), get)?;
        Ok(proxy.map(|proxy| proxy.to_string()))
    }

    #[test]
    fn the_first_variable_names_the_proxy_and_no_password_is_shown() {
        for (variables, expected) in [
            (
                &[("HTTPS_PROXY", "proxy:3128"), ("https_proxy", "b")][..],
                Some("http://proxy:3128 (HTTPS_PROXY)"),
            ),
            (&[("https_proxy", "http://a:b@proxy:1/x")], Some("http://proxy:1 (https_proxy)")),
            (&[("ALL_PROXY", "socks5h://127.0.0.1:1080")], Some("socks5h://127.0.0.1:1080 (ALL_PROXY)")),
            (&[("HTTPS_PROXY", ""), ("all_proxy", "https://p")], Some("https://p (all_proxy)")),
            (&[("HTTP_PROXY", "http://p")], None),
            (&[("HTTPS_PROXY", "http://p"), ("NO_PROXY", "kustom.co,b")], None),
            (&[("HTTPS_PROXY", "http://p"), ("no_proxy", "*")], None),
            (&[], None),
        ] {
            let expected = expected.map(|expected| format!("the proxy {expected}"));
            assert_eq!(proxy(variables, "https://api.kustom.co"), Ok(expected), "{variables:?}");
        }
    }

    #[test]
    fn a_variable_that_cannot_be_read_is_an_error_and_not_no_proxy() {
        for value in ["http://", "http://:3128", "a b", "http://[::1", "http://a:b@", "::"] {
            assert_eq!(
                proxy(&[("https_proxy", value)], "https://api.kustom.co").unwrap_err(),
                "https_proxy is not the URL of a proxy, such as http://proxy.example:3128",
                "{value}"
            );
        }
        assert_eq!(
            proxy(&[("ALL_PROXY", "ftp://p")], "https://api.kustom.co").unwrap_err(),
            "ALL_PROXY names a proxy of the kind 'ftp', but kustom supports http, https, socks4, socks4a, socks5, socks5h"
        );
    }
}
