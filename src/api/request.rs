//! Requests, before the client adds the host and credentials.

use http::Method;
use serde::Serialize;

use super::path::encode_segment;

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) single_try: bool,
}

impl Request {
    /// A request to a path that is already encoded.
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None, single_try: false }
    }

    /// A request to `/ipp/v1` and the given segments, each encoded.
    pub(super) fn ipp(method: Method, segments: &[&str]) -> Self {
        let mut path = String::from("/ipp/v1");
        for part in segments {
            path.push('/');
            path.push_str(&encode_segment(part));
        }
        Self::new(method, path)
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
        self.body = Some(body);
        self
    }

    pub(super) fn json(self, value: &impl Serialize) -> Self {
        // Bodies consist of strings, integers and maps with string keys, so they always serialize.
        self.body(serde_json::to_vec(value).unwrap_or_default())
    }

    /// Whether the request has an `x-merchant-id` header: only the lists (two documented, one observed) and reading a
    /// location (documented) do.
    pub(super) fn needs_merchant_header(&self) -> bool {
        let path = self.path.split('?').next().unwrap_or_default().trim_end_matches('/');
        let Some(resource) = path.strip_prefix("/ipp/v1/").filter(|_| self.method == Method::GET) else {
            return false;
        };
        match resource.split_once('/') {
            None => matches!(resource, "enrollments" | "locations" | "devices"),
            Some((list, id)) => list == "locations" && !id.contains('/'),
        }
    }

    pub(super) fn without_retry(mut self) -> Self {
        self.single_try = true;
        self
    }

    /// Method and path for messages: `GET /ipp/v1/devices`.
    pub(crate) fn summary(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) const fn method(&self) -> &Method {
        &self.method
    }

    pub(crate) fn body_bytes(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    pub(crate) fn is_safe(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// Whether the request has the same effect when it is sent twice: true for reads, deletes and the two PUTs of this
    /// API, but never for a POST, since there is no idempotency key.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.is_safe() || matches!(self.method, Method::PUT | Method::DELETE)
    }

    pub(crate) fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        let joiner = if self.path.contains('?') { '&' } else { '?' };
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        format!("{}{joiner}{query}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_merchant_id_goes_where_it_is_asked_for_and_nowhere_else() {
        let asks = |method: Method, path: &str| Request::new(method, path).needs_merchant_header();
        for path in ["enrollments", "locations", "devices", "locations/x", "devices?page_size=1"] {
            assert!(asks(Method::GET, &format!("/ipp/v1/{path}")), "{path}");
        }
        assert!(!asks(Method::POST, "/ipp/v1/enrollments"));
        assert!(!asks(Method::GET, "/ipp/v1/sessions/x"));
        assert!(!asks(Method::GET, "/elsewhere"));
    }

    #[test]
    fn only_posts_are_never_repeated() {
        let repeatable = |method: Method| Request::new(method, "/x").is_idempotent();
        assert!(repeatable(Method::GET) && repeatable(Method::PUT) && repeatable(Method::DELETE));
        assert!(!repeatable(Method::POST) && !repeatable(Method::PATCH));
    }

    #[test]
    fn a_query_is_added_to_the_one_that_is_there() {
        let request = Request::new(Method::GET, "/x?a=1").query("b", "c d&e");
        assert_eq!(request.path_and_query(), "/x?a=1&b=c+d%26e");
    }
}
