//! The lines of the file.

use std::sync::mpsc;
use std::thread;

use super::attempt::Event;

/// What an editor may have put in front of a file.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A file is read in parts of this many bytes, each by a thread; a smaller one is not worth a thread.
const PART: usize = 256 * 1024;

/// The most threads that read a file.
const MOST_READERS: usize = 4;

/// How many parts a thread may be ahead of those who take in what was read.
const AHEAD: usize = 2;

/// A line, and where in the file it begins.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: usize,
    pub(super) content: Content,
}

/// What a line tells.
#[derive(Debug)]
pub(super) enum Content {
    Event(Event),
    /// Nothing: it is empty, or the last one and torn.
    Nothing,
    /// It cannot be read.
    Damage,
}

impl Content {
    pub(super) fn of(line: &[u8]) -> Self {
        let whole = line.strip_suffix(b"\n");
        let text = whole.unwrap_or(line);
        // A line is found to be text at once, and not one word of it after the other.
        let read =
            std::str::from_utf8(text).map_or_else(|_| serde_json::from_slice(text), serde_json::from_str);
        match read {
            Ok(event) => Self::Event(event),
            Err(_) if whole.is_none_or(<[u8]>::is_empty) => Self::Nothing,
            Err(_) => Self::Damage,
        }
    }
}

/// The lines of a part of the file that begins at `at` with a line and goes on to the end of the file.
pub(super) fn lines(text: &[u8], at: usize) -> impl Iterator<Item = Line> {
    let mark = if at == 0 && text.starts_with(MARK) { MARK.len() } else { 0 };
    let mut rest = &text[mark..];
    let mut next = at + mark;
    std::iter::from_fn(move || {
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, others) = rest.split_at(length);
        let at = next;
        (rest, next) = (others, next + length);
        (!line.is_empty()).then(|| Line { at, content: Content::of(line) })
    })
}

/// Hands over the lines of the whole file, in their order, while others of them are still being read.
pub(super) fn each(text: &[u8], mut take: impl FnMut(Line)) {
    let parts = parts(text);
    let readers = thread::available_parallelism().map_or(1, usize::from).min(MOST_READERS).min(parts.len());
    if readers < 2 {
        return lines(text, 0).for_each(take);
    }
    thread::scope(|scope| {
        let parts = parts.as_slice();
        let read = |(part, at): (&[u8], usize)| lines(part, at).collect::<Vec<_>>();
        let reader = |first| {
            let (done, next) = mpsc::sync_channel(AHEAD);
            let own = parts.iter().skip(first).step_by(readers);
            // Whoever does not listen any more has gone, and everything with it.
            let work = move || own.map(|part| read(*part)).all(|lines| done.send(lines).is_ok());
            thread::Builder::new().spawn_scoped(scope, work).ok().map(|_| next)
        };
        let nexts: Vec<_> = (0..readers).map(reader).collect();
        for (part, next) in parts.iter().zip(nexts.iter().cycle()) {
            // What a thread that could not be started leaves to do is done here.
            let lines = next.as_ref().and_then(|next| next.recv().ok()).unwrap_or_else(|| read(*part));
            lines.into_iter().for_each(&mut take);
        }
    });
}

/// The file in parts that end with a line, each with its place.
fn parts(text: &[u8]) -> Vec<(&[u8], usize)> {
    let mut parts = Vec::with_capacity(text.len() / PART + 1);
    let mut begin = 0;
    while begin < text.len() {
        let about = begin.saturating_add(PART).min(text.len());
        let end =
            memchr::memchr(b'\n', &text[about..]).map_or(text.len(), |line_break| about + line_break + 1);
        parts.push((&text[begin..end], begin));
        begin = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(line: &Line) -> (usize, String) {
        (line.at, format!("{:?}", line.content))
    }

    /// Lines of all kinds, so many that they are read by several threads.
    fn large(seed: &[u8]) -> Vec<u8> {
        let kinds: [&[u8]; 5] = [
            br#"{"at":"2026-11-22T10:00:00Z","event":{"not_carried_out":{"attempt":"00000000-0000-0000-0000-000000000001"}}}"#,
            b"",
            b"damage",
            b"\xef\xbb\xbf{}",
            b"{\"at\":",
        ];
        let mut text = Vec::new();
        while text.len() < 5 * PART {
            for kind in seed {
                text.extend_from_slice(kinds[usize::from(*kind) % kinds.len()]);
                text.push(b'\n');
            }
        }
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn several_threads_read_what_one_does(seed in prop::collection::vec(0_u8..5, 1..40), cut in 0_usize..200) {
            let mut text = large(&seed);
            text.truncate(text.len() - cut);
            let one: Vec<_> = lines(&text, 0).map(|line| told(&line)).collect();
            let mut several = Vec::new();
            each(&text, |line| several.push(told(&line)));
            prop_assert_eq!(one, several);
        }
    }

    #[test]
    fn a_file_of_one_endless_line_is_one_line() {
        let text = vec![b'x'; 2 * PART];
        let mut found = 0;
        each(&text, |_| found += 1);
        assert_eq!(found, 1);
    }
}
