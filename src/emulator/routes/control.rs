//! The control API for tests of an application: requests, sessions, phones, and a fresh start. The
//! API has none of these routes; `docs/emulator.yaml` describes them.

use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodFilter;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::request::ApiRequest;
use super::{OpContext, OperationResult, Route, ServerRoute, State, json as json_response};
use crate::emulator::history::{CallbackStatus, History};
use crate::emulator::state::{OptionInfo, PhoneView, PosSession, Rejection};
use crate::emulator::{Emulator, MERCHANT_ID};

pub(super) const ROUTES: [Route; 4] = [
    (MethodFilter::GET, "/emulator/sessions", sessions),
    (MethodFilter::GET, "/emulator/phones", phones),
    (MethodFilter::GET, "/emulator/options", options),
    (MethodFilter::PUT, "/emulator/options", set_options),
];

pub(super) const SERVER_ROUTES: [ServerRoute; 6] = [
    (MethodFilter::GET, "/emulator", describe),
    (MethodFilter::POST, "/emulator/reset", reset),
    (MethodFilter::GET, "/emulator/requests", requests),
    (MethodFilter::DELETE, "/emulator/requests", clear_requests),
    (MethodFilter::GET, "/emulator/callbacks", callbacks),
    (MethodFilter::POST, "/emulator/callbacks/send", send_callback),
];

const NO_SERVER: &str = "This emulator runs inside kustom itself, where nothing is recorded. Start one with \
                         `kustom dev emulator`.";

fn history(emulator: &Emulator) -> Result<&History, Rejection> {
    emulator.setup().history.as_ref().ok_or_else(|| Rejection::conflict(NO_SERVER))
}

fn list(name: &str, items: impl Serialize) -> Response {
    json_response(StatusCode::OK, &json!({ name: items }))
}

fn describe(_: &ApiRequest, emulator: &Emulator) -> OperationResult {
    let setup = emulator.setup();
    let (options, clock, instance) = emulator
        .with_state(|state, context| (state.options.clone(), state.clock(context.now), state.instance()));
    let faults = setup.faults.as_ref().map(|faults| faults.change(|table| table.list())).unwrap_or_default();
    let description = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "merchant_id": MERCHANT_ID,
        "instance": instance,
        "strict": setup.is_strict,
        "options": options,
        "clock": clock,
        "faults": faults,
        "phone": setup.phone_rules.list(),
        "phone_seed": setup.phone_rules.seed(),
    });
    Ok(json_response(StatusCode::OK, &description))
}

/// Returns to the state in which the emulator was started, and forgets the requests and callbacks. Faults stay: they
/// belong to the server.
fn reset(request: &ApiRequest, emulator: &Emulator) -> OperationResult {
    request.optional_body()?.finish()?;
    emulator.with_state(|state, _| {
        *state = emulator.setup().initial.clone().unwrap_or_else(State::seed);
        // It has no past.
        state.ensure_instance();
    });
    drop(emulator.events().drain());
    if let Some(history) = &emulator.setup().history {
        history.clear();
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn sessions(request: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let mut query = request.query();
    let (device_id, status) = (query.uuid("device_id"), query.string("status"));
    let is_open = query.flag("open");
    query.finish()?;
    let device_id = device_id.map(|id| id.to_string());
    let is_listed = |session: &PosSession| {
        let session = &session.session;
        (device_id.is_none() || device_id == session.device_id)
            && is_open.is_none_or(|open| {
                open != session.status.as_ref().is_some_and(crate::model::SessionStatus::is_terminal)
            })
            && status
                .as_ref()
                .is_none_or(|status| session.status.as_ref().is_some_and(|other| other.as_str() == status))
    };
    let sessions: Vec<_> = state.all_sessions(context.now).into_iter().filter(is_listed).collect();
    Ok(list("sessions", sessions))
}

fn phones(_: &ApiRequest, state: &mut State, context: &mut OpContext<'_>) -> OperationResult {
    let phones: Vec<PhoneView> = state.phones(context.now);
    Ok(list("phones", phones))
}

fn options(_: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    Ok(json_response(StatusCode::OK, &state.options))
}

/// Sets the given options, or none if one of them is wrong.
fn set_options(request: &ApiRequest, state: &mut State, _: &mut OpContext<'_>) -> OperationResult {
    let mut body = request.body()?;
    let mut options = state.options.clone();
    for option in OptionInfo::list() {
        let value = body.read(&option.name, &option.format_values(), |value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        });
        if let Some(value) = value
            && options.set(&option.name, &value).is_err()
        {
            body.add_error(&option.name, format!("must be {}", option.format_values()));
        }
    }
    body.reject_unknown();
    body.finish()?;
    state.options = options;
    Ok(json_response(StatusCode::OK, &state.options))
}

/// The requests to the API, the oldest first. With `all=true` also those of the phone and the clock.
fn requests(request: &ApiRequest, emulator: &Emulator) -> OperationResult {
    let mut query = request.query();
    let (method, path) = (query.string("method"), query.string("path"));
    let status = query.read("status", "a status such as 200", |value| value.as_str()?.parse::<u16>().ok());
    let after = query.read("after", "the ID of a request", |value| value.as_str()?.parse::<u64>().ok());
    let is_all = query.flag("all") == Some(true);
    query.finish()?;
    let mut requests = history(emulator)?.requests();
    requests.retain(|request| {
        (is_all || request.is_api())
            && method.as_ref().is_none_or(|method| request.method.eq_ignore_ascii_case(method))
            && path.as_ref().is_none_or(|path| request.path.contains(path.as_str()))
            && status.is_none_or(|status| request.status == Some(status))
            && after.is_none_or(|after| request.id > after)
    });
    Ok(list("requests", requests))
}

fn clear_requests(_: &ApiRequest, emulator: &Emulator) -> OperationResult {
    let removed = history(emulator)?.clear_requests();
    Ok(json_response(StatusCode::OK, &json!({ "removed": removed })))
}

fn callbacks(_: &ApiRequest, emulator: &Emulator) -> OperationResult {
    Ok(list("callbacks", history(emulator)?.callbacks()))
}

/// Sends a callback again, with the same ID.
fn send_callback(request: &ApiRequest, emulator: &Emulator) -> OperationResult {
    let mut body = request.body()?;
    let id = body.required("id", super::fields::Fields::string);
    body.finish()?;
    let history = history(emulator)?;
    let (event, status) =
        history.event(&id).ok_or_else(|| Rejection::not_found("There is no callback with this ID."))?;
    if !emulator.setup().has_callbacks {
        let detail =
            "The emulator was started without --callback-url, so there is nowhere to send callbacks.";
        return Err(Rejection::conflict(detail));
    }
    if status == CallbackStatus::Pending {
        return Err(Rejection::conflict("The callback is being sent already."));
    }
    emulator.with_state(|_, context| context.events.push(event));
    Ok(StatusCode::ACCEPTED.into_response())
}
