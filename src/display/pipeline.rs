//! The stages in their order: decode, take out escape sequences, compose rows.

use super::Mode;
use super::compose::{Breaks, Composer};
use super::decode::{Decoder, Piece};
use super::escape::{Escapes, Token};
use super::row::Draft;

#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    decoder: Decoder,
    escapes: Escapes,
    composer: Composer,
}

impl Pipeline {
    pub(super) fn new(mode: Mode, breaks: Breaks) -> Self {
        Self {
            decoder: Decoder::default(),
            escapes: Escapes::default(),
            composer: Composer::new(mode, breaks),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Self {
            decoder,
            escapes,
            composer,
        } = self;
        decoder.push(bytes, &mut |piece: Piece<'_>| {
            escapes.push(&piece, &mut |token: Token<'_>| compose(composer, &token));
        });
    }

    pub(super) fn finish(&mut self) {
        let Self {
            decoder,
            escapes,
            composer,
        } = self;
        decoder.finish(&mut |piece: Piece<'_>| {
            escapes.push(&piece, &mut |token: Token<'_>| compose(composer, &token));
        });
        escapes.finish(&mut |token: Token<'_>| compose(composer, &token));
        composer.finish();
    }

    pub(super) fn has_rows(&self) -> bool {
        self.composer.has_rows()
    }

    pub(super) fn take_rows(&mut self) -> Vec<Draft> {
        self.composer.take_rows()
    }
}

fn compose(composer: &mut Composer, token: &Token<'_>) {
    match *token {
        Token::Text(text) => composer.text(text),
        Token::Bad(byte) => composer.bad(byte),
        Token::Sequence => composer.mark("<ESC>"),
        Token::Color(parameters) => composer.color(parameters),
        Token::Swallowed(bytes) => composer.mark(&format!("<+{bytes} bytes>")),
    }
}
