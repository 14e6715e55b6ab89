//! `rules.toml`: what each class of step asks of people.

use super::document::{Document, Section};
use super::problem::{Problem, Problems};
use super::read;
use crate::domain::confirm::people::Role;
use crate::domain::confirm::policy::{
    CONFIRMER_ROLES, CONFIRMERS_MAX, ClassLines, Grade, PageDown, Presence, Rules,
};
use crate::domain::digest::Digest;
use crate::domain::fact::Mode;
use crate::domain::git::Demand;
use crate::domain::rehearsal::{AGE_MAX, Wanted};
use crate::domain::runbook::plan::Risk;
use crate::domain::time::parse_span;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Classes by the word that runbooks and this file use.
const CLASSES: [(&str, Risk); 4] = [
    ("read", Risk::Read),
    ("change", Risk::Change),
    ("destructive", Risk::Destructive),
    ("irreversible", Risk::Irreversible),
];

/// Dwell times: longer than five minutes is a way to switch a class off, not to have it read.
const DWELL: Range<Duration> = Duration::ZERO..Duration::from_secs(5 * 60);

/// Shortest time for which a rehearsal may count: it has to last until the session is opened.
const AGE_MIN: Duration = Duration::from_secs(60);

/// Words of a hook: a program and its arguments.
const HOOK_WORDS_MAX: usize = 64;

/// Reads a rules file that stands alone, with no people file beside it. The digest is that of its bytes.
///
/// # Errors
/// Every problem with its place; a file that others than root and this account may write is one.
pub fn load(path: &Path) -> Result<(Rules, Digest), Problems> {
    let (text, mode) = read::text(path)?;
    if mode & 0o022 != 0 {
        let what = format!("has mode {mode:04o}: others than its owner may write it");
        let hint = format!("run `chmod go-w {}`", path.display());
        return Err(Problem::of_file(path, what, &hint).into());
    }
    let rules = parse(path, &text)?;
    Ok((rules, Digest::of(text.as_bytes())))
}

/// Checks the text of a rules file; `path` is only named in problems.
///
/// # Errors
/// Every problem with its place.
pub fn parse(path: &Path, text: &str) -> Result<Rules, Problems> {
    let document = Document::new(path, text);
    let mut root = document.root();
    let mut rules = Rules {
        allow_uid: root.flag("allow_uid").unwrap_or(false),
        runbook: root.word("runbook", &Demand::WORDS),
        runbook_signers: whole_path(
            &document,
            &mut root,
            "runbook_signers",
            "/etc/warroom/git_signers",
        ),
        ..Rules::default()
    };
    if let Some(mut classes) = root.section("class") {
        for (word, risk) in CLASSES {
            if let Some(section) = classes.section(word) {
                class(&document, section, risk, &mut rules);
            }
        }
        classes.finish();
    }
    if let Some(mut section) = root.section("breakglass") {
        rules.page_hook = hook(&document, &mut section, "page_hook");
        let down = section.word("page_down", &PageDown::WORDS);
        rules.page_down = down.unwrap_or_default();
        section.finish();
    }
    if let Some(mut section) = root.section("checkpoint") {
        rules.checkpoint_hook = hook(&document, &mut section, "hook");
        rules.checkpoint_dir = whole_path(&document, &mut section, "dir", "/mnt/elsewhere/warroom");
        section.finish();
    }
    root.finish();
    document.into_problems().map_or(Ok(rules), Err)
}

fn class(document: &Document<'_>, mut section: Section<'_, '_>, risk: Risk, rules: &mut Rules) {
    let most = u64::from(CONFIRMERS_MAX).saturating_add(1);
    let number = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
    let lines = ClassLines {
        confirmers: section.whole("confirmers", fewest(risk)..most).map(number),
        roles: None,
        distinct_roles: section.flag("distinct_roles"),
        confirmer: section.word("confirmer", &Grade::WORDS),
        detached: section.whole("detached", 0..most).map(number),
        proposer: section.word("proposer", &Grade::WORDS),
        go: section.word("go", &Grade::WORDS),
        presence: section.word("presence", &Presence::WORDS),
        independent_check: section.flag("independent_check"),
        dwell: section.time("dwell", DWELL),
        dwell_per_10_lines: section.time("dwell_per_10_lines", DWELL),
        dwell_per_target: section.time("dwell_per_target", DWELL),
        dwell_max: section.time("dwell_max", DWELL),
        runbook: section.word("runbook", &Demand::WORDS),
        rehearsal: rehearsal(document, &mut section, risk),
    };
    *rules.lines_mut(risk) = lines;
    if section.has("roles") {
        roles(document, &mut section, risk, rules);
    } else {
        section.know("roles");
    }
    whole(document, &section, risk, rules);
    section.finish();
}

/// `rehearsal = "required"`, and how long one counts.
fn rehearsal(document: &Document<'_>, section: &mut Section<'_, '_>, risk: Risk) -> Option<Wanted> {
    let is_required = section.word("rehearsal", &[("required", true), ("optional", false)]);
    let at = section.place_of("rehearsal");
    let age_at = section.place_of("max_age");
    let has_age = section.has("max_age");
    let age = section.parsed("max_age", "such as `\"30d\"` or `\"12h\"`", age);
    if has_age && is_required != Some(true) {
        let what = "says how long a rehearsal counts, and none is required";
        document.fault(&age_at, what, "add `rehearsal = \"required\"`");
    }
    if is_required == Some(true) && !risk.needs_second_person() {
        let what = "only classes `destructive` and `irreversible` are proposed";
        document.fault(&at, what, "leave it out here");
    }
    is_required.filter(|required| *required).map(|_| Wanted {
        age_max_ms: age.map(|age| u64::try_from(age.value.as_millis()).unwrap_or(u64::MAX)),
    })
}

/// Reads `30d` or a span; a minute at least, a year at most.
fn age(text: &str) -> Result<Duration, String> {
    let days = text
        .trim()
        .strip_suffix('d')
        .and_then(|d| d.parse::<u32>().ok());
    let span = match days {
        Some(days) => Duration::from_secs(u64::from(days) * 24 * 3600),
        None => parse_span(text).map_err(|error| error.to_string())?,
    };
    if (AGE_MIN..=AGE_MAX).contains(&span) {
        Ok(span)
    } else {
        Err("is not between a minute and 366 days".to_owned())
    }
}

fn fewest(risk: Risk) -> u64 {
    u64::from(risk.needs_second_person())
}

fn roles(document: &Document<'_>, section: &mut Section<'_, '_>, risk: Risk, rules: &mut Rules) {
    let words = CONFIRMER_ROLES.map(|role: Role| (role.as_str(), role));
    let typed = section.texts("roles");
    if typed.is_empty() {
        let at = section.place_of("roles");
        document.fault(&at, "names no role", "such as `[\"approver\"]`");
        return;
    }
    let known = typed.iter().filter_map(|at| section.pick(at, &words));
    rules.lines_mut(risk).roles = Some(known.collect());
}

/// What only shows when the class's lines are read together.
fn whole(document: &Document<'_>, section: &Section<'_, '_>, risk: Risk, rules: &Rules) {
    let rule = rules.rule_for(risk, Mode::Advisory, false);
    if rule.distinct_roles && usize::from(rule.confirmers) > rule.roles.len() {
        let what = format!(
            "{} confirmers cannot each have another of {} roles",
            rule.confirmers,
            rule.roles.len()
        );
        let hint = "name more `roles`, ask for fewer confirmers, or set `distinct_roles = false`";
        document.fault(&section.place_of("confirmers"), what, hint);
    }
    if rule.dwell.base > rule.dwell.longest {
        let what = "is longer than `dwell_max`";
        document.fault(&section.place_of("dwell"), what, "raise `dwell_max` too");
    }
    let least = match (risk, rules.allow_uid) {
        (Risk::Irreversible, _) => Grade::Sshsig,
        (Risk::Destructive, false) => Grade::Totp,
        _ => Grade::Uid,
    };
    if let Some(typed) = rules.lines(risk).confirmer.filter(|typed| *typed < least) {
        let what = format!(
            "`{}` is too weak for a step that is {}: `{}` is the least",
            typed.as_str(),
            risk.as_str(),
            least.as_str()
        );
        let hint = match risk {
            Risk::Destructive => {
                "a team without keys writes `allow_uid = true` at the top of the file, and every screen says so"
            }
            _ => "",
        };
        document.fault(&section.place_of("confirmer"), what, hint);
    }
}

/// A program by its whole path, and its arguments; no shell.
fn hook(
    document: &Document<'_>,
    section: &mut Section<'_, '_>,
    key: &'static str,
) -> Option<Vec<String>> {
    if !section.has(key) {
        section.know(key);
        return None;
    }
    let words = section.texts(key);
    let at = section.place_of(key);
    let hint = "such as `[\"/usr/local/bin/page\", \"--team\", \"ops\"]`";
    match words.first() {
        Some(program) if !program.value.starts_with('/') => {
            let what = format!("`{}` is not a whole path", program.value);
            document.fault(program, what, hint);
            None
        }
        None => {
            document.fault(&at, "names no program", hint);
            None
        }
        Some(_) if words.len() > HOOK_WORDS_MAX => {
            document.fault(&at, format!("has more than {HOOK_WORDS_MAX} words"), "");
            None
        }
        Some(_) => match words.iter().find(|word| word.value.contains('\0')) {
            Some(word) => {
                document.fault(word, "has a zero byte in it", "");
                None
            }
            None => Some(words.into_iter().map(|word| word.value).collect()),
        },
    }
}

fn whole_path(
    document: &Document<'_>,
    section: &mut Section<'_, '_>,
    key: &'static str,
    such_as: &str,
) -> Option<PathBuf> {
    let at = section.text(key)?;
    if at.value.starts_with('/') && !at.value.contains('\0') {
        return Some(PathBuf::from(at.value));
    }
    let what = format!("`{}` is not a whole path", at.value);
    document.fault(&at, what, format!("such as `{such_as}`"));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Wanted>, String> {
        let rules =
            parse(Path::new("rules.toml"), text).map_err(|problems| problems.to_string())?;
        Ok(rules
            .rule_for(Risk::Destructive, Mode::Advisory, false)
            .rehearsal)
    }

    #[test]
    fn a_class_may_ask_for_a_rehearsal_that_is_not_too_old() {
        let class = |lines: &str| read(&format!("[class.destructive]\n{lines}\n"));
        let days = |days: u64| {
            Some(Wanted {
                age_max_ms: Some(days * 24 * 3_600_000),
            })
        };
        assert_eq!(class(""), Ok(None));
        assert_eq!(class("rehearsal = \"optional\""), Ok(None));
        assert_eq!(
            class("rehearsal = \"required\""),
            Ok(Some(Wanted { age_max_ms: None }))
        );
        assert_eq!(
            class("rehearsal = \"required\"\nmax_age = \"30d\""),
            Ok(days(30))
        );
        assert_eq!(
            class("rehearsal = \"required\"\nmax_age = \"48h\""),
            Ok(days(2))
        );
        for (lines, words) in [
            ("rehearsal = \"yes\"", "required"),
            ("max_age = \"30d\"", "none is required"),
            ("rehearsal = \"required\"\nmax_age = \"999d\"", "366 days"),
            ("rehearsal = \"required\"\nmax_age = \"1s\"", "a minute"),
            ("rehearsal = \"required\"\nmax_age = \"soon\"", "not a span"),
        ] {
            let why = class(lines).expect_err(lines);
            assert!(why.contains(words), "{why}");
        }
        let why = read("[class.read]\nrehearsal = \"required\"\n").expect_err("never proposed");
        assert!(why.contains("are proposed"), "{why}");
    }
}
