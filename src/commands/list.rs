//! Printing lists, and the results of commands that take several targets.

use std::pin::pin;

use clap::Args;
use futures_util::StreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::PagedRequest;
use crate::args;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::Resource;
use crate::output::{Column, Format, View};

#[derive(Debug, Args)]
pub(super) struct LimitArgs {
    /// Maximum number of items to list [default: all]
    #[arg(long, value_name = "N", value_parser = args::parse_count)]
    limit: Option<u32>,
}

impl LimitArgs {
    pub(super) fn get(&self) -> Option<usize> {
        self.limit.map(|limit| limit as usize)
    }
}

impl ApiContext<'_> {
    /// Prints a list as its pages arrive, with a change to each item. A table is sorted by name.
    pub(super) async fn print_pages<T>(
        &self,
        request: PagedRequest<'_>,
        limit: &LimitArgs,
        change: impl Fn(&mut Resource<T>),
    ) -> Result<ExitStatus, Error>
    where
        T: DeserializeOwned + 'static,
        Resource<T>: View,
    {
        let limit = limit.get();
        let mut remaining = limit.unwrap_or(usize::MAX);
        let mut list = self.output.list_writer::<Resource<T>>()?;
        let mut pages = pin!(request.at_most(limit).pages::<T>());
        // The other formats are printed page by page, which shows the progress too.
        let has_progress =
            limit.is_none() && (self.output.format().is_table() || self.output.format() == Format::Json);
        let mut bar = None;
        while remaining > 0
            && let Some(page) = pages.next().await
        {
            let page = page?;
            if let (true, Some(total @ 2..)) = (has_progress, page.total_pages) {
                let total = usize::try_from(total).unwrap_or_default();
                bar.get_or_insert_with(|| self.output.show_bar("pages", total)).inc(1);
            }
            let mut items: Vec<_> = page.content.into_iter().take(remaining).collect();
            items.iter_mut().for_each(&change);
            remaining -= items.len();
            if !self.output.format().is_table() {
                self.learn_names(&items).await;
            }
            items.into_iter().try_for_each(|item| list.push(item))?;
            list.flush()?;
        }
        drop(bar);
        self.learn_names(list.table_items()).await;
        list.finish()?;
        Ok(ExitStatus::Success)
    }

    /// Runs `act` for one target after another and prints the results: an item for a single target, and else a list.
    /// A failure does not keep the other targets from being processed, unless they would fail for the same reason.
    pub(super) async fn for_each_target<T, V: View>(
        &self,
        targets: impl IntoIterator<Item = T>,
        act: impl AsyncFn(T) -> Result<V, Error>,
    ) -> Result<ExitStatus, Error> {
        let mut targets: Vec<T> = targets.into_iter().collect();
        let mut list = self.output.list_writer()?;
        if targets.len() == 1
            && let Some(target) = targets.pop()
        {
            self.print_item_with_names(&act(target).await?).await?;
            return Ok(ExitStatus::Success);
        }
        let mut errors = Vec::new();
        let mut any_succeeded = false;
        let mut remaining = targets.len();
        for target in targets {
            remaining -= 1;
            match act(target).await {
                Ok(result) => {
                    any_succeeded = true;
                    list.push(result)?;
                    list.flush()?;
                }
                Err(error)
                    if remaining > 0
                        && (self.cancel.is_cancelled()
                            || matches!(error.kind, ErrorKind::Credentials | ErrorKind::Unavailable)) =>
                {
                    errors.push(error.hint(format!("{remaining} more were not tried")));
                    break;
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() || any_succeeded {
            self.learn_names(list.table_items()).await;
            list.finish()?;
        }
        Error::combine(errors).map_or(Ok(ExitStatus::Success), Err)
    }
}

/// The result of an action whose response has no body.
#[derive(Debug, Serialize)]
pub(super) struct ActionResult {
    pub(super) id: String,
    pub(super) object: &'static str,
    pub(super) result: &'static str,
}

impl View for ActionResult {
    const NOUN: &'static str = "result";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("ID", |action| action.id.as_str().into()),
        Column::new("OBJECT", |action| action.object.into()),
        Column::new("RESULT", |action| action.result.into()),
    ];
}
