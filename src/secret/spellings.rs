//! The ways in which a server, a proxy or a log may write a secret.

use std::fmt::Write as _;

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
    spellings.extend(texts(secret.as_bytes()).map(plain));
    let encoded = base64(secret.as_bytes()).map(|spelling| spelling.text);
    for inner in encoded.chain([to_hex(secret.as_bytes(), "", "")]) {
        spellings.push(plain(to_hex(inner.as_bytes(), "", "")));
        spellings.extend(base64(inner.as_bytes()));
    }
    spellings.extend(base64(secret.as_bytes()));
    let wide = |to_bytes: fn(u16) -> [u8; 2]| secret.encode_utf16().flat_map(to_bytes).collect::<Vec<_>>();
    for bytes in [wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
        spellings.push(plain(to_hex(&bytes, "", "")));
        spellings.extend(base64(&bytes));
        spellings.push(plain(String::from_utf8_lossy(&bytes)));
    }
    spellings
}

fn plain(text: impl AsRef<str>) -> Spelling {
    Spelling { text: text.as_ref().to_owned(), is_base64: false }
}

fn texts(secret: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(secret).into_owned();
    let rotate = |letter: char| match letter {
        'a'..='m' | 'A'..='M' => char::from(letter as u8 + 13),
        'n'..='z' | 'N'..='Z' => char::from(letter as u8 - 13),
        other => other,
    };
    let joined = |separator: &str, write: fn(&mut String, u8)| join(secret, separator, write);
    let decimal: fn(&mut String, u8) = |text, byte| {
        let _ = write!(text, "{byte}");
    };
    let binary: fn(&mut String, u8) = |text, byte| {
        let _ = write!(text, "{byte:08b}");
    };
    let letter: fn(&mut String, u8) = |text, byte| text.push(char::from(byte));
    [text.chars().rev().collect(), text.chars().map(rotate).collect(), base32(secret)]
        .into_iter()
        .chain(
            [
                ("", ""),
                ("", ":"),
                ("", " "),
                ("", "-"),
                ("", ", "),
                ("", ","),
                ("0x", ", "),
                ("0x", ","),
                ("0x", " "),
            ]
            .map(|(prefix, separator)| to_hex(secret, prefix, separator)),
        )
        .chain([",", ", ", " ", "-"].map(|separator| joined(separator, decimal)))
        .chain(["", " "].map(|separator| joined(separator, binary)))
        .chain([" ", "-", ".", ", ", "\",\"", "\", \""].map(|separator| joined(separator, letter)))
}

fn join(bytes: &[u8], separator: &str, write: fn(&mut String, u8)) -> String {
    let mut text = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.push_str(separator);
        }
        write(&mut text, *byte);
    }
    text
}

fn to_hex(bytes: &[u8], prefix: &str, separator: &str) -> String {
    let digits = bytes.iter().map(|byte| format!("{prefix}{byte:02x}")).collect::<Vec<_>>();
    digits.join(separator)
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
