//! Bob's agent says no, is locked, hangs and dies: the screen says so, nothing is confirmed, and nothing is stuck.

use super::agent::Agent;
use super::stage::{Layout, Stage, cannot};
use crate::harness::wait_until;
use crate::services::{ALICE, BOB};

/// Does what the file `mood` beside it says: yes, no, the word of a lock, or no answer for ever.
const MOODY: &str = "\
case $(cat mood) in
  yes) exit 0 ;;
  word) echo a word ;;
  never) echo $$ >asking.new; mv asking.new asking; exec sleep 1000 ;;
  *) exit 1 ;;
esac";

#[test]
fn an_agent_that_does_not_sign_confirms_nothing_and_blocks_nobody() {
    if cannot("two_person::agents::an_agent_that_does_not_sign") {
        return;
    }
    let stage = Stage::new(Layout::default());
    stage.start("moods");
    let mut laptop = Agent::start(&stage, "laptop", MOODY);
    let socket = laptop.socket();
    let mood =
        |word: &str| std::fs::write(stage.place.join("agents/laptop/mood"), word).expect("written");
    mood("no");
    laptop.add(&["-c"], &stage.key_file("bob"));
    let alice = stage.seat("alice", ALICE, None);
    let bob = stage.seat("bob", BOB, Some(&socket));
    alice.attach("moods");
    bob.attach("moods");
    alice.begin(&stage, "moods");
    alice.propose(&stage, "moods");

    // It asks its owner, who says no.
    bob.confirm();
    bob.wait_said("refused");
    bob.wait_said("ssh-add -c");
    assert_eq!(stage.records_of("moods", "step.confirmed").len(), 0);

    // It is locked, and shows no key at all.
    mood("word");
    laptop.lock(true);
    bob.press(&["a"]);
    bob.wait_said("the ssh-agent shows no keys");
    laptop.lock(false);

    // Its owner does not answer. The popup can be left, and the review taken up again.
    mood("never");
    bob.press(&["a"]);
    bob.wait_said("waiting for your ssh-agent");
    let asking = laptop.file("asking");
    wait_until("the agent to ask", || asking.exists());
    bob.press(&["Escape"]);
    bob.wait_said("left unsigned: nothing was sent");
    end_asking(&asking);
    let words = bob.read();
    bob.type_words(&words);
    wait_until("the agent to ask again", || asking.exists());
    stage.wait_step("moods", "awaiting-second");

    // It dies while it asks, and is gone when it is asked again.
    laptop.kill();
    end_asking(&asking);
    bob.wait_said("ask it again");
    // Through the forwarded socket, which sshd keeps open, a dead agent is one that goes away again.
    bob.press(&["a"]);
    bob.wait_said("went away before it had");
    drop(laptop);
    assert_eq!(stage.records_of("moods", "step.confirmed").len(), 0);
    assert_eq!(stage.runs("moods"), 0);

    // Another agent in its place, and the same popup goes on.
    std::fs::remove_dir_all(stage.place.join("agents/laptop")).expect("removed");
    let laptop = Agent::start(&stage, "laptop", MOODY);
    mood("yes");
    laptop.add(&["-c"], &stage.key_file("bob"));
    bob.press(&["a"]);
    stage.wait_step("moods", "armed");
    alice.go();
    stage.wait_step("moods", "done");
    assert_eq!(stage.runs("moods"), 1);
}

/// Ends the askpass program that waits for its owner.
fn end_asking(asking: &std::path::Path) {
    let pid = std::fs::read_to_string(asking).expect("its pid");
    std::fs::remove_file(asking).expect("it was there");
    let pid = pid
        .trim()
        .parse()
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("a pid"), rustix::process::Signal::KILL).ok();
}
