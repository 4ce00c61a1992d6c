//! Measures a child process. `getrusage` reports the largest of all children, so this process has only one, and uses less
//! memory itself.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::json;

use super::Error;

pub(super) struct MeasuredProcess {
    child: Child,
    started: Instant,
}

pub(super) struct Usage {
    pub(super) status: ExitStatus,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    pub(super) peak_kib: i64,
}

impl MeasuredProcess {
    pub(super) fn start(program: &str, args: &[impl AsRef<std::ffi::OsStr>]) -> Result<Self, Error> {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let started = Instant::now();
        let child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
        Ok(Self { child, started })
    }

    pub(super) fn stdout(&mut self) -> Result<impl BufRead + use<>, Error> {
        let stdout = self.child.stdout.take().ok_or("stdout was already taken")?;
        Ok(BufReader::with_capacity(64 * 1024, stdout))
    }

    pub(super) fn wait(mut self) -> Result<Usage, Error> {
        let status = self.child.wait()?;
        let wall = self.started.elapsed();
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let cpu = duration(usage.user_time()) + duration(usage.system_time());
        Ok(Usage { status, wall, cpu, peak_kib: usage.max_rss() })
    }
}

/// Runs a command and prints its peak memory.
pub(super) fn measure(program: &str, args: &[&str]) -> Result<(), Error> {
    let mut process = MeasuredProcess::start(program, args)?;
    std::io::copy(&mut process.stdout()?, &mut std::io::sink())?;
    let usage = process.wait()?;
    println!("{}", json!({"exit": usage.status.code(), "peak_kib": usage.peak_kib}));
    Ok(())
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn duration(time: TimeVal) -> Duration {
    let micros = time.tv_sec().unsigned_abs() * 1_000_000 + time.tv_usec().unsigned_abs();
    Duration::from_micros(micros)
}
