//! Recorded requests as a scenario for `kustom dev run`.
//!
//! Each request that changed something becomes a step. A scenario begins with a new account, so devices that existed
//! before the recording are created first.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::super::request_log::RequestRecord;
use super::super::state::EmulatorOptions;

/// What the emulator knows of the resources that the requests are about.
pub(super) struct Known<'a> {
    pub(super) phones: &'a Value,
    pub(super) sessions: &'a Value,
    pub(super) options: &'a Value,
    pub(super) locations: &'a Value,
}

/// Writes the scenario of all requests or, for one that is about a session, of that sale.
pub(super) fn write(requests: &[RequestRecord], selected: Option<u64>, known: &Known<'_>) -> String {
    let selected = selected.and_then(|id| requests.iter().find(|request| request.id == id));
    let session = selected.and_then(session_of);
    let device = session.as_deref().and_then(|session| known.device_of(session, requests));
    let is_of_sale = |request: &&RequestRecord| match (&session, &device) {
        (None, _) => true,
        (Some(session), device) => {
            session_of(request).as_ref() == Some(session)
                || device.is_some() && device_of(request) == *device
                || request.path == "/emulator/clock"
        }
    };
    let mut writer = Writer { known, text: String::new(), names: BTreeMap::new(), ended: false };
    let mut sale: Vec<&RequestRecord> = requests.iter().filter(is_of_sale).collect();
    // A device that was paired needs its code, which was created before anything names the device.
    if session.is_some()
        && let Some(pairing) = sale.iter().find(|request| request.path == "/emulator/pos/pair")
        && let Some(enrollment) =
            requests.iter().rfind(|request| is_enrollment(request) && request.id < pairing.id)
    {
        sale.insert(0, enrollment);
    }
    writer.write_header(session.as_deref());
    for request in sale {
        writer.write_step(request);
    }
    writer.write_end(session.as_deref());
    writer.text
}

fn is_enrollment(request: &RequestRecord) -> bool {
    request.method == "POST" && request.path == "/ipp/v1/enrollments" && request.is_success()
}

/// The session that a request is about.
fn session_of(request: &RequestRecord) -> Option<String> {
    if request.path == "/ipp/v1/sessions" {
        return request.response.as_ref()?["session_id"].as_str().map(str::to_owned);
    }
    segment_after(&request.path, "sessions")
}

/// The device that a request is about, but not its sessions.
fn device_of(request: &RequestRecord) -> Option<String> {
    match request.path.as_str() {
        "/emulator/pos/pair" | "/ipp/v1/dev/devices" => {
            request.response.as_ref()?["id"].as_str().map(str::to_owned)
        }
        path => segment_after(path, "devices"),
    }
}

fn segment_after(path: &str, name: &str) -> Option<String> {
    let mut segments = path.split('/');
    segments.find(|segment| *segment == name)?;
    segments.next().filter(|segment| segment.parse::<uuid::Uuid>().is_ok()).map(str::to_owned)
}

impl Known<'_> {
    fn device_of(&self, session: &str, requests: &[RequestRecord]) -> Option<String> {
        let created = requests.iter().find(|request| {
            request.path == "/ipp/v1/sessions" && session_of(request).as_deref() == Some(session)
        });
        let in_request = created.and_then(|request| request.body.as_ref()?["device_id"].as_str());
        let of_session = || self.session(session).and_then(|session| session["device_id"].as_str());
        in_request.or_else(of_session).map(str::to_owned)
    }

    fn session(&self, id: &str) -> Option<&Value> {
        self.sessions.as_array()?.iter().find(|session| session["session_id"] == id)
    }

    fn device_name(&self, id: &str) -> Option<&str> {
        self.phones.as_array()?.iter().find(|phone| phone["id"] == id)?["name"].as_str()
    }

    fn device_location(&self, id: &str) -> Option<&str> {
        self.phones.as_array()?.iter().find(|phone| phone["id"] == id)?["location_id"].as_str()
    }

    /// The name of a location that a new account has as well.
    fn location(&self, id: &str) -> Option<&str> {
        let location = self.locations.as_array()?.iter().find(|location| location["id"] == id)?;
        location["name"].as_str()
    }
}

struct Writer<'a> {
    known: &'a Known<'a>,
    text: String,
    /// The names of devices, codes and sessions by their IDs.
    names: BTreeMap<String, String>,
    ended: bool,
}

impl Writer<'_> {
    fn write_header(&mut self, session: Option<&str>) {
        let reference = session.and_then(|session| self.known.session(session));
        let reference = reference.and_then(|session| session["merchant_reference1"].as_str());
        let name = reference.map_or_else(|| "A recorded sale".to_owned(), |name| format!("The sale {name}"));
        let _ = writeln!(self.text, "# Recorded by kustom dev emulator.\nname = {}", string(&name));
        let defaults = serde_json::to_value(EmulatorOptions::default()).unwrap_or_default();
        let changed: Vec<_> = self.known.options.as_object().into_iter().flatten().collect();
        let changed: Vec<_> =
            changed.into_iter().filter(|(name, value)| defaults[name.as_str()] != **value).collect();
        if !changed.is_empty() {
            self.text.push_str("\n[options]\n");
            for (name, value) in changed {
                let _ = writeln!(self.text, "{name} = {}", toml(value));
            }
        }
    }

    fn step(&mut self, action: &str, keys: &[(&str, Value)], expect: &[(&str, Value)]) {
        let _ = writeln!(self.text, "\n[[step]]\ndo = {}", string(action));
        for (name, value) in keys.iter().filter(|(_, value)| !value.is_null()) {
            let _ = writeln!(self.text, "{name} = {}", toml(value));
        }
        for (name, value) in expect.iter().filter(|(_, value)| !value.is_null()) {
            let _ = writeln!(self.text, "expect.{name} = {}", toml(value));
        }
    }

    fn name(&mut self, kind: &str, id: &str) -> Value {
        let count = self.names.values().filter(|name| name.starts_with(kind)).count();
        let name = format!("{kind}-{}", count + 1);
        self.names.insert(id.to_owned(), name.clone());
        name.into()
    }

    fn named(&self, id: &str) -> Value {
        self.names.get(id).map_or(Value::Null, |name| name.as_str().into())
    }

    /// Creates a device that is older than the recording.
    fn need_device(&mut self, id: &str) {
        if self.names.contains_key(id) {
            return;
        }
        let name = self.known.device_name(id).map_or(Value::Null, Value::from);
        let location = self.known.device_location(id).and_then(|id| self.known.location(id));
        let location = location.map_or(Value::Null, Value::from);
        let alias = self.name("device", id);
        self.step("create-device", &[("as", alias), ("name", name), ("location", location)], &[]);
    }

    fn write_step(&mut self, request: &RequestRecord) {
        let Some(status) = request.status else { return };
        // A scenario runs without faults.
        if request.fault.is_some() && !request.is_success() {
            return;
        }
        let failure = if request.is_success() { Value::Null } else { status.into() };
        let null = Value::Null;
        let (body, response) =
            (request.body.as_ref().unwrap_or(&null), request.response.as_ref().unwrap_or(&null));
        let new_status = if request.is_success() { response["status"].clone() } else { Value::Null };
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/ipp/v1/enrollments") if request.is_success() => {
                let id = response["enrollment_id"].as_str().unwrap_or_default();
                let alias = self.name("code", id);
                let location = body["location_id"]
                    .as_str()
                    .and_then(|id| self.known.location(id))
                    .map_or(Value::Null, Value::from);
                let keys =
                    [("as", alias), ("location", location), ("expires_in", duration(&body["expires_in"]))];
                self.step("enroll", &keys, &[("status", "PENDING".into())]);
            }
            ("DELETE", path) if path.starts_with("/ipp/v1/enrollments/") => {
                let code = segment_after(path, "enrollments").map_or(Value::Null, |id| self.named(&id));
                if !code.is_null() {
                    self.step("withdraw", &[("code", code)], &[]);
                }
            }
            ("POST", "/emulator/pos/pair") if request.is_success() => {
                let id = response["id"].as_str().unwrap_or_default();
                if self.names.values().any(|name| name.starts_with("code")) {
                    let alias = self.name("device", id);
                    self.step("pair", &[("as", alias), ("name", body["name"].clone())], &[]);
                } else {
                    // The code is older than the recording.
                    self.need_device(id);
                }
            }
            ("POST", "/ipp/v1/dev/devices") if request.is_success() => {
                let id = response["id"].as_str().unwrap_or_default();
                let location = body["location_id"]
                    .as_str()
                    .and_then(|id| self.known.location(id))
                    .map_or(Value::Null, Value::from);
                let alias = self.name("device", id);
                self.step(
                    "create-device",
                    &[("as", alias), ("name", body["name"].clone()), ("location", location)],
                    &[],
                );
            }
            ("DELETE", path) if path.starts_with("/ipp/v1/devices/") => {
                if let Some(id) = segment_after(path, "devices") {
                    self.need_device(&id);
                    self.step("deregister", &[("device", self.named(&id))], &[("http", failure)]);
                }
            }
            ("POST", "/ipp/v1/sessions") => self.write_create(request, body, response, &failure, &new_status),
            ("POST" | "PUT", path) if path.contains("/sessions/") => {
                let Some(id) = segment_after(path, "sessions").filter(|id| self.names.contains_key(id))
                else {
                    return;
                };
                let session = ("session", self.named(&id));
                let outcome = |request: &RequestRecord| {
                    let query = request.query.as_deref().unwrap_or_default().as_bytes();
                    let outcome = url::form_urlencoded::parse(query).find(|(name, _)| name == "outcome");
                    outcome.map_or(Value::Null, |(_, value)| value.into_owned().into())
                };
                let expect = [("http", failure), ("status", new_status)];
                match path.rsplit('/').next().unwrap_or_default() {
                    "simulate-tap" => self.step("tap", &[session, ("outcome", outcome(request))], &expect),
                    "choose" => self.step("choose", &[session, ("method", body["method"].clone())], &expect),
                    "pay" => self.step("pay", &[session, ("method", body["method"].clone())], &expect),
                    "decline" => {
                        self.step("decline", &[session, ("outcome", body["outcome"].clone())], &expect);
                    }
                    "cancel" if request.is_api() => self.step("cancel", &[session], &expect),
                    "cancel" => self.step("cancel-on-phone", &[session], &expect),
                    _ => {}
                }
            }
            ("POST", path) if path.starts_with("/emulator/pos/devices/") && request.is_success() => {
                if let Some(id) = segment_after(path, "devices") {
                    self.need_device(&id);
                    let action = if path.ends_with("/offline") { "offline" } else { "online" };
                    self.step(action, &[("device", self.named(&id))], &[]);
                }
            }
            ("POST", "/emulator/clock") if request.is_success() => {
                self.step("advance", &[("by", body["advance"].clone())], &[]);
            }
            _ => {}
        }
    }

    fn write_create(
        &mut self,
        request: &RequestRecord,
        body: &Value,
        response: &Value,
        failure: &Value,
        status: &Value,
    ) {
        let Some(device) = body["device_id"].as_str() else { return };
        if self.known.device_name(device).is_some() || request.is_success() {
            self.need_device(device);
        }
        let is_known = self.names.contains_key(device);
        let mut fields: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        // The scenario has its own devices, locations and time.
        fields.remove("purchase_started_at");
        if is_known {
            fields.remove("device_id");
        }
        let alias = match response["session_id"].as_str() {
            Some(id) if request.is_success() => self.name("sale", id),
            _ => Value::Null,
        };
        let keys = [("as", alias), ("device", self.named(device)), ("body", Value::Object(fields))];
        self.step("create", &keys, &[("http", failure.clone()), ("status", status.clone())]);
    }

    /// What time did to a session is not a request.
    fn write_end(&mut self, session: Option<&str>) {
        let Some(session) = session else { return };
        let is_expired = self.known.session(session).is_some_and(|session| session["status"] == "EXPIRED");
        let session = self.named(session);
        if is_expired && !self.ended && !session.is_null() {
            let keys = [("session", session), ("for", "EXPIRED".into()), ("within", "24h".into())];
            self.step("wait", &keys, &[]);
        }
    }
}

fn duration(milliseconds: &Value) -> Value {
    milliseconds.as_i64().map_or(Value::Null, |milliseconds| {
        format!("{:#}", jiff::SignedDuration::from_millis(milliseconds)).into()
    })
}

/// A basic string of TOML. The escapes of JSON are a part of those of TOML.
fn string(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn toml(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::String(text) => string(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            // TOML has no null, and a scenario could not send it.
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<_> =
                fields.map(|(name, value)| format!("{} = {}", string(name), toml(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}
