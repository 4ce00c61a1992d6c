//! A list to pick an item from, which is searched by typing.
//!
//! dialoguer's list cannot say how many items match, nor find `Göteborg` by `goteborg`.

use std::io;

use dialoguer::console::{Alignment, Key, Term, measure_text_width, pad_str, style, truncate_str};

use crate::text::{escape_control, fold_text};

/// The number of choices that are visible at the same time.
const MAX_VISIBLE: usize = 10;

/// Columns taken by the selection marker and the unused last column.
const MARGIN: usize = 3;

/// The widest column that later columns are aligned to.
const MAX_ALIGNED: usize = 32;

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Continue,
    Picked(usize),
    Cancelled,
    Interrupted,
}

pub(super) struct Picker {
    prompt: String,
    choices: Vec<Choice>,
    /// The text of each choice that is searched, and its mark.
    folded: Vec<(String, String)>,
    search: String,
    /// The choices that match the search.
    matches: Vec<usize>,
    /// The position in `matches` of the choice that Enter picks.
    selected: Option<usize>,
    /// The position in `matches` of the first visible choice.
    top: usize,
    visible: usize,
}

impl Picker {
    pub(super) fn new(prompt: String, choices: Vec<Choice>, preselects: bool) -> Self {
        let folded = choices.iter().map(|choice| {
            (fold_text(&format!("{} {}", choice.name, choice.detail)), fold_text(&choice.mark))
        });
        let folded = folded.collect();
        let matches = (0..choices.len()).collect();
        let selected = preselects.then_some(0);
        Self {
            prompt,
            choices,
            folded,
            search: String::new(),
            matches,
            selected,
            top: 0,
            visible: MAX_VISIBLE,
        }
    }

    /// Lets the user pick an item; `None` if the user cancels with Esc.
    pub(super) fn run(mut self, term: &Term) -> io::Result<Option<usize>> {
        let (rows, columns) = term.size();
        self.visible = MAX_VISIBLE.min(usize::from(rows).saturating_sub(3)).max(1);
        term.hide_cursor()?;
        loop {
            let lines = self.render(usize::from(columns).saturating_sub(1));
            for line in &lines {
                term.write_line(line)?;
            }
            term.flush()?;
            // Unlike `read_key`, this sends the process no signal for Ctrl-C. The signal would arrive after the prompt, and
            // interrupt what the caller does next.
            let key = term.read_key_raw();
            term.clear_last_lines(lines.len())?;
            match self.handle(&key?) {
                Step::Continue => {}
                Step::Picked(index) => {
                    term.show_cursor()?;
                    return Ok(Some(index));
                }
                Step::Cancelled => {
                    term.show_cursor()?;
                    return Ok(None);
                }
                Step::Interrupted => return Err(io::ErrorKind::Interrupted.into()),
            }
        }
    }

    fn handle(&mut self, key: &Key) -> Step {
        match key {
            Key::Enter => {
                let picked = self.selected.and_then(|at| self.matches.get(at));
                return picked.map_or(Step::Continue, |index| Step::Picked(*index));
            }
            Key::Escape => return Step::Cancelled,
            Key::CtrlC => return Step::Interrupted,
            Key::ArrowUp | Key::BackTab => self.select_by(-1),
            Key::ArrowDown | Key::Tab => self.select_by(1),
            Key::PageUp => self.select_at(self.selected.unwrap_or_default().saturating_sub(self.visible)),
            Key::PageDown => self.select_at(self.selected.unwrap_or_default() + self.visible),
            Key::Home => self.select_at(0),
            Key::End => self.select_at(usize::MAX),
            Key::Backspace => {
                self.search.pop();
                self.update_matches();
            }
            // Ctrl-U
            Key::Char('\u{15}') => {
                self.search.clear();
                self.update_matches();
            }
            Key::Char(letter) if !letter.is_control() => {
                self.search.push(*letter);
                self.update_matches();
            }
            _ => {}
        }
        Step::Continue
    }

    /// A choice matches if it contains every word of the search, or if its mark begins with it. Choices that contain the
    /// search as it is come first.
    fn update_matches(&mut self) {
        let search = fold_text(&self.search);
        let is_match = |index: &usize| {
            let (text, mark) = &self.folded[*index];
            search.split(' ').all(|word| text.contains(word) || mark.starts_with(word))
        };
        self.matches = (0..self.choices.len()).filter(is_match).collect();
        self.matches.sort_by_key(|index| !self.folded[*index].0.contains(&search));
        self.top = 0;
        self.selected = Some(0);
    }

    /// Moves the selection and wraps at the ends.
    fn select_by(&mut self, by: isize) {
        let count = self.matches.len();
        if count == 0 {
            return;
        }
        let at = match (self.selected, by < 0) {
            (None, false) => 0,
            (None, true) => count - 1,
            (Some(at), _) => (at + count).saturating_add_signed(by) % count,
        };
        self.select_at(at);
    }

    fn select_at(&mut self, at: usize) {
        let at = at.min(self.matches.len().saturating_sub(1));
        self.selected = Some(at);
        self.top = self.top.clamp((at + 1).saturating_sub(self.visible), at);
    }

    fn render(&self, columns: usize) -> Vec<String> {
        let prompt = format!("{} (type to search): ", self.prompt);
        // The end of a long search is where the user types.
        let room = columns.saturating_sub(measure_text_width(&prompt) + 1).max(1);
        let search = escape_control(&self.search);
        let mut search = &*search;
        while measure_text_width(search) > room {
            search = search.char_indices().nth(1).map_or("", |(at, _)| &search[at..]);
        }
        let mut lines = vec![truncate_str(&format!("{prompt}{search}|"), columns, "").into_owned()];
        let widths = self.aligned_widths();
        for (at, index) in self.matches.iter().enumerate().skip(self.top).take(self.visible) {
            let text = self.choices[*index].format(columns.saturating_sub(MARGIN - 1), widths);
            lines.push(if self.selected == Some(at) {
                format!("> {}", style(text).for_stderr().bold())
            } else {
                format!("  {text}")
            });
        }
        let total = self.choices.len();
        let count = match self.matches.len() {
            0 => "no match".to_owned(),
            count if count == total => format!("{total} in total"),
            count => format!("{count} of {total}"),
        };
        lines.push(format!(
            "  {}",
            style(truncate_str(&count, columns.saturating_sub(2), "")).for_stderr().dim()
        ));
        lines
    }

    /// The widths that the names and the details of the choices are aligned to.
    fn aligned_widths(&self) -> [usize; 2] {
        let widest = |part: fn(&Choice) -> &str| {
            let widths = self.choices.iter().map(|choice| measure_text_width(part(choice)).min(MAX_ALIGNED));
            widths.max().unwrap_or_default()
        };
        [widest(|choice| &choice.name), widest(|choice| &choice.detail)]
    }
}

/// An item of a list to select from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Truncated where the terminal is too narrow.
    pub(super) name: String,
    /// What else helps to recognize it, such as a location.
    detail: String,
    /// Distinguishes items of the same name, and is never truncated.
    mark: String,
}

impl Choice {
    pub(crate) fn new(name: &str, mark: &str) -> Self {
        let escape = |text| escape_control(text).into_owned();
        Self { name: escape(name), detail: String::new(), mark: escape(mark) }
    }

    pub(crate) fn detail(mut self, detail: &str) -> Self {
        self.detail = escape_control(detail).into_owned();
        self
    }

    /// Formats the choice as one line, whose mark is never truncated.
    fn format(&self, columns: usize, [name, detail]: [usize; 2]) -> String {
        let pad = |text: &str, width| pad_str(text, width, Alignment::Left, None).into_owned();
        let room = columns.saturating_sub(measure_text_width(&self.mark) + 2).max(MARGIN);
        let text = format!("{}  {}", pad(&self.name, name), self.detail);
        let text = truncate_str(text.trim_end(), room, "…");
        if self.mark.is_empty() {
            return text.into_owned();
        }
        format!("{}  {}", pad(&text, (name + 2 + detail).min(room)), self.mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker() -> Picker {
        let tills = (1..=30).map(|number| Choice::new(&format!("Till {number}"), &format!("id{number:04}")));
        let choices = tills.chain([Choice::new("Göteborg", "abcd").detail("Haga")]).collect();
        Picker::new("Device".to_owned(), choices, true)
    }

    fn type_keys(picker: &mut Picker, keys: &[Key]) -> Step {
        keys.iter().map(|key| picker.handle(key)).last().unwrap_or(Step::Continue)
    }

    fn search(picker: &mut Picker, text: &str) {
        for letter in text.chars() {
            picker.handle(&Key::Char(letter));
        }
    }

    #[test]
    fn a_search_ignores_case_and_diacritics_and_counts_its_matches() {
        let mut picker = picker();
        assert_eq!(picker.render(60).last().map(|line| line.contains("31 in total")), Some(true));
        search(&mut picker, "goteborg HAGA");
        let lines = picker.render(60);
        assert_eq!(lines[0], "Device (type to search): goteborg HAGA|");
        assert!(lines[1].contains("Göteborg") && lines[2].contains("1 of 31"), "{lines:?}");
        assert_eq!(picker.handle(&Key::Enter), Step::Picked(30));
        search(&mut picker, "x");
        assert!(picker.render(60)[1].contains("no match"));
        assert_eq!(picker.handle(&Key::Enter), Step::Continue);
        picker.handle(&Key::Char('\u{15}'));
        assert_eq!(picker.matches.len(), 31);
        assert_eq!(picker.handle(&Key::Escape), Step::Cancelled);
    }

    #[test]
    fn keys_move_the_selection_and_it_stays_visible() {
        for (keys, picked) in [
            (&[Key::ArrowDown, Key::Enter][..], 1),
            (&[Key::ArrowUp, Key::Enter], 30),
            (&[Key::PageDown, Key::PageDown, Key::PageUp, Key::Enter], 10),
            (&[Key::End, Key::Enter], 30),
            (&[Key::End, Key::Home, Key::Enter], 0),
        ] {
            let mut picker = picker();
            assert_eq!(type_keys(&mut picker, keys), Step::Picked(picked), "{keys:?}");
            let visible = picker.top..picker.top + picker.visible;
            assert!(visible.contains(&picked), "{keys:?}");
        }
    }

    #[test]
    fn nothing_is_picked_by_enter_alone_if_nothing_is_preselected() {
        let mut picker = Picker::new("x".to_owned(), vec![Choice::new("a", ""), Choice::new("b", "")], false);
        assert_eq!(picker.handle(&Key::Enter), Step::Continue);
        assert_eq!(type_keys(&mut picker, &[Key::ArrowDown, Key::Enter]), Step::Picked(0));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_ids_are_complete() {
        let long = "Stockholm City, the big one by the station with the clock";
        let choices = vec![Choice::new(long, "6f2c91ab").detail(long), Choice::new("Bar", "77777777")];
        let mut picker = Picker::new("Location".to_owned(), choices, true);
        for columns in [30, 40, 80] {
            for line in picker.render(columns) {
                assert!(measure_text_width(&line) <= columns, "{columns}: {line}");
            }
            assert!(picker.render(columns)[1].contains("6f2c91ab"));
        }
        search(&mut picker, &"x".repeat(200));
        assert!(measure_text_width(&picker.render(40)[0]) <= 40);
    }
}
