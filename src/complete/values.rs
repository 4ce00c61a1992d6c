//! Which values an argument can have, by the name that its value has in the help.

use std::ffi::OsStr;
use std::sync::Arc;

use clap::{Arg, ValueHint};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use jiff::Timestamp;

use super::situation::Situation;
use super::{Candidate, journal, offer};
use crate::emulator::state::OptionInfo;
use crate::model::{CallbackType, Currency};
use crate::profiles::LOCAL;

/// Where the values of an argument come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    Devices,
    Locations,
    Enrollments,
    Sessions,
    Attempts,
    Profiles,
    Events,
    Currencies,
    HttpMethods,
    EmulatorOptions,
    /// A file, which the shell knows best.
    Files,
    /// Whatever somebody thinks of.
    Free,
}

/// The names of values in the help, and where such values come from. An argument whose parser tells its values needs
/// no place here.
const TABLE: [(&str, Values); 32] = [
    ("DEVICE", Values::Devices),
    ("LOCATION", Values::Locations),
    ("ENROLLMENT", Values::Enrollments),
    ("SESSION", Values::Sessions),
    ("ATTEMPT", Values::Attempts),
    ("PROFILE", Values::Profiles),
    ("EVENT", Values::Events),
    ("EVENT|N", Values::Events),
    ("CURRENCY", Values::Currencies),
    ("METHOD", Values::HttpMethods),
    ("NAME=VALUE", Values::EmulatorOptions),
    ("FILE", Values::Files),
    ("FILE|-", Values::Files),
    ("ADDRESS", Values::Free),
    ("AMOUNT", Values::Free),
    ("CODE", Values::Free),
    ("COMMAND", Values::Free),
    // Of `help`, after which the grammar itself is completed.
    ("COMMAND|TOPIC", Values::Free),
    ("DURATION", Values::Free),
    ("FAULT", Values::Free),
    ("KEY", Values::Free),
    ("KEY=VALUE", Values::Free),
    ("LINE", Values::Free),
    ("MERCHANT", Values::Free),
    ("N", Values::Free),
    ("NAME", Values::Free),
    ("NUMBER", Values::Free),
    ("PATH", Values::Free),
    ("TEXT", Values::Free),
    ("TIME", Values::Free),
    ("URL", Values::Free),
    ("USERNAME", Values::Free),
];

/// Where the values of this name come from.
pub(super) fn named(name: &str) -> Option<Values> {
    TABLE.iter().find(|(known, _)| *known == name).map(|(_, values)| *values)
}

/// The argument together with the values that it can have.
pub(super) fn added(arg: Arg, situation: &Arc<Situation>) -> Arg {
    let name = arg.get_value_names().and_then(<[_]>::first);
    let Some(values) = name.and_then(|name| named(name)) else { return arg };
    match values {
        _ if !arg.get_possible_values().is_empty() => arg,
        Values::Free => arg,
        Values::Files if !situation.offers_files() => arg.value_hint(ValueHint::FilePath),
        _ => {
            let situation = Arc::clone(situation);
            arg.add(ArgValueCompleter::new(move |typed: &OsStr| {
                let typed = typed.to_string_lossy();
                beginning_with(&typed, values.all(&typed, &situation), &situation)
            }))
        }
    }
}

impl Values {
    fn all(self, typed: &str, situation: &Situation) -> Vec<Candidate> {
        match self {
            Self::Devices => offer::devices(situation.known(), typed),
            Self::Locations => offer::locations(situation.known(), typed),
            Self::Enrollments => offer::enrollments(situation.known(), typed),
            Self::Sessions => journal::sessions(&situation.journal(), Timestamp::now()),
            Self::Attempts => journal::attempts(&situation.journal(), Timestamp::now()),
            Self::Profiles => profiles(situation),
            Self::Events => events(),
            Self::Currencies => {
                Currency::all().map(|currency| candidate(currency.code(), &currency.name())).collect()
            }
            Self::HttpMethods => ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]
                .map(|method| candidate(method, ""))
                .into(),
            Self::EmulatorOptions => emulator_options(typed),
            Self::Files => {
                situation.want_files();
                Vec::new()
            }
            Self::Free => Vec::new(),
        }
    }
}

/// Those that begin with what was typed; in another case too if there are no others. What was given before is not
/// offered again.
fn beginning_with(typed: &str, all: Vec<Candidate>, situation: &Situation) -> Vec<CompletionCandidate> {
    let lower = typed.to_lowercase();
    let exact = all.iter().any(|candidate| candidate.value.starts_with(typed));
    let begins = |candidate: &Candidate| {
        if exact {
            candidate.value.starts_with(typed)
        } else {
            candidate.value.to_lowercase().starts_with(&lower)
        }
    };
    all.into_iter()
        .filter(|candidate| begins(candidate) && !situation.given.contains(&candidate.value))
        .map(|Candidate { value, about }| {
            CompletionCandidate::new(value).help((!about.is_empty()).then(|| about.into()))
        })
        .collect()
}

fn candidate(value: &str, about: &str) -> Candidate {
    Candidate { value: value.to_owned(), about: about.to_owned() }
}

fn profiles(situation: &Situation) -> Vec<Candidate> {
    let document = situation.profiles();
    let stored = document.profiles().map(|(name, profile)| candidate(name, profile.environment.as_str()));
    // The built-in one is always there.
    let can_be_built_in = situation.path != ["profiles", "remove"];
    let built_in = can_be_built_in.then(|| candidate(LOCAL, "built in: the emulator"));
    stored.chain(built_in).collect()
}

fn events() -> Vec<Candidate> {
    CallbackType::ALL.iter().map(|event| candidate(event.short(), event.meaning())).collect()
}

/// Names of the emulator's options, or the values of the option that is typed.
fn emulator_options(typed: &str) -> Vec<Candidate> {
    let options = OptionInfo::list();
    let Some((name, _)) = typed.split_once('=') else {
        return options.iter().map(|option| candidate(&format!("{}=", option.name), option.help)).collect();
    };
    let option = options.into_iter().find(|option| option.name == name);
    let values = option.map(|option| option.values).unwrap_or_default();
    values.iter().map(|(value, help)| candidate(&format!("{name}={value}"), help)).collect()
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;
    use crate::cli::Cli;

    /// Every value-taking argument, with the command it belongs to.
    fn each(command: &Command, look: &mut impl FnMut(&str, &Arg)) {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
        command.get_arguments().filter(|arg| arg.get_action().takes_values()).for_each(|arg| look(name, arg));
        command.get_subcommands().for_each(|below| each(below, look));
    }

    fn grammar() -> Command {
        let mut grammar = Cli::command();
        grammar.build();
        grammar
    }

    #[test]
    fn it_is_decided_of_every_argument_where_its_values_come_from() {
        let mut undecided = Vec::new();
        let mut seen = Vec::new();
        each(&grammar(), &mut |command, arg| {
            let name = arg.get_value_names().and_then(<[_]>::first).map_or("", |name| name.as_str());
            seen.push(name.to_owned());
            let is_decided = !arg.get_possible_values().is_empty() || named(name).is_some();
            if !is_decided {
                undecided.push(format!("{command}: {arg}"));
            }
        });
        assert_eq!(undecided, [""; 0], "decide in TABLE where these values come from");
        let unused: Vec<_> = TABLE.iter().filter(|(name, _)| !seen.iter().any(|seen| seen == name)).collect();
        assert_eq!(unused, [] as [&(&str, Values); 0], "no argument has such a value");
    }

    #[test]
    fn what_names_a_thing_of_the_account_is_called_after_it() {
        each(&grammar(), &mut |command, arg| {
            let values = |wanted: Values| {
                let name = arg.get_value_names().and_then(<[_]>::first);
                assert_eq!(name.and_then(|name| named(name)), Some(wanted), "{command}: {arg}");
            };
            match arg.get_id().as_str() {
                "device" | "devices" => values(Values::Devices),
                "location" | "locations" => values(Values::Locations),
                "session" | "sessions" => values(Values::Sessions),
                "enrollment" | "enrollments" => values(Values::Enrollments),
                "profile" => values(Values::Profiles),
                "currency" => values(Values::Currencies),
                _ => {}
            }
        });
    }
}
