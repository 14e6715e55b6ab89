//! Finds the word that was meant.

/// `did you mean ...` for the known word nearest to what was typed; empty when none is near.
pub(super) fn closest_hint<'w>(typed: &str, known: impl Iterator<Item = &'w str>) -> String {
    let near = known
        .map(|word| (edit_distance(typed, word), word))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    near.map_or_else(String::new, |(_, word)| format!("did you mean `{word}`?"))
}

/// Letters to add, remove or exchange to get from one word to the other.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            let exchanged = diagonal.saturating_add(usize::from(from != *to));
            left = exchanged.min(left.min(*above).saturating_add(1));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters() {
        assert_eq!(edit_distance("evry", "every"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("same", "same"), 0);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }
}
