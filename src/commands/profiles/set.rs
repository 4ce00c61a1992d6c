use super::row::ProfileRow;
use super::use_profile::find_profile;
use crate::api::BaseUrl;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::App;
use crate::error::{Error, ExitStatus};
use crate::ledger::LedgerLocation;
use crate::model::Currency;
use crate::profiles::{Environment, IfBusy, LOCAL, Profile};
use crate::text::escape_control;

/// Change one value of a profile
///
/// The keys are environment, username, merchant_id, location, device, currency, if_busy, base_url, allow_http, ledger,
/// ledger_command and completions. An empty value removes it. Store another API key with `kustom login`, which checks it.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom profiles set location 'Stockholm City'    # of the profile in use
  kustom profiles set shop currency SEK
  kustom profiles set shop device ''               # no default device

Next:
  kustom profiles show
"), override_usage = "kustom profiles set [OPTIONS] [PROFILE] <KEY> <VALUE>")]
pub(crate) struct Args {
    /// Profile [default: the profile in use], key and value
    #[arg(value_name = "KEY VALUE", required = true, num_args = 2..=3, add = complete::stored_profiles())]
    words: Vec<String>,
}

impl Args {
    pub(super) fn run(self, app: &App) -> Result<ExitStatus, Error> {
        let (name, key, value) = match self.words.as_slice() {
            [key, value] => (None, key, value),
            [name, key, value] => (Some(name), key, value),
            _ => return Err(Error::usage("give a key and a value")),
        };
        let store = app.settings.store();
        let row = store.change(|document| {
            let active = document.active().map(str::to_owned);
            let used = app.settings.profile_name(active.as_deref()).map(|name| name.value);
            let name = name.cloned().or(used).ok_or_else(|| {
                Error::usage("no profile is active")
                    .hint("name the profile: kustom profiles set PROFILE KEY VALUE")
            })?;
            if name == LOCAL {
                return Err(Error::usage("the profile 'local' is built in and cannot be changed")
                    .hint("add a profile of your own with `kustom login`"));
            }
            let mut profile = find_profile(document, &name)?.clone();
            set_value(&mut profile, key, value, app.settings.allow_http.as_deref())?;
            document.insert(&name, profile.clone());
            // The same checks as before a request: the key, the environment and the host must fit.
            if profile.key().is_some() {
                app.account_of(&name, &profile)?;
            }
            Ok::<_, Error>(ProfileRow::new(&name, document.active(), &profile))
        })?;
        app.output.print_item(&row)?;
        let (name, key) = (escape_control(&row.name), escape_control(key));
        app.output.status(&match value.trim() {
            "" => format!("Removed {key} from the profile '{name}'."),
            value => format!("Set {key} of the profile '{name}' to {}.", escape_control(value)),
        });
        Ok(ExitStatus::Success)
    }
}

/// Sets a value. Plain HTTP is allowed to `allow_http`, or else to the profile's own.
fn set_value(profile: &mut Profile, key: &str, value: &str, allow_http: Option<&str>) -> Result<(), Error> {
    let value = value.trim();
    let text = (!value.is_empty()).then(|| value.to_owned());
    let invalid = |reason: String| Error::usage(format!("{key}: {reason}"));
    match key.replace('-', "_").as_str() {
        "environment" => {
            profile.environment = <Environment as clap::ValueEnum>::from_str(value, false)
                .map_err(|_| invalid("write production, playground or local".to_owned()))?;
        }
        "username" => profile.username = text,
        "merchant_id" => profile.merchant_id = text,
        "location" => profile.location = text,
        "device" => profile.device = text,
        "currency" => {
            let currency = text.map(|code| code.parse::<Currency>()).transpose();
            profile.currency =
                currency.map_err(|error| invalid(error.to_string()))?.map(|code| code.to_string());
        }
        "if_busy" => {
            let policy = text.map(|text| <IfBusy as clap::ValueEnum>::from_str(&text, false));
            profile.if_busy =
                policy.transpose().map_err(|_| invalid("write warn, fail, wait or cancel".to_owned()))?;
        }
        "base_url" => {
            let allowed = allow_http.or(profile.allow_http.as_deref());
            let url = text.map(|url| BaseUrl::parse_allowing(&url, allowed)).transpose();
            profile.base_url = url.map_err(|error| invalid(error.to_string()))?.map(|url| url.to_string());
        }
        "allow_http" => profile.allow_http = text,
        "ledger" => {
            let location = text.as_deref().map(LedgerLocation::parse).transpose();
            location.map_err(|error| invalid(error.to_string()))?;
            profile.ledger = text;
        }
        "ledger_command" => profile.ledger_command = text,
        "completions" => {
            let parsed = text.map(|text| text.parse::<bool>()).transpose();
            profile.completions = parsed.map_err(|_| invalid("write true or false".to_owned()))?;
        }
        "api_key" | "api_key_command" => {
            return Err(Error::usage(
                "a key is never an argument, where other users of this machine could see it",
            )
            .hint("store it with `kustom login`, which checks it"));
        }
        _ => {
            let keys = "environment, username, merchant_id, location, device, currency, if_busy, base_url, allow_http, ledger, ledger_command, completions";
            return Err(
                Error::usage(format!("a profile has no key '{key}'")).hint(format!("choose from {keys}"))
            );
        }
    }
    Ok(())
}
