//! What all lists have in common, and what commands on several things have.

use std::borrow::Cow;
use std::pin::pin;

use clap::Args;
use futures_util::StreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::api::PagedRequest;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::Resource;
use crate::output::{Column, Format, View};

/// How much of a list is shown.
#[derive(Debug, Args)]
pub(super) struct LimitArgs {
    /// Stop after this many; all of them are shown unless told otherwise
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

impl ApiContext<'_> {
    /// Shows a list, page after page as they arrive.
    pub(super) async fn print_pages<T>(
        &self,
        list: PagedRequest<'_>,
        limit: &LimitArgs,
    ) -> Result<ExitStatus, Error>
    where
        T: DeserializeOwned + 'static,
        Resource<T>: View,
    {
        let limit = limit.limit.map(|limit| limit as usize);
        let mut left = limit.unwrap_or(usize::MAX);
        let mut listing = self.output.listing::<Resource<T>>();
        let mut pages = pin!(list.at_most(limit).pages::<T>());
        // What is shown as it arrives shows by itself how far it is.
        let keeps = matches!(self.output.format(), Format::Table | Format::Json);
        let mut bar = None;
        while left > 0
            && let Some(page) = pages.next().await
        {
            let page = page?;
            if let (true, None, Some(total)) = (keeps, limit, page.total_pages) {
                let total = usize::try_from(total).unwrap_or_default();
                bar.get_or_insert_with(|| self.output.bar("pages", total)).advance(1);
            }
            for item in page.content.into_iter().take(left) {
                left -= 1;
                listing.push(item)?;
            }
            listing.flush()?;
        }
        drop(bar);
        listing.finish()?;
        Ok(ExitStatus::Success)
    }

    /// Does something to several things one after another and shows what came of each; one thing is shown as
    /// such, several as a list. A failure does not keep the others from being done, unless it would meet them too.
    pub(super) async fn for_each_target<T, V: View>(
        &self,
        things: impl IntoIterator<Item = T>,
        act: impl AsyncFn(T) -> Result<V, Error>,
    ) -> Result<ExitStatus, Error> {
        let mut errors = Vec::new();
        let things: Vec<T> = things.into_iter().collect();
        let mut listing =
            if things.len() == 1 { self.output.single_item_writer() } else { self.output.listing() };
        let mut left = things.len();
        for thing in things {
            left -= 1;
            match act(thing).await {
                Ok(done) => {
                    listing.push(done)?;
                    listing.flush()?;
                }
                Err(error) => {
                    let meets_all = left > 0
                        && (self.cancel.is_cancelled()
                            || matches!(error.kind, ErrorKind::Credentials | ErrorKind::Unavailable));
                    errors.push(if meets_all {
                        error.hint(format!("{left} more were not tried"))
                    } else {
                        error
                    });
                    if meets_all {
                        break;
                    }
                }
            }
        }
        if errors.is_empty() || !listing.is_empty() {
            listing.finish()?;
        }
        Error::combine(errors).map_or(Ok(ExitStatus::Success), Err)
    }
}

/// What became of something that the API answers without a body.
#[derive(Debug, Serialize)]
pub(super) struct ActionResult {
    /// Its id.
    pub(super) id: String,
    /// What it was.
    pub(super) object: &'static str,
    /// What was done to it.
    pub(super) result: &'static str,
}

impl View for ActionResult {
    const NOUN: &'static str = "result";
    const FIELDS: &'static [&'static str] = &["id", "object", "result"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("ID", |done, _| done.id.as_str().into()),
        Column::new("OBJECT", |done, _| done.object.into()),
        Column::new("RESULT", |done, _| done.result.into()),
    ];

    fn object(&self) -> Cow<'_, Map<String, Value>> {
        to_json_object(self)
    }
}

/// The fields of a value of our own.
pub(super) fn to_json_object(value: &impl Serialize) -> Cow<'static, Map<String, Value>> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => Cow::Owned(object),
        _ => Cow::Owned(Map::new()),
    }
}
