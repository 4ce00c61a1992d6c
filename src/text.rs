//! Text for people: strings that come from elsewhere made safe to show, and small matters of grammar.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

/// Whether a terminal could act on a character, or a reader be deceived by it: control characters, and the
/// marks that reorder or hide text.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a text is of ASCII characters that are safe, as nearly all are: eight of them are found to be so at once.
fn is_plain(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let is_plain = |byte: &u8| matches!(*byte, b' '..=b'~') || allowed(*byte);
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut words = words.iter();
    words.all(|bytes| {
        let word = u64::from_le_bytes(*bytes);
        // The highest bit of each byte shows whether it is 127 or more, or less than a space.
        let above = word | word.wrapping_add(EACH);
        let below = word.wrapping_sub(EACH * u64::from(b' ')) & !word;
        (above | below) & (EACH * 0x80) == 0 || bytes.iter().all(is_plain)
    }) && rest.iter().all(is_plain)
}

/// The text with every character that could drive a terminal written as an escape (`\n`, `\u{1b}`).
pub(crate) fn escape_control(text: &str) -> Cow<'_, str> {
    if is_plain(text, |_| false) || !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unsafe(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// JSON with the characters that `serde_json` leaves alone, but a terminal might act on, written as `\u`
/// escapes. They can only stand inside strings, so the document means the same.
pub(crate) fn escape_json(json: &str) -> Cow<'_, str> {
    let acts = |character: char| character != '\n' && is_unsafe(character);
    if is_plain(json, |byte| byte == b'\n') || !json.chars().any(acts) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 8);
    for character in json.chars() {
        if acts(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Foreign text as one word of a command line that is shown, to be copied into a shell.
pub(crate) fn shell_quote(text: &str) -> String {
    let text = escape_control(text);
    shell_words::quote(&text).into_owned()
}

/// Where a byte of a text stands: its line, and its column in characters, both from one.
pub(crate) fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A duration as people write it: `30s`, `1m 5s`.
pub(crate) fn format_duration(duration: Duration) -> String {
    let whole = jiff::SignedDuration::from_secs(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX));
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{whole:#}")
    }
}

/// How long ago something was, in its largest unit: `5m ago`.
pub(crate) fn format_age(duration: Duration) -> String {
    let seconds = duration.as_secs().max(1);
    let unit = match seconds {
        0..60 => 1,
        60..3600 => 60,
        3600..86400 => 3600,
        _ => 86400,
    };
    format!("{} ago", format_duration(Duration::from_secs(seconds / unit * unit)))
}

/// `1 device`, `2 devices`.
pub(crate) fn pluralize(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_spelled_as_people_write_them() {
        assert_eq!(format_duration(Duration::from_millis(250)), "250 ms");
        assert_eq!(format_duration(Duration::from_millis(65_900)), "1m 5s");
        assert_eq!(format_duration(Duration::from_secs(2 * 60 * 60)), "2h");
    }

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let place = |offset| line_column("a\nåä b\n", offset);
        assert_eq!((place(0), place(2), place(7)), ((1, 1), (2, 1), (2, 4)));
        assert_eq!(place(99), (3, 1), "beyond the end is the end");
    }

    #[test]
    fn nothing_that_drives_a_terminal_gets_through() {
        assert_eq!(escape_control("Till 3 – Ångström ☕"), "Till 3 – Ångström ☕");
        assert_eq!(escape_control("a\u{1b}[2Jb\r\n\u{9b}31m"), "a\\u{1b}[2Jb\\r\\n\\u{9b}31m");
        assert_eq!(escape_control("x\u{202e}gnp.exe\u{200b}"), "x\\u{202e}gnp.exe\\u{200b}");
    }

    proptest! {
        #[test]
        fn what_is_plain_has_nothing_unsafe_in_it(text in "[ -~]{0,20}|[\\x00-\\x{ff}]{0,20}|[ -~\n]{0,30}") {
            prop_assert_eq!(is_plain(&text, |_| false), text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            let lines = text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n'));
            prop_assert_eq!(is_plain(&text, |byte| byte == b'\n'), lines);
            prop_assert!(!is_plain(&text, |_| false) || !text.chars().any(is_unsafe));
        }
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"name": "a\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}ö"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = escape_json(&text);
        assert!(!shown.chars().any(|character| character != '\n' && is_unsafe(character)), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
