//! The SQL that both databases understand. An attempt is stored as a record with a checksum; the other columns are
//! copies by which it is found.

use std::ops::Range;

use jiff::Timestamp;
use uuid::Uuid;

use super::lookup::{Filter, Lookup};
use super::record::{Param, Record};
use super::{Attempt, OrderChange, Outcome};

/// A statement with the values of its parameters.
pub(super) type Query = (String, Vec<Param>);

pub(super) fn describe_damage<R: Record>(number: usize) -> String {
    let records = match number {
        1 => format!("one {} is", R::NOUN),
        number => format!("{number} {}s are", R::NOUN),
    };
    format!("{records} not what was stored")
}

/// The statement that adds a record. One that exists is replaced or kept.
pub(super) fn insert<R: Record>(record: &R, replace: bool) -> Query {
    let columns = [&["id", "at_ms"], R::COLUMNS, &["record", "checksum"]].concat();
    let places: Vec<_> = (1..=columns.len()).map(|number| format!("${number}")).collect();
    let conflict = if replace {
        let assignments: Vec<_> =
            columns[1..].iter().map(|column| format!("{column} = excluded.{column}")).collect();
        format!("DO UPDATE SET {}", assignments.join(", "))
    } else {
        "DO NOTHING".to_owned()
    };
    let (table, columns, places) = (R::TABLE, columns.join(", "), places.join(", "));
    let statement = format!("INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT (id) {conflict}");
    let mut params = vec![Param::Text(Some(record.id().to_string())), record.at().as_millisecond().into()];
    params.extend(record.values());
    let json = record.to_record();
    let checksum = super::hash::checksum(&json);
    params.extend([Param::Text(Some(json)), Param::Text(Some(checksum))]);
    (statement, params)
}

impl Record for Attempt {
    const NOUN: &'static str = "attempt";
    const TABLE: &'static str = "attempts";
    const COLUMNS: &'static [&'static str] = &[
        "outcome",
        "status",
        "session_id",
        "device_id",
        "location_id",
        "till",
        "reference_key",
        "reference_hash",
        "open",
        "unsettled",
        "unsettled_hash",
    ];

    fn id(&self) -> Uuid {
        self.id
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn values(&self) -> Vec<Param> {
        let text = |text: Option<&String>| Param::Text(text.cloned());
        let (outcome, status) = match &self.outcome {
            Outcome::Pending => ("pending", None),
            Outcome::Unknown(_) => ("unknown", None),
            Outcome::Refused(_) => ("refused", None),
            Outcome::NotProcessed => ("not_processed", None),
            Outcome::Created { status, .. } => ("created", Some(status.to_string())),
        };
        let intent = &self.intent;
        let is_unsettled = self.is_unsettled();
        vec![
            outcome.into(),
            Param::Text(status),
            Param::Text(self.session_id().map(str::to_owned)),
            text(intent.device_id.as_ref()),
            text(intent.location_id.as_ref()),
            text(self.origin.till.as_ref()),
            Param::Text(intent.reference()),
            Param::Integer(intent.reference_hash()),
            Param::Integer((self.session_id().is_some() && self.is_open()).then_some(1)),
            Param::Integer(is_unsettled.then_some(1)),
            Param::Integer(is_unsettled.then(|| intent.purchase_hash())),
        ]
    }
}

impl Record for OrderChange {
    const NOUN: &'static str = "order change";
    const TABLE: &'static str = "order_changes";
    const COLUMNS: &'static [&'static str] = &["order_id"];

    fn id(&self) -> Uuid {
        self.id
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn values(&self) -> Vec<Param> {
        vec![Param::Text(Some(self.intent.order_id.to_ascii_lowercase()))]
    }
}

/// The statement that finds the attempts of a lookup, oldest first: their position, record and checksum. `None` if
/// nothing is looked up.
///
/// Related attempts are found by two indexes each, so that damage to a page of one of them hides none. The outer join
/// shows those that an index has and the table lacks.
pub(super) fn lookup(lookup: Lookup<'_>) -> Option<Query> {
    let (positions, params) = match lookup {
        Lookup::Nothing => return None,
        Lookup::Attempt(id) => {
            ("SELECT seq FROM attempts WHERE id = $1", vec![Param::Text(Some(id.to_string()))])
        }
        Lookup::Session(id) => ("SELECT seq FROM attempts WHERE session_id = $1", vec![id.into()]),
        Lookup::AttemptOrSession(id, session) => (
            "SELECT seq FROM attempts WHERE id = $1 UNION SELECT seq FROM attempts WHERE session_id = $2",
            vec![Param::Text(Some(id.to_string())), Param::Text(session.map(str::to_owned))],
        ),
        Lookup::Related(intent) => (
            "SELECT seq FROM attempts WHERE reference_key = $1 \
             UNION SELECT seq FROM attempts WHERE reference_hash = $2 \
             UNION SELECT seq FROM attempts WHERE unsettled = 1 \
             UNION SELECT seq FROM attempts WHERE unsettled_hash = $3",
            vec![
                Param::Text(intent.reference()),
                Param::Integer(intent.reference_hash()),
                intent.purchase_hash().into(),
            ],
        ),
    };
    let statement = format!(
        "SELECT found.seq, attempts.record, attempts.checksum FROM ({positions}) AS found \
         LEFT JOIN attempts ON attempts.seq = found.seq ORDER BY found.seq"
    );
    Some((statement, params))
}

/// The attempts that may be pruned, with the time in milliseconds since which all attempts stay. The order decides, so that
/// a clock that was set back removes nothing that is younger.
pub(super) fn prunable(oldest: Timestamp) -> Query {
    let statement = "SELECT seq, record, checksum FROM attempts WHERE seq < COALESCE(\
        (SELECT MIN(seq) FROM attempts WHERE at_ms >= $1), (SELECT MAX(seq) + 1 FROM attempts))";
    (statement.to_owned(), vec![oldest.as_millisecond().into()])
}

/// Counts all attempts, and those whose outcome is unknown.
pub(super) const COUNT: &str = "SELECT COUNT(*), \
    COUNT(CASE WHEN outcome IN ('pending', 'unknown') THEN 1 END) FROM attempts";

pub(super) fn delete(seq: i64) -> Query {
    ("DELETE FROM attempts WHERE seq = $1".to_owned(), vec![seq.into()])
}

/// The statement that finds between which positions the attempts of a period are, by the index of the time. The clock of a
/// machine may have been set back, so others can be among them.
pub(super) fn positions(since: Option<Timestamp>, until: Option<Timestamp>) -> Query {
    // Without `+ 0`, a database may search all attempts in the order of their positions.
    let statement = "SELECT COALESCE(MIN(seq + 0), 0), COALESCE(MAX(seq + 0) + 1, 0) FROM attempts \
                     WHERE at_ms >= $1 AND at_ms < $2";
    (statement.to_owned(), period(since, until))
}

fn period(since: Option<Timestamp>, until: Option<Timestamp>) -> Vec<Param> {
    let millis = |time: Option<Timestamp>, default| time.map_or(default, Timestamp::as_millisecond).into();
    vec![millis(since, i64::MIN), millis(until, i64::MAX)]
}

/// The statement that lists attempts, newest first: their position, record and checksum.
pub(super) fn select(filter: &Filter, positions: &Range<i64>, limit: usize) -> Query {
    let mut conditions: Vec<String> = Vec::new();
    let mut params: Vec<Param> = Vec::new();
    let mut add = |condition: &str, values: Vec<Param>| {
        let mut condition = condition.to_owned();
        for value in values {
            params.push(value);
            condition = condition.replacen("{}", &format!("${}", params.len()), 1);
        }
        conditions.push(condition);
    };
    add("seq >= {} AND seq < {}", vec![positions.start.into(), positions.end.into()]);
    // Found by their positions, and not by the index of the time, whose order is another one.
    if let Some(since) = filter.since {
        add("at_ms + 0 >= {}", vec![since.as_millisecond().into()]);
    }
    if let Some(until) = filter.until {
        add("at_ms + 0 < {}", vec![until.as_millisecond().into()]);
    }
    let equal = [
        ("status", &filter.status),
        ("device_id", &filter.device_id),
        ("location_id", &filter.location_id),
        ("reference_key", &filter.reference),
        ("till", &filter.till),
        ("session_id", &filter.session_id),
    ];
    for (column, value) in equal {
        if let Some(value) = value {
            add(&format!("{column} = {{}}"), vec![value.as_str().into()]);
        }
    }
    if let Some(prefix) = &filter.id_prefix {
        // IDs consist of characters before `~`.
        let range = || vec![prefix.as_str().into(), Param::Text(Some(format!("{prefix}~")))];
        add(
            "((id >= {} AND id < {}) OR (session_id >= {} AND session_id < {}))",
            [range(), range()].concat(),
        );
    }
    if filter.open {
        add("open = 1", Vec::new());
    }
    if filter.unknown {
        add("unsettled = 1 AND outcome IN ('pending', 'unknown')", Vec::new());
    }
    let conditions = conditions.join(" AND ");
    let statement = format!(
        "SELECT seq, record, checksum FROM attempts WHERE {conditions} ORDER BY seq DESC LIMIT {limit}"
    );
    (statement, params)
}

/// The statement that finds the changes of an order, oldest first: a number, their record and checksum.
pub(super) fn changes_of_order(order_id: &str) -> Query {
    let statement = format!("{SELECT_CHANGES} WHERE order_id = $1 ORDER BY at_ms, id");
    (statement, vec![Param::Text(Some(order_id.to_ascii_lowercase()))])
}

/// The statement that lists changes of orders, oldest first: a number, their record and checksum.
pub(super) fn select_changes(since: Option<Timestamp>, until: Option<Timestamp>) -> Query {
    let statement = format!("{SELECT_CHANGES} WHERE at_ms >= $1 AND at_ms < $2 ORDER BY at_ms, id");
    (statement, period(since, until))
}

/// They have no position.
const SELECT_CHANGES: &str = "SELECT CAST(0 AS bigint), record, checksum FROM order_changes";
