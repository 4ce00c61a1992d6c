//! The `JUnit` report.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::error::{Error, ErrorKind};
use crate::scenario::runner::{RunResult, RunStatus};
use crate::text::escape_control;

/// Name of the report and of its only suite.
const NAME: &str = "kustom dev run";

pub(super) fn to_xml(rows: &[RunResult], elapsed: Duration) -> Result<String, Error> {
    let mut suite = TestSuite::new(NAME);
    suite.set_time(elapsed).add_test_cases(rows.iter().map(test_case));
    let mut report = Report::new(NAME);
    report.set_time(elapsed).add_test_suite(suite);
    report
        .to_string()
        .map_err(|error| Error::new(ErrorKind::Bug, format!("cannot create the JUnit report: {error}")))
}

fn test_case(row: &RunResult) -> TestCase {
    let status = match row.status {
        RunStatus::Passed => TestCaseStatus::success(),
        RunStatus::Skipped | RunStatus::Stopped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(escape_xml(row.reason.as_deref().unwrap_or("interrupted")));
            status
        }
        RunStatus::Failed => {
            let mut status = TestCaseStatus::non_success(failure_kind(row.exit_code));
            let message = row.message();
            status.set_message(escape_xml(&message)).set_type("expectation");
            status.set_description(escape_xml(&format!("{}: {message}", row.location())));
            status
        }
    };
    let mut case = TestCase::new(escape_xml(&row.scenario), status);
    case.set_classname(escape_xml(&row.file)).set_time(row.elapsed);
    case
}

/// A "failure" is an unmet expectation, an "error" anything that kept the scenario from being checked.
fn failure_kind(exit_code: u8) -> NonSuccessKind {
    let errors = [ErrorKind::Unavailable, ErrorKind::Unknown, ErrorKind::Credentials, ErrorKind::Bug];
    if errors.map(ErrorKind::code).contains(&exit_code) {
        NonSuccessKind::Error
    } else {
        NonSuccessKind::Failure
    }
}

/// Escapes control characters, and replaces the two noncharacters that XML does not allow.
fn escape_xml(text: &str) -> String {
    escape_control(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::escape_xml;

    #[test]
    fn characters_that_xml_does_not_allow_are_replaced() {
        assert_eq!(escape_xml("a\u{1b}\u{ffff}\u{fffe}å"), "a\\u{1b}\u{fffd}\u{fffd}å");
    }
}
