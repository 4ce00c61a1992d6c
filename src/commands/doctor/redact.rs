//! Makes the report safe to paste in public.

use std::path::Path;

use crate::profiles::Document;
use crate::secret::{ApiKey, Redactor};
use crate::settings::Settings;
use crate::text::shell_quote;

/// Redacts secrets, and the home directory, which usually contains the name of the user.
pub(super) struct ReportRedactor {
    home: Option<String>,
    secrets: Redactor,
}

impl ReportRedactor {
    pub(super) fn new(settings: &Settings, profiles: Option<&Document>) -> Self {
        let stored = profiles.into_iter().flat_map(Document::profiles);
        let stored = stored.filter_map(|(_, profile)| profile.api_key.as_ref().map(ApiKey::expose));
        let variable = settings.variables.api_key.as_ref().map(|key| key.expose().trim());
        // Every path begins with the root directory, so it is not abbreviated.
        let home = directories::BaseDirs::new()
            .map(|dirs| dirs.home_dir().to_owned())
            .filter(|home| home.parent().is_some())
            .map(|home| home.display().to_string());
        Self { home, secrets: Redactor::new(variable.into_iter().chain(stored)) }
    }

    pub(super) fn redact(&self, text: &str) -> String {
        let text = self.secrets.redact(text);
        match &self.home {
            Some(home) => abbreviate_home(&text, home),
            None => text,
        }
    }

    /// Quotes a path for a shell command, with `~` for the home directory.
    pub(super) fn quote_path(&self, path: &Path) -> String {
        let inside = self.home.as_ref().and_then(|home| path.strip_prefix(home).ok());
        match inside {
            Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
            Some(rest) => format!("~/{}", shell_quote(&rest.display().to_string())),
            None => shell_quote(&path.display().to_string()),
        }
    }
}

/// Writes `~` for the home directory, but not for a longer name that begins with it.
fn abbreviate_home(text: &str, home: &str) -> String {
    let mut parts = text.split(home);
    let mut abbreviated = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let goes_on = |next: char| next.is_alphanumeric() || matches!(next, '-' | '_' | '.');
        abbreviated.push_str(if part.starts_with(goes_on) { home } else { "~" });
        abbreviated.push_str(part);
    }
    abbreviated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_directory_is_abbreviated() {
        let redactor = ReportRedactor { home: Some("/home/anna".to_owned()), secrets: Redactor::default() };
        assert_eq!(
            redactor.redact("/home/anna/.config/k.toml, /home/anna: /home/annabel/x /home/anna"),
            "~/.config/k.toml, ~: /home/annabel/x ~"
        );
        let quoted = redactor.quote_path(Path::new("/home/anna/Application Support/k"));
        assert_eq!(quoted, "~/'Application Support/k'");
        assert_eq!(redactor.quote_path(Path::new("/etc/k")), "/etc/k");
        assert_eq!(redactor.quote_path(Path::new("/home/anna")), "~");
    }
}
