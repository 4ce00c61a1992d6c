//! Requests, before the client adds the host and credentials.

use http::Method;
use serde::Serialize;
use uuid::Uuid;

use super::expectation::Expectation;
use super::path::encode_segment;

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub method: Method,
    pub path: String,
    pub(super) query: Vec<(String, String)>,
    /// Empty if there is none.
    pub body: Vec<u8>,
    pub(super) single_try: bool,
    /// The value of `Klarna-Idempotency-Key`. A request that has one may be repeated.
    pub(super) idempotency_key: Option<Uuid>,
    /// `None` for `kustom api`, which prints any response.
    pub(super) expectation: Option<Box<Expectation>>,
}

impl Request {
    /// The path must be encoded and may have a query.
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            body: Vec::new(),
            single_try: false,
            idempotency_key: None,
            expectation: None,
        }
    }

    /// Encodes the segments and appends them to `/ipp/v1`.
    pub(super) fn ipp(method: Method, segments: &[&str]) -> Self {
        Self::with_prefix(method, "/ipp/v1", segments)
    }

    /// Like [`Self::ipp`], for another API with the same credentials.
    pub(super) fn with_prefix(method: Method, prefix: &str, segments: &[&str]) -> Self {
        let mut path = String::from(prefix);
        for segment in segments {
            path.push('/');
            path.push_str(&encode_segment(segment));
        }
        Self::new(method, path).expect_response(Expectation::default())
    }

    pub(super) const fn idempotency_key(mut self, key: Uuid) -> Self {
        self.idempotency_key = Some(key);
        self
    }

    /// Whether processing the request twice has the same effect as processing it once.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method.is_idempotent() || self.idempotency_key.is_some()
    }

    /// Whether bodies of the request may contain personal data.
    pub(crate) fn is_about_order(&self) -> bool {
        let path = percent_encoding::percent_decode_str(&self.path).decode_utf8_lossy().to_ascii_lowercase();
        path.contains("/ordermanagement/")
    }

    pub(crate) fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn query_opt(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    pub(super) fn json(self, value: &impl Serialize) -> Self {
        // Bodies consist of strings, integers and maps with string keys, which always serialize.
        self.body(serde_json::to_vec(value).unwrap_or_default())
    }

    /// Whether the request needs `x-merchant-id`: GET or HEAD of the lists (two documented, one observed) and a single location
    /// (documented).
    pub(super) fn needs_merchant_header(&self) -> bool {
        let path = self.path.split('?').next().unwrap_or_default().trim_end_matches('/');
        let is_read = matches!(self.method, Method::GET | Method::HEAD);
        let Some(resource) = path.strip_prefix("/ipp/v1/").filter(|_| is_read) else {
            return false;
        };
        match resource.split_once('/') {
            None => matches!(resource, "enrollments" | "locations" | "devices"),
            Some((list, id)) => list == "locations" && !id.contains('/'),
        }
    }

    /// Whether the request creates a session, in any spelling of the path that a server may accept.
    pub(crate) fn is_session_create(&self) -> bool {
        let path = self.path.split('?').next().unwrap_or_default();
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().to_ascii_lowercase();
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        self.method == Method::POST && segments.eq(["ipp", "v1", "sessions"])
    }

    /// What the response must contain to be about this request.
    pub(super) fn expect_response(mut self, expectation: Expectation) -> Self {
        self.expectation = Some(Box::new(expectation));
        self
    }

    /// The response to a create must also match everything that is sent. `except` is a field that it returns in another
    /// form.
    pub(super) fn expect_created(self, expectation: Expectation, except: &[&str]) -> Self {
        let expectation = expectation.with_body(&self.body);
        let expectation = except.iter().fold(expectation, |expectation, field| expectation.without(field));
        self.expect_response(expectation)
    }

    pub(super) fn without_retry(mut self) -> Self {
        self.single_try = true;
        self
    }

    /// The request in messages, such as `GET /ipp/v1/devices`.
    pub(crate) fn summary(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        let separator = if self.path.contains('?') { '&' } else { '?' };
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        format!("{}{separator}{query}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lists_and_single_locations_need_the_merchant_id() {
        let needs_merchant = |method, path: &str| Request::new(method, path).needs_merchant_header();
        for path in ["enrollments", "locations", "devices", "locations/x", "devices?page_size=1"] {
            assert!(needs_merchant(Method::GET, &format!("/ipp/v1/{path}")), "{path}");
            assert!(needs_merchant(Method::HEAD, &format!("/ipp/v1/{path}")), "{path}");
        }
        assert!(!needs_merchant(Method::POST, "/ipp/v1/enrollments"));
        assert!(!needs_merchant(Method::GET, "/ipp/v1/sessions/x"));
        assert!(!needs_merchant(Method::GET, "/elsewhere"));
    }

    #[test]
    fn a_session_is_created_by_any_spelling_of_its_path() {
        let creates = |method, path: &str| Request::new(method, path).is_session_create();
        for path in ["/ipp/v1/sessions", "/ipp/v1/sessions/?a=b", "/ipp//v1/%73essions", "/IPP/v1/Sessions"] {
            assert!(creates(Method::POST, path), "{path}");
        }
        assert!(!creates(Method::GET, "/ipp/v1/sessions"));
        assert!(!creates(Method::POST, "/ipp/v1/sessions/x"));
    }

    #[test]
    fn a_query_is_appended_to_that_of_the_path() {
        let request = Request::new(Method::GET, "/x?a=1").query("b", "c d&e");
        assert_eq!(request.path_and_query(), "/x?a=1&b=c+d%26e");
    }
}
