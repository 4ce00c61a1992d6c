//! Parses the headers of a delivery that was saved in a file.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// Parses headers as in HTTP, one `name: value` per line with an optional request line before them, or a JSON object, as
/// many applications log them. Errors repeat no header values, which may be secret.
pub fn parse_headers(text: &[u8]) -> Result<HeaderMap, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8 text")?;
    let text = text.trim_start_matches('\u{feff}');
    let headers = match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => parse_object(&fields)?,
        _ => parse_lines(text)?,
    };
    if headers.is_empty() { Err("it is empty".to_owned()) } else { Ok(headers) }
}

fn parse_lines(text: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let is_request_line = headers.is_empty() && line.contains(" HTTP/");
        if line.is_empty() || is_request_line {
            continue;
        }
        let pair = line.split_once(':').and_then(|(name, value)| parse_header(name, value.trim()));
        let (name, value) =
            pair.ok_or_else(|| format!("line {} is not of the form 'name: value'", index + 1))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn parse_object(fields: &serde_json::Map<String, Value>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let invalid = || format!("the value of '{name}' is neither a string nor a list of strings");
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

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
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
        for (text, expected) in [
            ("", "it is empty"),
            ("{}", "it is empty"),
            ("a: 1\nwhsec_x", "line 2 is not of the form 'name: value'"),
            ("a b: 1", "line 1 is not of the form 'name: value'"),
            (r#"{"a": null}"#, "the value of 'a' is neither a string nor a list of strings"),
        ] {
            assert_eq!(read(text).unwrap_err(), expected);
        }
        assert_eq!(parse_headers(b"\xff").unwrap_err(), "it is not UTF-8 text");
    }
}
