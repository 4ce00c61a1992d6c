//! Checks of the API: connection, clock and key.

use std::time::Duration;

use http::Method;
use jiff::{SignedDuration, Timestamp};

use super::check::CheckResult;
use crate::api::{Request, Response};
use crate::context::{ApiContext, App};
use crate::error::{Error, ErrorKind};
use crate::model::Location;
use crate::profiles::Environment;
use crate::settings::{Account, Endpoint};
use crate::text::{escape_control, format_duration};

const MIN_CLOCK_WARNING: SignedDuration = SignedDuration::from_secs(30);

/// The signature of a callback is rejected if the clock differs by more than this (observed).
const MAX_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_mins(5);

pub(super) async fn check_api(app: &App, account: Account) -> Vec<CheckResult> {
    let in_process = matches!(account.endpoint, Endpoint::InProcess);
    let context = match app.connect_as(account) {
        Ok(context) => context,
        Err(error) => return vec![CheckResult::failure("api_key", error)],
    };
    let request = Request::new(Method::GET, "/ipp/v1/devices").query("page_size", "1");
    let (response, elapsed) = match context.client.probe(&request).await {
        Ok(probe) => probe,
        Err(error) => return vec![CheckResult::failure("host", error.into())],
    };
    let mut results = vec![CheckResult::ok("host", format!("responds in {}", format_duration(elapsed)))];
    if !in_process {
        results.push(check_clock(&response, elapsed, Timestamp::now()));
    }
    let key = check_key(&response);
    let key_works = key.kind.is_none();
    results.push(key);
    if key_works {
        results.extend(check_lists(&context).await);
        results.extend(check_emulator_clock(&context).await);
        results.extend(check_default_location(&context).await);
    }
    results
}

/// Compares the clock with the `Date` header.
fn check_clock(response: &Response, elapsed: Duration, now: Timestamp) -> CheckResult {
    let date = response.header("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let Some(date) = date else {
        return CheckResult::ok("clock", "the host sends no date");
    };
    // The header has whole seconds and was written at some time during the request.
    let tolerance = SignedDuration::try_from(elapsed).unwrap_or_default() + SignedDuration::from_secs(1);
    let difference = now.duration_since(date.timestamp()).abs();
    if difference <= tolerance {
        return CheckResult::ok("clock", "agrees with the host");
    }
    let text = format!("{:#} off from the host's", SignedDuration::from_secs(difference.as_secs()));
    let next = "set this machine's clock";
    if difference > MAX_CLOCK_DIFFERENCE {
        CheckResult::failure("clock", Error::usage(text).hint(next))
    } else if difference > MIN_CLOCK_WARNING {
        CheckResult::warning("clock", text, next)
    } else {
        CheckResult::ok("clock", text)
    }
}

fn check_key(response: &Response) -> CheckResult {
    let is_html = response.body.trim_ascii_start().starts_with(b"<");
    match response.status {
        200..=299 => CheckResult::ok("key", "is accepted"),
        401 => {
            let error = Error::new(ErrorKind::Credentials, "the API does not accept the key (HTTP 401)");
            CheckResult::failure("key", error.hint("store the right one with `kustom login`"))
        }
        403 if is_html => {
            let message = "a firewall in front of the API refused the request (HTTP 403)";
            let hint = "the firewall refuses some regions: try again without a VPN, or from another network";
            CheckResult::failure("key", Error::new(ErrorKind::Unavailable, message).hint(hint))
        }
        403 => {
            let message =
                "the API refused the request (HTTP 403), which does not show whether the key is valid";
            let hint = "check the merchant ID, and whether in-person payments are enabled for the account";
            CheckResult::failure("key", Error::new(ErrorKind::Refused, message).hint(hint))
        }
        status @ 300..=399 => {
            let message = format!("the host responds with {status}, a redirect: it is not the API");
            let error = Error::new(ErrorKind::Unavailable, message);
            CheckResult::failure("key", error.hint("check the base URL"))
        }
        status => {
            let text = format!("unknown: the API responded with {status}");
            CheckResult::warning("key", text, "try `kustom devices list -v`")
        }
    }
}

/// Listing locations needs the merchant ID that belongs to the key.
async fn check_lists(context: &ApiContext<'_>) -> Option<CheckResult> {
    let request = Request::new(Method::GET, "/ipp/v1/locations").query("page_size", "1");
    let error = context.client.send(&request).await.err()?;
    Some(CheckResult::failure("lists", Error::from(error).context("cannot list locations")))
}

/// The clock of an emulator, if it was advanced.
async fn check_emulator_clock(context: &ApiContext<'_>) -> Option<CheckResult> {
    if context.account.environment.value != Environment::Local {
        return None;
    }
    let clock = context.client.clock().await.ok()?;
    let difference = clock.now?.duration_since(Timestamp::now());
    let is_ahead = difference > SignedDuration::from_secs(1);
    is_ahead.then(|| {
        let ahead = SignedDuration::from_secs(difference.as_secs());
        CheckResult::ok("emulator clock", format!("{ahead:#} ahead of this machine's"))
    })
}

async fn check_default_location(context: &ApiContext<'_>) -> Option<CheckResult> {
    let location = &context.account.location.as_ref()?.value;
    Some(match context.find_id::<Location>(location).await {
        Ok(id) => CheckResult::ok("default location", format!("'{}' is {id}", escape_control(location))),
        Err(error) => CheckResult::failure("default location", error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_compared_with_the_date_of_the_response() {
        let mut headers = http::HeaderMap::new();
        headers.insert("date", http::HeaderValue::from_static("Sun, 22 Nov 2026 10:00:00 GMT"));
        let response = Response { status: 200, headers, body: Vec::new() };
        let level = |now: &str| {
            let result = check_clock(&response, Duration::ZERO, now.parse().unwrap());
            serde_json::to_value(&result).unwrap()["level"].as_str().unwrap().to_owned()
        };
        assert_eq!(level("2026-11-22T10:00:01Z"), "ok");
        assert_eq!(level("2026-11-22T09:59:15Z"), "warning");
        assert_eq!(level("2026-11-22T10:06:00Z"), "failure");
    }
}
