//! Taking deliveries until there is a reason to end.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::delivery::{Delivery, DeliveryStatus};
use super::handler::{DeliveryHandler, HandledDelivery};
use super::server::IncomingDelivery;
use crate::args;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::CallbackType;
use crate::output::{Format, ListWriter, Output};

/// How often to look whether anybody reads what is shown.
const STDOUT_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What ends the listening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExitAfter {
    /// So many deliveries.
    Count(u64),
    /// One of this type.
    Event(CallbackType),
}

impl ExitAfter {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(count) = text.parse() {
            return if count > 0 { Ok(Self::Count(count)) } else { Err("write a number from 1".to_owned()) };
        }
        args::callback_type(text).map(Self::Event)
    }

    fn is_met(&self, accepted: u64, last: &Delivery) -> bool {
        match self {
            Self::Count(count) => accepted >= *count,
            Self::Event(kind) => last.kind.as_deref() == Some(kind.as_str()),
        }
    }
}

/// A wait for deliveries.
pub(super) struct ListenLoop<'a> {
    exit_after: Option<ExitAfter>,
    timeout: Option<Duration>,
    desk: &'a DeliveryHandler<'a>,
    page: DeliveryPrinter<'a>,
    accepted: u64,
}

impl<'a> ListenLoop<'a> {
    pub(super) fn new(
        exit_after: Option<ExitAfter>,
        timeout: Option<Duration>,
        desk: &'a DeliveryHandler<'a>,
    ) -> Self {
        Self { exit_after, timeout, desk, page: DeliveryPrinter::new(desk.output), accepted: 0 }
    }

    /// Takes what arrives, until what is waited for has come, the time is up, or somebody ends it.
    pub(super) async fn run(
        mut self,
        mut arrived: mpsc::Receiver<IncomingDelivery>,
        cancel: &CancellationToken,
    ) -> Result<ExitStatus, Error> {
        let (desk, timeout) = (self.desk, self.timeout);
        let time_up = async {
            match timeout {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let mut time_up = std::pin::pin!(time_up);
        let mut look = tokio::time::interval(STDOUT_POLL_INTERVAL);
        let mut deciding = FuturesUnordered::new();
        let exit = loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => match self.exit_after {
                    None => break ExitStatus::Success,
                    Some(_) => return Err(Error::new(ErrorKind::Interrupted, "interrupted before it came")),
                },
                Some(decided) = deciding.next(), if !deciding.is_empty() => if self.acknowledge(decided)? {
                    break ExitStatus::Success;
                },
                Some(arrived) = arrived.recv() => deciding.push(desk.handle(arrived)),
                () = &mut time_up => break match (&self.exit_after, self.accepted) {
                    (None, 1..) => ExitStatus::Success,
                    _ => ExitStatus::NoDelivery,
                },
                _ = look.tick() => if desk.output.is_stdout_closed() {
                    return Err(Error::new(ErrorKind::ClosedPipe, "nobody reads any more"));
                },
            }
        };
        if exit == ExitStatus::NoDelivery {
            desk.output.warn(&self.timeout_message());
        }
        self.page.finish()?;
        Ok(exit)
    }

    /// Shows a delivery and answers it. Whether it is what was waited for.
    fn acknowledge(&mut self, decided: HandledDelivery) -> Result<bool, Error> {
        let HandledDelivery { answer, delivery, back } = decided;
        let mut is_met = false;
        if let Some(delivery) = delivery {
            if delivery.outcome == DeliveryStatus::Accepted {
                self.accepted += 1;
                is_met =
                    self.exit_after.as_ref().is_some_and(|wanted| wanted.is_met(self.accepted, &delivery));
            }
            // What cannot be shown is not acknowledged.
            self.page.show(delivery)?;
        }
        // Who has hung up will send it again.
        let _ = back.send(answer);
        Ok(is_met)
    }

    fn timeout_message(&self) -> String {
        match &self.exit_after {
            Some(ExitAfter::Event(kind)) => format!("{kind} did not come in time"),
            Some(ExitAfter::Count(count)) => format!("{} of {count} came in time", self.accepted),
            None => "nothing came in time".to_owned(),
        }
    }
}

/// Where deliveries are shown: a line each, as they come, or an array at the end.
struct DeliveryPrinter<'a> {
    output: &'a Output,
    listing: ListWriter<'a, Delivery>,
}

impl<'a> DeliveryPrinter<'a> {
    fn new(output: &'a Output) -> Self {
        Self { output, listing: output.list_writer() }
    }

    fn show(&mut self, delivery: Delivery) -> Result<(), Error> {
        if self.output.format() == Format::Table {
            self.output.print(&format!("{}\n", delivery.line()))?;
        } else {
            self.listing.push(delivery)?;
        }
        self.output.flush()
    }

    fn finish(self) -> Result<(), Error> {
        if self.output.format() == Format::Table { Ok(()) } else { self.listing.finish() }
    }
}
