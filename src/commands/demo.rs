//! `kustom demo`

use std::path::PathBuf;
use std::process::Stdio;

use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::output::{Column, Format, ListWriter, Output, View};

const MORE: &str = "\
Examples:
  kustom demo
  kustom demo | less                 # one page at a time

Next:
  kustom --profile local devices list
  kustom login                       # with an account
";

/// Run a sample payment flow on the built-in emulator
///
/// Works offline and without an account. kustom runs each command with a temporary state, prints it together with its
/// output, and removes the state at the end.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self {} = self;
        let dir = tempfile::tempdir()
            .map_err(|error| Error::usage(format!("cannot create a temporary directory: {error}")))?;
        let program = std::env::current_exe().map_err(|error| cannot_run(&error))?;
        let mut demo = Demo {
            output: &app.output,
            program,
            dir: dir.path().to_owned(),
            steps: app.output.list_writer(),
        };
        app.block_on(async {
            demo.run().await?;
            if app.output.format() == Format::Table { Ok(()) } else { demo.steps.finish() }
        })?;
        Ok(ExitStatus::Success)
    }
}

/// A command of the demo, in JSON and CSV.
#[derive(Debug, Serialize)]
struct Step {
    command: String,
    exit_code: i32,
    /// The last JSON document that the command printed.
    output: Value,
}

impl View for Step {
    const NOUN: &'static str = "step";
    const COLUMNS: &'static [Column<Self>] = &[];
}

struct Demo<'a> {
    output: &'a Output,
    program: PathBuf,
    dir: PathBuf,
    steps: ListWriter<'a, Step>,
}

impl Demo<'_> {
    async fn run(&mut self) -> Result<(), Error> {
        self.print_comment("A store, a till and two sales, on an emulator inside this program.")?;
        self.print_comment("No account is needed: KUSTOM_PROFILE=local selects the emulator.")?;
        self.run_step("locations list").await?;
        self.run_step("dev create-device --name 'Till 1' --location 'Stockholm City'").await?;

        self.print_comment("A customer pays 249.50 kronor by card. The tap is simulated.")?;
        let paid = self.create("249.50", "receipt-1001").await?;
        self.watch_while(&paid, &format!("dev simulate-tap {paid}")).await?;

        self.print_comment("The next card is declined. The session stays open, and the clerk cancels it.")?;
        let declined = self.create("89.00", "receipt-1002").await?;
        self.run_step(&format!("dev simulate-tap {declined} --outcome insufficient-funds")).await?;
        self.watch_while(&declined, &format!("sessions cancel {declined}")).await?;
        self.print_comment(
            "The exit code of the watch was 10: the session was cancelled. See `kustom help exit-codes`.",
        )
    }

    fn print_comment(&self, text: &str) -> Result<(), Error> {
        if self.output.format() == Format::Table {
            self.output.print(&format!("\n# {text}\n"))?;
        }
        Ok(())
    }

    async fn run_step(&mut self, command: &str) -> Result<String, Error> {
        self.print_command(command)?;
        let child = self.spawn(command)?;
        self.collect(command, String::new(), child).await
    }

    /// Creates a session and returns its ID.
    async fn create(&mut self, amount: &str, reference: &str) -> Result<String, Error> {
        let command = format!(
            "sessions create --device 'Till 1' --amount {amount} --currency SEK --reference {reference}"
        );
        let output = self.run_step(&command).await?;
        let mut words = output.split(|character: char| !character.is_ascii_hexdigit() && character != '-');
        words
            .find_map(|word| word.parse::<Uuid>().ok())
            .map(|id| id.to_string())
            .ok_or_else(|| Error::new(ErrorKind::Bug, "the created session has no ID"))
    }

    /// Watches a session in the background, and runs a command once the watch has printed the session.
    async fn watch_while(&mut self, session: &str, command: &str) -> Result<(), Error> {
        let watch = format!("sessions watch {session} --interval 100ms");
        self.print_command(&format!("{watch} &"))?;
        // NDJSON prints the first object at once, JSON prints one document at the end.
        let format = if self.output.format() == Format::Table { "table" } else { "ndjson" };
        let mut child = self.spawn_as(&watch, format)?;
        let mut first = String::new();
        if let Some(stdout) = child.stdout.take() {
            let mut reader = BufReader::new(stdout);
            reader.read_line(&mut first).await.map_err(|error| cannot_run(&error))?;
            self.print(&first)?;
            self.run_step(command).await?;
            let mut rest = String::new();
            reader.read_to_string(&mut rest).await.map_err(|error| cannot_run(&error))?;
            self.print(&rest)?;
            first.push_str(&rest);
        }
        self.collect(&watch, first, child).await.map(|_| ())
    }

    fn print_command(&self, command: &str) -> Result<(), Error> {
        if self.output.format() == Format::Table {
            self.output.print(&format!("\n$ kustom {command}\n"))?;
        }
        self.output.flush()
    }

    fn print(&self, text: &str) -> Result<(), Error> {
        if self.output.format() == Format::Table {
            self.output.print(text)?;
        }
        self.output.flush()
    }

    fn spawn(&self, command: &str) -> Result<Child, Error> {
        let format = if self.output.format() == Format::Table { "table" } else { "json" };
        self.spawn_as(command, format)
    }

    fn spawn_as(&self, command: &str, format: &str) -> Result<Child, Error> {
        let words = shell_words::split(command)
            .map_err(|error| Error::new(ErrorKind::Bug, format!("`{command}`: {error}")))?;
        let color = if self.output.has_colors() { "always" } else { "never" };
        let mut child = Command::new(&self.program);
        for name in ["KUSTOM_API_KEY", "KUSTOM_USERNAME", "KUSTOM_MERCHANT_ID", "KUSTOM_BASE_URL"] {
            child.env_remove(name);
        }
        child
            .args(words)
            .args(["--color", color])
            .env("KUSTOM_PROFILE", "local")
            .env("KUSTOM_OUTPUT", format)
            .env("KUSTOM_CONFIG", self.dir.join("profiles.toml"))
            .env("KUSTOM_STATE", &self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| cannot_run(&error))
    }

    /// Waits for a command and prints both of its streams, as on a terminal.
    async fn collect(&mut self, command: &str, before: String, child: Child) -> Result<String, Error> {
        let output = child.wait_with_output().await.map_err(|error| cannot_run(&error))?;
        let written = format!("{before}{}", String::from_utf8_lossy(&output.stdout));
        let exit_code = output.status.code().unwrap_or(-1);
        // The watch of the cancelled session exits with 10.
        if !matches!(exit_code, 0 | 10) {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(Error::new(
                ErrorKind::Bug,
                format!("`kustom {command}` exited with {exit_code}:\n{stderr}"),
            ));
        }
        if self.output.format() == Format::Table {
            self.output.print_bytes(&output.stdout)?;
            self.output.print_bytes(&output.stderr)?;
        } else {
            let documents = serde_json::Deserializer::from_str(&written).into_iter::<Value>();
            let output = documents.last().and_then(Result::ok).unwrap_or_default();
            self.steps.push(Step { command: format!("kustom {command}"), exit_code, output })?;
        }
        self.output.flush()?;
        Ok(written)
    }
}

fn cannot_run(error: &std::io::Error) -> Error {
    Error::usage(format!("cannot run kustom: {error}"))
}
