use super::*;
use crate::output::{ColorWhen, Format, OutputOptions};
use crate::secret::Secret;
use crate::settings::{DirectorySettings, EnvVars, Paths, Shadow};

fn settings(profile: Option<&str>, variables: EnvVars) -> Settings {
    let output = OutputOptions {
        format: Format::Table,
        columns: None,
        no_header: false,
        jq: None,
        quiet: false,
        verbosity: 0,
        color: ColorWhen::Never,
        no_input: true,
        yes: false,
        pager: None,
        profile: None,
    };
    let paths = Paths { profiles: "p".into(), state: "s".into() };
    let directory = DirectorySettings::default();
    Settings {
        output,
        timeout: None,
        allow_http: None,
        profile: profile.map(str::to_owned),
        variables,
        directory,
        paths,
    }
}

fn key(text: &str) -> EnvVars {
    EnvVars { api_key: Some(Secret::new(text)), ..EnvVars::default() }
}

fn resolve(profile: Option<&str>, variables: EnvVars, file: &str) -> Result<Account, Error> {
    Account::resolve(&settings(profile, variables), &Document::parse(file).unwrap())
}

const TILL: &str = "active = 'till'\n[profiles.till]\nenvironment = 'playground'\napi_key = 'kco_test_api_x'\n\
                    username = 'u'\nmerchant_id = 'm'\n";

#[test]
fn a_variable_shadows_the_profile_and_both_are_listed() {
    let variables = EnvVars { merchant_id: Some("other".into()), ..key("kco_test_api_env") };
    let account = resolve(None, variables, TILL).unwrap();
    let merchant = account.merchant_id.unwrap();
    assert_eq!(
        (merchant.value.as_str(), &merchant.source),
        ("other", &Source::Variable("KUSTOM_MERCHANT_ID"))
    );
    let shadow = |value: &str| Shadow { source: Source::Profile("till".into()), value: value.to_owned() };
    assert_eq!(merchant.shadows, [shadow("m")]);
    assert_eq!(account.key.shadows, [shadow("a kco_test_… key")]);
    assert!(account.username.is_none(), "a username belongs to its own key");
}

#[test]
fn flag_before_variable_before_active_profile() {
    let variables = EnvVars { profile: Some("till".into()), ..EnvVars::default() };
    let account = resolve(Some("local"), variables, TILL).unwrap();
    let profile = account.profile.unwrap();
    assert_eq!((profile.value.as_str(), &profile.source), ("local", &Source::Flag("--profile")));
    assert_eq!(profile.shadows.len(), 2);
}

#[test]
fn local_is_never_chosen_silently() {
    assert_eq!(resolve(None, EnvVars::default(), "").unwrap_err().kind, ErrorKind::Credentials);
}

#[test]
fn local_in_this_process_does_not_use_the_environments_key() {
    let account = resolve(Some("local"), key("kco_live_api_x"), "").unwrap();
    assert!(matches!(account.endpoint, Endpoint::InProcess));
    assert_eq!(account.ignored, ["KUSTOM_API_KEY"]);
}

#[test]
fn a_key_with_a_base_url_needs_no_profile() {
    let with = |text, url: &str| {
        let variables = EnvVars { base_url: Some(url.into()), ..key(text) };
        resolve(None, variables, "").map(|account| account.environment.value).map_err(|error| error.kind)
    };
    assert_eq!(with("kco_test_api_x", "http://127.0.0.1:1"), Ok(Environment::Playground));
    assert_eq!(with("legacy", "http://127.0.0.1:1"), Ok(Environment::Local));
    assert_eq!(with("legacy", "https://proxy.example"), Ok(Environment::Production));
    assert_eq!(with("legacy", "https://api.playground.kustom.co"), Ok(Environment::Playground));
    assert_eq!(with("kco_test_api_x", "https://api.kustom.co"), Err(ErrorKind::Credentials));
    assert_eq!(with("kco_live_api_x", "https://api.playground.kustom.co"), Err(ErrorKind::Credentials));
    assert_eq!(with("kco_test_api_x", "http://proxy.example"), Err(ErrorKind::Usage));
    assert_eq!(resolve(None, key("legacy"), "").unwrap_err().kind, ErrorKind::Usage);
}

#[test]
fn keys_stay_in_their_environment() {
    let file = |environment: &str, key: &str| {
        format!(
            "[profiles.p]\nenvironment = '{environment}'\napi_key = '{key}'\nbase_url = 'https://p.example'\n"
        )
    };
    for (environment, key, fits) in [
        ("production", "kco_live_x", true),
        ("production", "kco_test_x", false),
        ("playground", "kco_live_x", false),
        ("playground", "kco_test_x", true),
        ("local", "kco_live_x", false),
        ("production", "legacy", true),
    ] {
        let result = resolve(Some("p"), EnvVars::default(), &file(environment, key));
        assert_eq!(result.is_ok(), fits, "{environment} {key}");
    }
}

#[test]
fn a_documented_host_cannot_be_used_for_another_environment() {
    let variables = EnvVars { base_url: Some("https://api.kustom.co".into()), ..EnvVars::default() };
    let error = resolve(Some("till"), variables, TILL).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert!(error.message.contains("KUSTOM_BASE_URL"), "{}", error.message);
}

#[test]
fn an_unknown_profile_lists_the_known_ones() {
    let error = resolve(Some("tlil"), EnvVars::default(), TILL).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Usage);
    assert_eq!(error.message, "there is no profile 'tlil' (from --profile)");
    assert_eq!(error.hints, ["the profiles are: till, local"]);
}
