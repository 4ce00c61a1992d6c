//! Progress on stderr, drawn by indicatif on a terminal only. A bar is removed when it is dropped.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::Output;
use crate::text::format_duration;

const TICK: Duration = Duration::from_millis(100);

impl Output {
    /// Shows what is being done and for how long.
    pub(crate) fn show_progress(&self, text: &str) -> ProgressBar {
        let bar = ProgressBar::new_spinner().with_style(parse_style("{spinner} {msg} {elapsed}"));
        self.add_bar(bar, text)
    }

    /// Shows what is being waited for and how much time is left.
    pub(crate) fn show_countdown(&self, text: &str, end: tokio::time::Instant) -> ProgressBar {
        let write_left = move |_: &ProgressState, out: &mut dyn Write| {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            // Writing to a string cannot fail.
            let _ = out.write_str(&format_duration(Duration::from_secs(left.as_secs().max(1))));
        };
        let style = parse_style("{spinner} {msg} {left}").with_key("left", write_left);
        self.add_bar(ProgressBar::new_spinner().with_style(style), text)
    }

    /// Shows how much of a known amount of work is done.
    pub(crate) fn show_bar(&self, text: &str, length: usize) -> ProgressBar {
        let style = parse_style("{msg} {wide_bar} {pos} of {len}");
        self.add_bar(ProgressBar::new(length as u64).with_style(style), text)
    }

    fn add_bar(&self, bar: ProgressBar, text: &str) -> ProgressBar {
        let bar = self.progress.add(bar.with_message(text.to_owned()));
        if !self.progress.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        bar
    }
}

fn parse_style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
