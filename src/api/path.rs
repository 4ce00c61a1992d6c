//! Request paths: encoding of segments, and validation of a path typed for `kustom api`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything except the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes a segment, so that an ID can add neither a segment nor a query.
pub(crate) fn encode_segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// The beginnings of the API's paths.
const ROOTS: [&str; 4] = ["/ipp/", "/ordermanagement/", "/settlements/", "/emulator/"];

/// Completes a path as it was typed: the slash at its beginning may be missing, and Git Bash on Windows makes
/// `/ipp/v1/devices` a file name such as `C:/Program Files/Git/ipp/v1/devices`.
pub(crate) fn complete_path(path: &str) -> String {
    let is_windows_path =
        matches!(path.as_bytes(), [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic());
    if is_windows_path {
        let unified = path.replace('\\', "/");
        return match ROOTS.iter().filter_map(|root| unified.find(root)).min() {
            Some(start) => unified[start..].to_owned(),
            None => path.to_owned(),
        };
    }
    let has_scheme = path.split(['/', '?']).next().is_some_and(|first| first.ends_with(':'));
    if path.is_empty() || path.starts_with('/') || has_scheme { path.to_owned() } else { format!("/{path}") }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("write a path such as /ipp/v1/devices; the host comes from the profile")]
    NotAPath,
    /// A server may normalize such segments, and thereby bypass a guard.
    #[error("a path must not contain '.' or '..' as a segment, an encoded slash or a backslash")]
    Dots,
    #[error("a path must not contain spaces, control characters or '#'; encode them")]
    Characters,
}

/// Checks that a request to `path` goes to the profile's host and to no other path after normalization.
pub(crate) fn check_path(path: &str) -> Result<(), PathError> {
    if !path.starts_with('/') || path.starts_with("//") {
        return Err(PathError::NotAPath);
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.contains('#') {
        return Err(PathError::Characters);
    }
    let decoded = path.to_ascii_lowercase().replace("%2e", ".");
    let is_ambiguous = decoded.contains('\\')
        || decoded.contains("%2f")
        || decoded.contains("%5c")
        || decoded.split('/').any(|segment| matches!(segment, "." | ".."));
    if is_ambiguous { Err(PathError::Dots) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_segment_is_one_segment() {
        assert_eq!(encode_segment("a/b?c#d e"), "a%2Fb%3Fc%23d%20e");
        assert_eq!(encode_segment("7c0f-._~"), "7c0f-._~");
    }

    #[test]
    fn a_path_cannot_leave_the_host() {
        assert_eq!(check_path("/ipp/v1/devices"), Ok(()));
        for (paths, expected) in [
            (&["ipp/v1", "//evil.example/x", "https://evil.example/x"][..], PathError::NotAPath),
            (&["/a/../b", "/a/%2E%2e/b", "/a/./b", "/a%2fb", "/a\\b", "/.."], PathError::Dots),
            (&["/a b", "/a#b"], PathError::Characters),
        ] {
            for path in paths {
                assert_eq!(check_path(path), Err(expected), "{path}");
            }
        }
    }
}
