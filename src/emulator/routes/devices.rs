//! Devices, simulated ones among them.

use http::StatusCode;

use super::body::JsonFields;
use super::enrollments::deleted;
use super::query::MAX_PAGE_SIZE;
use super::request::ApiRequest;
use super::response::ApiResponse;
use super::{OpContext, OperationResult, State};
use crate::emulator::state::{DeviceUpdate, NewSimulatedDevice};

pub(super) fn list(call: &ApiRequest, state: &mut State, moment: &mut OpContext<'_>) -> OperationResult {
    let mut query = call.query();
    call.merchant_id(state.options.device_list_merchant_id, &mut query.errors)?;
    let location_id = query.uuid("location_id");
    let page = query.page(MAX_PAGE_SIZE);
    query.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.list_devices(location_id, page, moment.now)))
}

pub(super) fn update(call: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    let id = call.id("device")?;
    let mut body = call.body()?;
    let update = DeviceUpdate {
        name: body.text("name"),
        location_id: body.uuid("location_id"),
        metadata: body.metadata("metadata"),
    };
    body.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.update_device(id, update)?))
}

pub(super) fn deregister(call: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    state.deregister_device(call.id("device")?)?;
    Ok(deleted(state))
}

pub(super) fn create_simulated(
    call: &ApiRequest,
    state: &mut State,
    moment: &mut OpContext<'_>,
) -> OperationResult {
    let mut body = call.body()?;
    let name = body.required("name", JsonFields::text);
    if name.is_empty() {
        body.add_error("name", "must not be empty");
    }
    let new = NewSimulatedDevice {
        name,
        location_id: body.uuid("location_id"),
        metadata: body.metadata("metadata"),
    };
    body.finish()?;
    Ok(ApiResponse::json(StatusCode::OK, &state.create_simulated_device(new, moment)?))
}
