//! An API key: how one is made, and what is kept of it.
//!
//! `imba_`, 43 random letters and digits (256 bits), and six that are the checksum of what stands before them, so that a scanner of
//! code and logs can tell a key from other text without asking. What is kept is the SHA-256: a slow hash guards passwords,
//! which can be guessed, and would only make each request slow for a secret that cannot.

use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest as _, Sha256};

/// What keys begin with.
pub const PREFIX: &str = "imba_";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62⁴³ is more than 2²⁵⁶.
const RANDOM: usize = 43;
/// 62⁶ is more than 2³².
const CHECKSUM: usize = 6;

/// What is kept of a key.
pub type Hash = [u8; 32];

/// A new key.
///
/// # Errors
/// The system has no random numbers.
pub fn generate() -> Result<String, ring::error::Unspecified> {
    let system = SystemRandom::new();
    let mut key = String::with_capacity(PREFIX.len() + RANDOM + CHECKSUM);
    key.push_str(PREFIX);
    while key.len() < PREFIX.len() + RANDOM {
        let mut bytes = [0; 64];
        system.fill(&mut bytes)?;
        // Every digit is as likely as the others: 248 is four times 62.
        let digits =
            bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(DIGITS[usize::from(byte % 62)]));
        key.extend(digits.take(PREFIX.len() + RANDOM - key.len()));
    }
    key.push_str(&checksum(&key));
    Ok(key)
}

/// Whether `text` has the form of a key, its checksum included. Scanners ask; the service looks keys up whatever their form.
#[must_use]
pub fn is_key(text: &str) -> bool {
    text.starts_with(PREFIX)
        && text.len() == PREFIX.len() + RANDOM + CHECKSUM
        && text.split_at_checked(PREFIX.len() + RANDOM).is_some_and(|(key, sum)| checksum(key) == sum)
}

fn checksum(key: &str) -> String {
    let mut rest = crc32fast::hash(key.as_bytes()) as usize;
    let mut digits = [0; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[rest % 62];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// What is kept of `key`.
#[must_use]
pub fn hash(key: &str) -> Hash {
    digest(key.as_bytes())
}

/// The SHA-256 of `bytes`.
pub(super) fn digest(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// A hash as files hold it: 64 hexadecimal digits.
#[must_use]
pub fn hex(hash: &Hash) -> String {
    use std::fmt::Write;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String does not fail: this is a bug");
        text
    })
}

/// The hash that `text` is, if it is one.
#[must_use]
pub fn unhex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_are_known_by_their_form_and_unlike_each_other() {
        let keys: HashSet<String> = (0..1000).map(|_| generate().unwrap()).collect();
        assert_eq!(keys.len(), 1000);
        for key in &keys {
            assert!(is_key(key), "{key}");
            // One block of SHA-256, whose padding takes nine bytes.
            assert!(key.len() <= 55);
            let mut other = key.clone().into_bytes();
            other[20] = if other[20] == b'a' { b'b' } else { b'a' };
            assert!(!is_key(&String::from_utf8(other).unwrap()));
        }
        for text in ["", "imba_", "imba_é", &"x".repeat(54)] {
            assert!(!is_key(text), "{text}");
        }
        let digits: String = keys.iter().map(|key| &key[PREFIX.len()..]).collect();
        assert!(DIGITS.iter().all(|digit| digits.contains(char::from(*digit))));
    }

    #[test]
    fn hashes_as_text() {
        let hash = hash("abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&hash), text);
        assert_eq!(unhex(text), Some(hash));
        assert_eq!(unhex(&text.to_uppercase()), Some(hash));
        for wrong in ["", "ba", &text.replace('b', "g"), &format!("{}é", &text[2..])] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
