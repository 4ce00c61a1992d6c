//! What makes findings safe to paste where anybody can read them.

use std::path::{Path, PathBuf};

use crate::profiles::{Document, KeySource};
use crate::secret::{MIN_REDACT_LEN, REDACTED, Secret, redact_secrets};
use crate::settings::Settings;
use crate::text::shell_quote;

/// Knows what is nobody else's business: keys, passwords in addresses, and whose home folder it is.
pub(super) struct ReportRedactor {
    home: Option<String>,
    keys: Vec<Secret>,
}

impl ReportRedactor {
    pub(super) fn new(settings: &Settings, profiles: Option<&Document>) -> Self {
        let stored = profiles.into_iter().flat_map(Document::profiles);
        let stored = stored.filter_map(|(_, profile)| match &profile.key {
            Some(KeySource::Stored(key)) => Some(Secret::new(key.expose())),
            Some(KeySource::Command(_)) | None => None,
        });
        let variable = settings.variables.api_key.as_ref().map(|key| Secret::new(key.expose().trim()));
        let keys = variable.into_iter().chain(stored).collect();
        Self::with_secrets(directories::BaseDirs::new().map(|folders| folders.home_dir().to_owned()), keys)
    }

    fn with_secrets(home: Option<PathBuf>, keys: Vec<Secret>) -> Self {
        // The root folder is nobody's, and would fit every path.
        let home = home.filter(|home| home.parent().is_some()).map(|home| home.display().to_string());
        let keys = keys.into_iter().filter(|key| key.expose().len() >= MIN_REDACT_LEN).collect();
        Self { home, keys }
    }

    /// A text without any of it.
    pub(super) fn redact(&self, text: &str) -> String {
        let text = self.keys.iter().fold(text.to_owned(), |text, key| text.replace(key.expose(), REDACTED));
        let text = strip_userinfo(&redact_secrets(&text));
        match &self.home {
            Some(home) => abbreviate_home(&text, home),
            None => text,
        }
    }

    /// A path as one word of a command for a shell.
    #[cfg_attr(not(unix), allow(dead_code, reason = "only Unix has commands to show for a path"))]
    pub(super) fn word(&self, path: &Path) -> String {
        let inside = self.home.as_ref().and_then(|home| path.strip_prefix(home).ok());
        match inside {
            Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
            Some(rest) => format!("~/{}", shell_quote(&rest.display().to_string())),
            None => shell_quote(&path.display().to_string()),
        }
    }
}

/// With `~` for the home folder, and for nothing that only begins like it.
fn abbreviate_home(text: &str, home: &str) -> String {
    let mut parts = text.split(home);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let goes_on = |next: char| next.is_alphanumeric() || matches!(next, '-' | '_' | '.');
        clean.push_str(if part.starts_with(goes_on) { home } else { "~" });
        clean.push_str(part);
    }
    clean
}

/// Without the name and the password in `https://name:password@host`.
fn strip_userinfo(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let ends = |next: char| next.is_whitespace() || matches!(next, '/' | '?' | '#' | '\'' | '"' | '`');
        let authority = part.split(ends).next().unwrap_or_default();
        clean.push_str("://");
        match authority.rsplit_once('@') {
            Some((userinfo, _)) => {
                clean.push_str(REDACTED);
                clean.push_str(&part[userinfo.len()..]);
            }
            None => clean.push_str(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn discretion() -> ReportRedactor {
        ReportRedactor::with_secrets(
            Some("/home/anna".into()),
            vec![Secret::new("old+secret/7"), Secret::new("short")],
        )
    }

    #[test]
    fn keys_are_hidden_with_a_prefix_and_without() {
        assert_eq!(
            discretion().redact("old+secret/7, kco_live_api_x, whsec_abc= and short"),
            "[redacted], kco_live_[redacted] whsec_[redacted] and short"
        );
    }

    #[test]
    fn passwords_in_addresses_are_hidden() {
        assert_eq!(
            discretion().redact("via http://a:p@ss@proxy:3128/x@y and 'https://b@h' to https://h/@c"),
            "via http://[redacted]@proxy:3128/x@y and 'https://[redacted]@h' to https://h/@c"
        );
    }

    #[test]
    fn the_home_folder_names_nobody() {
        let discretion = discretion();
        assert_eq!(
            discretion.redact("/home/anna/.config/k.toml, /home/anna: /home/annabel/x /home/anna"),
            "~/.config/k.toml, ~: /home/annabel/x ~"
        );
        assert_eq!(
            discretion.word(Path::new("/home/anna/Application Support/k")),
            "~/'Application Support/k'"
        );
        assert_eq!(discretion.word(Path::new("/etc/k")), "/etc/k");
        assert_eq!(discretion.word(Path::new("/home/anna")), "~");
        assert_eq!(ReportRedactor::with_secrets(Some("/".into()), Vec::new()).redact("/etc/k"), "/etc/k");
    }
}
