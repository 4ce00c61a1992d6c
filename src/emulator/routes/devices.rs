//! Devices, including simulated ones.

use axum::routing::MethodFilter;
use http::StatusCode;

use super::enrollments::deleted_response;
use super::fields::{Fields, MAX_PAGE_SIZE};
use super::request::ApiRequest;
use super::{OpContext, OperationResult, Route, State, json};
use crate::emulator::state::{DeviceUpdate, NewSimulatedDevice};

pub(super) const ROUTES: [Route; 4] = [
    (MethodFilter::GET, "/ipp/v1/devices", list),
    (MethodFilter::PUT, "/ipp/v1/devices/{id}", update),
    (MethodFilter::DELETE, "/ipp/v1/devices/{id}", deregister),
    (MethodFilter::POST, "/ipp/v1/dev/devices", create_simulated),
];

fn list(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let mut query = request.query();
    request.check_merchant_id(state.options.device_list_merchant_id, &mut query.errors)?;
    let location_id = query.uuid("location_id");
    let page = query.page(MAX_PAGE_SIZE);
    query.finish()?;
    Ok(json(StatusCode::OK, &state.list_devices(location_id, page, context.now)))
}

fn update(request: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    let id = request.id("device")?;
    let mut body = request.body()?;
    let update = DeviceUpdate {
        name: body.string("name"),
        location_id: body.uuid("location_id"),
        metadata: body.metadata("metadata"),
    };
    body.finish()?;
    Ok(json(StatusCode::OK, &state.update_device(id, update)?))
}

fn deregister(request: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    state.deregister_device(request.id("device")?)?;
    Ok(deleted_response(state))
}

fn create_simulated(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let mut body = request.body()?;
    let new = NewSimulatedDevice {
        name: body.required("name", Fields::non_empty_string),
        location_id: body.uuid("location_id"),
        metadata: body.metadata("metadata"),
    };
    body.finish()?;
    Ok(json(StatusCode::OK, &state.create_simulated_device(new, context)?))
}
