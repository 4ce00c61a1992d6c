//! Reads scenario files, and writes the example and the report.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::args::{Input, read_file};
use crate::error::{Error, ErrorKind};
use crate::fs::{follow_links, io_error_message, parent_dir};
use crate::output::Output;
use crate::scenario::{Scenario, builtin, parse};

const EXTENSION: &str = "toml";

/// Parses all files, or the built-in scenarios if none are given. Fails if any of them has a mistake.
pub(super) fn read_scenarios(inputs: &[Input], output: &Output) -> Result<Vec<Scenario>, Error> {
    let mut files = Vec::new();
    if inputs.is_empty() {
        let built_in = |(name, text): (&str, &str)| (format!("{}{name}", builtin::DIR), text.into());
        files.extend(builtin::FILES.map(built_in));
    }
    for input in inputs {
        match input {
            Input::Stdin => files.push(("stdin".to_owned(), input.read(output)?)),
            Input::File(path) if path.is_dir() => {
                for path in list_scenario_files(path)? {
                    files.push((path.display().to_string(), read_file(&path)?));
                }
            }
            Input::File(path) => files.push((path.display().to_string(), read_file(path)?)),
        }
    }
    let (mut scenarios, mut mistakes) = (Vec::new(), Vec::new());
    for (file, text) in files {
        let Ok(text) = String::from_utf8(text) else {
            mistakes.push(format!("{file}: the file is not valid UTF-8"));
            continue;
        };
        match parse(&text, &file) {
            Ok(scenario) => scenarios.push(scenario),
            Err(found) => mistakes.extend(found.iter().map(|mistake| format!("{file}:{mistake}"))),
        }
    }
    if mistakes.is_empty() {
        return Ok(scenarios);
    }
    Err(Error::with_lines(ErrorKind::Usage, mistakes)
        .hint("write an example with `kustom dev run --init`, or see `kustom help scenarios`"))
}

fn list_scenario_files(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |error: io::Error| {
        Error::usage(format!("cannot read {}: {}", root.display(), io_error_message(&error)))
    };
    let (mut files, mut dirs) = (Vec::new(), vec![root.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            // Hidden files are the lock, resource and swap files of editors and systems, and hidden folders are theirs too.
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // Links to directories are not followed, since they can be circular.
            if entry.file_type().map_err(unreadable)?.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(EXTENSION))
                && !path.is_dir()
            {
                files.push(path);
            }
        }
    }
    if files.is_empty() {
        return Err(Error::usage(format!(
            "no scenarios in {}: no file ends in .{EXTENSION}",
            root.display()
        )));
    }
    files.sort();
    Ok(files)
}

/// Keeps the scenarios whose name or file contains `text`, ignoring case.
pub(super) fn filter_by_name(scenarios: &mut Vec<Scenario>, text: &str) -> Result<(), Error> {
    let query = text.to_lowercase();
    let matches = |name: &str| name.to_lowercase().contains(&query);
    scenarios.retain(|scenario| matches(&scenario.name) || matches(&scenario.file));
    if scenarios.is_empty() {
        // Running nothing would look like a success.
        return Err(Error::usage(format!("no scenario has '{text}' in its name or file"))
            .hint("list the scenarios with `kustom dev run --list`"));
    }
    Ok(())
}

/// Fails if no report can be written to `path`, so that this is known before anything runs.
pub(in crate::commands::dev) fn check_writable(path: &Path) -> Result<(), Error> {
    if fs::metadata(path).is_ok_and(|existing| !existing.is_file()) {
        return Err(Error::usage(format!("cannot write {}: it is not a file", path.display())));
    }
    follow_links(path)
        .and_then(|target| create_temp_file(&target))
        .map(drop)
        .map_err(|error| write_error(path, &error))
}

/// Writes a file, replacing an existing one.
pub(in crate::commands::dev) fn replace_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let target = follow_links(path)?;
        let mut file = create_temp_file(&target)?;
        file.write_all(content)?;
        file.persist(target)?;
        Ok(())
    };
    write().map_err(|error| Error { kind: ErrorKind::Output, ..write_error(path, &error) })
}

/// Writes a new file. Fails if it exists.
pub(super) fn create_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(content));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::usage(format!("{} already exists", path.display()))
            .hint("name another file: kustom dev run --init FILE"),
        _ => write_error(path, &error),
    })
}

fn write_error(path: &Path, error: &io::Error) -> Error {
    Error::usage(format!("cannot write {}: {}", path.display(), io_error_message(error)))
}

/// A temporary file next to `path`, with the permissions of a new file instead of tempfile's 0600.
fn create_temp_file(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".kustom-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(parent_dir(path))
}
