//! The ways in which a server, a proxy or a log may write a secret.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// Random parts shorter than this could be part of a word.
const MIN_RANDOM_LEN: usize = 12;

const KEY_PREFIXES: [&str; 4] = ["kco_live_api_", "kco_test_api_", "kco_live_", "kco_test_"];

pub(super) struct Spelling {
    pub text: String,
    /// Base64 goes on at both ends, when the secret is only a part of what was encoded.
    pub is_base64: bool,
}

/// The spellings of a secret, each to be found in any case.
pub(super) fn spellings(secret: &str) -> Vec<Spelling> {
    let mut spellings: Vec<_> = [secret].map(plain).into();
    // The random part alone is as secret as the key, and every spelling of the key contains one of it.
    let random = KEY_PREFIXES.iter().find_map(|prefix| secret.strip_prefix(prefix));
    let random = random.or_else(|| secret.strip_prefix(super::CALLBACK_SECRET_PREFIX));
    let secret = random.filter(|random| random.len() >= MIN_RANDOM_LEN).unwrap_or(secret);
    spellings.push(plain(secret));
    spellings.extend(texts(secret.as_bytes()).into_iter().map(plain));
    let encoded = base64(secret.as_bytes()).map(|spelling| spelling.text);
    for inner in encoded.chain([to_hex(secret.as_bytes())]) {
        spellings.push(plain(to_hex(inner.as_bytes())));
        spellings.extend(base64(inner.as_bytes()));
    }
    spellings.extend(base64(secret.as_bytes()));
    let wide = |to_bytes: fn(u16) -> [u8; 2]| secret.encode_utf16().flat_map(to_bytes).collect::<Vec<_>>();
    for bytes in [wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
        spellings.push(plain(to_hex(&bytes)));
        spellings.extend(base64(&bytes));
        spellings.push(plain(String::from_utf8_lossy(&bytes)));
    }
    spellings
}

fn plain(text: impl AsRef<str>) -> Spelling {
    Spelling { text: text.as_ref().to_owned(), is_base64: false }
}

/// Backwards, rotated, in base32, and byte by byte.
fn texts(secret: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(secret);
    let rotate = |letter: char| match letter {
        'a'..='m' | 'A'..='M' => char::from(letter as u8 + 13),
        'n'..='z' | 'N'..='Z' => char::from(letter as u8 - 13),
        other => other,
    };
    let mut texts = vec![text.chars().rev().collect(), text.chars().map(rotate).collect(), base32(secret)];
    let each = |write: fn(u8) -> String| secret.iter().copied().map(write).collect::<Vec<_>>();
    let lists: [(Vec<String>, &[&str]); 5] = [
        (each(hex), &["", ":", " ", "-", ", ", ","]),
        (each(|byte| format!("0x{byte:02x}")), &[", ", ",", " "]),
        (each(|byte| byte.to_string()), &[",", ", ", " ", "-"]),
        (each(|byte| format!("{byte:08b}")), &["", " "]),
        (each(|byte| char::from(byte).to_string()), &[" ", "-", ".", ", ", "\",\"", "\", \""]),
    ];
    for (parts, separators) in lists {
        texts.extend(separators.iter().map(|separator| parts.join(separator)));
    }
    texts
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}")
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().copied().map(hex).collect()
}

/// The base64 of the bytes at any place in a longer text. The characters at both ends depend on the neighbors.
fn base64(bytes: &[u8]) -> impl Iterator<Item = Spelling> {
    let encodings = (0..3_usize).flat_map(move |offset| {
        let padded: Vec<u8> = std::iter::repeat_n(0, offset).chain(bytes.iter().copied()).collect();
        let skipped = (offset * 8).div_ceil(6);
        let length = padded.len() * 8 / 6;
        [STANDARD.encode(&padded), URL_SAFE.encode(&padded)]
            .map(|text| text.get(skipped..length).unwrap_or_default().to_owned())
    });
    encodings.map(|text| Spelling { text, is_base64: true })
}

/// RFC 4648, without the last character and the padding.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let value = |group: &[u8]| group.iter().fold(0_usize, |value, bit| value << 1 | usize::from(*bit));
    bits.chunks_exact(5).map(|group| char::from(ALPHABET[value(group)])).collect()
}
