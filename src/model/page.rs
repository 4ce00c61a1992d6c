//! Paginated lists.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::resource::json_type_name;
use super::{NotAnObject, Resource, lenient};

/// One page. The envelope is documented for some lists and observed for others. A bare array is accepted as a
/// complete list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub content: Vec<Resource<T>>,
    pub total_pages: Option<i64>,
    pub last: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    #[error("expected a page, found {0}")]
    NotAPage(&'static str),
    #[error("expected a page, found an object without a 'content' array")]
    NoContent,
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
    pub fn from_json(value: Value) -> Result<Self, PageError> {
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
            .map(|(index, item)| Resource::from_json(item).map_err(|error| PageError::Element(index, error)))
            .collect::<Result<_, _>>()?;
        Ok(Self { content, total_pages: envelope.total_pages, last: envelope.last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Location;
    use serde_json::json;

    fn parse(value: Value) -> Result<Page<Location>, String> {
        Page::from_json(value).map_err(|error| error.to_string())
    }

    #[test]
    fn an_envelope_or_a_bare_array_is_a_page() {
        let page = parse(json!({"content": [{"id": "a"}], "total_pages": "3", "last": false})).unwrap();
        assert_eq!((page.content.len(), page.total_pages, page.last), (1, Some(3), Some(false)));
        let page = parse(json!([{"id": "a"}, {"id": "b"}])).unwrap();
        assert_eq!((page.content.len(), page.total_pages, page.last), (2, Some(1), Some(true)));
    }

    #[test]
    fn anything_else_is_not() {
        assert_eq!(parse(json!("x")).unwrap_err(), "expected a page, found a string");
        assert_eq!(parse(json!({"items": []})).unwrap_err(), PageError::NoContent.to_string());
        assert_eq!(
            parse(json!({"content": [{}, 5]})).unwrap_err(),
            "element 1 of the page: expected a JSON object, found a number"
        );
    }
}
