//! A recorded request as a curl command.

use super::super::API_KEY;
use super::super::request_log::RequestRecord;
use crate::text::shell_quote;

/// The key is the emulator's, which is public. A redacted value has to be filled in before the command is run.
pub(super) fn command(request: &RequestRecord, host: &str) -> String {
    let query = request.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
    let url = format!("http://{host}{}{query}", request.path);
    let mut lines = vec![format!("curl -X {} {}", request.method, shell_quote(&url))];
    lines.push(format!("-H 'Authorization: Basic {API_KEY}'"));
    for (name, value) in request.headers.iter().filter(|(name, _)| *name != "user-agent") {
        lines.push(format!("-H {}", shell_quote(&format!("{name}: {value}"))));
    }
    if let Some(body) = &request.body {
        if !request.headers.contains_key("content-type") {
            lines.push("-H 'content-type: application/json'".to_owned());
        }
        lines.push(format!("--data {}", shell_quote(&body.to_string())));
    }
    lines.join(" \\\n  ") + "\n"
}
