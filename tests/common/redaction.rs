//! Text with what differs from run to run written as names, so that whole outputs can be compared.

use std::fmt::Write as _;
use std::path::Path;

use kustom::emulator::state::{GOTHENBURG, STOCKHOLM};

const UUID: &str = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
const INSTANT: &str = "dddd-dd-ddTdd:dd:dd";
const LOCAL_TIME: &str = "dddd-dd-dd dd:dd:dd";

/// Ids that tests choose themselves begin like this and stay as they are.
pub const FIXED_ID: &str = "00000000-0000-4000-8000-";

/// The text with
/// - `<home>` for the folder of the [`Home`](super::harness::Home),
/// - `<id-1>`, `<id-2>`, … for ids, numbered by their first appearance; those of the seed's locations and those
///   that begin with [`FIXED_ID`] stay,
/// - `<time>` for instants, `<elapsed>` for how long something took, `<port>` for ports on loopback.
pub fn redact(text: &str, env: &Path) -> String {
    let text = text.replace(&*env.to_string_lossy(), "<home>");
    let kept = [STOCKHOLM.to_string(), GOTHENBURG.to_string()];
    let mut ids: Vec<String> = Vec::new();
    let mut result = String::with_capacity(text.len());
    let mut rest = text.as_str();
    let mut before = '\n';
    while let Some(first) = rest.chars().next() {
        let in_word = before.is_ascii_alphanumeric() || before == '-';
        let taken = if let (false, Some(id)) = (in_word, shaped(rest, UUID)) {
            if kept.iter().any(|known| known == id) || id.starts_with(FIXED_ID) {
                result.push_str(id);
            } else {
                let number = ids.iter().position(|known| known == id).unwrap_or_else(|| {
                    ids.push(id.to_owned());
                    ids.len() - 1
                });
                let _ = write!(result, "<id-{}>", number + 1);
            }
            id.len()
        } else if let (false, Some(length)) = (in_word, instant(rest)) {
            result.push_str("<time>");
            length
        } else if let (false, Some((word, length))) = (in_word, elapsed(rest)) {
            result.push_str(word);
            result.push_str("<elapsed>");
            length
        } else if let (true, Some(length)) = (before == '\n', since(rest)) {
            result.push_str("<elapsed>");
            length
        } else if let Some(port) = rest.strip_prefix("127.0.0.1:") {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            result.push_str("127.0.0.1:<port>");
            "127.0.0.1:".len() + digits
        } else {
            result.push(first);
            first.len_utf8()
        };
        before = rest[..taken].chars().next_back().unwrap_or(first);
        rest = &rest[taken..];
    }
    result
}

/// The beginning of `text` if it has this shape: `h` is a hexadecimal digit, `d` a digit.
fn shaped<'a>(text: &'a str, shape: &str) -> Option<&'a str> {
    let found = text.get(..shape.len())?;
    let fits = found.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
        b'h' => byte.is_ascii_hexdigit(),
        b'd' => byte.is_ascii_digit(),
        exact => byte == exact,
    });
    fits.then_some(found)
}

/// The length of the instant that `text` begins with.
fn instant(text: &str) -> Option<usize> {
    if let Some(local) = shaped(text, LOCAL_TIME) {
        return Some(local.len());
    }
    let whole = shaped(text, INSTANT)?.len();
    let fraction = text[whole..].bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let zone = usize::from(text[whole + fraction..].starts_with('Z'));
    Some(whole + fraction + zone)
}

/// The length of the time in front of a change that a wait tells, as in `    0.4s  CREATED` and `   1m 5s  CREATED`.
pub fn since(line: &str) -> Option<usize> {
    let (time, _) = line.trim_start_matches(' ').split_once("  ")?;
    let fits =
        time.ends_with('s') && time.bytes().all(|byte| byte.is_ascii_digit() || b"hms. ".contains(&byte));
    let length = line.len() - line.trim_start_matches(' ').len() + time.len();
    (fits && length >= 8).then_some(length)
}

/// The word in front of a duration, as in `in 12 ms` and `after 1m 5s`, and the length of both.
pub fn elapsed(text: &str) -> Option<(&'static str, usize)> {
    let word = ["after ", "in ", "took "].into_iter().find(|word| text.starts_with(word))?;
    let mut rest = &text[word.len()..];
    let mut taken = None;
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = [" ms", "ms", "h", "m", "s"].into_iter().find(|unit| rest[digits..].starts_with(unit));
        let (1.., Some(unit)) = (digits, unit) else { return taken };
        rest = &rest[digits + unit.len()..];
        taken = Some((word, text.len() - rest.len()));
        let Some(next) = rest.strip_prefix(' ') else { return taken };
        rest = next;
    }
}
