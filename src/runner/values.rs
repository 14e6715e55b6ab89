//! The file in which a command hands values to later steps: `name=value` lines.

use super::env::{OUTPUT_VARIABLE, is_steering, is_variable_name};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Values of one command. More is data, and data belongs in a file of its own.
pub const VALUES_MAX: usize = 64;
/// Bytes of one value: room for a list of hosts, and 64 of them still fit into an environment.
pub const VALUE_BYTES_MAX: usize = 4096;
/// Bytes of one name: a name has to fit on a line of the screen.
pub const NAME_BYTES_MAX: usize = 64;
/// The longest file that can be right: every line at its longest, with `=` and CR LF.
const FILE_BYTES_MAX: usize = VALUES_MAX * (NAME_BYTES_MAX + VALUE_BYTES_MAX + 3);
/// Bad lines named in the message; the others are counted. A person mends the first and runs again.
const PROBLEMS_SHOWN_MAX: usize = 5;

/// What the file held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Values {
    /// The well-formed lines, in order.
    pub(crate) values: Vec<(String, String)>,
    /// What was wrong with the others, or with the file.
    pub(crate) error: Option<String>,
}

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("no `=`")]
    NoEquals,
    #[error("the name is not letters, digits and `_`, starting with no digit")]
    Name,
    #[error("the name is longer than {NAME_BYTES_MAX} bytes")]
    LongName,
    #[error("`{0}` is not a name that a command may set")]
    Refused(String),
    #[error("`{name}` is there already, from line {first}")]
    Twice { name: String, first: usize },
    #[error("the value of `{0}` is longer than {VALUE_BYTES_MAX} bytes")]
    LongValue(String),
    #[error("the value of `{0}` is not UTF-8")]
    NotUtf8(String),
    #[error("the value of `{0}` holds a control character")]
    Control(String),
    #[error("more than {VALUES_MAX} values")]
    TooMany,
}

/// Creates the empty file, for this account only.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?.into())
}

/// Reads the file after the command ended. By its path, because tools replace files when they edit them; without
/// following a link or waiting for a FIFO that a command may have put there.
pub(crate) fn read(path: &Path) -> Values {
    match read_bytes(path) {
        Ok(bytes) if bytes.len() > FILE_BYTES_MAX => failed(format!(
            "the values file is larger than the limit of {FILE_BYTES_MAX} bytes"
        )),
        Ok(bytes) => parse(&bytes),
        Err(error) => failed(format!("cannot read the values file: {error}")),
    }
}

fn failed(error: String) -> Values {
    Values {
        values: Vec::new(),
        error: Some(error),
    }
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let flags =
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Takes the well-formed lines and names the others. Empty lines say nothing and are neither.
fn parse(bytes: &[u8]) -> Values {
    let mut lines: Vec<(usize, String, String)> = Vec::new();
    let mut problems = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let number = index.saturating_add(1);
        if line.is_empty() {
            continue;
        }
        let taken = parse_line(line).and_then(|(name, value)| {
            if let Some((first, ..)) = lines.iter().find(|(_, known, _)| *known == name) {
                return Err(Problem::Twice {
                    name,
                    first: *first,
                });
            }
            if lines.len() >= VALUES_MAX {
                return Err(Problem::TooMany);
            }
            Ok((name, value))
        });
        match taken {
            Ok((name, value)) => lines.push((number, name, value)),
            Err(problem) => problems.push((number, problem)),
        }
    }
    Values {
        values: lines
            .into_iter()
            .map(|(_, name, value)| (name, value))
            .collect(),
        error: describe(&problems),
    }
}

fn parse_line(line: &[u8]) -> Result<(String, String), Problem> {
    let equals = line
        .iter()
        .position(|byte| *byte == b'=')
        .ok_or(Problem::NoEquals)?;
    let (name, rest) = line.split_at(equals);
    let value = rest.get(1..).unwrap_or_default();
    let name = std::str::from_utf8(name).map_err(|_| Problem::Name)?;
    if !is_variable_name(name) {
        return Err(Problem::Name);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(Problem::LongName);
    }
    let name = name.to_owned();
    // Later steps get the values as environment variables, so a value must not choose their programs.
    if is_steering(&name) || name == "PATH" || name == OUTPUT_VARIABLE {
        return Err(Problem::Refused(name));
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(Problem::LongValue(name));
    }
    let Ok(value) = std::str::from_utf8(value) else {
        return Err(Problem::NotUtf8(name));
    };
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Problem::Control(name));
    }
    Ok((name, value.to_owned()))
}

fn describe(problems: &[(usize, Problem)]) -> Option<String> {
    if problems.is_empty() {
        return None;
    }
    let mut parts: Vec<String> = problems
        .iter()
        .take(PROBLEMS_SHOWN_MAX)
        .map(|(number, problem)| format!("line {number}: {problem}"))
        .collect();
    match problems.len().saturating_sub(PROBLEMS_SHOWN_MAX) {
        0 => {}
        1 => parts.push("and 1 more line".to_owned()),
        more => parts.push(format!("and {more} more lines")),
    }
    Some(parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn check(text: &str, expected: &[(&str, &str)], error: Option<&str>) {
        let got = parse(text.as_bytes());
        let values: Vec<_> = got
            .values
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(values, expected, "{text:?}");
        assert_eq!(got.error.as_deref(), error, "{text:?}");
    }

    #[test]
    fn lines_become_values() {
        check("", &[], None);
        check("\n\n", &[], None);
        check("a=1\n_B2=x=y z\n", &[("a", "1"), ("_B2", "x=y z")], None);
        check(
            "empty=\nlast=\tno newline",
            &[("empty", ""), ("last", "\tno newline")],
            None,
        );
    }

    #[test]
    fn bad_lines_are_named_and_the_others_kept() {
        check(
            "a=1\nnonsense\nb=2",
            &[("a", "1"), ("b", "2")],
            Some("line 2: no `=`"),
        );
        let name = "the name is not letters, digits and `_`, starting with no digit";
        for line in ["=x", "1a=x", "a b=x", " a=x", "ä=x"] {
            check(line, &[], Some(&format!("line 1: {name}")));
        }
        check(
            "a=1\r\n",
            &[],
            Some("line 1: the value of `a` holds a control character"),
        );
        check(
            "a=1\na=2\n",
            &[("a", "1")],
            Some("line 2: `a` is there already, from line 1"),
        );
        for name in ["LD_PRELOAD", "PATH", "WARROOM_OUTPUT"] {
            let error = format!("line 1: `{name}` is not a name that a command may set");
            check(&format!("{name}=x"), &[], Some(&error));
        }
    }

    #[test]
    fn sizes_end_at_their_limits() {
        let longest = "v".repeat(VALUE_BYTES_MAX);
        check(&format!("a={longest}"), &[("a", &longest)], None);
        let error = "line 1: the value of `a` is longer than 4096 bytes";
        check(&format!("a={longest}v"), &[], Some(error));
        let name = "n".repeat(NAME_BYTES_MAX);
        check(&format!("{name}=x"), &[(&name, "x")], None);
        check(
            &format!("{name}n=x"),
            &[],
            Some("line 1: the name is longer than 64 bytes"),
        );
        let many: String = (0..=VALUES_MAX)
            .flat_map(|n| [format!("v{n}"), "=x\n".to_owned()])
            .collect();
        let got = parse(many.as_bytes());
        assert_eq!(got.values.len(), VALUES_MAX);
        assert_eq!(got.error.as_deref(), Some("line 65: more than 64 values"));
    }

    #[test]
    fn many_bad_lines_are_counted() {
        let got = parse(&b"x\n".repeat(7)).error.unwrap();
        assert!(got.starts_with("line 1: no `=`; line 2"), "{got}");
        assert!(got.ends_with("line 5: no `=`; and 2 more lines"), "{got}");
        assert!(
            parse(&b"x\n".repeat(6))
                .error
                .unwrap()
                .ends_with("and 1 more line")
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_named() {
        let got = parse(b"a=\xff\n");
        assert_eq!(
            got.error.as_deref(),
            Some("line 1: the value of `a` is not UTF-8")
        );
    }

    #[test]
    fn the_file_is_private_and_never_another_ones() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("values");
        let file = create(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            create(&path).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(read(&path), Values::default());
    }

    #[test]
    fn links_and_endless_files_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("values");
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(read(&path).error.is_some());
        assert!(
            read(Path::new("/dev/zero"))
                .error
                .unwrap()
                .contains("not a file")
        );
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path).error.is_some());
        std::fs::write(&path, vec![b'\n'; FILE_BYTES_MAX + 1]).unwrap();
        assert!(read(&path).error.unwrap().contains("larger than"));
    }
}
