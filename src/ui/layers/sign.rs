//! Waiting for a signature: by the agent, or by another machine whose answer is pasted here.

use super::{Outcome, WhichKey};
use crate::domain::doc::{ARMOUR_BEGIN, ARMOUR_END};
use crate::ui::canvas::Canvas;
use crate::ui::proof::{Offer, Wish, words};
use crate::ui::text::{Row, wrapped};
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

/// Longest text taken from a clipboard: a signature with what a mail program puts around it.
const PASTE_MAX: usize = 32 * 1024;

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// The agent was asked.
    Waiting,
    /// It holds several keys that can sign.
    Which(WhichKey),
    /// It did not sign.
    Failed {
        /// Why.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Another machine signs; what is pasted so far.
    Away(String),
}

/// A statement on its way to a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sign {
    wish: Wish,
    /// A one-time code would do too.
    takes_code: bool,
    stage: Stage,
}

/// What a key on it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignAct {
    /// The person leaves it.
    Stop,
    /// Wait for the signature, and ask the agent for it.
    Begin(Wish),
    /// Ask for a code that is given beside the signature.
    WithCode(Wish),
    /// Ask the agent again.
    Again(Wish),
    /// Ask it for a signature by this key.
    Chosen(Wish, Offer),
    /// Give the statement to the clipboard.
    Copy(String),
    /// This is the signature from another machine.
    Pasted(Wish, String),
    /// Type a code instead.
    Code(Wish),
}

impl Sign {
    /// Waits for the agent.
    pub(crate) const fn new(wish: Wish, takes_code: bool) -> Self {
        Self {
            wish,
            takes_code,
            stage: Stage::Waiting,
        }
    }

    /// The agent holds several keys that can sign: the person says which. `wants_touch`: a security key is what counts.
    pub(crate) fn ask_which(&mut self, offers: Vec<Offer>, wants_touch: bool) {
        if self.stage == Stage::Waiting {
            self.stage = Stage::Which(WhichKey::new(offers, wants_touch));
        }
    }

    /// What is to be signed.
    pub(crate) const fn wish(&self) -> &Wish {
        &self.wish
    }

    /// The agent did not sign.
    pub(crate) fn fail(&mut self, reason: &str, hint: &str) {
        if self.stage == Stage::Waiting {
            self.stage = Stage::Failed {
                reason: reason.to_owned(),
                hint: hint.to_owned(),
            };
        }
    }

    pub(super) fn on_key(&mut self, key: &KeyEvent) -> Option<Outcome> {
        if let Stage::Away(text) = &mut self.stage {
            match key.code {
                // A terminal that does not mark a paste types it.
                KeyCode::Char(c) if text.len() < PASTE_MAX => text.push(c),
                KeyCode::Enter => text.push('\n'),
                _ => {}
            }
            return self.taken();
        }
        let act = match (key.code, &self.stage) {
            (KeyCode::Char('a'), Stage::Failed { .. }) => {
                self.stage = Stage::Waiting;
                SignAct::Again(self.wish.clone())
            }
            (KeyCode::Char('c'), _) if self.takes_code => SignAct::Code(self.wish.clone()),
            (KeyCode::Char('d'), _) => {
                self.stage = Stage::Away(String::new());
                SignAct::Copy(self.wish.statement.clone())
            }
            (_, Stage::Which(_)) => return self.on_which(key),
            _ => return None,
        };
        Some(Outcome::Sign(Box::new(act)))
    }

    fn on_which(&mut self, key: &KeyEvent) -> Option<Outcome> {
        let Stage::Which(which) = &mut self.stage else {
            return None;
        };
        let offer = which.on_key(key)?;
        self.stage = Stage::Waiting;
        let act = SignAct::Chosen(self.wish.clone(), offer);
        Some(Outcome::Sign(Box::new(act)))
    }

    pub(super) fn on_paste(&mut self, text: &str) -> Option<Outcome> {
        let Stage::Away(pasted) = &mut self.stage else {
            return None;
        };
        if pasted.len().saturating_add(text.len()) <= PASTE_MAX {
            pasted.push_str(text);
        }
        self.taken()
    }

    /// The signature, once all of it is there.
    fn taken(&mut self) -> Option<Outcome> {
        let Stage::Away(text) = &self.stage else {
            return None;
        };
        let armour = armour_in(text)?;
        let act = SignAct::Pasted(self.wish.clone(), armour);
        Some(Outcome::Sign(Box::new(act)))
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let width = area.width.min(78);
        let inner = usize::from(width).saturating_sub(2);
        let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
        let what = self.wish.statement.lines().next().unwrap_or_default();
        let mut rows = vec![
            Row::of("sign ", canvas.of(Role::Strong)).text(what, canvas.of(Role::Strong)),
            Row::of("words: ", dim).text(&words(&self.wish.statement), canvas.of(Role::Strong)),
            Row::new(),
        ];
        match &self.stage {
            Stage::Waiting => rows.extend(wrapped(
                "waiting for your ssh-agent: touch the key, or answer the question it asks",
                inner,
                canvas.of(Role::Active),
            )),
            Stage::Which(which) => rows.extend(which.rows(canvas, inner)),
            Stage::Failed { reason, hint } => {
                rows.extend(wrapped(reason, inner, canvas.of(Role::Warn)));
                rows.extend(wrapped(&format!("hint: {hint}"), inner, text));
            }
            Stage::Away(pasted) => {
                let how = "the statement is on the clipboard. On the machine with your key: `warroom sign -`, paste it, press ctrl-d; compare the words with these; then paste what it prints here";
                rows.extend(wrapped(how, inner, text));
                let lines = pasted.lines().count().to_string();
                rows.push(Row::of("lines pasted: ", dim).text(&lines, canvas.of(Role::Strong)));
            }
        }
        rows.push(Row::new());
        rows.push(self.keys(canvas));
        let height = u16::try_from(rows.len().saturating_add(2)).unwrap_or(u16::MAX);
        let place = crate::ui::centred(area, width, height);
        pane::popup(canvas, place, Row::new(), &rows, 0);
    }

    fn keys(&self, canvas: &Canvas<'_>) -> Row {
        let (key, dim) = (canvas.of(Role::Key), canvas.of(Role::Dim));
        let mut row = Row::new();
        if matches!(self.stage, Stage::Failed { .. }) {
            row = row.fixed("a", key).fixed(" ask it again  ", dim);
        }
        if matches!(self.stage, Stage::Which(_)) {
            row = row.fixed("j k enter", key).fixed(" this key  ", dim);
        }
        if !matches!(self.stage, Stage::Away(_)) {
            row = row.fixed("d", key).fixed(" sign on another machine  ", dim);
            if self.takes_code {
                row = row.fixed("c", key).fixed(" type a code  ", dim);
            }
        }
        row.fixed("esc", key).fixed(" leave it unsigned", dim)
    }
}

/// The armour within a text, lines as `ssh-keygen` ends them.
fn armour_in(text: &str) -> Option<String> {
    let from = text.find(ARMOUR_BEGIN)?;
    let rest = text.get(from..)?;
    let to = rest.find(ARMOUR_END)?.saturating_add(ARMOUR_END.len());
    let lines = rest.get(..to)?.lines().map(str::trim);
    let mut armour = lines.collect::<Vec<_>>().join("\n");
    armour.push('\n');
    armour.is_ascii().then_some(armour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::Command;
    use crate::ui::proof::Then;
    use crossterm::event::KeyModifiers;

    fn sign() -> Sign {
        let statement = "warroom-confirm@v1\n".to_owned();
        let then = Then::Ask(Command::confirm(statement.clone()));
        Sign::new(Wish { statement, then }, false)
    }

    fn press(sign: &mut Sign, c: char) -> Option<Outcome> {
        sign.on_key(&KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))
    }

    #[test]
    fn what_another_machine_signed_is_found_in_what_is_pasted() {
        let mut sign = sign();
        assert_eq!(press(&mut sign, 'c'), None, "no codes here");
        assert!(press(&mut sign, 'd').is_some());
        assert_eq!(
            sign.on_paste("> quoted\r\n-----BEGIN SSH SIGNATURE-----\r\nAAAA\r\n"),
            None
        );
        let done = sign.on_paste("-----END SSH SIGNATURE-----\r\nbye");
        let Some(Outcome::Sign(act)) = done else {
            panic!("it is whole: {done:?}");
        };
        let expected =
            "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n".to_owned();
        assert!(matches!(*act, SignAct::Pasted(_, armour) if armour == expected));
    }

    #[test]
    fn an_agent_that_refused_can_be_asked_again() {
        let mut sign = sign();
        assert_eq!(press(&mut sign, 'a'), None, "it is being asked");
        sign.fail("refused", "unlock it");
        assert!(press(&mut sign, 'a').is_some());
        assert_eq!(sign.stage, Stage::Waiting);
    }
}
