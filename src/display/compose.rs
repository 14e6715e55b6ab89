//! Graphemes, width and rows: decides for each code point, in its surroundings, what is drawn.
//!
//! Works on one grapheme cluster at a time (`pending`), because whether a joiner or a combining mark is honest depends on
//! what follows. The segmentation is that of `unicode-segmentation`, which the drawing library uses as well, so a
//! cluster here is a cell there.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::Mode;
use super::class::{Class, EMOJI_PRESENTATION, JOINER, class_of, is_emoji};
use super::row::{Draft, RowBuilder, RowEnd};
use super::style::LogStyle;
use super::words::{self, code_point};

/// Combining marks drawn on one base: the most that common orthographies need.
const MARKS_PER_BASE_MAX: usize = 2;

/// Code points in one cluster. The longest emoji sequence in use has ten.
const CLUSTER_CHARS_MAX: usize = 12;

/// Cells of one cluster. Conjuncts of Indic scripts reach four; more is a construction.
const CLUSTER_CELLS_MAX: usize = 4;

/// Rows shown of one line that a program keeps rewriting. A progress bar leaves this trace and its last state; the
/// rest is counted in the row that ends the line (`<+96 rewrites>`).
const REWRITES_SHOWN_MAX: usize = 4;

/// Width of a tab stop, as on every terminal.
const TAB_CELLS: usize = 8;

/// What a line feed does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breaks {
    /// Ends the row.
    Rows,
    /// Is shown as `\n`.
    Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Base {
    /// Nothing a combining mark could sit on.
    #[default]
    None,
    /// So many marks sit on the current base.
    Marks(usize),
    /// A mark was refused and spelled out; so many more have followed it.
    Refused(usize),
}

/// Builds rows from text that is free of escape sequences.
#[derive(Debug, Clone)]
pub(super) struct Composer {
    mode: Mode,
    breaks: Breaks,
    row: RowBuilder,
    /// Cluster that may still grow, with the looks it began with.
    pending: String,
    pending_style: LogStyle,
    base: Base,
    /// Word that is judged when it ends ([`Mode::Name`] only).
    word: String,
    word_chars: usize,
    word_cells: usize,
    style: LogStyle,
    carriage_return: bool,
    rewrites: usize,
    done: Vec<Draft>,
}

impl Composer {
    pub(super) fn new(mode: Mode, breaks: Breaks) -> Self {
        Self {
            mode,
            breaks,
            row: RowBuilder::default(),
            pending: String::new(),
            pending_style: LogStyle::default(),
            base: Base::None,
            word: String::new(),
            word_chars: 0,
            word_cells: 0,
            style: LogStyle::default(),
            carriage_return: false,
            rewrites: 0,
            done: Vec::new(),
        }
    }

    pub(super) fn has_rows(&self) -> bool {
        !self.done.is_empty()
    }

    pub(super) fn take_rows(&mut self) -> Vec<Draft> {
        std::mem::take(&mut self.done)
    }

    pub(super) fn text(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let printable = rest
                .bytes()
                .take_while(|byte| matches!(byte, b' '..=b'~'))
                .count();
            let (run, tail) = rest.split_at_checked(printable).unwrap_or((rest, ""));
            if !run.is_empty() {
                self.ascii(run);
            }
            let mut chars = tail.chars();
            if let Some(c) = chars.next() {
                self.other(c);
            }
            rest = chars.as_str();
        }
    }

    /// A byte that is not UTF-8.
    pub(super) fn bad(&mut self, byte: u8) {
        self.mark(&format!("\\x{byte:02X}"));
    }

    /// Spells out something that is not drawn.
    pub(super) fn mark(&mut self, mark: &str) {
        self.settle_carriage_return();
        self.flush();
        self.push(mark, mark.len(), LogStyle::MARK);
    }

    /// A colour sequence: changes the looks of what follows, marks it in the modes that have no looks.
    pub(super) fn color(&mut self, parameters: &str) {
        if self.mode == Mode::Log {
            self.style.apply(parameters);
        } else {
            self.mark("<ESC>");
        }
    }

    /// Ends the text: the last row is done unless it is empty.
    pub(super) fn finish(&mut self) {
        self.flush();
        let end = if std::mem::take(&mut self.carriage_return) && !self.row.is_empty() {
            self.push("<CR>", 4, LogStyle::MARK);
            RowEnd::Rewritten
        } else {
            RowEnd::Unfinished
        };
        self.count_rewrites();
        if !self.row.is_empty() {
            self.done.push(self.row.take(end));
        }
    }

    fn ascii(&mut self, run: &str) {
        self.settle_carriage_return();
        if self.mode == Mode::Name {
            for c in run.chars() {
                self.begin_cluster(c);
            }
        } else {
            // All but the last are clusters for sure; a combining mark may still come for the last.
            let (all_but_last, last) = run
                .split_at_checked(run.len().saturating_sub(1))
                .unwrap_or(("", run));
            if !all_but_last.is_empty() {
                self.flush();
                self.push_ascii(all_but_last);
            }
            last.chars().for_each(|c| self.begin_cluster(c));
        }
        if run.ends_with(' ') {
            self.base = Base::None;
        }
    }

    fn other(&mut self, c: char) {
        match c {
            '\n' if self.breaks == Breaks::Rows => {
                self.carriage_return = false;
                self.end_row(RowEnd::LineFeed, "");
                return;
            }
            '\r' if self.mode == Mode::Log => {
                self.carriage_return = true;
                return;
            }
            _ => self.settle_carriage_return(),
        }
        let log = self.mode == Mode::Log;
        match class_of(c) {
            Class::Combining if attaches(c) => self.combining(c),
            // Combining in name only: some spacing vowel signs take a cell of their own.
            Class::Ascii | Class::Plain | Class::Combining => self.plain(c),
            Class::Control if log => self.log_control(c),
            Class::Control => self.control(c),
            Class::HighControl if log && c == '\u{85}' => {
                self.end_row(RowEnd::Separator, &code_point(c));
            }
            Class::Separator if log => self.end_row(RowEnd::Separator, &code_point(c)),
            Class::EmojiJoiner if log && self.takes_joiner() => self.pending.push(c),
            Class::Blank if log => {
                self.flush();
                self.push(" ", 1, self.style);
            }
            Class::HighControl
            | Class::Separator
            | Class::EmojiJoiner
            | Class::Blank
            | Class::Hidden => {
                self.mark(&code_point(c));
            }
        }
    }

    fn control(&mut self, c: char) {
        match c {
            '\t' => self.mark("\\t"),
            '\n' => self.mark("\\n"),
            _ => self.mark(&format!("\\x{:02X}", u32::from(c))),
        }
    }

    fn log_control(&mut self, c: char) {
        match c {
            '\t' => {
                self.flush();
                let cells = TAB_CELLS - self.row.cells() % TAB_CELLS;
                self.push(&" ".repeat(cells), cells, self.style);
            }
            '\u{08}' => self.rewrite("<BS>"),
            '\u{7F}' => self.mark("^?"),
            // NUL is `^@`, and so on in ASCII order.
            _ => {
                let letter =
                    u8::try_from(u32::from(c)).map_or('?', |code| char::from((code & 0x1F) | 0x40));
                self.mark(&format!("^{letter}"));
            }
        }
    }

    fn plain(&mut self, c: char) {
        // Skin tones and a few vowels attach to anything: without a base of their own kind they would change the looks
        // of ASCII, or of a mark.
        let has_own_base = self.pending.starts_with(|first: char| !first.is_ascii());
        if !has_own_base && attaches(c) {
            self.mark(&code_point(c));
        } else if !self.joins(c) {
            self.begin_cluster(c);
        } else if self.has_room() {
            self.pending.push(c);
            self.base = Base::Marks(0);
        } else {
            self.mark(&code_point(c));
        }
    }

    fn combining(&mut self, c: char) {
        match self.base {
            Base::Refused(more) => self.base = Base::Refused(more.saturating_add(1)),
            Base::Marks(count) if count < MARKS_PER_BASE_MAX && self.has_room() => {
                self.pending.push(c);
                self.base = Base::Marks(count.saturating_add(1));
            }
            Base::None | Base::Marks(_) => {
                self.mark(&code_point(c));
                self.base = Base::Refused(0);
            }
        }
    }

    fn has_room(&self) -> bool {
        self.pending.chars().count() < CLUSTER_CHARS_MAX
    }

    fn begin_cluster(&mut self, c: char) {
        self.commit();
        self.refuse_end();
        self.pending.push(c);
        self.pending_style = self.style;
        self.base = Base::Marks(0);
    }

    /// Whether `c` would be drawn in the cell of the pending cluster.
    fn joins(&mut self, c: char) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        self.pending.push(c);
        let joined = self.pending.graphemes(true).nth(1).is_none();
        self.pending.pop();
        joined
    }

    fn takes_joiner(&self) -> bool {
        self.has_room()
            && self.pending.chars().next().is_some_and(is_emoji)
            && self
                .pending
                .chars()
                .last()
                .is_some_and(|last| last != JOINER)
    }

    /// Everything that was held back goes to the row.
    fn flush(&mut self) {
        self.commit();
        self.flush_word();
        self.refuse_end();
        self.base = Base::None;
    }

    /// The rest of a run of refused combining marks.
    fn refuse_end(&mut self) {
        if let Base::Refused(more) = self.base {
            self.base = Base::None;
            if more > 0 {
                let mark = format!("<+{more}>");
                self.flush_word();
                self.push(&mark, mark.len(), LogStyle::MARK);
            }
        }
    }

    /// The pending cluster is complete: it is drawn if it is honest, spelled out if not.
    fn commit(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let cluster = std::mem::take(&mut self.pending);
        let style = self.pending_style;
        let has_joiner = cluster.contains([EMOJI_PRESENTATION, JOINER]);
        if has_joiner && !is_known_emoji(&cluster) {
            self.commit_pieces(&cluster, style);
        } else if is_drawable(&cluster) {
            self.place(&cluster, style);
        } else {
            self.spell_out(&cluster, style);
        }
    }

    /// A cluster held together by joiners that do not belong there.
    fn commit_pieces(&mut self, cluster: &str, style: LogStyle) {
        for piece in cluster.split_inclusive([EMOJI_PRESENTATION, JOINER]) {
            let body = piece.trim_end_matches([EMOJI_PRESENTATION, JOINER]);
            if !body.is_empty() {
                if is_drawable(body) && !body.starts_with(attaches) {
                    self.place(body, style);
                } else {
                    self.spell_out(body, style);
                }
            }
            for joiner in piece
                .chars()
                .rev()
                .take_while(|c| matches!(*c, EMOJI_PRESENTATION | JOINER))
            {
                self.spell(joiner);
            }
        }
    }

    fn spell_out(&mut self, cluster: &str, style: LogStyle) {
        for c in cluster.chars() {
            if c.is_ascii() {
                self.place(c.encode_utf8(&mut [0; 4]), style);
            } else {
                self.spell(c);
            }
        }
    }

    fn spell(&mut self, c: char) {
        let mark = code_point(c);
        self.flush_word();
        self.push(&mark, mark.len(), LogStyle::MARK);
    }

    /// One honest cluster, on its way through the word it may belong to.
    fn place(&mut self, cluster: &str, style: LogStyle) {
        let cells = if cluster.len() == 1 {
            1
        } else {
            cluster.width()
        };
        if self.mode == Mode::Name && cluster.starts_with(words::is_word) {
            let chars = cluster.chars().count();
            let full = self.word_chars.saturating_add(chars) > words::WORD_CHARS_MAX;
            if full || (words::is_escape(&self.word) && self.row.ends_with("\\")) {
                self.flush_word();
            }
            self.word.push_str(cluster);
            self.word_chars = self.word_chars.saturating_add(chars);
            self.word_cells = self.word_cells.saturating_add(cells);
            return;
        }
        self.flush_word();
        self.push(cluster, cells, style);
    }

    fn flush_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.word);
        let cells = std::mem::take(&mut self.word_cells);
        self.word_chars = 0;
        match words::warning(&word) {
            None => self.push(&word, cells, LogStyle::default()),
            // The warning stands there already: this text was cleaned before.
            Some(warning) if self.row.ends_with(&warning) => {
                self.row.keep_with_next(warning.len(), cells);
                self.push(&word, cells, LogStyle::default());
            }
            Some(mut warning) => {
                let cells = cells.saturating_add(warning.len());
                warning.push_str(&word);
                self.push(&warning, cells, LogStyle::default());
            }
        }
    }

    fn push(&mut self, unit: &str, cells: usize, style: LogStyle) {
        self.done.extend(self.row.push(unit, cells, style));
    }

    fn push_ascii(&mut self, run: &str) {
        let mut rest = run;
        while !rest.is_empty() {
            let (left, full) = self.row.push_ascii(rest, self.style);
            self.done.extend(full);
            rest = left;
        }
    }

    fn settle_carriage_return(&mut self) {
        if std::mem::take(&mut self.carriage_return) {
            self.rewrite("<CR>");
        }
    }

    /// Ends the row because the program goes back in it. In an empty row there is nothing to go back over.
    fn rewrite(&mut self, mark: &str) {
        self.flush();
        if self.row.is_empty() {
            return;
        }
        self.rewrites = self.rewrites.saturating_add(1);
        self.push(mark, mark.len(), LogStyle::MARK);
        let row = self.row.take(RowEnd::Rewritten);
        if self.rewrites <= REWRITES_SHOWN_MAX {
            self.done.push(row);
        }
    }

    fn end_row(&mut self, end: RowEnd, mark: &str) {
        self.settle_carriage_return();
        self.flush();
        if !mark.is_empty() {
            self.push(mark, mark.len(), LogStyle::MARK);
        }
        self.count_rewrites();
        self.done.push(self.row.take(end));
    }

    fn count_rewrites(&mut self) {
        let hidden = std::mem::take(&mut self.rewrites).saturating_sub(REWRITES_SHOWN_MAX);
        if hidden > 0 {
            let mark = format!("<+{hidden} rewrites>");
            self.push(&mark, mark.len(), LogStyle::MARK);
        }
    }
}

/// Whether `c` is drawn in the cell of whatever stands before it.
fn attaches(c: char) -> bool {
    let mut probe = String::from('a');
    probe.push(c);
    probe.graphemes(true).nth(1).is_none()
}

/// Whether the cluster takes room on the screen, a sane amount, and leaves its neighbours alone.
fn is_drawable(cluster: &str) -> bool {
    if cluster.len() == 1 {
        return true;
    }
    let cells = cluster.width();
    // Some letters join whatever follows them; the next cluster would vanish into this one.
    let mut probe = String::with_capacity(cluster.len() + 1);
    probe.push_str(cluster);
    probe.push('a');
    (1..=CLUSTER_CELLS_MAX).contains(&cells) && probe.graphemes(true).count() == 2
}

/// Emoji, each with its modifiers and presentation selector, joined by single joiners, drawn as one pair of cells.
fn is_known_emoji(cluster: &str) -> bool {
    cluster.width() == 2
        && is_drawable(cluster)
        && cluster.split(JOINER).all(|element| {
            let body = element.strip_suffix(EMOJI_PRESENTATION).unwrap_or(element);
            !body.is_empty() && body.chars().all(is_emoji)
        })
}
