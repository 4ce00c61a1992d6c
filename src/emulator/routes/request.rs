//! A request, checked as far as every operation needs it.

use axum::extract::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use uuid::Uuid;

use super::PathParams;
use super::body::JsonFields;
use super::query::Query;
use crate::emulator::state::{FieldErrors, MerchantIdNeed, Rejection};
use crate::emulator::{API_KEY, MERCHANT_ID, USERNAME};

/// The longest body that is read, in bytes.
pub(in crate::emulator) const MAX_BODY: usize = 1024 * 1024;

const MERCHANT_ID_HEADER: &str = "x-merchant-id";

/// A request with the right credentials.
pub(super) struct ApiRequest {
    path_id: Option<String>,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl ApiRequest {
    /// Checks the credentials and takes the body in. No operation has more than one variable in its path.
    pub(super) async fn read(path: PathParams, request: Request) -> Result<Self, Rejection> {
        let (parts, body) = request.into_parts();
        authenticate(&parts.headers)?;
        refuse_too_large(&parts)?;
        let body = axum::body::to_bytes(body, MAX_BODY).await.map_err(body_error)?;
        let path_id = path.ok().and_then(|path| path.iter().next().map(|(_, value)| value.to_owned()));
        Ok(Self {
            path_id,
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: body.to_vec(),
        })
    }

    /// The id in the path. One that is no UUID cannot exist, so it is not found, which every such operation
    /// documents; 400 is documented by few of them.
    pub(super) fn id(&self, what: &str) -> Result<Uuid, Rejection> {
        let text = self.path_id.as_deref().unwrap_or_default();
        parse_uuid(text).ok_or_else(|| {
            Rejection::not_found(format!(
                "There is no {what} with this id: ids are UUIDs, and this one is not."
            ))
        })
    }

    pub(super) fn query(&self) -> Query<'_> {
        Query::parse(&self.query)
    }

    /// Checks `x-merchant-id`. A missing one is noted with what else is wrong with the request.
    pub(super) fn merchant_id(
        &self,
        need: MerchantIdNeed,
        errors: &mut FieldErrors,
    ) -> Result<(), Rejection> {
        match self.headers.get(MERCHANT_ID_HEADER).map(http::HeaderValue::as_bytes) {
            Some(value) if value == MERCHANT_ID.as_bytes() => Ok(()),
            None if need == MerchantIdNeed::Optional => Ok(()),
            None | Some(b"") => {
                errors.add(MERCHANT_ID_HEADER, "is required");
                Ok(())
            }
            Some(_) => Err(Rejection::for_field(
                StatusCode::FORBIDDEN,
                MERCHANT_ID_HEADER,
                "is not the merchant that the API key belongs to",
            )),
        }
    }

    /// The body, which has to be a JSON object. A body without a content type is taken for JSON.
    pub(super) fn body(&self) -> Result<JsonFields, Rejection> {
        let unsupported = |detail: &str| Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
        if self.headers.get(CONTENT_TYPE).is_some_and(|value| !is_json(value.as_bytes())) {
            return Err(unsupported("The body must be application/json."));
        }
        if self.headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity") {
            return Err(unsupported("The body must not be compressed."));
        }
        JsonFields::parse(&self.body)
    }

    /// The same where every field can be left out: no body at all is none of them.
    pub(super) fn optional_body(&self) -> Result<JsonFields, Rejection> {
        if self.body.is_empty() { JsonFields::parse(b"{}") } else { self.body() }
    }
}

/// A UUID in its usual form; the crate would also take others, which the contract's `format: uuid` does not.
pub(super) fn parse_uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

fn authenticate(headers: &HeaderMap) -> Result<(), Rejection> {
    let refusal = |detail: &str| Rejection::new(StatusCode::UNAUTHORIZED, detail);
    let header = headers.get(AUTHORIZATION).ok_or_else(|| refusal("The Authorization header is missing."))?;
    let credentials = header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .map(|(_, credentials)| credentials.trim())
        .ok_or_else(|| refusal("The Authorization header is not of the form 'Basic …'."))?;
    if credentials == API_KEY || encoded_pair_is_right(credentials) {
        Ok(())
    } else {
        Err(refusal("The API key, or the username with it, is not right."))
    }
}

/// `base64(username:key)` (documented). An empty username counts as none, which is allowed.
fn encoded_pair_is_right(credentials: &str) -> bool {
    let decoded = STANDARD.decode(credentials).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded
        .as_deref()
        .and_then(|pair| pair.split_once(':'))
        .is_some_and(|(username, key)| key == API_KEY && (username.is_empty() || username == USERNAME))
}

fn too_large() -> Rejection {
    let detail = format!("The body is longer than {MAX_BODY} bytes.");
    Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// Refuses by the announced length, so that a client that asks before it sends need not send.
fn refuse_too_large(parts: &Parts) -> Result<(), Rejection> {
    let announced =
        parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
    if announced.is_some_and(|length| length > limit) { Err(too_large()) } else { Ok(()) }
}

/// Why a body could not be taken in: it is too long, or the client broke off and will not hear the answer.
fn body_error(error: axum::Error) -> Rejection {
    if error.into_inner().is::<http_body_util::LengthLimitError>() {
        too_large()
    } else {
        Rejection::new(StatusCode::BAD_REQUEST, "The body broke off.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(authorization: Option<&str>) -> Option<u16> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.parse().unwrap());
        }
        authenticate(&headers).err().map(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn both_forms_of_the_credentials_are_taken() {
        let pair = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        assert_eq!(status_of(Some("Basic kco_test_api_emulator")), None);
        assert_eq!(status_of(Some("basic kco_test_api_emulator")), None);
        assert_eq!(status_of(Some(&pair("EMULATED-1:kco_test_api_emulator"))), None);
        assert_eq!(status_of(Some(&pair(":kco_test_api_emulator"))), None);
    }

    #[test]
    fn anything_else_is_401() {
        let pair = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        assert_eq!(status_of(None), Some(401));
        for wrong in [
            String::new(),
            "Basic".into(),
            "Basic ".into(),
            "Bearer kco_test_api_emulator".into(),
            "kco_test_api_emulator".into(),
            "Basic kco_test_api_emulato".into(),
            "Basic EMULATED-1:kco_test_api_emulator".into(),
            pair("EMULATED-2:kco_test_api_emulator"),
            pair("EMULATED-1:kco_test_api_emulator "),
            pair("kco_test_api_emulator"),
        ] {
            assert_eq!(status_of(Some(&wrong)), Some(401), "{wrong}");
        }
    }

    #[test]
    fn only_the_usual_form_of_a_uuid_is_one() {
        let id = Uuid::from_u128(7);
        assert_eq!(parse_uuid(&id.to_string()), Some(id));
        assert_eq!(parse_uuid(&id.to_string().to_uppercase()), Some(id));
        assert_eq!(parse_uuid(&id.simple().to_string()), None);
        assert_eq!(parse_uuid(&id.urn().to_string()), None);
        assert_eq!(parse_uuid(&id.braced().to_string()), None);
        assert_eq!(parse_uuid(""), None);
    }

    #[test]
    fn json_is_json_with_or_without_parameters() {
        assert!(is_json(b"application/json"));
        assert!(is_json(b"Application/JSON ; charset=utf-8"));
        assert!(!is_json(b"text/json"));
        assert!(!is_json(b"application/jsonp"));
        assert!(!is_json(b""));
    }
}
