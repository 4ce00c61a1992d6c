//! Signatures, checked against the test data of the Standard Webhooks libraries.

use proptest::prelude::*;

use super::*;

/// Test data of the Standard Webhooks libraries: secret, ID, seconds, body, signature.
const PUBLISHED: [(&str, &str, i64, &str, &str); 3] = [
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_696_200_454,
        r#"{"type": "example.created", "timestamp":"2023-09-28T19:20:22+00:00", "data":{"str":"string","bool":true,"int":42}}"#,
        "v1,GgjvufBlIj71MBIVQotYGb+xEC3LNXCsIZp0HsDC8qs=",
    ),
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1_649_367_553,
        r#"{"email":"test@example.com","username":"test_user"}"#,
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
];

fn secret(text: &str) -> CallbackSecret {
    CallbackSecret::parse(text).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// The second published example.
fn published() -> (SigningKeys, HeaderMap, &'static [u8], i64) {
    let (key, id, seconds, body, signature) = PUBLISHED[1];
    let headers =
        [("webhook-id", id), ("webhook-timestamp", &seconds.to_string()), ("webhook-signature", signature)];
    let headers = headers.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    (SigningKeys::new(&[secret(key)]).unwrap(), HeaderMap::from_iter(headers), body.as_bytes(), seconds)
}

#[test]
fn the_published_signatures_are_reproduced_and_verified() {
    for (key, id, seconds, body, signature) in PUBLISHED {
        let keys = SigningKeys::new(&[secret(key)]).unwrap();
        let made = keys.sign(id, at(seconds), body.as_bytes()).unwrap();
        for (name, value) in [
            ("webhook-id", id),
            ("webhook-timestamp", &seconds.to_string()),
            ("webhook-signature", signature),
        ] {
            assert_eq!(made[name], value);
        }
        assert_eq!(keys.verify(&made, body.as_bytes(), at(seconds)), Ok(id.to_owned()));
    }
}

#[test]
fn during_a_rotation_either_secret_is_enough() {
    let (old, new) = (secret(PUBLISHED[0].0), secret(PUBLISHED[2].0));
    let both = [old.clone(), new.clone()];
    let verify = |receives: &[CallbackSecret], signs: &[CallbackSecret]| {
        let made = SigningKeys::new(signs).unwrap().sign("kevt_1", at(0), b"{}").unwrap();
        SigningKeys::new(receives).unwrap().verify(&made, b"{}", at(0)).is_ok()
    };
    for one in [&old, &new] {
        assert!(verify(&both, std::slice::from_ref(one)), "the receiver knows both");
        assert!(verify(std::slice::from_ref(one), &both), "the sender signs with both");
    }
    assert!(!verify(&[old], &[new]));
}

#[test]
fn signatures_of_other_versions_are_ignored() {
    let (keys, mut headers, body, seconds) = published();
    let right = PUBLISHED[1].4;
    let other = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    headers.insert("webhook-signature", format!("{other} v1a,AAAA v2,BBBB {right}").parse().unwrap());
    assert!(keys.verify(&headers, body, at(seconds)).is_ok());
    let as_another = right.replace("v1,", "v2,");
    headers.insert("webhook-signature", format!("{other} {as_another}").parse().unwrap());
    assert_eq!(keys.verify(&headers, body, at(seconds)), Err(VerifyError::WrongSignature));
}

#[test]
fn an_error_names_the_header() {
    let (keys, whole, body, seconds) = published();
    let verify = |headers: &HeaderMap| keys.verify(headers, body, at(seconds)).unwrap_err();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut headers = whole.clone();
        headers.append(name, whole[name].clone());
        assert_eq!(verify(&headers).to_string(), format!("the header {name} occurs more than once"));
        headers.insert(name, HeaderValue::from_static(""));
        assert_eq!(verify(&headers).to_string(), format!("the header {name} is empty"));
        headers.insert(name, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(verify(&headers).to_string(), format!("the header {name} has characters outside ASCII"));
        headers.remove(name);
        assert_eq!(verify(&headers), VerifyError::MissingHeader(name));
    }
    for value in ["hello", "-5", "+1614265330", "01614265330", "1614265330.0", "9223372036854775807", "1e9"] {
        let error = verify(&replace_header(&whole, "webhook-timestamp", value));
        assert_eq!(error.to_string(), "the header webhook-timestamp is not a number of seconds since 1970");
        assert_eq!(error.code(), "malformed");
    }
    for value in ["v1,", "v1", "g0hM9SsE", "v2,abc"] {
        let error = verify(&replace_header(&whole, "webhook-signature", value));
        assert_eq!(error.to_string(), "the header webhook-signature contains no signature of the form v1,…");
    }
}

#[test]
fn a_delivery_may_be_five_minutes_old_or_early() {
    let (keys, headers, body, seconds) = published();
    let verify = |now: Timestamp| keys.verify(&headers, body, now);
    let (sent_at, nano) = (at(seconds), SignedDuration::from_nanos(1));
    assert!(verify(sent_at + TOLERANCE).is_ok() && verify(sent_at - TOLERANCE).is_ok());
    assert_eq!(verify(sent_at + TOLERANCE + nano), Err(VerifyError::TooOld(sent_at)));
    assert_eq!(verify(sent_at - TOLERANCE - nano), Err(VerifyError::TooNew(sent_at)));
    assert_eq!(verify(Timestamp::MAX), Err(VerifyError::TooOld(sent_at)));
    assert_eq!(verify(Timestamp::MIN), Err(VerifyError::TooNew(sent_at)));
}

#[test]
fn the_signature_is_checked_before_the_age() {
    let (keys, headers, _, seconds) = published();
    let old = at(seconds) + TOLERANCE + TOLERANCE;
    assert_eq!(keys.verify(&headers, b"{}", old), Err(VerifyError::WrongSignature));
    assert_eq!(keys.verify(&headers, b"\xff", old), Err(VerifyError::Body));
}

#[test]
fn an_invalid_id_or_body_cannot_be_signed() {
    let keys = SigningKeys::new(&[secret(PUBLISHED[0].0)]).unwrap();
    assert!(matches!(keys.sign("a\nb", at(0), b"{}"), Err(WebhookError::InvalidHeader("webhook-id"))));
    assert!(matches!(keys.sign("a", at(0), b"\xff"), Err(WebhookError::InvalidPayload)));
}

proptest! {
    #[test]
    fn any_change_in_transit_is_rejected(
        id in "[!-~]{1,20}", other_id in "[!-~]{1,20}",
        body in ".{0,40}", other_body in ".{0,40}",
        seconds in 0_i64..4_000_000_000, other_seconds in 0_i64..4_000_000_000,
    ) {
        let keys = SigningKeys::new(&[secret(PUBLISHED[0].0)]).unwrap();
        let made = keys.sign(&id, at(seconds), body.as_bytes()).unwrap();
        prop_assert!(keys.verify(&made, body.as_bytes(), at(seconds)).is_ok());
        let changed = [
            (id != other_id).then(|| (replace_header(&made, "webhook-id", &other_id), body.as_bytes())),
            (seconds != other_seconds)
                .then(|| (replace_header(&made, "webhook-timestamp", &other_seconds.to_string()), body.as_bytes())),
            (body != other_body).then(|| (made.clone(), other_body.as_bytes())),
        ];
        for (headers, body) in changed.into_iter().flatten() {
            prop_assert_eq!(keys.verify(&headers, body, at(seconds)), Err(VerifyError::WrongSignature));
        }
    }

    #[test]
    fn an_arbitrary_header_is_rejected(name in 0_usize..3, value in "[ -~]{0,40}", body: Vec<u8>) {
        let (keys, whole, ..) = published();
        let name = ["webhook-id", "webhook-timestamp", "webhook-signature"][name];
        prop_assert!(keys.verify(&replace_header(&whole, name, &value), &body, Timestamp::now()).is_err());
    }
}

fn replace_header(headers: &HeaderMap, name: &'static str, value: &str) -> HeaderMap {
    let mut headers = headers.clone();
    headers.insert(name, value.parse().unwrap());
    headers
}
