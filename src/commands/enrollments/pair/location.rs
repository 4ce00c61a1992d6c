//! Where the phone will stand.

use uuid::Uuid;

use crate::commands::resolve::{fetch_all, id_of};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::model::{Location, Resource};

/// A location, as far as it is known.
pub(super) struct PairLocation {
    /// Its id, unless the API is to take the only one there is.
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
}

impl PairLocation {
    /// The location that is named, or the profile's default, or the only one, or one that is chosen.
    pub(super) async fn find(
        wanted: Option<&str>,
        asks: bool,
        context: &ApiContext<'_>,
    ) -> Result<Self, Error> {
        let default = context.account.location.as_ref().map(|location| location.value.as_str());
        match wanted.or(default) {
            Some(wanted) if wanted.parse::<Uuid>().is_ok() => Self::of_id(wanted, context).await,
            Some(wanted) => Self::of(&context.find_location(wanted).await?),
            None => Self::select_location(asks, context).await,
        }
    }

    fn of(location: &Resource<Location>) -> Result<Self, Error> {
        Ok(Self { id: Some(id_of(location)?), name: location.name.clone() })
    }

    async fn of_id(id: &str, context: &ApiContext<'_>) -> Result<Self, Error> {
        match context.client.location(id).await.map_err(Error::from) {
            Ok(location) => Ok(Self { id: Some(id.to_owned()), name: location.name.clone() }),
            Err(error) if error.kind == ErrorKind::NotFound => Err(error.context(&format!("location {id}"))),
            // Only its name is missing, and the code says whether it exists.
            Err(_) => Ok(Self { id: Some(id.to_owned()), name: None }),
        }
    }

    async fn select_location(asks: bool, context: &ApiContext<'_>) -> Result<Self, Error> {
        let flag = context.settings.profile_flag();
        let all: Vec<Resource<Location>> = match fetch_all(context.client.locations()).await {
            Ok(all) => all,
            // An account with one location needs none to be named, even where they cannot be listed.
            Err(error) if error.kind == ErrorKind::Refused => return Ok(Self { id: None, name: None }),
            Err(error) => return Err(error),
        };
        match all.as_slice() {
            [] => {
                Err(Error::new(ErrorKind::NotFound, "the account has no location where a phone could stand")
                    .hint("make one in Kustom's portal"))
            }
            [only] => Self::of(only),
            several if !asks => {
                let message = format!("there are {} locations, and none is given", several.len());
                Err(Error::usage(message)
                    .hint(format!("name one with --location; `kustom{flag} locations list` shows them")))
            }
            _ => Self::of(&context.select_from(all).await?),
        }
    }
}
