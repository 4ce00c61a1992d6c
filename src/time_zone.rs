//! The local time zone.

use std::sync::LazyLock;

use jiff::tz::TimeZone;

/// The file with the rules of the local time zone, on systems that have one.
const RULES: &str = "/etc/localtime";

/// The local time zone. jiff lists all time zones to find its name, which takes milliseconds. Its rules are enough here,
/// unless `TZ` names another one.
pub(crate) fn local_time_zone() -> TimeZone {
    static ZONE: LazyLock<TimeZone> = LazyLock::new(|| {
        let rules = std::env::var_os("TZ").is_none().then(|| std::fs::read(RULES).ok()).flatten();
        rules.and_then(|rules| TimeZone::tzif("local", &rules).ok()).unwrap_or_else(TimeZone::system)
    });
    ZONE.clone()
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    #[test]
    fn the_local_time_is_that_of_the_system() {
        let start: Timestamp = "2000-01-01T00:00:00Z".parse().unwrap();
        for days in 0..10_000 {
            let time = start + SignedDuration::from_hours(24 * days);
            assert_eq!(local_time_zone().to_offset(time), TimeZone::system().to_offset(time), "{time}");
        }
    }
}
