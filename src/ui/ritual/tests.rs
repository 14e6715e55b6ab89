use super::*;
use crate::domain::fact::Via;
use crate::ui::fixtures::{Story, actor};

/// A person in front of the confirm screen.
struct Reader {
    room: Room,
    slot: Option<Ritual>,
    now: Moment,
}

impl Reader {
    fn of(story: Story) -> Self {
        let mut reader = Self {
            now: story.now,
            room: story.room,
            slot: None,
        };
        reader.sync();
        reader
    }

    fn sync(&mut self) {
        self.show(true);
    }

    /// The screen is there, with its key pressed for this proposal or not.
    fn show(&mut self, is_called: bool) {
        let open = self.room.state.proposal.as_ref().filter(|_| is_called);
        let called = open.map(|open| open.terms.nonce.clone());
        let showing = (true, None, called.as_ref());
        sync(&mut self.slot, &self.room, showing, (80, 24), self.now);
    }

    fn ritual(&mut self) -> &mut Ritual {
        self.slot.as_mut().expect("open")
    }

    fn wait(&mut self, ms: u64) {
        self.now = self.now.plus(Duration::from_millis(ms));
    }

    fn gate(&mut self) -> Gate {
        let now = self.now;
        self.ritual().gate(now)
    }

    fn press(&mut self, code: KeyCode) -> Heard {
        let now = self.now;
        self.ritual()
            .on_key(&KeyEvent::new(code, KeyModifiers::NONE), now)
    }

    fn types(&mut self, text: &str) -> Heard {
        for c in text.chars() {
            assert_eq!(self.press(KeyCode::Char(c)), Heard::Nothing);
        }
        self.press(KeyCode::Enter)
    }

    /// Reads to the end, waits, starts typing.
    fn read(&mut self) -> String {
        self.wait(800);
        self.press(KeyCode::Char('G'));
        self.wait(40_000);
        let now = self.now;
        let words = self.ritual().words(now).expect("shown").join(" ");
        self.press(KeyCode::Enter);
        assert_eq!(self.gate(), Gate::Words);
        words
    }
}

#[test]
fn the_whole_ritual_gives_the_exact_statement() {
    let mut reader = Reader::of(Story::proposed("bob"));
    let words = reader.read();
    let Heard::Confirm(statement) = reader.types(&words) else {
        panic!("must confirm");
    };
    let proposal = reader.room.state.proposal.clone().expect("open");
    let me = reader.room.welcome.you.person().cloned().expect("a person");
    assert!(crate::domain::confirm::statement::is_expected_by(
        &reader.room.state,
        &proposal,
        &me,
        &Via::Uid(1003),
        &statement
    ));
    assert_eq!(reader.gate(), Gate::Sent);
    assert_eq!(reader.types(&words), Heard::Nothing, "it is sent once");
}

#[test]
fn proposer_and_confirmer_see_the_same_words() {
    let mut bob = Reader::of(Story::proposed("bob"));
    let words = bob.read();
    let alice = Story::proposed("alice");
    let proposal = alice.room.state.proposal.as_ref().expect("open");
    let shown = words_for(
        &alice.room,
        proposal,
        actor("bob").person().expect("a person"),
        &Via::Uid(1003),
    )
    .expect("words");
    assert_eq!(shown.join(" "), words);
}

#[test]
fn keys_are_ignored_for_three_quarters_of_a_second() {
    let mut reader = Reader::of(Story::proposed("bob"));
    assert_eq!(reader.press(KeyCode::Char('r')), Heard::Nothing);
    assert_eq!(reader.press(KeyCode::Esc), Heard::Nothing);
    reader.wait(749);
    assert_eq!(reader.press(KeyCode::Esc), Heard::Nothing);
    reader.wait(1);
    assert_eq!(reader.press(KeyCode::Esc), Heard::Leave);
}

#[test]
fn words_need_the_end_and_the_dwell() {
    let mut reader = Reader::of(Story::proposed("bob"));
    reader.wait(60_000);
    assert_eq!(reader.gate(), Gate::NotRead);
    reader.press(KeyCode::Char('G'));
    assert_eq!(reader.gate(), Gate::Shown);
    let mut quick = Reader::of(Story::proposed("bob"));
    quick.wait(750);
    quick.press(KeyCode::Char('G'));
    // 27 plan lines: 5 s and 2 s more.
    assert_eq!(quick.gate(), Gate::Dwell(7));
    quick.wait(6_249);
    assert_eq!(quick.gate(), Gate::Dwell(1));
    let now = quick.now;
    assert_eq!(quick.ritual().words(now), None);
    quick.wait(1);
    assert_eq!(quick.gate(), Gate::Shown);
}

#[test]
fn a_set_wall_clock_does_not_shorten_the_dwell() {
    let mut reader = Reader::of(Story::proposed("bob"));
    reader.wait(800);
    reader.press(KeyCode::Char('G'));
    reader.now.wall = reader.now.wall.plus(Duration::from_secs(3600));
    assert!(matches!(reader.gate(), Gate::Dwell(_)));
}

#[test]
fn three_wrong_tries_or_a_paste_close_the_input() {
    let mut reader = Reader::of(Story::proposed("bob"));
    let words = reader.read();
    for _ in 0..3 {
        assert_eq!(reader.types("not the words"), Heard::Nothing);
    }
    assert_eq!(reader.gate(), Gate::Closed(10));
    reader.wait(9_999);
    assert_eq!(reader.types(&words), Heard::Nothing);
    reader.wait(1);
    assert_eq!(reader.gate(), Gate::Shown);
    let now = reader.now;
    reader.ritual().on_paste(now);
    assert_eq!(reader.gate(), Gate::Closed(10));
}

#[test]
fn a_resize_forgets_what_was_typed_and_a_small_screen_closes_the_input() {
    let mut reader = Reader::of(Story::proposed("bob"));
    reader.read();
    reader.press(KeyCode::Char('a'));
    let now = reader.now;
    reader.ritual().on_resize((79, 40), now);
    assert_eq!(reader.ritual().input(), "");
    assert_eq!(reader.gate(), Gate::TooSmall);
    reader.ritual().on_resize((80, 25), now);
    assert_eq!(reader.gate(), Gate::NotRead);
}

#[test]
fn only_plain_keys_are_read() {
    let mut reader = Reader::of(Story::proposed("bob"));
    reader.read();
    for code in [
        KeyCode::Up,
        KeyCode::Tab,
        KeyCode::F(1),
        KeyCode::Char('é'),
        KeyCode::Char('\u{202e}'),
    ] {
        reader.press(code);
    }
    let now = reader.now;
    let control = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::CONTROL);
    reader.ritual().on_key(&control, now);
    assert_eq!(reader.ritual().input(), "");
    reader.press(KeyCode::Char('a'));
    reader.press(KeyCode::Char('b'));
    reader.press(KeyCode::Backspace);
    assert_eq!(reader.ritual().input(), "a");
}

#[test]
fn r_rejects_while_reading_and_is_a_letter_while_typing() {
    let mut reader = Reader::of(Story::proposed("bob"));
    reader.read();
    assert_eq!(reader.press(KeyCode::Char('r')), Heard::Nothing);
    assert_eq!(reader.press(KeyCode::Esc), Heard::Nothing, "stops typing");
    assert!(matches!(reader.press(KeyCode::Char('r')), Heard::Reject(_)));
}

#[test]
fn ctrl_r_rejects_whatever_is_being_typed() {
    let press = |reader: &mut Reader| {
        let key = KeyEvent::new(KeyCode::Char('r'), KeyModifiers::CONTROL);
        let now = reader.now;
        reader.ritual().on_key(&key, now)
    };
    let mut reader = Reader::of(asked());
    assert_eq!(press(&mut reader), Heard::Nothing, "typed ahead");
    reader.wait(800);
    assert_eq!(
        reader.press(KeyCode::Char('r')),
        Heard::Nothing,
        "a letter of a name"
    );
    assert!(matches!(press(&mut reader), Heard::Reject(_)));
    reader.types("ack-07");
    assert_eq!(reader.gate(), Gate::Remaining);
    assert!(matches!(press(&mut reader), Heard::Reject(_)));
    let mut reader = Reader::of(Story::proposed("bob"));
    reader.read();
    assert_eq!(reader.gate(), Gate::Words);
    assert!(matches!(press(&mut reader), Heard::Reject(_)));
}

#[test]
fn a_plan_that_is_not_the_one_named_cannot_be_confirmed() {
    let mut story = Story::proposed("bob");
    story
        .room
        .state
        .proposal
        .as_mut()
        .expect("open")
        .plan
        .push_str("argv.9: more\n");
    let mut reader = Reader::of(story);
    reader.wait(60_000);
    reader.press(KeyCode::Char('G'));
    assert!(matches!(reader.gate(), Gate::Fault(_)));
    assert_eq!(reader.press(KeyCode::Enter), Heard::Nothing);
}

#[test]
fn only_another_person_reviews() {
    for (you, reads) in [("alice", false), ("bob", true)] {
        assert_eq!(
            reviewer(&Story::proposed(you).room).is_some(),
            reads,
            "{you}"
        );
    }
    let mut read_only = Story::proposed("bob");
    read_only.room.welcome.read_only = true;
    assert!(reviewer(&read_only.room).is_none());
    assert!(reviewer(&Story::proposed("bob").lost().room).is_none());
    assert!(reviewer(&Story::armed("bob").room).is_none());
}

#[test]
fn a_new_proposal_throws_the_old_ritual_away() {
    let mut reader = Reader::of(Story::proposed("bob"));
    reader.read();
    reader.press(KeyCode::Char('a'));
    let story = Story::proposed("bob")
        .rejected(1, "wrong rack")
        .proposes(2, "drainctl drain rack-08");
    reader.room = story.room;
    reader.sync();
    assert_eq!(reader.ritual().input(), "");
    assert_eq!(reader.gate(), Gate::NotRead);
    let (rows, _) = reader.ritual().rows();
    let marked: Vec<(&str, &str)> = rows
        .iter()
        .filter(|row| row.mark == Mark::Changed)
        .map(|row| (row.name.as_str(), row.text.as_str()))
        .collect();
    assert_eq!(marked, [("argv.2:", " drainctl drain rack-08")]);
}

#[test]
fn what_cannot_be_taken_back_also_wants_the_target() {
    let mut reader = Reader::of(Story::proposed("bob"));
    reader.slot.as_mut().expect("open").target = Some("rack-07.prod.example.net".to_owned());
    let words = reader.read();
    assert_eq!(reader.types(&words), Heard::Nothing);
    assert_eq!(reader.gate(), Gate::Target);
    assert_eq!(reader.types("rack-07"), Heard::Nothing);
    assert!(matches!(
        reader.types("rack-07.prod.example.net"),
        Heard::Confirm(_)
    ));
}

#[test]
fn often_confirming_doubles_the_dwell() {
    assert_eq!(dwell_of(None, 27, 1, false), Duration::from_secs(7));
    assert_eq!(dwell_of(None, 27, 1, true), Duration::from_secs(14));
    assert_eq!(dwell_of(None, 10_000, 1, false), Duration::from_secs(30));
}

#[test]
fn a_value_that_is_not_there_is_told_from_the_word_none() {
    let room = Story::proposed("bob").room;
    let mut proposal = room.state.proposal.clone().expect("open");
    proposal.plan = "warroom-plan@v1\ntarget: none\nargc: 1\nargv.0: none\nundo: none\n".to_owned();
    let remarks = |proposal: &Proposal| -> Vec<String> {
        content_of(&room, proposal)
            .iter()
            .take_while(|line| !line.text.as_str().contains("who asks"))
            .filter(|line| line.mark == Mark::Heading)
            .map(|line| line.text.as_str().to_owned())
            .collect()
    };
    let word = "-- the word `none`, as it is written in the runbook --";
    assert_eq!(remarks(&proposal), [word, word, word]);
    proposal.terms.step = crate::ui::fixtures::id("backup");
    assert_eq!(
        remarks(&proposal),
        [
            "-- nothing: the runbook names no target --",
            word,
            "-- nothing: the runbook has no way back for this step --"
        ]
    );
}

/// Bob is asked before he sees anything.
fn asked() -> Story {
    let mut story = Story::proposed("bob");
    let rule = crate::domain::confirm::policy::Rules::default().rule_for(
        Risk::Destructive,
        crate::domain::fact::Mode::Demo,
        false,
    );
    story.room.welcome.policy.classes = vec![(Risk::Destructive, rule)];
    story
}

#[test]
fn what_is_expected_is_said_before_the_target_is_shown() {
    let mut reader = Reader::of(asked());
    reader.wait(800);
    assert_eq!(reader.gate(), Gate::Component);
    assert_eq!(reader.types("rack-07"), Heard::Nothing);
    assert_eq!(reader.gate(), Gate::Remaining);
    assert_eq!(reader.types("three"), Heard::Nothing);
    assert_eq!(reader.gate(), Gate::Remaining, "a number, or nothing");
    let Heard::Check(Command::Check {
        component,
        remaining,
        dwell_ms,
        claimed: None,
        ..
    }) = reader.types("2")
    else {
        panic!("must be sent");
    };
    assert_eq!(
        (component.as_str(), remaining, dwell_ms),
        ("rack-07", Some(2), 800)
    );
    assert_eq!(reader.gate(), Gate::Sent);
    let me = reader.room.welcome.you.person().cloned().expect("a person");
    let open = reader.room.state.proposal.as_mut().expect("open");
    open.checked.insert(me);
    reader.sync();
    assert_eq!(reader.gate(), Gate::NotRead, "now it is shown");
    assert_eq!(
        reader.press(KeyCode::Char('r')),
        Heard::Nothing,
        "typed ahead"
    );
    reader.read();
}

#[test]
fn no_key_is_an_answer_before_the_question_was_called_for() {
    let mut reader = Reader::of(asked());
    reader.slot = None;
    reader.show(false);
    assert_eq!(reader.gate(), Gate::Offered);
    assert_eq!(reader.press(KeyCode::Char('c')), Heard::Nothing);
    assert_eq!(reader.gate(), Gate::Offered, "typed ahead");
    reader.wait(800);
    for key in ['x', 'G', ' '] {
        assert_eq!(reader.press(KeyCode::Char(key)), Heard::Nothing);
    }
    assert_eq!(reader.gate(), Gate::Offered);
    reader.press(KeyCode::Char('c'));
    reader.press(KeyCode::Char('c'));
    assert_eq!(reader.gate(), Gate::Component);
    assert_eq!(reader.ritual().input(), "", "the second one is thrown away");
    reader.wait(800);
    reader.press(KeyCode::Char('r'));
    assert_eq!(reader.ritual().input(), "r");
}

#[test]
fn a_paste_is_no_answer() {
    let mut reader = Reader::of(asked());
    reader.wait(800);
    let now = reader.now;
    reader.ritual().on_paste(now);
    assert!(matches!(reader.gate(), Gate::Closed(_)));
    reader.wait(11_000);
    assert_eq!(reader.gate(), Gate::Component);
}

#[test]
fn somebody_in_a_shared_account_reviews_as_who_they_say_and_for_that_proposal_alone() {
    let mut reader = Reader::of(Story::proposed("bob"));
    reader.room.welcome.you = Actor::Account { uid: 1500 };
    let nonce = reader
        .room
        .state
        .proposal
        .as_ref()
        .expect("open")
        .terms
        .nonce
        .clone();
    let claim = |name: &str| Claim {
        nonce: nonce.clone(),
        person: actor(name).person().cloned().expect("a person"),
    };
    assert!(reviewer(&reader.room).is_none(), "the account is nobody");
    assert!(
        claimant(&reader.room, &claim("alice")).is_none(),
        "she proposed it"
    );
    let mut other = claim("bob");
    other.nonce = Nonce::from_bytes([77; 16]);
    assert!(claimant(&reader.room, &other).is_none(), "another proposal");
    let bob = claim("bob");
    let showing = (true, Some(&bob), None);
    sync(
        &mut reader.slot,
        &reader.room,
        showing,
        (80, 24),
        reader.now,
    );
    let words = reader.read();
    let Heard::Confirm(statement) = reader.types(&words) else {
        panic!("must confirm");
    };
    assert!(statement.starts_with("warroom-confirm@v1\n") && statement.contains("\nsigner: bob\n"));
    let wish = crate::ui::proof::confirm(&reader.room, &statement);
    assert!(wish.is_some(), "nothing counts here without a proof");
}
