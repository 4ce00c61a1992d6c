//! The lines of the file.

use std::thread;

use super::attempt::Event;

/// What an editor may have put in front of a file.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A file from this size on is read by several threads, which a smaller one is not worth.
const LARGE: usize = 512 * 1024;

/// The most threads that read a file. Each holds what it has read until those before it are done.
const MOST_READERS: usize = 4;

/// A line, and where in the file it begins.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: usize,
    pub(super) content: Content,
}

/// What a line tells.
#[derive(Debug)]
pub(super) enum Content {
    /// An event.
    Event(Event),
    /// Nothing: it is empty, or the last one and torn.
    Nothing,
    /// It cannot be read.
    Damage,
}

impl Content {
    pub(super) fn of(line: &[u8]) -> Self {
        let whole = line.strip_suffix(b"\n");
        match serde_json::from_slice(whole.unwrap_or(line)) {
            Ok(event) => Self::Event(event),
            Err(_) if whole.is_none_or(<[u8]>::is_empty) => Self::Nothing,
            Err(_) => Self::Damage,
        }
    }
}

/// The lines of a part of the file that begins at `at` with a line and goes on to the end of the file.
pub(super) fn lines(text: &[u8], at: usize) -> impl Iterator<Item = Line> {
    let mark = if at == 0 && text.starts_with(MARK) { MARK.len() } else { 0 };
    let mut next = at + mark;
    text[mark..].split_inclusive(|byte| *byte == b'\n').map(move |line| {
        let at = next;
        next += line.len();
        Line { at, content: Content::of(line) }
    })
}

/// The lines of the whole file, in their order.
pub(super) fn all(text: &[u8]) -> Vec<Vec<Line>> {
    let readers = thread::available_parallelism().map_or(1, usize::from).min(MOST_READERS);
    if text.len() < LARGE || readers == 1 {
        return vec![lines(text, 0).collect()];
    }
    let mut parts = Vec::with_capacity(readers);
    let mut begin = 0;
    for reader in 1..=readers {
        let about = (text.len() / readers * reader).max(begin);
        let end = match text[about..].iter().position(|byte| *byte == b'\n') {
            Some(line_break) if reader < readers => about + line_break + 1,
            _ => text.len(),
        };
        parts.push((&text[begin..end], begin));
        begin = end;
    }
    let read = |(part, at): (&[u8], usize)| lines(part, at).collect::<Vec<_>>();
    // The last part is for this thread, and so is one whose thread cannot be started or does not end well.
    let last = parts.pop();
    thread::scope(|scope| {
        let others: Vec<_> = parts
            .iter()
            .map(|part| thread::Builder::new().spawn_scoped(scope, move || read(*part)).ok())
            .collect();
        let last = last.map(read);
        let others = others.into_iter().zip(&parts).map(|(thread, part)| {
            thread.and_then(|thread| thread.join().ok()).unwrap_or_else(|| read(*part))
        });
        others.chain(last).collect()
    })
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
        while text.len() < LARGE + 1000 {
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
            let several: Vec<_> = all(&text).iter().flatten().map(told).collect();
            prop_assert_eq!(one, several);
        }
    }

    #[test]
    fn a_file_of_one_endless_line_is_one_line() {
        let text = vec![b'x'; 2 * LARGE];
        assert_eq!(all(&text).iter().flatten().count(), 1);
    }
}
