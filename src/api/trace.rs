//! The trace of HTTP requests that `--verbose` prints.

use super::Event;
use crate::model::remove_personal_data;
use crate::secret::redact_fields;
use crate::text::{escape_control, escape_json};

/// Formats an event for stderr: nothing by default, the request with `-v`, its body too with `-vv`.
pub(crate) fn format_event(event: &Event<'_>, verbosity: u8) -> Option<String> {
    if verbosity == 0 {
        return None;
    }
    let line = match event {
        Event::Sending { request, attempt } => {
            let suffix = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
            format!("> {} {}{suffix}", request.method, request.path_and_query())
        }
        Event::Received { request, status, elapsed, .. } => {
            format!("< {status} in {} ms ({})", elapsed.as_millis(), request.summary())
        }
        Event::Failed { request, reason } => format!("< {reason} ({})", request.summary()),
        Event::Waiting { delay, .. } => format!("  retrying in {} ms", delay.as_millis()),
        // This is a warning at any verbosity.
        Event::RepeatedPage { .. } => return None,
    };
    let mut lines = escape_control(&line).into_owned();
    let (body, has_personal_data) = match event {
        Event::Sending { request, .. } => (request.body.as_slice(), request.is_about_order()),
        Event::Received { request, body, .. } => (*body, request.is_about_order()),
        _ => (&[][..], false),
    };
    if verbosity > 1 && !body.is_empty() {
        lines.push_str("\n  ");
        lines.push_str(&format_body(body, has_personal_data));
    }
    Some(lines)
}

/// Secret fields can only be found in JSON, so of any other body only the size is printed.
fn format_body(body: &[u8], has_personal_data: bool) -> String {
    match serde_json::from_slice(body) {
        Ok(mut value) => {
            redact_fields(&mut value);
            if has_personal_data {
                remove_personal_data(&mut value);
            }
            escape_json(&value.to_string()).into_owned()
        }
        Err(_) => format!("{} bytes that are not JSON", body.len()),
    }
}
