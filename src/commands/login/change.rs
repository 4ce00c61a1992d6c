//! What becomes different when a profile is replaced.

use crate::profiles::{KeySource, Profile};

/// Said where nothing differs.
const NOTHING: &str = "nothing is different";

/// What differs, a line each; of a key only what is safe to show.
pub(super) fn between(old: &Profile, new: &Profile) -> Vec<String> {
    let Profile { environment, key, username, merchant_id, location, currency, base_url, completions } = new;
    let mut changes = Vec::new();
    let mut differs = |name: &str, before: Option<&str>, after: Option<&str>| {
        if before != after {
            let [before, after] = [before, after].map(|value| value.unwrap_or("none"));
            changes.push(format!("{name}: {before} -> {after}"));
        }
    };
    differs("environment", Some(old.environment.as_str()), Some(environment.as_str()));
    differs("username", old.username.as_deref(), username.as_deref());
    differs("merchant id", old.merchant_id.as_deref(), merchant_id.as_deref());
    differs("location", old.location.as_deref(), location.as_deref());
    differs("currency", old.currency.as_deref(), currency.as_deref());
    differs("base URL", old.base_url.as_deref(), base_url.as_deref());
    let said = |value: Option<bool>| value.map(|value| if value { "true" } else { "false" });
    differs("completions", said(old.completions), said(*completions));
    changes.extend(of_key(old.key.as_ref(), key.as_ref()));
    if changes.is_empty() {
        changes.push(NOTHING.to_owned());
    }
    changes
}

/// Whether two profiles are the same.
pub(super) fn is_same(one: &Profile, other: &Profile) -> bool {
    between(one, other) == [NOTHING]
}

fn of_key(old: Option<&KeySource>, new: Option<&KeySource>) -> Option<String> {
    let same = match (old, new) {
        (Some(KeySource::Stored(old)), Some(KeySource::Stored(new))) => old.expose() == new.expose(),
        (Some(KeySource::Command(old)), Some(KeySource::Command(new))) => old == new,
        (None, None) => true,
        _ => false,
    };
    let describe = |key: Option<&KeySource>| match key {
        Some(KeySource::Stored(key)) => key.describe().to_owned(),
        Some(KeySource::Command(command)) => format!("the output of `{command}`"),
        None => "none".to_owned(),
    };
    (!same).then(|| match (describe(old), describe(new)) {
        (old, new) if old == new => format!("API key: another one ({new})"),
        (old, new) => format!("API key: {old} -> {new}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::Environment;
    use crate::secret::ApiKey;

    fn stored(key: &str) -> KeySource {
        KeySource::Stored(ApiKey::parse(key).unwrap())
    }

    #[test]
    fn what_differs_is_told_and_no_key_is() {
        let old = Profile {
            key: Some(stored("kco_test_api_one")),
            currency: Some("SEK".into()),
            location: Some("City".into()),
            ..Profile::new(Environment::Playground)
        };
        let new = Profile { key: Some(stored("kco_test_api_two")), location: None, ..old.clone() };
        assert_eq!(
            between(&old, &new),
            ["location: City -> none", "API key: another one (a kco_test_… key)"]
        );
        assert!(!is_same(&old, &new) && is_same(&old, &old.clone()));
        let live = Profile { key: Some(stored("kco_live_api_x")), ..Profile::new(Environment::Production) };
        assert_eq!(
            between(&old, &live),
            [
                "environment: playground -> production",
                "location: City -> none",
                "currency: SEK -> none",
                "API key: a kco_test_… key -> a kco_live_… key"
            ]
        );
        assert_eq!(between(&old, &old.clone()), ["nothing is different"]);
    }
}
