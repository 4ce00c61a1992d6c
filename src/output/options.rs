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
    /// On a terminal, unless `NO_COLOR` is set.
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
