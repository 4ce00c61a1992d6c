mod interactive;

use std::path::PathBuf;

use http::Method;

use super::profiles::row::ProfileRow;
use crate::api::{BaseUrl, Request};
use crate::args;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::Currency;
use crate::profiles::{Document, Environment, KeySource, LOCAL, Profile, check_name};
use crate::secret::{ApiKey, KeyKind};
use crate::settings::{Account, Settings, unusable_base_url};
use crate::text::decode_text;

/// Add a profile: checks the key and stores it
///
/// On a terminal it asks for what it needs; what you type for the key is not shown. Otherwise the key is read from
/// standard input, a file or the output of a command, never from an argument, where other users of the machine could
/// see it. With --api-key-command only the command is stored, and the key stays in your password manager.
///
/// The name of the profile is the value of --profile, or else the name of its environment. The first profile becomes
/// the active one. A profile with the same name is replaced; on a terminal, kustom asks first.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom login                       # asks for what it needs
  kustom login --profile shop --api-key-stdin --merchant-id M1 < key.txt
  kustom login --profile vault --environment playground --api-key-command 'pass show kustom/key'

Exit codes:
  0  stored
  3  the key was refused, or belongs to another environment; nothing was stored
  8  a value is missing, and kustom cannot prompt for it

Next:
  kustom doctor                      # check that it works
  kustom enrollments pair            # pair the first phone
"))]
pub(crate) struct Args {
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Debug, clap::Args)]
struct ProfileArgs {
    /// Which service; recognized from the key if possible
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<Environment>,
    /// The username issued with the key, if one was [env: KUSTOM_USERNAME]
    #[arg(long, value_name = "USERNAME")]
    username: Option<String>,
    /// The merchant id that belongs to the key [env: KUSTOM_MERCHANT_ID]
    #[arg(long, value_name = "MERCHANT")]
    merchant_id: Option<String>,
    /// The default location: a name or an id
    #[arg(long, value_name = "LOCATION", add = complete::locations())]
    location: Option<String>,
    /// The default currency, such as SEK
    #[arg(long, value_name = "CURRENCY", add = complete::currencies())]
    currency: Option<Currency>,
    /// Another host than the environment's: a proxy or an emulator [env: KUSTOM_BASE_URL]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    #[arg(skip)]
    parsed_base_url: Option<BaseUrl>,
    /// The host to which plain HTTP is allowed.
    #[arg(skip)]
    allow_http: Option<String>,
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
struct KeyArgs {
    /// Read the key from standard input
    #[arg(long = "api-key-stdin")]
    stdin: bool,
    /// Read the key from a file
    #[arg(long = "api-key-file", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Store this command, whose output is the key
    #[arg(long = "api-key-command", value_name = "COMMAND")]
    command: Option<String>,
    /// Rejected with an explanation, because arguments are visible to other users
    #[arg(long = "api-key", value_name = "KEY", hide = true)]
    argument: Option<String>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self { key, profile } = self;
        // An invalid profiles file is reported before anything is typed or sent.
        let document = app.settings.store().read()?;
        // The variable may select the built-in profile for other commands.
        let variable = app.settings.variables.profile.as_deref().filter(|name| *name != LOCAL);
        let name = app.settings.profile.as_deref().or(variable);
        if let Some(name) = name {
            check_name(name).map_err(Error::usage)?;
        }
        let args = profile.or_variables(&app.settings, name.and_then(|name| document.profile(name)))?;
        let is_interactive = !key.is_given() && app.output.can_prompt();
        let (name, profile) = if is_interactive {
            app.block_on(interactive::ask_profile(&args, name, &document, app))?
        } else {
            let (source, key) = key.read(app)?;
            args.read_profile(name, source, &key, &document, app)?
        };
        save_profile(&name, &profile, is_interactive, app)
    }
}

impl ProfileArgs {
    /// Uses environment variables where no flag is given. The profile that is replaced may allow plain HTTP to its host.
    fn or_variables(mut self, settings: &Settings, old: Option<&Profile>) -> Result<Self, Error> {
        let variables = &settings.variables;
        let not_blank = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        self.username = not_blank(self.username).or_else(|| variables.username.clone());
        self.merchant_id = not_blank(self.merchant_id).or_else(|| variables.merchant_id.clone());
        let old = old.filter(|old| old.environment == Environment::Local);
        self.allow_http = settings.allow_http.clone().or_else(|| old?.allow_http.clone());
        let flag = self.base_url.as_deref().map(|text| ("--base-url", text));
        let url = flag.or_else(|| Some(("KUSTOM_BASE_URL", variables.base_url.as_deref()?)));
        let parse = |(source, text)| {
            BaseUrl::parse_allowing(text, self.allow_http.as_deref())
                .map_err(|error| unusable_base_url(source, error))
        };
        self.parsed_base_url = url.map(parse).transpose()?;
        Ok(self)
    }

    /// The environment of the flag, the key or the host.
    fn environment(&self, key: &ApiKey) -> Option<Environment> {
        self.environment.or_else(|| match key.kind() {
            KeyKind::Live => Some(Environment::Production),
            KeyKind::Test => Some(Environment::Playground),
            KeyKind::Unmarked => Environment::of_host(self.parsed_base_url.as_ref()?.host()),
        })
    }

    /// The profile without prompts.
    fn read_profile(
        &self,
        name: Option<&str>,
        source: KeySource,
        key: &ApiKey,
        document: &Document,
        app: &App,
    ) -> Result<(String, Profile), Error> {
        let environment = self.environment(key).ok_or_else(|| {
            Error::new(ErrorKind::Unconfirmed, "the key does not show which environment it is for")
                .hint("give it with --environment production, playground or local")
        })?;
        let name = name.map(str::to_owned).or_else(|| default_name(environment)).ok_or_else(|| {
            Error::usage("a profile of the environment 'local' needs a name of its own")
                .hint("name it with --profile NAME")
        })?;
        let profile = self.to_profile(environment, source, document.profile(&name));
        let account = app.account_of(&name, &profile)?;
        account.check_key(key)?;
        app.block_on(verify_key(app, account, self))?;
        Ok((name, profile))
    }

    /// The profile that replaces `old`. Values that are not given are kept if the environment is the same, except the
    /// username, which was issued with the key.
    fn to_profile(&self, environment: Environment, key: KeySource, old: Option<&Profile>) -> Profile {
        let old = old.filter(|old| old.environment == environment).cloned();
        let mut profile = old.unwrap_or_else(|| Profile::new(environment));
        profile.set_key(key);
        profile.username.clone_from(&self.username);
        profile.merchant_id = self.merchant_id.clone().or(profile.merchant_id);
        profile.location = self.location.clone().or(profile.location);
        profile.currency = self.currency.map(|currency| currency.to_string()).or(profile.currency);
        profile.base_url = self.parsed_base_url.as_ref().map(ToString::to_string).or(profile.base_url);
        profile.completions = self.completions.or(profile.completions);
        if environment == Environment::Local && self.parsed_base_url.as_ref().is_some_and(is_plain_http) {
            profile.allow_http.clone_from(&self.allow_http);
        }
        profile
    }
}

impl KeyArgs {
    const fn is_given(&self) -> bool {
        let Self { stdin, file, command, argument } = self;
        *stdin || file.is_some() || command.is_some() || argument.is_some()
    }

    fn read(self, app: &App) -> Result<(KeySource, ApiKey), Error> {
        const HINT: &str = "give it with --api-key-stdin, --api-key-file FILE or --api-key-command COMMAND";
        let Self { stdin, file, command, argument } = self;
        if argument.is_some() {
            let message = "a key is never an argument, where other users of this machine could see it";
            return Err(Error::usage(message).hint(HINT));
        }
        if let Some(command) = command {
            let key = app.key_from_command(&command)?;
            return Ok((KeySource::Command(command), key));
        }
        let (bytes, origin) = match file {
            Some(path) => (args::read_file(&path)?, path.display().to_string()),
            None if stdin => (app.output.read_stdin()?, "standard input".to_owned()),
            None => return Err(Error::new(ErrorKind::Unconfirmed, "the API key is missing").hint(HINT)),
        };
        let invalid = |reason: String| Error::usage(format!("{origin} holds no API key: {reason}"));
        let text = decode_text(&bytes).ok_or_else(|| invalid("it is not text".to_owned()))?;
        let key = ApiKey::parse(&text).map_err(|error| invalid(error.to_string()))?;
        Ok((KeySource::Stored(key.clone()), key))
    }
}

/// Plain HTTP to another machine.
fn is_plain_http(url: &BaseUrl) -> bool {
    url.is_local() && !url.is_loopback()
}

/// The default name of a profile. `local` is taken by the built-in profile.
fn default_name(environment: Environment) -> Option<String> {
    Some(environment.to_string()).filter(|name| check_name(name).is_ok())
}

/// Checks the key with a read-only request, unless `--no-check` is given. Fails if the API rejects the key or cannot be reached.
async fn verify_key(app: &App, account: Account, args: &ProfileArgs) -> Result<(), Error> {
    if args.no_check {
        return Ok(());
    }
    let context = app.connect_as(account)?;
    let request = Request::new(Method::GET, "/ipp/v1/devices").query("page_size", "1");
    let Err(error) = context.client.send(&request).await else { return Ok(()) };
    let status = error.status().unwrap_or_default();
    let error = Error::from(error);
    match error.kind {
        ErrorKind::Credentials => Err(error.hint("nothing was stored")),
        ErrorKind::Refused | ErrorKind::NotFound => {
            app.output.warn(&format!(
                "the API responded with {status}, which does not show whether the key is valid: {}",
                error.message
            ));
            Ok(())
        }
        _ => Err(error.hint("nothing was stored; --no-check stores the key without a call")),
    }
}

fn save_profile(name: &str, profile: &Profile, is_interactive: bool, app: &App) -> Result<ExitStatus, Error> {
    let store = app.settings.store();
    let (action, row) = store.change(|document| {
        let action = if document.profile(name).is_some() { "Replaced" } else { "Stored" };
        document.insert(name, profile.clone());
        if document.active().is_none() {
            document.set_active(Some(name));
        }
        Ok::<_, Error>((action, ProfileRow::new(name, document.active(), profile)))
    })?;
    app.output.print_item(&row)?;
    let path = store.path().display();
    let mode = if cfg!(unix) { " (mode 0600: only you can read it)" } else { "" };
    app.output.status(&format!("{action} the profile '{name}' in {path}{mode}."));
    let mut is_active = row.active;
    if !is_active && is_interactive {
        let document = store.read()?;
        let question = format!("The active profile is '{}'.", document.active().unwrap_or_default());
        is_active = app.block_on(app.output.ask_yes_no(&question, "Switch to the new one?", true))?;
        if is_active {
            store.change(|document| {
                document.set_active(Some(name));
                Ok::<_, Error>(())
            })?;
        }
    }
    if is_active {
        app.output.status("It is the active profile.");
        app.output.status("Pair a phone: kustom enrollments pair");
    } else {
        app.output.status(&format!("Pair a phone: kustom --profile {name} enrollments pair"));
        app.output.status(&format!("Use it always: kustom profiles use {name}"));
    }
    let overriding = app.settings.variables.profile.as_deref().filter(|other| *other != name);
    if let Some(other) = overriding {
        let hints = ["unset KUSTOM_PROFILE to use the active profile".to_owned()];
        app.output.warn_with_hints(
            &format!("KUSTOM_PROFILE is set, so '{other}' is used instead of '{name}'"),
            &hints,
        );
    }
    Ok(ExitStatus::Success)
}
