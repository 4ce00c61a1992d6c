//! Where the phone will stand.

use uuid::Uuid;

use crate::commands::find::{all_of, id_of};
use crate::context::Online;
use crate::error::{Error, Kind};
use crate::model::{Location, Received};

/// A location, as far as it is known.
pub(super) struct Place {
    /// Its id, unless the API is to take the only one there is.
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
}

impl Place {
    /// The location that is named, or the profile's default, or the only one, or one that is chosen.
    pub(super) async fn find(wanted: Option<&str>, asks: bool, online: &Online<'_>) -> Result<Self, Error> {
        let default = online.account.location.as_ref().map(|location| location.value.as_str());
        match wanted.or(default) {
            Some(wanted) if wanted.parse::<Uuid>().is_ok() => Self::of_id(wanted, online).await,
            Some(wanted) => Self::of(&online.find_location(wanted).await?),
            None => Self::among(asks, online).await,
        }
    }

    fn of(location: &Received<Location>) -> Result<Self, Error> {
        Ok(Self { id: Some(id_of(location)?), name: location.name.clone() })
    }

    async fn of_id(id: &str, online: &Online<'_>) -> Result<Self, Error> {
        match online.client.location(id).await.map_err(Error::from) {
            Ok(location) => Ok(Self { id: Some(id.to_owned()), name: location.name.clone() }),
            Err(error) if error.kind == Kind::NotFound => Err(error.context(&format!("location {id}"))),
            // Only its name is missing, and the code says whether it exists.
            Err(_) => Ok(Self { id: Some(id.to_owned()), name: None }),
        }
    }

    async fn among(asks: bool, online: &Online<'_>) -> Result<Self, Error> {
        let flag = online.settings.profile_flag();
        let all: Vec<Received<Location>> = match all_of(online.client.locations()).await {
            Ok(all) => all,
            // An account with one location needs none to be named, even where they cannot be listed.
            Err(error) if error.kind == Kind::Refused => return Ok(Self { id: None, name: None }),
            Err(error) => return Err(error),
        };
        match all.as_slice() {
            [] => Err(Error::new(Kind::NotFound, "the account has no location where a phone could stand")
                .hint("make one in Kustom's portal")),
            [only] => Self::of(only),
            several if !asks => {
                let message = format!("there are {} locations, and none is given", several.len());
                Err(Error::usage(message)
                    .hint(format!("name one with --location; `kustom{flag} locations list` shows them")))
            }
            _ => Self::of(&online.chosen(all).await?),
        }
    }
}
