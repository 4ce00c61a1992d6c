//! `--jq`: filters for JSON output, run by jaq.

use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, Error as LoadError, File, Loader};
use jaq_core::{Compiler, Ctx, Native, Vars, unwrap_valr};
use jaq_json::{Map as ValMap, Val, read};
use serde_json::{Map, Number, Value};

use super::stream::{Limits, WriteError};
use crate::error::{Error, ErrorKind};

type Program = jaq_core::compile::Filter<Native<JustLut<Val>>>;

/// As much as the main thread has, since expressions can be recursive.
const STACK_SIZE: usize = 8 * 1024 * 1024;

/// How long the filter may run on one document without `--timeout`.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A compiled jq expression. It runs on a thread of its own, because it may never end.
#[derive(Debug, Clone)]
pub(crate) struct Filter(Rc<(Sender<String>, Receiver<Output>)>);

#[derive(Debug)]
enum Output {
    Value(Value),
    Failed(String),
    /// Everything of a document was sent.
    End,
}

impl Filter {
    pub(crate) fn compile(expression: &str) -> Result<Self, Error> {
        let expression = expression.to_owned();
        let (documents, inputs) = channel::<String>();
        let (compiled, is_compiled) = channel();
        // Few at a time, because a filter may print without end.
        let (outputs, results) = sync_channel(64);
        let run = move || {
            let program = match Self::compile_here(&expression) {
                Ok(program) => program,
                Err(error) => return drop(compiled.send(Err(error))),
            };
            let _ = compiled.send(Ok(()));
            for json in inputs {
                // Nobody waits for the rest after an error.
                let _ = run(&program, &json, &outputs);
            }
        };
        let failed = |reason: String| Error::new(ErrorKind::Bug, format!("cannot start: {reason}"));
        thread::Builder::new()
            .name("jq".to_owned())
            .stack_size(STACK_SIZE)
            .spawn(run)
            .map_err(|error| failed(error.to_string()))?;
        is_compiled.recv().map_err(|error| failed(error.to_string()))??;
        Ok(Self(Rc::new((documents, results))))
    }

    fn compile_here(expression: &str) -> Result<Program, Error> {
        let invalid = |reason: String| {
            Error::usage(format!("--jq: {reason}"))
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
        Compiler::default().with_funs(funs).compile(modules).map_err(|errors| {
            let undefined = errors.into_iter().flat_map(|(_, errors)| errors).next();
            invalid(undefined.map_or_else(
                || "the expression is not valid".to_owned(),
                |(name, kind)| format!("there is no {} '{name}'", kind.as_str()),
            ))
        })
    }

    /// Runs the filter and passes each of its outputs on.
    pub(super) fn run(
        &self,
        json: String,
        limits: &Limits,
        mut print: impl FnMut(Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        const INTERVAL: Duration = Duration::from_millis(20);
        let failed = |reason: &str| {
            Error::new(ErrorKind::Output, format!("--jq: {reason}"))
                .hint("the command succeeded; see its output without --jq")
        };
        let limits = Limits { stall: limits.stall.or(Some(TIME_LIMIT)), ..*limits };
        let (documents, results) = &*self.0;
        documents.send(json).map_err(|_| failed("the expression failed before"))?;
        let start = Instant::now();
        loop {
            match limits.check(start) {
                Some(WriteError::Interrupted) => {
                    return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
                }
                Some(_) => return Err(failed("the expression did not end in time")),
                None => {}
            }
            match results.recv_timeout(INTERVAL) {
                Ok(Output::Value(value)) => print(value)?,
                Ok(Output::Failed(reason)) => return Err(failed(&reason)),
                Ok(Output::End) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(failed("the expression failed before")),
            }
        }
    }
}

/// Runs the filter on a document, and fails when nobody receives the outputs.
fn run(program: &Program, json: &str, outputs: &SyncSender<Output>) -> Result<(), SendError<Output>> {
    let input = match read::parse_single(json.as_bytes()) {
        Ok(input) => input,
        Err(error) => return outputs.send(Output::Failed(error.to_string())),
    };
    let context = Ctx::<JustLut<Val>>::new(&program.lut, Vars::new([]));
    for output in program.id.run((context, input)).map(unwrap_valr) {
        match output {
            Ok(value) => outputs.send(Output::Value(to_json(&value)))?,
            Err(error) => return outputs.send(Output::Failed(error.to_string())),
        }
    }
    outputs.send(Output::End)
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
