//! The contract as a judge: whether a request is one that `docs/openapi.yaml` describes, and whether an answer
//! is one it allows. The sister APIs are held to `docs/order-management.yaml` and `docs/settlements.yaml`.
//!
//! It is stricter than the description in one thing: a field or a parameter that is not described is a
//! violation. Both sides of these tests are ours, and a misspelled optional field would otherwise go unseen.
//!
//! What emulators have beside the API is held to `docs/emulator.yaml` in the same way, and never counts as an
//! operation of the API.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

const API: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.yaml");
const ORDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/order-management.yaml");
const SETTLEMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settlements.yaml");
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/emulator.yaml");

/// What one side did that the contract does not describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The operation, when it got that far.
    pub operation: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.operation.as_deref().unwrap_or("no operation"), self.message)
    }
}

/// The contract, ready to judge.
pub struct Contract {
    pub operations: Vec<Operation>,
    /// Order Management and Settlements.
    pub orders: Vec<Operation>,
    /// What emulators have beside the API.
    pub own: Vec<Operation>,
}

pub struct Operation {
    /// `operationId`.
    pub id: String,
    pub method: String,
    /// The template, such as `/ipp/v1/locations/{id}`.
    pub path: String,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    /// By `200`, `2XX` or `default`; then by content type. None described means that anything may come.
    responses: BTreeMap<String, BTreeMap<String, Validator>>,
}

struct Body {
    required: bool,
    schema: Validator,
}

struct Parameter {
    name: String,
    place: String,
    required: bool,
    schema: Value,
    validator: Validator,
}

impl Contract {
    /// Reads the repository's copy, once for all tests of a process.
    pub fn load() -> &'static Self {
        static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);
        &CONTRACT
    }

    fn read() -> Self {
        let read = |path: &str| -> Value {
            let text = std::fs::read_to_string(path).expect(path);
            serde_yaml_ng::from_str(&text).expect("the contract is YAML")
        };
        let others = [("openapi.yaml", read(API)), ("order-management.yaml", read(ORDERS))];
        let operations = |path| Operation::read_all(&read(path), &others);
        let orders = operations(ORDERS).into_iter().chain(operations(SETTLEMENTS)).collect();
        Self { operations: operations(API), orders, own: operations(OWN) }
    }

    fn all(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().chain(&self.orders).chain(&self.own)
    }

    /// Judges a request and tells which operation it is for.
    pub fn check_request(
        &self,
        method: &str,
        path_and_query: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<String, Violation> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let found = self.all().filter(|operation| operation.method == method);
        let mut found = found.filter_map(|operation| Some((operation, variables(&operation.path, path)?)));
        let Some((operation, variables)) = found.next() else {
            return Err(Violation { operation: None, message: format!("{method} {path} is not described") });
        };
        let id = operation.id.clone();
        match operation.check_request(&variables, query, headers, body) {
            Ok(()) => Ok(id),
            Err(message) => Err(Violation { operation: Some(id), message }),
        }
    }

    /// Judges an answer to a request for an operation.
    pub fn check_response(
        &self,
        operation_id: &str,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Violation> {
        let operation = self.all().find(|operation| operation.id == operation_id);
        let checked = match operation {
            Some(operation) => operation.check_response(status, headers, body),
            None => Err("no such operation".to_owned()),
        };
        checked.map_err(|message| Violation { operation: Some(operation_id.to_owned()), message })
    }
}

impl Operation {
    fn read_all(document: &Value, others: &[(&str, Value)]) -> Vec<Self> {
        let document = resolved(document, document, others);
        let mut operations = Vec::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, description) in methods.as_object().expect("methods") {
                operations.push(Self::read(method, path, description));
            }
        }
        operations
    }

    fn read(method: &str, path: &str, description: &Value) -> Self {
        let id = description["operationId"].as_str().expect("operationId").to_owned();
        let parameters = description["parameters"].as_array().cloned().unwrap_or_default();
        let body = description.get("requestBody").map(|body| Body {
            required: body["required"].as_bool().expect("whether the body is required"),
            schema: compile(&strict(&body["content"]["application/json"]["schema"])),
        });
        let mut responses = BTreeMap::new();
        for (status, response) in description["responses"].as_object().expect("responses") {
            let content = response.get("content").and_then(Value::as_object).cloned().unwrap_or_default();
            let by_type = content.iter().map(|(kind, media)| {
                (kind.clone(), compile(&strict(media.get("schema").expect("a schema of the answer"))))
            });
            responses.insert(status.clone(), by_type.collect());
        }
        Self {
            id,
            method: method.to_uppercase(),
            path: path.to_owned(),
            parameters: parameters.iter().map(Parameter::read).collect(),
            body,
            responses,
        }
    }

    fn check_request(
        &self,
        variables: &[(String, String)],
        query: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), String> {
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        for (name, _) in &query {
            if !self.parameters.iter().any(|known| known.place == "query" && known.name == *name) {
                return Err(format!("the query parameter {name} is not described"));
            }
        }
        let merchant_id = "x-merchant-id";
        if headers.contains_key(merchant_id) && !self.parameters.iter().any(|known| known.name == merchant_id)
        {
            return Err(format!("the header {merchant_id} is not described"));
        }
        if !headers.contains_key(AUTHORIZATION) {
            return Err("the Authorization header is missing".to_owned());
        }
        for parameter in &self.parameters {
            let values: Vec<String> = match parameter.place.as_str() {
                "path" => pick(variables, &parameter.name),
                "query" => pick(&query, &parameter.name),
                "header" => headers
                    .get_all(&parameter.name)
                    .iter()
                    .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                    .collect(),
                other => return Err(format!("parameters in {other} are not something this checker knows")),
            };
            parameter.check(&values)?;
        }
        match &self.body {
            None | Some(Body { required: false, .. }) if body.is_empty() => Ok(()),
            None => Err("a body is sent where none is described".to_owned()),
            Some(Body { schema, .. }) => {
                let kind = content_type(headers);
                if kind.as_deref() != Some("application/json") {
                    return Err(format!("the content type of the body is {kind:?}"));
                }
                check_json("the body", schema, body)
            }
        }
    }

    fn check_response(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
        let described = [status.to_string(), format!("{}XX", status / 100), "default".to_owned()];
        let Some(content) = described.iter().find_map(|key| self.responses.get(key)) else {
            return Err(format!("the status {status} is not described"));
        };
        if content.is_empty() {
            return Ok(());
        }
        let kind = content_type(headers);
        let Some(schema) = kind.as_ref().and_then(|kind| content.get(kind)) else {
            return Err(format!("the content type of the answer with status {status} is {kind:?}"));
        };
        check_json(&format!("the answer with status {status}"), schema, body)
    }
}

impl Parameter {
    fn read(description: &Value) -> Self {
        let text = |field: &str| description[field].as_str().expect("a string").to_owned();
        let schema = description["schema"].clone();
        let required = description.get("required") == Some(&Value::Bool(true));
        Self { name: text("name"), place: text("in"), required, validator: compile(&schema), schema }
    }

    fn check(&self, values: &[String]) -> Result<(), String> {
        let value = match (values, self.schema["type"].as_str()) {
            ([], _) if self.required => return Err(format!("{} is missing", self.name)),
            ([], _) => return Ok(()),
            (values, Some("array")) => json!(values),
            ([value], Some("integer" | "boolean")) => {
                // What is no number and no truth value stays a string, which the schema then refuses.
                serde_json::from_str(value).unwrap_or_else(|_| json!(value))
            }
            ([value], _) => json!(value),
            _ => return Err(format!("{} is given more than once", self.name)),
        };
        check_value(&self.name, &self.validator, &value)
    }
}

fn pick(pairs: &[(String, String)], name: &str) -> Vec<String> {
    pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
}

/// The variables of a path, if it fits the template.
fn variables(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (wanted, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    if wanted.len() != given.len() {
        return None;
    }
    let mut variables = Vec::new();
    for (wanted, given) in wanted.into_iter().zip(given) {
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => {
                let decoded = percent_encoding::percent_decode_str(given).decode_utf8_lossy();
                variables.push((name.to_owned(), decoded.into_owned()));
            }
            None if wanted == given => {}
            None => return None,
        }
    }
    Some(variables)
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

fn check_json(what: &str, schema: &Validator, body: &[u8]) -> Result<(), String> {
    let value = serde_json::from_slice(body).map_err(|error| format!("{what} is not JSON: {error}"))?;
    check_value(what, schema, &value)
}

fn check_value(what: &str, schema: &Validator, value: &Value) -> Result<(), String> {
    let errors: Vec<_> =
        schema.iter_errors(value).map(|error| format!("{} at '{}'", error, error.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(format!("{what}: {}", errors.join("; "))) }
}

fn compile(schema: &Value) -> Validator {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(schema)
        .expect("a schema of the contract")
}

/// A copy in which every reference, into the document itself or into the API's, is replaced by what it refers to,
/// and every integer format, which JSON Schema itself gives no meaning, by its bounds.
fn resolved(value: &Value, document: &Value, others: &[(&str, Value)]) -> Value {
    match value {
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                let (file, pointer) = reference.split_once('#').expect("a reference into a document");
                let other = others.iter().find(|(name, _)| *name == file).map(|(_, other)| other);
                let document = if file.is_empty() { document } else { other.expect("a known document") };
                return resolved(document.pointer(pointer).expect(reference), document, others);
            }
            let mut copy: Map<String, Value> =
                object.iter().map(|(key, value)| (key.clone(), resolved(value, document, others))).collect();
            let bounds = match object.get("format").and_then(Value::as_str) {
                Some("int32") => Some((json!(i32::MIN), json!(i32::MAX))),
                Some("int64") => Some((json!(i64::MIN), json!(i64::MAX))),
                _ => None,
            };
            if let Some((min, max)) = bounds {
                copy.entry("minimum").or_insert(min);
                copy.entry("maximum").or_insert(max);
            }
            Value::Object(copy)
        }
        Value::Array(items) => items.iter().map(|item| resolved(item, document, others)).collect(),
        other => other.clone(),
    }
}

/// A copy that allows no field that is not described.
fn strict(schema: &Value) -> Value {
    let Value::Object(object) = schema else { return schema.clone() };
    let mut copy = object.clone();
    for (key, part) in &mut copy {
        match key.as_str() {
            "properties" => {
                let properties = part.as_object_mut().expect("properties");
                properties.values_mut().for_each(|property| *property = strict(property));
            }
            "items" => *part = strict(part),
            "allOf" => {
                for alternative in part.as_array_mut().expect("allOf") {
                    *alternative = strict(alternative);
                    // The others of the list describe more fields: only the whole can tell what is unknown.
                    alternative.as_object_mut().expect("a schema").remove("unevaluatedProperties");
                }
            }
            _ => {}
        }
    }
    let describes_fields = copy.contains_key("properties") || copy.contains_key("allOf");
    if describes_fields && !copy.contains_key("additionalProperties") {
        copy.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
    }
    Value::Object(copy)
}
