//! The emulator's clock. These routes are the emulator's own; `docs/emulator.yaml` describes them.

use axum::routing::MethodFilter;
use http::StatusCode;

use super::answer::Answer;
use super::body::Fields;
use super::call::Call;
use super::{Moment, Outcome, Route, State};

pub(super) const ROUTES: [Route; 2] =
    [(MethodFilter::GET, "/emulator/clock", show), (MethodFilter::POST, "/emulator/clock", advance)];

#[allow(clippy::unnecessary_wraps, reason = "the same signature as the others")]
fn show(_: &Call, state: &mut State, moment: &mut Moment<'_>) -> Outcome {
    Ok(Answer::json(StatusCode::OK, &state.clock(moment.now)))
}

fn advance(call: &Call, state: &mut State, moment: &mut Moment<'_>) -> Outcome {
    let mut body = call.body()?;
    let by = body.required("advance", Fields::duration);
    body.finish()?;
    Ok(Answer::json(StatusCode::OK, &state.advance_clock(by, moment)?))
}
