//! A run as CI reads it.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::row::{ScenarioResultRow, ScenarioStatus};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::text::escape_control;

/// What the report and its one suite are called.
const NAME: &str = "kustom dev run";

/// The report as XML.
pub(super) fn report(rows: &[(ScenarioResultRow, Duration)], took: Duration) -> Result<String, Error> {
    let mut suite = TestSuite::new(NAME);
    suite.set_time(took).add_test_cases(rows.iter().map(|(row, took)| case(row, *took)));
    let mut report = Report::new(NAME);
    report.set_time(took).add_test_suite(suite);
    report
        .to_string()
        .map_err(|error| Error::new(ErrorKind::Bug, format!("the JUnit report cannot be made: {error}")))
}

fn case(row: &ScenarioResultRow, took: Duration) -> TestCase {
    let status = match row.result {
        ScenarioStatus::Passed => TestCaseStatus::success(),
        ScenarioStatus::Skipped | ScenarioStatus::Stopped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(row.reason.as_deref().map_or_else(|| "interrupted".to_owned(), text));
            status
        }
        ScenarioStatus::Failed => {
            let mut status = TestCaseStatus::non_success(kind(row.exit));
            let what = text(&row.failure_message());
            status.set_message(what.as_str()).set_type("expectation");
            status.set_description(format!("{}: {what}", text(&row.location())));
            status
        }
    };
    let mut case = TestCase::new(text(&row.scenario), status);
    case.set_classname(text(&row.file)).set_time(took);
    case
}

/// An expectation that was not met is a failure; an API that could not be asked is an error.
const fn kind(exit: ExitStatus) -> NonSuccessKind {
    match exit {
        ExitStatus::ScenarioFailed(
            ErrorKind::Unavailable | ErrorKind::Unknown | ErrorKind::Credentials | ErrorKind::Bug,
        ) => NonSuccessKind::Error,
        _ => NonSuccessKind::Failure,
    }
}

/// Foreign text without what XML cannot hold, in whatever way it is written there.
fn text(foreign: &str) -> String {
    let held =
        |character: char| if matches!(character, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { character };
    escape_control(foreign).chars().map(held).collect()
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(text("a\u{1b}\u{ffff}\u{fffe}å"), "a\\u{1b}\u{fffd}\u{fffd}å");
    }
}
