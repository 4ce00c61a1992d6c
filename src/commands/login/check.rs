//! Whether the API accepts a key.

use http::Method;

use crate::api::Request;
use crate::context::App;
use crate::error::{Error, ErrorKind};
use crate::settings::Account;

/// One harmless call. Only a key that was refused, or an API that does not answer, speaks against storing it.
pub(super) async fn verify_key(app: &App, account: Account) -> Result<(), Error> {
    let context = app.connect_as(account)?;
    let request = Request::new(Method::GET, "/ipp/v1/devices").query("page_size", "1");
    match context.client.send(&request).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let status = error.status();
            let error = Error::from(error);
            match error.kind {
                ErrorKind::Credentials => Err(error.hint("nothing was stored")),
                ErrorKind::Refused | ErrorKind::NotFound => {
                    let status = status.unwrap_or_default();
                    app.output.warn(&format!(
                        "the API answered {status}, which does not tell whether the key is good: {}",
                        error.message
                    ));
                    Ok(())
                }
                _ => Err(error.hint("nothing was stored; --no-check stores the key without a call")),
            }
        }
    }
}
