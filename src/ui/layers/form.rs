//! Several lines of input under a list of what they will do: whatever wakes or silences somebody is shown before it is
//! sent.

use super::Outcome;
use super::input::Input;
use crate::domain::id::ConnectorName;
use crate::domain::write::{Deed, Urgency};
use crate::ui::canvas::Canvas;
use crate::ui::text::{Row, wrapped};
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crate::ui::words;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

/// What a form is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Draft {
    /// Page by this connector.
    Page(ConnectorName),
    /// Mute these components by these connectors.
    Mute {
        /// Connectors that take labels are among them.
        connectors: Vec<ConnectorName>,
        /// Names of components.
        components: Vec<String>,
    },
    /// Write under this incident.
    Note(ConnectorName, String),
    /// Write a journal entry under this component.
    Record(ConnectorName, String),
    /// Set the status of this component.
    SetStatus(ConnectorName, String),
    /// Write a mark on dashboards.
    Annotate(ConnectorName),
}

impl Draft {
    /// What these texts come to; nothing where more is needed for it than texts.
    pub(crate) fn deed(&self, texts: &[String]) -> Option<(&ConnectorName, Deed)> {
        let text = |at: usize| texts.get(at).cloned().unwrap_or_default();
        Some(match self {
            Self::Page(connector) => {
                let deed = Deed::Page {
                    summary: text(0),
                    details: text(1),
                    component: text(2),
                    urgency: match text(3).as_str() {
                        "low" => Urgency::Low,
                        _ => Urgency::High,
                    },
                };
                (connector, deed)
            }
            Self::Mute { .. } => return None,
            Self::Note(connector, reference) => {
                let (reference, text) = (reference.clone(), text(0));
                (connector, Deed::Note { reference, text })
            }
            Self::Record(connector, component) => {
                let (component, text) = (component.clone(), text(0));
                (connector, Deed::Record { component, text })
            }
            Self::SetStatus(connector, component) => {
                let (component, status) = (component.clone(), text(0));
                (connector, Deed::SetStatus { component, status })
            }
            Self::Annotate(connector) => {
                let tags = text(1);
                let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
                let (text, tags) = (text(0), tags.map(str::to_owned).collect());
                (connector, Deed::Annotate { text, tags })
            }
        })
    }

    /// What is going to be written with these texts, and by whom, in words; absent where the form says it already.
    fn preview(&self, texts: &[String]) -> Option<String> {
        let is_shown = matches!(
            self,
            Self::Record(..) | Self::SetStatus(..) | Self::Annotate(_)
        );
        let (connector, deed) = self.deed(texts).filter(|_| is_shown)?;
        Some(format!("`{connector}` will {}", words::write::deed(&deed)))
    }
}

/// What one field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    /// Typed text.
    Line(Input),
    /// One of some words, the next one with each space.
    OneOf(&'static [&'static str], usize),
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    label: &'static str,
    value: Value,
    needed: bool,
}

impl Field {
    /// A line that may stay empty.
    pub(crate) fn line(label: &'static str) -> Self {
        Self {
            label,
            value: Value::Line(Input::default()),
            needed: false,
        }
    }

    /// A line that must say something.
    pub(crate) fn needed(label: &'static str) -> Self {
        Self {
            needed: true,
            ..Self::line(label)
        }
    }

    /// One of these words, the first one at first.
    pub(crate) fn one_of(label: &'static str, words: &'static [&'static str]) -> Self {
        Self {
            value: Value::OneOf(words, 0),
            ..Self::line(label)
        }
    }

    /// The same with a text to begin with.
    pub(crate) fn with(mut self, text: &str) -> Self {
        if let Value::Line(input) = &mut self.value {
            input.on_paste(text);
        }
        self
    }

    fn text(&self) -> String {
        match &self.value {
            Value::Line(input) => input.as_str().trim().to_owned(),
            Value::OneOf(words, at) => words.get(*at).copied().unwrap_or_default().to_owned(),
        }
    }

    fn on_key(&mut self, key: &KeyEvent) -> bool {
        match &mut self.value {
            Value::Line(input) => input.on_key(key),
            Value::OneOf(words, at) => {
                let is_next = matches!(
                    key.code,
                    KeyCode::Char(' ') | KeyCode::Left | KeyCode::Right
                );
                if is_next {
                    *at = at.saturating_add(1).checked_rem(words.len()).unwrap_or(0);
                }
                is_next
            }
        }
    }
}

/// Fields being filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    draft: Draft,
    title: String,
    /// What will be done, one line each.
    about: Vec<String>,
    fields: Vec<Field>,
    at: usize,
    complaint: &'static str,
}

impl Form {
    /// Asks for `fields`.
    pub(crate) fn new(
        draft: Draft,
        title: impl Into<String>,
        about: Vec<String>,
        fields: Vec<Field>,
    ) -> Self {
        Self {
            draft,
            title: title.into(),
            about,
            fields,
            at: 0,
            complaint: "",
        }
    }

    pub(super) fn on_key(&mut self, key: &KeyEvent) -> Option<Outcome> {
        let last = self.fields.len().saturating_sub(1);
        match key.code {
            KeyCode::Enter if self.at >= last => return self.send(),
            KeyCode::Enter | KeyCode::Tab | KeyCode::Down => {
                self.at = self.at.saturating_add(1).min(last);
            }
            KeyCode::BackTab | KeyCode::Up => self.at = self.at.saturating_sub(1),
            _ => {
                let field = self.fields.get_mut(self.at);
                if field.is_some_and(|field| field.on_key(key)) {
                    self.complaint = "";
                }
            }
        }
        None
    }

    fn texts(&self) -> Vec<String> {
        self.fields.iter().map(Field::text).collect()
    }

    fn send(&mut self) -> Option<Outcome> {
        let is_missing = |field: &Field| field.needed && field.text().is_empty();
        if let Some(missing) = self.fields.iter().position(is_missing) {
            self.at = missing;
            self.complaint = "this must say something";
            return None;
        }
        let texts = self.texts();
        Some(Outcome::Filled(Box::new(self.draft.clone()), texts))
    }

    pub(super) fn on_paste(&mut self, text: &str) {
        let field = self.fields.get_mut(self.at);
        if let Some(Value::Line(input)) = field.map(|field| &mut field.value) {
            input.on_paste(text);
        }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let width = area.width.min(90);
        let inner = usize::from(width).saturating_sub(2);
        let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
        let mut fields = self.field_rows(canvas, inner);
        if let Some(preview) = self.draft.preview(&self.texts()) {
            fields.push(Row::new());
            fields.extend(wrapped(&preview, inner, canvas.of(Role::Strong)));
        }
        let title = wrapped(&self.title, inner, canvas.of(Role::Strong));
        // Fields and keys are always on screen; of a long list of what will be done, its length is.
        let fixed = fields.len().saturating_add(title.len()).saturating_add(5);
        let room = usize::from(area.height).saturating_sub(fixed).max(1);
        let about = self.about.iter().flat_map(|line| {
            let rows = wrapped(line, inner.saturating_sub(2), text);
            rows.into_iter().map(|row| Row::of("  ", text).row(row))
        });
        let about: Vec<Row> = about.collect();
        let over = about.len().saturating_sub(room);
        let shown = if over > 0 {
            room.saturating_sub(1)
        } else {
            room
        };
        let hidden = about.len().saturating_sub(shown);
        let mut rows = title;
        rows.extend(about.into_iter().take(shown));
        if over > 0 {
            rows.push(Row::new().text(&format!("  and {hidden} more lines"), dim));
        }
        rows.push(Row::new());
        rows.extend(fields);
        rows.push(if self.complaint.is_empty() {
            let keys = "tab moves, space changes a word, enter on the last line sends, esc leaves";
            Row::of(keys, dim)
        } else {
            Row::of(self.complaint, canvas.of(Role::Warn))
        });
        let height = u16::try_from(rows.len().saturating_add(2)).unwrap_or(u16::MAX);
        let place = crate::ui::centred(area, width, height);
        pane::popup(canvas, place, Row::new(), &rows, 0);
    }

    fn field_rows(&self, canvas: &Canvas<'_>, width: usize) -> Vec<Row> {
        let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
        let labels = self.fields.iter().map(|field| field.label.len());
        let label_cells = labels.max().unwrap_or(0).saturating_add(1);
        let fields = self.fields.iter().enumerate().map(|(at, field)| {
            let is_here = at == self.at;
            let sign = if is_here {
                Row::of(canvas.look().glyphs.cursor, canvas.of(Role::Key))
            } else {
                Row::of(" ", dim)
            };
            let label = Row::of(field.label, dim).filled(label_cells, canvas.signs());
            let row = sign.fixed(" ", dim).row(label);
            match &field.value {
                Value::Line(input) if is_here => {
                    let room = width.saturating_sub(row.width());
                    row.row(input.row(canvas, room))
                }
                Value::Line(input) => row.text(input.as_str(), text),
                Value::OneOf(words, at) => {
                    let word = words.get(*at).copied().unwrap_or_default();
                    row.fixed(word, canvas.of(Role::Strong))
                }
            }
        });
        fields.collect()
    }
}
