//! `kustom login`

mod change;
mod check;
mod interactive;

use std::path::PathBuf;

use super::profiles::row::ProfileRow;

use clap_complete::engine::ArgValueCompleter;

use crate::api::BaseUrl;
use crate::args;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::{App, key_from_command};
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::Currency;
use crate::profiles::{Document, Environment, KeySource, Profile, check_name};
use crate::secret::{ApiKey, KeyKind};
use crate::settings::{Account, EnvVars, Settings};

const MORE: &str = "\
Examples:
  kustom login                       # asks for what it needs
  kustom login --profile shop --api-key-stdin --merchant-id M1 < key.txt
  kustom login --profile vault --environment playground --api-key-command 'pass show kustom/key'

Exit codes:
  0  stored
  3  the key was refused, or belongs to another environment; nothing was stored
  8  an answer is missing that nobody could be asked for

Next:
  kustom doctor                      # does it work
  kustom enrollments pair            # pair the first phone
";

/// Add a profile: checks the key and stores it
///
/// On a terminal it asks for what it needs; what you type for the key is not shown. Otherwise the key is read from
/// standard input, a file or the output of a command, never from an argument, where other users of the machine could
/// see it. With --api-key-command only the command is stored, and the key stays in your password manager.
///
/// The profile is named by --profile, and after its environment otherwise. The first profile becomes the one that
/// is used when none is asked for. A profile of the same name is replaced, and what changes is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
#[allow(clippy::doc_markdown, reason = "help is text for people, not Markdown")]
pub(crate) struct Args {
    #[command(flatten)]
    key: KeyFlags,
    /// Which service; recognised from the key where it can be
    #[arg(long, value_name = "ENVIRONMENT", value_parser = environment())]
    environment: Option<Environment>,
    /// The username issued with the key, if one was [env: KUSTOM_USERNAME]
    #[arg(long, value_name = "USERNAME")]
    username: Option<String>,
    /// The merchant id that belongs to the key [env: KUSTOM_MERCHANT_ID]
    #[arg(long, value_name = "MERCHANT")]
    merchant_id: Option<String>,
    /// The default location: a name or an id
    #[arg(add = ArgValueCompleter::new(complete::locations))]
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    /// The default currency, such as SEK
    #[arg(add = ArgValueCompleter::new(complete::currencies))]
    #[arg(long, value_name = "CURRENCY")]
    currency: Option<Currency>,
    /// Another host than the environment's: a proxy or an emulator [env: KUSTOM_BASE_URL]
    #[arg(long, value_name = "URL", value_parser = |text: &str| BaseUrl::parse(text))]
    base_url: Option<BaseUrl>,
    /// Whether completions may ask the API with this key; by itself only what is not production, and a stored key
    #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
    completions: Option<bool>,
    /// Store the key without checking it with a call
    #[arg(long)]
    no_check: bool,
}

/// Where the key comes from.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct KeyFlags {
    /// Read the key from standard input
    #[arg(long = "api-key-stdin")]
    stdin: bool,
    /// Read the key from a file
    #[arg(long = "api-key-file", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Store this command, whose output is the key
    #[arg(long = "api-key-command", value_name = "COMMAND")]
    command: Option<String>,
    /// Only to say that a key is never an argument
    #[arg(long = "api-key", value_name = "KEY", hide = true)]
    argument: Option<String>,
}

fn environment() -> impl clap::builder::TypedValueParser<Value = Environment> {
    use clap::builder::{PossibleValuesParser, TypedValueParser as _};
    PossibleValuesParser::new(Environment::ALL.map(Environment::as_str))
        .try_map(|name| Environment::find(&name).ok_or("this environment is not known"))
}

/// What the flags and variables say, apart from the key.
struct LoginOptions {
    environment: Option<Environment>,
    username: Option<String>,
    merchant_id: Option<String>,
    location: Option<String>,
    currency: Option<Currency>,
    base_url: Option<BaseUrl>,
    completions: Option<bool>,
    check: bool,
}

/// A profile that is ready to be stored.
struct PendingProfile {
    name: String,
    profile: Profile,
    /// What there was when somebody agreed to this.
    agreed: Confirmation,
}

/// What somebody agreed to.
enum Confirmation {
    /// Nobody was asked.
    Unasked,
    /// To add a profile.
    Add,
    /// To replace this one.
    Replace(Box<Profile>),
}

impl Confirmation {
    /// Whether it is about what there is now.
    fn fits(&self, now: Option<&Profile>) -> bool {
        match self {
            Self::Unasked => true,
            Self::Add => now.is_none(),
            Self::Replace(profile) => now.is_some_and(|now| change::is_same(profile, now)),
        }
    }
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self {
            key,
            environment,
            username,
            merchant_id,
            location,
            currency,
            base_url,
            completions,
            no_check,
        } = self;
        let store = app.settings.store();
        // A file that cannot be read is told before anything is asked or sent.
        let document = store.read()?;
        let variables = &app.settings.variables;
        let base_url = match (base_url, &variables.base_url) {
            (Some(url), _) => Some(url),
            (None, Some(text)) => Some(BaseUrl::parse(text).map_err(|error| {
                Error::usage(format!("the base URL from KUSTOM_BASE_URL cannot be used: {error}"))
            })?),
            (None, None) => None,
        };
        let said = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let username = said(username).or_else(|| variables.username.clone());
        let merchant_id = said(merchant_id).or_else(|| variables.merchant_id.clone());
        let check = !no_check;
        let wanted = LoginOptions {
            environment,
            username,
            merchant_id,
            location,
            currency,
            base_url,
            completions,
            check,
        };
        let name = requested_name(app)?.cloned();
        let ready = if !key.is_given() && app.output.can_prompt() {
            app.block_on(interactive::ask(wanted, name, &document, app))?
        } else {
            let (source, key) = key.read(app)?;
            wanted.ready(name, source, &key, &document, app)?
        };
        save_profile(ready, app)
    }
}

impl LoginOptions {
    /// The profile as it is without asking for anything.
    fn ready(
        self,
        name: Option<String>,
        source: KeySource,
        key: &ApiKey,
        document: &Document,
        app: &App,
    ) -> Result<PendingProfile, Error> {
        let Self { environment, username, merchant_id, location, currency, base_url, completions, check } =
            self;
        let environment =
            environment.or_else(|| infer_environment(key, base_url.as_ref())).ok_or_else(|| {
                Error::new(ErrorKind::Unconfirmed, "the key does not tell which environment it is for")
                    .hint("give it with --environment production, playground or local")
            })?;
        let name = match name {
            Some(name) => name,
            None => default_name(environment).ok_or_else(|| {
                Error::usage("a profile of the environment 'local' needs a name of its own")
                    .hint("name it with --profile NAME")
            })?,
        };
        let old = document.profile(&name).filter(|old| old.environment == environment);
        let kept = |of: fn(&Profile) -> &Option<String>| old.and_then(|old| of(old).clone());
        let profile = Profile {
            environment,
            key: Some(source),
            username,
            merchant_id: merchant_id.or_else(|| kept(|old| &old.merchant_id)),
            location: location.or_else(|| kept(|old| &old.location)),
            currency: currency.map(|code| code.to_string()).or_else(|| kept(|old| &old.currency)),
            base_url: base_url.map(|url| url.to_string()).or_else(|| kept(|old| &old.base_url)),
            completions: completions.or_else(|| old?.completions),
        };
        let account = account_of(app, &name, &profile)?;
        account.check_key(key)?;
        if check {
            app.block_on(check::verify_key(app, account))?;
        }
        Ok(PendingProfile { name, profile, agreed: Confirmation::Unasked })
    }
}

/// Stores the profile and says where, and what to do next.
fn save_profile(
    PendingProfile { name, profile, agreed }: PendingProfile,
    app: &App,
) -> Result<ExitStatus, Error> {
    let store = app.settings.store();
    let (changes, row) = store.change(|document| {
        if !agreed.fits(document.profile(&name)) {
            return Err(Error::usage(format!("the profile '{name}' was changed by somebody else meanwhile"))
                .hint("nothing was stored; log in again"));
        }
        let changes = document.profile(&name).map(|old| change::between(old, &profile));
        document.insert(&name, profile.clone());
        if document.active().is_none() {
            document.set_active(Some(&name));
        }
        Ok::<_, Error>((changes, ProfileRow::new(&name, document.active(), &profile)))
    })?;
    app.output.print_item(&row)?;
    let path = store.path().display();
    let mode = if cfg!(unix) { " (mode 0600: only you can read it)" } else { "" };
    match changes {
        None => app.output.status(&format!("Stored the profile '{name}' in {path}{mode}.")),
        Some(changes) => {
            app.output.status(&format!("Replaced the profile '{name}' in {path}{mode}."));
            for change in changes {
                app.output.status(&format!("  {change}"));
            }
        }
    }
    app.output.status(&next_step(&row));
    Ok(ExitStatus::Success)
}

impl KeyFlags {
    const fn is_given(&self) -> bool {
        let Self { stdin, file, command, argument } = self;
        *stdin || file.is_some() || command.is_some() || argument.is_some()
    }

    fn read(self, app: &App) -> Result<(KeySource, ApiKey), Error> {
        let Self { stdin, file, command, argument } = self;
        if argument.is_some() {
            return Err(Error::usage(
                "a key is never an argument, where other users of this machine could see it",
            )
            .hint("give it with --api-key-stdin, --api-key-file FILE or --api-key-command COMMAND"));
        }
        if let Some(command) = command {
            let key = key_from_command(&command)?;
            return Ok((KeySource::Command(command), key));
        }
        let (bytes, whence) = match file {
            Some(path) => (args::read_file(&path)?, path.display().to_string()),
            None if stdin => (app.output.read_stdin()?, "standard input".to_owned()),
            None => {
                return Err(Error::new(ErrorKind::Unconfirmed, "the API key is missing")
                    .hint("give it with --api-key-stdin, --api-key-file FILE or --api-key-command COMMAND"));
            }
        };
        let unusable = |why: String| Error::usage(format!("{whence} holds no API key: {why}"));
        let text = String::from_utf8(bytes).map_err(|_| unusable("it is not text".to_owned()))?;
        let key = ApiKey::parse(&text).map_err(|error| unusable(error.to_string()))?;
        Ok((KeySource::Stored(key.clone()), key))
    }
}

/// The environment that the key, or else the host, tells.
fn infer_environment(key: &ApiKey, base_url: Option<&BaseUrl>) -> Option<Environment> {
    match key.kind() {
        KeyKind::Live => Some(Environment::Production),
        KeyKind::Test => Some(Environment::Playground),
        KeyKind::Unmarked => Environment::of_host(base_url?.host()),
    }
}

/// The name that flag or variable ask for.
fn requested_name(app: &App) -> Result<Option<&String>, Error> {
    let asked = app.settings.profile.as_ref().or(app.settings.variables.profile.as_ref());
    if let Some(name) = asked {
        check_name(name).map_err(|error| Error::usage(error.to_string()))?;
    }
    Ok(asked)
}

/// The name of a profile where no other is asked for: that of its environment, unless the built-in profile has it.
fn default_name(environment: Environment) -> Option<String> {
    Some(environment.to_string()).filter(|name| check_name(name).is_ok())
}

/// The account as the profile alone makes it: what is checked is what is stored.
fn account_of(app: &App, name: &str, profile: &Profile) -> Result<Account, Error> {
    let mut document = Document::empty();
    document.insert(name, profile.clone());
    let settings =
        Settings { profile: Some(name.to_owned()), variables: EnvVars::default(), ..app.settings.clone() };
    Account::resolve(&settings, &document)
}

fn next_step(row: &ProfileRow) -> String {
    let name = &row.name;
    if row.active {
        "It is used whenever no other is asked for. Pair a phone: kustom enrollments pair".to_owned()
    } else {
        format!(
            "Pair a phone: kustom --profile {name} enrollments pair. Use it always: kustom profiles use {name}"
        )
    }
}
