//! What a single code point may do to a terminal or a reader.

use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

/// Class of one decoded code point. Sequences of several are judged in `compose`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Space to tilde.
    Ascii,
    /// C0 and DEL, the escape character included.
    Control,
    /// U+0080 to U+009F.
    HighControl,
    /// U+2028 and U+2029.
    Separator,
    /// Draws nothing or changes how its neighbours are drawn: shown as `<U+XXXX>`.
    Hidden,
    /// U+FE0F and U+200D: hidden, but part of emoji in program output.
    EmojiJoiner,
    /// Looks like a space and is none.
    Blank,
    /// Drawn on top of the code point before it.
    Combining,
    /// Drawn as itself.
    Plain,
}

pub(super) const EMOJI_PRESENTATION: char = '\u{FE0F}';
pub(super) const JOINER: char = '\u{200D}';

/// Class of `c` by the table of the sanitiser; general categories are those of `unicode-properties`.
pub(super) fn class_of(c: char) -> Class {
    match c {
        ' '..='~' => Class::Ascii,
        '\0'..='\u{1F}' | '\u{7F}' => Class::Control,
        '\u{80}'..='\u{9F}' => Class::HighControl,
        '\u{2028}' | '\u{2029}' => Class::Separator,
        EMOJI_PRESENTATION | JOINER => Class::EmojiJoiner,
        // A pattern of no dots: drawn like a space, though its category says symbol.
        '\u{2800}' => Class::Blank,
        _ if is_direction_control(c) || is_filler(c) => Class::Hidden,
        _ => by_category(c),
    }
}

/// Whether `c` may stand before a joiner or an emoji presentation selector. ASCII digits carry the emoji property too
/// (for key caps) and are left out: a digit must never change its looks.
pub(super) fn is_emoji(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char()
}

pub(super) fn is_combining(c: char) -> bool {
    matches!(
        c.general_category(),
        GeneralCategory::NonspacingMark
            | GeneralCategory::SpacingMark
            | GeneralCategory::EnclosingMark
    )
}

fn is_direction_control(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn is_filler(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{034F}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200D}'
            | '\u{2060}'..='\u{2064}'
            | '\u{206A}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
            // Half-width sound marks: `unicode-width` and the drawing library count their cells differently.
            | '\u{FF9E}'
            | '\u{FF9F}'
    )
}

fn by_category(c: char) -> Class {
    match c.general_category() {
        GeneralCategory::Format
        | GeneralCategory::PrivateUse
        | GeneralCategory::Unassigned
        | GeneralCategory::Surrogate
        | GeneralCategory::Control => Class::Hidden,
        GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => Class::Separator,
        GeneralCategory::SpaceSeparator => Class::Blank,
        GeneralCategory::NonspacingMark
        | GeneralCategory::SpacingMark
        | GeneralCategory::EnclosingMark => Class::Combining,
        GeneralCategory::UppercaseLetter
        | GeneralCategory::LowercaseLetter
        | GeneralCategory::TitlecaseLetter
        | GeneralCategory::ModifierLetter
        | GeneralCategory::OtherLetter
        | GeneralCategory::DecimalNumber
        | GeneralCategory::LetterNumber
        | GeneralCategory::OtherNumber
        | GeneralCategory::ConnectorPunctuation
        | GeneralCategory::DashPunctuation
        | GeneralCategory::OpenPunctuation
        | GeneralCategory::ClosePunctuation
        | GeneralCategory::InitialPunctuation
        | GeneralCategory::FinalPunctuation
        | GeneralCategory::OtherPunctuation
        | GeneralCategory::MathSymbol
        | GeneralCategory::CurrencySymbol
        | GeneralCategory::ModifierSymbol
        | GeneralCategory::OtherSymbol => Class::Plain,
    }
}
