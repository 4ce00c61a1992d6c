//! The time that passes in a picture: that of its frames, whatever time it took to make them.

use std::collections::BTreeMap;

use crate::screen::{Glyph, PtySession, Row, SPINNER, letters};

/// Tells the time of a picture in place of the real one.
pub(crate) struct Clock {
    countdown: Option<u64>,
    /// The start of the wait that the screen shows.
    began: Option<u64>,
    /// Rows with a time that stays, as the program wrote them and as they are shown.
    told: BTreeMap<String, Row>,
}

impl Clock {
    pub(crate) const fn new(countdown: Option<u64>) -> Self {
        Self { countdown, began: None, told: BTreeMap::new() }
    }

    /// The screen as it is shown when so many milliseconds of the picture are over.
    pub(crate) fn tell(&mut self, now: u64, screen: &PtySession) -> PtySession {
        let mut screen = screen.clone();
        for row in &mut screen.rows {
            self.tell_in(now, row);
        }
        // Nobody types during a wait: the cursor is wherever the last line ended.
        screen.cursor = screen.cursor.filter(|_| !screen.rows.iter().any(|row| is_waiting(row)));
        screen
    }

    fn tell_in(&mut self, now: u64, row: &mut Row) {
        let text = letters(row);
        if is_waiting(row) {
            let waited = self.waited(now) / 1000;
            let time = self.countdown.map_or(waited, |from| from.saturating_sub(1 + waited));
            let (before, _) = text.trim_end().rsplit_once(time_at_end(&text)).unwrap_or((&text, ""));
            replace(row, before.chars().count(), row.len(), &spelled(time));
            row[0].letter = SPINNER;
        } else if let Some(told) = self.told.get(&text) {
            row.clone_from(told);
        } else if let Some(length) = since(&text) {
            let waited = self.waited(now);
            replace(row, 0, length, &format!("{:>8}", format!("{}.{}s", waited / 1000, waited % 1000 / 100)));
            self.told.insert(text, row.clone());
        } else if let Some(at) = text.find("took ")
            && let Some(length) = elapsed(&text[at..])
        {
            let waited = spelled(self.waited(now) / 1000);
            let start = text[..at].chars().count();
            replace(row, start, start + length, &format!("took {waited}"));
            self.told.insert(text, row.clone());
        }
    }

    fn waited(&mut self, now: u64) -> u64 {
        now - *self.began.get_or_insert(now)
    }
}

/// Whether a row shows the duration of a wait, with a sign in front that moves.
pub(crate) fn is_waiting(row: &[Glyph]) -> bool {
    let text = letters(row);
    row.first().is_some_and(|glyph| ('\u{2801}'..='\u{28ff}').contains(&glyph.letter))
        && !time_at_end(&text).is_empty()
}

/// The time that a text ends with, such as `1h 59m 59s`.
fn time_at_end(text: &str) -> &str {
    let is_part =
        |word: &str| word.strip_suffix(['h', 'm', 's']).is_some_and(|digits| digits.parse::<u64>().is_ok());
    let mut start = text.len();
    for word in text.rsplit(' ').take_while(|word| is_part(word)) {
        start -= word.len() + usize::from(start < text.len());
    }
    &text[start..]
}

/// Seconds as the program writes them.
fn spelled(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).expect("not for ever");
    format!("{:#}", jiff::SignedDuration::from_secs(seconds))
}

/// Puts a text in the place of these letters of a row. It looks as what it replaces.
fn replace(row: &mut Row, start: usize, end: usize, text: &str) {
    let style = row.get(start).map(|glyph| glyph.style).unwrap_or_default();
    row.splice(start..end, text.chars().map(|letter| Glyph { letter, style }));
}

/// Length of the elapsed time before a change of status, as in `    0.4s  CREATED` and `   1m 5s  CREATED`.
fn since(line: &str) -> Option<usize> {
    let (time, _) = line.trim_start_matches(' ').split_once("  ")?;
    let is_time =
        time.ends_with('s') && time.bytes().all(|byte| byte.is_ascii_digit() || b"hms. ".contains(&byte));
    let length = line.len() - line.trim_start_matches(' ').len() + time.len();
    (is_time && length >= 8).then_some(length)
}

/// Length of a duration with the word before it, as in `took 12 ms` and `took 1m 5s`.
fn elapsed(text: &str) -> Option<usize> {
    let mut rest = text.strip_prefix("took ")?;
    let mut length = None;
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = [" ms", "ms", "h", "m", "s"].into_iter().find(|unit| rest[digits..].starts_with(unit));
        let (1.., Some(unit)) = (digits, unit) else { return length };
        rest = &rest[digits + unit.len()..];
        length = Some(text.len() - rest.len());
        let Some(next) = rest.strip_prefix(' ') else { return length };
        rest = next;
    }
}
