//! Locations.

use axum::routing::MethodFilter;
use http::StatusCode;

use super::fields::MAX_INT32;
use super::request::ApiRequest;
use super::{OpContext, OperationResult, Route, State, json};
use crate::emulator::state::MerchantIdNeed;

pub(super) const ROUTES: [Route; 2] =
    [(MethodFilter::GET, "/ipp/v1/locations", list), (MethodFilter::GET, "/ipp/v1/locations/{id}", get)];

fn list(request: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    let mut query = request.query();
    request.check_merchant_id(MerchantIdNeed::Required, &mut query.errors)?;
    let page = query.page(MAX_INT32);
    query.finish()?;
    Ok(json(StatusCode::OK, &state.list_locations(page)))
}

fn get(request: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    let id = request.id("location")?;
    let mut query = request.query();
    request.check_merchant_id(MerchantIdNeed::Required, &mut query.errors)?;
    query.finish()?;
    Ok(json(StatusCode::OK, &state.location(id)?))
}
