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
  kustom demo | less                 # at one's own pace

Next:
  kustom --profile local devices list
  kustom login                       # with an account
";

/// The whole flow on the embedded emulator, each command shown
///
/// Needs no account and no network. It runs this program with a state of its own, shows each command as you would
/// type it with its real output, and leaves nothing behind.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self {} = self;
        let folder =
            tempfile::tempdir().map_err(|error| Error::usage(format!("no temporary folder: {error}")))?;
        let program = std::env::current_exe().map_err(|error| cannot_run(&error))?;
        let mut demo = Demo {
            output: &app.output,
            program,
            folder: folder.path().to_owned(),
            steps: app.output.list_writer(),
        };
        app.block_on(async {
            demo.play().await?;
            if app.output.format() == Format::Table { Ok(()) } else { demo.steps.finish() }
        })?;
        Ok(ExitStatus::Success)
    }
}

/// One command of the demo, for a script.
#[derive(Debug, Serialize)]
struct Step {
    /// As a person types it.
    command: String,
    exit_code: i32,
    /// What it wrote to stdout, as JSON.
    output: Value,
}

impl View for Step {
    const NOUN: &'static str = "step";
    const COLUMNS: &'static [Column<Self>] = &[];
}

struct Demo<'a> {
    output: &'a Output,
    program: PathBuf,
    folder: PathBuf,
    steps: ListWriter<'a, Step>,
}

impl Demo<'_> {
    async fn play(&mut self) -> Result<(), Error> {
        self.say("A store, a till and two sales, on an emulator inside this program.")?;
        self.say("All of it works without an account: KUSTOM_PROFILE=local chooses the emulator.")?;
        self.step("locations list").await?;
        self.step("dev create-device --name 'Till 1' --location 'Stockholm City'").await?;

        self.say("A customer pays 249.50 kronor. A person taps a card; here the tap is simulated.")?;
        let paid = self.create("249.50", "receipt-1001").await?;
        self.watch_while(&paid, &format!("dev simulate-tap {paid}")).await?;

        self.say("The next card is declined. The session stays open, and the clerk calls it off.")?;
        let declined = self.create("89.00", "receipt-1002").await?;
        self.step(&format!("dev simulate-tap {declined} --outcome insufficient-funds")).await?;
        self.watch_while(&declined, &format!("sessions cancel {declined}")).await?;
        self.say("The exit code of the wait was 10, which a script can tell from 0. See `kustom help`.")
    }

    /// Says something between the commands.
    fn say(&self, text: &str) -> Result<(), Error> {
        if self.output.format() == Format::Table {
            self.output.print(&format!("\n# {text}\n"))?;
        }
        Ok(())
    }

    /// Runs a command to its end.
    async fn step(&mut self, command: &str) -> Result<String, Error> {
        self.show(command)?;
        let child = self.spawn(command)?;
        self.collect(command, String::new(), child).await
    }

    /// Creates a session and gives its id.
    async fn create(&mut self, amount: &str, reference: &str) -> Result<String, Error> {
        let command = format!(
            "sessions create --device 'Till 1' --amount {amount} --currency SEK --reference {reference}"
        );
        let output = self.step(&command).await?;
        let mut words = output.split(|character: char| !character.is_ascii_hexdigit() && character != '-');
        words
            .find_map(|word| word.parse::<Uuid>().ok())
            .map(|id| id.to_string())
            .ok_or_else(|| Error::new(ErrorKind::Bug, "the session that was created has no id"))
    }

    /// Runs a wait in the background, and a command as soon as the wait has seen the session.
    async fn watch_while(&mut self, session: &str, command: &str) -> Result<(), Error> {
        let watch = format!("sessions watch {session} --interval 100ms");
        self.show(&format!("{watch} &"))?;
        // A JSON document comes at the end only; what shows that the wait has begun is its first object.
        let format = if self.output.format() == Format::Table { "table" } else { "ndjson" };
        let mut child = self.spawn_as(&watch, format)?;
        let mut first = String::new();
        if let Some(stdout) = child.stdout.take() {
            let mut reader = BufReader::new(stdout);
            reader.read_line(&mut first).await.map_err(|error| cannot_run(&error))?;
            self.print(&first)?;
            self.step(command).await?;
            let mut rest = String::new();
            reader.read_to_string(&mut rest).await.map_err(|error| cannot_run(&error))?;
            self.print(&rest)?;
            first.push_str(&rest);
        }
        self.collect(&watch, first, child).await.map(|_| ())
    }

    fn show(&self, command: &str) -> Result<(), Error> {
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
        let color = if self.output.has_colors() { "always" } else { "never" };
        let mut child = Command::new(&self.program);
        for name in ["KUSTOM_API_KEY", "KUSTOM_USERNAME", "KUSTOM_MERCHANT_ID", "KUSTOM_BASE_URL"] {
            child.env_remove(name);
        }
        child
            .args(words(command))
            .args(["--color", color])
            .env("KUSTOM_PROFILE", "local")
            .env("KUSTOM_OUTPUT", format)
            .env("KUSTOM_CONFIG", self.folder.join("profiles.toml"))
            .env("KUSTOM_STATE", &self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| cannot_run(&error))
    }

    /// Waits for a command and shows what it wrote: both streams, as a person in front of a terminal sees them.
    async fn collect(&mut self, command: &str, before: String, child: Child) -> Result<String, Error> {
        let output = child.wait_with_output().await.map_err(|error| cannot_run(&error))?;
        let written = format!("{before}{}", String::from_utf8_lossy(&output.stdout));
        let exit_code = output.status.code().unwrap_or(-1);
        // 10 is how the wait for the cancelled session ends.
        if !matches!(exit_code, 0 | 10) {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Error::new(
                ErrorKind::Bug,
                format!("`kustom {command}` ended with {exit_code}:\n{said}"),
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

/// The words of a command line as a shell splits them; quotation marks are single here.
fn words(command: &str) -> Vec<String> {
    command
        .split('\'')
        .enumerate()
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

fn cannot_run(error: &std::io::Error) -> Error {
    Error::usage(format!("this program cannot be run by itself: {error}"))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_command_is_split_as_a_shell_does() {
        assert_eq!(words("a --name 'Till 1' b"), ["a", "--name", "Till 1", "b"]);
    }
}
