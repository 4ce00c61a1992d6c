//! Wraps prose at spaces, and keeps commands in one piece so that they can be copied.

use dialoguer::console::measure_text_width;

/// Wraps a text to a width. Each line keeps the indentation of the text, and further lines get `indent` more.
pub(super) fn wrap(text: &str, width: usize, indent: usize) -> String {
    let lines = text.split('\n').map(|line| {
        if measure_text_width(line) <= width {
            return line.to_owned();
        }
        let spaces = line.len() - line.trim_start_matches(' ').len();
        wrap_line(line.trim_start_matches(' '), width, spaces, spaces + indent)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, width: usize, first_indent: usize, indent: usize) -> String {
    let mut wrapped = " ".repeat(first_indent);
    let mut used = first_indent;
    let mut is_first = true;
    for part in parts(line) {
        let part_width = measure_text_width(part);
        if is_first {
            wrapped.push_str(part);
        } else if used + 1 + part_width <= width {
            wrapped.push(' ');
            used += 1;
            wrapped.push_str(part);
        } else {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            used = indent;
            wrapped.push_str(part);
        }
        used += part_width;
        is_first = false;
    }
    wrapped
}

/// The words of a line. A command in backticks is one word, and so is one that ends the line.
fn parts(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let is_command =
            rest.starts_with("kustom ") && parts.last().is_some_and(|last: &&str| last.ends_with(':'));
        let end = if is_command {
            rest.len()
        } else if let Some(quoted) = rest.strip_prefix('`') {
            let close = quoted.find('`').map_or(rest.len(), |at| at + 2);
            rest[close..].find(' ').map_or(rest.len(), |at| close + at)
        } else {
            rest.find(' ').unwrap_or(rest.len())
        };
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::wrap;
    use dialoguer::console::measure_text_width;
    use proptest::prelude::*;

    #[test]
    fn prose_wraps_at_words_and_commands_stay_in_one_piece() {
        let text = "error: the profile has no API key, so nothing was sent";
        assert_eq!(wrap(text, 30, 2), "error: the profile has no API\n  key, so nothing was sent");
        let text = "  hint: see which key is used with `kustom --profile shop doctor --offline`";
        assert_eq!(
            wrap(text, 40, 2),
            "  hint: see which key is used with\n    `kustom --profile shop doctor --offline`"
        );
        let text = "Take a payment: kustom sessions create --device 'Till 1' --amount 1.00 --watch";
        assert_eq!(
            wrap(text, 40, 0),
            "Take a payment:\nkustom sessions create --device 'Till 1' --amount 1.00 --watch"
        );
    }

    proptest! {
        #[test]
        fn no_word_is_broken(text in "[a-zå ]{0,80}", width in 10_usize..60) {
            let wrapped = wrap(&text, width, 2);
            let words: Vec<_> = wrapped.split_whitespace().collect();
            prop_assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
            for line in wrapped.lines() {
                let is_single_word = line.split_whitespace().count() <= 1;
                prop_assert!(is_single_word || measure_text_width(line) <= width, "{:?}", line);
            }
        }
    }
}
