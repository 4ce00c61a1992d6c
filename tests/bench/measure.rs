//! What a process cost: time, processor, memory. The system tells it of children that have ended, so this process
//! has one child only, and is itself smaller than what it measures.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::json;

use super::Failure;

/// A process under measurement, whose output is read.
pub(super) struct Measured {
    child: Child,
    started: Instant,
}

/// What it came to.
pub(super) struct Cost {
    pub(super) status: ExitStatus,
    pub(super) wall: Duration,
    /// Of all its threads, in user and kernel mode.
    pub(super) cpu: Duration,
    pub(super) peak_kib: i64,
}

impl Measured {
    pub(super) fn start(program: &str, args: &[impl AsRef<std::ffi::OsStr>]) -> Result<Self, Failure> {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let started = Instant::now();
        let child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
        Ok(Self { child, started })
    }

    /// What it writes.
    pub(super) fn output(&mut self) -> Result<impl std::io::BufRead + use<>, Failure> {
        let stdout = self.child.stdout.take().ok_or("its output is read already")?;
        Ok(BufReader::with_capacity(64 * 1024, stdout))
    }

    pub(super) fn end(mut self) -> Result<Cost, Failure> {
        let status = self.child.wait()?;
        let wall = self.started.elapsed();
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let cpu = duration(usage.user_time()) + duration(usage.system_time());
        Ok(Cost { status, wall, cpu, peak_kib: usage.max_rss() })
    }
}

/// Runs a command and prints what it cost, and when its first line came.
pub(super) fn measure(program: &str, args: &[&str]) -> Result<(), Failure> {
    let mut measured = Measured::start(program, args)?;
    let mut output = measured.output()?;
    let mut first = Vec::new();
    output.read_until(b'\n', &mut first)?;
    let first_line_at = now();
    let bytes = first.len() as u64 + std::io::copy(&mut output, &mut std::io::sink())?;
    output.read_to_end(&mut first)?;
    let cost = measured.end()?;
    let told = json!({
        "exit": cost.status.code(),
        "bytes": bytes,
        "wall_ms": cost.wall.as_millis(),
        "cpu_ms": cost.cpu.as_millis(),
        "peak_kib": cost.peak_kib,
        "first_line_at_ms": first_line_at,
    });
    println!("{told}");
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
