//! Removes secrets from everything that is printed, logged or stored.
//!
//! API keys and callback secrets are recognized by their documented prefix, and passwords by their place in a URL. A secret
//! that was [registered](register), as every parsed key is, is also found without its prefix, in any case, and in the
//! encodings in which servers and logs repeat it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Once, PoisonError, RwLock};

use memchr::memmem::Finder;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::spellings::{Spelling, spellings};
use super::{CALLBACK_SECRET_PREFIX, EMULATOR_KEY, Secret};

/// Replaces a secret in text and in JSON.
pub const REDACTED: &str = "[redacted]";

/// Shorter secrets are not searched for, because they could be part of any word.
const MIN_LEN: usize = 8;

/// How much text is searched at a time, which bounds the memory for large bodies.
const WINDOW: usize = 64 * 1024;

/// How much two windows have in common: more than the longest spelling of a key.
const OVERLAP: usize = 8 * 1024;

static REGISTERED: RwLock<Vec<Registered>> = RwLock::new(Vec::new());

struct Registered {
    secret: Secret,
    /// Its spellings in lower case.
    spellings: Vec<Needle>,
}

struct Needle {
    finder: Finder<'static>,
    is_base64: bool,
}

/// Redacts this secret from now on. The emulator's key is public, and short texts are not searched for.
pub fn register(secret: &str) {
    let secret = secret.trim();
    if secret.len() < MIN_LEN || secret == EMULATOR_KEY {
        return;
    }
    forbid_core_dumps();
    let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    if registered.iter().any(|known| known.secret.expose() == secret) {
        return;
    }
    let spellings = spellings(secret).into_iter().filter(|spelling| spelling.text.len() >= MIN_LEN);
    let needle = |Spelling { text, is_base64 }: Spelling| Needle {
        finder: Finder::new(&text.to_ascii_lowercase()).into_owned(),
        is_base64,
    };
    let spellings = spellings.map(needle).collect();
    registered.push(Registered { secret: Secret::new(secret), spellings });
}

/// Keeps secrets out of core dumps, and other processes of the user out of the memory. If the system refuses it, nothing
/// more can be done.
#[cfg(unix)]
fn forbid_core_dumps() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let maximum = getrlimit(Resource::Core).maximum;
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    });
}

#[cfg(not(unix))]
const fn forbid_core_dumps() {}

/// The places of secrets in a text, in order and without overlaps.
fn find(registered: &[Registered], text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    loop {
        let end = floor_boundary(text, start + WINDOW);
        let window = &text[start..end];
        let place = |range: Range<usize>| range.start + start..range.end + start;
        found.extend(find_plain(registered, window).into_iter().map(place));
        if let Some(decoded) = Decoded::new(window) {
            let places = find_plain(registered, &decoded.text).into_iter();
            found.extend(places.map(|range| place(decoded.source(&range))));
        }
        if end == text.len() {
            break;
        }
        start = floor_boundary(text, end - OVERLAP);
    }
    merge(found)
}

fn find_plain(registered: &[Registered], text: &str) -> Vec<Range<usize>> {
    let bytes = text.to_ascii_lowercase().into_bytes();
    let is_base64_byte = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    let mut found = Vec::new();
    for Needle { finder, is_base64 } in registered.iter().flat_map(|registered| &registered.spellings) {
        for start in finder.find_iter(&bytes) {
            let mut range = start..start + finder.needle().len();
            if *is_base64 {
                range.start -= bytes[..range.start].iter().rev().take_while(is_base64_byte).count();
                range.end += bytes[range.end..].iter().take_while(is_base64_byte).count();
            }
            found.push(range);
        }
    }
    found
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn merge(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// A text with its escapes (percent, backslash, HTML, quoted-printable) resolved, without characters that nobody sees.
struct Decoded {
    text: String,
    /// The place in the source of each byte, and of the end.
    sources: Vec<Range<u32>>,
}

impl Decoded {
    /// `None` if nothing was escaped.
    fn new(text: &str) -> Option<Self> {
        if text.is_ascii() && !text.contains(['%', '\\', '&', '=']) {
            return None;
        }
        let mut decoded =
            Self { text: String::with_capacity(text.len()), sources: Vec::with_capacity(text.len()) };
        let mut at = 0;
        while let Some(character) = text[at..].chars().next() {
            let rest = &text[at..];
            let (character, length) = decode_escape(rest).unwrap_or((Some(character), character.len_utf8()));
            if let Some(character) = character.and_then(simplify) {
                let place = u32::try_from(at).ok()?..u32::try_from(at + length).ok()?;
                decoded.text.push(character);
                decoded.sources.resize(decoded.text.len(), place);
            }
            at += length;
        }
        Some(decoded)
    }

    fn source(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.sources.get(range.start).map_or(0, |place| place.start);
        let end = self.sources.get(range.end.saturating_sub(1)).map_or(0, |place| place.end);
        start as usize..(end as usize).max(start as usize)
    }
}

/// The character that an escape at the start of the text stands for, and the length of the escape.
fn decode_escape(text: &str) -> Option<(Option<char>, usize)> {
    let digits = |start: usize, length: usize, radix: u32| {
        let digits = text.get(start..start + length)?;
        let is_number = digits.chars().all(|digit| digit.is_digit(radix));
        let number = if is_number { u32::from_str_radix(digits, radix).ok()? } else { return None };
        Some((char::from_u32(number), start + length))
    };
    match text.as_bytes() {
        // Encoded twice: `%255F`.
        [b'%', b'2', b'5', ..] => digits(3, 2, 16).or(Some((Some('%'), 3))),
        [b'%', b'u' | b'U', ..] => digits(2, 4, 16),
        [b'%' | b'=', ..] => digits(1, 2, 16),
        [b'\\', b'u' | b'U', b'{', ..] => {
            let end = text.get(..12).unwrap_or(text).find('}')?;
            digits(3, end - 3, 16).map(|(character, _)| (character, end + 1))
        }
        [b'\\', b'\\', b'u' | b'U', ..] => digits(3, 4, 16),
        [b'\\', b'u', ..] => digits(2, 4, 16),
        [b'\\', b'U', ..] => digits(2, 8, 16),
        [b'\\', b'x', ..] => digits(2, 2, 16),
        [b'\\', b'0'..=b'7', ..] => digits(1, 3, 8),
        [b'\\', escaped, ..] if escaped.is_ascii_punctuation() => Some((Some(char::from(*escaped)), 2)),
        [b'&', b'#', ..] => {
            let end = text.get(..12).unwrap_or(text).find(';')?;
            let is_hex = matches!(text.as_bytes()[2], b'x' | b'X');
            let (start, radix) = if is_hex { (3, 16) } else { (2, 10) };
            digits(start, end.checked_sub(start)?, radix).map(|(character, _)| (character, end + 1))
        }
        [b'&', ..] => {
            [("&lowbar;", '_'), ("&UnderBar;", '_'), ("&amp;", '&'), ("&plus;", '+'), ("&sol;", '/')]
                .into_iter()
                .find_map(|(name, character)| text.starts_with(name).then_some((Some(character), name.len())))
        }
        _ => None,
    }
}

/// Full-width letters as plain ones, and nothing for a character that nobody sees.
fn simplify(character: char) -> Option<char> {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\0' => None,
        other => Some(other),
    }
}

/// Redacts a text.
pub fn redact(text: &str) -> Cow<'_, str> {
    // Prefixes first: people recognize a key by its prefix.
    let redacted = Cow::Borrowed(text);
    let redacted = map(redacted, redact_prefixed);
    let redacted = map(redacted, |text| match redact_registered(text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(redacted) => Some(redacted),
    });
    map(redacted, redact_userinfo)
}

fn map(text: Cow<'_, str>, change: impl Fn(&str) -> Option<String>) -> Cow<'_, str> {
    change(&text).map_or(text, Cow::Owned)
}

/// Redacts a response body. Only registered secrets are replaced, because the rest is data; a body without one is
/// returned as received, and JSON stays JSON.
pub fn redact_body(body: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&body);
    let Cow::Owned(redacted) = redact_registered(&text) else { return body };
    let is_json = |text: &str| serde_json::from_str::<IgnoredAny>(text).is_ok();
    if !is_json(&redacted)
        && let Ok(mut value) = serde_json::from_str::<Value>(&text)
    {
        redact_strings(&mut value);
        return value.to_string().into_bytes();
    }
    redacted.into_bytes()
}

/// Redacts JSON: the fields that hold secrets, and every text.
pub fn redact_value(value: &mut Value) {
    redact_fields(value);
    redact_texts(value);
}

fn redact_texts(value: &mut Value) {
    match value {
        Value::String(text) => *text = redact(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(redact_texts),
        Value::Object(fields) => fields.values_mut().for_each(redact_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Redacts the fields that hold secrets (enrollment codes, device credentials) at any depth.
pub fn redact_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if matches!(name.as_str(), "enrollment_code" | "bearer_token" | "api_key") {
                    *field = Value::from(REDACTED);
                } else {
                    redact_fields(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact_fields),
        _ => {}
    }
}

fn redact_strings(value: &mut Value) {
    match value {
        Value::String(text) => *text = redact_registered(text).into_owned(),
        Value::Array(items) => {
            items.iter_mut().for_each(redact_strings);
            // A list of character codes or of letters.
            let text = Value::from(std::mem::take(items)).to_string();
            match redact_registered(&text) {
                Cow::Owned(_) => *items = vec![REDACTED.into()],
                Cow::Borrowed(_) => *items = serde_json::from_str(&text).unwrap_or_default(),
            }
        }
        Value::Object(fields) => {
            let received = std::mem::take(fields);
            for (name, mut field) in received {
                redact_strings(&mut field);
                fields.insert(redact_registered(&name).into_owned(), field);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redact_registered(text: &str) -> Cow<'_, str> {
    if text.len() < MIN_LEN {
        return Cow::Borrowed(text);
    }
    let places = find(&REGISTERED.read().unwrap_or_else(PoisonError::into_inner), text);
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut redacted = String::with_capacity(text.len());
    let mut end = 0;
    for place in places {
        redacted.push_str(&text[end..place.start]);
        redacted.push_str(REDACTED);
        end = place.end;
    }
    redacted.push_str(&text[end..]);
    Cow::Owned(redacted)
}

/// Truncates keys and callback secrets to their prefix.
fn redact_prefixed(text: &str) -> Option<String> {
    const PREFIXES: [&str; 3] = ["kco_live_", "kco_test_", CALLBACK_SECRET_PREFIX];
    let find_secret = |text: &str| {
        PREFIXES.iter().filter_map(|prefix| text.find(prefix).map(|start| (start, prefix.len()))).min()
    };
    find_secret(text)?;
    let ends = |character: char| !character.is_ascii_graphic() || "'\"`<>\\".contains(character);
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, length)) = find_secret(rest) {
        let after = &rest[start..];
        let end = after.find(ends).unwrap_or(after.len());
        // A key at the end of a sentence or in a list is followed by punctuation.
        let is_public = after[..end].trim_end_matches(['.', ',', ';', ')', ':']) == EMULATOR_KEY;
        let shown = if is_public { EMULATOR_KEY.len() } else { length };
        redacted.push_str(&rest[..start + shown]);
        if !is_public && end > length {
            redacted.push_str(REDACTED);
        }
        rest = if is_public { &after[shown..] } else { &after[end..] };
    }
    Some(redacted + rest)
}

/// Redacts the user name and the password of URLs such as `https://name:password@host`.
fn redact_userinfo(text: &str) -> Option<String> {
    if !text.contains("://") || !text.contains('@') {
        return None;
    }
    let mut parts = text.split("://");
    let mut redacted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let ends = |next: char| next.is_whitespace() || matches!(next, '/' | '?' | '#' | '\'' | '"' | '`');
        let authority = part.split(ends).next().unwrap_or_default();
        redacted.push_str("://");
        match authority.rsplit_once('@') {
            Some((userinfo, _)) => {
                redacted.push_str(REDACTED);
                redacted.push_str(&part[userinfo.len()..]);
            }
            None => redacted.push_str(part),
        }
    }
    Some(redacted)
}

#[cfg(test)]
#[path = "redaction_tests.rs"]
mod tests;
