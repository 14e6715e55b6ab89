//! The real terminal: raw mode, the modes we set, and their undoing by a fixed byte string whatever happens.

mod surface;

use super::view::plain::CONNECTING_ROWS;
use crossterm::cursor::Hide;
use crossterm::event::EnableBracketedPaste;
use crossterm::queue;
use crossterm::style::Print;
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use surface::Surface;

/// Undoes every mode that is set here, and those a program in the output could not have set: end of synchronized
/// update, mouse (all four protocols), focus reports, bracketed paste, keyboard flags, colours, cursor, alternate screen.
/// Source: xterm control sequences (ctlseqs), DEC private modes; mode 2026 is the synchronized-output proposal.
const RESTORE: &[u8] = b"\x1b[?2026l\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";

/// Reports of buttons and the wheel, in the form that has no limit of columns. Not of movement: a hand on the mouse
/// would wake client and line for nothing. Source: xterm control sequences, "Mouse Tracking".
const MOUSE: &str = "\x1b[?1000h\x1b[?1006h";

/// A frame at 200x50 with every cell new stays below this; so a frame is one write.
const FRAME_BYTES: usize = 128 * 1024;

/// Set while modes are set, so that restoring twice writes once.
static RAW: AtomicBool = AtomicBool::new(false);

/// Puts the terminal back as it was. Safe to call at any time, from a panic hook, after an error, twice.
pub fn restore() {
    if !RAW.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    // Nothing can be done about a terminal that is gone.
    drop(out.write_all(RESTORE).and_then(|()| out.flush()));
    drop(terminal::disable_raw_mode());
}

/// Collects a whole frame. The drawing library flushes in the middle of one; nothing leaves before [`Frame::send`].
#[derive(Clone)]
struct Frame(Arc<Mutex<Vec<u8>>>);

impl Frame {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Vec::with_capacity(FRAME_BYTES))))
    }

    fn send(&self) -> io::Result<()> {
        let mut frame = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = trimmed(&frame);
        frame.clear();
        if bytes.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(&bytes)?;
        out.flush()
    }
}

impl Write for Frame {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut frame = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the drawing library sends behind each frame; the last of the four says it all.
const LONG_RESET: &[u8] = b"\x1b[39m\x1b[49m\x1b[59m\x1b[0m";
const RESET: &[u8] = b"\x1b[m";
/// Source: the synchronized-output proposal, DEC private mode 2026.
const SYNC_BEGIN: &[u8] = b"\x1b[?2026h";
const SYNC_END: &[u8] = b"\x1b[?2026l";

/// A frame below this reaches the terminal in one piece and cannot be seen half drawn; the marks around it would be
/// half of what a tick of the clock costs.
const SYNC_FROM: usize = 256;

/// The frame without what changes nothing; a large one is marked as one update. Nothing is left of a frame without
/// changes.
fn trimmed(frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(
        frame
            .len()
            .saturating_add(SYNC_BEGIN.len() + SYNC_END.len()),
    );
    let large = frame.len() >= SYNC_FROM;
    if large {
        out.extend_from_slice(SYNC_BEGIN);
    }
    let start = out.len();
    let mut rest = frame;
    // What can be shorter begins with one of these two bytes; what is between goes as it is.
    while let Some(at) = memchr::memchr2(b'\x1b', b'm', rest) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        rest = if let Some(after) = from.strip_prefix(LONG_RESET) {
            out.extend_from_slice(RESET);
            after
        } else if let Some(after) = from.strip_prefix(BETWEEN_STYLES)
            && is_one_style(&out, after)
        {
            out.push(b';');
            after
        } else {
            out.extend(from.first());
            from.get(1..).unwrap_or_default()
        };
    }
    out.extend_from_slice(rest);
    if out
        .get(start..)
        .is_none_or(|body| body.is_empty() || body == RESET)
    {
        return Vec::new();
    }
    if large {
        out.extend_from_slice(SYNC_END);
    }
    out
}

/// Where one style ends and the next begins: as one they are three bytes less.
const BETWEEN_STYLES: &[u8] = b"m\x1b[";
/// Numbers in one style that every terminal takes. Source: `NPAR` of the Linux console, 16; others take more.
const STYLE_NUMBERS_MAX: usize = 16;

/// Whether `sent` ends in an open style that may go on with the one that `rest` begins with.
fn is_one_style(sent: &[u8], rest: &[u8]) -> bool {
    let number = |byte: &u8| byte.is_ascii_digit() || *byte == b';';
    let open = sent.rsplit(|byte| *byte == 0x1b).next();
    let open = open.and_then(|tail| tail.strip_prefix(b"["));
    let next = rest.iter().position(|byte| !number(byte));
    let next = next.filter(|end| *end > 0 && rest.get(*end) == Some(&b'm'));
    let (Some(open), Some(next)) = (open, next.and_then(|end| rest.get(..end))) else {
        return false;
    };
    let separators = open.iter().chain(next).filter(|byte| **byte == b';');
    !open.is_empty() && open.iter().all(number) && separators.count() + 2 <= STYLE_NUMBERS_MAX
}

/// Width and height of the terminal in cells.
fn size() -> io::Result<(u16, u16)> {
    // One call of the kernel; the terminal library opens the terminal anew each time.
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Ok((size.ws_col, size.ws_row)),
        _ => terminal::size(),
    }
}

fn whole_screen() -> io::Result<Rect> {
    let (width, height) = size()?;
    Ok(Rect::new(0, 0, width, height))
}

/// The screen, in our modes until dropped.
pub struct Tty {
    /// A frame is thousands of writes of a few bytes; the lock of [`Frame`] is taken once for many of them.
    surface: Surface<BufWriter<Frame>>,
    frame: Frame,
    /// Not only the first rows are drawn on.
    is_whole: bool,
}

impl Tty {
    /// Sets raw mode, the alternate screen, mouse and bracketed paste, and a panic hook that undoes them first. Until
    /// [`Tty::take_screen`] only the first rows are drawn on.
    ///
    /// # Errors
    /// When standard output is no terminal or cannot be written.
    pub fn open(mouse: bool) -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        RAW.store(true, Ordering::SeqCst);
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            hook(info);
        }));
        let opened = Self::set_modes(mouse);
        if opened.is_err() {
            restore();
        }
        opened
    }

    fn set_modes(mouse: bool) -> io::Result<Self> {
        let frame = Frame::new();
        let mut out = frame.clone();
        queue!(
            out,
            EnterAlternateScreen,
            EnableBracketedPaste,
            Clear(ClearType::All),
            Hide
        )?;
        if mouse {
            queue!(out, Print(MOUSE))?;
        }
        // Sent with the first frame: whoever shows it is woken once.
        let (width, _) = size()?;
        let rows = Rect::new(0, 0, width, CONNECTING_ROWS);
        let surface = Surface::new(BufWriter::new(frame.clone()), rows);
        Ok(Self {
            surface,
            frame,
            is_whole: false,
        })
    }

    /// Draws on the whole screen from now on. What the first rows show stays until the next frame.
    ///
    /// # Errors
    /// When the terminal does not tell its size.
    pub fn take_screen(&mut self) -> io::Result<()> {
        self.is_whole = true;
        self.surface.start_over(whole_screen()?)
    }

    /// Draws one frame: one synchronized update, one write.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, render: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        if self.is_whole {
            let area = whole_screen()?;
            if area != self.surface.area() {
                self.surface.start_over(area)?;
            }
        }
        self.surface.draw(render)?;
        self.frame.send()?;
        self.surface.turn();
        Ok(())
    }

    /// Forgets what is on the screen, so that the next frame draws every cell: for `ctrl-l` and a resize.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn forget(&mut self) -> io::Result<()> {
        self.surface.start_over(self.surface.area())
    }

    /// Asks the terminal to put `text` on its clipboard (OSC 52). Base 64 keeps the text from being read as control.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let encoded = data_encoding::BASE64.encode(text.as_bytes());
        write!(self.frame, "\x1b]52;c;{encoded}\x07")?;
        self.frame.send()
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        // What is left of a frame goes out before the modes end; a terminal that is gone takes neither.
        drop(self.frame.send());
        restore();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::{Color, Style};

    /// Bytes of one frame that shows `text` over what the terminal shows.
    fn frame_of(surface: &mut Surface<Frame>, frame: &Frame, text: &str) -> Vec<u8> {
        let style = Style::new().fg(Color::Indexed(188)).bg(Color::Indexed(235));
        surface
            .draw(|buffer| {
                buffer.set_string(60, 0, text, style);
            })
            .expect("a vector can be written");
        surface.turn();
        let mut bytes = frame.0.lock().expect("one thread");
        let sent = trimmed(&bytes);
        bytes.clear();
        sent
    }

    #[test]
    fn a_tick_of_the_clock_is_small_and_no_change_is_nothing() {
        let frame = Frame::new();
        let mut surface = Surface::new(frame.clone(), Rect::new(0, 0, 80, 24));
        frame_of(&mut surface, &frame, "02:00:01Z");
        let tick = frame_of(&mut surface, &frame, "02:00:02Z");
        assert!(
            tick.len() <= 40,
            "{} bytes: {}",
            tick.len(),
            tick.escape_ascii()
        );
        assert_eq!(frame_of(&mut surface, &frame, "02:00:02Z"), b"");
    }

    #[test]
    fn a_large_frame_is_one_update() {
        let body = vec![b'x'; SYNC_FROM];
        let sent = trimmed(&body);
        assert!(sent.starts_with(SYNC_BEGIN) && sent.ends_with(SYNC_END));
        assert_eq!(trimmed(b"\x1b[39m\x1b[49m\x1b[59m\x1b[0m"), b"");
    }

    #[test]
    fn styles_behind_each_other_are_one_and_text_is_left_alone() {
        let styles = b"\x1b[1m\x1b[38;2;1;2;3m\x1b[48;2;4;5;6mm\x1b[3mm";
        assert_eq!(trimmed(styles), b"\x1b[1;38;2;1;2;3;48;2;4;5;6mm\x1b[3mm");
        for left_alone in [
            b"\x1b[1;4Hm\x1b[31m".as_slice(),
            b"\x1b[m\x1b[31m",
            b"\x1b[31m\x1b[4;5H",
            b"\x1b[31m\x1b[?25h",
            b"\x1b[1;2;3;4;5;6;7;8;9m\x1b[1;2;3;4;5;6;7;8m",
            b"m\x1b[1m",
        ] {
            assert_eq!(trimmed(left_alone), left_alone);
        }
    }

    #[test]
    fn the_restoring_bytes_undo_every_mode_that_is_set() {
        let mut set = Vec::new();
        crossterm::execute!(
            set,
            EnterAlternateScreen,
            Print(MOUSE),
            EnableBracketedPaste
        )
        .expect("a vector can be written");
        let set = String::from_utf8(set).expect("escape sequences are ASCII");
        let restore = std::str::from_utf8(RESTORE).expect("ASCII");
        for mode in set.split("\x1b[?").filter_map(|s| s.strip_suffix('h')) {
            assert!(restore.contains(&format!("\x1b[?{mode}l")), "mode {mode}");
        }
        assert!(restore.contains("\x1b[?25h"), "the cursor is shown again");
    }
}
