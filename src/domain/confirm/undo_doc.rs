//! The way back as it was reviewed: `warroom-undo@v1`, which the plan of the way forward binds by its digest.
//!
//! It names what differs from that plan: program, arguments, time. Account, host, working directory and environment are
//! those of the plan, so that whoever reviewed the plan has seen them.

use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, DocError};

/// Most arguments: a document has room for no more of them, however short.
const ARGUMENTS_MAX: u64 = 4096;
/// Before the digest at the end of a plan's `undo` line.
const OPEN: &str = " [sha256:";
/// Behind it.
const CLOSE: &str = "]";

/// The command of a way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoInputs {
    /// Absolute path of the executable.
    pub exe: String,
    /// Digest of its bytes.
    pub exe_digest: Digest,
    /// Argument vector, program name first.
    pub argv: Vec<String>,
    /// Longest time it may run, seconds.
    pub timeout_s: u64,
}

/// Writes the document; its digest stands in the plan.
///
/// # Errors
/// [`DocError`] for what is too long to be reviewed.
pub fn render(undo: &UndoInputs) -> Result<Vec<u8>, DocError> {
    let mut doc = Doc::new("warroom-undo", 1)
        .with("exe", &undo.exe)
        .with("exe-sha256", undo.exe_digest.to_hex())
        .with("argc", undo.argv.len().to_string());
    for (index, argument) in undo.argv.iter().enumerate() {
        // A value is never empty; a lone NUL is no argument of any process.
        let value = if argument.is_empty() { "\0" } else { argument };
        doc = doc.with(&format!("argv.{index}"), value);
    }
    doc.with("timeout-s", undo.timeout_s.to_string()).print()
}

/// Reads the document.
///
/// # Errors
/// [`DocError`] for anything that [`render`] does not write.
pub fn parse(bytes: &[u8]) -> Result<UndoInputs, DocError> {
    let doc = Doc::parse(bytes)?;
    doc.expect_title("warroom-undo", 1)?;
    let mut fields = doc.fields();
    let exe = fields.take("exe")?.text()?.to_owned();
    let hex = fields.take("exe-sha256")?;
    let exe_digest = Digest::parse(&format!("sha256:{}", hex.text()?))
        .map_err(|_| hex.refuse("64 lower-case hexadecimal digits"))?;
    let length = fields.take("argc")?;
    let count = length.number()?;
    if count > ARGUMENTS_MAX {
        return Err(length.refuse("the length of a list that fits a document"));
    }
    let argv = (0..count)
        .map(|index| {
            let value = fields.take(&format!("argv.{index}"))?.text()?;
            Ok(if value == "\0" { "" } else { value }.to_owned())
        })
        .collect::<Result<_, DocError>>()?;
    let timeout_s = fields.take("timeout-s")?.number()?;
    fields.finish()?;
    Ok(UndoInputs {
        exe,
        exe_digest,
        argv,
        timeout_s,
    })
}

/// The `undo` line of a plan: words for people, and the digest of the document that will be held against it.
pub fn line(words: &str, document: &[u8]) -> String {
    format!("{words}{OPEN}{}{CLOSE}", Digest::of(document).to_hex())
}

/// The digest at the end of an `undo` line; absent where the line binds nothing.
pub fn bound(line: &str) -> Option<Digest> {
    let (_, hex) = line.strip_suffix(CLOSE)?.rsplit_once(OPEN)?;
    Digest::parse(&format!("sha256:{hex}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undo() -> UndoInputs {
        UndoInputs {
            exe: "/usr/bin/dash".to_owned(),
            exe_digest: Digest::of(b"dash"),
            argv: vec![
                "sh".to_owned(),
                "-euc".to_owned(),
                "undrain\n3".to_owned(),
                String::new(),
            ],
            timeout_s: 900,
        }
    }

    #[test]
    fn a_way_back_is_read_as_it_was_written_and_every_piece_counts() {
        let bytes = render(&undo()).expect("short");
        assert_eq!(parse(&bytes), Ok(undo()));
        let changes: [fn(&mut UndoInputs); 5] = [
            |u| u.exe.push('x'),
            |u| u.exe_digest = Digest::of(b"other"),
            |u| u.argv[2].push('0'),
            |u| u.argv.truncate(3),
            |u| u.timeout_s += 1,
        ];
        for change in changes {
            let mut other = undo();
            change(&mut other);
            assert_ne!(render(&other).expect("short"), bytes);
        }
    }

    #[test]
    fn a_line_binds_its_document_whatever_its_words_say() {
        let bytes = render(&undo()).expect("short");
        let bound_to = Some(Digest::of(&bytes));
        assert_eq!(bound(&line("undrain 3", &bytes)), bound_to);
        let other = line("undrain 3", b"other");
        assert_eq!(
            bound(&line(&other, &bytes)),
            bound_to,
            "the last one counts"
        );
        assert_eq!(bound("kafka-drain --broker 3 --restore"), None);
        assert_eq!(bound("none"), None);
        assert_eq!(bound("x [sha256:12]"), None);
    }

    #[test]
    fn another_form_of_the_same_is_refused() {
        let text = String::from_utf8(render(&undo()).expect("short")).expect("ascii");
        for (right, wrong) in [
            ("argc: 4", "argc: 3"),
            ("argc: 4", "argc: 5"),
            ("argc: 4", "argc: 99999"),
            ("warroom-undo@v1", "warroom-plan@v1"),
            ("timeout-s: 900\n", "timeout-s: 900\nmore: x\n"),
        ] {
            let other = text.replacen(right, wrong, 1);
            assert!(parse(other.as_bytes()).is_err(), "{wrong}");
        }
    }
}
