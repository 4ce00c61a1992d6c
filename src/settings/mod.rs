//! From flags, environment variables, profiles and defaults to one resolved value each, with its source.
//!
//! Commands get values from here and never ask where a value came from; `doctor` and `profiles show` do.

mod account;
mod env;
mod paths;

use std::fmt;
use std::time::Duration;

pub(crate) use account::{Account, Endpoint};
pub(crate) use env::EnvVars;
pub(crate) use paths::Paths;

use crate::error::Error;
use crate::global_args::Global;
use crate::output::{Format, OutputOptions};
use crate::profiles::{LOCAL, Store};
use clap::ValueEnum as _;

/// The variable that shells ask completions with. It is no setting, and nothing that is started here should have it.
pub(crate) const COMPLETE: &str = "KUSTOM_COMPLETE";

pub(crate) const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A flag.
    Flag(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// A profile, by its name.
    Profile(String),
    /// The profile that `profiles use` made the active one.
    Active,
    /// Recognised from another value, such as the key.
    Told(&'static str),
    /// Built into kustom.
    BuiltIn,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => formatter.write_str(name),
            Self::Profile(name) => write!(formatter, "profile '{name}'"),
            Self::Active => formatter.write_str("the active profile"),
            Self::Told(by) => write!(formatter, "recognised from {by}"),
            Self::BuiltIn => formatter.write_str("built in"),
        }
    }
}

impl Source {
    /// The source behind a value, as in "playground, recognised from the key".
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Flag(_) | Self::Variable(_) | Self::Profile(_) | Self::Active => format!("from {self}"),
            Self::Told(_) | Self::BuiltIn => self.to_string(),
        }
    }
}

/// A value, where it came from, and what it shadows.
#[derive(Debug, Clone)]
pub(crate) struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub source: Source,
    /// What would count if it were not there: where from, and a description that is safe to show.
    pub shadows: Vec<(Source, String)>,
}

impl<T> Sourced<T> {
    /// A value that shadows nothing.
    pub(crate) const fn new(value: T, source: Source) -> Self {
        Self { value, source, shadows: Vec::new() }
    }

    /// The first of several candidates, strongest first; the others are shadowed.
    fn first_of(candidates: Vec<(Source, T)>, describe: impl Fn(&T) -> String) -> Option<Self> {
        let mut candidates = candidates.into_iter();
        let (source, value) = candidates.next()?;
        let shadows = candidates.map(|(source, value)| (source, describe(&value))).collect();
        Some(Self { value, source, shadows })
    }

    /// Another value from the same place.
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { value: change(self.value), source: self.source, shadows: self.shadows }
    }
}

/// Everything that flags and variables say, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How the terminal is used.
    pub manner: OutputOptions,
    /// `--timeout`, if it was given.
    pub timeout: Option<Duration>,
    /// `--profile`, if it was given.
    pub profile: Option<String>,
    /// The environment variables.
    pub variables: EnvVars,
    /// Where things are kept.
    pub paths: Paths,
}

impl Settings {
    /// Resolves the global flags against the environment.
    pub(crate) fn resolve(global: Global) -> Result<Self, Error> {
        let variables = EnvVars::from_env()?;
        let Global { profile, output, quiet, verbose, no_input, yes, color, timeout } = global;
        let format = match (output, &variables.output) {
            (Some(format), _) => format,
            (None, Some(name)) => Format::from_str(name, false)
                .map_err(|_| Error::usage("KUSTOM_OUTPUT is not one of table, json, ndjson and csv"))?,
            (None, None) => Format::Table,
        };
        let manner = OutputOptions {
            format,
            quiet,
            verbosity: verbose,
            color: color.unwrap_or_default(),
            no_input,
            yes,
        };
        let paths = Paths::resolve(&variables)?;
        Ok(Self { manner, timeout, profile, variables, paths })
    }

    /// The timeout of each request. In a command that waits, `--timeout` limits the wait instead.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.timeout.unwrap_or(DEFAULT_REQUEST_TIMEOUT)
    }

    /// The profiles file.
    pub(crate) fn store(&self) -> Store {
        Store::new(self.paths.profiles.clone())
    }

    /// Which profile is asked for: by flag, by variable, or as the active one.
    pub(crate) fn profile_name(&self, active: Option<&str>) -> Option<Sourced<String>> {
        let candidates = [
            self.profile.clone().map(|name| (Source::Flag("--profile"), name)),
            self.variables.profile.clone().map(|name| (Source::Variable("KUSTOM_PROFILE"), name)),
            active.map(|name| (Source::Active, name.to_owned())),
        ];
        Sourced::first_of(candidates.into_iter().flatten().collect(), Clone::clone)
    }

    /// What to add to a command line that is shown, so that it means the same account as this one.
    pub(crate) fn profile_flag(&self) -> String {
        let asked = self.profile.as_deref();
        asked.map(|name| format!(" --profile {name}")).unwrap_or_default()
    }

    /// Whether the built-in profile is asked for by name.
    pub(crate) fn is_local(&self) -> bool {
        self.profile.as_deref().or(self.variables.profile.as_deref()) == Some(LOCAL)
    }
}
