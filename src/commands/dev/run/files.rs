//! The files of scenarios, and those that are written.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::args::Input;
use crate::error::{Error, ErrorKind};
use crate::fs::{io_error_message, parent_dir};
use crate::output::Output;
use crate::scenario::{Diagnostic, Scenario, builtin, parse};
use crate::text::escape_control;

const SUFFIX: &str = "toml";

/// What standard input is called where a file is named.
const STDIN: &str = "stdin";

/// Reads every scenario, or those of the program where no file is named. Nothing is run where one cannot be read.
pub(super) fn read(files: &[Input], output: &Output) -> Result<Vec<Scenario>, Error> {
    if files.is_empty() {
        return builtin::scenarios().map_err(|(file, mistakes)| {
            Error::new(ErrorKind::Bug, format_diagnostics(&file, &mistakes)).hint("this is a bug in kustom")
        });
    }
    let mut scenarios = Vec::new();
    let mut wrong = Vec::new();
    for input in expanded(files)? {
        let file = match &input {
            Input::Stdin => STDIN.to_owned(),
            Input::File(path) => path.display().to_string(),
        };
        let Ok(text) = String::from_utf8(input.read(output)?) else {
            wrong.push(format!("{}: it is not text in UTF-8", escape_control(&file)));
            continue;
        };
        match parse(&text, &file) {
            Ok(scenario) => scenarios.push(scenario),
            Err(mistakes) => wrong.push(format_diagnostics(&file, &mistakes)),
        }
    }
    if wrong.is_empty() {
        return Ok(scenarios);
    }
    Err(Error::usage(wrong.join("\n"))
        .hint("nothing was run; docs/scenarios.md explains the format, and --init writes an example"))
}

/// Every mistake in a file, a line each, as compilers write it.
fn format_diagnostics(file: &str, mistakes: &[Diagnostic]) -> String {
    let lines: Vec<_> =
        mistakes.iter().map(|mistake| escape_control(&format!("{file}:{mistake}")).into_owned()).collect();
    lines.join("\n")
}

/// The files, with those in a folder in its place.
fn expanded(files: &[Input]) -> Result<Vec<Input>, Error> {
    let mut all = Vec::new();
    for input in files {
        match input {
            Input::File(path) if path.is_dir() => {
                all.extend(scenario_files_in(path)?.into_iter().map(Input::File));
            }
            other => all.push(other.clone()),
        }
    }
    Ok(all)
}

fn scenario_files_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let shown = folder.display();
    let unreadable =
        |error: io::Error| Error::usage(format!("cannot read {shown}: {}", io_error_message(&error)));
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            // A link to a folder is not followed: it could lead in a circle.
            if entry.file_type().map_err(unreadable)?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case(SUFFIX))
                && !path.is_dir()
            {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        return Err(Error::usage(format!("there is no scenario in {shown}: no file ends with .{SUFFIX}")));
    }
    found.sort();
    Ok(found)
}

/// Those that have a text in their name or in that of their file, in whatever case.
pub(super) fn filter_by_name(scenarios: Vec<Scenario>, text: &str) -> Result<Vec<Scenario>, Error> {
    let wanted = text.to_lowercase();
    let has = |name: &str| name.to_lowercase().contains(&wanted);
    let found: Vec<_> =
        scenarios.into_iter().filter(|scenario| has(&scenario.name) || has(&scenario.file)).collect();
    if found.is_empty() {
        // A run of nothing would pass for one in which all went well.
        return Err(Error::usage(format!("no scenario has '{text}' in its name or file"))
            .hint("see which there are with `kustom dev run --list`"));
    }
    Ok(found)
}

/// Whether a report can be written there: known before anything is run.
pub(super) fn check_writable(path: &Path) -> Result<(), Error> {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => {
            return Err(Error::usage(format!("cannot write {shown}: it is there and is no file")));
        }
        _ => {}
    }
    new_temp_file(path).map(drop).map_err(|error| not_written(path, &error))
}

/// Replaces a file whole.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let mut file = new_temp_file(path)?;
        file.write_all(content)?;
        file.persist(path).map_err(|error| error.error).map(drop)
    };
    write().map_err(|error| Error { kind: ErrorKind::Bug, ..not_written(path, &error) })
}

/// Writes a file that is not there yet.
pub(super) fn write_new(path: &Path, content: &[u8]) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let mut file = new_temp_file(path)?;
        file.write_all(content)?;
        file.persist_noclobber(path).map_err(|error| error.error).map(drop)
    };
    write().map_err(|error| {
        let failed = not_written(path, &error);
        if error.kind() == io::ErrorKind::AlreadyExists {
            return Error {
                message: format!("{} is there already, and was left as it is", path.display()),
                ..failed
            }
            .hint("name another file: kustom dev run --init FILE");
        }
        failed
    })
}

fn not_written(path: &Path, error: &io::Error) -> Error {
    Error::usage(format!("cannot write {}: {}", path.display(), io_error_message(error)))
}

/// A file beside the one that it will take the place of, with the rights that a new file has.
fn new_temp_file(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".kustom-").suffix(".tmp");
    #[cfg(unix)]
    let builder = {
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        builder.permissions(everybody)
    };
    builder.tempfile_in(parent_dir(path))
}
