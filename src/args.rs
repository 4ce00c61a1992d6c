//! Value parsers for arguments, and the files and pairs that arguments name.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use uuid::Uuid;

use crate::error::Error;
use crate::fs::io_error_message;
use crate::model::{CallbackType, Metadata, TapOutcome};
use crate::output::Output;
use crate::secret::{CALLBACK_SECRET_PREFIX, CallbackSecret};
use crate::text::decode_text;

const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Shorter intervals would only burden the API.
pub(crate) const MIN_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Parses a duration such as `2h`, `90m`, `1h30m` or `3d`; a day is 24 hours. Months and years have no fixed length. A
/// number without a unit is a number of seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let seconds = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = if seconds { format!("{text}s") } else { text.to_owned() };
    let span = text.parse().and_then(|span: Span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    match Duration::try_from(span.map_err(|_| "write a duration such as 30s, 90m, 2h or 3d")?) {
        Ok(duration) if duration > Duration::ZERO => Ok(duration),
        _ => Err("a duration must be longer than zero".to_owned()),
    }
}

/// The beginning or the end of a period: a day, or a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeBound {
    Day(Date),
    Time(Timestamp),
}

impl TimeBound {
    /// Parses `2026-11-26`, or `2026-11-26T10:00:00Z`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let time = text.parse().map(Self::Time);
        let parsed = if text.len() > 10 { time.ok() } else { text.parse().map(Self::Day).ok() };
        parsed.ok_or_else(|| {
            "write a day such as 2026-11-26, or a time such as 2026-11-26T10:00:00Z".to_owned()
        })
    }

    /// Parses a day, a time, or how long ago it was, such as `2h`.
    pub(crate) fn parse_or_age(text: &str) -> Result<Self, String> {
        if let Ok(bound) = Self::parse(text) {
            return Ok(bound);
        }
        let age = parse_duration(text).map_err(|_| {
            "write a day such as 2026-11-26, a time such as 2026-11-26T10:00:00Z, or an age such as 2h"
                .to_owned()
        })?;
        let age = SignedDuration::try_from(age).ok();
        let time = age.and_then(|age| Timestamp::now().checked_sub(age).ok());
        time.map(Self::Time).ok_or_else(|| "that is too long ago".to_owned())
    }

    /// The beginning of the day.
    fn start(&self, zone: &TimeZone) -> Result<Timestamp, jiff::Error> {
        match self {
            Self::Day(day) => Ok(day.to_zoned(zone.clone())?.timestamp()),
            Self::Time(time) => Ok(*time),
        }
    }

    /// The end of the day, which is the beginning of the next one.
    fn end(&self, zone: &TimeZone) -> Result<Timestamp, jiff::Error> {
        match self {
            Self::Day(day) => Ok(day.tomorrow()?.to_zoned(zone.clone())?.timestamp()),
            Self::Time(time) => Ok(*time),
        }
    }
}

/// A period in a time zone: its beginning, and its end, which is not a part of it.
pub(crate) fn check_period(
    since: Option<TimeBound>,
    until: Option<TimeBound>,
    zone: &TimeZone,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Error> {
    let invalid = |error: jiff::Error| Error::usage(format!("the period is not in the calendar: {error}"));
    let since = since.map(|since| since.start(zone)).transpose().map_err(invalid)?;
    let until = until.map(|until| until.end(zone)).transpose().map_err(invalid)?;
    if let (Some(from), Some(to)) = (since, until)
        && from >= to
    {
        return Err(Error::usage("--since must be before --until"));
    }
    Ok((since, until))
}

/// Parses a number of items to list or to process.
pub(crate) fn parse_count(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(count @ 1..) => Ok(count),
        _ => Err("write a whole number of at least 1".to_owned()),
    }
}

/// Parses the complete ID of a resource that has no name.
pub(crate) fn parse_id(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| "write the complete ID, such as 51e2a9c4-7b0d-4f63-9d18-3ac5f0e72b41".to_owned())
}

/// Parses a pair such as `floor=2`; the value may contain `=`.
pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some(("", _)) => Err("the key before '=' is empty".to_owned()),
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err("write a pair such as floor=2".to_owned()),
    }
}

/// Collects pairs, whose keys must differ.
pub(crate) fn collect_metadata(pairs: Vec<(String, String)>) -> Result<Metadata, Error> {
    let mut metadata = Metadata::new();
    for (key, value) in pairs {
        if metadata.contains_key(&key) {
            return Err(Error::usage(format!("--metadata sets the key '{key}' twice")));
        }
        metadata.insert(key, value);
    }
    Ok(metadata)
}

/// Accepts the outcome of a tap, in the spelling of the command line or of the API.
pub(crate) fn tap_outcome_parser() -> impl TypedValueParser<Value = TapOutcome> {
    outcome_parser(TapOutcome::ALL.into_iter())
}

/// Accepts the outcome of a declined tap, in either spelling.
pub(crate) fn decline_parser() -> impl TypedValueParser<Value = TapOutcome> {
    outcome_parser(TapOutcome::ALL.into_iter().filter(|outcome| *outcome != TapOutcome::Success))
}

fn outcome_parser(outcomes: impl Iterator<Item = TapOutcome>) -> impl TypedValueParser<Value = TapOutcome> {
    let names = outcomes.map(|outcome| {
        clap::builder::PossibleValue::new(outcome.name()).alias(outcome.as_str()).help(outcome.meaning())
    });
    PossibleValuesParser::new(names).try_map(|text| TapOutcome::find(&text).ok_or("unknown outcome"))
}

/// A file, or standard input for `-`.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    Stdin,
    File(PathBuf),
}

impl Input {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("write a file name, or - for standard input".to_owned()),
            "-" => Ok(Self::Stdin),
            path => Ok(Self::File(path.into())),
        }
    }

    pub(crate) fn read(&self, output: &Output) -> Result<Vec<u8>, Error> {
        match self {
            Self::Stdin => output.read_stdin(),
            Self::File(path) => read_file(path),
        }
    }

    /// Reads an input that may be large.
    pub(crate) fn read_all(&self, output: &Output) -> Result<Vec<u8>, Error> {
        match self {
            Self::Stdin => output.read_all_stdin(),
            Self::File(path) => std::fs::read(path).map_err(|error| {
                Error::usage(format!("cannot read {}: {}", path.display(), io_error_message(&error)))
            }),
        }
    }

    /// Reads text. `flag` is for messages.
    pub(crate) fn read_text(&self, flag: &str, output: &Output) -> Result<String, Error> {
        decode_text(&self.read(output)?).ok_or_else(|| {
            Error::usage(format!("{flag}: it is not text in UTF-8"))
                .hint("save it again with the encoding UTF-8")
        })
    }
}

/// Reads a file, unless it is larger than [`MAX_FILE_BYTES`].
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |error: std::io::Error| {
        Error::usage(format!("cannot read {}: {}", path.display(), io_error_message(&error)))
    };
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(path).map_err(failed)?.take(MAX_FILE_BYTES + 1);
    file.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::usage(format!("{} is larger than 1 MiB", path.display())));
    }
    Ok(bytes)
}

/// Parses a documented type of callback, with or without its prefix.
pub(crate) fn parse_callback_type(text: &str) -> Result<CallbackType, String> {
    CallbackType::find(text).ok_or_else(|| {
        let all: Vec<_> = CallbackType::ALL.iter().map(CallbackType::short).collect();
        format!("the events are {}", all.join(", "))
    })
}

/// Parses the name of a file with a secret, and rejects the secret itself: other users can see arguments.
pub(crate) fn parse_secret_file(text: &str) -> Result<PathBuf, String> {
    if text.contains(CALLBACK_SECRET_PREFIX) {
        return Err(
            "this is a secret, which other users can see in an argument: name a file that contains it"
                .to_owned(),
        );
    }
    if text.is_empty() { Err("write a file name".to_owned()) } else { Ok(text.into()) }
}

/// Reads a callback secret from each file. Reports a secret that was written in an unusual form.
pub(crate) fn read_secrets(paths: &[PathBuf], output: &Output) -> Result<Vec<CallbackSecret>, Error> {
    let read = |path: &PathBuf| {
        let unusable = |reason: String| {
            Error::usage(format!("{} does not contain a callback secret: {reason}", path.display()))
                .hint("write only the secret, of the form whsec_…, to the file")
        };
        let text = decode_text(&read_file(path)?).ok_or_else(|| unusable("it is not text".to_owned()))?;
        let secret = CallbackSecret::parse(&text).map_err(|error| unusable(error.to_string()))?;
        if let Some(interpretation) = secret.interpretation() {
            output.status(&format!("Read {} as {interpretation}.", path.display()));
        }
        Ok(secret)
    };
    paths.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in
            [("30s", 30), ("45", 45), ("90m", 5400), ("1h30m", 5400), ("3d", 259_200), ("1 week", 604_800)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for text in ["", "2x", "soon", "1y", "2 months", "h", "1.5.2h", "99999999999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for text in ["0s", "-5m", "5m ago"] {
            assert_eq!(parse_duration(text), Err("a duration must be longer than zero".to_owned()), "{text}");
        }
    }

    #[test]
    fn pairs_have_a_key_and_keys_differ() {
        let two = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(parse_pair("a=b=c"), two("a", "b=c"));
        assert_eq!(parse_pair("a="), two("a", ""));
        assert!(parse_pair("=b").is_err());
        assert!(parse_pair("ab").is_err());
        let same = vec![("a".into(), "1".into()), ("a".into(), "2".into())];
        assert_eq!(collect_metadata(same).unwrap_err().message, "--metadata sets the key 'a' twice");
    }
}
