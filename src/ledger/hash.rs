//! Hashes of the ledger, which are stored and must not change between versions.

use sha2::{Digest as _, Sha256};

/// Detects a record that was changed by anything but kustom.
pub fn checksum(record: &str) -> String {
    to_hex(&Sha256::digest(record)[..16])
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

pub(super) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
