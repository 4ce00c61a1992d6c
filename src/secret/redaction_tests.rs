#![allow(clippy::format_collect, reason = "tests may be slow and plain")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::json;

use super::*;

const KEY: &str = "kco_test_api_Rd7~Wq2/Zn5+Lk9x";
const RANDOM: &str = "Rd7~Wq2/Zn5+Lk9x";

fn hex(text: &str, prefix: &str, separator: &str) -> String {
    text.bytes().map(|byte| format!("{prefix}{byte:02x}")).collect::<Vec<_>>().join(separator)
}

/// How a secret may come back, with what must not be in the redacted text.
fn encodings(key: &str) -> Vec<String> {
    let utf16: Vec<u8> = key.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let pair = format!("M1-a:{key}");
    vec![
        key.to_owned(),
        key.to_uppercase(),
        key.to_lowercase(),
        RANDOM.to_owned(),
        STANDARD.encode(key),
        STANDARD_NO_PAD.encode(key),
        URL_SAFE.encode(key),
        URL_SAFE_NO_PAD.encode(key),
        STANDARD.encode(&pair),
        URL_SAFE_NO_PAD.encode(format!("xy{pair}z")),
        STANDARD.encode(STANDARD.encode(key)),
        STANDARD.encode(&utf16),
        hex(key, "", ""),
        hex(key, "", "").to_uppercase(),
        hex(key, "", ":"),
        hex(key, "", " "),
        hex(key, "\\x", ""),
        hex(key, "%", ""),
        hex(key, "%", "").to_uppercase(),
        hex(key, "=", ""),
        hex(key, "0x", ", "),
        key.replace('_', "%5F").replace('~', "%7e").replace('/', "%2F").replace('+', "%2B"),
        key.replace('/', "%252F"),
        key.chars().map(|character| format!("\\u{:04x}", u32::from(character))).collect(),
        key.replace('/', "\\/"),
        key.chars().map(|character| format!("&#{};", u32::from(character))).collect(),
        key.chars().map(|character| format!("&#x{:x};", u32::from(character))).collect(),
        key.chars().map(|character| format!("\\{:03o}", u32::from(character))).collect(),
        key.chars().rev().collect(),
        key.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(","),
        key.bytes().map(|byte| format!("{byte:08b}")).collect(),
        key.chars().map(|character| format!("{character} ")).collect(),
        key.chars().map(|character| format!("{character}\u{200b}")).collect(),
        key.chars().map(|character| char::from_u32(u32::from(character) + 0xfee0).unwrap()).collect(),
        format!("Wx{}", key.replace("kco_test_api_", "")),
    ]
}

#[test]
fn a_registered_secret_is_redacted_in_every_encoding() {
    register(KEY);
    for encoded in encodings(KEY) {
        for text in [encoded.clone(), format!("\"key {encoded}, twice: {encoded}\"")] {
            let redacted = redact(&text).into_owned();
            assert!(redacted.contains(REDACTED), "{text}\n{redacted}");
            // The rest is at most the documented prefix, in the same encoding.
            let half = encoded.char_indices().nth(encoded.chars().count() / 2).map_or(0, |(at, _)| at);
            let is_reversed = encoded.ends_with("_ock");
            let secret_half = if is_reversed { &encoded[..half] } else { &encoded[half..] };
            assert!(!redacted.contains(secret_half), "{text}\n{redacted}");
        }
        let body = json!({"a": [{"b": encoded}], encoded.as_str(): 1, "c": [KEY.as_bytes()]}).to_string();
        let redacted = String::from_utf8(redact_body(body.into_bytes())).unwrap();
        let value: Value = serde_json::from_str(&redacted).unwrap();
        assert!(!redacted.contains(&encoded) && redacted.contains(REDACTED), "{redacted}");
        assert_eq!(value["c"][0], json!([REDACTED]));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_with_a_secret_cannot_be_dumped() {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
    register(KEY);
    assert_eq!(getrlimit(Resource::Core).current, Some(0));
    assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
}

#[test]
fn a_secret_is_found_across_the_windows_of_a_large_text() {
    register(KEY);
    let text = format!("{}{KEY}{}", "ü".repeat(WINDOW / 2 - 5), "x ".repeat(WINDOW));
    let redacted = redact(&text);
    assert!(redacted.contains(REDACTED) && !redacted.contains(RANDOM));
}

#[test]
fn prefixed_secrets_and_passwords_in_urls_are_redacted() {
    for (text, redacted) in [
        (
            "argument 'kco_test_api_q1/b+c' and kco_live_q2, found",
            "argument 'kco_test_[redacted]' and kco_live_[redacted] found",
        ),
        ("a kco_test_… key", "a kco_test_… key"),
        ("cannot read whsec_Qu1+/A=: kco_live_q3", "cannot read whsec_[redacted] kco_live_[redacted]"),
        (
            "{\"key\":\"kco_test_api_emulator\"}, kco_test_api_emulator.",
            "{\"key\":\"kco_test_api_emulator\"}, kco_test_api_emulator.",
        ),
        ("kco_test_api_emulator2", "kco_test_[redacted]"),
        ("nothing", "nothing"),
        (
            "via http://a:p@ss@proxy:3128/x@y and 'https://b@h' to https://h/@c",
            "via http://[redacted]@proxy:3128/x@y and 'https://[redacted]@h' to https://h/@c",
        ),
    ] {
        assert_eq!(redact(text), redacted);
    }
}

#[test]
fn registered_secrets_are_redacted_without_a_prefix() {
    for secret in ["old+secret/77", "short", "QxPassword", "QxPassword-2"] {
        register(secret);
    }
    let text = format!("{}, kco_live_q4 and short", STANDARD.encode("old+secret/77"));
    assert_eq!(redact(&text), "[redacted], kco_live_[redacted] and short");
    // One secret may contain another.
    assert_eq!(redact("QxPassword-2 QxPassword"), "[redacted] [redacted]");
}

#[test]
fn a_response_that_repeats_the_key_is_redacted() {
    register("kco_test_api_q5w6e7r8t9y0");
    let redact = |body: &[u8]| redact_body(body.to_vec());
    let header = STANDARD.encode("user:kco_test_api_q5w6e7r8t9y0");
    let echo = [b"key kco_test_api_q5w6e7r8t9y0, header ", header.as_bytes(), b".\xff"].concat();
    assert_eq!(redact(&echo), "key [redacted], header [redacted].\u{fffd}".as_bytes());
    let escaped = br#"{"a":["kco_\u0074est_api_q5w6e7r8t9y0"],"b":"1\/2"}"#;
    assert_eq!(redact(escaped), br#"{"a":["[redacted]"],"b":"1\/2"}"#);
    for unchanged in [&br#"{"b" : "1\/2", "c": "kco_test_other"}"#[..], b"\xff"] {
        assert_eq!(redact(unchanged), unchanged);
    }
}

#[test]
fn codes_and_credentials_are_redacted_at_any_depth() {
    let mut value =
        json!({"content": [{"enrollment_code": "AB", "id": 1}], "credentials": {"bearer_token": "t"}});
    redact_fields(&mut value);
    assert_eq!(
        value,
        json!({"content": [{"enrollment_code": REDACTED, "id": 1}], "credentials": {"bearer_token": REDACTED}})
    );
}
