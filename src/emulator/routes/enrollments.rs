//! Enrollments.

use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodFilter;
use http::StatusCode;
use jiff::SignedDuration;

use super::fields::{Fields, MAX_PAGE_SIZE};
use super::request::ApiRequest;
use super::{OpContext, OperationResult, Route, State, json};
use crate::emulator::state::{
    DEFAULT_ENROLLMENT_LIFETIME, DeleteStatus, EnrollmentDialect, EnrollmentFilter, MerchantIdNeed,
    NewEnrollment,
};
use crate::model::Ttl;

pub(super) const ROUTES: [Route; 3] = [
    (MethodFilter::GET, "/ipp/v1/enrollments", list),
    (MethodFilter::POST, "/ipp/v1/enrollments", create),
    (MethodFilter::DELETE, "/ipp/v1/enrollments/{enrollment_id}", delete),
];

fn list(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let mut query = request.query();
    request.check_merchant_id(MerchantIdNeed::Required, &mut query.errors)?;
    let filter = EnrollmentFilter {
        location_id: query.uuid("location_id"),
        metadata: query.metadata_filters(),
        exclude_consumed: query.flag("include_consumed") == Some(false),
    };
    let page = query.page(MAX_PAGE_SIZE);
    query.finish()?;
    Ok(json(StatusCode::OK, &state.list_enrollments(&filter, page, context.now)))
}

fn create(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let mut body = request.body()?;
    let new = NewEnrollment {
        location_id: body.uuid("location_id"),
        lifetime: lifetime(&mut body, state.options.enrollment_dialect),
        metadata: body.metadata("metadata"),
    };
    body.finish()?;
    Ok(json(StatusCode::CREATED, &state.create_enrollment(new, context)?))
}

fn delete(request: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    state.delete_enrollment(request.id("enrollment")?)?;
    Ok(deleted_response(state))
}

pub(super) fn deleted_response(state: &State) -> Response {
    match state.options.delete_status {
        DeleteStatus::NoContent => StatusCode::NO_CONTENT.into_response(),
        DeleteStatus::Ok => StatusCode::OK.into_response(),
    }
}

fn lifetime(body: &mut Fields, dialect: EnrollmentDialect) -> SignedDuration {
    let lifetime = match dialect {
        EnrollmentDialect::ExpiresInOnly => expires_in(body),
        EnrollmentDialect::TtlOnly => Some(body.required("ttl", ttl)),
        EnrollmentDialect::Both => {
            let ttl = ttl(body, "ttl");
            expires_in(body).or(ttl)
        }
    };
    lifetime.unwrap_or(DEFAULT_ENROLLMENT_LIFETIME)
}

fn expires_in(body: &mut Fields) -> Option<SignedDuration> {
    let milliseconds = body.integer("expires_in")?;
    if milliseconds < 1 {
        body.add_error("expires_in", "must be at least 1 millisecond");
    }
    Some(SignedDuration::from_millis(milliseconds))
}

fn ttl(body: &mut Fields, name: &str) -> Option<SignedDuration> {
    let expected = format!("one of {}", Ttl::ALL.map(Ttl::as_str).join(", "));
    let ttl = body.read(name, &expected, |value| Ttl::ALL.into_iter().find(|ttl| value == ttl.as_str()))?;
    SignedDuration::try_from(ttl.duration()).ok()
}
