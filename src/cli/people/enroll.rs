//! `warroom people enroll`: lines for a review. Who is who changes by a commit that others read, never by a program.

use super::people_file;
use crate::cli::args::EnrollArgs;
use crate::cli::environment::{Environment, client_runtime};
use crate::cli::{Outcome, say};
use crate::config::policy::{self, PolicyFiles, SIGNERS};
use crate::config::{Guard, Problem};
use crate::domain::id::PersonId;
use crate::evidence::agent::{Agent, HeldKey};
use crate::evidence::key::Key;
use crate::evidence::signers::PERSONAL_NAMESPACES;
use crate::exit::{Code, Failure};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

/// Largest public key file: one line.
const PUB_BYTES_MAX: u64 = 16 * 1024;

/// Roles of somebody who is enrolled without any being named.
const ROLES: [&str; 2] = ["operator", "approver"];

/// Prints the lines.
pub(super) fn enroll(environment: &Environment, args: &EnrollArgs) -> Outcome {
    let usage = |error: String| Failure::new(error).code(Code::Usage);
    let id = PersonId::new(&args.name).map_err(|error| Failure::new(error).code(Code::Usage))?;
    let file = people_file(environment, args.place.as_deref())?;
    let files = if file.exists() {
        let files = policy::load(&file, Guard::Draft).map_err(|problems| {
            usage(problems.to_string()).hint("correct the files first".to_owned())
        })?;
        Some(files)
    } else {
        None
    };
    let (key, comment) = chosen_key(environment, args)?;
    let mut uids = args.uids.clone();
    if uids.is_empty() && environment.env.get("USER") == Some(id.as_str()) {
        uids.extend(Some(rustix::process::getuid().as_raw()).filter(|uid| *uid != 0));
    }
    let lines = lines(&Ask {
        id: &id,
        key: &key,
        comment: &comment,
        uids: &uids,
        has_named_uids: !args.uids.is_empty() || !args.roles.is_empty(),
        roles: &args.roles,
        files: files.as_ref(),
        people_file: &file,
    })
    .map_err(|problem| {
        usage(problem.what).hint(Some(problem.hint).filter(|hint| !hint.is_empty()))
    })?;
    say(&lines)?;
    Ok(Code::Done)
}

/// Everything the lines are made of.
struct Ask<'a> {
    id: &'a PersonId,
    key: &'a Key,
    comment: &'a str,
    uids: &'a [u32],
    has_named_uids: bool,
    roles: &'a [String],
    files: Option<&'a PolicyFiles>,
    people_file: &'a Path,
}

/// The lines with what to do with them, or why there are none.
fn lines(ask: &Ask<'_>) -> Result<String, Problem> {
    let is_known = ask
        .files
        .is_some_and(|files| files.people.person(ask.id).is_some());
    refuse_doubles(ask, is_known)?;
    let mut text = String::new();
    writeln!(
        text,
        "# Nothing was changed. Have somebody else review and commit these lines."
    )
    .ok();
    writeln!(
        text,
        "# Read the fingerprint to each other: {}",
        ask.key.fingerprint()
    )
    .ok();
    for remark in remarks(ask, is_known) {
        writeln!(text, "# {remark}").ok();
    }
    if !is_known {
        let uids: Vec<String> = ask.uids.iter().map(u32::to_string).collect();
        let usual = ROLES.map(str::to_owned);
        let roles = if ask.roles.is_empty() {
            &usual[..]
        } else {
            ask.roles
        };
        let roles: Vec<String> = roles.iter().map(|role| format!("\"{role}\"")).collect();
        writeln!(text, "\n# {}", ask.people_file.display()).ok();
        writeln!(text, "[[person]]\nid = \"{}\"", ask.id).ok();
        writeln!(text, "uids = [{}]", uids.join(", ")).ok();
        writeln!(text, "roles = [{}]", roles.join(", ")).ok();
    }
    writeln!(
        text,
        "\n# {}",
        ask.people_file.with_file_name(SIGNERS).display()
    )
    .ok();
    write!(
        text,
        "{} namespaces=\"{}\" {}",
        ask.id,
        PERSONAL_NAMESPACES.join(","),
        ask.key
    )
    .ok();
    if !ask.comment.is_empty() {
        write!(text, " {}", ask.comment).ok();
    }
    text.push('\n');
    Ok(text)
}

fn remarks(ask: &Ask<'_>, is_known: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    if ask.key.kind().is_security_key() {
        remarks.push("The key is in a security key: a confirm asks for a touch.".to_owned());
    }
    if is_known {
        remarks.push(format!(
            "`{}` is in the people file already; this adds a key.",
            ask.id
        ));
    } else if ask.uids.is_empty() {
        remarks.push("No account is named: only signatures speak for this person.".to_owned());
    }
    remarks
}

/// Whatever would make two people one, or one person two, is told here and not at the next start.
fn refuse_doubles(ask: &Ask<'_>, is_known: bool) -> Result<(), Problem> {
    let refuse = |what: String, hint: &str| {
        Err(Problem {
            file: ask.people_file.to_owned(),
            place: None,
            key: String::new(),
            what,
            hint: hint.to_owned(),
        })
    };
    let Some(files) = ask.files else {
        return Ok(());
    };
    if let Some(listed) = files.signers.same_secret(&ask.key.identity()) {
        let what = format!(
            "this key is on line {} of `{SIGNERS}` already, for `{}`",
            listed.line, listed.person
        );
        return refuse(
            what,
            "a key speaks for one person; make another with `ssh-keygen -t ed25519`",
        );
    }
    if let Some(server) = files.server_signers.same_secret(&ask.key.identity()) {
        let what = format!("this key is the server `{}`'s", server.person);
        return refuse(what, "a person signs with a key of their own");
    }
    if files.revoked.has_key(ask.key.blob()) || files.revoked.has_person(ask.id) {
        return refuse(
            "this key, or this person, is revoked".to_owned(),
            "look at the file `revoked`",
        );
    }
    if is_known && ask.has_named_uids {
        let what = format!("`{}` is in the people file already", ask.id);
        return refuse(
            what,
            "leave out `--uid` and `--role` to add a key; change accounts and roles in their entry",
        );
    }
    for uid in ask.uids.iter().filter(|_| !is_known) {
        if let Some(person) = files.people.person_of_uid(*uid) {
            let what = format!("uid {uid} is the account of `{}`", person.id);
            return refuse(what, "each person has accounts of their own");
        }
        if *uid == 0 || files.people.is_shared(*uid) {
            let what = format!("uid {uid} proves nobody's identity");
            return refuse(what, "name an account that only this person uses, or none");
        }
    }
    Ok(())
}

/// The key that was named, or the only one of the agent; with its comment, cleaned.
fn chosen_key(environment: &Environment, args: &EnrollArgs) -> Result<(Key, String), Failure> {
    let named = args.key.as_deref();
    if let Some(path) = named.filter(|name| !name.starts_with("SHA256:")) {
        return key_of_file(Path::new(path));
    }
    let variable = environment
        .env
        .get("SSH_AUTH_SOCK")
        .map(std::ffi::OsStr::new);
    let hint = "name the key: `--key ~/.ssh/id_ed25519.pub`";
    let agent = Agent::of_settings(args.agent.as_deref(), variable)
        .map_err(|error| Failure::new(error).hint(hint.to_owned()))?;
    let held = client_runtime()?
        .block_on(agent.held())
        .map_err(|error| Failure::new(error).hint(hint.to_owned()))?;
    key_of_agent(&held.keys, named)
}

fn key_of_agent(keys: &[HeldKey], fingerprint: Option<&str>) -> Result<(Key, String), Failure> {
    let fits = |held: &&HeldKey| fingerprint.is_none_or(|print| held.key.fingerprint() == print);
    let found: Vec<&HeldKey> = keys.iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok((one.key.clone(), clean(&one.comment))),
        [] => Err(Failure::new("the agent has no such key")
            .hint(
                "`ssh-add -l` lists what it has; or name a file: `--key ~/.ssh/id_ed25519.pub`"
                    .to_owned(),
            )
            .code(Code::Usage)),
        several => {
            let list: Vec<String> = several
                .iter()
                .map(|held| {
                    let kind = held.key.kind().name();
                    format!("{} {kind} {}", held.key.fingerprint(), clean(&held.comment))
                })
                .collect();
            let what = format!(
                "the agent has {} keys:\n  {}",
                list.len(),
                list.join("\n  ")
            );
            Err(Failure::new(what)
                .hint("choose one: `--key SHA256:...`".to_owned())
                .code(Code::Usage))
        }
    }
}

fn key_of_file(path: &Path) -> Result<(Key, String), Failure> {
    let shown = path.display();
    let failed =
        |error: std::io::Error| Failure::new(format!("{shown}: {error}")).code(Code::Usage);
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(PUB_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.contains("PRIVATE KEY") {
        return Err(Failure::new(format!("{shown} is a private key"))
            .hint(format!("name the public one: `--key {shown}.pub`"))
            .code(Code::Usage));
    }
    let mut words = text.lines().next().unwrap_or_default().splitn(3, ' ');
    let (kind, base64) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let key = Key::parse(kind, base64.trim()).map_err(|error| {
        let hint = error.hint().to_owned();
        Failure::new(format!("{shown}: {error}"))
            .hint(hint)
            .code(Code::Usage)
    })?;
    Ok((key, clean(words.next().unwrap_or_default())))
}

/// A comment is the owner's word: of it only plain characters go into a policy file.
fn clean(comment: &str) -> String {
    const COMMENT_MAX: usize = 80;
    let plain = comment
        .trim()
        .chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ');
    plain.take(COMMENT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::policy::PEOPLE;

    const SERVER: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK3DTpwl6xS359J9md9W+lwN2ZamN30tNdX2phSxpBar";
    const BOB: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEOvE6iEp9MPxtq2qsZg6Qi5LbVottExaZqt2axFl+Up";

    fn key(line: &str) -> Key {
        let (kind, base64) = line.split_once(' ').expect("two words");
        Key::parse(kind, base64).expect("a key")
    }

    fn said(name: &str, line: &str, uids: &[u32], case: &str) -> Result<String, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/people");
        let files = policy::load(&root.join(case).join(PEOPLE), Guard::Draft).expect("good");
        lines(&Ask {
            id: &PersonId::new(name).expect("a name"),
            key: &key(line),
            comment: "laptop",
            uids,
            has_named_uids: !uids.is_empty(),
            roles: &[],
            files: Some(&files),
            people_file: Path::new("/etc/warroom/people.toml"),
        })
        .map_err(|problem| problem.what)
    }

    #[test]
    fn the_lines_are_such_as_the_check_accepts() {
        let text = said("carol", SERVER, &[1003], "good-people-alone").expect("lines");
        let dir = tempfile::tempdir().expect("temporary directory");
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/people/good-people-alone");
        let (people, signers) = text
            .split_once("# /etc/warroom/allowed_signers\n")
            .expect("both");
        let before = std::fs::read_to_string(root.join(PEOPLE)).expect("there");
        std::fs::write(dir.path().join(PEOPLE), format!("{before}\n{people}")).expect("write");
        std::fs::write(dir.path().join(SIGNERS), signers).expect("write");
        let files = policy::load(&dir.path().join(PEOPLE), Guard::Draft)
            .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        let carol = files.people.person_of_uid(1003).expect("carol");
        assert_eq!(files.signers.keys_of(&carol.id).count(), 1);
        assert!(text.contains(&key(SERVER).fingerprint()), "{text}");
        // A second key of somebody who is there is one line.
        let more = said("alice", SERVER, &[], "good-people-alone").expect("a line");
        assert!(
            !more.contains("[[person]]") && more.contains("this adds a key"),
            "{more}"
        );
    }

    #[test]
    fn what_would_be_double_is_refused() {
        let refused = |name: &str, line: &str, uids: &[u32]| {
            said(name, line, uids, "good-everything").expect_err("refused")
        };
        assert!(refused("carol", SERVER, &[1003]).contains("`bastion-1`"));
        assert_eq!(
            refused("carol", BOB, &[1003]),
            "this key is on line 5 of `allowed_signers` already, for `bob`"
        );
        let fresh =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";
        assert!(refused("bob", fresh, &[]).contains("revoked"));
        assert_eq!(
            refused("carol", fresh, &[1001]),
            "uid 1001 is the account of `alice`"
        );
        assert_eq!(
            refused("carol", fresh, &[1500]),
            "uid 1500 proves nobody's identity"
        );
        assert_eq!(
            refused("alice", fresh, &[1009]),
            "`alice` is in the people file already"
        );
    }

    #[test]
    fn of_several_keys_one_has_to_be_chosen() {
        let held = |line, comment: &str| HeldKey {
            key: key(line),
            comment: comment.to_owned(),
        };
        let keys = [held(BOB, "bob\u{1b}[2J"), held(SERVER, "host")];
        let failure = key_of_agent(&keys, None).expect_err("two");
        assert!(failure.error.to_string().contains("2 keys"), "{failure:?}");
        let print = key(BOB).fingerprint();
        let (_, comment) = key_of_agent(&keys, Some(&print)).expect("one");
        assert_eq!(comment, "bob[2J");
        assert!(key_of_agent(&[], None).is_err());
    }

    #[test]
    fn a_private_key_is_never_taken_for_a_public_one() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("id");
        std::fs::write(&path, "-----BEGIN OPENSSH PRIVATE KEY-----\n").expect("write");
        let failure = key_of_file(&path).expect_err("private");
        assert!(failure.error.to_string().ends_with("is a private key"));
        std::fs::write(&path, format!("{BOB} bob laptop\n")).expect("write");
        assert_eq!(
            key_of_file(&path).expect("a key"),
            (key(BOB), "bob laptop".to_owned())
        );
    }
}
