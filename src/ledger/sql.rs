//! The SQL that both databases understand. An attempt is stored as a record with a checksum; the other columns are
//! copies by which it is found.

use super::storage::{Filter, Lookup};
use super::{Attempt, Outcome, RefundAttempt};
use jiff::Timestamp;

/// A value of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Param {
    Text(Option<String>),
    Integer(Option<i64>),
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<i64> for Param {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

pub(super) fn describe_damage(number: usize) -> String {
    let attempts = match number {
        1 => "one attempt is".to_owned(),
        number => format!("{number} attempts are"),
    };
    format!("{attempts} not what was stored")
}

const COLUMNS: [&str; 15] = [
    "id",
    "at_ms",
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
    "record",
    "checksum",
];

/// The statement that adds an attempt. One that exists is replaced or kept.
pub(super) fn insert(replace: bool) -> String {
    let places: Vec<_> = (1..=COLUMNS.len()).map(|number| format!("${number}")).collect();
    let (columns, places) = (COLUMNS.join(", "), places.join(", "));
    let conflict = if replace {
        let assignments: Vec<_> =
            COLUMNS[1..].iter().map(|column| format!("{column} = excluded.{column}")).collect();
        format!("DO UPDATE SET {}", assignments.join(", "))
    } else {
        "DO NOTHING".to_owned()
    };
    format!("INSERT INTO attempts ({columns}) VALUES ({places}) ON CONFLICT (id) {conflict}")
}

/// The values of [`insert`].
pub(super) fn insert_params(attempt: &Attempt) -> [Param; COLUMNS.len()] {
    let text = |text: Option<&String>| Param::Text(text.cloned());
    let (outcome, status) = match &attempt.outcome {
        Outcome::Pending => ("pending", None),
        Outcome::Unknown(_) => ("unknown", None),
        Outcome::Refused(_) => ("refused", None),
        Outcome::NotProcessed => ("not_processed", None),
        Outcome::Created { status, .. } => ("created", Some(status.to_string())),
    };
    let intent = &attempt.intent;
    let is_unsettled = attempt.is_unsettled();
    let record = attempt.to_record();
    let checksum = super::hash::checksum(&record);
    [
        Param::Text(Some(attempt.id.to_string())),
        attempt.at.as_millisecond().into(),
        outcome.into(),
        Param::Text(status),
        Param::Text(attempt.session_id().map(str::to_owned)),
        text(intent.device_id.as_ref()),
        text(intent.location_id.as_ref()),
        text(attempt.origin.till.as_ref()),
        Param::Text(intent.reference()),
        Param::Integer(intent.reference_hash()),
        Param::Integer((attempt.session_id().is_some() && attempt.is_open()).then_some(1)),
        Param::Integer(is_unsettled.then_some(1)),
        Param::Integer(is_unsettled.then(|| intent.purchase_hash())),
        Param::Text(Some(record)),
        Param::Text(Some(checksum)),
    ]
}

/// The statement that finds the attempts of a lookup, oldest first: their position, record and checksum. `None` if
/// nothing is looked up.
///
/// Related attempts are found by two indexes each, so that damage to a page of one of them hides none. The outer join
/// shows those that an index has and the table lacks.
pub(super) fn lookup(lookup: Lookup<'_>) -> Option<(String, Vec<Param>)> {
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
pub(super) const PRUNABLE: &str = "SELECT seq, record, checksum FROM attempts \
    WHERE seq < COALESCE((SELECT MIN(seq) FROM attempts WHERE at_ms >= $1), (SELECT MAX(seq) + 1 FROM attempts))";

/// Counts all attempts, and those whose outcome is unknown.
pub(super) const COUNT: &str = "SELECT COUNT(*), \
    COUNT(CASE WHEN outcome IN ('pending', 'unknown') THEN 1 END) FROM attempts";

pub(super) const DELETE: &str = "DELETE FROM attempts WHERE seq = $1";

/// The statement that lists attempts, newest first: their position, record and checksum.
pub(super) fn select(filter: &Filter, before: Option<i64>, limit: usize) -> (String, Vec<Param>) {
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
    let Filter {
        since,
        until,
        status,
        device_id,
        location_id,
        reference,
        till,
        session_id,
        id_prefix,
        unknown,
        open,
        ..
    } = filter;
    if let Some(since) = since {
        add("at_ms >= {}", vec![since.as_millisecond().into()]);
    }
    if let Some(until) = until {
        add("at_ms < {}", vec![until.as_millisecond().into()]);
    }
    let equal = [
        ("status", status),
        ("device_id", device_id),
        ("location_id", location_id),
        ("reference_key", reference),
        ("till", till),
        ("session_id", session_id),
    ];
    for (column, value) in equal {
        if let Some(value) = value {
            add(&format!("{column} = {{}}"), vec![value.as_str().into()]);
        }
    }
    if let Some(prefix) = id_prefix {
        // IDs consist of characters before `~`.
        let range = || vec![prefix.as_str().into(), Param::Text(Some(format!("{prefix}~")))];
        add(
            "((id >= {} AND id < {}) OR (session_id >= {} AND session_id < {}))",
            [range(), range()].concat(),
        );
    }
    if *open {
        add("open = 1", Vec::new());
    }
    if *unknown {
        add("unsettled = 1 AND outcome IN ('pending', 'unknown')", Vec::new());
    }
    if let Some(before) = before {
        add("seq < {}", vec![before.into()]);
    }
    let conditions =
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let statement =
        format!("SELECT seq, record, checksum FROM attempts{conditions} ORDER BY seq DESC LIMIT {limit}");
    (statement, params)
}

pub(super) const INSERT_REFUND: &str = "INSERT INTO refunds (id, at_ms, order_id, record, checksum) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET record = excluded.record, checksum = excluded.checksum";

/// The values of [`INSERT_REFUND`].
pub(super) fn insert_refund_params(refund: &RefundAttempt) -> [Param; 5] {
    let record = refund.to_record();
    let checksum = super::hash::checksum(&record);
    [
        Param::Text(Some(refund.id.to_string())),
        refund.at.as_millisecond().into(),
        Param::Text(Some(refund.intent.order_id.to_ascii_lowercase())),
        Param::Text(Some(record)),
        Param::Text(Some(checksum)),
    ]
}

/// The statement that finds the refunds of an order, oldest first: their record and checksum.
pub(super) fn refunds_of_order(order_id: &str) -> (&'static str, Vec<Param>) {
    let statement = "SELECT record, checksum FROM refunds WHERE order_id = $1 ORDER BY at_ms, id";
    (statement, vec![order_id.to_ascii_lowercase().as_str().into()])
}

/// The statement that lists refunds, oldest first: their record and checksum.
pub(super) fn select_refunds(
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> (&'static str, Vec<Param>) {
    let statement =
        "SELECT record, checksum FROM refunds WHERE at_ms >= $1 AND at_ms < $2 ORDER BY at_ms, id";
    let millis = |time: Option<Timestamp>, default| time.map_or(default, Timestamp::as_millisecond).into();
    (statement, vec![millis(since, i64::MIN), millis(until, i64::MAX)])
}
