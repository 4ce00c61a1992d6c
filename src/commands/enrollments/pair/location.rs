use uuid::Uuid;

use crate::commands::resolve::{fetch_all, id_of};
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind};
use crate::model::{Enrollment, Location, Resource};

/// The location of the new devices.
pub(super) struct PairLocation {
    /// `None` lets the API use the account's only location.
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
}

impl PairLocation {
    /// Resolves `query`, or else uses the profile's default, the only location, or one that the user selects.
    pub(super) async fn resolve(
        query: Option<&str>,
        is_interactive: bool,
        context: &ApiContext<'_>,
    ) -> Result<Self, Error> {
        let default = context.account.location.as_ref().map(|location| location.value.as_str());
        match query.or(default) {
            Some(query) if query.parse::<Uuid>().is_ok() => {
                let name = match context.client.location(query).await.map_err(Error::from) {
                    Ok(location) => location.name.clone(),
                    Err(error) if error.kind == ErrorKind::NotFound => {
                        return Err(error.context(&format!("location {query}")));
                    }
                    // Only the display needs the name.
                    Err(_) => None,
                };
                Ok(Self { id: Some(query.to_owned()), name })
            }
            Some(query) => Self::from_location(&context.find(query).await?),
            None => Self::select(is_interactive, context).await,
        }
    }

    /// The location of an enrollment that exists.
    pub(super) async fn of(enrollment: &Enrollment, context: &ApiContext<'_>) -> Self {
        let id = enrollment.location_id.clone();
        let name = match &id {
            // Only the display needs the name.
            Some(id) => context.client.location(id).await.ok().and_then(|location| location.name.clone()),
            None => None,
        };
        Self { id, name }
    }

    fn from_location(location: &Resource<Location>) -> Result<Self, Error> {
        Ok(Self { id: Some(id_of(location)?), name: location.name.clone() })
    }

    async fn select(is_interactive: bool, context: &ApiContext<'_>) -> Result<Self, Error> {
        let locations: Vec<Resource<Location>> =
            match fetch_all(context.client.locations()).await.map_err(Error::from) {
                Ok(locations) => locations,
                // Some accounts may not list locations. Those with a single location can pair without naming it.
                Err(error) if error.kind == ErrorKind::Refused => return Ok(Self { id: None, name: None }),
                Err(error) => return Err(error),
            };
        match locations.as_slice() {
            [] => Err(Error::new(ErrorKind::NotFound, "the account has no locations")
                .hint("create one in Kustom's portal")),
            [location] => Self::from_location(location),
            _ if is_interactive => Self::from_location(&context.select_from(locations).await?),
            _ => Err(Error::usage(format!("the account has {} locations; name one", locations.len()))
                .hint("add --location; list the locations with `kustom locations list`")),
        }
    }
}
