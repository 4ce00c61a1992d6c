//! Resolves flags, environment variables, profiles and defaults to one value each, with its source.
//!
//! Only `doctor` and `profiles show` print the sources.

mod account;
mod directory;
mod env;
mod paths;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum as _;
use serde::Serialize;

pub(crate) use account::{Account, Endpoint, unusable_base_url};
pub(crate) use directory::DirectorySettings;
pub(crate) use env::EnvVars;
pub(crate) use paths::Paths;

use crate::error::Error;
use crate::global_args::GlobalArgs;
use crate::output::{Filter, Format, OutputOptions};
use crate::profiles::{LOCAL, Store};
use crate::text::escape_control;

/// The variable that makes kustom print completions. It is not a setting, and child processes must not inherit it.
pub(crate) const COMPLETE: &str = "KUSTOM_COMPLETE";

pub(crate) const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Flag(&'static str),
    Variable(&'static str),
    /// A `.kustom.toml` in the working directory or above.
    Directory(PathBuf),
    /// A profile with this name.
    Profile(String),
    /// The `active` key of the profiles file.
    Active,
    /// Inferred from another value, such as the key.
    Inferred(&'static str),
    BuiltIn,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => formatter.write_str(name),
            Self::Directory(path) => write!(formatter, "{}", escape_control(&path.display().to_string())),
            Self::Profile(name) => write!(formatter, "profile '{name}'"),
            Self::Active => formatter.write_str("the active profile"),
            Self::Inferred(from) => write!(formatter, "recognized from {from}"),
            Self::BuiltIn => formatter.write_str("built in"),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Source {
    /// The source as it follows a value, as in "playground, recognized from the key".
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Flag(_) | Self::Variable(_) | Self::Directory(_) | Self::Profile(_) | Self::Active => {
                format!("from {self}")
            }
            Self::Inferred(_) | Self::BuiltIn => self.to_string(),
        }
    }
}

/// A value with its source and the values it shadows.
#[derive(Debug, Clone)]
pub(crate) struct Sourced<T> {
    pub value: T,
    pub source: Source,
    pub shadows: Vec<Shadow>,
}

/// A value of lower precedence, described so that it is safe to print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shadow {
    pub source: Source,
    pub value: String,
}

impl<T> Sourced<T> {
    pub(crate) const fn new(value: T, source: Source) -> Self {
        Self { value, source, shadows: Vec::new() }
    }

    /// Picks the first candidate, which shadows the others.
    fn first<const N: usize>(candidates: [Option<Self>; N], describe: impl Fn(&T) -> String) -> Option<Self> {
        let mut candidates = candidates.into_iter().flatten();
        let mut first = candidates.next()?;
        first
            .shadows
            .extend(candidates.map(|other| Shadow { value: describe(&other.value), source: other.source }));
        Some(first)
    }
}

/// The names of `--columns`, without surrounding white space.
fn parse_columns(columns: Vec<String>) -> Result<Option<Vec<String>>, Error> {
    let columns: Vec<_> = columns.into_iter().map(|column| column.trim().to_owned()).collect();
    if columns.iter().any(String::is_empty) {
        return Err(Error::usage("--columns contains an empty name")
            .hint("write names separated by commas, such as --columns id,name"));
    }
    Ok((!columns.is_empty()).then_some(columns))
}

/// The values of global flags and environment variables.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub output: OutputOptions,
    pub timeout: Option<Duration>,
    /// A host of a private network, to which plain HTTP is allowed.
    pub allow_http: Option<String>,
    /// The value of `--profile`.
    pub profile: Option<String>,
    pub variables: EnvVars,
    pub directory: DirectorySettings,
    pub paths: Paths,
}

impl Settings {
    pub(crate) fn resolve(global: GlobalArgs) -> Result<Self, Error> {
        let variables = EnvVars::from_env()?;
        let GlobalArgs {
            profile,
            output,
            columns,
            no_header,
            jq,
            quiet,
            verbose,
            no_input,
            yes,
            color,
            timeout,
            allow_http,
        } = global;
        let format = match (output, &variables.output) {
            (Some(format), _) => format,
            (None, _) if jq.is_some() => Format::Json,
            (None, Some(name)) => Format::from_str(name, false).map_err(|_| {
                Error::usage("KUSTOM_OUTPUT is not one of table, wide, json, ndjson, csv and name")
            })?,
            (None, None) => Format::Table,
        };
        let output = OutputOptions {
            format,
            columns: parse_columns(columns)?,
            no_header,
            jq: jq.as_deref().map(Filter::compile).transpose()?,
            quiet,
            verbosity: verbose,
            color: color.unwrap_or_default(),
            no_input,
            yes,
            pager: variables.pager.clone(),
            profile: profile.clone(),
        };
        output.check()?;
        let paths = Paths::resolve(&variables)?;
        let allow_http = allow_http.or_else(|| variables.allow_http.clone());
        let directory = DirectorySettings::find()?;
        Ok(Self { output, timeout, allow_http, profile, variables, directory, paths })
    }

    /// The timeout of each request. In a command that waits, `--timeout` limits the wait instead.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.timeout.unwrap_or(DEFAULT_REQUEST_TIMEOUT)
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(self.paths.profiles.clone()).with_timeout(self.timeout)
    }

    /// The profile of the flag, the variable or the profiles file.
    pub(crate) fn profile_name(&self, active: Option<&str>) -> Option<Sourced<String>> {
        let sourced = |name: Option<&str>, source| name.map(|name| Sourced::new(name.to_owned(), source));
        let candidates = [
            sourced(self.profile.as_deref(), Source::Flag("--profile")),
            sourced(self.variables.profile.as_deref(), Source::Variable("KUSTOM_PROFILE")),
            sourced(self.directory.profile.as_deref(), self.directory_source()),
            sourced(active, Source::Active),
        ];
        Sourced::first(candidates, Clone::clone)
    }

    pub(crate) fn directory_source(&self) -> Source {
        Source::Directory(self.directory.path.clone().unwrap_or_default())
    }

    /// Whether a flag, a variable or the directory names the built-in profile.
    pub(crate) fn is_local(&self) -> bool {
        let name = self.profile.as_deref().or(self.variables.profile.as_deref());
        name.or(self.directory.profile.as_deref()) == Some(LOCAL)
    }
}
