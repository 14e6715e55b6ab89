//! `did you mean`: the nearest of a few known words.

/// Words longer than this are no slip of the finger; it also bounds the work.
const WORD_BYTES_MAX: usize = 24;

/// The known word that is at most two slips away (one for short words).
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > WORD_BYTES_MAX {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let slips = if word.len() <= 3 { 1 } else { 2 };
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= WORD_BYTES_MAX)
        .map(|candidate| (distance(lower.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, candidate)| *distance <= slips && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The same as a hint.
pub(super) fn did_you_mean<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, known).map(|found| format!("did you mean `{found}`?"))
}

/// Edits (insert, delete, replace, swap of neighbours) between two words.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut a_previous = None;
    for (row, a_byte) in a.iter().enumerate() {
        let mut current = vec![row.saturating_add(1)];
        let mut b_previous = None;
        for (column, b_byte) in b.iter().enumerate() {
            let at = |line: &[usize], place: usize| line.get(place).copied().unwrap_or(usize::MAX);
            let replace = at(&last, column).saturating_add(usize::from(a_byte != b_byte));
            let delete = at(&last, column.saturating_add(1)).saturating_add(1);
            let insert = at(&current, column).saturating_add(1);
            let mut best = replace.min(delete).min(insert);
            if a_previous == Some(b_byte) && b_previous == Some(a_byte) && column > 0 {
                let swap = at(&before_last, column.saturating_sub(1)).saturating_add(1);
                best = best.min(swap);
            }
            current.push(best);
            b_previous = Some(b_byte);
        }
        before_last = std::mem::replace(&mut last, current);
        a_previous = Some(a_byte);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_find_the_word() {
        let known = ["run", "check", "verify", "undo"];
        for (typed, meant) in [
            ("runn", Some("run")),
            ("chekc", Some("check")),
            ("Verfy", Some("verify")),
            ("RUN", Some("run")),
            ("copy", None),
            ("title", None),
            ("r", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
    }
}
