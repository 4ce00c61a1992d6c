//! Opens the store of deliveries, and finds one in it.

use crate::context::App;
use crate::deliveries::{DeliveryStore, StoreError, StoredDelivery};
use crate::error::{Error, ErrorKind};

pub(super) fn open(app: &App) -> Result<DeliveryStore, Error> {
    Ok(DeliveryStore::open(&app.settings.paths.state)?)
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::new(ErrorKind::Unavailable, error.to_string())
            .hint("check the file with `kustom doctor`, or name another directory in KUSTOM_STATE")
    }
}

/// Finds the delivery with this ID or unambiguous ID prefix.
pub(super) fn find(store: &DeliveryStore, id: &str) -> Result<StoredDelivery, Error> {
    let mut found = store.find(id)?;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::new(ErrorKind::NotFound, format!("there is no delivery {id}"))
            .hint("list the deliveries with `kustom webhooks list`")),
        number => {
            let ids: Vec<_> = found.iter().take(5).map(|delivery| delivery.webhook_id.as_str()).collect();
            Err(Error::usage(format!("'{id}' is ambiguous: it matches {number} deliveries"))
                .hint(format!("use more of the ID: {}", ids.join(", "))))
        }
    }
}
