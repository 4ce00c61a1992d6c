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
    let mut writer = Writer { known, text: String::new(), names: BTreeMap::new() };
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
    segments.next().filter(|segment| is_id(segment)).map(str::to_owned)
}

fn is_id(segment: &str) -> bool {
    segment.parse::<uuid::Uuid>().is_ok()
}

/// The item of a list that has this value in a field, or null.
fn find<'a>(list: &'a Value, field: &str, value: &str) -> &'a Value {
    list.as_array().into_iter().flatten().find(|item| item[field] == value).unwrap_or(&Value::Null)
}

impl Known<'_> {
    fn device_of(&self, session: &str, requests: &[RequestRecord]) -> Option<String> {
        let created = requests.iter().find(|request| {
            request.path == "/ipp/v1/sessions" && session_of(request).as_deref() == Some(session)
        });
        let in_request = created.and_then(|request| request.body.as_ref()?["device_id"].as_str());
        in_request.or_else(|| self.session(session)["device_id"].as_str()).map(str::to_owned)
    }

    fn session(&self, id: &str) -> &Value {
        find(self.sessions, "session_id", id)
    }

    fn phone(&self, id: &str) -> &Value {
        find(self.phones, "id", id)
    }

    /// The name of a location, which a new account has as well, or null.
    fn location(&self, id: &Value) -> Value {
        find(self.locations, "id", id.as_str().unwrap_or_default())["name"].clone()
    }
}

struct Writer<'a> {
    known: &'a Known<'a>,
    text: String,
    /// The names of devices, codes and sessions by their IDs.
    names: BTreeMap<String, String>,
}

impl Writer<'_> {
    fn write_header(&mut self, session: Option<&str>) {
        let reference = session.and_then(|id| self.known.session(id)["merchant_reference1"].as_str());
        let name = reference.map_or_else(|| "A recorded sale".to_owned(), |name| format!("The sale {name}"));
        let _ = writeln!(self.text, "# Recorded by kustom dev emulator.\nname = {}", string(&name));
        let defaults = serde_json::to_value(EmulatorOptions::default()).unwrap_or_default();
        let options = self.known.options.as_object().into_iter().flatten();
        let changed: Vec<_> = options.filter(|(name, value)| defaults[name.as_str()] != **value).collect();
        if !changed.is_empty() {
            self.text.push_str("\n[options]\n");
        }
        for (name, value) in changed {
            let _ = writeln!(self.text, "{name} = {}", toml(value));
        }
    }

    /// Writes a step without the keys whose value is null.
    fn step(&mut self, action: &str, keys: &[(&str, Value)]) {
        let _ = writeln!(self.text, "\n[[step]]\ndo = {}", string(action));
        for (name, value) in keys.iter().filter(|(_, value)| !value.is_null()) {
            let _ = writeln!(self.text, "{name} = {}", toml(value));
        }
    }

    /// Gives what a response created a name.
    fn name(&mut self, kind: &str, id: &Value) -> Value {
        let count = self.names.values().filter(|name| name.starts_with(kind)).count();
        let name = format!("{kind}-{}", count + 1);
        self.names.insert(id.as_str().unwrap_or_default().to_owned(), name.clone());
        name.into()
    }

    fn named(&self, id: &str) -> Value {
        self.names.get(id).map_or(Value::Null, |name| name.as_str().into())
    }

    /// The name of a device. One that is older than the recording is created first.
    fn device(&mut self, id: &str) -> Value {
        if !self.names.contains_key(id) {
            let phone = self.known.phone(id);
            let (name, location) = (phone["name"].clone(), self.known.location(&phone["location_id"]));
            let alias = self.name("device", &id.into());
            self.step("create-device", &[("as", alias), ("name", name), ("location", location)]);
        }
        self.named(id)
    }

    fn write_step(&mut self, request: &RequestRecord) {
        let (Some(status), is_success) = (request.status, request.is_success()) else { return };
        // A scenario runs without faults.
        if request.fault.is_some() && !is_success {
            return;
        }
        let null = Value::Null;
        let body = request.body.as_ref().unwrap_or(&null);
        let response = request.response.as_ref().unwrap_or(&null);
        let expected = if is_success {
            ("expect.status", response["status"].clone())
        } else {
            ("expect.http", status.into())
        };
        let segments: Vec<_> = request.path.split('/').skip(1).collect();
        match (request.method.as_str(), &segments[..]) {
            ("POST", ["ipp", "v1", "enrollments"]) if is_success => {
                let alias = self.name("code", &response["enrollment_id"]);
                let location = self.known.location(&body["location_id"]);
                let expires_in = ("expires_in", duration(&body["expires_in"]));
                self.step("enroll", &[("as", alias), ("location", location), expires_in, expected]);
            }
            ("DELETE", ["ipp", "v1", "enrollments", id]) if self.names.contains_key(*id) => {
                self.step("withdraw", &[("code", self.named(id))]);
            }
            ("POST", ["emulator", "pos", "pair"]) if is_success => {
                if self.names.values().any(|name| name.starts_with("code")) {
                    let alias = self.name("device", &response["id"]);
                    self.step("pair", &[("as", alias), ("name", body["name"].clone())]);
                } else {
                    // The code is older than the recording.
                    self.device(response["id"].as_str().unwrap_or_default());
                }
            }
            ("POST", ["ipp", "v1", "dev", "devices"]) if is_success => {
                let alias = self.name("device", &response["id"]);
                let (name, location) = (body["name"].clone(), self.known.location(&body["location_id"]));
                self.step("create-device", &[("as", alias), ("name", name), ("location", location)]);
            }
            ("DELETE", ["ipp", "v1", "devices", id]) if is_id(id) => {
                let device = self.device(id);
                self.step("deregister", &[("device", device), expected]);
            }
            ("POST", ["ipp", "v1", "sessions"]) => self.write_create(body, response, is_success, expected),
            ("POST" | "PUT", [.., "sessions", id, verb]) if self.names.contains_key(*id) => {
                let session = ("session", self.named(id));
                let query = request.query.as_deref().unwrap_or_default().as_bytes();
                let outcome = url::form_urlencoded::parse(query).find(|(name, _)| name == "outcome");
                let outcome = outcome.map_or(Value::Null, |(_, value)| value.into_owned().into());
                let action = match *verb {
                    "simulate-tap" => "tap",
                    "cancel" if !request.is_api() => "cancel-on-phone",
                    verb => verb,
                };
                let detail = match action {
                    "tap" => ("outcome", outcome),
                    "decline" => ("outcome", body["outcome"].clone()),
                    "choose" | "pay" => ("method", body["method"].clone()),
                    _ => ("method", Value::Null),
                };
                self.step(action, &[session, detail, expected]);
            }
            ("POST", ["emulator", "pos", "devices", id, action]) if is_success => {
                let device = self.device(id);
                self.step(action, &[("device", device)]);
            }
            ("POST", ["emulator", "clock"]) if is_success => {
                self.step("advance", &[("by", body["advance"].clone())]);
            }
            _ => {}
        }
    }

    fn write_create(&mut self, body: &Value, response: &Value, is_success: bool, expected: (&str, Value)) {
        let Some(id) = body["device_id"].as_str() else { return };
        let is_known = is_success || !self.known.phone(id)["name"].is_null();
        let device = if is_known { self.device(id) } else { self.named(id) };
        let mut fields: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        // The scenario has its own devices, locations and time.
        fields.remove("purchase_started_at");
        if !device.is_null() {
            fields.remove("device_id");
        }
        let alias = if is_success { self.name("sale", &response["session_id"]) } else { Value::Null };
        self.step("create", &[("as", alias), ("device", device), ("body", fields.into()), expected]);
    }

    /// What time did to a session is not a request.
    fn write_end(&mut self, session: Option<&str>) {
        let Some(id) = session else { return };
        let session = self.named(id);
        if self.known.session(id)["status"] == "EXPIRED" && !session.is_null() {
            self.step("wait", &[("session", session), ("for", "EXPIRED".into()), ("within", "24h".into())]);
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
