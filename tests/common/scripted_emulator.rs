//! An account on an emulator that can be made to misbehave, request by request: what a person at a counter meets.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use kustom::emulator::state::{EnrollmentFilter, PageRequest, Phone};
use kustom::emulator::{API_KEY, Emulator, MERCHANT_ID, State};
use kustom::model::{Device, Enrollment, EnrollmentStatus, Platform};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::harness::TestEnv;
use super::proxy::ValidatingProxy;

pub enum Act {
    Pass,
    Then(Box<dyn FnOnce(&Emulator) + Send>),
    Refuse(u16),
    Nothing,
    Lose,
    Hang,
}

type Rule = Arc<Mutex<Box<dyn FnMut(&str) -> Act + Send>>>;

pub struct ScriptedEmulator {
    pub emulator: Emulator,
    pub env: TestEnv,
    proxy: ValidatingProxy,
    rule: Rule,
    lines: Arc<Mutex<Vec<String>>>,
    answered: Arc<Mutex<Vec<String>>>,
}

impl ScriptedEmulator {
    pub fn new() -> Self {
        Self::with(State::seed())
    }

    pub fn with(state: State) -> Self {
        let emulator = Emulator::new(state);
        let rule: Rule = Arc::new(Mutex::new(Box::new(|_: &str| Act::Pass)));
        let [lines, answered] = [(); 2].map(|()| Arc::<Mutex<Vec<String>>>::default());
        let router = {
            let (emulator, rule) = (emulator.clone(), Arc::clone(&rule));
            let (lines, answered) = (Arc::clone(&lines), Arc::clone(&answered));
            Router::new().fallback(move |request: Request| {
                let line = format!("{} {}", request.method(), request.uri());
                lines.lock().expect("lines").push(line.clone());
                let act = (rule.lock().expect("a rule"))(&line);
                let (answered, response) = (Arc::clone(&answered), answer(emulator.clone(), request, act));
                async move {
                    let response = response.await;
                    answered.lock().expect("lines").push(line);
                    response
                }
            })
        };
        let proxy = ValidatingProxy::in_front_of(router);
        let env = TestEnv::new().at_emulator(&proxy.base_url());
        Self { emulator, env, proxy, rule, lines, answered }
    }

    pub fn rule(&self, rule: impl FnMut(&str) -> Act + Send + 'static) {
        *self.rule.lock().expect("a rule") = Box::new(rule);
    }

    /// The rule for requests that begin like this; all others pass.
    pub fn on(&self, beginning: &'static str, mut act: impl FnMut() -> Act + Send + 'static) {
        self.rule(move |line| if line.starts_with(beginning) { act() } else { Act::Pass });
    }

    pub fn url(&self) -> String {
        self.proxy.base_url()
    }

    pub fn asked(&self, beginning: &str) -> usize {
        count(&self.lines, beginning)
    }

    /// The number of requests whose response no longer depends on the emulator's state.
    pub fn answered(&self, beginning: &str) -> usize {
        count(&self.answered, beginning)
    }

    pub fn enrollments(&self) -> Vec<Enrollment> {
        let page = PageRequest { number: 0, size: 100 };
        self.emulator.with_state(|state, moment| {
            state.list_enrollments(&EnrollmentFilter::default(), page, moment.now).content
        })
    }

    pub fn usable_codes(&self) -> Vec<String> {
        let pending = |enrollment: &Enrollment| enrollment.status == Some(EnrollmentStatus::Pending);
        let all = self.enrollments().into_iter();
        all.filter(pending).filter_map(|enrollment| enrollment.enrollment_code).collect()
    }

    pub fn devices(&self) -> Vec<Device> {
        let page = PageRequest { number: 0, size: 100 };
        self.emulator.with_state(|state, moment| state.list_devices(None, page, moment.now).content)
    }

    pub fn use_code(&self, code: &str) -> String {
        use_code(&self.emulator, code)
    }
}

pub fn use_code(emulator: &Emulator, code: &str) -> String {
    let phone = Phone { name: Some("Phone".into()), platform: Platform::Android };
    let device = emulator.with_state(|state, moment| state.use_enrollment_code(code, phone, moment));
    device.expect("a code that can be used").id.expect("an id")
}

pub fn newest_code(emulator: &Emulator) -> String {
    let page = PageRequest { number: 0, size: 100 };
    let all = emulator.with_state(|state, moment| {
        state.list_enrollments(&EnrollmentFilter::default(), page, moment.now).content
    });
    all.last().and_then(|enrollment| enrollment.enrollment_code.clone()).expect("a code")
}

fn count(lines: &Mutex<Vec<String>>, beginning: &str) -> usize {
    lines.lock().expect("lines").iter().filter(|line| line.starts_with(beginning)).count()
}

async fn answer(emulator: Emulator, request: Request, act: Act) -> Response {
    match act {
        Act::Refuse(status) => return problem(status),
        Act::Nothing => return json_of(200, &json!({"content": [], "total_pages": 1, "last": true})),
        Act::Pass | Act::Then(_) | Act::Lose | Act::Hang => {}
    }
    let Ok(response) = emulator.router().oneshot(request).await;
    match act {
        Act::Pass | Act::Refuse(_) | Act::Nothing => response,
        Act::Then(then) => {
            then(&emulator);
            response
        }
        Act::Lose => {
            drop(to_bytes(response.into_body(), usize::MAX).await);
            problem(502)
        }
        Act::Hang => std::future::pending().await,
    }
}

fn problem(status: u16) -> Response {
    json_of(status, &json!({"title": "on purpose", "status": status, "detail": "not now"}))
}

fn json_of(status: u16, body: &Value) -> Response {
    let kind = if status < 400 { "application/json" } else { "application/problem+json" };
    let response = Response::builder().status(status).header("content-type", kind);
    response.body(Body::from(body.to_string())).expect("an answer")
}
