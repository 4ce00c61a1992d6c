//! Which account an attempt belongs to. Pure.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::secret::ApiKey;

/// What identifies an account, whatever its profile is called. `None` means that it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountId {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The host and port of the base URL, in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The instance of an emulator, which is new for each fresh state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_id: Option<String>,
    /// See `fingerprint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_fingerprint: Option<String>,
}

impl AccountId {
    /// Whether attempts of the other account may be attempts of this one. An unknown value may be any.
    pub fn is_same(&self, other: &Self) -> bool {
        may_be_equal(self.environment.as_ref(), other.environment.as_ref())
            && self.is_same_server(other)
            && self.is_same_merchant(other)
    }

    /// An emulator may move to another port with its state, so its instance decides where it is known.
    fn is_same_server(&self, other: &Self) -> bool {
        match (&self.instance, &other.instance) {
            (Some(one), Some(other)) => one == other,
            _ => may_be_equal(self.host.as_ref(), other.host.as_ref()),
        }
    }

    fn is_same_merchant(&self, other: &Self) -> bool {
        let (Some(one), Some(another)) = (&self.merchant_id, &other.merchant_id) else { return true };
        let is_same_key = self.key_fingerprint.is_some() && self.key_fingerprint == other.key_fingerprint;
        is_same_key || one == another || normalize_merchant_id(one) == normalize_merchant_id(another)
    }
}

fn may_be_equal(one: Option<&String>, other: Option<&String>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// A merchant ID is compared without case and white space, in which it may have been corrected.
fn normalize_merchant_id(id: &str) -> String {
    id.chars().filter(|char| !char.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Identifies a key without revealing it: the beginning of a hash.
pub(crate) fn fingerprint(key: &ApiKey) -> String {
    let hash = Sha256::new().chain_update("kustom ledger\0").chain_update(key.expose()).finalize();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        AccountId {
            environment: Some("production".into()),
            host: Some("api.kustom.co".into()),
            instance: None,
            merchant_id: Some("M1".into()),
            key_fingerprint: Some("f1".into()),
        }
    }

    #[test]
    fn environment_and_host_and_the_merchant_or_the_key_identify_an_account() {
        let same = [
            account(),
            AccountId { merchant_id: Some(" m 1".into()), key_fingerprint: Some("f2".into()), ..account() },
            AccountId { merchant_id: Some("M2".into()), ..account() },
            AccountId { merchant_id: None, key_fingerprint: Some("f2".into()), ..account() },
            AccountId { host: None, key_fingerprint: None, ..account() },
            AccountId { environment: None, ..account() },
        ];
        for other in same {
            assert!(account().is_same(&other) && other.is_same(&account()), "{other:?}");
        }
        let different = [
            AccountId { merchant_id: Some("M2".into()), key_fingerprint: Some("f2".into()), ..account() },
            AccountId { merchant_id: Some("M2".into()), key_fingerprint: None, ..account() },
            AccountId { environment: Some("playground".into()), ..account() },
            AccountId { host: Some("localhost".into()), ..account() },
        ];
        for other in different {
            assert!(!account().is_same(&other) && !other.is_same(&account()), "{other:?}");
        }
    }

    #[test]
    fn an_emulator_is_its_instance_at_any_address() {
        let at = |host: &str, instance: Option<&str>| AccountId {
            host: Some(host.into()),
            instance: instance.map(str::to_owned),
            ..account()
        };
        assert!(at("localhost:1", Some("i")).is_same(&at("localhost:2", Some("i"))));
        assert!(!at("localhost:1", Some("i")).is_same(&at("localhost:1", Some("j"))));
        assert!(at("localhost:1", Some("i")).is_same(&at("localhost:1", None)));
    }

    #[test]
    fn a_fingerprint_reveals_nothing_of_the_key() {
        let key = ApiKey::parse("kco_test_api_emulator").unwrap();
        let other = ApiKey::parse("kco_test_api_emulatos").unwrap();
        assert_eq!(fingerprint(&key).len(), 16);
        assert_ne!(fingerprint(&key), fingerprint(&other));
    }
}
