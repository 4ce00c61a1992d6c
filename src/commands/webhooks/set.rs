//! `--set PATH=VALUE`: changes a value of a callback's body.

use serde_json::{Map, Value};

use crate::error::Error;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assignment {
    path: Vec<String>,
    value: Value,
}

/// The value is JSON, or else text.
pub(crate) fn parse_assignment(text: &str) -> Result<Assignment, String> {
    let (path, value) = text.split_once('=').ok_or("write a path and a value, such as data.order_id=5a2f")?;
    let path: Vec<_> = path.split('.').map(|part| part.trim().to_owned()).collect();
    if path.iter().any(String::is_empty) {
        return Err("write a path of names, such as data.order_id".to_owned());
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok(Assignment { path, value })
}

impl Assignment {
    /// Objects that are missing are added.
    pub(crate) fn apply(&self, body: &mut Value) -> Result<(), Error> {
        let mut place = body;
        for name in &self.path {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            let Value::Object(fields) = place else {
                let path = self.path.join(".");
                let message = format!("--set {path}: {name} is in something that is not an object");
                return Err(Error::usage(message));
            };
            place = fields.entry(name.clone()).or_insert(Value::Null);
        }
        *place = self.value.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_json_or_text() {
        let mut body = json!({"data": {"a": 1}, "text": "x"});
        for text in ["data.a=2", "data.order_id=5a2f", "data.deep.er=null", "new=[1]", "data.b=\"2\""] {
            parse_assignment(text).unwrap().apply(&mut body).unwrap();
        }
        assert_eq!(
            body,
            json!({"data": {"a": 2, "order_id": "5a2f", "deep": {"er": null}, "b": "2"}, "text": "x", "new": [1]})
        );
        let error = parse_assignment("text.a=1").unwrap().apply(&mut body).unwrap_err();
        assert_eq!(error.message, "--set text.a: a is in something that is not an object");
        assert!(parse_assignment("data..a=1").is_err() && parse_assignment("data").is_err());
    }
}
