//! The options of the output, and what the terminal supports.

/// The format of data on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object per line, as it arrives.
    Ndjson,
    /// Comma-separated values with a header row.
    Csv,
}

impl Format {
    /// The value of `--output`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    /// Whether warnings and errors are JSON too.
    pub(crate) const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Ndjson)
    }
}

/// When output has colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` or `FORCE_COLOR` says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct OutputOptions {
    pub format: Format,
    /// Suppresses status lines and progress.
    pub quiet: bool,
    /// 1 prints requests, 2 their bodies too.
    pub verbosity: u8,
    pub color: ColorWhen,
    /// Never prompts.
    pub no_input: bool,
    /// Confirms in advance.
    pub yes: bool,
}

/// Whether the terminal can show block characters, which need a UTF-8 locale.
pub(super) fn has_blocks() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let is_utf8 = |locale: String| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    };
    !is_dumb() && (cfg!(windows) || locale.is_some_and(is_utf8))
}

/// Whether the terminal supports no escape sequences, and so neither colors nor progress nor prompts.
pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Whether the environment turns colors on or off, regardless of the terminal.
pub(super) fn prefers_colors() -> Option<bool> {
    let is_on = |name: &str| match std::env::var_os(name) {
        Some(value) if !value.is_empty() => Some(value != "0" && !value.eq_ignore_ascii_case("false")),
        _ => None,
    };
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return Some(false);
    }
    let forced = is_on("CLICOLOR_FORCE").filter(|forced| *forced).or_else(|| is_on("FORCE_COLOR"));
    forced.or_else(|| is_on("CLICOLOR").filter(|is_on| !is_on))
}

/// Whether this is a job of continuous integration, where nobody can respond to a prompt, even on a terminal.
pub(super) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "0" && value != "false")
}
