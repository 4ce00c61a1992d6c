//! Request paths: encoding of segments, and validation of a path typed for `kustom api`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything except the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes a segment, so that an ID can add neither a segment nor a query.
pub(super) fn encode_segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("a path starts with one slash, like /ipp/v1/devices; the host comes from the profile")]
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
    let lower = path.to_ascii_lowercase();
    if lower.contains('\\') || lower.contains("%2f") || lower.contains("%5c") {
        return Err(PathError::Dots);
    }
    let dotted = |segment: &str| matches!(segment.replace("%2e", ".").as_str(), "." | "..");
    if lower.split('/').any(dotted) {
        return Err(PathError::Dots);
    }
    Ok(())
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
        assert_eq!(check_path("ipp/v1"), Err(PathError::NotAPath));
        assert_eq!(check_path("//evil.example/x"), Err(PathError::NotAPath));
        assert_eq!(check_path("https://evil.example/x"), Err(PathError::NotAPath));
        for path in ["/a/../b", "/a/%2E%2e/b", "/a/./b", "/a%2fb", "/a\\b", "/.."] {
            assert_eq!(check_path(path), Err(PathError::Dots), "{path}");
        }
        assert_eq!(check_path("/a b"), Err(PathError::Characters));
        assert_eq!(check_path("/a#b"), Err(PathError::Characters));
    }
}
