//! Locations.

use http::StatusCode;

use super::query::NO_MAX_PAGE_SIZE;
use super::request::ApiRequest;
use super::response::ApiResponse;
use super::{OpContext, OperationResult, State};
use crate::emulator::state::MerchantIdNeed;

pub(super) fn list(call: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    let mut query = call.query();
    call.merchant_id(MerchantIdNeed::Required, &mut query.errors)?;
    let page = query.page(NO_MAX_PAGE_SIZE);
    query.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.list_locations(page)))
}

pub(super) fn get(call: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    let id = call.id("location")?;
    let mut query = call.query();
    call.merchant_id(MerchantIdNeed::Required, &mut query.errors)?;
    query.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.location(id)?))
}
