use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Resource;
use super::lenient::lenient;
use super::resource::json_type_name;

/// One page of a list. The envelope is documented for some lists and observed for others. A bare array is accepted as a
/// complete list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub content: Vec<Resource<T>>,
    pub total_pages: Option<i64>,
    pub last: Option<bool>,
}

lenient! {
    #[derive(Default, Deserialize)]
    struct Envelope {
        total_pages: Option<i64>,
        last: Option<bool>,
    }
}

impl<T: DeserializeOwned> Page<T> {
    pub fn from_json(value: Value) -> Result<Self, String> {
        let (items, envelope) = match value {
            Value::Array(items) => (items, Envelope { total_pages: Some(1), last: Some(true) }),
            Value::Object(mut object) => {
                let Some(Value::Array(items)) = object.remove("content") else {
                    return Err("expected a page, found an object without a 'content' array".to_owned());
                };
                let envelope = Envelope::deserialize(Value::Object(object));
                (items, envelope.unwrap_or_default())
            }
            other => return Err(format!("expected a page, found {}", json_type_name(&other))),
        };
        let parse = |(index, item)| {
            Resource::from_json(item).map_err(|error| format!("element {index} of the page: {error}"))
        };
        let content = items.into_iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { content, total_pages: envelope.total_pages, last: envelope.last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Location;
    use serde_json::json;

    #[test]
    fn only_an_envelope_or_a_bare_array_is_a_page() {
        let parse = |value| {
            Page::<Location>::from_json(value).map(|page| (page.content.len(), page.total_pages, page.last))
        };
        for (value, expected) in [
            (
                json!({"content": [{"id": "a"}], "total_pages": "3", "last": false}),
                Ok((1, Some(3), Some(false))),
            ),
            (json!([{"id": "a"}, {"id": "b"}]), Ok((2, Some(1), Some(true)))),
            (json!("x"), Err("expected a page, found a string")),
            (json!({"items": []}), Err("expected a page, found an object without a 'content' array")),
            (
                json!({"content": [{}, 5]}),
                Err("element 1 of the page: expected a JSON object, found a number"),
            ),
        ] {
            assert_eq!(parse(value), expected.map_err(str::to_owned));
        }
    }
}
