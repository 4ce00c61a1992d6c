//! Locations.

use http::StatusCode;

use super::answer::Answer;
use super::call::Call;
use super::query::NO_MAX_PAGE_SIZE;
use super::{Moment, Outcome, State};
use crate::emulator::state::MerchantIdNeed;

pub(super) fn list(call: &Call, state: &mut State, _: &mut Moment<'_>) -> Outcome {
    let mut query = call.query();
    call.merchant_id(MerchantIdNeed::Required, &mut query.errors)?;
    let page = query.page(NO_MAX_PAGE_SIZE);
    query.finish()?;
    Ok(Answer::json(StatusCode::OK, &state.list_locations(page)))
}

pub(super) fn get(call: &Call, state: &mut State, _: &mut Moment<'_>) -> Outcome {
    let id = call.id("location")?;
    let mut query = call.query();
    call.merchant_id(MerchantIdNeed::Required, &mut query.errors)?;
    query.finish()?;
    Ok(Answer::json(StatusCode::OK, &state.location(id)?))
}
