//! Large letters for an enrollment code, which is read from a distance while it is typed into a phone.

use font8x8::legacy::BASIC_LEGACY;

/// The columns of a letter, and twice its rows: a half block shows two dots above each other.
const GLYPH_SIZE: usize = 8;

/// Formats a text in large letters if they fit into `columns`, and else with spaces between the letters.
pub(super) fn lines(text: &str, columns: usize, has_blocks: bool) -> Vec<String> {
    // A longer code, such as a UUID, is copied instead of read.
    if text.len() > 12 || !text.is_ascii() {
        return vec![text.to_owned()];
    }
    if !has_blocks || text.len() * GLYPH_SIZE > columns {
        let groups: Vec<_> = text.as_bytes().chunks(4).map(letter_spaced).collect();
        return vec![groups.join("   ")];
    }
    (0..GLYPH_SIZE).step_by(2).map(|y| text.bytes().map(|letter| render_row(letter, y)).collect()).collect()
}

fn letter_spaced(letters: &[u8]) -> String {
    letters.iter().map(|letter| char::from(*letter).to_string()).collect::<Vec<_>>().join(" ")
}

fn render_row(letter: u8, y: usize) -> String {
    let glyph = BASIC_LEGACY.get(usize::from(letter)).copied().unwrap_or_default();
    let has_dot = |x: usize, y: usize| glyph[y] >> x & 1 == 1;
    let block = |x| match (has_dot(x, y), has_dot(x, y + 1)) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    (0..GLYPH_SIZE).map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn a_code_is_large_where_it_fits() {
        let large = lines("T1", 16, true);
        assert_eq!(
            large.iter().map(|line| line.trim_end()).collect::<Vec<_>>(),
            ["█▀██▀█   ▄██", "  ██      ██", "  ██      ██", " ▀▀▀▀   ▀▀▀▀▀▀"]
        );
        assert_eq!(lines("K7M2Q9XP", 64, true).len(), 4);
        assert_eq!(lines("K7M2Q9XP", 63, true), ["K 7 M 2   Q 9 X P"]);
        assert_eq!(lines("K7M2Q9XP", 64, false), ["K 7 M 2   Q 9 X P"]);
        let uuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        assert_eq!(lines(uuid, 500, true), [uuid]);
    }
}
