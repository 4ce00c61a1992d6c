//! What is asked of a terminal, and what it can.

/// How data is written to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line, as it arrives.
    Ndjson,
    /// Comma-separated values with a header row.
    Csv,
}

impl Format {
    /// The name in flags and variables.
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

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal that can, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What is asked of a terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutputOptions {
    /// How data is written.
    pub format: Format,
    /// No notes.
    pub quiet: bool,
    /// 0, 1 for requests, 2 for their bodies too.
    pub verbosity: u8,
    /// When to colour.
    pub color: ColorWhen,
    /// Never ask.
    pub no_input: bool,
    /// Questions are answered with yes.
    pub yes: bool,
}

/// Whether the terminal can show block characters: it is no dumb one, and its language says UTF-8.
pub(super) fn has_blocks() -> bool {
    let language = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let is_utf8 = |language: &str| {
        let language = language.to_ascii_lowercase();
        language.contains("utf-8") || language.contains("utf8")
    };
    !is_dumb() && (cfg!(windows) || language.is_some_and(|language| is_utf8(&language)))
}

/// Whether the terminal can only write one character after the other.
pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
