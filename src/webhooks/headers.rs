//! Parses the headers of a delivery that was saved in a file.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// Why headers cannot be parsed. The messages repeat no header values, which may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadersError {
    #[error("it is not UTF-8 text")]
    Encoding,
    #[error("line {0} is not of the form 'name: value'")]
    Line(usize),
    #[error("the value of '{0}' is neither a string nor a list of strings")]
    Value(String),
    #[error("it is empty")]
    Empty,
}

/// Parses headers as in HTTP, one `name: value` per line with an optional request line before them, or a JSON object, as
/// many applications log them.
pub fn parse_headers(text: &[u8]) -> Result<HeaderMap, HeadersError> {
    let text = std::str::from_utf8(text).map_err(|_| HeadersError::Encoding)?;
    let text = text.trim_start_matches('\u{feff}');
    let headers = match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => parse_object(&fields)?,
        _ => parse_lines(text)?,
    };
    if headers.is_empty() { Err(HeadersError::Empty) } else { Ok(headers) }
}

fn parse_lines(text: &str) -> Result<HeaderMap, HeadersError> {
    let mut headers = HeaderMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let is_request_line = headers.is_empty() && line.contains(" HTTP/");
        if line.is_empty() || is_request_line {
            continue;
        }
        let pair = line.split_once(':').and_then(|(name, value)| parse_header(name, value.trim()));
        let (name, value) = pair.ok_or(HeadersError::Line(index + 1))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn parse_object(fields: &serde_json::Map<String, Value>) -> Result<HeaderMap, HeadersError> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let invalid = || HeadersError::Value(name.clone());
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return Err(invalid()),
            };
            let (name, value) = parse_header(name, &text).ok_or_else(invalid)?;
            headers.append(name, value);
        }
    }
    Ok(headers)
}

fn parse_header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name.trim().parse().ok()?, HeaderValue::from_str(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, HeadersError> {
        let pair = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        parse_headers(text.as_bytes()).map(|headers| headers.iter().map(pair).collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn headers_are_lines_or_a_json_object() {
        let expected = Ok(pairs(&[("webhook-id", "kevt_1"), ("webhook-signature", "v1,a= v1,b=")]));
        for text in [
            "POST /hook HTTP/1.1\r\nWebhook-Id: kevt_1\r\nwebhook-signature:v1,a= v1,b=\r\n\r\n",
            "\u{feff}webhook-id: kevt_1\n\nWEBHOOK-SIGNATURE:  v1,a= v1,b=  ",
            r#"{"Webhook-Id": "kevt_1", "webhook-signature": ["v1,a= v1,b="]}"#,
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(read(r#"{"webhook-timestamp": 5}"#), Ok(pairs(&[("webhook-timestamp", "5")])));
        assert_eq!(read("a: 1\na: 2"), Ok(pairs(&[("a", "1"), ("a", "2")])), "a repeated header is kept");
    }

    #[test]
    fn an_error_names_the_line_and_does_not_repeat_it() {
        assert_eq!(read(""), Err(HeadersError::Empty));
        assert_eq!(read("{}"), Err(HeadersError::Empty));
        assert_eq!(read("a: 1\nwhsec_x"), Err(HeadersError::Line(2)));
        assert_eq!(read("a b: 1"), Err(HeadersError::Line(1)));
        assert_eq!(read(r#"{"a": null}"#), Err(HeadersError::Value("a".into())));
        assert_eq!(parse_headers(b"\xff"), Err(HeadersError::Encoding));
    }
}
