//! Checks of the environment variables that change how the API is reached.

use super::check::CheckResult;
use crate::error::Error;
use crate::http_client::{
    CERTIFICATE_VARIABLES, PROXY_VARIABLES, Proxy, USES_CERTIFICATE_FILES, check_certificates,
};
use crate::settings::{Account, Endpoint};

/// Shows the variables that are set, and their effect on this account.
pub(super) fn check_network(account: &Account) -> Vec<CheckResult> {
    let Endpoint::Remote(url) = &account.endpoint else { return Vec::new() };
    let (url, host) = (url.value.url(), url.value.host());
    let mut results = Vec::new();
    if let Some(variables) = list_set(&PROXY_VARIABLES) {
        results.push(match Proxy::for_url(url) {
            Ok(Some(proxy)) => CheckResult::ok("proxy", format!("{proxy} is used for {host}")),
            Ok(None) if url.scheme() == "https" => {
                CheckResult::ok("proxy", format!("{variables} does not apply to {host}"))
            }
            Ok(None) => {
                CheckResult::ok("proxy", format!("{variables} has no effect on plain http to this machine"))
            }
            Err(error) => CheckResult::failure("proxy", Error::usage(error).hint("correct the variable")),
        });
    }
    if let Some(variables) = list_set(&CERTIFICATE_VARIABLES) {
        results.push(match check_certificates() {
            _ if !USES_CERTIFICATE_FILES => CheckResult::warning(
                "certificates",
                format!("{variables} has no effect on this system, which has its own store"),
                "add the certificate to the store of the system",
            ),
            _ if url.scheme() != "https" => {
                CheckResult::ok("certificates", format!("{variables} has no effect on plain http"))
            }
            Ok(()) => CheckResult::ok(
                "certificates",
                format!("those of {variables} are trusted, instead of those of the system"),
            ),
            Err(error) => {
                CheckResult::failure("certificates", Error::usage(error).hint("correct the variable"))
            }
        });
    }
    results
}

fn list_set(names: &[&str]) -> Option<String> {
    let is_set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let set: Vec<_> = names.iter().filter(is_set).copied().collect();
    (!set.is_empty()).then(|| set.join(", "))
}
