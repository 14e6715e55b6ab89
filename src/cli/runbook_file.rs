//! A runbook from disk: bounded read, decode, parse, resolve.

use crate::clock::{Clock as _, SystemClock};
use crate::domain::catalog::Catalog;
use crate::domain::runbook::elsewhere::{self, Elsewhere, Fault};
use crate::domain::runbook::limits::FILE_BYTES_MAX;
use crate::domain::runbook::plan::Plan;
use crate::domain::runbook::rollout::{self, Cmdb, Pending};
use crate::domain::runbook::shape::Shape;
use crate::domain::runbook::{Diagnostic, Runbook, Severity, codes, decode, parse, resolve_with};
use crate::report::diagnostics::{JsonDiagnostic, Look, Source, render, to_json};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// What became of one file.
pub(super) struct Loaded {
    /// Name for messages.
    pub(super) name: String,
    /// The text, as far as it is one.
    pub(super) text: String,
    /// The plan; to be used only without errors in `diagnostics`, and with nothing in `pending`.
    pub(super) plan: Option<Plan>,
    /// Everything that is wrong.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The plan's shape; absent with errors in `diagnostics`.
    pub(super) shape: Option<Shape>,
    /// Why it cannot be carried out elsewhere; such a plan must not be used.
    pub(super) faults: Vec<Fault>,
    /// Phases whose units only the CMDB knows, while nobody has asked it.
    pub(super) pending: Vec<Pending>,
    /// What was read, with what is wrong with that alone.
    parsed: Option<(Runbook, Vec<Diagnostic>)>,
}

impl Loaded {
    /// Makes the plan anew, with what the CMDB says.
    pub(super) fn with(&mut self, catalog: &Catalog) {
        self.pending = Vec::new();
        self.resolve(Cmdb::Known(catalog));
    }

    fn resolve(&mut self, cmdb: Cmdb<'_>) {
        let Some((runbook, problems)) = &self.parsed else {
            return;
        };
        let (mut plan, further) = resolve_with(runbook, cmdb);
        plan.fix_window(SystemClock.now().wall);
        let mut all = problems.clone();
        all.extend(further);
        all.sort_by_key(|diagnostic| diagnostic.span.start);
        self.diagnostics = all;
        self.plan = Some(plan);
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    }

    fn source(&self) -> Source<'_> {
        Source {
            name: &self.name,
            text: &self.text,
        }
    }

    pub(super) fn render(&self, colour: bool) -> String {
        let look = if colour { Look::Styled } else { Look::Plain };
        render(self.source(), &self.diagnostics, look)
    }

    pub(super) fn to_json(&self) -> Vec<JsonDiagnostic> {
        to_json(self.source(), &self.diagnostics)
    }
}

/// Reads and resolves one file, without any CMDB. A file that cannot be read is a problem like any other.
pub(super) fn load(path: &Path) -> Loaded {
    load_in(path, None)
}

/// As [`load`], put in another environment.
pub(super) fn load_in(path: &Path, there: Option<&Elsewhere>) -> Loaded {
    let name = path.display().to_string();
    let refused = |text: &str, problem: Diagnostic| Loaded {
        name: name.clone(),
        text: text.to_owned(),
        plan: None,
        diagnostics: vec![problem],
        shape: None,
        faults: Vec::new(),
        pending: Vec::new(),
        parsed: None,
    };
    let bytes = match read_bounded(path) {
        Ok(bytes) => bytes,
        Err(error) => return refused("", cannot_read(path, &error)),
    };
    let text = match decode(&bytes) {
        Ok(text) => text,
        Err(problem) => {
            // Whatever is valid before the problem, so that it can be shown in its line.
            let valid = bytes.get(..problem.span.end).unwrap_or_default();
            return refused(std::str::from_utf8(valid).unwrap_or_default(), problem);
        }
    };
    let file_name = path
        .file_name()
        .map_or(name.as_str().into(), |file| file.to_string_lossy());
    let (mut runbook, problems) = parse(text, &file_name);
    let placed = there.map_or(Ok(()), |there| elsewhere::place(&mut runbook, there));
    let mut loaded = Loaded {
        text: text.to_owned(),
        plan: None,
        diagnostics: Vec::new(),
        shape: None,
        faults: placed.err().unwrap_or_default(),
        pending: rollout::pending(&runbook),
        parsed: Some((runbook, problems)),
        name,
    };
    loaded.resolve(Cmdb::NotAsked);
    if loaded.count(Severity::Error) == 0 {
        loaded.shape = loaded
            .parsed
            .as_ref()
            .map(|(runbook, _)| Shape::of(runbook));
    }
    loaded
}

/// One byte more than allowed tells a file that is too long from one that just fits.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let most = u64::try_from(FILE_BYTES_MAX)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cannot_read(path: &Path, error: &io::Error) -> Diagnostic {
    let (why, hint) = match error.kind() {
        io::ErrorKind::NotFound => (
            "there is no such file".to_owned(),
            "check the spelling and the directory you are in",
        ),
        io::ErrorKind::IsADirectory => (
            "it is a directory".to_owned(),
            "name the Markdown file inside it",
        ),
        io::ErrorKind::PermissionDenied => (
            "permission denied".to_owned(),
            "ask its owner for read permission, or check the directories above it",
        ),
        _ => (error.to_string(), "check the file with `cat`"),
    };
    Diagnostic::error(
        codes::UNREADABLE,
        &(0..0),
        format!("cannot read `{}`: {why}", path.display()),
    )
    .hint(hint)
}
