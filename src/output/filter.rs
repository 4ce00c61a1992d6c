//! `--jq`: filters for JSON output, run by jaq.

use std::fmt;
use std::rc::Rc;

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, Error as LoadError, File, Loader};
use jaq_core::{Compiler, Ctx, Native, Vars, unwrap_valr};
use jaq_json::{Map as ValMap, Val, read};
use serde_json::{Map, Number, Value};

use crate::error::{Error, ErrorKind};
use crate::text::escape_control;

type Program = jaq_core::compile::Filter<Native<JustLut<Val>>>;

/// A compiled jq expression.
#[derive(Clone)]
pub(crate) struct Filter(Rc<Program>);

impl fmt::Debug for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Filter").finish_non_exhaustive()
    }
}

impl Filter {
    pub(crate) fn compile(expression: &str) -> Result<Self, Error> {
        let invalid = |reason: String| {
            Error::usage(format!("--jq: {}", escape_control(&reason)))
                .hint("quote the expression for the shell, as in --jq '.[].name'")
        };
        let arena = Arena::default();
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let modules = Loader::new(defs)
            .load(&arena, File { code: expression, path: () })
            .map_err(|errors| invalid(describe_syntax(&errors)))?;
        let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        // Variables of the environment can be secrets, such as the API key.
        let funs = funs.filter(|(name, ..)| *name != "env");
        let program = Compiler::default().with_funs(funs).compile(modules).map_err(|errors| {
            let undefined = errors.into_iter().flat_map(|(_, errors)| errors).next();
            invalid(undefined.map_or_else(
                || "the expression is not valid".to_owned(),
                |(name, kind)| format!("there is no {} '{name}'", kind.as_str()),
            ))
        })?;
        Ok(Self(Rc::new(program)))
    }

    /// Runs the filter and passes each of its outputs on.
    pub(super) fn run(
        &self,
        json: &str,
        mut print: impl FnMut(Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let failed = |reason: String| {
            Error::new(ErrorKind::Bug, format!("--jq: {}", escape_control(&reason)))
                .hint("the command succeeded; see its output without --jq")
        };
        let input = read::parse_single(json.as_bytes()).map_err(|error| failed(error.to_string()))?;
        let context = Ctx::<JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        for output in self.0.id.run((context, input)).map(unwrap_valr) {
            print(to_json(&output.map_err(|error| failed(error.to_string()))?))?;
        }
        Ok(())
    }
}

fn describe_syntax<P>(errors: &jaq_core::load::Errors<&str, P>) -> String {
    let Some((file, error)) = errors.first() else { return "the expression is not valid".to_owned() };
    let (expected, found) = match error {
        LoadError::Lex(errors) => errors.first().map(|(expected, found)| (expected.as_str(), *found)),
        LoadError::Parse(errors) => errors.first().map(|(expected, found)| (expected.as_str(), *found)),
        LoadError::Io(_) => return "modules cannot be loaded".to_owned(),
    }
    .unwrap_or_default();
    let position = file.code.len().saturating_sub(found.len());
    if found.is_empty() || position >= file.code.len() {
        return format!("the expression ends too early: {expected} is expected");
    }
    format!("{expected} is expected at '{found}'")
}

/// As jq prints it: what JSON cannot express, such as infinity, becomes null.
fn to_json(value: &Val) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match value {
        Val::Null => Value::Null,
        Val::Bool(value) => Value::Bool(*value),
        Val::Num(number) => number.to_string().parse::<Number>().map_or(Value::Null, Value::Number),
        Val::BStr(bytes) | Val::TStr(bytes) => Value::String(text(bytes)),
        Val::Arr(items) => items.iter().map(to_json).collect(),
        Val::Obj(fields) => Value::Object(fields_to_json(fields)),
    }
}

fn fields_to_json(fields: &ValMap<Val, Val>) -> Map<String, Value> {
    let name = |key: &Val| match to_json(key) {
        Value::String(name) => name,
        other => other.to_string(),
    };
    fields.iter().map(|(key, value)| (name(key), to_json(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(expression: &str, json: &str) -> Result<Vec<String>, Error> {
        let mut outputs = Vec::new();
        Filter::compile(expression)?.run(json, |value| {
            outputs.push(value.to_string());
            Ok(())
        })?;
        Ok(outputs)
    }

    #[test]
    fn the_identity_changes_nothing() {
        let json = r#"{"z":1.50,"a":[12345678901234567890123,-5,1e+400,null,true],"ö":"a\"b\u001b"}"#;
        assert_eq!(run(".", json).unwrap(), [json]);
    }

    #[test]
    fn expressions_of_jq_run() {
        let json = r#"[{"name":"Till 1","n":1},{"name":"Till 2","n":2}]"#;
        assert_eq!(run(".[] | select(.n > 1) | .name", json).unwrap(), ["\"Till 2\""]);
        assert_eq!(run("map(.n) | add, length", json).unwrap(), ["3", "2"]);
        assert_eq!(run("infinite", "0").unwrap(), ["null"]);
    }

    #[test]
    fn a_wrong_expression_names_the_place() {
        let message = |expression| Filter::compile(expression).unwrap_err().message;
        assert_eq!(message(".["), "--jq: the expression ends too early: closing bracket is expected");
        assert_eq!(message("nmae"), "--jq: there is no filter 'nmae'");
        assert_eq!(message("1 | )"), "--jq: token is expected at ')'");
        assert_eq!(message("env"), "--jq: there is no filter 'env'");
        assert_eq!(run(".a.b", r#"{"a":"x"}"#).unwrap_err().message, "--jq: cannot index \"x\" with \"b\"");
    }
}
