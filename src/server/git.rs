//! Asks the `git` program about a runbook: once, when a session is opened, and never over a network.
//!
//! A repository is outside data: its own configuration names no program here and says nobody is a good signer (that is
//! the account's or the policy's to say), no hook runs, nothing is asked on a terminal, no remote is contacted. Git's
//! own rule that a repository of another account is not read (`safe.directory`) stays as the account has set it.

mod run;
mod said;
#[cfg(test)]
mod tests;

use crate::domain::digest::Digest;
use crate::domain::git::{
    FileState, GitFacts, GitState, GitTag, Remote, Signature, TAGS_MAX, TreeState, host_of,
};
use crate::domain::runbook::limits::FILE_BYTES_MAX;
use run::{Git, Said, Trouble};
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Output that is read of a question whose answer is short.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What the account lends to Git.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Variables, of those in [`PASSED`].
    pub env: Vec<(String, String)>,
    /// File of signers in the form of `ssh-keygen`, as the policy names it: then no other signature counts.
    pub signers: Option<PathBuf>,
}

/// Variables that Git gets when they are set, and no others: where it is, and where the account keeps its settings and keys.
pub const PASSED: [&str; 5] = ["PATH", "HOME", "XDG_CONFIG_HOME", "GNUPGHOME", "USER"];

/// What Git says of the file whose bytes have that digest. Blocks, for [`run::LONGEST`] at most.
pub fn look(file: &Path, digest: Digest, around: &Surroundings) -> GitState {
    let (Some(dir), Some(name)) = (file.parent(), file.file_name()) else {
        return unknown("the runbook has no directory");
    };
    let mut git = Git::new(dir, around);
    match ask(&mut git, name, digest, around) {
        Ok(state) => state,
        Err(trouble) => unknown(&trouble.to_string()),
    }
}

fn unknown(why: &str) -> GitState {
    GitState::Unknown {
        why: why.to_owned(),
    }
}

fn ask(
    git: &mut Git,
    name: &OsStr,
    digest: Digest,
    around: &Surroundings,
) -> Result<GitState, Trouble> {
    let place = git.ask(&["rev-parse", "--is-inside-work-tree", "--show-object-format"])?;
    if !place.is_good() {
        let is_none = place.err.contains("not a git repository");
        return Ok(if !is_none {
            unknown(&place.why())
        } else if git.has_something() {
            unknown("there is a `.git` above it that Git does not take for a repository")
        } else {
            GitState::None
        });
    }
    git.without_own_filters()?;
    let git = &*git;
    let mut words = place.out.split_whitespace();
    if words.next() != Some("true") {
        return Ok(unknown("the runbook lies in no working tree"));
    }
    let format = words.next().unwrap_or("sha1").to_owned();
    let head = git.ask(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
    let id = Some(head.out.trim().to_owned()).filter(|id| head.is_good() && is_id(id));
    let (branch, remote, remote_host) = against_remote(git, id.is_some())?;
    let Some(id) = id else {
        return Ok(GitState::Known(Box::new(GitFacts {
            head: None,
            branch,
            file: FileState::Untracked,
            tree: TreeState::Clean,
            signature: Signature::Unsigned,
            tags: Vec::new(),
            remote,
            remote_host,
        })));
    };
    Ok(GitState::Known(Box::new(GitFacts {
        file: file_state(git, &id, name, digest)?,
        tree: tree_state(git)?,
        signature: commit_signature(git, &id, around)?,
        tags: tags(git, &id, around)?,
        head: Some(format!("{format}:{id}")),
        branch,
        remote,
        remote_host,
    })))
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The bytes of the commit, not what a filter makes of them: a plan is made from bytes.
fn file_state(git: &Git, id: &str, name: &OsStr, digest: Digest) -> Result<FileState, Trouble> {
    let mut object = OsString::from(format!("{id}:./"));
    object.push(name);
    let words = [OsStr::new("cat-file"), OsStr::new("blob"), &object];
    let (bytes, said) = git.read(&words, FILE_BYTES_MAX)?;
    Ok(if said.is_good() && Digest::of(&bytes) == digest {
        FileState::Same
    } else if said.is_good() || said.is_cut {
        FileState::Changed
    } else if said.err.contains("does not exist in") || said.err.contains("exists on disk, but not")
    {
        FileState::Untracked
    } else {
        FileState::Unknown { why: said.why() }
    })
}

fn tree_state(git: &Git) -> Result<TreeState, Trouble> {
    let said = git.ask(&[
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",
        "--untracked-files=no",
        "--ignore-submodules=dirty",
    ])?;
    let files = said.out.split('\0').filter(|line| line.len() > 3).count();
    Ok(match u32::try_from(files).unwrap_or(u32::MAX) {
        // What was cut off names files too.
        files if files > 0 => TreeState::Dirty { files },
        _ if said.is_good() => TreeState::Clean,
        _ => TreeState::Unknown { why: said.why() },
    })
}

fn commit_signature(git: &Git, id: &str, around: &Surroundings) -> Result<Signature, Trouble> {
    let commit = git.ask(&["cat-file", "commit", id])?;
    if !commit.is_good() {
        return Ok(Signature::Unknown { why: commit.why() });
    }
    let head = commit.out.split("\n\n").next().unwrap_or_default();
    let mut fields = head.lines();
    if !fields.any(|line| line.starts_with("gpgsig ") || line.starts_with("gpgsig-sha256 ")) {
        return Ok(Signature::Unsigned);
    }
    let is_ssh = head.contains("-----BEGIN SSH SIGNATURE-----");
    judged(git, "verify-commit", id, is_ssh, around)
}

fn judged(
    git: &Git,
    verb: &str,
    id: &str,
    is_ssh: bool,
    around: &Surroundings,
) -> Result<Signature, Trouble> {
    if !is_ssh && around.signers.is_some() {
        return Ok(Signature::Unknown {
            why: "it is no SSH signature, and the policy names signers by their SSH keys"
                .to_owned(),
        });
    }
    if is_ssh && !git.knows_signers(around) {
        return Ok(Signature::Unknown {
            why: "the account has no `gpg.ssh.allowedSignersFile`, and the policy no `runbook_signers`"
                .to_owned(),
        });
    }
    if let Some(why) = around.signers.as_deref().and_then(not_ours) {
        return Ok(Signature::Unknown { why });
    }
    let said = git.ask(&[verb, "--raw", id])?;
    let is_pgp = said.err.lines().any(|line| line.starts_with("[GNUPG:] "));
    if is_pgp && around.signers.is_some() {
        // What stands in a commit is its author's to write; which program has judged it is not.
        return Ok(Signature::Unknown {
            why: "it is no SSH signature, and the policy names signers by their SSH keys"
                .to_owned(),
        });
    }
    Ok(said::signature(said.is_good(), &said.err))
}

/// Why a list of signers is not to be gone by; nothing where it is.
fn not_ours(file: &Path) -> Option<String> {
    let found = std::fs::metadata(file);
    let is_sound = found.is_ok_and(|found| found.is_file() && found.mode() & 0o022 == 0);
    let file = file.display();
    (!is_sound).then(|| format!("`{file}` is no file, or others than its owner may write it"))
}

fn tags(git: &Git, id: &str, around: &Surroundings) -> Result<Vec<GitTag>, Trouble> {
    let (points, count) = (format!("--points-at={id}"), format!("--count={TAGS_MAX}"));
    let format = "--format=%(objecttype) %(objectname) %(refname:strip=2)";
    let said = git.ask(&["for-each-ref", &points, &count, format, "refs/tags"])?;
    if !said.is_good() {
        return Err(Trouble::Answer(said.why()));
    }
    let mut tags = Vec::new();
    for line in said.out.lines() {
        let mut words = line.splitn(3, ' ');
        let (Some(kind), Some(object), Some(name)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let signature = match kind {
            "tag" => tag_signature(git, object, name, around)?,
            _ => Signature::Unsigned,
        };
        tags.push(GitTag {
            name: name.to_owned(),
            signature,
        });
    }
    Ok(tags)
}

fn tag_signature(
    git: &Git,
    object: &str,
    name: &str,
    around: &Surroundings,
) -> Result<Signature, Trouble> {
    let tag = git.ask(&["cat-file", "tag", object])?;
    if !tag.is_good() {
        return Ok(Signature::Unknown { why: tag.why() });
    }
    if !tag.out.lines().any(said::begins_signature) {
        return Ok(Signature::Unsigned);
    }
    // A reference can be renamed by anybody; the name that was signed is in the object.
    let signed_name = tag.out.lines().find_map(|line| line.strip_prefix("tag "));
    if signed_name != Some(name) {
        return Ok(Signature::Bad {
            why: format!("what was signed is called `{}`", signed_name.unwrap_or("")),
        });
    }
    let is_ssh = tag.out.contains("\n-----BEGIN SSH SIGNATURE-----");
    judged(git, "verify-tag", object, is_ssh, around)
}

/// Branch, how it stands against the one it follows, and the host of that.
fn against_remote(git: &Git, has_commit: bool) -> Result<(String, Remote, String), Trouble> {
    let head = git.ask(&["symbolic-ref", "--quiet", "HEAD"])?;
    let full = head.out.trim().to_owned();
    let branch = full.strip_prefix("refs/heads/").unwrap_or_default();
    if !head.is_good() || branch.is_empty() {
        return Ok((String::new(), Remote::None, host(git, "origin")?));
    }
    if !has_commit {
        return Ok((branch.to_owned(), Remote::None, host(git, "origin")?));
    }
    let format = "--format=%(upstream)%00%(upstream:remotename)";
    let said = git.ask(&["for-each-ref", "--count=1", format, &full])?;
    let (upstream, name) = said.out.trim().split_once('\0').unwrap_or_default();
    if !said.is_good() || upstream.is_empty() {
        return Ok((branch.to_owned(), Remote::None, host(git, "origin")?));
    }
    let short = upstream.strip_prefix("refs/remotes/").unwrap_or(upstream);
    let range = format!("{full}...{upstream}");
    let counted = git.ask(&["rev-list", "--left-right", "--count", &range, "--"])?;
    let remote = match said::counts(&counted.out).filter(|_| counted.is_good()) {
        Some((ahead, behind)) => Remote::Known {
            upstream: short.to_owned(),
            ahead,
            behind,
        },
        None => Remote::Unknown {
            why: format!("`{short}` was never fetched, or is gone"),
        },
    };
    Ok((branch.to_owned(), remote, host(git, name)?))
}

fn host(git: &Git, remote: &str) -> Result<String, Trouble> {
    // `.` is this repository: a branch can follow another of its own.
    if remote.is_empty() || remote == "." || remote.starts_with('-') {
        return Ok(String::new());
    }
    let said: Said = git.ask(&["remote", "get-url", remote])?;
    let address = said.out.lines().next().unwrap_or_default();
    Ok(if said.is_good() {
        host_of(address)
    } else {
        String::new()
    })
}
