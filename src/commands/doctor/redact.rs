//! Makes the report safe to paste in public.

use std::path::Path;

use crate::secret::redact;
use crate::text::shell_quote;

/// Redacts secrets, and the home directory, which usually contains the name of the user.
pub(super) struct ReportRedactor {
    home: Option<String>,
}

impl ReportRedactor {
    pub(super) fn new() -> Self {
        // Every path begins with the root directory, so it is not abbreviated.
        let home = directories::BaseDirs::new()
            .map(|dirs| dirs.home_dir().to_owned())
            .filter(|home| home.parent().is_some())
            .map(|home| home.display().to_string());
        Self { home }
    }

    pub(super) fn redact(&self, text: &str) -> String {
        let text = redact(text);
        match &self.home {
            Some(home) => abbreviate_home(&text, home),
            None => text.into_owned(),
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
        let redactor = ReportRedactor { home: Some("/home/anna".to_owned()) };
        assert_eq!(
            redactor.redact("/home/anna/.config/k.toml, /home/anna: /home/annabel/x /home/anna"),
            "~/.config/k.toml, ~: /home/annabel/x ~"
        );
        assert_eq!(redactor.quote_path(Path::new("/etc/k")), "/etc/k");
        assert_eq!(redactor.quote_path(Path::new("/home/anna")), "~");
    }
}
