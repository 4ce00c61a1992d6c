//! What `doctor` finds at the other end.

use std::time::Duration;

use http::Method;
use jiff::{SignedDuration, Timestamp};

use super::check::{CheckResult, Level};
use crate::api::{Request, Response};
use crate::context::{ApiContext, App};
use crate::error::{Error, ErrorKind};
use crate::settings::{Account, Endpoint};
use crate::text::format_duration;

/// A clock this far off is noticed.
const CLOCK_WARNING: SignedDuration = SignedDuration::from_secs(30);

/// Callbacks are refused by a clock that is off by more than this (observed).
const CLOCK_FAILURE: SignedDuration = SignedDuration::from_mins(5);

/// Whether the host answers, how far the clock is off, and whether the key is accepted.
pub(super) async fn check(app: &App, account: Account) -> Vec<CheckResult> {
    let in_process = matches!(account.endpoint, Endpoint::InProcess);
    let context = match app.connect_as(account) {
        Ok(context) => context,
        Err(error) => return vec![CheckResult::failure("api_key", error)],
    };
    let request = Request::new(Method::GET, "/ipp/v1/devices").query("page_size", "1");
    let (answer, elapsed) = match context.client.probe(&request).await {
        Ok(answered) => answered,
        Err(error) => return vec![CheckResult::failure("host", error.into())],
    };
    let mut findings = vec![CheckResult::ok("host", format!("answers in {}", format_duration(elapsed)))];
    if !in_process {
        findings.push(clock(&answer, elapsed, Timestamp::now()));
    }
    let accepted = key(&answer);
    let works = !accepted.is_failure();
    findings.push(accepted);
    if works {
        findings.extend(default_location(&context).await);
    }
    findings
}

/// How far this machine's clock is from the host's.
fn clock(answer: &Response, elapsed: Duration, now: Timestamp) -> CheckResult {
    let told = answer.header("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let Some(told) = told else {
        return CheckResult::ok("clock", "the host does not tell its time".to_owned());
    };
    // The header has whole seconds and was written some time during the request.
    let slack = SignedDuration::try_from(elapsed).unwrap_or_default() + SignedDuration::from_secs(1);
    let off = now.duration_since(told.timestamp()).abs();
    let finding = CheckResult::ok(
        "clock",
        if off <= slack {
            "agrees with the host".to_owned()
        } else {
            format!("{:#} off from the host's", SignedDuration::from_secs(off.as_secs()))
        },
    );
    match off {
        off if off > CLOCK_FAILURE => finding.with_remedy(Level::Failure, "set this machine's clock"),
        off if off > CLOCK_WARNING => finding.with_remedy(Level::Warning, "set this machine's clock"),
        _ => finding,
    }
}

fn key(answer: &Response) -> CheckResult {
    match answer.status {
        200..=299 => CheckResult::ok("key", "is accepted".to_owned()),
        401 | 403 => {
            let message = format!("the API does not accept the key (HTTP {})", answer.status);
            CheckResult::failure(
                "key",
                Error::new(ErrorKind::Credentials, message).hint("store the right one with `kustom login`"),
            )
        }
        300..=399 => {
            let message = format!("the host answers {} with a redirect: it is not the API", answer.status);
            CheckResult::failure(
                "key",
                Error::new(ErrorKind::Unavailable, message).hint("check the base URL"),
            )
        }
        status => CheckResult::ok("key", format!("the API answered {status}, which does not tell"))
            .with_remedy(Level::Warning, "try `kustom devices list -v`"),
    }
}

/// Whether the default location exists.
async fn default_location(context: &ApiContext<'_>) -> Option<CheckResult> {
    let wanted = &context.account.location.as_ref()?.value;
    Some(match context.location_id(wanted).await {
        Ok(id) => {
            CheckResult::ok("default location", format!("'{}' is {id}", crate::text::escape_control(wanted)))
        }
        Err(error) => CheckResult::failure("default location", error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_the_hosts_date() {
        let mut headers = http::HeaderMap::new();
        headers.insert("date", http::HeaderValue::from_static("Sun, 22 Nov 2026 10:00:00 GMT"));
        let answer = Response { status: 200, headers, body: Vec::new() };
        let level = |now: &str| {
            let finding = clock(&answer, Duration::ZERO, now.parse().unwrap());
            serde_json::to_value(&finding).unwrap()["level"].as_str().unwrap().to_owned()
        };
        assert_eq!(level("2026-11-22T10:00:01Z"), "ok");
        assert_eq!(level("2026-11-22T09:59:15Z"), "warning");
        assert_eq!(level("2026-11-22T10:06:00Z"), "failure");
    }
}
