//! Hashes of the ledger, which are stored and must not change between versions.

use sha2::{Digest as _, Sha256};

/// Detects a record that was changed by anything but kustom.
pub fn checksum(record: &str) -> String {
    let digits = Sha256::digest(record).into_iter().take(16).flat_map(|byte| [byte >> 4, byte & 0xf]);
    // A report verifies a checksum for each sale, and formatting would take as long as hashing.
    digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
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
