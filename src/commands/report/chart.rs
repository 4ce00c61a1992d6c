//! A bar chart of a day, one bar per hour.

use unicode_width::UnicodeWidthStr as _;

const MAX_BAR_WIDTH: usize = 40;

/// Formats one line per hour from the first to the last with sales, each no wider than `width`. `values` are pairs of an
/// hour and an amount.
pub(super) fn bars(values: &[(usize, i64)], width: usize, format: impl Fn(i64) -> String) -> Vec<String> {
    let max = values.iter().map(|(_, value)| *value).max().unwrap_or_default().max(1);
    let hours = values.iter().filter(|(_, value)| *value > 0).map(|(hour, _)| *hour);
    let (Some(first), Some(last)) = (hours.clone().min(), hours.max()) else { return Vec::new() };
    let labels = values.iter().map(|(_, value)| format(*value).width()).max().unwrap_or_default();
    let bar_width = width.saturating_sub("00:00    ".len() + labels).clamp(1, MAX_BAR_WIDTH);
    let line = |hour: usize| {
        let value = values.iter().find(|(other, _)| *other == hour).map_or(0, |(_, value)| *value);
        // Both factors are small, so the product fits.
        let length = i128::from(value.max(0)) * bar_width as i128 / i128::from(max);
        let length = usize::try_from(length).unwrap_or_default();
        let bar = "█".repeat(if value > 0 { length.max(1) } else { 0 });
        format!("{hour:02}:00  {bar:<bar_width$}  {}", if value > 0 { format(value) } else { String::new() })
    };
    (first..=last).map(|hour| line(hour).trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn a_bar_is_as_long_as_its_part_of_the_highest() {
        let lines = bars(&[(9, 100), (11, 50), (12, 1), (15, 0)], 80, |value| value.to_string());
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0], format!("09:00  {}  100", "█".repeat(40)));
        assert_eq!(lines[1], "10:00");
        assert_eq!(lines[2].matches('█').count(), 20);
        assert_eq!(lines[3].matches('█').count(), 1);
        let narrow = bars(&[(9, 100), (11, 50)], 20, |value| value.to_string());
        assert_eq!(narrow, ["09:00  ████████  100", "10:00", "11:00  ████      50"]);
        assert!(bars(&[(1, 0)], 80, |value| value.to_string()).is_empty());
    }
}
