//! The extractor for requests with valid credentials.

use axum::RequestPartsExt as _;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Path, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::fields::{Fields, Ignored, Unknown};
use crate::emulator::state::{FieldErrors, MerchantIdNeed, Rejection};
use crate::emulator::{API_KEY, Emulator, MERCHANT_ID, Setup, USERNAME};

pub(in crate::emulator) const MAX_BODY: usize = 1024 * 1024;

pub(in crate::emulator) const TOKEN_HEADER: &str = "x-kustom-token";

const MERCHANT_ID_HEADER: &str = "x-merchant-id";

pub(super) struct ApiRequest {
    /// The parameters in the path.
    params: Vec<(String, String)>,
    query: String,
    headers: HeaderMap,
    body: Bytes,
    /// Whether what would otherwise be ignored is rejected.
    pub(super) is_strict: bool,
    pub(super) ignored: Ignored,
}

impl FromRequest<Emulator> for ApiRequest {
    type Rejection = Rejection;

    async fn from_request(request: Request, emulator: &Emulator) -> Result<Self, Rejection> {
        let (mut parts, body) = request.into_parts();
        authenticate(&parts.headers)?;
        // The body is in memory, so reading it fails only if it is too large.
        let body = to_bytes(body, MAX_BODY).await.map_err(|_| {
            let detail = format!("The body is longer than {MAX_BODY} bytes.");
            Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        })?;
        // A path that is not UTF-8 has no parameters, so it names nothing that exists.
        let params = parts.extract::<Path<Vec<(String, String)>>>().await;
        let params = params.map(|Path(params)| params).unwrap_or_default();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        if parts.uri.path().starts_with("/emulator") {
            check_token(emulator.setup(), &parts.headers)?;
        }
        let (is_strict, ignored) = (emulator.setup().is_strict, Ignored::default());
        Ok(Self { params, query, headers: parts.headers, body, is_strict, ignored })
    }
}

impl ApiRequest {
    /// An ID that is not a UUID is a 404, because every operation with an ID documents that status; few document 400.
    pub(super) fn id(&self, noun: &str) -> Result<Uuid, Rejection> {
        let id = self.params.first().and_then(|(_, value)| value.parse().ok());
        id.ok_or_else(|| {
            Rejection::not_found(format!(
                "There is no {noun} with this ID: IDs are UUIDs, and this is not one."
            ))
        })
    }

    fn unknown(&self) -> Unknown {
        if self.is_strict { Unknown::Reject } else { Unknown::Ignore(self.ignored.clone()) }
    }

    pub(super) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    /// A header, unless it is not ASCII.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn query(&self) -> Fields {
        Fields::from_query(&self.query, self.unknown())
    }

    /// Checks `x-merchant-id`. If it is missing, that is reported along with other wrong parameters.
    pub(super) fn check_merchant_id(
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

    /// The JSON object in the body. A body without a content type is taken for JSON.
    pub(super) fn body(&self) -> Result<Fields, Rejection> {
        let unsupported = |detail: &str| Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
        if self.headers.get(CONTENT_TYPE).is_some_and(|value| !is_json(value.as_bytes())) {
            return Err(unsupported("The body must be application/json."));
        }
        if self.headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity") {
            return Err(unsupported("The body must not be compressed."));
        }
        Fields::from_json(&self.body, self.unknown())
    }

    /// The body of a request whose fields are all optional, so that the body is too.
    pub(super) fn optional_body(&self) -> Result<Fields, Rejection> {
        if self.body.is_empty() { Fields::from_json(b"{}", self.unknown()) } else { self.body() }
    }
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

fn authenticate(headers: &HeaderMap) -> Result<(), Rejection> {
    let unauthorized = |detail: &str| Rejection::new(StatusCode::UNAUTHORIZED, detail);
    let header =
        headers.get(AUTHORIZATION).ok_or_else(|| unauthorized("The Authorization header is missing."))?;
    let credentials = header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .map(|(_, credentials)| credentials.trim())
        .ok_or_else(|| unauthorized("The Authorization header is not of the form 'Basic …'."))?;
    if credentials == API_KEY || is_valid_pair(credentials) {
        Ok(())
    } else {
        Err(unauthorized("The API key, or the username with it, is wrong."))
    }
}

/// Checks `base64(username:key)` (documented). The username may be empty.
fn is_valid_pair(credentials: &str) -> bool {
    let decoded = STANDARD.decode(credentials).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded
        .as_deref()
        .and_then(|pair| pair.split_once(':'))
        .is_some_and(|(username, key)| key == API_KEY && (username.is_empty() || username == USERNAME))
}

/// The key is public, so where others can reach the emulator, its own routes need something that only its user knows.
fn check_token(setup: &Setup, headers: &HeaderMap) -> Result<(), Rejection> {
    let Some(token) = &setup.token else { return Ok(()) };
    let given = headers.get(TOKEN_HEADER).map(http::HeaderValue::as_bytes).unwrap_or_default();
    if bool::from(given.ct_eq(token.as_bytes())) {
        return Ok(());
    }
    let detail =
        format!("Others can reach this emulator, so {TOKEN_HEADER} must have the token that it printed.");
    Err(Rejection::new(StatusCode::FORBIDDEN, detail))
}
