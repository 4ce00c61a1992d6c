//! What an index leads to is what the whole journal tells, whatever happened to either of them.

#![cfg(unix)]

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index as Place;
use uuid::Uuid;

use super::*;

/// Small enough that a few lines are worth an index, and some more are worth renewing it.
const WORTH_IT: u64 = 700;

/// A journal in a folder of its own.
struct Shelf {
    _folder: tempfile::TempDir,
    file: JournalFile,
    /// An index as it once was.
    old_index: Option<Vec<u8>>,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = JournalFile::new(folder.path(), "till").indexed_from(WORTH_IT);
        Self { _folder: folder, file, old_index: None }
    }

    fn index(&self) -> PathBuf {
        self.file.path().with_extension("index")
    }

    fn append(&self, event: EventKind) {
        self.file.lock().unwrap().append(Timestamp::now(), event).unwrap();
    }

    /// Changes the file as somebody does who does not know of locks, but at a time of his own: not within the same
    /// moment of the file system's clock as the change before.
    fn edit(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let Ok(mut content) = fs::read(self.file.path()) else { return };
        let changed =
            || fs::metadata(self.file.path()).map(|data| (data.ctime(), data.ctime_nsec())).unwrap();
        let before = changed();
        change(&mut content);
        let mut file = fs::OpenOptions::new().write(true).truncate(true).open(self.file.path()).unwrap();
        file.write_all(&content).unwrap();
        while changed() == before {
            std::thread::sleep(Duration::from_millis(1));
            file.set_modified(SystemTime::now()).unwrap();
        }
    }

    /// Looks up and reads whole, under one lock, and holds the one to the other. How many attempts were looked at.
    fn check(&self, intent: &Intent) -> usize {
        let mut locked = self.file.lock().unwrap();
        let about = locked.read_about(intent, later()).unwrap();
        let whole = locked.read().unwrap();
        assert_eq!(about.corrupt_lines(), whole.corrupt_lines());
        if whole.corrupt_lines() == 0 {
            let about: Vec<_> = find_duplicates(intent, about.attempts()).collect();
            assert_eq!(about, find_duplicates(intent, whole.attempts()).collect::<Vec<_>>());
        }
        about.attempts().len()
    }
}

/// A time at which what was changed just now is settled.
fn later() -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(1)
}

fn intent(reference: u8, amount: i64) -> Intent {
    let reference = match reference {
        0 => None,
        1 => Some(String::new()),
        number => Some(format!("r-{number}")),
    };
    Intent {
        device_id: Some("d".to_owned()),
        order_amount: Some(amount),
        merchant_reference1: reference,
        ..Intent::default()
    }
}

/// An event about one of few attempts, sessions and references, so that they meet.
fn event((kind, attempt, session, reference): (u8, u128, u8, u8)) -> EventKind {
    let attempt = Uuid::from_u128(attempt);
    let session_id = format!("s-{session}");
    match kind {
        0..=3 => EventKind::Intent { attempt, intent: intent(reference, i64::from(session % 2)) },
        4..=6 => EventKind::Created { attempt, session_id },
        7 => EventKind::Refused { attempt, reason: "no".to_owned() },
        8 => EventKind::Unknown { attempt, reason: "gone".to_owned() },
        9 => EventKind::NotProcessed { attempt },
        10 => EventKind::StatusObserved {
            session_id,
            status: "FINALIZED".to_owned(),
            order_id: Some("o".to_owned()),
        },
        _ => EventKind::StatusObserved { session_id, status: "ACTIVE".to_owned(), order_id: None },
    }
}

fn any_event() -> impl Strategy<Value = EventKind> {
    (0_u8..12, 0_u128..12, 0_u8..6, 0_u8..7).prop_map(event)
}

#[derive(Debug, Clone)]
enum Step {
    Append(EventKind),
    Check(u8, i64),
    /// Puts an event in the place of a line.
    Rewrite(Place, EventKind),
    /// Makes another digit of one, which leaves the length as it was.
    Digit(Place, u8),
    Damage(Place, u8),
    Truncate(Place),
    Insert(Place, &'static [u8]),
    Forget(u128),
    RemoveIndex,
    TruncateIndex(Place),
    FlipIndex(Place, u8),
    KeepIndex,
    RestoreIndex,
}

fn step() -> impl Strategy<Value = Step> {
    use Step as S;
    let place = any::<Place>;
    let torn: [&'static [u8]; 4] = [b"{\"at\":", b"\n\n", b"\xef\xbb\xbf", b"\0\0"];
    prop_oneof![
        24 => any_event().prop_map(S::Append),
        12 => (0_u8..7, 0_i64..2).prop_map(|(reference, amount)| S::Check(reference, amount)),
        1 => (place(), any_event()).prop_map(|(line, event)| S::Rewrite(line, event)),
        2 => (place(), 0_u8..7).prop_map(|(at, digit)| S::Digit(at, digit)),
        1 => (place(), any::<u8>()).prop_map(|(at, byte)| S::Damage(at, byte)),
        1 => place().prop_map(S::Truncate),
        1 => (place(), prop::sample::select(torn.to_vec())).prop_map(|(at, what)| S::Insert(at, what)),
        1 => (0_u128..12).prop_map(S::Forget),
        1 => Just(S::RemoveIndex),
        1 => place().prop_map(S::TruncateIndex),
        1 => (place(), 0_u8..8).prop_map(|(at, bit)| S::FlipIndex(at, bit)),
        2 => Just(S::KeepIndex),
        2 => Just(S::RestoreIndex),
    ]
}

fn line_at(content: &[u8], place: Place) -> Option<std::ops::Range<usize>> {
    let at = place.index(content.len().max(1));
    let begin = content.get(..at)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let end = content.get(begin..)?.iter().position(|byte| *byte == b'\n')? + begin;
    Some(begin..end)
}

fn play(shelf: &mut Shelf, step: Step) {
    match step {
        Step::Append(event) => shelf.append(event),
        Step::Check(reference, amount) => {
            shelf.check(&intent(reference, amount));
        }
        Step::Rewrite(place, event) => shelf.edit(|content| {
            if let Some(line) = line_at(content, place) {
                let event = Event { at: Timestamp::UNIX_EPOCH, event };
                content.splice(line, serde_json::to_vec(&event).unwrap());
            }
        }),
        Step::Digit(place, digit) => shelf.edit(|content| {
            let digits: Vec<usize> = (1..content.len())
                .filter(|at| content[at - 1] == b'-' && content[*at].is_ascii_digit())
                .collect();
            if !digits.is_empty() {
                content[*place.get(&digits)] = b'0' + digit;
            }
        }),
        Step::Damage(place, byte) => shelf.edit(|content| {
            if !content.is_empty() {
                let at = place.index(content.len());
                content[at] = byte;
            }
        }),
        Step::Truncate(place) => shelf.edit(|content| content.truncate(place.index(content.len() + 1))),
        Step::Insert(place, what) => shelf.edit(|content| {
            let at = line_at(content, place).map_or(content.len(), |line| line.start);
            content.splice(at..at, what.iter().copied());
        }),
        Step::Forget(id) => {
            let mut locked = shelf.file.lock().unwrap();
            let kept = locked.read().unwrap().events_except(|attempt| attempt.id == Uuid::from_u128(id));
            locked.replace(&kept).unwrap();
        }
        Step::RemoveIndex => {
            let _ = fs::remove_file(shelf.index());
        }
        Step::TruncateIndex(place) => {
            if let Ok(file) = fs::OpenOptions::new().write(true).open(shelf.index()) {
                let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
                file.set_len(place.index(length + 1) as u64).unwrap();
            }
        }
        Step::FlipIndex(place, bit) => {
            if let Ok(mut bytes) = fs::read(shelf.index())
                && !bytes.is_empty()
            {
                let at = place.index(bytes.len());
                bytes[at] ^= 1 << bit;
                fs::write(shelf.index(), bytes).unwrap();
            }
        }
        Step::KeepIndex => shelf.old_index = fs::read(shelf.index()).ok(),
        Step::RestoreIndex => {
            if let Some(old) = &shelf.old_index {
                fs::write(shelf.index(), old).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn an_index_leads_to_what_the_whole_journal_tells(
        before in prop::collection::vec(any_event(), 0..30),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut shelf = Shelf::new();
        for event in before {
            shelf.append(event);
        }
        for step in steps {
            play(&mut shelf, step);
        }
        for reference in 0..7 {
            shelf.check(&intent(reference, 0));
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Nothing but appends and look-ups: the index is believed nearly always, and extended again and again.
    #[test]
    fn an_index_that_grows_with_its_journal_leads_to_the_same(
        events in prop::collection::vec((any_event(), 0_u8..7), 60..90),
    ) {
        let shelf = Shelf::new();
        for (event, reference) in events {
            shelf.append(event);
            shelf.check(&intent(reference, 1));
        }
    }
}

/// Sales that were paid, each with a reference of its own, and what is read of them for another.
fn sold(shelf: &Shelf, numbers: std::ops::Range<u8>) {
    for number in numbers {
        let attempt = Uuid::from_u128(u128::from(number));
        shelf.append(EventKind::Intent { attempt, intent: intent(number + 2, 1) });
        shelf.append(EventKind::Created { attempt, session_id: format!("s-{number}") });
    }
}

#[test]
fn only_what_may_be_the_same_sale_is_read() {
    let shelf = Shelf::new();
    sold(&shelf, 0..20);
    assert_eq!(shelf.check(&intent(200, 1)), 20, "there is no index yet");
    assert_eq!(shelf.check(&intent(200, 1)), 0);
    assert_eq!(shelf.check(&intent(7, 1)), 1);
    // What came after the index was made is read, up to where it is worth another one.
    sold(&shelf, 20..22);
    assert_eq!(shelf.check(&intent(7, 1)), 3);
    sold(&shelf, 22..30);
    assert_eq!(shelf.check(&intent(7, 1)), 11);
    assert_eq!(shelf.check(&intent(7, 1)), 1);
    // What is unknown may be any sale.
    let attempt = Uuid::from_u128(3);
    shelf.append(EventKind::Intent { attempt: Uuid::from_u128(99), intent: intent(0, 5) });
    assert_eq!(shelf.check(&intent(0, 5)), 1);
    // A word about an old attempt leads back to it.
    shelf.append(EventKind::Unknown { attempt, reason: "of another program".to_owned() });
    assert_eq!(shelf.check(&intent(0, 5)), 2);
}

#[test]
fn an_index_is_not_believed_for_ever() {
    let shelf = Shelf::new();
    sold(&shelf, 0..20);
    shelf.check(&intent(200, 1));
    let mut locked = shelf.file.lock().unwrap();
    let mut read = |hours| {
        let now = later() + SignedDuration::from_hours(hours);
        locked.read_about(&intent(200, 1), now).unwrap().attempts().len()
    };
    assert_eq!(read(23), 0);
    assert_eq!(read(25), 20, "a day later the journal is read whole");
    assert_eq!(read(25), 0);
    assert_eq!(read(0), 20, "the clock was set back");
}

#[test]
fn a_journal_is_not_indexed_in_the_moment_in_which_it_changed() {
    let shelf = Shelf::new();
    sold(&shelf, 0..20);
    let mut locked = shelf.file.lock().unwrap();
    let changed = fs::metadata(shelf.file.path()).unwrap();
    let changed = Timestamp::new(changed.ctime(), i32::try_from(changed.ctime_nsec()).unwrap()).unwrap();
    let _ = locked.read_about(&intent(200, 1), changed - SignedDuration::from_nanos(1)).unwrap();
    assert!(!shelf.index().exists(), "the clock is wrong, so the times tell nothing");
    let begin = std::time::Instant::now();
    let _ = locked.read_about(&intent(200, 1), changed).unwrap();
    assert!(shelf.index().exists());
    assert!(begin.elapsed() >= Duration::from_millis(20), "that moment is over");
}

#[test]
fn a_damaged_journal_is_not_indexed_and_one_that_is_forgotten_leaves_nothing() {
    let shelf = Shelf::new();
    sold(&shelf, 0..20);
    shelf.edit(|content| content.splice(0..0, *b"oops\n").for_each(drop));
    shelf.check(&intent(200, 1));
    assert!(!shelf.index().exists());
    shelf.edit(|content| content.drain(..5).for_each(drop));
    shelf.check(&intent(200, 1));
    assert!(shelf.index().exists());
    shelf.file.lock().unwrap().replace(&[]).unwrap();
    assert!(!shelf.index().exists());
}

/// Killed at any byte while the seal is renewed, which is written in place.
#[test]
fn a_seal_that_was_being_renewed_is_believed_when_it_is_whole() {
    let shelf = Shelf::new();
    sold(&shelf, 0..20);
    shelf.check(&intent(200, 1));
    let before = fs::read(shelf.index()).unwrap();
    sold(&shelf, 20..21);
    let after = fs::read(shelf.index()).unwrap();
    let length = before.iter().zip(&after).rposition(|(one, other)| one != other).unwrap() + 1;
    for written in 0..=length {
        fs::write(shelf.index(), &before).unwrap();
        let mut index = fs::OpenOptions::new().write(true).open(shelf.index()).unwrap();
        index.seek(SeekFrom::Start(0)).unwrap();
        index.write_all(&after[..written]).unwrap();
        let mut locked = shelf.file.lock().unwrap();
        // Now it would be indexed anew, were it settled.
        let looked_at = locked.read_about(&intent(8, 1), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(looked_at.attempts().len(), 21, "not believed at that time");
        drop(locked);
        assert_eq!(shelf.check(&intent(8, 1)), if written == length { 2 } else { 21 }, "{written} bytes");
    }
}

#[test]
fn writers_and_readers_at_once_see_the_same() {
    let shelf = Shelf::new();
    std::thread::scope(|scope| {
        for thread in 0_u8..8 {
            let shelf = &shelf;
            scope.spawn(move || {
                for round in 0..12 {
                    let number = thread * 12 + round;
                    sold(shelf, number..number + 1);
                    shelf.check(&intent(number + 2, 1));
                }
            });
        }
    });
    assert_eq!(shelf.file.read().unwrap().attempts().len(), 96);
}
