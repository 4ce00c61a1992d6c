//! Pages of a list.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::resource::json_type_name;
use super::{NotAnObject, Resource, lenient};

/// One page: the envelope is documented for some lists and observed for others; a bare array, which would be
/// tolerable too, is the whole list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The resources of this page, in the API's order.
    pub content: Vec<Resource<T>>,
    /// How many pages there are, when the API says so.
    pub total_pages: Option<i64>,
    /// Whether the API says that this is the last one.
    pub last: Option<bool>,
}

/// Why an answer is not a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Neither an object nor an array.
    #[error("expected a page, found {0}")]
    NotAPage(&'static str),
    /// An object without a `content` array.
    #[error("expected a page, found an object without a 'content' array")]
    NoContent,
    /// One of the elements is not a resource.
    #[error("element {0} of the page: {1}")]
    Element(usize, NotAnObject),
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "lenient::integer")]
    total_pages: Option<i64>,
    #[serde(default, deserialize_with = "lenient::boolean")]
    last: Option<bool>,
}

impl<T: DeserializeOwned> Page<T> {
    /// Reads a page.
    pub fn read(value: Value) -> Result<Self, PageError> {
        let (items, envelope) = match value {
            Value::Array(items) => (items, Envelope { total_pages: Some(1), last: Some(true) }),
            Value::Object(mut object) => {
                let Some(Value::Array(items)) = object.remove("content") else {
                    return Err(PageError::NoContent);
                };
                let envelope = Envelope::deserialize(Value::Object(object));
                (items, envelope.unwrap_or(Envelope { total_pages: None, last: None }))
            }
            other => return Err(PageError::NotAPage(json_type_name(&other))),
        };
        let content = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| Resource::read(item).map_err(|error| PageError::Element(index, error)))
            .collect::<Result<_, _>>()?;
        Ok(Self { content, total_pages: envelope.total_pages, last: envelope.last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Location;
    use serde_json::json;

    fn read(value: Value) -> Result<Page<Location>, String> {
        Page::read(value).map_err(|error| error.to_string())
    }

    #[test]
    fn an_envelope_or_a_bare_array_is_a_page() {
        let page = read(json!({"content": [{"id": "a"}], "total_pages": "3", "last": false})).unwrap();
        assert_eq!((page.content.len(), page.total_pages, page.last), (1, Some(3), Some(false)));
        let page = read(json!([{"id": "a"}, {"id": "b"}])).unwrap();
        assert_eq!((page.content.len(), page.total_pages, page.last), (2, Some(1), Some(true)));
    }

    #[test]
    fn anything_else_is_not() {
        assert_eq!(read(json!("x")).unwrap_err(), "expected a page, found a string");
        assert_eq!(read(json!({"items": []})).unwrap_err(), PageError::NoContent.to_string());
        assert_eq!(
            read(json!({"content": [{}, 5]})).unwrap_err(),
            "element 1 of the page: expected a JSON object, found a number"
        );
    }
}
