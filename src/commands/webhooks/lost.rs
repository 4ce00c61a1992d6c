//! Finds callbacks that were lost: the session is open according to the stored callbacks, but the API says that it has ended.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::context::ApiContext;
use crate::deliveries::DeliveryStore;
use crate::error::Error;
use crate::model::{Session, SessionStatus};

/// How often `kustom webhooks listen` checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// How long a callback may take before it counts as lost.
const GRACE: SignedDuration = SignedDuration::from_mins(1);

/// A session is open for minutes, and the sender retries for hours.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

/// Reports the lost callbacks of the last day, and again every minute those that are new.
pub(super) async fn watch(store: &DeliveryStore, context: &ApiContext<'_>) {
    let mut ended = HashSet::new();
    loop {
        let since = Timestamp::now() - MAX_AGE;
        // The next round may succeed.
        if let Err(error) = report(store, context, since, GRACE, &mut ended).await {
            context.output.warn(&format!("cannot check for lost callbacks: {}", error.message));
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

/// Reports the sessions that ended at least `grace` ago without a callback, except those that have been checked.
pub(super) async fn report(
    store: &DeliveryStore,
    context: &ApiContext<'_>,
    since: Timestamp,
    grace: SignedDuration,
    ended: &mut HashSet<Uuid>,
) -> Result<(), Error> {
    let open = store.open_sessions(since)?.into_iter().filter_map(|id| id.parse::<Uuid>().ok());
    for id in open.filter(|id| !ended.contains(id)).collect::<Vec<_>>() {
        let session = match context.client.session(id).await {
            Ok(session) => session,
            Err(error) if error.status() == Some(404) => continue,
            Err(error) => return Err(Error::from(error).context(&format!("session {id}"))),
        };
        let Some(status) = session.status.as_ref().filter(|status| has_ended(status, &session, grace)) else {
            continue;
        };
        // An expiring session sends no callback.
        if *status != SessionStatus::Expired {
            context.output.warn(&format!("lost callback: session {id} is {status}"));
        }
        ended.insert(id);
    }
    Ok(())
}

fn has_ended(status: &SessionStatus, session: &Session, grace: SignedDuration) -> bool {
    let completed = session.purchase_completed_at;
    let is_old = completed.is_none_or(|completed| Timestamp::now().duration_since(completed) >= grace);
    status.is_terminal() && is_old
}
