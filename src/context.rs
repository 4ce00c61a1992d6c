//! The values that commands run with: an [`App`], and an [`ApiContext`] for commands that call the API. The account of an
//! [`ApiContext`] has passed the guards.

use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::api::{Client, Credentials, Event, Transport, format_event};
use crate::child::{self, ChildError};
use crate::emulator::FileEmulator;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::http_client::HttpClient;
use crate::ledger::{
    AccountId, DatabaseUrl, Ledger, LedgerLocation, Origin, Outbox, PostgresStorage, SqliteStorage, Storage,
    find_password, fingerprint,
};
use crate::output::Output;
use crate::profiles::{Document, Environment, KeySource, LOCAL, Profile};
use crate::secret::{ApiKey, Secret, register};
use crate::settings::{Account, DEFAULT_REQUEST_TIMEOUT, DirectorySettings, Endpoint, EnvVars, Settings};
use crate::signals::{Interrupts, start_listener};
use crate::text::decode_text;

pub(crate) struct App {
    pub settings: Settings,
    pub output: Rc<Output>,
    /// Canceled by Ctrl-C, SIGTERM and the end of the terminal.
    pub cancel: CancellationToken,
    /// Canceled when that happens a second time: the command exits without cleaning up.
    pub abort: CancellationToken,
    pub interrupts: Arc<Interrupts>,
}

#[derive(Clone)]
pub(crate) struct ApiContext<'a> {
    pub settings: &'a Settings,
    pub output: &'a Output,
    pub account: Account,
    pub client: Client,
    /// See [`App::cancel`]. The client's requests end with it.
    pub cancel: CancellationToken,
    /// See [`App::abort`].
    pub abort: CancellationToken,
    pub interrupts: Arc<Interrupts>,
    key_fingerprint: String,
    ledger: Rc<OnceCell<Ledger>>,
}

impl App {
    pub(crate) fn new(settings: Settings) -> Self {
        let (cancel, abort) = (CancellationToken::new(), CancellationToken::new());
        let output = Output::new(settings.output.clone()).with_timeout(settings.timeout);
        let output = Rc::new(output);
        Self { settings, output, cancel, abort, interrupts: Arc::default() }
    }

    /// The host of a private network to which plain HTTP is allowed: that of the flag, the variable, or the profile of an
    /// emulator.
    pub(crate) fn allow_http(&self) -> Option<String> {
        self.settings.allow_http.clone().or_else(|| {
            let profiles = self.settings.store().read().ok()?;
            let name = self.settings.profile_name(profiles.active())?;
            let profile = profiles.profile(&name.value)?;
            profile.allow_http.clone().filter(|_| profile.environment == Environment::Local)
        })
    }

    /// The account that flags, variables and profiles name.
    pub(crate) fn account(&self) -> Result<Account, Error> {
        if self.settings.is_local() {
            // The built-in profile must work even if the profiles file is damaged.
            return Account::resolve(&self.settings, &Document::default());
        }
        Account::resolve(&self.settings, &self.settings.store().read()?)
    }

    /// The account of a profile as it is stored, without environment variables and without the directory's settings.
    pub(crate) fn account_of(&self, name: &str, profile: &Profile) -> Result<Account, Error> {
        let mut document = Document::default();
        document.insert(name, profile.clone());
        let settings = Settings {
            profile: Some(name.to_owned()),
            variables: EnvVars::default(),
            directory: DirectorySettings::default(),
            ..self.settings.clone()
        };
        Account::resolve(&settings, &document)
    }

    /// Creates a client for the account. Sends nothing.
    pub(crate) fn connect(&self) -> Result<ApiContext<'_>, Error> {
        self.connect_as(self.account()?)
    }

    pub(crate) fn connect_as(&self, account: Account) -> Result<ApiContext<'_>, Error> {
        self.connect_with_timeout(account, self.settings.request_timeout())
    }

    /// Creates a client for a command whose `--timeout` limits a wait. Its requests get the default timeout: a short wait
    /// for the outcome of a session must not interrupt the request that creates it.
    pub(crate) fn connect_to_wait(&self) -> Result<ApiContext<'_>, Error> {
        self.output
            .set_deadline(self.settings.timeout.and_then(|timeout| Instant::now().checked_add(timeout)));
        self.connect_with_timeout(self.account()?, DEFAULT_REQUEST_TIMEOUT)
    }

    fn connect_with_timeout(&self, account: Account, timeout: Duration) -> Result<ApiContext<'_>, Error> {
        let key = self.read_key(&account)?;
        let value = |sourced: &Option<crate::settings::Sourced<String>>| {
            sourced.as_ref().map(|sourced| sourced.value.clone())
        };
        let key_fingerprint = fingerprint(&key);
        let credentials =
            Credentials { key, username: value(&account.username), merchant_id: value(&account.merchant_id) };
        let output = Rc::clone(&self.output);
        let trace = Box::new(move |event: &Event<'_>| {
            if let Event::RepeatedPage { request } = event {
                output.warn(&format!(
                    "{} returned the same page twice, so the list may be incomplete",
                    request.summary()
                ));
            }
            if let Some(text) = format_event(event, output.verbosity()) {
                output.message(&text);
            }
        });
        let client =
            Client::new(self.transport(&account, timeout)?, account.base_url()?, &credentials, trace)
                .ok_or_else(|| Error::usage("the merchant ID has characters that cannot be sent"))?
                .with_emulator_token(self.settings.variables.emulator_token.as_ref())
                .with_cancel(self.cancel.clone());
        Ok(ApiContext {
            settings: &self.settings,
            output: &self.output,
            account,
            client,
            cancel: self.cancel.clone(),
            abort: self.abort.clone(),
            interrupts: Arc::clone(&self.interrupts),
            key_fingerprint,
            ledger: Rc::default(),
        })
    }

    /// Opens the ledger for a command that needs no client. Only an emulator gets a request, for
    /// its instance.
    pub(crate) async fn open_ledger(&self, account: &Account) -> Result<Ledger, Error> {
        if account.environment.value == Environment::Local {
            return self.connect_as(account.clone())?.open_ledger().await;
        }
        let key_fingerprint = match &account.key.value {
            KeySource::Stored(key) => Some(fingerprint(key)),
            KeySource::Command(_) => None,
        };
        open_ledger(&self.settings, account, key_fingerprint, None).await
    }

    /// Runs a command that needs an account, until it finishes or is interrupted.
    pub(crate) fn run_with_api<'a, F>(
        &'a self,
        command: impl FnOnce(ApiContext<'a>) -> F,
    ) -> Result<ExitStatus, Error>
    where
        F: Future<Output = Result<ExitStatus, Error>>,
    {
        let context = self.connect()?;
        self.block_on(command(context))
    }

    /// Runs `work` until it finishes or is interrupted.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.block_on_with_cleanup(run_until_cancelled(&self.cancel, work))
    }

    /// Runs `work` that cleans up when [`App::cancel`] is canceled. Only a second signal ends it early.
    pub(crate) fn block_on_with_cleanup<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| cannot_start(&error))?;
        self.listen_for_signals()?;
        let result = runtime.block_on(run_until_cancelled(&self.abort, work));
        // The thread that resolves names cannot be stopped, so it is not waited for.
        runtime.shutdown_background();
        result
    }

    fn listen_for_signals(&self) -> Result<(), Error> {
        start_listener(&self.cancel, &self.abort, &self.interrupts).map_err(|error| cannot_start(&error))
    }

    /// The account's key. A stored key was checked against the environment when the account was resolved; the key that a
    /// command prints is checked here.
    fn read_key(&self, account: &Account) -> Result<ApiKey, Error> {
        match &account.key.value {
            KeySource::Stored(key) => Ok(key.clone()),
            KeySource::Command(command) => {
                let key = self.key_from_command(command)?;
                account.check_key(&key)?;
                Ok(key)
            }
        }
    }

    /// Runs a command that prints the API key in its first line, as password managers do. It may prompt for a
    /// password on the terminal, but standard input belongs to the script that runs kustom.
    pub(crate) fn key_from_command(&self, command: &str) -> Result<ApiKey, Error> {
        self.listen_for_signals()?;
        let what = ["the command for the API key", "the profile's api_key_command"];
        let text = output_of(command, &self.settings, ErrorKind::Credentials, what)?;
        let first = text.lines().next().unwrap_or_default();
        ApiKey::parse(first).map_err(|error| {
            Error::new(
                ErrorKind::Credentials,
                format!("the command for the API key printed no key in its first line: {error}"),
            )
            .hint("run the profile's api_key_command by itself to see its output")
        })
    }

    fn transport(&self, account: &Account, timeout: Duration) -> Result<Box<dyn Transport>, Error> {
        Ok(match &account.endpoint {
            Endpoint::InProcess => Box::new(FileEmulator::new(self.settings.paths.local_state()).router()),
            Endpoint::Remote(url) => {
                let client = HttpClient::new(url.value.url(), timeout).map_err(|message| {
                    Error::usage(message).hint("nothing was sent; correct the environment variable")
                })?;
                Box::new(client)
            }
        })
    }
}

async fn open_ledger(
    settings: &Settings,
    account: &Account,
    key_fingerprint: Option<String>,
    instance: Option<String>,
) -> Result<Ledger, Error> {
    let id = AccountId {
        environment: Some(account.environment.value.to_string()),
        host: Some(account.base_url()?.authority()),
        instance,
        merchant_id: account.merchant_id.as_ref().map(|id| id.value.clone()),
        key_fingerprint,
    };
    let state = &settings.paths.state;
    let sqlite = SqliteStorage::new(state);
    let mut ledger = match &account.ledger.value {
        LedgerLocation::Sqlite => Ledger::new(Storage::Sqlite(sqlite), id),
        LedgerLocation::Postgres(url) => {
            let storage = Storage::Postgres(Box::new(postgres_storage(settings, account, url)?));
            Ledger::new(storage, id).with_outbox(Outbox::new(sqlite)).await?
        }
    };
    let environments = |profile: &str| {
        if profile == LOCAL {
            return Some(Environment::Local.to_string());
        }
        let profiles = settings.store().read().ok()?;
        profiles.profile(profile).map(|profile| profile.environment.to_string())
    };
    ledger.import_journals(state, &environments).await?;
    Ok(ledger)
}

/// The database that several machines share. Connects when it is first used.
pub(crate) fn postgres_storage(
    settings: &Settings,
    account: &Account,
    url: &DatabaseUrl,
) -> Result<PostgresStorage, Error> {
    let variables = &settings.variables;
    let password = match (&variables.ledger_password, &account.ledger_command) {
        (Some(password), _) => Some(password.clone()),
        (None, Some(command)) => Some(ledger_password(command, settings)?),
        (None, None) => find_password(url, variables.ledger_password_file.as_deref())?,
    };
    // Nothing else prints it, and one that is a common word would be redacted everywhere.
    if let Some(password) = &password {
        register(password.expose());
    }
    Ok(PostgresStorage::new(url.clone(), password.as_ref(), &Origin::current()))
}

/// Runs a command that prints the password of the ledger's database.
fn ledger_password(command: &str, settings: &Settings) -> Result<Secret, Error> {
    let what = ["the command for the ledger's password", "the profile's ledger_command"];
    let output = output_of(command, settings, ErrorKind::Unavailable, what)?;
    Ok(Secret::new(output.trim_end_matches(['\r', '\n'])))
}

fn cannot_start(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Bug, format!("cannot start: {error}"))
}

/// How long a command of a profile may take without `--timeout`: long enough to type a password.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// The output of a command of a profile, which may prompt on the terminal. `what` names the command in the error and in the
/// hint, and `failed` is the kind of error of a command that exits with an error.
fn output_of(
    command: &str,
    settings: &Settings,
    failed: ErrorKind,
    what: [&str; 2],
) -> Result<String, Error> {
    let [name, setting] = what;
    let mut shell = shell_command(command);
    // The command may call kustom, which must not take that for a request for completions.
    shell.env_remove(crate::settings::COMPLETE);
    let printed = child::run(shell, settings.timeout.unwrap_or(COMMAND_TIMEOUT)).map_err(|error| {
        let kind = match error {
            ChildError::Interrupted => return Error::new(ErrorKind::Interrupted, "interrupted"),
            ChildError::TimedOut(_) => ErrorKind::Unavailable,
            _ => failed,
        };
        let hint = match error {
            ChildError::TimedOut(_) => format!("run {setting} by itself, or allow more time with --timeout"),
            _ => format!("run {setting} by itself to see its output"),
        };
        Error::new(kind, format!("{name} {error}")).hint(hint)
    })?;
    decode_text(&printed).ok_or_else(|| {
        Error::new(failed, format!("{name} printed invalid UTF-8"))
            .hint(format!("run {setting} by itself to see its output"))
    })
}

#[cfg(not(windows))]
fn shell_command(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
}

/// `cmd` takes everything between the first and the last quotation mark literally, without escapes.
#[cfg(windows)]
fn shell_command(command: &str) -> Command {
    use std::os::windows::process::CommandExt as _;
    let mut shell = Command::new("cmd");
    shell.args(["/D", "/S", "/C"]).raw_arg(format!("\"{command}\""));
    shell
}

/// Runs `work` until it finishes or `token` is canceled. A result that is ready when the token is canceled wins, so the
/// error of a canceled request, which says whether it may have been processed, is not lost.
async fn run_until_cancelled<T>(
    token: &CancellationToken,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    token
        .run_until_cancelled(work)
        .await
        .unwrap_or_else(|| Err(Error::new(ErrorKind::Interrupted, "interrupted")))
}

impl ApiContext<'_> {
    /// Runs `work` until it finishes or is interrupted; for a part of a command that cleans up in another part.
    pub(crate) async fn run_until_cancelled<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        run_until_cancelled(&self.cancel, work).await
    }

    /// The same account for cleaning up: the first signal does not cancel the client's requests, the second does.
    pub(crate) fn for_cleanup(&self) -> Self {
        Self { client: self.client.clone().with_cancel(self.abort.clone()), ..self.clone() }
    }

    /// The ledger of the account, which is opened once.
    pub(crate) async fn ledger(&self) -> Result<&Ledger, Error> {
        self.ledger.get_or_try_init(|| self.open_ledger()).await
    }

    async fn open_ledger(&self) -> Result<Ledger, Error> {
        let instance = match self.account.environment.value {
            // A server that does not say which emulator it is may be any.
            Environment::Local => self.client.emulator_instance().await.ok().flatten(),
            Environment::Production | Environment::Playground => None,
        };
        open_ledger(self.settings, &self.account, Some(self.key_fingerprint.clone()), instance).await
    }

    /// Reports a change in a sentence, and names the profile that it was made to.
    pub(crate) fn report_change(&self, sentence: &str) {
        self.output.report_change(sentence, &format!("[{}]", self.account.describe()));
    }

    /// Fails on production, for commands that only work on playground and emulators.
    pub(crate) fn forbid_production(&self) -> Result<(), Error> {
        if self.account.is_production() {
            return Err(Error::usage("`kustom dev` simulates devices and payments; production has neither")
                .hint("use a playground profile, or --profile local"));
        }
        Ok(())
    }

    /// Fails if production will need a confirmation that nobody can give, before anything is sent.
    pub(crate) fn ensure_can_confirm(&self) -> Result<(), Error> {
        if self.account.is_production() && !self.output.assume_yes() && !self.output.can_prompt() {
            return Err(Error::new(ErrorKind::Unconfirmed, "this is production, and nobody can confirm it")
                .hint("nothing was sent; add --yes to confirm it beforehand"));
        }
        Ok(())
    }

    /// On production, names the merchant and the action, and asks for confirmation.
    pub(crate) async fn confirm(&self, action: &str) -> Result<(), Error> {
        if self.account.is_production() {
            self.output.confirm(&self.question(action)).await?;
        }
        Ok(())
    }

    /// Like [`Self::confirm`] for an action that cannot be undone: the user types the names of the resources.
    pub(crate) async fn confirm_by_name(&self, action: &str, names: &[String]) -> Result<(), Error> {
        if self.account.is_production() {
            self.output.confirm_by_name(&self.question(action), names).await?;
        }
        Ok(())
    }

    fn question(&self, action: &str) -> String {
        let merchant = match &self.account.merchant_id {
            Some(id) => format!("merchant {}", id.value),
            None => "the merchant of this key".to_owned(),
        };
        format!("Production, {merchant}: {}?", crate::text::escape_control(action))
    }
}
