//! The program that pages somebody: no shell, nothing inherited, bounded in time and in what is kept of its words.

use crate::domain::fact::Page;
use crate::domain::id::StepId;
use crate::domain::state::State;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Time to hand a page to a paging service, with a retry of its own.
const HOOK_MAX: Duration = Duration::from_secs(30);
/// Time for its words to arrive once it has ended.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);
/// Bytes kept of what the program says on standard error: one line for the journal.
const WORDS_MAX: usize = 400;
/// Where the program finds others; it gets no other variable.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the program gets on its standard input: one JSON object on one line.
pub(super) fn message(state: &State, step: &StepId) -> String {
    let view = state.find(step);
    let glass = state.glass();
    let is_rehearsal = state.genesis.rehearsal.is_some();
    // Whoever is paged reads the title, whatever the program does with the rest.
    let mark = if is_rehearsal { "REHEARSAL: " } else { "" };
    let text = serde_json::json!({
        "what": "breakglass",
        "session": state.genesis.name,
        "host": state.genesis.host,
        "is_rehearsal": is_rehearsal,
        "title": format!("{mark}{}", state.plan().title),
        "step": step,
        "step_number": view.map(|view| view.plan.number.as_str()),
        "step_title": view.map(|view| view.plan.title.as_str()),
        "attempt": state.proposal.as_ref().map(|open| open.terms.attempt),
        "person": glass.map(|glass| &glass.person),
        "reason": glass.map(|glass| glass.reason.as_str()),
        "guards": glass.map(|glass| &glass.guards),
    });
    format!("{text}\n")
}

/// Runs it to its end, or to the end of its time.
pub(super) async fn run(argv: &[String], text: &str) -> Page {
    run_within(argv, text, HOOK_MAX).await
}

async fn run_within(argv: &[String], text: &str, longest: Duration) -> Page {
    match try_run(argv, text, longest).await {
        Ok(()) => Page::Sent,
        Err(why) => Page::Down { why },
    }
}

async fn try_run(argv: &[String], text: &str, longest: Duration) -> Result<(), String> {
    let (program, arguments) = argv.split_first().ok_or("the page hook is empty")?;
    let failed = |what: &dyn std::fmt::Display| format!("`{program}`: {what}");
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // What it starts ends with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&error))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let (input, words) = (child.stdin.take(), child.stderr.take());
    let mut said = Vec::new();
    let running = async {
        let writing = async {
            if let Some(mut input) = input {
                // A program that does not read its input says by its exit status what it thinks of it.
                input.write_all(text.as_bytes()).await.ok();
            }
        };
        let reading = read_words(words, &mut said);
        let ending = async {
            tokio::pin!(reading);
            let status = tokio::select! {
                () = &mut reading => None,
                status = child.wait() => Some(status),
            };
            match status {
                // What it has left behind may hold its words open for ever.
                Some(status) => {
                    tokio::time::timeout(LAST_WORDS_MAX, reading).await.ok();
                    status
                }
                None => child.wait().await,
            }
        };
        let ((), status) = tokio::join!(writing, ending);
        status
    };
    match tokio::time::timeout(longest, running).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => match first_line(&said) {
            said if said.is_empty() => Err(failed(&status)),
            said => Err(failed(&format!("{status}: {said}"))),
        },
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => {
            if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
                rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
            }
            Err(failed(&format!("no end within {} s", longest.as_secs())))
        }
    }
}

/// Keeps the start of what it says; the rest is read and dropped, so that it never waits for a reader.
async fn read_words(words: Option<tokio::process::ChildStderr>, kept: &mut Vec<u8>) {
    let Some(mut words) = words else {
        return;
    };
    let mut part = [0_u8; 1024];
    while let Ok(count) = words.read(&mut part).await {
        if count == 0 {
            break;
        }
        let room = WORDS_MAX.saturating_sub(kept.len());
        kept.extend(part.iter().take(count.min(room)));
    }
}

fn first_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    text.lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    async fn page(script: &str, text: &str) -> Page {
        run(&argv(&["/bin/sh", "-c", script]), text).await
    }

    #[tokio::test]
    async fn only_exit_0_is_a_page() {
        assert_eq!(page("cat >/dev/null", "x\n").await, Page::Sent);
        let Page::Down { why } = page("echo no route >&2; exit 3", "x\n").await else {
            panic!("it exits with 3");
        };
        assert!(why.contains("exit status: 3: no route"), "{why}");
        let down = run(&argv(&["/nowhere/page"]), "x\n").await;
        assert!(matches!(down, Page::Down { .. }), "{down:?}");
        assert!(matches!(run(&[], "x\n").await, Page::Down { .. }));
    }

    #[tokio::test]
    async fn what_it_leaves_behind_does_not_undo_a_page() {
        assert_eq!(page("sleep 60 & exit 0", "x\n").await, Page::Sent);
    }

    #[tokio::test]
    async fn it_gets_the_text_and_nothing_else() {
        // `PWD`, `SHLVL` and `_` are what the shell itself sets.
        let script = r#"read line && [ "$line" = "what" ] && [ -z "$HOME$USER$SSH_AUTH_SOCK" ]"#;
        assert_eq!(page(script, "what\n").await, Page::Sent);
    }

    #[tokio::test]
    async fn one_that_hangs_is_ended() {
        let hangs = argv(&["/bin/sh", "-c", "sleep 1000 & wait"]);
        let Page::Down { why } = run_within(&hangs, "x\n", Duration::from_secs(1)).await else {
            panic!("it never ends");
        };
        assert!(why.contains("no end within 1 s"), "{why}");
    }

    #[tokio::test]
    async fn a_flood_of_words_is_cut() {
        let Page::Down { why } =
            page("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1", "").await
        else {
            panic!("it fails");
        };
        assert!(why.len() < WORDS_MAX + 100, "{}", why.len());
    }
}
