//! A fault as it is written: `POST /ipp/v1/sessions: delay=2s 503 x2`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::{Method, StatusCode};
use jiff::SignedDuration;

/// The longest text that is read.
const LONGEST_TEXT: usize = 500;

const LONGEST_DELAY: Duration = Duration::from_secs(60 * 60);

/// What goes wrong with which requests, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The method; none is any.
    method: Option<Method>,
    path: Pattern,
    pub(super) what: FaultAction,
    /// How many requests are hit at most.
    pub(super) times: Option<u32>,
    /// How many of a hundred are hit.
    pub(super) percent: Option<u8>,
}

/// What happens to a request that is hit: at least one of the two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultAction {
    /// It is answered this much later.
    pub delay: Option<Duration>,
    /// It is answered wrongly, or not at all.
    pub effect: Option<Effect>,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is this status. The request is not carried out.
    Status {
        /// From 400 to 599.
        status: StatusCode,
        /// The seconds of `Retry-After`.
        retry_after: Option<u32>,
    },
    /// There is none: the connection is closed. The request is not carried out.
    Drop,
    /// The connection is closed after its head. The request is carried out.
    DropAfterHeaders,
    /// The connection is closed in the middle of its body. The request is carried out.
    Truncate,
}

/// Why a text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FaultError(String);

/// A path in which `*` and `{id}` stand for any one part, and a `*` at the end for any number of them, but not none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern(String);

impl Pattern {
    fn parse(text: &str) -> Result<Self, FaultError> {
        let error = |why: &str| Err(FaultError(format!("'{text}' is no path: {why}")));
        if !text.starts_with('/') || text.len() == 1 {
            return error("write one such as /ipp/v1/sessions or /ipp/v1/sessions/{id}");
        }
        if text.contains('?') {
            return error("a fault does not depend on the query");
        }
        if text == "/emulator" || text.starts_with("/emulator/") {
            return error("what is under /emulator never fails, so that faults can be taken away");
        }
        let is_name = |part: &str| is_variable(part) || !part.contains(['*', '{', '}']);
        if !text[1..].split('/').all(is_name) {
            return error("* and {id} stand for a whole part between two slashes");
        }
        Ok(Self(text.to_owned()))
    }

    fn matches(&self, path: &str) -> bool {
        let (mut wanted, mut given) = (self.0.split('/').peekable(), path.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (Some("*"), Some(_)) if wanted.peek().is_none() => return true,
                (Some(wanted), Some(given)) if wanted == given || is_variable(wanted) => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }
}

fn is_variable(part: &str) -> bool {
    let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
    part == "*" || name.is_some_and(|name| !name.is_empty() && !name.contains(['*', '{', '}']))
}

impl Fault {
    /// Whether it is about this request.
    pub fn matches(&self, method: &Method, path: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method) && self.path.matches(path)
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let error = |why: String| FaultError(why);
        if text.len() > LONGEST_TEXT || text.contains(char::is_control) {
            return Err(error(format!("a fault is one line of at most {LONGEST_TEXT} characters")));
        }
        let form = || error("write a fault such as 'POST /ipp/v1/sessions: 503 x2'".to_owned());
        let (about, what) = text.split_once(':').ok_or_else(form)?;
        let mut about = about.split_whitespace();
        let (Some(method), Some(path), None) = (about.next(), about.next(), about.next()) else {
            return Err(form());
        };
        let method = match method {
            "*" => None,
            name if name.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                Some(name.parse().map_err(|_| error(format!("'{name}' is no method")))?)
            }
            name => {
                return Err(error(format!("'{name}' is no method: write one such as POST, or * for any")));
            }
        };
        let path = Pattern::parse(path)?;
        let mut words = FaultTokens::default();
        for word in what.split_whitespace() {
            words.read(word)?;
        }
        let FaultTokens { delay, status, retry_after, cut, times, percent } = words;
        let effect = match (status, cut, retry_after) {
            (Some(_), Some(_), _) => {
                return Err(error("a fault has a status or breaks off, not both".to_owned()));
            }
            (None, _, Some(_)) => {
                return Err(error("retry-after belongs to a status, such as 429".to_owned()));
            }
            (Some(status), None, retry_after) => Some(Effect::Status { status, retry_after }),
            (None, cut, None) => cut,
        };
        if effect.is_none() && delay.is_none() {
            return Err(error(format!("it does not say what goes wrong: {WHAT}")));
        }
        Ok(Self { method, path, what: FaultAction { delay, effect }, times, percent })
    }
}

const WHAT: &str = "write a status such as 503, delay=2s, drop, drop-after-response-headers or truncate";

#[derive(Default)]
struct FaultTokens {
    delay: Option<Duration>,
    status: Option<StatusCode>,
    retry_after: Option<u32>,
    cut: Option<Effect>,
    times: Option<u32>,
    percent: Option<u8>,
}

impl FaultTokens {
    fn read(&mut self, word: &str) -> Result<(), FaultError> {
        let error = |why: &str| FaultError(format!("'{word}': {why}"));
        let is_new = match word {
            "drop" => self.cut.replace(Effect::Drop).is_none(),
            "drop-after-response-headers" => self.cut.replace(Effect::DropAfterHeaders).is_none(),
            "truncate" => self.cut.replace(Effect::Truncate).is_none(),
            "once" => self.times.replace(1).is_none(),
            _ => {
                if let Some(text) = word.strip_prefix("delay=") {
                    let delay: Option<SignedDuration> = text.parse().ok();
                    let delay = delay.and_then(|delay| Duration::try_from(delay).ok());
                    let fits = |delay: &Duration| {
                        (Duration::from_millis(1)..=LONGEST_DELAY).contains(delay)
                            && delay.subsec_nanos().is_multiple_of(1_000_000)
                    };
                    let delay = delay.filter(fits);
                    self.delay.replace(delay.ok_or_else(|| error("a delay is from 1ms to 1h"))?).is_none()
                } else if let Some(text) = word.strip_prefix("retry-after=") {
                    let seconds = number(text).ok_or_else(|| error("retry-after is in whole seconds"))?;
                    self.retry_after.replace(seconds).is_none()
                } else if let Some(text) = word.strip_prefix('x') {
                    let times = number(text).filter(|times| *times > 0);
                    let times = times.ok_or_else(|| error("write a number of times such as x3"))?;
                    self.times.replace(times).is_none()
                } else if let Some(text) = word.strip_suffix('%') {
                    let percent = number(text).and_then(|percent| u8::try_from(percent).ok());
                    let percent = percent.filter(|percent| (1..=100).contains(percent));
                    self.percent.replace(percent.ok_or_else(|| error("write 1% to 100%"))?).is_none()
                } else if let Some(status) = number(word) {
                    let status = u16::try_from(status).ok().filter(|status| (400..600).contains(status));
                    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
                    let status = status.ok_or_else(|| error("a status is from 400 to 599"))?;
                    self.status.replace(status).is_none()
                } else {
                    return Err(error(&format!(
                        "that is nothing a fault can be: {WHAT}; and once, x3 or 10%"
                    )));
                }
            }
        };
        if is_new { Ok(()) } else { Err(error("that is said twice")) }
    }
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, what, times, percent } = self;
        write!(formatter, "{} {}:", method.as_ref().map_or("*", Method::as_str), path.0)?;
        if let Some(delay) = what.delay {
            match delay.subsec_millis() {
                0 => write!(formatter, " delay={}s", delay.as_secs())?,
                _ => write!(formatter, " delay={}ms", delay.as_millis())?,
            }
        }
        match what.effect {
            Some(Effect::Status { status, retry_after }) => {
                write!(formatter, " {}", status.as_u16())?;
                if let Some(seconds) = retry_after {
                    write!(formatter, " retry-after={seconds}")?;
                }
            }
            Some(Effect::Drop) => formatter.write_str(" drop")?,
            Some(Effect::DropAfterHeaders) => formatter.write_str(" drop-after-response-headers")?,
            Some(Effect::Truncate) => formatter.write_str(" truncate")?,
            None => {}
        }
        if let Some(percent) = percent {
            write!(formatter, " {percent}%")?;
        }
        match times {
            Some(1) => formatter.write_str(" once"),
            Some(times) => write!(formatter, " x{times}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
