//! The password file of PostgreSQL's own programs: `PGPASSFILE`, or `.pgpass` in the home directory.

use std::path::{Path, PathBuf};

use super::database_url::DatabaseUrl;
use super::error::LedgerError;
use crate::fs::io_error_message;
use crate::secret::{Secret, register};

/// The password for the database, if the file has one.
pub(crate) fn find_password(url: &DatabaseUrl, file: Option<&Path>) -> Result<Option<Secret>, LedgerError> {
    let Some(path) = file.map(Path::to_owned).or_else(default_path) else { return Ok(None) };
    let failed = |reason: String| LedgerError::PasswordFile { path: path.clone(), reason };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(io_error_message(&error))),
    };
    let found = url.addresses().into_iter().find_map(|(host, port)| {
        let port = port.to_string();
        // A socket is named by its directory, or `localhost`.
        let hosts = if host.starts_with('/') { vec![host, "localhost".to_owned()] } else { vec![host] };
        let matches_entry = |fields: &[String]| {
            let is = |field: usize, value: &str| fields[field] == "*" || fields[field] == value;
            hosts.iter().any(|host| is(0, host)) && is(1, &port) && is(2, &url.dbname) && is(3, &url.user)
        };
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(split_fields)
            .find(|fields| fields.len() == 5 && matches_entry(fields))
    });
    let Some(password) = found.and_then(|mut fields| fields.pop()) else { return Ok(None) };
    if is_readable_by_others(&path) {
        return Err(failed(format!("others can read it; chmod 600 {}", path.display())));
    }
    register(&password);
    Ok(Some(Secret::new(password)))
}

fn default_path() -> Option<PathBuf> {
    let dirs = directories::BaseDirs::new()?;
    Some(if cfg!(windows) {
        dirs.config_dir().join("postgresql").join("pgpass.conf")
    } else {
        dirs.home_dir().join(".pgpass")
    })
}

/// A backslash escapes a colon or another backslash.
fn split_fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        let char = match char {
            ':' if fields.len() < 5 => {
                fields.push(String::new());
                continue;
            }
            '\\' => chars.next().unwrap_or('\\'),
            char => char,
        };
        if let Some(field) = fields.last_mut() {
            field.push(char);
        }
    }
    fields
}

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
const fn is_readable_by_others(_path: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::LedgerLocation;

    fn find(url: &str, path: &Path) -> Result<Option<String>, LedgerError> {
        let Ok(LedgerLocation::Postgres(url)) = LedgerLocation::parse(url) else { panic!("{url}") };
        Ok(find_password(&url, Some(path))?.map(|password| password.expose().to_owned()))
    }

    #[test]
    fn the_first_entry_that_matches_is_used() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text =
            "# comment\nbroken\ndb:5432:shop:anna:anna's\\:word\n*:*:*:till:any\nlocalhost:5432:s:*:socket\n";
        std::fs::write(file.path(), text).unwrap();
        let cases = [
            ("postgres://anna@db/shop", Some("anna's:word")),
            ("postgres://anna@db:5433/shop", None),
            ("postgres://till@other/x", Some("any")),
            ("postgres://anna@/s?host=/run", Some("socket")),
        ];
        for (url, password) in cases {
            assert_eq!(find(url, file.path()).unwrap().as_deref(), password, "{url}");
        }
        assert_eq!(find("postgres://till@db/x", Path::new("/nonexistent/pgpass")).unwrap(), None);
    }
}
