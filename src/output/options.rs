//! The options of the output, and what the terminal supports.

use super::filter::Filter;
use crate::error::Error;

/// The format of data on stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people, fitted to the terminal.
    #[default]
    Table,
    /// A table with every column and complete IDs.
    Wide,
    /// One JSON document.
    Json,
    /// One JSON object per line, as it arrives.
    Ndjson,
    /// Comma-separated values with a header row.
    Csv,
    /// One ID per line.
    Name,
}

impl Format {
    /// The value of `--output`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Wide => "wide",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Name => "name",
        }
    }

    /// Whether people read the output: status lines accompany it.
    pub(crate) const fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
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

#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct OutputOptions {
    pub format: Format,
    /// The columns of tables and CSV, in place of the usual ones.
    pub columns: Option<Vec<String>>,
    /// Omits the header row of tables and CSV.
    pub no_header: bool,
    /// Filters JSON output.
    pub jq: Option<Filter>,
    /// Suppresses status lines and progress.
    pub quiet: bool,
    /// 1 prints requests, 2 their bodies too.
    pub verbosity: u8,
    pub color: ColorWhen,
    /// Never prompts.
    pub no_input: bool,
    /// Confirms in advance.
    pub yes: bool,
    /// The pager of long lists, in place of `PAGER`.
    pub pager: Option<String>,
    /// The value of `--profile`, which suggested commands need too.
    pub profile: Option<String>,
}

impl OutputOptions {
    /// Rejects options that exclude each other, before anything is sent.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let name = self.format.as_str();
        if self.jq.is_some() && !self.format.is_json() {
            return Err(Error::usage(format!("--jq filters JSON, but the output format is {name}"))
                .hint("use -o json or -o ndjson with --jq"));
        }
        let has_columns = self.format.is_table() || self.format == Format::Csv;
        let flag = match (&self.columns, self.no_header) {
            (Some(_), _) => "--columns",
            (None, true) => "--no-header",
            (None, false) => return Ok(()),
        };
        if has_columns {
            return Ok(());
        }
        Err(Error::usage(format!("{flag} is for tables and CSV, but the output format is {name}"))
            .hint("use -o table, -o wide or -o csv, or select fields with --jq"))
    }
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
