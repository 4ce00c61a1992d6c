//! What a command is handed: settings and terminal, and for those that need an account, a client.
//!
//! A command's need of credentials is visible in its type: one that takes a [`Context`] sends nothing, one that
//! takes an [`Online`] has passed the guards.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::process::{Command, Stdio};
use std::rc::Rc;

use crate::api::{
    Client, Credentials, Event, HttpTransport, Response, ResponseFuture, SideEffect, Transport,
    TransportError, format_event,
};
use crate::emulator::FileEmulator;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::journal::JournalFile;
use crate::output::Output;
use crate::profiles::KeySource;
use crate::secret::ApiKey;
use crate::settings::{Account, Endpoint, Settings};
use crate::signals::SignalListener;

/// What every command is handed.
pub(crate) struct App {
    /// What flags and variables say.
    pub settings: Settings,
    pub output: Rc<Output>,
    /// The request that changes something and has no answer yet.
    under_way: Rc<RefCell<Option<String>>>,
    /// Whether a command does something of its own when it is interrupted.
    interruption_is_handled: Cell<bool>,
}

/// What a command is handed that speaks for an account.
pub(crate) struct ApiContext<'a> {
    /// What flags and variables say.
    pub settings: &'a Settings,
    pub output: &'a Output,
    /// The account, each value with its source.
    pub account: Account,
    /// The client of that account.
    pub client: Client,
    interruption_is_handled: &'a Cell<bool>,
    under_way: &'a RefCell<Option<String>>,
}

impl App {
    /// The context of this process.
    pub(crate) fn new(settings: Settings) -> Self {
        let output = Rc::new(Output::new(settings.manner));
        Self { settings, output, under_way: Rc::default(), interruption_is_handled: Cell::new(false) }
    }

    /// The account that is asked for. Nothing is sent.
    pub(crate) fn account(&self) -> Result<Account, Error> {
        if self.settings.is_local() {
            // The built-in profile works whatever is in the file.
            return Account::resolve(&self.settings, &crate::profiles::Document::empty());
        }
        Account::resolve(&self.settings, &self.settings.store().read()?)
    }

    /// A client for the account that is asked for. Nothing is sent.
    pub(crate) fn connect(&self) -> Result<ApiContext<'_>, Error> {
        self.connect_as(self.account()?)
    }

    /// A client for this account. Nothing is sent.
    pub(crate) fn connect_as(&self, account: Account) -> Result<ApiContext<'_>, Error> {
        let key = key_of(&account)?;
        account.check_key(&key)?;
        let value = |sourced: &Option<crate::settings::Sourced<String>>| {
            sourced.as_ref().map(|sourced| sourced.value.clone())
        };
        let credentials =
            Credentials { key, username: value(&account.username), merchant_id: value(&account.merchant_id) };
        let (output, under_way) = (Rc::clone(&self.output), Rc::clone(&self.under_way));
        let observer = Box::new(move |event: &Event<'_>| {
            match event {
                Event::Sending { request, .. } if !request.is_safe() => {
                    under_way.replace(Some(request.summary()));
                }
                // Whatever these say, the request has come to its end, or will be sent as if for the first time.
                Event::Answered { status: 200..=299 | 400..=407 | 409..=499, .. }
                | Event::Waiting { carried_out: SideEffect::None, .. } => {
                    under_way.take();
                }
                Event::Sending { .. }
                | Event::Answered { .. }
                | Event::Failed { .. }
                | Event::Waiting { .. } => {}
            }
            if let Some(text) = format_event(event, output.verbosity()) {
                output.message(&text);
            }
        });
        let client = Client::new(self.transport(&account)?, account.base_url()?, &credentials, observer)
            .ok_or_else(|| Error::usage("the merchant id has characters that cannot be sent"))?;
        let interruption_is_handled = &self.interruption_is_handled;
        let (settings, output) = (&self.settings, &*self.output);
        let under_way = &*self.under_way;
        Ok(ApiContext { settings, output, account, client, interruption_is_handled, under_way })
    }

    /// Runs a command that needs an account, until it ends or is interrupted.
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

    /// Runs something that waits, until it ends or is interrupted.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::new(ErrorKind::Bug, format!("cannot start: {error}")))?;
        let result = runtime.block_on(async {
            let mut work = std::pin::pin!(work);
            let mut interruption = SignalListener::listen(self.output.is_interactive());
            loop {
                tokio::select! {
                    biased;
                    result = &mut work => return result,
                    _ = interruption.recv() => {
                        if !self.interruption_is_handled.get() {
                            return Err(self.interrupted());
                        }
                    }
                }
            }
        });
        // The resolver of names runs in a thread that nothing can stop: it is not waited for.
        runtime.shutdown_background();
        result
    }

    /// Leaves what an interruption means to the command, from here on.
    pub(crate) fn take_over_interrupts(&self) {
        self.interruption_is_handled.set(true);
    }

    /// Listens for whoever wants the command to end; for a command that [handles](Self::handle_interruption) it.
    pub(crate) fn interruption(&self) -> SignalListener {
        SignalListener::listen(self.output.is_interactive())
    }

    fn interrupted(&self) -> Error {
        match self.under_way.take() {
            Some(request) => {
                let message = format!("interrupted while waiting for the answer to {request}");
                Error::new(ErrorKind::Unknown, format!("{message}: it may have been carried out"))
                    .hint("look before you send it again")
            }
            None => Error::new(ErrorKind::Interrupted, "interrupted"),
        }
    }

    fn transport(&self, account: &Account) -> Result<Box<dyn Transport>, Error> {
        Ok(match &account.endpoint {
            Endpoint::InProcess => Box::new(InProcess(FileEmulator::new(self.settings.paths.local_state()))),
            Endpoint::Remote(url) => Box::new(
                HttpTransport::new(&url.value, self.settings.request_timeout())
                    .map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string()))?,
            ),
        })
    }
}

/// The journal of an account: one a profile, and one an environment where there is no profile.
pub(crate) fn journal_of(settings: &Settings, account: &Account) -> JournalFile {
    let name = match &account.profile {
        Some(profile) => profile.value.clone(),
        // No profile has a name like this.
        None => format!("@{}", account.environment.value),
    };
    JournalFile::new(&settings.paths.state, &name)
}

fn key_of(account: &Account) -> Result<ApiKey, Error> {
    match &account.key.value {
        KeySource::Stored(key) => Ok(key.clone()),
        KeySource::Command(command) => key_from_command(command),
    }
}

/// Runs the command whose output is the key. It may ask for a password on the terminal.
pub(crate) fn key_from_command(command: &str) -> Result<ApiKey, Error> {
    let failed = |why: String| {
        Error::new(ErrorKind::Credentials, format!("the command for the API key {why}"))
            .hint("run the profile's api_key_command by itself and see what it says")
    };
    let output = shell_command(command)
        // It may call kustom itself.
        .env_remove(crate::settings::COMPLETE)
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(format!("could not be run: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("ended with {}", output.status)));
    }
    let text =
        String::from_utf8(output.stdout).map_err(|_| failed("gave something that is not text".to_owned()))?;
    ApiKey::parse(&text).map_err(|error| failed(format!("gave no key: {error}")))
}

/// A command line as whoever wrote it would type it.
#[cfg(not(windows))]
fn shell_command(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
}

/// The same for `cmd`, which takes all between the first quotation mark and the last as it is, and knows no escapes.
#[cfg(windows)]
fn shell_command(command: &str) -> Command {
    use std::os::windows::process::CommandExt as _;
    let mut shell = Command::new("cmd");
    shell.args(["/D", "/S", "/C"]).raw_arg(format!("\"{command}\""));
    shell
}

/// The emulator inside this process as a transport.
struct InProcess(FileEmulator);

impl Transport for InProcess {
    fn send(&self, request: http::Request<Vec<u8>>) -> ResponseFuture<'_> {
        Box::pin(async move {
            let response = self
                .0
                .handle(request)
                .await
                .map_err(|error| TransportError::State { reason: error.to_string() })?;
            let (head, body) = response.into_parts();
            Ok(Response { status: head.status.as_u16(), headers: head.headers, body })
        })
    }
}

impl ApiContext<'_> {
    /// Whether a request that changes something may have been carried out without an answer so far.
    pub(crate) fn has_in_flight_write(&self) -> bool {
        self.under_way.borrow().is_some()
    }

    /// Leaves what an interruption means to the command, from here on.
    pub(crate) fn handle_interruption(&self) {
        self.interruption_is_handled.set(true);
    }

    /// Listens for whoever wants the command to end; for a command that [handles](Self::handle_interruption) it.
    pub(crate) fn interruption(&self) -> SignalListener {
        SignalListener::listen(self.output.is_interactive())
    }

    /// The journal of this account.
    pub(crate) fn journal(&self) -> JournalFile {
        journal_of(self.settings, &self.account)
    }

    /// Refuses production: for what only playground and emulators have.
    pub(crate) fn forbid_production(&self) -> Result<(), Error> {
        if self.account.is_production() {
            return Err(Error::usage("`kustom dev` simulates devices and payments; production has neither")
                .hint("use a playground profile, or --profile local"));
        }
        Ok(())
    }

    /// Whether a production command can get the confirmation it will need: before anything is sent.
    pub(crate) fn ensure_can_confirm(&self) -> Result<(), Error> {
        if self.account.is_production() && !self.output.assume_yes() && !self.output.can_prompt() {
            return Err(Error::new(
                ErrorKind::Unconfirmed,
                "this is production, and there is nobody to confirm it",
            )
            .hint("nothing was sent; add --yes to confirm it beforehand"));
        }
        Ok(())
    }

    /// On production, names the merchant and what is going to happen, and asks.
    pub(crate) async fn confirm(&self, action: &str) -> Result<(), Error> {
        if !self.account.is_production() {
            return Ok(());
        }
        let question = self.question(action);
        if self.output.confirm(&question).await? {
            return Ok(());
        }
        Err(not_confirmed())
    }

    /// The same for what cannot be undone: whoever is asked types the names of the things.
    pub(crate) async fn confirm_by_name(&self, action: &str, names: &[String]) -> Result<(), Error> {
        if !self.account.is_production() {
            return Ok(());
        }
        if self.output.confirm_by_name(&self.question(action), names).await? {
            return Ok(());
        }
        Err(not_confirmed())
    }

    fn question(&self, action: &str) -> String {
        let merchant = match &self.account.merchant_id {
            Some(id) => format!("merchant {}", id.value),
            None => "the merchant of this key".to_owned(),
        };
        format!("Production, {merchant}: {}?", crate::text::escape_control(action))
    }
}

fn not_confirmed() -> Error {
    Error::new(ErrorKind::Unconfirmed, "not confirmed; nothing was done")
}
