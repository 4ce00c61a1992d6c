//! A record of each request that a server received. It contains no secrets.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use super::exchange::Exchange;

#[derive(Debug, Clone, PartialEq)]
pub struct RequestRecord {
    pub method: Method,
    /// The path without its query. Clients may put an enrollment code or a key where an ID belongs, so unless the ID
    /// was found, this is the route, such as `/ipp/v1/sessions/{session_id}`, or `…` if there is no such route.
    pub path: String,
    pub outcome: RequestOutcome,
    /// The number of the fault that was injected.
    pub fault: Option<u32>,
    pub duration: Duration,
    /// The bodies, unless the request only reads what the emulator shows.
    pub exchange: Option<Exchange>,
}

impl RequestRecord {
    /// The names of fields and query parameters that a successful request had and the emulator ignored.
    pub fn ignored(&self) -> &[String] {
        let is_success = matches!(self.outcome, RequestOutcome::Answered(status) if status.is_success());
        self.exchange
            .as_ref()
            .filter(|_| is_success)
            .map(|exchange| exchange.ignored.as_slice())
            .unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    Answered(StatusCode),
    Truncated(StatusCode),
    /// A fault closed the connection without a response.
    Dropped,
    /// The client disconnected before the response.
    Abandoned,
}

/// A request that is being served. It is recorded when this is dropped, which also happens when the client disconnects.
pub(super) struct PendingRecord<F: FnMut(&RequestRecord)> {
    record: RequestRecord,
    request_path: String,
    started: Instant,
    observer: F,
}

impl<F: FnMut(&RequestRecord)> PendingRecord<F> {
    pub(super) fn new(method: &Method, path: &str, route: Option<&str>, observer: F) -> Self {
        let record = RequestRecord {
            method: method.clone(),
            path: route.unwrap_or("…").to_owned(),
            outcome: RequestOutcome::Abandoned,
            fault: None,
            duration: Duration::ZERO,
            exchange: None,
        };
        Self { record, request_path: path.to_owned(), started: Instant::now(), observer }
    }

    pub(super) fn set_fault(&mut self, fault: Option<u32>) {
        self.record.fault = fault;
    }

    pub(super) fn set_exchange(&mut self, exchange: Option<Exchange>) {
        self.record.exchange = exchange;
    }

    /// Returns None if the bodies are not recorded.
    pub(super) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        self.record.exchange.as_mut()
    }

    pub(super) fn finish(mut self, outcome: RequestOutcome) {
        self.record.outcome = outcome;
        if let RequestOutcome::Answered(status) | RequestOutcome::Truncated(status) = outcome
            && (status.is_success() || status == StatusCode::CONFLICT)
        {
            self.record.path = std::mem::take(&mut self.request_path);
        } else if let Some(exchange) = &mut self.record.exchange {
            // The error may repeat what the path does not show.
            let shown: Vec<_> = self.record.path.split('/').collect();
            let hidden: Vec<_> =
                self.request_path.split('/').filter(|segment| !shown.contains(segment)).collect();
            exchange.hide_in_response(&hidden);
        }
    }
}

impl<F: FnMut(&RequestRecord)> Drop for PendingRecord<F> {
    fn drop(&mut self) {
        self.record.duration = self.started.elapsed();
        (self.observer)(&self.record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &str, route: Option<&str>, status: Option<u16>) -> RequestRecord {
        let mut records = Vec::new();
        let pending = PendingRecord::new(&Method::GET, path, route, |record: &RequestRecord| {
            records.push(record.clone());
        });
        match status {
            Some(status) => pending.finish(RequestOutcome::Answered(StatusCode::from_u16(status).unwrap())),
            None => drop(pending),
        }
        records.remove(0)
    }

    #[test]
    fn a_path_shows_an_id_only_if_it_was_found() {
        let (path, route) = ("/ipp/v1/sessions/ABCD2345", Some("/ipp/v1/sessions/{session_id}"));
        assert_eq!(record(path, route, Some(200)).path, path);
        assert_eq!(record(path, route, Some(409)).path, path);
        assert_eq!(record(path, route, Some(404)).path, "/ipp/v1/sessions/{session_id}");
        assert_eq!(record("/kco_test_api_0123456789abcdef", None, Some(404)).path, "…");
        let abandoned = record(path, route, None);
        assert_eq!((&*abandoned.path, abandoned.outcome), (route.unwrap(), RequestOutcome::Abandoned));
    }
}
