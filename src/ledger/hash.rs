//! Hashes of the ledger, which are stored and must not change between versions.

use sha2::{Digest as _, Sha256};

/// Detects a record that was changed by anything but kustom.
pub fn checksum(record: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(record)[..16]);
    format!("{:032x}", u128::from_be_bytes(bytes))
}

pub(super) fn hash_of(parts: &[&str]) -> i64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.finalize()[..8]);
    i64::from_le_bytes(bytes)
}
