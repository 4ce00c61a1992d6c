//! The time that passes in a picture: that of its frames, whatever time it took to make them.

use std::collections::BTreeMap;

use crate::common::redaction;
use crate::screen::{Glyph, PtySession, Row, SPINNER, letters};

/// Tells the time of a picture in place of the real one.
pub(crate) struct Clock {
    countdown: Option<u64>,
    /// When the wait began that the screen tells of.
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
        // Whoever waits types nothing: the cursor is wherever the last line ended.
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
        } else if let Some(length) = redaction::since(&text) {
            let waited = self.waited(now);
            replace(row, 0, length, &format!("{:>8}", format!("{}.{}s", waited / 1000, waited % 1000 / 100)));
            self.told.insert(text, row.clone());
        } else if let Some(at) = text.find("took ")
            && let Some((word, length)) = redaction::elapsed(&text[at..])
        {
            let waited = spelled(self.waited(now) / 1000);
            let start = text[..at].chars().count();
            replace(row, start, start + length, &format!("{word}{waited}"));
            self.told.insert(text, row.clone());
        }
    }

    fn waited(&mut self, now: u64) -> u64 {
        now - *self.began.get_or_insert(now)
    }
}

/// Whether a row tells how long somebody waits, with a sign in front that moves.
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
