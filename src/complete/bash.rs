//! A line as bash has it, and words as it takes them.
//!
//! Bash tells where its words begin and end, but not what they mean, and it puts an answer in place of the part of the
//! last word that follows one of its word breaks. So the line is read here, without carrying out anything in it.

use super::Candidate;

/// A line up to its cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    /// The words as a program would get them; the last is not at its end.
    words: Vec<String>,
    /// How the last word is quoted where the cursor is.
    quoted: Quoted,
    /// So many bytes of the last word stand before what bash puts an answer in place of.
    kept: usize,
}

/// How a word is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoted {
    No,
    /// Since a `'`.
    Single,
    /// Since a `"`.
    Double,
}

/// What came of one character.
enum Taken {
    /// It is part of the word.
    Literal(char),
    /// It quotes others.
    Quote,
    /// It is between words.
    Space,
    /// The next word is where a stream goes to, or comes from.
    Redirection,
}

impl Typed {
    /// Reads a line that is cut off at the cursor; `breaks` is `COMP_WORDBREAKS`.
    pub(super) fn read(line: &str, breaks: &str) -> Self {
        let mut reader = Reader { rest: line.chars(), quoted: Quoted::No };
        let mut typed = Self { words: Vec::new(), quoted: Quoted::No, kept: 0 };
        let mut word: Option<String> = None;
        let mut is_redirected = false;
        let mut last_break = 0;
        while let Some((taken, is_plain)) = reader.next() {
            match taken {
                Taken::Literal(letter) => {
                    let word = word.get_or_insert_default();
                    word.push(letter);
                    if is_plain && breaks.contains(letter) {
                        last_break = word.len();
                        typed.kept = last_break;
                    }
                }
                Taken::Quote => {
                    let word = word.get_or_insert_default();
                    // What is put in place begins after a quote that is open.
                    typed.kept = if reader.quoted == Quoted::No { last_break } else { word.len() };
                }
                Taken::Space | Taken::Redirection => {
                    if let Some(word) = word.take()
                        && !std::mem::take(&mut is_redirected)
                    {
                        typed.words.push(word);
                    }
                    is_redirected |= matches!(taken, Taken::Redirection);
                    last_break = 0;
                    typed.kept = 0;
                }
            }
        }
        typed.quoted = reader.quoted;
        typed.words.push(word.unwrap_or_default());
        typed
    }

    /// The words, the last of which is to be completed.
    pub(super) fn words(&self) -> Vec<String> {
        self.words.clone()
    }

    /// What the script expects: how to go on, and then the replies.
    pub(super) fn replies(&self, candidates: &[Candidate], is_file: bool) -> String {
        let last = self.words.last().map_or("", String::as_str);
        let before = last.get(..self.kept).unwrap_or_default();
        let replies: Vec<_> =
            candidates.iter().filter_map(|candidate| candidate.value.strip_prefix(before)).collect();
        let is_begun = !replies.is_empty() && replies.iter().all(|reply| reply.ends_with('='));
        let kind = match (is_file, is_begun) {
            (true, _) => "files",
            (false, true) => "nospace",
            (false, false) => "words",
        };
        let replies = replies.into_iter().map(|reply| self.quoted.write(reply));
        std::iter::once(kind.to_owned()).chain(replies).map(|line| line + "\n").collect()
    }
}

struct Reader<'a> {
    rest: std::str::Chars<'a>,
    quoted: Quoted,
}

impl Reader<'_> {
    /// What the next character is, and whether nothing quotes it.
    fn next(&mut self) -> Option<(Taken, bool)> {
        let letter = self.rest.next()?;
        let taken = match (self.quoted, letter) {
            (Quoted::No, ' ' | '\t' | '\n') => Taken::Space,
            (Quoted::No, '<' | '>') => Taken::Redirection,
            (Quoted::No, '\'') => self.turn(Quoted::Single),
            (Quoted::No, '"') => self.turn(Quoted::Double),
            (Quoted::Single, '\'') | (Quoted::Double, '"') => self.turn(Quoted::No),
            // A backslash at the end quotes what is not typed yet.
            (Quoted::No, '\\') => return Some((Taken::Literal(self.rest.next()?), false)),
            (Quoted::Double, '\\') => {
                let next = self.rest.clone().next()?;
                if matches!(next, '$' | '`' | '"' | '\\') {
                    self.rest.next();
                    return Some((Taken::Literal(next), false));
                }
                Taken::Literal(letter)
            }
            _ => Taken::Literal(letter),
        };
        Some((taken, self.quoted == Quoted::No))
    }

    fn turn(&mut self, quoted: Quoted) -> Taken {
        self.quoted = quoted;
        Taken::Quote
    }
}

impl Quoted {
    /// A word, or its end, so that bash reads it as it is, and carries out nothing in it.
    fn write(self, word: &str) -> String {
        let mut written = String::with_capacity(word.len() + 8);
        for letter in word.chars() {
            match (self, letter) {
                (Self::Single, '\'') => written.push_str(r"'\''"),
                // Nothing in double quotes keeps bash from looking for an earlier command.
                (Self::Double, '!') => written.push_str(r#""'!'""#),
                (Self::Double, '$' | '`' | '"' | '\\') => written.extend(['\\', letter]),
                (Self::No, _) if letter.is_ascii() && !is_plain(letter) => written.extend(['\\', letter]),
                _ => written.push(letter),
            }
        }
        // Bash closes a quote that is open, but not where the word seems to end with one already.
        if let Some(quote) = self.mark().filter(|quote| written.ends_with(*quote)) {
            written.push(quote);
        }
        written
    }

    const fn mark(self) -> Option<char> {
        match self {
            Self::No => None,
            Self::Single => Some('\''),
            Self::Double => Some('"'),
        }
    }
}

/// Whether a character means nothing to bash, wherever it stands in a word.
const fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || matches!(letter, '-' | '_' | '.' | ',' | '/' | '+' | '@' | '%' | '=' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BREAKS: &str = " \t\n\"'@><=;|&(:";

    fn read(line: &str) -> (Vec<String>, Quoted, usize) {
        let Typed { words, quoted, kept } = Typed::read(line, BREAKS);
        (words, quoted, kept)
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_line_is_read_as_bash_reads_it() {
        let cases = [
            ("kustom devices get ", words(&["kustom", "devices", "get", ""]), Quoted::No, 0),
            ("kustom get Ti", words(&["kustom", "get", "Ti"]), Quoted::No, 0),
            (r"kustom get Till\ ", words(&["kustom", "get", "Till "]), Quoted::No, 0),
            (r"kustom get Till\", words(&["kustom", "get", "Till"]), Quoted::No, 0),
            ("kustom get 'Till 1", words(&["kustom", "get", "Till 1"]), Quoted::Single, 0),
            (r#"kustom get "a\"b $x\y"#, words(&["kustom", "get", r#"a"b $x\y"#]), Quoted::Double, 0),
            ("kustom --location=Sto", words(&["kustom", "--location=Sto"]), Quoted::No, 11),
            ("kustom --location='St x", words(&["kustom", "--location=St x"]), Quoted::Single, 11),
            (r"kustom a\:b:c", words(&["kustom", "a:b:c"]), Quoted::No, 4),
            ("kustom 'a:b", words(&["kustom", "a:b"]), Quoted::Single, 0),
            (r#"kustom a:"b c"d"#, words(&["kustom", "a:b cd"]), Quoted::No, 2),
            ("kustom list > out x", words(&["kustom", "list", "x"]), Quoted::No, 0),
            ("kustom $(touch x) `y`", words(&["kustom", "$(touch", "x)", "`y`"]), Quoted::No, 0),
        ];
        for (line, words, quoted, kept) in cases {
            assert_eq!(read(line), (words, quoted, kept), "{line}");
        }
    }

    #[test]
    fn a_reply_takes_the_place_of_what_follows_the_last_word_break() {
        let replies = |line: &str, value: &str| {
            let candidate = Candidate { value: value.to_owned(), about: String::new() };
            Typed::read(line, BREAKS).replies(&[candidate], false)
        };
        assert_eq!(replies("k get Ti", "Till 1"), "words\nTill\\ 1\n");
        assert_eq!(replies("k get 'Ti", "Till '1'"), "words\nTill '\\''1'\\'''\n");
        assert_eq!(replies("k get \"Ti", "Till $1!"), "words\nTill \\$1\"'!'\"\"\n");
        assert_eq!(replies("k --location=S", "--location=Stockholm City"), "words\nStockholm\\ City\n");
        assert_eq!(replies("k --location='S", "--location=Stockholm City"), "words\nStockholm City\n");
        assert_eq!(replies("k get a:b", "a:bc"), "words\nbc\n");
        assert_eq!(replies("k get a:b", "A:BC"), "words\n", "what is kept cannot become another case");
        assert_eq!(replies("k --option s", "strict_sums="), "nospace\nstrict_sums=\n");
        assert_eq!(Typed::read("k --file ", BREAKS).replies(&[], true), "files\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(word in "[ -~å]{1,20}") {
            for quoted in [Quoted::No, Quoted::Single, Quoted::Double] {
                let (written, mark) = (quoted.write(&word), quoted.mark().map(String::from).unwrap_or_default());
                let close = if written.ends_with(&mark) { "" } else { &mark };
                let line = format!("k {mark}{written}{close} x");
                prop_assert_eq!(read(&line).0, words(&["k", &word, "x"]));
            }
        }

        #[test]
        fn no_line_is_too_strange(line in ".{0,40}") {
            let typed = Typed::read(&line, BREAKS);
            prop_assert!(typed.words.last().is_some_and(|word| word.is_char_boundary(typed.kept)));
        }
    }
}
