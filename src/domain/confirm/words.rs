//! Three words for a statement (`TWO_PERSON` 6.2): a reading check, and something two people can compare on a call.

use crate::domain::digest::Digest;

/// 2048 plain English words of 4 to 8 letters, sorted, no two alike in their first four letters; none that is rude, gloomy
/// or a trap to spell, since tired people read them to each other.
const LIST: &str = include_str!("words.txt");
/// Bits that pick one word.
const BITS_PER_WORD: u32 = 11;

/// The words of a statement, from its digest.
///
/// Shape: the first 33 bits of SHA-256 over `warroom-words@v1`, a line feed, the digest in hex and a line feed,
/// read as three numbers of 11 bits.
pub fn confirm_words(statement: Digest) -> [&'static str; 3] {
    indices(statement).map(|index| LIST.lines().nth(index).unwrap_or("missing"))
}

fn indices(statement: Digest) -> [usize; 3] {
    let text = format!("warroom-words@v1\n{}\n", statement.to_hex());
    let hash = Digest::of(text.as_bytes());
    let bits = hash
        .as_bytes()
        .iter()
        .take(5)
        .fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    // Five bytes hold 40 bits; the words take the first 33.
    [29, 18, 7].map(|shift| {
        let index = (bits >> shift) & ((1 << BITS_PER_WORD) - 1);
        usize::try_from(index).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_of_the_published_statement() {
        let digest = "sha256:91a30b53539d39a7a14547baeeb83211c1c418b7dded22bc64c8826dd304d17d";
        let digest = Digest::parse(digest).expect("valid");
        assert_eq!(indices(digest), [1439, 892, 575]);
    }

    #[test]
    fn the_list_is_the_shipped_one() {
        let words: Vec<&str> = LIST.lines().collect();
        assert_eq!(words.len(), 2048);
        let shape =
            |w: &&str| (4..=8).contains(&w.len()) && w.bytes().all(|b| b.is_ascii_lowercase());
        assert!(words.iter().all(shape));
        let starts: BTreeSet<&str> = words.iter().map(|w| w.split_at(4).0).collect();
        assert_eq!(starts.len(), 2048);
        assert_eq!(
            Digest::of(LIST.as_bytes()).to_string(),
            "sha256:6d44b9aa11ad578977168baa993c5e879cd005e20888fc8a7bf87b012961bd85"
        );
    }
}
