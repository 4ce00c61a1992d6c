use super::*;
use crate::profiles::{Environment, KeySource};
use crate::secret::ApiKey;
use proptest::prelude::*;

const FILE: &str = r#"# my tills
active = "till" # the busy one

[profiles.till]
# from the portal, 3 May
environment = "playground"
api_key = "kco_test_api_secret" # rotate in June
color = "blue"

[profiles.shop]
environment = "production"
api_key_command = "pass show kustom"
"#;

fn parse(text: &str) -> Result<Document, String> {
    Document::parse(text).map_err(|error| error.to_string())
}

#[test]
fn profiles_keep_their_order_and_unknown_keys_are_listed() {
    let document = parse(FILE).unwrap();
    assert_eq!(document.active(), Some("till"));
    let names: Vec<_> = document.profiles().map(|(name, profile)| (name, profile.environment)).collect();
    assert_eq!(names, [("till", Environment::Playground), ("shop", Environment::Production)]);
    assert!(matches!(
        document.profile("shop").unwrap().key(),
        Some(KeySource::Command(command)) if command == "pass show kustom"
    ));
    assert_eq!(document.unknown(), ["profiles.till.color"]);
}

#[test]
fn a_change_keeps_comments_and_unknown_keys() {
    let mut document = parse(FILE).unwrap();
    let mut till = document.profile("till").unwrap().clone();
    till.currency = Some("SEK".into());
    till.completions = Some(false);
    till.set_key(KeySource::Stored(ApiKey::parse("kco_test_api_new").unwrap()));
    document.insert("till", till);
    document.set_active(Some("shop"));
    let expected = FILE
        .replace("active = \"till\"", "active = \"shop\"")
        .replace("kco_test_api_secret", "kco_test_api_new")
        .replace("color = \"blue\"\n", "color = \"blue\"\ncurrency = \"SEK\"\ncompletions = false\n");
    assert_eq!(document.to_text(), expected);
}

proptest! {
    #[test]
    fn a_stored_profile_is_read_back(location in "\\PC{0,20}", command in ".{0,20}") {
        let mut document = Document::default();
        let mut profile = Profile::new(Environment::Local);
        profile.location = Some(location.clone());
        profile.set_key(KeySource::Command(command.clone()));
        document.insert("x", profile);
        let again = Document::parse(&document.to_text()).unwrap();
        let profile = again.profile("x").unwrap();
        prop_assert_eq!(profile.location.as_deref(), Some(location.as_str()));
        prop_assert!(matches!(profile.key(), Some(KeySource::Command(read)) if read == command));
    }
}
