//! Against real repositories, made by the `git` of this host.

use super::*;
use crate::domain::git::Demand;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

/// A home with a name, two keys and a list of signers that has the first of them, and a directory for repositories.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let place = Self { dir };
        for name in ["home", "repo"] {
            fs::create_dir(place.path(name)).expect("a directory");
        }
        for key in ["mira", "eve"] {
            let file = place.path(key);
            let words = ["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"];
            let made = Command::new("ssh-keygen").args(words).arg(&file).status();
            assert!(made.expect("ssh-keygen runs").success());
        }
        let public = fs::read_to_string(place.path("mira.pub")).expect("a key");
        let signers = format!("mira@example.org namespaces=\"git\" {public}");
        fs::write(place.path("signers"), signers).expect("write");
        fs::set_permissions(place.path("signers"), fs::Permissions::from_mode(0o644))
            .expect("chmod");
        place.configure(true);
        place.git(&["init", "-q", "-b", "main"]);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The account's own settings, with or without a list of signers.
    fn configure(&self, with_signers: bool) {
        let mut text =
            "[user]\n name = Mira\n email = mira@example.org\n[gpg]\n format = ssh\n".to_owned();
        if with_signers {
            let file = self.path("signers");
            let file = file.display().to_string();
            text.extend(["[gpg \"ssh\"]\n allowedSignersFile = ", &file, "\n"]);
        }
        fs::write(self.path("home/.gitconfig"), text).expect("write");
    }

    fn env(&self) -> Vec<(String, String)> {
        let home = self.path("home").display().to_string();
        let path = "/usr/local/bin:/usr/bin:/bin".to_owned();
        vec![("HOME".to_owned(), home), ("PATH".to_owned(), path)]
    }

    fn git_in(&self, dir: &Path, words: &[&str]) -> String {
        let output = Command::new("git")
            .env_clear()
            .envs(self.env())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .arg("-C")
            .arg(dir)
            .args(words)
            .stdin(Stdio::null())
            .output()
            .expect("git runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {err}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn git(&self, words: &[&str]) -> String {
        self.git_in(&self.path("repo"), words)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path("repo").join(name), text).expect("write");
    }

    /// Commits everything, signed with a key or not at all.
    fn commit(&self, key: Option<&str>) {
        self.git(&["add", "-A"]);
        let set = |key| format!("user.signingKey={}", self.path(key).display());
        match key {
            None => self.git(&["commit", "-q", "-m", "x"]),
            Some(key) => self.git(&["-c", &set(key), "commit", "-q", "-S", "-m", "x"]),
        };
    }

    fn tag(&self, key: &str, name: &str) {
        let set = format!("user.signingKey={}", self.path(key).display());
        self.git(&["-c", &set, "tag", "-s", "-m", "x", name]);
    }

    fn look_with(&self, name: &str, signers: Option<&str>) -> GitState {
        let file = self.path("repo").join(name);
        let digest = Digest::of(&fs::read(&file).unwrap_or_default());
        let around = Surroundings {
            env: self.env(),
            signers: signers.map(|name| self.path(name)),
        };
        look(&file, digest, &around)
    }

    fn look(&self, name: &str) -> GitFacts {
        match self.look_with(name, None) {
            GitState::Known(facts) => *facts,
            other => panic!("{other:?}"),
        }
    }
}

fn unmet(facts: &GitFacts) -> String {
    let state = GitState::Known(Box::new(facts.clone()));
    let unmet = Demand::WORDS
        .iter()
        .filter(|(_, demand)| demand.unmet(Some(&state)).is_some());
    unmet.map(|(word, _)| *word).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_file_is_followed_from_no_repository_to_a_clean_commit() {
    let place = Place::new();
    fs::write(place.path("alone.md"), "# a\n").expect("write");
    let alone = place.path("alone.md");
    let around = Surroundings {
        env: place.env(),
        signers: None,
    };
    assert_eq!(look(&alone, Digest::of(b"# a\n"), &around), GitState::None);
    place.write("r.md", "# a\n");
    let facts = place.look("r.md");
    assert_eq!(
        (facts.head.as_deref(), facts.branch.as_str()),
        (None, "main")
    );
    assert!(unmet(&facts).contains("clean"));
    place.write("other.sh", "true\n");
    place.commit(None);
    let facts = place.look("r.md");
    assert!(
        facts
            .head
            .as_deref()
            .is_some_and(|id| id.len() == 45 && id.starts_with("sha1:"))
    );
    assert_eq!(
        (&facts.file, &facts.tree),
        (&FileState::Same, &TreeState::Clean)
    );
    assert_eq!(
        (&facts.signature, &facts.remote),
        (&Signature::Unsigned, &Remote::None)
    );
    assert_eq!(unmet(&facts), "signed tagged signed-tag");
    place.write("other.sh", "false\n");
    let facts = place.look("r.md");
    assert_eq!(
        (facts.file, facts.tree),
        (FileState::Same, TreeState::Dirty { files: 1 })
    );
    place.git(&["checkout", "-q", "other.sh"]);
    place.write("r.md", "# b\n");
    assert_eq!(place.look("r.md").file, FileState::Changed);
    place.write("new.md", "# n\n");
    assert_eq!(place.look("new.md").file, FileState::Untracked);
    place.git(&["checkout", "-q", "--detach"]);
    assert_eq!(place.look("r.md").branch, "");
}

#[test]
fn a_changed_file_that_git_is_told_not_to_look_at_is_still_changed() {
    let place = Place::new();
    place.write("r.md", "# a\n");
    place.commit(None);
    place.git(&["update-index", "--assume-unchanged", "r.md"]);
    place.write("r.md", "# b\n");
    let facts = place.look("r.md");
    assert_eq!(
        (&facts.file, &facts.tree),
        (&FileState::Changed, &TreeState::Clean)
    );
    assert!(unmet(&facts).contains("clean"));
}

#[test]
fn a_signature_is_good_only_by_a_key_on_the_list() {
    let place = Place::new();
    place.write("r.md", "# a\n");
    place.commit(Some("mira"));
    let by_mira = place.look("r.md");
    let Signature::Good { by } = &by_mira.signature else {
        panic!("{by_mira:?}");
    };
    assert!(
        by.starts_with("mira@example.org with ED25519 key SHA256:"),
        "{by}"
    );
    assert_eq!(unmet(&by_mira), "tagged signed-tag");
    // The repository's own word on who is a good signer is worth nothing.
    place.configure(false);
    let signers = place.path("signers").display().to_string();
    place.git(&["config", "gpg.ssh.allowedSignersFile", &signers]);
    let facts = place.look("r.md");
    assert!(
        matches!(&facts.signature, Signature::Unknown { why } if why.contains("runbook_signers")),
        "{facts:?}"
    );
    // The policy's is, whatever the account says.
    let GitState::Known(facts) = place.look_with("r.md", Some("signers")) else {
        panic!("not known");
    };
    assert!(facts.signature.is_good());
    fs::set_permissions(place.path("signers"), fs::Permissions::from_mode(0o664)).expect("chmod");
    let GitState::Known(facts) = place.look_with("r.md", Some("signers")) else {
        panic!("not known");
    };
    assert!(
        !facts.signature.is_good(),
        "anybody could have put a key there"
    );
    fs::set_permissions(place.path("signers"), fs::Permissions::from_mode(0o644)).expect("chmod");
    fs::write(place.path("nobody"), "").expect("write");
    let GitState::Known(facts) = place.look_with("r.md", Some("nobody")) else {
        panic!("not known");
    };
    assert!(!facts.signature.is_good(), "{facts:?}");
    place.configure(true);
    place.write("r.md", "# b\n");
    place.commit(Some("eve"));
    let facts = place.look("r.md");
    assert!(
        matches!(&facts.signature, Signature::Unknown { why } if why.contains("not on the list")),
        "{facts:?}"
    );
    assert!(unmet(&facts).starts_with("signed"));
}

/// Runs `gpg` in the home of a place; its standard output, or nothing where there is no `gpg`.
fn gpg(place: &Place, words: &[&str], input: &str) -> Option<String> {
    let mut child = Command::new("gpg")
        .env_clear()
        .envs(place.env())
        .args(["--batch", "--quiet", "--no-tty"])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut pipe = child.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut pipe, input.as_bytes()).expect("written");
    drop(pipe);
    let output = child.wait_with_output().expect("gpg ends");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {err}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

const WHO: &str = "Mira <mira@example.org>";

/// An empty keyring in the home of a place.
fn keyring(place: &Place) -> PathBuf {
    let ring = place.path("home/.gnupg");
    fs::create_dir(&ring).expect("a directory");
    fs::set_permissions(&ring, fs::Permissions::from_mode(0o700)).expect("chmod");
    ring
}

/// The fingerprint of a new key; nothing where there is no `gpg`.
fn pgp_key(place: &Place, who: &str) -> Option<String> {
    let make = ["--passphrase", "", "--quick-generate-key", who, "ed25519"];
    let make: Vec<&str> = make.into_iter().chain(["sign", "never"]).collect();
    gpg(place, &make, "")?;
    let listed = gpg(place, &["--with-colons", "--fingerprint", who], "")?;
    let finger = listed.lines().find_map(|line| line.strip_prefix("fpr:"));
    Some(finger.expect("a fingerprint").trim_matches(':').to_owned())
}

/// What a commit by a PGP key counts as, by what the account's keyring says of that key. Where there is no `gpg`, the
/// table of what it says stands for it (`said`).
#[test]
fn a_pgp_signature_is_as_good_as_the_keyring_says() {
    let place = Place::new();
    let ring = keyring(&place);
    let Some(finger) = pgp_key(&place, WHO) else {
        return;
    };
    place.write("r.md", "# a\n");
    place.git(&["add", "-A"]);
    let key = format!("user.signingKey={finger}");
    place.git(&[
        "-c",
        "gpg.format=openpgp",
        "-c",
        &key,
        "commit",
        "-q",
        "-S",
        "-m",
        "x",
    ]);
    let said = |signers: Option<&str>| match place.look_with("r.md", signers) {
        GitState::Known(facts) => facts.signature,
        other => panic!("{other:?}"),
    };
    let why = |signature: Signature| match signature {
        Signature::Unknown { why } => why,
        other => panic!("{other:?}"),
    };
    let Signature::Good { by } = said(None) else {
        panic!("{:?}", said(None));
    };
    assert!(
        by.ends_with(WHO) && finger.contains(by.split(' ').next().expect("a key")),
        "{by}"
    );
    // A policy that names signers names them by their SSH keys.
    assert!(why(said(Some("signers"))).contains("it is no SSH signature"));
    // Trust is a word of its own: 2 is undefined (`doc/DETAILS` of GnuPG, "ownertrust").
    gpg(&place, &["--import-ownertrust"], &format!("{finger}:2:\n"));
    assert_eq!(why(said(None)), "its key is not trusted in the keyring");
    gpg(&place, &["--import-ownertrust"], &format!("{finger}:6:\n"));
    assert!(said(None).is_good());
    let raw = place.git(&["cat-file", "commit", "HEAD"]);
    let forged = raw.replace("\n\nx\n", "\n\nanother word\n");
    assert_ne!(raw, forged);
    fs::write(place.path("forged"), forged).expect("write");
    let file = place.path("forged").display().to_string();
    let id = place.git(&["hash-object", "-t", "commit", "-w", &file]);
    let true_one = place.git(&["rev-parse", "HEAD"]);
    place.git(&["reset", "-q", "--hard", id.trim()]);
    assert!(
        matches!(said(None), Signature::Bad { .. }),
        "{:?}",
        said(None)
    );
    place.git(&["reset", "-q", "--hard", true_one.trim()]);
    fs::rename(&ring, place.path("home/away")).expect("moved");
    keyring(&place);
    assert_eq!(why(said(None)), "its key is not in the keyring");
}

#[test]
fn a_commit_that_was_changed_behind_its_signature_is_bad() {
    let place = Place::new();
    place.write("r.md", "# a\n");
    place.commit(Some("mira"));
    let raw = place.git(&["cat-file", "commit", "HEAD"]);
    let forged = raw.replace("\n\nx\n", "\n\nanother word\n");
    assert_ne!(raw, forged);
    fs::write(place.path("forged"), forged).expect("write");
    let file = place.path("forged").display().to_string();
    let id = place.git(&["hash-object", "-t", "commit", "-w", &file]);
    place.git(&["reset", "-q", "--hard", id.trim()]);
    let facts = place.look("r.md");
    assert!(
        matches!(facts.signature, Signature::Bad { .. }),
        "{facts:?}"
    );
    assert!(unmet(&facts).contains("signed"));
}

#[test]
fn tags_are_named_with_their_own_signatures_and_a_renamed_one_is_bad() {
    let place = Place::new();
    place.write("r.md", "# a\n");
    place.commit(None);
    place.git(&["tag", "light"]);
    assert_eq!(unmet(&place.look("r.md")), "signed signed-tag");
    place.tag("mira", "v1");
    place.tag("eve", "v2");
    place.git(&["update-ref", "refs/tags/v9", "refs/tags/v1"]);
    let facts = place.look("r.md");
    let said: Vec<(&str, bool)> = facts
        .tags
        .iter()
        .map(|t| (t.name.as_str(), t.signature.is_good()))
        .collect();
    assert_eq!(
        said,
        [("light", false), ("v1", true), ("v2", false), ("v9", false)]
    );
    assert!(
        matches!(facts.tags[3].signature, Signature::Bad { .. }),
        "{facts:?}"
    );
    assert_eq!(unmet(&facts), "");
    place.write("r.md", "# b\n");
    place.commit(None);
    assert_eq!(place.look("r.md").tags, []);
}

#[test]
fn a_branch_is_compared_with_what_was_fetched_and_nothing_is_fetched() {
    let place = Place::new();
    place.write("r.md", "# a\n");
    place.commit(None);
    let (repo, bare) = (place.path("repo"), place.path("bare"));
    let (repo, bare) = (repo.display().to_string(), bare.display().to_string());
    place.git(&["clone", "-q", "--bare", &repo, &bare]);
    place.git(&["remote", "add", "origin", &bare]);
    place.git(&["fetch", "-q", "origin"]);
    place.git(&["branch", "-q", "-u", "origin/main"]);
    let stands = |ahead, behind| Remote::Known {
        upstream: "origin/main".to_owned(),
        ahead,
        behind,
    };
    assert_eq!(place.look("r.md").remote, stands(0, 0));
    place.write("r.md", "# b\n");
    place.commit(None);
    assert_eq!(place.look("r.md").remote, stands(1, 0));
    place.git(&["push", "-q", "origin", "main"]);
    place.git(&["reset", "-q", "--hard", "HEAD~1"]);
    assert_eq!(place.look("r.md").remote, stands(0, 1));
    // What another pushed meanwhile is not known here, and nobody asks.
    place.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    assert_eq!(place.look("r.md").remote, stands(0, 0));
    place.git(&["update-ref", "-d", "refs/remotes/origin/main"]);
    let gone = place.look("r.md").remote;
    assert!(matches!(gone, Remote::Unknown { .. }), "{gone:?}");
    place.git(&[
        "remote",
        "set-url",
        "origin",
        "git@git.example:ops/runbooks.git",
    ]);
    assert_eq!(place.look("r.md").remote_host, "git.example");
}

#[test]
fn no_program_of_the_repository_runs_and_odd_names_are_names() {
    let place = Place::new();
    let odd = [
        "-c core.x=y.md",
        ":(top)*.md",
        "a b\nc.md",
        "*.md",
        "--output=x.md",
    ];
    for name in odd {
        place.write(name, &format!("# {name}\n"));
    }
    place.write(".gitattributes", "* filter=trap\n");
    place.commit(Some("mira"));
    let trap = place.path("trap.sh");
    let mark = place.path("sprung");
    let script = format!("#!/bin/sh\ntouch '{}'\nexec cat\n", mark.display());
    fs::write(&trap, script).expect("write");
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).expect("chmod");
    let trap = trap.display().to_string();
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "core.askPass",
        "gpg.program",
        "gpg.ssh.program",
        "filter.trap.clean",
        "filter.trap.smudge",
        "diff.external",
        "credential.helper",
    ] {
        place.git(&["config", key, &trap]);
    }
    place.git(&["config", "filter.trap.required", "true"]);
    for hook in ["post-index-change", "reference-transaction"] {
        let file = place.path("repo/.git/hooks").join(hook);
        fs::create_dir_all(place.path("repo/.git/hooks")).expect("a directory");
        fs::copy(&trap, &file).expect("copy");
    }
    // Another time of change has Git look at the contents.
    place.write(odd[0], &format!("# {}\n", odd[0]));
    for name in odd {
        let facts = place.look(name);
        assert_eq!(facts.file, FileState::Same, "{name:?}");
        assert_eq!(facts.tree, TreeState::Clean, "{name:?}");
        assert!(facts.signature.is_good(), "{facts:?}");
    }
    assert!(!mark.exists(), "a program of the repository ran");
}

/// A setting on the command line is cut at its first `=`, so a filter of such a name cannot be switched off there.
#[test]
fn a_filter_that_cannot_be_switched_off_is_not_run_either() {
    let place = Place::new();
    place.write("r.md", "# a\n");
    place.write(".gitattributes", "* filter=a=b\n");
    place.commit(None);
    let mark = place.path("sprung");
    let trap = format!("touch '{}'; cat", mark.display());
    let config = place.path("repo/.git/config");
    let mut text = fs::read_to_string(&config).expect("a configuration");
    let filter = format!("[filter \"a=b\"]\n\tclean = {trap:?}\n");
    text.push_str(&filter);
    fs::write(&config, text).expect("write");
    // Another time of change has Git look at the contents.
    place.write("r.md", "# a\n");
    let state = place.look_with("r.md", None);
    assert!(!mark.exists(), "a program of the repository ran: {state:?}");
}

#[test]
fn what_cannot_be_asked_is_unknown() {
    let place = Place::new();
    place.write("r.md", "# a\n");
    place.commit(None);
    let empty = Surroundings {
        env: vec![("PATH".to_owned(), place.path("home").display().to_string())],
        signers: None,
    };
    let file = place.path("repo/r.md");
    let state = look(&file, Digest::of(b"# a\n"), &empty);
    assert!(
        matches!(&state, GitState::Unknown { why } if why.contains("cannot run `git`")),
        "{state:?}"
    );
    // A repository that is broken is not the same as none.
    fs::write(place.path("repo/.git/HEAD"), "nonsense").expect("write");
    fs::write(place.path("repo/.git/config"), "[broken").expect("write");
    let state = place.look_with("r.md", None);
    assert!(matches!(state, GitState::Unknown { .. }), "{state:?}");
}

#[test]
fn a_git_that_hangs_is_left() {
    let place = Place::new();
    let bin = place.path("bin");
    fs::create_dir(&bin).expect("a directory");
    fs::write(
        bin.join("git"),
        "#!/bin/sh\n/bin/sleep 600 &\nexec /bin/sleep 600\n",
    )
    .expect("write");
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).expect("chmod");
    let around = Surroundings {
        env: vec![("PATH".to_owned(), bin.display().to_string())],
        signers: None,
    };
    let git = Git::new_within(
        &place.path("repo"),
        &around,
        std::time::Duration::from_millis(300),
    );
    let answer = git.ask(&["rev-parse", "HEAD"]);
    assert!(matches!(answer, Err(Trouble::Slow)), "{answer:?}");
}
