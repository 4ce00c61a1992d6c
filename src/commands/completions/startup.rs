//! The file that a shell reads at its start, which is the user's own: a line is added to it, or taken away.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::fs::{create_private_dir, parent_dir};

/// What stands above the line.
const HEADING: &str = "# Completions of kustom";

/// Whether the line is there.
pub(super) fn has(file: &Path, line: &str) -> io::Result<bool> {
    Ok(read(file)?.lines().any(|there| there.trim() == line))
}

/// Adds the line at the end.
pub(super) fn add(file: &Path, line: &str) -> io::Result<()> {
    let before = read(file)?;
    create_private_dir(parent_dir(file))?;
    let gap = match before.as_str() {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(format!("{gap}{HEADING}\n{line}\n").as_bytes())
}

/// Takes the line away that stands under the heading, and the heading; whether they were there.
pub(super) fn remove(file: &Path, line: &str) -> io::Result<bool> {
    let before = read(file)?;
    let mut after: Vec<&str> = Vec::new();
    for there in before.split_inclusive('\n') {
        // A line without the heading is somebody else's.
        if there.trim() != line || after.last().is_none_or(|above| above.trim() != HEADING) {
            after.push(there);
        } else {
            after.pop();
            if after.last().is_some_and(|above| above.trim().is_empty()) {
                after.pop();
            }
        }
    }
    let after = after.concat();
    if after == before {
        return Ok(false);
    }
    // The path may be a link into a folder of dotfiles, and others may be meant to read the file.
    let file = fs::canonicalize(file)?;
    let mut new = tempfile::NamedTempFile::new_in(parent_dir(&file))?;
    new.write_all(after.as_bytes())?;
    new.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
    new.persist(&file).map_err(|error| error.error)?;
    Ok(true)
}

fn read(file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_taken_away_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shell/rc");
        let line = "source x";
        assert!(!has(&file, line).unwrap() && !remove(&file, line).unwrap());
        for before in ["", "a\n", "a", "a\n\nb\n\n"] {
            create_private_dir(parent_dir(&file)).unwrap();
            fs::write(&file, before).unwrap();
            add(&file, line).unwrap();
            assert!(has(&file, line).unwrap());
            assert!(remove(&file, line).unwrap());
            let lines = |text: &str| text.trim_end_matches('\n').to_owned();
            assert_eq!(lines(&fs::read_to_string(&file).unwrap()), lines(before));
        }
    }
}
