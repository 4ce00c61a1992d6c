//! Text for people: escaping of text from outside, and the formatting of durations and numbers.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use unicode_normalization::UnicodeNormalization as _;
use unicode_width::UnicodeWidthChar as _;

/// Returns true for characters that control a terminal, and for those that reorder, hide or join text: C0, C1 and DEL, all
/// format characters (Cf), all default-ignorable ones, and blanks that look like nothing (Unicode 17).
const fn is_unsafe(character: char) -> bool {
    matches!(character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}'
        | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Makes the first letter of a sentence a capital.
pub(crate) fn capitalize(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The characters of a text, each with whether it is unsafe. A joiner (ZWJ, ZWNJ) inside a word is part of its spelling.
fn classify(text: &str) -> impl Iterator<Item = (char, bool)> {
    let is_letter = |character: Option<char>| {
        character.is_some_and(|character| {
            character.is_alphanumeric() || (character.width() == Some(0) && !is_unsafe(character))
        })
    };
    let mut previous = None;
    text.char_indices().map(move |(at, character)| {
        let is_joiner = matches!(character, '\u{200c}' | '\u{200d}');
        let next = || text[at + character.len_utf8()..].chars().next();
        let is_spelling = is_joiner && is_letter(previous) && is_letter(next());
        previous = Some(character);
        (character, is_unsafe(character) && !is_spelling)
    })
}

/// Returns true if the text contains a character that [`escape_control`] would escape.
pub(crate) fn has_unsafe(text: &str) -> bool {
    text.contains(is_unsafe) && classify(text).any(|(_, is_unsafe)| is_unsafe)
}

fn escape(text: &str, keeps: impl Fn(char) -> bool) -> Cow<'_, str> {
    escape_with(text, keeps, |escaped, character| escaped.extend(character.escape_default()))
}

fn escape_with(text: &str, keeps: impl Fn(char) -> bool, write: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for (character, is_unsafe) in classify(text) {
        if is_unsafe && !keeps(character) {
            write(&mut escaped, character);
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Escapes every character that could control a terminal, such as `\n` or `\u{1b}`.
pub(crate) fn escape_control(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// Like [`escape_control`], but keeps joiners and variation selectors, which are part of some emoji and words. For files that
/// other programs read.
pub(crate) fn escape_for_file(text: &str) -> Cow<'_, str> {
    escape(text, |character| matches!(character, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}'))
}

/// Like [`escape_control`], for a text of several lines, which may have tabs.
pub(crate) fn escape_lines(text: &str) -> Cow<'_, str> {
    escape(text, |character| matches!(character, '\n' | '\t'))
}

/// Escapes characters that could control a terminal in a JSON document. They occur only inside of strings, where a
/// `\u` escape has the same meaning.
pub(crate) fn escape_json(json: &str) -> Cow<'_, str> {
    escape_with(
        json,
        |character| character == '\n',
        |escaped, character| {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        },
    )
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

/// Normalizes a text for a search: without case and diacritics.
pub(crate) fn fold_text(text: &str) -> String {
    let is_mark = |letter: &char| unicode_normalization::char::is_combining_mark(*letter);
    normalize_text(text).nfd().filter(|letter| !is_mark(letter)).collect::<String>().to_lowercase()
}

/// A part of a [`natural_key`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NaturalPart {
    /// The number of digits, and the digits, without leading zeros.
    Number(usize, String),
    Text(String),
}

/// A key that sorts `Till 2` before `Till 10`, and ignores case and diacritics.
pub(crate) fn natural_key(text: &str) -> Vec<NaturalPart> {
    let folded = fold_text(text);
    let is_digit = |letter: char| letter.is_ascii_digit();
    let mut parts = Vec::new();
    let mut rest = folded.as_str();
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter| is_digit(letter) != is_digit(first)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        rest = after;
        parts.push(if is_digit(first) {
            let digits = part.trim_start_matches('0');
            NaturalPart::Number(digits.len(), digits.to_owned())
        } else {
            NaturalPart::Text(part.to_owned())
        });
    }
    parts
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
    fn numbers_in_names_sort_by_value() {
        let mut names = ["Till 10", "till 2", "Östra 1", "Till 1", "Bar", "Till", "osby", "Till 002b"];
        names.sort_by_cached_key(|name| natural_key(name));
        assert_eq!(names, ["Bar", "osby", "Östra 1", "Till", "Till 1", "till 2", "Till 002b", "Till 10"]);
        assert_eq!(fold_text("  GÖTEBORG\u{a0}Kafe\u{301} "), "goteborg kafe");
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
    fn characters_that_nobody_sees_are_escaped_and_joiners_inside_a_word_are_not() {
        let invisible = "\u{ad}\u{34f}\u{600}\u{61c}\u{6dd}\u{70f}\u{8e2}\u{115f}\u{17b4}\u{180e}\u{200b}\u{2028}\u{2066}\u{2800}\
                         \u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{110bd}\u{13430}\u{1bca0}\u{1d173}\u{e0001}\u{e0100}\u{e0fff}";
        for character in invisible.chars().chain('\0'..' ').chain('\u{7f}'..='\u{9f}') {
            let escaped = escape_control(&format!("T{character}1")).into_owned();
            assert!(!escaped.contains(character) && has_unsafe(&format!("T{character}1")), "{escaped}");
        }
        for word in ["می\u{200c}خواهم", "क्\u{200d}ष", "é☕ å"] {
            assert!(!has_unsafe(word), "{word:?}");
            assert_eq!(escape_control(word), word);
        }
        for odd in ["a\u{200d}", "\u{200c}a", "a \u{200d}b", "a\u{200d}\u{200d}b", "\u{200d}"] {
            assert!(has_unsafe(odd), "{odd:?}");
        }
        assert_eq!(escape_lines("a\nb\u{1b}\r"), "a\nb\\u{1b}\\r");
    }

    #[test]
    fn escaped_json_has_the_same_meaning() {
        let value = serde_json::json!({"name": "a\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}ö"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let escaped = escape_json(&text);
        assert!(!has_unsafe(&escaped.replace('\n', "")), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
