//! Query parameters, each read by name. What is wrong with them is collected.

use std::borrow::Cow;

use uuid::Uuid;

use super::request::parse_uuid;
use crate::emulator::state::{FieldErrors, PageRequest, Rejection};
use crate::model::TapOutcome;

/// The most metadata filters a request can have (documented).
const MAX_METADATA_FILTERS: usize = 5;

/// The largest page number and, for lists without a bound of their own, page size: the contract's int32.
const MAX_INT32: u32 = 2_147_483_647;

/// The largest page of most lists.
pub(super) const MAX_PAGE_SIZE: u32 = 100;

/// The largest page of a list that documents no bound.
pub(super) const NO_MAX_PAGE_SIZE: u32 = MAX_INT32;

/// The query of a request. Parameters that nobody asks for are ignored.
pub(super) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// What is wrong so far.
    pub(super) errors: FieldErrors,
}

impl<'a> Query<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        Self { pairs: url::form_urlencoded::parse(text.as_bytes()).collect(), errors: FieldErrors::default() }
    }

    /// Ends the reading: a 400 if anything was wrong.
    pub(super) fn finish(self) -> Result<(), Rejection> {
        self.errors.into_result()
    }

    pub(super) fn uuid(&mut self, name: &str) -> Option<Uuid> {
        self.read(name, "must be a UUID", parse_uuid)
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        self.read(name, "must be true or false", |text| text.parse().ok())
    }

    pub(super) fn outcome(&mut self, name: &str) -> Option<TapOutcome> {
        // The command line's spelling is not the API's.
        let find = |text: &str| TapOutcome::ALL.into_iter().find(|outcome| outcome.as_str() == text);
        self.read(name, "must be one of the documented outcomes, such as INSUFFICIENT_FUNDS", find)
    }

    pub(super) fn page(&mut self, max_size: u32) -> PageRequest {
        let default = PageRequest::default();
        let number = self.integer("page_number", 0, MAX_INT32).unwrap_or(default.number);
        let size = self.integer("page_size", 1, max_size).unwrap_or(default.size);
        PageRequest { number, size }
    }

    /// The pairs that `metadata` asks for.
    pub(super) fn metadata(&mut self) -> Vec<(String, String)> {
        let mut wanted = Vec::new();
        let filters: Vec<_> =
            self.pairs.iter().filter(|(key, _)| key == "metadata").map(|(_, value)| value).collect();
        if filters.len() > MAX_METADATA_FILTERS {
            self.errors.add("metadata", format!("can be given at most {MAX_METADATA_FILTERS} times"));
        }
        for filter in filters {
            match filter.split_once(':') {
                // The pattern of the contract, ^[^:]+:.*$, takes no line break. Dialects differ in what that is, so it is only
                // what all of them take for one.
                Some((key, value)) if !key.is_empty() && !value.contains('\n') => {
                    wanted.push((key.to_owned(), value.to_owned()));
                }
                _ => self.errors.add("metadata", "must be of the form key:value"),
            }
        }
        wanted
    }

    fn integer(&mut self, name: &str, min: u32, max: u32) -> Option<u32> {
        let message = format!("must be a whole number from {min} to {max}");
        self.read(name, &message, |text| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| digits && (min..=max).contains(number))
        })
    }

    fn read<T>(&mut self, name: &str, message: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut values = self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        let value = values.next()?;
        if values.next().is_some() {
            self.errors.add(name, "is given more than once");
            return None;
        }
        let parsed = parse(value);
        if parsed.is_none() {
            self.errors.add(name, message);
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Option<(u32, u32)> {
        let mut query = Query::parse(text);
        let page = query.page(MAX_PAGE_SIZE);
        query.finish().ok().map(|()| (page.number, page.size))
    }

    fn filters(text: &str) -> Option<usize> {
        let mut query = Query::parse(text);
        let metadata = query.metadata();
        query.finish().ok().map(|()| metadata.len())
    }

    #[test]
    fn pages_have_limits() {
        assert_eq!(page(""), Some((0, 20)));
        assert_eq!(page("page_number=3&page_size=100&other=x"), Some((3, 100)));
        assert_eq!(page("page_number=2147483647"), Some((2_147_483_647, 20)));
        for wrong in [
            "page_size=0",
            "page_size=101",
            "page_number=-1",
            "page_number=2147483648",
            "page_number=99999999999999999999",
            "page_number=%2B1",
            "page_number=",
            "page_size=1.5",
            "page_size=1&page_size=1",
        ] {
            assert_eq!(page(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn metadata_filters_have_limits() {
        assert_eq!(filters(""), Some(0));
        assert_eq!(filters("metadata=a%3A1&metadata=b:x:y&metadata=c:"), Some(3));
        // No enrollment can have both, which is no fault of the question.
        assert_eq!(filters("metadata=a:1&metadata=a:2"), Some(2));
        assert_eq!(filters("metadata=a:%0D%E2%80%A8%E2%80%A9"), Some(1));
        for wrong in ["metadata=a", "metadata=%3A1", "metadata=", "metadata=a:%0A"] {
            assert_eq!(filters(wrong), None, "{wrong}");
        }
        let five = "metadata=a:1&metadata=b:1&metadata=c:1&metadata=d:1&metadata=e:1";
        assert_eq!(filters(five), Some(5));
        assert_eq!(filters(&format!("{five}&metadata=f:1")), None);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let mut query = Query::parse("page_size=0&location_id=x&include_consumed=yes");
        query.page(MAX_PAGE_SIZE);
        query.uuid("location_id");
        query.flag("include_consumed");
        let refusal = query.finish().unwrap_err();
        for field in ["page_size", "location_id", "include_consumed"] {
            assert!(refusal.errors.message(field).is_some(), "{field}");
        }
    }

    #[test]
    fn outcomes_are_spelled_as_the_api_spells_them() {
        let outcome = |text: &str| {
            let mut query = Query::parse(text);
            let outcome = query.outcome("outcome");
            query.finish().ok().map(|()| outcome)
        };
        assert_eq!(outcome(""), Some(None));
        assert_eq!(outcome("outcome=LOST_CARD"), Some(Some(TapOutcome::LostCard)));
        assert_eq!(outcome("outcome=lost-card"), None);
        assert_eq!(outcome("outcome="), None);
    }
}
