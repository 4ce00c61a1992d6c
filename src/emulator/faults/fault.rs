//! Parses a fault: `POST /ipp/v1/sessions: delay=2s 503 x2`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use http::{Method, StatusCode};
use jiff::SignedDuration;

const MAX_LEN: usize = 500;

const MAX_DELAY_MS: u64 = 60 * 60 * 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// None is any method.
    method: Option<Method>,
    path: Pattern,
    pub(super) action: FaultAction,
    /// Maximum number of requests to hit.
    pub(super) times: Option<u32>,
    pub(super) percent: Option<u8>,
}

/// At least one of the fields is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultAction {
    pub delay: Option<Duration>,
    pub effect: Option<Effect>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Responds with this status. The request is not processed.
    Status {
        /// 400 to 599.
        status: StatusCode,
        retry_after: Option<u32>,
    },
    /// Closes the connection without a response. The request is not processed.
    Drop,
    /// Closes the connection after the response headers. The request is processed.
    DropAfterHeaders,
    /// Closes the connection in the middle of the response body. The request is processed.
    Truncate,
}

/// A path in which `*` and `{id}` match one segment, and a `*` at the end matches one or more.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern(String);

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let error = |reason: &str| Err(format!("'{text}' is not a path pattern: {reason}"));
        if !text.starts_with('/') || text.len() == 1 {
            return error("use one such as /ipp/v1/sessions or /ipp/v1/sessions/{id}");
        }
        if text.contains('?') {
            return error("it cannot have a query");
        }
        if text == "/emulator" || text.starts_with("/emulator/") {
            return error("requests to /emulator never fail, so that faults can be removed");
        }
        let is_segment = |part: &str| is_variable(part) || !part.contains(['*', '{', '}']);
        if !text[1..].split('/').all(is_segment) {
            return error("* and {id} match a complete path segment");
        }
        Ok(Self(text.to_owned()))
    }

    fn matches(&self, path: &str) -> bool {
        let (mut pattern, mut path) = (self.0.split('/').peekable(), path.split('/'));
        loop {
            match (pattern.next(), path.next()) {
                (Some("*"), Some(_)) if pattern.peek().is_none() => return true,
                (Some(expected), Some(segment)) if expected == segment || is_variable(expected) => {}
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
    pub fn matches(&self, method: &Method, path: &str) -> bool {
        self.method.as_ref().is_none_or(|expected| expected == method) && self.path.matches(path)
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LEN || text.contains(char::is_control) {
            return Err(format!("a fault is a single line of at most {MAX_LEN} characters"));
        }
        let form = "use a fault such as 'POST /ipp/v1/sessions: 503 x2'";
        let (request, action) = text.split_once(':').ok_or(form)?;
        let mut request = request.split_whitespace();
        let (Some(method), Some(path), None) = (request.next(), request.next(), request.next()) else {
            return Err(form.to_owned());
        };
        let method = match method {
            "*" => None,
            name if name.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                Some(name.parse().map_err(|_| format!("'{name}' is not a method"))?)
            }
            name => return Err(format!("'{name}' is not a method: use one such as POST, or * for any")),
        };
        let path = Pattern::parse(path)?;
        let mut tokens = FaultTokens::default();
        for token in action.split_whitespace() {
            tokens.parse(token)?;
        }
        let FaultTokens { delay, status, retry_after, cut, times, percent } = tokens;
        let effect = match (status, cut, retry_after) {
            (Some(_), Some(_), _) => {
                return Err("a fault has either a status or a dropped connection".to_owned());
            }
            (None, _, Some(_)) => return Err("retry-after needs a status such as 429".to_owned()),
            (Some(status), None, retry_after) => Some(Effect::Status { status, retry_after }),
            (None, cut, None) => cut,
        };
        if effect.is_none() && delay.is_none() {
            return Err(format!("the fault has no effect: {EFFECTS}"));
        }
        Ok(Self { method, path, action: FaultAction { delay, effect }, times, percent })
    }
}

const EFFECTS: &str = "use a status such as 503, delay=2s, drop, drop-after-response-headers or truncate";

#[derive(Default)]
struct FaultTokens {
    delay: Option<Duration>,
    status: Option<StatusCode>,
    retry_after: Option<u32>,
    cut: Option<Effect>,
    times: Option<u32>,
    percent: Option<u8>,
}

/// Sets a part of a fault, which can be given once. `form` is what a value has to be like.
fn set<T>(part: &mut Option<T>, value: Option<T>, form: &str) -> Result<(), String> {
    let value = value.ok_or(form)?;
    if part.replace(value).is_some() { Err("given twice".to_owned()) } else { Ok(()) }
}

impl FaultTokens {
    fn parse(&mut self, token: &str) -> Result<(), String> {
        let result = if let Some(text) = token.strip_prefix("delay=") {
            let delay: Option<SignedDuration> = text.parse().ok();
            let delay = delay.and_then(|delay| u64::try_from(delay.as_millis()).ok());
            let delay = delay.filter(|delay| (1..=MAX_DELAY_MS).contains(delay)).map(Duration::from_millis);
            set(&mut self.delay, delay, "a delay is 1ms to 1h")
        } else if let Some(text) = token.strip_prefix("retry-after=") {
            let seconds = parse_number(text, 0..=u32::MAX);
            set(&mut self.retry_after, seconds, "retry-after is a number of seconds")
        } else if let Some(text) = token.strip_prefix('x') {
            set(&mut self.times, parse_number(text, 1..=u32::MAX), "use a number of times such as x3")
        } else if let Some(text) = token.strip_suffix('%') {
            set(&mut self.percent, parse_number(text, 1..=100), "use 1% to 100%")
        } else if token.bytes().all(|byte| byte.is_ascii_digit()) {
            let status = parse_number(token, 400..=599).and_then(|status| StatusCode::from_u16(status).ok());
            set(&mut self.status, status, "a status is 400 to 599")
        } else if token == "once" {
            set(&mut self.times, Some(1), "")
        } else {
            let cut = match token {
                "drop" => Some(Effect::Drop),
                "drop-after-response-headers" => Some(Effect::DropAfterHeaders),
                "truncate" => Some(Effect::Truncate),
                _ => None,
            };
            let form = format!("not part of a fault: {EFFECTS}, and optionally once, x3 or 10%");
            set(&mut self.cut, cut, &form)
        };
        result.map_err(|reason| format!("'{token}': {reason}"))
    }
}

/// Unlike `str::parse`, rejects a sign.
fn parse_number<T: FromStr + PartialOrd>(text: &str, range: RangeInclusive<T>) -> Option<T> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, action, times, percent } = self;
        write!(formatter, "{} {}:", method.as_ref().map_or("*", Method::as_str), path.0)?;
        if let Some(delay) = action.delay {
            match delay.subsec_millis() {
                0 => write!(formatter, " delay={}s", delay.as_secs())?,
                _ => write!(formatter, " delay={}ms", delay.as_millis())?,
            }
        }
        match action.effect {
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
