//! Words that pretend: letters of several scripts in one word, or foreign letters that look like ASCII.
//!
//! Source: Unicode Technical Standard 39, sections 4 (confusables) and 5.1, 5.2 (mixed scripts, "highly restrictive").

use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::skeleton;

use super::class::is_combining;

/// Longest word judged as one, in code points. Longer than any DNS label (63); a longer run is judged in parts, so
/// that the marked form stays far below a row.
pub(super) const WORD_CHARS_MAX: usize = 64;

/// Whether `c` belongs to a word. Points, dashes and underscores part the words of a name: `db-сервер` mixes nothing.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining(c)
}

/// Whether `word`, right after a backslash, ends one of our own marks (`\n`, `\t`, `\x0D`). The letters of a mark do not
/// mix with the word behind it.
pub(super) fn is_escape(word: &str) -> bool {
    match word.as_bytes() {
        [b'n' | b't'] => true,
        [b'x', high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    }
}

/// What stands before a word that pretends: the mark and the word in ASCII. `None` for an honest word.
pub(super) fn warning(word: &str) -> Option<String> {
    if word.is_ascii() || !(is_mixed(word) || is_confusable(word)) {
        return None;
    }
    let mut out = String::from("<mixed>(");
    for c in word.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.push_str(&code_point(c));
        }
    }
    out.push(')');
    Some(out)
}

/// `<U+202E>`: how a code point is spelled out.
pub(super) fn code_point(c: char) -> String {
    format!("<U+{:04X}>", u32::from(c))
}

/// Neither one script nor Latin with one East Asian writing system, as product names there are written.
fn is_mixed(word: &str) -> bool {
    let mut all = AugmentedScriptSet::default();
    let mut foreign = AugmentedScriptSet::default();
    let latin = AugmentedScriptSet::for_char('a').base;
    for c in word.chars() {
        let set = AugmentedScriptSet::for_char(c);
        all.intersect_with(set);
        if !set.is_all() && set.base.intersection(latin).is_empty() {
            foreign.intersect_with(set);
        }
    }
    all.is_empty() && !(foreign.jpan || foreign.hanb || foreign.kore)
}

/// Every letter outside ASCII looks like ASCII, so the whole word does. The two ligatures are letters of living Latin
/// alphabets and are told apart at sight.
fn is_confusable(word: &str) -> bool {
    !word.contains(['æ', 'œ', 'Æ', 'Œ']) && skeleton(word).all(|c| c.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(warning(word).as_deref(), expected, "{word:?}");
    }

    #[test]
    fn words_that_pretend_are_spelled_out_and_honest_ones_are_not() {
        check("paypal", None);
        check("p\u{430}ypal", Some("<mixed>(p<U+0430>ypal)"));
        // All Cyrillic, all look-alikes.
        check(
            "\u{441}\u{43E}\u{440}",
            Some("<mixed>(<U+0441><U+043E><U+0440>)"),
        );
        check("\u{FF52}\u{FF4D}", Some("<mixed>(<U+FF52><U+FF4D>)"));
        check("\u{1D5EE}bc", Some("<mixed>(<U+1D5EE>bc)"));
        check("\u{3B4}b", Some("<mixed>(<U+03B4>b)"));
        check("сервер", None);
        check("müller", None);
        check("Kjær", None);
        check("Ελλάδα", None);
        check("東京", None);
        check("データ", None);
        check("Tシャツ", None);
        check("서울", None);
        check("µs", None);
        check("10µs", None);
    }
}
