//! Names of what a runner runs once: a nonce, or one try of the way back of what was run for that nonce.

use crate::domain::id::Nonce;
use std::fmt;

/// Most tries of one way back: people look after each, and nobody goes on for longer. Also what a session server in
/// the wrong hands can have of it.
pub const UNDO_TRIES_MAX: u32 = 99;
/// Between the nonce and the number of the try.
const UNDO: &str = ".undo.";

/// Names one run, for ever: what is spent, where its files are, what is asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunName {
    nonce: Nonce,
    /// Which try of the way back; 0 for the way forward.
    undo: u32,
}

impl RunName {
    /// The run that a proposal's nonce is spent for.
    pub const fn forward(nonce: Nonce) -> Self {
        Self { nonce, undo: 0 }
    }

    /// A try of its way back, from 1; none beyond [`UNDO_TRIES_MAX`].
    pub fn undo(&self, try_no: u32) -> Option<Self> {
        let fits = (1..=UNDO_TRIES_MAX).contains(&try_no);
        fits.then(|| Self {
            nonce: self.nonce.clone(),
            undo: try_no,
        })
    }

    /// The way forward that it belongs to.
    #[must_use]
    pub fn of_forward(&self) -> Self {
        Self::forward(self.nonce.clone())
    }

    /// The nonce of the proposal.
    pub const fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// Reads a name; there is one text for each.
    pub fn parse(text: &str) -> Option<Self> {
        let (nonce, undo) = match text.split_once(UNDO) {
            None => (text, 0),
            Some((nonce, number)) => (nonce, number.parse().ok().filter(|n| *n > 0)?),
        };
        let nonce = Nonce::try_from(nonce.to_owned()).ok()?;
        let name = Self { nonce, undo };
        (undo <= UNDO_TRIES_MAX && name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.undo {
            0 => write!(f, "{}", self.nonce),
            number => write!(f, "{}{UNDO}{number}", self.nonce),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_text_and_every_try_its_own() {
        let forward = RunName::forward(Nonce::from_bytes([7; 16]));
        let third = forward.undo(3).expect("within bounds");
        for name in [&forward, &third] {
            assert_eq!(RunName::parse(&name.to_string()).as_ref(), Some(name));
        }
        assert_eq!(third.of_forward(), forward);
        assert_eq!(
            (forward.undo(0), forward.undo(UNDO_TRIES_MAX + 1)),
            (None, None)
        );
        let text = forward.to_string();
        for wrong in [
            String::new(),
            format!("{text}.undo."),
            format!("{text}.undo.0"),
            format!("{text}.undo.03"),
            format!("{text}.undo.+3"),
            format!("{text}.undo.100"),
            format!("{text}.undo.1.undo.1"),
            format!("../{text}"),
        ] {
            assert_eq!(RunName::parse(&wrong), None, "{wrong}");
        }
    }
}
