use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::commands::help::text::after_help;
use crate::context::App;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::output::Output;

/// Run a sample payment flow on the built-in emulator
///
/// Works offline and without an account. kustom runs each command with a temporary state, prints it together with its
/// output, and removes the state at the end.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom demo
  kustom demo | less                 # one page at a time

Next:
  kustom --profile local devices list
  kustom login                       # with an account
"))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let Self {} = self;
        let dir = tempfile::tempdir()
            .map_err(|error| Error::usage(format!("cannot create a temporary directory: {error}")))?;
        let program = std::env::current_exe().map_err(|error| process_error(&error))?;
        let is_table = app.output.format().is_table();
        let mut demo = Demo { output: &app.output, is_table, program, dir: dir.path(), steps: Vec::new() };
        app.block_on(demo.run())?;
        if !is_table {
            app.output.print_json(&Value::Array(demo.steps))?;
        }
        Ok(ExitStatus::Success)
    }
}

struct Demo<'a> {
    output: &'a Output,
    /// Whether to print the output of the commands as they print it, instead of a list of steps.
    is_table: bool,
    program: PathBuf,
    dir: &'a Path,
    /// Each command with its exit code and the JSON that it printed.
    steps: Vec<Value>,
}

impl Demo<'_> {
    async fn run(&mut self) -> Result<(), Error> {
        self.print_text("\n# A store, a till and two sales, on an emulator inside this program.\n")?;
        self.print_text("\n# No account is needed: KUSTOM_PROFILE=local selects the emulator.\n")?;
        self.run_command("locations list").await?;
        self.run_command("dev create-device --name 'Till 1' --location 'Stockholm City'").await?;

        self.print_text("\n# A customer pays 249.50 kronor by card. The tap is simulated.\n")?;
        let paid = self.create_session("249.50", "receipt-1001").await?;
        self.run_during_watch(&paid, &format!("dev simulate-tap {paid}")).await?;

        self.print_text(
            "\n# The next card is declined. The session stays open, and the clerk cancels it.\n",
        )?;
        let declined = self.create_session("89.00", "receipt-1002").await?;
        self.run_command(&format!("dev simulate-tap {declined} --outcome insufficient-funds")).await?;
        self.run_during_watch(&declined, &format!("sessions cancel {declined}")).await?;
        self.print_text(
            "\n# The exit code of the watch was 10: the session was canceled. See `kustom help exit-codes`.\n",
        )
    }

    fn print_text(&self, text: &str) -> Result<(), Error> {
        if self.is_table {
            self.output.print(text)?;
        }
        self.output.flush()
    }

    async fn run_command(&mut self, command: &str) -> Result<String, Error> {
        self.print_text(&format!("\n$ kustom {command}\n"))?;
        let child = self.spawn(command, "json")?;
        self.finish(command, String::new(), child).await
    }

    /// Returns the ID of the session.
    async fn create_session(&mut self, amount: &str, reference: &str) -> Result<String, Error> {
        let command = format!(
            "sessions create --device 'Till 1' --amount {amount} --currency SEK --reference {reference}"
        );
        let output = self.run_command(&command).await?;
        let mut words = output.split(|character: char| !character.is_ascii_hexdigit() && character != '-');
        let id = words.find_map(|word| word.parse::<Uuid>().ok());
        id.map(|id| id.to_string()).ok_or_else(|| Error::new(ErrorKind::Bug, "the new session has no ID"))
    }

    /// Runs a command while `sessions watch` is running, as soon as it has printed the session's status.
    async fn run_during_watch(&mut self, session: &str, command: &str) -> Result<(), Error> {
        let watch = format!("sessions watch {session} --interval 100ms");
        self.print_text(&format!("\n$ kustom {watch} &\n"))?;
        let mut child = self.spawn(&watch, "ndjson")?;
        let mut output = String::new();
        if let Some(stdout) = child.stdout.take() {
            let mut reader = BufReader::new(stdout);
            reader.read_line(&mut output).await.map_err(|error| process_error(&error))?;
            self.print_text(&output)?;
            self.run_command(command).await?;
            let status_len = output.len();
            reader.read_to_string(&mut output).await.map_err(|error| process_error(&error))?;
            self.print_text(output.get(status_len..).unwrap_or_default())?;
        }
        self.finish(&watch, output, child).await.map(drop)
    }

    /// Starts a command on the emulator, whatever account is configured.
    fn spawn(&self, command: &str, json_format: &str) -> Result<Child, Error> {
        let mut child = Command::new(&self.program);
        for name in
            ["KUSTOM_API_KEY", "KUSTOM_USERNAME", "KUSTOM_MERCHANT_ID", "KUSTOM_BASE_URL", "KUSTOM_LEDGER"]
        {
            child.env_remove(name);
        }
        child
            .args(shell_words::split(command).unwrap_or_default())
            .args(["--color", if self.output.has_colors() { "always" } else { "never" }])
            .env("KUSTOM_PROFILE", "local")
            .env("KUSTOM_OUTPUT", if self.is_table { "table" } else { json_format })
            .env("KUSTOM_CONFIG", self.dir.join("profiles.toml"))
            .env("KUSTOM_STATE", self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| process_error(&error))
    }

    /// Waits for a command that has already printed `output`, and returns its complete output.
    async fn finish(&mut self, command: &str, mut output: String, child: Child) -> Result<String, Error> {
        let result = child.wait_with_output().await.map_err(|error| process_error(&error))?;
        let exit_code = result.status.code().unwrap_or(-1);
        let stderr = String::from_utf8_lossy(&result.stderr);
        // `sessions watch` exits with 10 for the canceled session.
        if !matches!(exit_code, 0 | 10) {
            let first = format!("`kustom {command}` exited with {exit_code}:");
            return Err(Error::with_lines(ErrorKind::Bug, [&*first].into_iter().chain(stderr.lines())));
        }
        if self.is_table {
            self.output.print_bytes(&result.stdout)?;
            self.output.print_bytes(&result.stderr)?;
            self.output.flush()?;
        }
        output.push_str(&String::from_utf8_lossy(&result.stdout));
        let documents = serde_json::Deserializer::from_str(&output).into_iter::<Value>();
        let document = documents.last().and_then(Result::ok).unwrap_or_default();
        let command = format!("kustom {command}");
        self.steps.push(json!({"command": command, "exit_code": exit_code, "output": document}));
        Ok(output)
    }
}

fn process_error(error: &std::io::Error) -> Error {
    Error::usage(format!("cannot run kustom as a child process: {error}"))
}
