//! What is asked about: the words of the line together with the variables and the profiles file.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::line::Line;
use super::resources::{self, CachedResources};
use crate::context::{App, journal_of};
use crate::global_args::Global;
use crate::journal::Journal;
use crate::profiles::Document;
use crate::settings::{Account, Endpoint, Settings};

/// How long an answer may take, from the start of the process on.
const PATIENCE: Duration = Duration::from_millis(180);

/// How long it takes at most, whatever is in the way. A build for developing is slow itself, and shares its machine with tests.
const LONGEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 5_000 } else { 200 });

/// So much of a journal is read, from its end: more sessions than anybody looks through.
const READ_OF_JOURNAL: u64 = 256 * 1024;

/// A line in its surroundings. What is not needed is not looked at.
#[derive(Debug)]
pub(super) struct Situation {
    /// The commands that were named.
    pub(super) path: Vec<String>,
    /// What was given beside commands and flags.
    pub(super) given: Vec<String>,
    /// Whether the shell offers files itself.
    offers_files: bool,
    profile: Option<String>,
    started: Instant,
    wants_files: AtomicBool,
    settings: OnceLock<Option<Settings>>,
    known: OnceLock<CachedResources>,
}

impl Situation {
    pub(super) fn new(line: &Line, offers_files: bool, started: Instant) -> Self {
        Self {
            path: line.path.clone(),
            given: line.given.clone(),
            offers_files,
            profile: line.profile.clone(),
            started,
            wants_files: AtomicBool::new(false),
            settings: OnceLock::new(),
            known: OnceLock::new(),
        }
    }

    pub(super) const fn offers_files(&self) -> bool {
        self.offers_files
    }

    /// Has the shell offer its files.
    pub(super) fn want_files(&self) {
        self.wants_files.store(true, Ordering::Relaxed);
    }

    pub(super) fn wants_files(&self) -> bool {
        self.wants_files.load(Ordering::Relaxed)
    }

    /// The profiles file; one that cannot be read has no profiles.
    pub(super) fn profiles(&self) -> Document {
        let read = self.settings().and_then(|settings| settings.store().read().ok());
        read.unwrap_or_else(Document::empty)
    }

    /// The end of the account's journal.
    pub(super) fn journal(&self) -> Journal {
        let read = || {
            let settings = self.settings()?;
            let account = account(settings)?;
            journal_of(settings, &account).read_end(READ_OF_JOURNAL).ok()
        };
        read().unwrap_or_default()
    }

    /// What is known of the account, as far as it may be asked and answers in time.
    pub(super) fn known(&self) -> &CachedResources {
        self.known.get_or_init(|| self.find_out().unwrap_or_default())
    }

    fn find_out(&self) -> Option<CachedResources> {
        let settings = self.settings()?;
        let account = account(settings)?;
        if !account.completions.value {
            return None;
        }
        match account.endpoint {
            // What is read from a file is there or is not.
            Endpoint::InProcess => resources::fetch(
                &App::new(settings.clone()),
                account,
                Duration::MAX,
                CachedResources::default(),
            ),
            Endpoint::Remote(_) => {
                let profile = settings.profile.as_deref();
                Cache::new(settings, &account).get(profile, self.started + PATIENCE)
            }
        }
    }

    fn settings(&self) -> Option<&Settings> {
        let begin = || {
            self.end_in_time();
            settings(self.profile.clone())
        };
        self.settings.get_or_init(begin).as_ref()
    }

    /// Ends this process without an answer when whatever is read keeps it waiting, such as a pipe in the place of a file.
    fn end_in_time(&self) {
        let left = LONGEST.saturating_sub(self.started.elapsed());
        std::thread::spawn(move || {
            std::thread::sleep(left);
            super::exit_process(0);
        });
    }
}

/// What flags and variables say, where they can be read. Nothing is ever asked.
pub(super) fn settings(profile: Option<String>) -> Option<Settings> {
    let global = Global {
        profile,
        output: None,
        quiet: true,
        verbose: 0,
        no_input: true,
        yes: false,
        color: None,
        timeout: None,
    };
    Settings::resolve(global).ok()
}

/// The account that is asked for, if there is one.
pub(super) fn account(settings: &Settings) -> Option<Account> {
    App::new(settings.clone()).account().ok()
}
