//! Locations.

use http::StatusCode;

use super::fields::MAX_INT32;
use super::request::ApiRequest;
use super::{OpContext, OperationResult, State, json};
use crate::emulator::state::MerchantIdNeed;

pub(super) fn list(request: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    let mut query = request.query();
    request.check_merchant_id(MerchantIdNeed::Required, &mut query.errors)?;
    let page = query.page(MAX_INT32);
    query.finish()?;
    Ok(json(StatusCode::OK, &state.list_locations(page)))
}

pub(super) fn get(request: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    let id = request.id("location")?;
    let mut query = request.query();
    request.check_merchant_id(MerchantIdNeed::Required, &mut query.errors)?;
    query.finish()?;
    Ok(json(StatusCode::OK, &state.location(id)?))
}
