//! Names that AWS invents: key ids, user ids, secrets. Always the same for the same seed.

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";

/// `AKIA` and 16 characters.
pub(crate) fn key_id(seed: u64) -> String {
    spell("AKIA", 16, ALPHABET, seed)
}

/// `ASIA` and 16 characters.
pub(crate) fn session_key_id(seed: u64) -> String {
    spell("ASIA", 16, ALPHABET, seed)
}

/// `AIDA` and 17 characters.
pub(crate) fn user_id(seed: u64) -> String {
    spell("AIDA", 17, ALPHABET, seed)
}

/// `AROA` and 17 characters.
pub(crate) fn role_id(seed: u64) -> String {
    spell("AROA", 17, ALPHABET, seed)
}

/// 40 characters.
pub(crate) fn secret(seed: u64) -> String {
    spell("", 40, SECRET, seed)
}

/// The form of a UUID, as in request ids.
pub(crate) fn request_id(seed: u64) -> String {
    let (high, low) = (mix(seed), mix(seed ^ 0x5555));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

/// A seed from words (FNV-1a).
pub(crate) fn seed_of(words: &[&str]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn spell(prefix: &str, length: u64, alphabet: &[u8], seed: u64) -> String {
    let letter = |position: u64| {
        let drawn = mix(mix(seed).wrapping_add(position)) % alphabet.len() as u64;
        alphabet.get(usize::try_from(drawn).unwrap_or_default()).map_or('A', |byte| char::from(*byte))
    };
    prefix.chars().chain((0..length).map(letter)).collect()
}

/// One step of splitmix64.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_lengths_of_the_live_ones() {
        assert_eq!(key_id(7).len(), 20);
        assert_eq!(user_id(7).len(), 21);
        assert_eq!(secret(7).len(), 40);
        assert_eq!(request_id(7).len(), 36);
        assert_ne!(key_id(7), key_id(8));
        assert_eq!(key_id(7), key_id(7));
    }
}
