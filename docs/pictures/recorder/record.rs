//! Plays a script with the real program: somebody types in a terminal, somebody has a phone, and what the terminal shows
//! is kept at each step.
//!
//! Nothing depends on how long anything takes. Ids, codes and times of day come from an emulator whose world is the same
//! each time, and the picture's own clock decides how long a wait takes.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use kustom::emulator::state::Phone;
use kustom::emulator::{API_KEY, Emulator, MERCHANT_ID, State};
use kustom::model::{PaymentMethod, Platform};
use uuid::Uuid;

use crate::clock::{Clock, is_waiting};
use crate::common::harness::TestEnv;
use crate::common::proxy::ValidatingProxy;
use crate::common::pty;
use crate::common::scripted_emulator::newest_code;
use crate::screen::{CURSOR, PtySession};
use crate::script::{Act, COLUMNS, OnPhone, Script, Step};

/// How long a typed piece of a command is shown, in milliseconds.
const TYPING: u64 = 180;

/// When everything in a picture happens: a Saturday morning.
const NOW: &str = "2026-03-14T10:24:07Z";

/// What the ids in a picture are made of.
const IDS: Uuid = Uuid::from_u128(0x2d4b_7c1e_93a0_4f58_b6d2_08e1_75c9_3af4);

/// A screen that is shown for a while.
pub(crate) struct Frame {
    pub(crate) screen: PtySession,
    /// In milliseconds.
    pub(crate) length: u64,
}

/// The frames of a script.
pub(crate) fn record(script: &Script) -> Vec<Frame> {
    let world = World::new(&script.seed);
    // The address is where the emulator happens to be.
    let proxy = ValidatingProxy::start(&world.emulator);
    let env = TestEnv::new().with_profiles(&format!(
        "active = \"store\"\n[profiles.store]\nenvironment = \"playground\"\nbase_url = \"{}\"\n\
         api_key = \"{API_KEY}\"\nmerchant_id = \"{MERCHANT_ID}\"\ncurrency = \"SEK\"\n",
        proxy.base_url()
    ));
    let terminal = pty::PtySession::shell(COLUMNS, script.rows, &env, &[("LANG", "C.UTF-8")]);
    let clock = RefCell::new(Clock::new(script.countdown));
    let mut recorder = Recorder { script, world, terminal, clock, frames: Vec::new(), now: 0 };
    for step in &script.frames {
        recorder.step(step);
    }
    let Recorder { mut terminal, frames, .. } = recorder;
    terminal.type_in("exit\r");
    let _ = terminal.end();
    let violations = proxy.violations();
    assert!(violations.is_empty(), "{violations:?}");
    frames
}

struct Recorder<'a> {
    script: &'a Script,
    world: World,
    terminal: pty::PtySession,
    clock: RefCell<Clock>,
    frames: Vec<Frame>,
    /// How many milliseconds the frames take so far.
    now: u64,
}

impl Recorder<'_> {
    fn step(&mut self, step: &Step) {
        match &step.act {
            None => {}
            Some(Act::Type(pieces)) => {
                for (index, piece) in pieces.iter().enumerate() {
                    let length = if index + 1 == pieces.len() { step.length() } else { TYPING };
                    self.type_in(piece, length);
                }
                assert!(step.until.is_empty(), "what is typed is waited for by itself");
                return;
            }
            Some(Act::Enter) => self.terminal.type_in("\r"),
            Some(Act::Answer(keys)) => {
                self.terminal.until_read_by_keys(&step.until.join(", "));
                self.terminal.type_in(keys);
            }
            Some(Act::Phone(what)) => self.world.play(*what),
        }
        assert!(!step.until.is_empty(), "nothing is waited for");
        let all = |screen: &PtySession| {
            let text = screen.text();
            step.until.iter().all(|wanted| text.contains(wanted))
        };
        self.show(all, &step.until.join("' and '"), step.length());
    }

    /// Types something at the shell, where it appears at the cursor.
    fn type_in(&mut self, piece: &str, length: u64) {
        let before = self.frames.last().expect("a prompt").screen.text();
        let after = before.replace(CURSOR, &format!("{piece}{CURSOR}"));
        self.terminal.type_in(piece);
        self.show(|screen| screen.text() == after, piece, length);
    }

    /// Keeps the screen for so long once it is as it should be.
    fn show(&mut self, enough: impl Fn(&PtySession) -> bool, wanted: &str, length: u64) {
        let of = |sent: &str| PtySession::after(sent, COLUMNS, self.script.rows);
        let told = |sent: &str| self.clock.borrow_mut().tell(self.now, &of(sent));
        let sent = self.terminal.until_enough(|sent| enough(&told(sent)));
        let Some(sent) = sent else {
            let screen = told(&self.terminal.so_far()).text();
            panic!("the screen never came to show '{wanted}' of the script; it shows\n{screen}")
        };
        let screen = of(&sent);
        let moves = screen.rows.iter().any(|row| is_waiting(row));
        let mut left = length;
        while left > 0 {
            // Where a time is shown it goes on by the second.
            let length = if moves && left >= 2000 { 1000 } else { left };
            let screen = self.clock.borrow_mut().tell(self.now, &screen);
            self.frames.push(Frame { screen, length });
            self.now += length;
            left -= length;
        }
    }
}

/// An account in which everything is the same each time, and the phone at its counter.
struct World {
    emulator: Emulator,
    /// The ids that were given out.
    ids: Arc<Mutex<Vec<Uuid>>>,
}

impl World {
    fn new(seed: &str) -> Self {
        let state = State::from_seed(seed).expect("a seed");
        let now: Timestamp = NOW.parse().expect("an instant");
        let ids = Arc::<Mutex<Vec<Uuid>>>::default();
        let given = Arc::clone(&ids);
        let next = move || {
            let mut given = given.lock().expect("ids");
            let id = Uuid::new_v5(&IDS, &given.len().to_be_bytes());
            given.push(id);
            id
        };
        Self { emulator: Emulator::with_clock_and_ids(state, move || now, next), ids }
    }

    fn play(&self, what: OnPhone) {
        match what {
            OnPhone::UseCode => {
                let code = newest_code(&self.emulator);
                let phone = Phone { name: Some("Pixel 9".to_owned()), platform: Platform::Android };
                let used =
                    self.emulator.with_state(|state, moment| state.use_enrollment_code(&code, phone, moment));
                assert!(used.is_ok(), "{used:?}");
            }
            OnPhone::ChooseCard => self.on_session(|state, id, moment| {
                assert!(state.choose_method(id, PaymentMethod::Card, moment).is_ok());
            }),
            OnPhone::Pay => self.on_session(|state, id, moment| assert!(state.pay(id, None, moment).is_ok())),
        }
    }

    /// Does something with the newest session.
    fn on_session(&self, act: impl Fn(&mut State, Uuid, &mut kustom::emulator::OpContext<'_>)) {
        let ids = self.ids.lock().expect("ids").clone();
        self.emulator.with_state(|state, moment| {
            let is_session = |id: &Uuid| state.session(*id, moment.now).is_ok();
            let id = ids.into_iter().rfind(is_session).expect("a session");
            act(state, id, moment);
        });
    }
}
