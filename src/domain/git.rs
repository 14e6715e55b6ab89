//! What Git says of a runbook when a session is opened, and what a policy may demand of it.
//!
//! Nothing here asks Git; `server::git` does, once, and the answer is pinned in the first record. What Git could not
//! answer is *unknown*, and unknown meets no demand.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Tags looked at, at most: a commit with more has them made by a machine, and the first ones say enough.
pub const TAGS_MAX: usize = 8;

/// What Git says of a runbook.
///
/// THE SERIALIZED FORM IS FROZEN: it is part of the first record. Guarded by `the_frozen_form_is_what_it_was` below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "git", rename_all = "kebab-case")]
pub enum GitState {
    /// The file lies in no repository.
    None,
    /// Git could not be asked, or did not answer.
    Unknown {
        /// Why, on one line.
        why: String,
    },
    /// It lies in one.
    Known(Box<GitFacts>),
}

/// A runbook in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitFacts {
    /// `sha1:` or `sha256:` and the full id of the checked-out commit; absent in a repository without one.
    pub head: Option<String>,
    /// Branch that is checked out; empty when none is.
    pub branch: String,
    /// How the runbook's bytes compare with that commit.
    pub file: FileState,
    /// How all the other tracked files do.
    pub tree: TreeState,
    /// The commit's signature.
    pub signature: Signature,
    /// Tags at that commit, by name; at most [`TAGS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<GitTag>,
    /// The branch against the one it follows, as it was last fetched.
    pub remote: Remote,
    /// Host of the remote repository, without account and path; empty for a local or no remote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remote_host: String,
}

/// How the runbook's bytes compare with the commit's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum FileState {
    /// Byte for byte the same.
    Same,
    /// They differ.
    Changed,
    /// The commit has no such file.
    Untracked,
    /// Git did not say.
    Unknown {
        /// Why, on one line.
        why: String,
    },
}

/// How the tracked files of the working tree compare with the commit's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum TreeState {
    /// None differs.
    Clean,
    /// Some differ, the runbook perhaps among them.
    Dirty {
        /// How many.
        files: u32,
    },
    /// Git did not say.
    Unknown {
        /// Why, on one line.
        why: String,
    },
}

/// What is known of a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Signature {
    /// There is none.
    Unsigned,
    /// Good, by a key that is trusted for that name.
    Good {
        /// Who, and with which key, in the words of the program that checked it.
        by: String,
    },
    /// Not over these bytes.
    Bad {
        /// Why, on one line.
        why: String,
    },
    /// It cannot be judged: unknown key, no list of signers, no program.
    Unknown {
        /// Why, on one line.
        why: String,
    },
}

/// A tag at the commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitTag {
    /// `v1.2`.
    pub name: String,
    /// The tag's own signature.
    pub signature: Signature,
}

/// A branch against the one it follows. Never fetched for this: it is as old as the newest fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Remote {
    /// The branch follows none.
    None,
    /// Where it stands.
    Known {
        /// `origin/main`.
        upstream: String,
        /// Commits that only this repository has.
        ahead: u32,
        /// Commits that only the other had when it was last fetched.
        behind: u32,
    },
    /// Git did not say.
    Unknown {
        /// Why, on one line.
        why: String,
    },
}

/// What a policy demands of a runbook, and what a class of step demands on top of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Demand {
    /// The runbook is a commit's, and no tracked file differs from that commit.
    Clean,
    /// Clean, and the commit or a tag at it has a good signature.
    Signed,
    /// Clean, and there is a tag at the commit.
    Tagged,
    /// Clean, and a tag at the commit has a good signature.
    SignedTag,
}

impl Demand {
    /// The words of the rules file.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("clean", Self::Clean),
        ("signed", Self::Signed),
        ("tagged", Self::Tagged),
        ("signed-tag", Self::SignedTag),
    ];

    /// The word of the rules file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Signed => "signed",
            Self::Tagged => "tagged",
            Self::SignedTag => "signed-tag",
        }
    }

    /// Why it is not met; nothing where it is.
    pub fn unmet(self, git: Option<&GitState>) -> Option<String> {
        let facts = match git {
            None => return Some("the session has no word of what Git says of it".to_owned()),
            Some(GitState::None) => return Some("it lies in no Git repository".to_owned()),
            Some(GitState::Unknown { why }) => return Some(format!("Git did not say: {why}")),
            Some(GitState::Known(facts)) => facts,
        };
        if let Some(why) = facts.not_clean() {
            return Some(why);
        }
        let tags = &facts.tags;
        match self {
            Self::Tagged | Self::SignedTag if tags.is_empty() => {
                Some("no tag is at its commit".to_owned())
            }
            Self::Clean | Self::Tagged => None,
            Self::Signed => {
                (!facts.is_signed()).then(|| format!("its commit is {}", facts.signature))
            }
            Self::SignedTag if tags.iter().any(|tag| tag.signature.is_good()) => None,
            Self::SignedTag => tags
                .first()
                .map(|tag| format!("its tag `{}` is {}", tag.name, tag.signature)),
        }
    }

    /// What the keeper of the runbook does about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Clean => {
                "whoever keeps the runbook commits or restores what differs; then a new session is opened"
            }
            Self::Signed => {
                "whoever keeps the runbook commits it with `git commit -S`; then a new session is opened"
            }
            Self::Tagged => {
                "whoever keeps the runbook tags its commit with `git tag`; then a new session is opened"
            }
            Self::SignedTag => {
                "whoever keeps the runbook tags its commit with `git tag -s`; then a new session is opened"
            }
        }
    }
}

impl Signature {
    /// True for one that was checked and holds.
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Good { .. })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("not signed"),
            Self::Good { by } => write!(f, "signed by {by}"),
            Self::Bad { why } => write!(f, "signed BADLY: {why}"),
            Self::Unknown { why } => write!(f, "signed, not known by whom: {why}"),
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("follows no remote branch"),
            Self::Known {
                upstream,
                ahead: 0,
                behind: 0,
            } => write!(f, "as `{upstream}` when last fetched"),
            Self::Known {
                upstream,
                ahead,
                behind,
            } => write!(
                f,
                "{ahead} ahead of and {behind} behind `{upstream}` when last fetched"
            ),
            Self::Unknown { why } => write!(f, "against its remote not known: {why}"),
        }
    }
}

impl GitFacts {
    /// Why the runbook is not what the commit holds, or others of its files are not; nothing where all are.
    pub fn not_clean(&self) -> Option<String> {
        match (&self.head, &self.file) {
            (None, _) => return Some("its repository has no commit".to_owned()),
            (_, FileState::Changed) => return Some("it differs from its commit".to_owned()),
            (_, FileState::Untracked) => return Some("it is in no commit".to_owned()),
            (_, FileState::Unknown { why }) => return Some(format!("Git did not say: {why}")),
            (Some(_), FileState::Same) => {}
        }
        match &self.tree {
            TreeState::Clean => None,
            TreeState::Dirty { files: 1 } => {
                Some("another file of its repository differs from the commit".to_owned())
            }
            TreeState::Dirty { files } => Some(format!(
                "{files} other files of its repository differ from the commit"
            )),
            TreeState::Unknown { why } => Some(format!("Git did not say: {why}")),
        }
    }

    /// True where the commit, or a tag at it, has a good signature.
    pub fn is_signed(&self) -> bool {
        self.signature.is_good() || self.tags.iter().any(|tag| tag.signature.is_good())
    }
}

/// How a line is to be read: what is worth a second look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be, or neutral.
    Plain,
    /// Worth a look.
    Doubt,
}

impl GitState {
    /// The commit that holds exactly the runbook's bytes; `none` where there is none, or nobody knows.
    pub fn commit(&self) -> &str {
        match self {
            Self::Known(facts) if facts.file == FileState::Same => {
                facts.head.as_deref().unwrap_or("none")
            }
            _ => "none",
        }
    }

    /// What people read, one line a subject: its word, what is said, and how it is to be read.
    pub fn lines(&self) -> Vec<(&'static str, String, Tone)> {
        let facts = match self {
            Self::None => {
                return vec![("git", "in no repository".to_owned(), Tone::Doubt)];
            }
            Self::Unknown { why } => {
                return vec![("git", format!("not known: {why}"), Tone::Doubt)];
            }
            Self::Known(facts) => facts,
        };
        let branch = match facts.branch.as_str() {
            "" => "no branch".to_owned(),
            branch => format!("branch {branch}"),
        };
        let mut lines = vec![match facts.not_clean() {
            None => ("git", format!("clean, {branch}"), Tone::Plain),
            Some(why) => ("git", format!("NOT CLEAN: {why}; {branch}"), Tone::Doubt),
        }];
        let is_plain = matches!(
            facts.remote,
            Remote::Known {
                ahead: 0,
                behind: 0,
                ..
            }
        );
        let tone = if is_plain { Tone::Plain } else { Tone::Doubt };
        lines.push(("remote", facts.remote.to_string(), tone));
        lines.push((
            "signed",
            facts.signature.to_string(),
            tone_of(&facts.signature),
        ));
        for tag in &facts.tags {
            let said = format!("{}, {}", tag.name, tag.signature);
            lines.push(("tag", said, tone_of(&tag.signature)));
        }
        lines
    }

    /// The same in a few words, for a line with other things in it: `clean, tag v1, signed`.
    pub fn in_short(&self) -> String {
        let facts = match self {
            Self::None => return "no repository".to_owned(),
            Self::Unknown { .. } => return "Git not known".to_owned(),
            Self::Known(facts) => facts,
        };
        let mut words = vec![
            match facts.not_clean() {
                None => "clean",
                Some(_) => "NOT CLEAN",
            }
            .to_owned(),
        ];
        if let Some(tag) = facts.tags.first() {
            words.push(format!("tag {}", tag.name));
        }
        let is_bad = |signature: &Signature| matches!(signature, Signature::Bad { .. });
        let signatures = || {
            let of_tags = facts.tags.iter().map(|tag| &tag.signature);
            std::iter::once(&facts.signature).chain(of_tags)
        };
        words.push(
            if signatures().any(is_bad) {
                "BAD SIGNATURE"
            } else if facts.is_signed() {
                "signed"
            } else if signatures().all(|s| *s == Signature::Unsigned) {
                "not signed"
            } else {
                "signer not known"
            }
            .to_owned(),
        );
        words.join(", ")
    }
}

const fn tone_of(signature: &Signature) -> Tone {
    match signature {
        Signature::Unsigned | Signature::Good { .. } => Tone::Plain,
        Signature::Bad { .. } | Signature::Unknown { .. } => Tone::Doubt,
    }
}

/// Host of a remote repository's address, in lower case: that of a URL, or of `user@host:path`. Empty for a path.
pub fn host_of(address: &str) -> String {
    let after_user = |text: &str| {
        text.rsplit_once('@')
            .map_or_else(|| text.to_owned(), |(_, host)| host.to_owned())
    };
    let host = if let Some((scheme, rest)) = address.split_once("://") {
        if scheme.eq_ignore_ascii_case("file") {
            return String::new();
        }
        let authority = rest.split('/').next().unwrap_or_default();
        let host = after_user(authority);
        match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default().to_owned(),
            None => host.split(':').next().unwrap_or_default().to_owned(),
        }
    } else {
        // Git's rule: a colon before the first slash makes it `host:path`; anything else is a path of this host.
        match address.split_once(':') {
            Some((before, _)) if !before.contains('/') => {
                let host = after_user(before);
                host.trim_matches(['[', ']']).to_owned()
            }
            _ => String::new(),
        }
    };
    host.to_lowercase()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn clean() -> GitFacts {
        GitFacts {
            head: Some("sha1:9fceb02d0ae598e95dc970b74767f19372d61af8".to_owned()),
            branch: "main".to_owned(),
            file: FileState::Same,
            tree: TreeState::Clean,
            signature: Signature::Unsigned,
            tags: Vec::new(),
            remote: Remote::Known {
                upstream: "origin/main".to_owned(),
                ahead: 0,
                behind: 0,
            },
            remote_host: "git.example".to_owned(),
        }
    }

    fn good() -> Signature {
        Signature::Good {
            by: "mira with ED25519 key SHA256:x".to_owned(),
        }
    }

    fn tag(signature: Signature) -> GitTag {
        GitTag {
            name: "v1".to_owned(),
            signature,
        }
    }

    type Break = fn(&mut GitFacts);

    fn meets(change: impl FnOnce(&mut GitFacts)) -> String {
        let mut facts = clean();
        change(&mut facts);
        let state = GitState::Known(Box::new(facts));
        let met = Demand::WORDS
            .iter()
            .filter(|(_, demand)| demand.unmet(Some(&state)).is_none());
        met.map(|(word, _)| *word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_demand_is_met_by_what_it_names_and_unknown_meets_none() {
        let unknown = || Signature::Unknown {
            why: "no key".to_owned(),
        };
        let why = || "no answer".to_owned();
        assert_eq!(meets(|_| {}), "clean");
        assert_eq!(meets(|g| g.signature = good()), "clean signed");
        assert_eq!(meets(|g| g.signature = unknown()), "clean");
        assert_eq!(meets(|g| g.tags = vec![tag(unknown())]), "clean tagged");
        assert_eq!(
            meets(|g| g.tags = vec![tag(Signature::Unsigned), tag(good())]),
            "clean signed tagged signed-tag"
        );
        let full = |g: &mut GitFacts| {
            g.signature = good();
            g.tags = vec![tag(good())];
        };
        let breaks: [Break; 4] = [
            |g| g.head = None,
            |g| g.file = FileState::Changed,
            |g| g.file = FileState::Untracked,
            |g| g.tree = TreeState::Dirty { files: 2 },
        ];
        for breaks in breaks {
            let met = meets(|g| {
                full(g);
                breaks(g);
            });
            assert_eq!(met, "");
        }
        assert_eq!(meets(|g| g.file = FileState::Unknown { why: why() }), "");
        assert_eq!(meets(|g| g.tree = TreeState::Unknown { why: why() }), "");
        for (word, demand) in Demand::WORDS {
            assert_eq!(word, demand.as_str());
            for git in [
                None,
                Some(GitState::None),
                Some(GitState::Unknown { why: why() }),
            ] {
                assert!(demand.unmet(git.as_ref()).is_some(), "{word} {git:?}");
            }
        }
    }

    #[test]
    fn a_commit_is_named_only_for_exactly_its_bytes() {
        let of = |file| {
            let facts = GitFacts { file, ..clean() };
            GitState::Known(Box::new(facts)).commit().to_owned()
        };
        assert!(of(FileState::Same).starts_with("sha1:9fce"));
        assert_eq!(of(FileState::Changed), "none");
        assert_eq!(of(FileState::Untracked), "none");
        assert_eq!(GitState::None.commit(), "none");
    }

    #[test]
    fn the_host_of_a_remote_has_neither_account_nor_secret() {
        let cases = [
            ("git@git.example:ops/runbooks.git", "git.example"),
            ("ssh://git@Git.Example:2222/ops", "git.example"),
            ("https://mira:s3cret@git.example/ops", "git.example"),
            ("https://[2001:db8::7]:8443/ops", "2001:db8::7"),
            ("file:///srv/git/ops", ""),
            ("/srv/git/ops", ""),
            ("../ops", ""),
            ("./a:b", ""),
            ("", ""),
        ];
        for (address, host) in cases {
            assert_eq!(host_of(address), host, "{address}");
        }
    }

    #[test]
    fn the_frozen_form_is_what_it_was() {
        let mut facts = clean();
        facts.tags = vec![tag(good())];
        let text = serde_json::to_string(&GitState::Known(Box::new(facts))).expect("JSON");
        assert_eq!(
            text,
            r#"{"git":"known","head":"sha1:9fceb02d0ae598e95dc970b74767f19372d61af8","branch":"main","file":{"is":"same"},"tree":{"is":"clean"},"signature":{"is":"unsigned"},"tags":[{"name":"v1","signature":{"is":"good","by":"mira with ED25519 key SHA256:x"}}],"remote":{"is":"known","upstream":"origin/main","ahead":0,"behind":0},"remote_host":"git.example"}"#
        );
        for state in [
            GitState::None,
            GitState::Unknown {
                why: "no `git`".to_owned(),
            },
        ] {
            let text = serde_json::to_string(&state).expect("JSON");
            let back: GitState = serde_json::from_str(&text).expect("JSON");
            assert_eq!(back, state);
        }
    }

    #[test]
    fn what_is_worth_a_look_says_so_in_words() {
        let mut facts = clean();
        facts.tree = TreeState::Dirty { files: 3 };
        facts.signature = Signature::Bad {
            why: "incorrect signature".to_owned(),
        };
        let state = GitState::Known(Box::new(facts));
        assert_eq!(state.in_short(), "NOT CLEAN, BAD SIGNATURE");
        let lines = state.lines();
        let doubted = |word: &str| {
            let line = lines.iter().find(|(w, _, _)| *w == word);
            line.is_some_and(|(_, _, tone)| *tone == Tone::Doubt)
        };
        assert!(doubted("git") && doubted("signed") && !doubted("remote"));
        let mut facts = clean();
        facts.tags = vec![tag(good())];
        assert_eq!(
            GitState::Known(Box::new(facts)).in_short(),
            "clean, tag v1, signed"
        );
    }
}
