//! Certificates: the variables that name trusted ones, and errors in plain words.

use std::path::Path;

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};

use crate::fs::io_error_message;

/// On these systems the certificates come from files, which these variables replace. Elsewhere they have no effect.
pub(crate) const USES_FILES: bool = cfg!(all(unix, not(any(target_vendor = "apple", target_os = "android"))));

const FILE: &str = "SSL_CERT_FILE";
const DIR: &str = "SSL_CERT_DIR";

pub(crate) const VARIABLES: [&str; 2] = [FILE, DIR];

/// Fails if a variable names trusted certificates that cannot be read: they would be ignored, and every certificate would
/// be reported as untrusted.
pub(crate) fn check_certificates() -> Result<(), String> {
    if !USES_FILES {
        return Ok(());
    }
    if let Some(file) = std::env::var_os(FILE).filter(|file| !file.is_empty()) {
        check_file(Path::new(&file))
            .map_err(|problem| format!("{FILE} is {}: {problem}", Path::new(&file).display()))?;
    }
    let dirs = std::env::var_os(DIR).filter(|dirs| !dirs.is_empty()).unwrap_or_default();
    for dir in std::env::split_paths(&dirs).filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::read_dir(&dir)
            .map_err(|error| format!("{DIR} is {}: {}", dir.display(), io_error_message(&error)))?;
    }
    Ok(())
}

fn check_file(path: &Path) -> Result<(), String> {
    let bytes = std::fs::read(path).map_err(|error| io_error_message(&error))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).collect();
    let (usable, _) = RootCertStore::empty().add_parsable_certificates(certificates);
    if usable > 0 {
        return Ok(());
    }
    Err("it contains no certificate in PEM (-----BEGIN CERTIFICATE-----); convert DER with \
         `openssl x509 -inform der -in FILE -out FILE.pem`"
        .to_owned())
}

/// Describes why there is no TLS connection.
pub(super) fn describe_error(error: &Error, host: &str) -> String {
    match error {
        Error::InvalidCertificate(error) => describe_certificate_error(error, host),
        Error::InvalidMessage(_) => format!("{host} does not speak TLS on this port; is the port right?"),
        Error::PeerIncompatible(_) => {
            format!(
                "{host} and kustom have no TLS version or cipher in common; kustom needs TLS 1.2 or newer"
            )
        }
        Error::AlertReceived(_) => format!("{host} refused the TLS connection"),
        _ => format!("the TLS connection to {host} failed"),
    }
}

fn describe_certificate_error(error: &CertificateError, host: &str) -> String {
    let certificate = format!("the certificate of {host}");
    let now = format!("this machine's clock says {}", format_time(UnixTime::now()));
    match error {
        CertificateError::UnknownIssuer => {
            let trusted = match std::env::var_os(FILE).filter(|file| USES_FILES && !file.is_empty()) {
                Some(file) => format!(" ({FILE} is {})", Path::new(&file).display()),
                None => String::new(),
            };
            format!("{certificate} does not verify: nobody this machine trusts issued it{trusted}")
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("{certificate} expired on {}, and {now}", format_time(*not_after))
        }
        CertificateError::Expired => format!("{certificate} has expired, and {now}"),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!(
                "{certificate} is valid only from {} on, but {now}; is the clock right?",
                format_time(*not_before)
            )
        }
        CertificateError::NotValidYet => {
            format!("{certificate} is not valid yet, and {now}; is the clock right?")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("{certificate} is for {}, not for {host}", describe_names(presented))
        }
        CertificateError::NotValidForName => format!("{certificate} is for another name"),
        CertificateError::Revoked => format!("{certificate} was revoked"),
        CertificateError::BadSignature => format!("{certificate} has an invalid signature"),
        CertificateError::BadEncoding => format!("{certificate} is damaged"),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("{certificate} is not one for servers")
        }
        // webpki, whose error this is, is not a dependency of kustom.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => format!(
            "{certificate} is one of an authority, not of a server; create it with \
             `-addext basicConstraints=critical,CA:FALSE`"
        ),
        _ => format!("{certificate} does not verify"),
    }
}

/// rustls gives names such as `DnsName("shop.example")`.
fn describe_names(presented: &[String]) -> String {
    const MAX_NAMES: usize = 3;
    let name = |text: &String| text.split('"').nth(1).unwrap_or(text).to_owned();
    let mut names: Vec<_> = presented.iter().take(MAX_NAMES).map(name).collect();
    if presented.len() > MAX_NAMES {
        names.push("others".to_owned());
    }
    if names.is_empty() { "no name".to_owned() } else { names.join(", ") }
}

fn format_time(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "an unknown time".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn certificate_errors_are_in_plain_words_with_dates() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let describe = |error| describe_error(&Error::InvalidCertificate(error), "api.example");
        let expired =
            describe(CertificateError::ExpiredContext { time: at(9), not_after: at(1_767_225_600) });
        let start = "the certificate of api.example expired on 2026-01-01T00:00:00Z, and this machine's clock says 20";
        assert!(expired.starts_with(start), "{expired}");
        let early =
            describe(CertificateError::NotValidYetContext { time: at(9), not_before: at(1_767_225_600) });
        assert!(
            early.contains("valid only from 2026-01-01T00:00:00Z on, but this machine's clock"),
            "{early}"
        );
        let name = CertificateError::NotValidForNameContext {
            expected: "api.example".try_into().unwrap(),
            presented: vec!["DnsName(\"shop.example\")".into()],
        };
        assert_eq!(describe(name), "the certificate of api.example is for shop.example, not for api.example");
        for error in [
            CertificateError::BadEncoding,
            CertificateError::Revoked,
            CertificateError::UnknownRevocationStatus,
            CertificateError::InvalidPurpose,
        ] {
            let text = describe(error);
            assert!(!text.contains(['(', '{']), "{text}");
        }
    }
}
