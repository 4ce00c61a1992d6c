//! The names of locations and devices, for output that would show IDs otherwise.

use std::time::Duration;

use crate::api::Error as ApiError;
use crate::commands::resolve::fetch_all;
use crate::complete;
use crate::context::ApiContext;
use crate::error::Error;
use crate::model::{Device, Location};
use crate::output::{NameKind, View};

/// Names are worth a short wait only: without them, the IDs are shown.
const TIMEOUT: Duration = Duration::from_secs(3);

impl ApiContext<'_> {
    /// Prints an item with the names of the resources it refers to.
    pub(super) async fn print_item_with_names<T: View>(&self, item: &T) -> Result<(), Error> {
        self.learn_names(std::slice::from_ref(item)).await;
        self.output.print_item(item)
    }

    /// Finds the names of the resources that the items refer to, if the output shows them: in the cache of completions
    /// if it is fresh, or else with a single list request.
    pub(super) async fn learn_names<T: View>(&self, items: &[T]) {
        if self.output.shows_names() {
            self.learn_unknown(|| self.output.unknown_names(items)).await;
        }
    }

    /// Finds the names of the kinds that are not known.
    pub(super) async fn learn_unknown(&self, unknown: impl Fn() -> Vec<NameKind>) {
        if unknown().is_empty() {
            return;
        }
        for (kind, id, name) in complete::cached_names(self.settings, &self.account) {
            self.output.learn_name(kind, &id, &name);
        }
        for kind in unknown() {
            if self.output.mark_listed(kind) {
                continue;
            }
            // An ID is shown in place of a name that cannot be found.
            let _ = tokio::time::timeout(TIMEOUT, self.list_names(kind)).await;
        }
    }

    async fn list_names(&self, kind: NameKind) -> Result<(), ApiError> {
        match kind {
            NameKind::Location => {
                self.learn_resources::<Location>(&fetch_all(self.client.locations()).await?);
            }
            NameKind::Device => self.learn_resources::<Device>(&fetch_all(self.client.devices(None)).await?),
        }
        Ok(())
    }
}
