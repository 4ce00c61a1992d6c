//! Text for people: escaping of text from outside, and the formatting of durations and numbers.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use unicode_normalization::UnicodeNormalization as _;

/// Returns true for characters that control a terminal, and for those that reorder or hide text.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Escapes every character that could control a terminal, such as `\n` or `\u{1b}`.
pub(crate) fn escape_control(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unsafe(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Escapes characters that could control a terminal in a JSON document. They occur only inside of strings, where a
/// `\u` escape has the same meaning.
pub(crate) fn escape_json(json: &str) -> Cow<'_, str> {
    let is_unsafe = |character: char| character != '\n' && is_unsafe(character);
    if !json.contains(is_unsafe) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 8);
    for character in json.chars() {
        if is_unsafe(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Decodes a text file: UTF-8, or UTF-16 with a byte order mark, as Windows programs write it. Removes the mark.
pub(crate) fn decode_text(bytes: &[u8]) -> Option<String> {
    let decode_utf16 = |bytes: &[u8], to_unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units = pairs.iter().map(|pair| to_unit(*pair));
        rest.is_empty().then(|| char::decode_utf16(units).collect::<Result<String, _>>().ok()).flatten()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => decode_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => decode_utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        _ => std::str::from_utf8(bytes).ok().map(str::to_owned),
    }
}

/// Shortens a text to a number of characters.
pub(crate) fn truncate(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Trims white space, including a no-break space and a carriage return, and the byte order mark.
pub(crate) fn trim_text(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}')
}

/// Normalizes a reference or a name for comparison, so that texts that look the same are equal: trims it, composes its
/// letters (NFC), and makes every white space a plain space. For display and for requests, use [`trim_text`].
pub(crate) fn normalize_text(text: &str) -> String {
    let to_space = |character: char| if character.is_whitespace() { ' ' } else { character };
    trim_text(text).chars().map(to_space).nfc().collect()
}

/// Quotes a text as one word of a command line that users copy into a shell.
pub(crate) fn shell_quote(text: &str) -> String {
    let text = escape_control(text);
    shell_words::quote(&text).into_owned()
}

/// The line and the column, in characters, of a byte offset. Both start at 1.
pub(crate) fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Formats a duration such as `250 ms`, `30s` or `1m 5s`.
pub(crate) fn format_duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("{} ms", duration.as_millis());
    }
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    format!("{:#}", jiff::SignedDuration::from_secs(seconds))
}

/// Formats an age in its largest unit, such as `5m ago`.
pub(crate) fn format_age(duration: Duration) -> String {
    let seconds = duration.as_secs().max(1);
    let unit = [86_400, 3600, 60].into_iter().find(|unit| seconds >= *unit).unwrap_or(1);
    format!("{} ago", format_duration(Duration::from_secs(seconds / unit * unit)))
}

/// Formats a number of items, such as `1 device` or `2 devices`.
pub(crate) fn pluralize(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_formatted_as_people_write_them() {
        assert_eq!(format_duration(Duration::from_millis(250)), "250 ms");
        assert_eq!(format_duration(Duration::from_millis(65_900)), "1m 5s");
        assert_eq!(format_duration(Duration::from_secs(2 * 60 * 60)), "2h");
    }

    #[test]
    fn a_position_is_a_line_and_a_column_in_characters() {
        let position = |offset| line_column("a\nåä b\n", offset);
        assert_eq!((position(0), position(2), position(7)), ((1, 1), (2, 1), (2, 4)));
        assert_eq!(position(99), (3, 1), "an offset beyond the end is the end");
    }

    #[test]
    fn text_is_utf_8_or_marked_utf_16() {
        let text = "name;Kött ☕";
        let utf16 = |mark: &[u8], to_bytes: fn(u16) -> [u8; 2]| {
            let units = text.encode_utf16().flat_map(to_bytes);
            mark.iter().copied().chain(units).collect::<Vec<u8>>()
        };
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            utf16(b"\xff\xfe", u16::to_le_bytes),
            utf16(b"\xfe\xff", u16::to_be_bytes),
        ] {
            assert_eq!(decode_text(&bytes).as_deref(), Some(text));
        }
        for wrong in [&b"K\xf6tt"[..], b"\xff\xfea", b"\xff\xfe\x00\xd8", b"\xef\xbb\xbf\xff"] {
            assert_eq!(decode_text(wrong), None);
        }
    }

    #[test]
    fn texts_that_look_the_same_are_equal() {
        let name = "Café 1";
        for same in
            ["Café 1", " Café 1\r\n", "\u{a0}Cafe\u{301} 1\u{a0}", "\u{feff}Café\u{a0}1", "\tCafé\u{2009}1"]
        {
            assert_eq!(normalize_text(same), name, "{same:?}");
        }
        for other in ["Cafe 1", "café 1", "Café  1", "Café1", "Ｃafé 1"] {
            assert_ne!(normalize_text(other), name, "{other:?}");
        }
        assert_eq!(trim_text("\u{a0}Cafe\u{301}\r"), "Cafe\u{301}");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escape_control("Till 3 – Ångström ☕"), "Till 3 – Ångström ☕");
        assert_eq!(escape_control("a\u{1b}[2Jb\r\n\u{9b}31m"), "a\\u{1b}[2Jb\\r\\n\\u{9b}31m");
        assert_eq!(escape_control("x\u{202e}gnp.exe\u{200b}"), "x\\u{202e}gnp.exe\\u{200b}");
    }

    #[test]
    fn escaped_json_has_the_same_meaning() {
        let value = serde_json::json!({"name": "a\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}ö"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let escaped = escape_json(&text);
        assert!(!escaped.contains(|character| character != '\n' && is_unsafe(character)), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
