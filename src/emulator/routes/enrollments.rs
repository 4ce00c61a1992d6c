//! Enrollments.

use http::StatusCode;
use jiff::SignedDuration;

use super::body::JsonFields;
use super::query::MAX_PAGE_SIZE;
use super::request::ApiRequest;
use super::response::ApiResponse;
use super::{OpContext, OperationResult, State};
use crate::emulator::state::{
    DEFAULT_ENROLLMENT_LIFETIME, DeleteStatus, EnrollmentDialect, EnrollmentFilter, MerchantIdNeed,
    NewEnrollment,
};
use crate::model::Ttl;

pub(super) fn list(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    let mut query = call.query();
    call.merchant_id(MerchantIdNeed::Required, &mut query.errors)?;
    let filter = EnrollmentFilter {
        location_id: query.uuid("location_id"),
        metadata: query.metadata(),
        include_consumed: query.flag("include_consumed").unwrap_or(true),
    };
    let page = query.page(MAX_PAGE_SIZE);
    query.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.list_enrollments(&filter, page, moment.now)))
}

pub(super) fn create(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    let mut body = call.body()?;
    let new = NewEnrollment {
        location_id: body.uuid("location_id"),
        lifetime: lifetime(&mut body, state.options.enrollment_dialect),
        metadata: body.metadata("metadata"),
    };
    body.finish()?;
    Ok(ApiResponse::json(StatusCode::CREATED, &state.create_enrollment(new, moment)?))
}

pub(super) fn delete(call: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    state.delete_enrollment(call.id("enrollment")?)?;
    Ok(deleted(state))
}

/// The response to a deletion.
pub(super) fn deleted(state: &State) -> ApiResponse {
    ApiResponse::empty(match state.options.delete_status {
        DeleteStatus::NoContent => StatusCode::NO_CONTENT,
        DeleteStatus::Ok => StatusCode::OK,
    })
}

fn lifetime(body: &mut JsonFields, dialect: EnrollmentDialect) -> SignedDuration {
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

fn expires_in(body: &mut JsonFields) -> Option<SignedDuration> {
    let milliseconds = body.integer("expires_in")?;
    if milliseconds < 1 {
        body.add_error("expires_in", "must be at least 1 millisecond");
    }
    Some(SignedDuration::from_millis(milliseconds))
}

fn ttl(body: &mut JsonFields, name: &str) -> Option<SignedDuration> {
    let text = body.text(name)?;
    let found = Ttl::ALL.into_iter().find(|ttl| ttl.as_str() == text);
    if found.is_none() {
        body.add_error(name, format!("must be one of {}", Ttl::ALL.map(Ttl::as_str).join(", ")));
    }
    found.and_then(|ttl| SignedDuration::try_from(ttl.duration()).ok())
}
