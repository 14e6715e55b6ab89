//! Actions into changes of what this terminal remembers, and into requests. Who may do what is the server's to say.

pub(super) mod back;
mod copy;
pub(super) mod going;
mod mouse;
mod release;
mod rollout;

pub(in crate::ui) use mouse::on_mouse;

use crate::domain::board::TAIL_MAX;
use crate::domain::command::{Command, Evidence, SilenceWish};
use crate::domain::countdown::{Window, window};
use crate::domain::fact::{ExecKey, Finding};
use crate::domain::id::{Seq, StepId};
use crate::domain::progress::current;
use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::Risk;
use crate::domain::silences;
use crate::domain::state::{Phase, Stage};
use crate::domain::time::{Moment, short_span};
use crate::ui::Request;
use crate::ui::action::{Action, Motion, Pane, View};
use crate::ui::cache::shown_execution;
use crate::ui::layers::{Layer, Layers, Menu, MenuItem, Notice, Outcome, Palette, Prompt, Purpose};
use crate::ui::model::{Model, moved};
use crate::ui::proof;
use crate::ui::room::{Link, RECORDS_MAX, Room};
use crate::ui::{breakglass, motions, signing, writing};
use std::collections::BTreeSet;

/// What an action works on.
pub(super) struct Work<'a> {
    pub(super) room: Option<&'a Room>,
    pub(super) model: &'a mut Model,
    pub(super) layers: &'a mut Layers,
    pub(super) now: Moment,
    pub(super) requests: Vec<Request>,
}

/// Older records asked for at once: a few screens.
const OLDER: u64 = 200;

impl Work<'_> {
    pub(super) fn say(&mut self, text: &str) {
        self.layers.notice = Some(Notice::plain(text, self.now));
    }

    /// Sends a command, or says why it is not sent.
    pub(super) fn ask(&mut self, command: Command) {
        self.is_sent(command);
    }

    /// As [`Work::ask`]; true when it is sent.
    fn is_sent(&mut self, command: Command) -> bool {
        match self.room {
            Some(room) if room.welcome.read_only => {
                self.say("this terminal only looks: it was attached read-only");
            }
            Some(room) if room.link == Link::Up => {
                self.requests.push(Request::Ask(command));
                return true;
            }
            Some(_) => self.say("not sent: the server is not reached; what you see is old"),
            None => {}
        }
        false
    }

    /// Sends a command that one key starts; its reason is asked behind it.
    fn ask_then(&mut self, command: Command, purpose: Purpose, title: String) {
        if self.is_sent(command) {
            self.prompt(purpose, title);
        }
    }

    pub(super) fn prompt(&mut self, purpose: Purpose, title: String) {
        self.layers.open(Layer::Prompt(Prompt::new(purpose, title)));
    }

    fn step(&self) -> Option<StepView<'_>> {
        self.room.and_then(|room| room.state.view(self.model.step))
    }
}

/// Keeps the selection on a step there is, and on what matters now while it follows.
pub(super) fn follow(model: &mut Model, room: &Room) {
    let last = room.state.steps.len().saturating_sub(1);
    if model.step > last {
        model.select(last);
    }
    if model.follow
        && let Some(step) = current_step(room)
    {
        model.select(step);
    }
}

/// Place of the step that matters now.
pub(super) fn current_step(room: &Room) -> Option<usize> {
    current(&room.state).map(|view| view.index)
}

/// Does what a popup came to.
pub(super) fn on_outcome(work: &mut Work<'_>, outcome: Outcome) {
    match outcome {
        Outcome::Nothing => {}
        Outcome::Act(action) => act(work, action),
        Outcome::Send(command) => work.ask(command),
        Outcome::Typed(purpose, text) => on_typed(work, purpose, text),
        Outcome::Open(layer) => work.layers.open(*layer),
        Outcome::Filled(draft, texts) => writing::send(work, &draft, &texts),
        Outcome::Details(name) => writing::open_details(work, &name),
        Outcome::Sign(act) => signing::on_act(work, *act),
    }
}

fn on_typed(work: &mut Work<'_>, purpose: Purpose, text: String) {
    let command = match purpose {
        Purpose::Search => {
            work.model.search = text;
            return search(work, true);
        }
        Purpose::Filter => {
            work.model.filter = text;
            work.model.scroll(Pane::Timeline).back = 0;
            return;
        }
        Purpose::Kill => return work.requests.push(Request::ShutdownSession),
        Purpose::Note(step) => Command::Note { step, text },
        Purpose::MarkDone(step) => Command::MarkDone { step, note: text },
        Purpose::Release(seen) => Command::Release { reason: text, seen },
        Purpose::Without(lifetime) => Command::Silence {
            lifetime,
            wish: SilenceWish::Without { reason: text },
        },
        Purpose::Skip(step) => Command::Skip { step, reason: text },
        Purpose::SkipUnit(step) => Command::SkipUnit { step, reason: text },
        Purpose::GoOn(phase, behind) => Command::GoOn {
            phase,
            behind,
            reason: text,
        },
        Purpose::Abort => Command::Abort { reason: text },
        Purpose::Explain(step, attempt) => return signing::explain(work, (step, attempt), text),
        Purpose::Resolve(step, finding) => {
            let wish = work
                .room
                .and_then(|room| proof::resolve(room, &step, finding, &text));
            if let Some(wish) = wish {
                return signing::begin(work, wish);
            }
            Command::resolve(step, finding, text)
        }
        Purpose::ReviewAs => return signing::review_as(work, &text),
        Purpose::Code(statement) => Command::Confirm {
            statement,
            evidence: Evidence::Code { code: text },
        },
        Purpose::Propose(step) => Command::propose(step),
        Purpose::Alone(purpose) => return breakglass::typed(work, purpose, text),
        Purpose::Moving(line) => return motions::typed(work, line, text),
    };
    work.ask(command);
}

/// Does an action.
pub(super) fn act(work: &mut Work<'_>, action: Action) {
    match action {
        Action::Move(motion) => go(work, motion),
        Action::FocusNext => work.model.cycle_focus(true),
        Action::FocusPrevious => work.model.cycle_focus(false),
        Action::Zoom => work.model.zoom = !work.model.zoom,
        Action::Show(view) => show(work, view),
        Action::Review => review(work),
        Action::ReviewAs => signing::ask_who(work),
        Action::OpenStep => open_step(work),
        Action::Follow => {
            work.model.follow = true;
            work.model.reveal = true;
        }
        Action::Search => open_search(work),
        Action::SearchNext => search(work, true),
        Action::SearchPrevious => search(work, false),
        Action::Help => work.layers.toggle_help(),
        Action::Writes => {
            work.model.show(View::Timeline);
            work.model.set_focus(Pane::Writes);
        }
        Action::Palette => work.layers.open(Layer::Palette(Palette::default())),
        Action::Close => close(work),
        Action::LocalTime => work.model.local_time = !work.model.local_time,
        Action::Copy => copy::commands(work),
        Action::Redraw => work.requests.push(Request::Redraw),
        Action::Quit => quit(work),
        Action::Detach => work.requests.push(Request::Detach),
        Action::KillSession => kill(work),
        Action::SignIn => work.requests.push(Request::AskChallenge),
        _ => act_on_session(work, action),
    }
}

/// Actions that end in a command.
fn act_on_session(work: &mut Work<'_>, action: Action) {
    match action {
        Action::Begin => {
            let title = work
                .room
                .map(|r| r.state.plan().title.clone())
                .unwrap_or_default();
            let quiet = work
                .room
                .and_then(|r| silences::outlook_words(&r.state, &r.board))
                .map_or_else(String::new, |words| {
                    format!(" {}", words.unwrap_or_else(|why| why))
                });
            let question = format!("begin `{title}` now?{quiet}");
            work.layers
                .open(Menu::yes(question, "begin", Outcome::Send(Command::Begin)));
        }
        Action::Complete => {
            let open = work.room.map(|room| room.state.left_open());
            let open = open.filter(|open| !open.is_empty());
            let open = open.map_or_else(String::new, |open| format!(" {open}."));
            let question =
                format!("complete the maintenance?{open} nothing can be done in it afterwards");
            work.layers.open(Menu::yes(
                question,
                "complete",
                Outcome::Send(Command::Complete),
            ));
        }
        Action::Hold => work.ask(Command::Hold {
            reason: String::new(),
        }),
        Action::Release => release::ask(work),
        Action::Rollback => back::rollback(work),
        Action::Abort => {
            let title = "give up where it stands, without undoing anything. why?";
            work.prompt(Purpose::Abort, title.to_owned());
        }
        Action::Stop => back::stop(work),
        Action::TakeOver => back::take_over(work),
        Action::SwitchBack => rollout::switch_back(work),
        Action::RolloutOn => rollout::go_on(work),
        Action::SkipUnit => rollout::skip_unit(work),
        Action::RunOn => rollout::run_on(work),
        Action::Go | Action::Cancel | Action::Reject => act_on_proposal(work, action),
        Action::Breakglass | Action::Veto | Action::ReviewAlone => breakglass::act(work, action),
        Action::ExtendWindow | Action::OverrideFreeze | Action::Amend | Action::AnswerMotion => {
            motions::act(work, action);
        }
        Action::Page
        | Action::Mute
        | Action::Unmute
        | Action::Acknowledge
        | Action::IncidentNote
        | Action::ResolveIncident
        | Action::Record
        | Action::SetStatus
        | Action::Annotate
        | Action::Details => writing::act(work, action),
        _ => act_on_step(work, action),
    }
}

fn act_on_proposal(work: &mut Work<'_>, action: Action) {
    let open = work.room.and_then(|r| r.state.proposal.as_ref());
    let Some((step, attempt)) = open.map(|p| (p.terms.step.clone(), p.terms.attempt)) else {
        return work.say("no proposal is open");
    };
    match action {
        Action::Go => going::say(work, step, attempt),
        Action::Reject => back::reject(work, step),
        _ => back::cancel(work, step),
    }
}

/// Actions on the selected step.
fn act_on_step(work: &mut Work<'_>, action: Action) {
    let Some(view) = work.step() else {
        return work.say("the runbook has no steps");
    };
    let (id, label, risk) = (view.plan.id.clone(), view.plan.to_label(), view.plan.risk);
    let number = view.plan.number.clone();
    match action {
        Action::Start => work.ask(Command::Start { step: id }),
        Action::Retry => work.ask(Command::Retry { step: id }),
        Action::MarkDone => work.prompt(
            Purpose::MarkDone(id),
            format!("mark {label} done? what was seen or done, or nothing"),
        ),
        Action::Skip => work.prompt(Purpose::Skip(id), format!("leave out {label}. why?")),
        Action::Note => work.prompt(Purpose::Note(Some(id)), format!("note on {label}")),
        // Nobody is asked about what would be refused.
        Action::Propose if view.now.stage() != Some(Stage::NeedsProposal) => work.say(&format!(
            "{label} does not wait for a proposal now: it does when `s` has started it and its checks and gates are good"
        )),
        Action::Propose if risk == Risk::Irreversible => {
            let title = format!(
                "{}propose {label}: it CANNOT BE TAKEN BACK. type its number, `{number}`",
                window_warning(work)
            );
            let prompt = Prompt::exactly(Purpose::Propose(id), title, number);
            work.layers.open(Layer::Prompt(prompt));
        }
        Action::Propose => {
            let question = format!(
                "{}propose {label} ({})? a second person is asked to review it",
                window_warning(work),
                risk.as_str()
            );
            let outcome = Outcome::Send(Command::propose(id));
            work.layers.open(Menu::yes(question, "propose", outcome));
        }
        Action::Resolve => resolve(work, &id, &label),
        _ => {}
    }
}

/// Says that a destructive step is about to be proposed outside the announced window; empty within it.
fn window_warning(work: &Work<'_>) -> String {
    let Some(state) = work.room.map(|room| &room.state) else {
        return String::new();
    };
    let start = state.window().map(|w| w.start.to_clock_text());
    match window(state, work.now.wall) {
        Window::Before { starts_in } => format!(
            "THE WINDOW HAS NOT BEGUN: it begins at {}Z, in {}. ",
            start.unwrap_or_default(),
            short_span(starts_in)
        ),
        Window::Over { for_long } => {
            format!("THE WINDOW IS OVER since {}. ", short_span(for_long))
        }
        Window::Within {
            turn_back_in: None, ..
        } => "PAST THE POINT OF NO RETURN: there is no time left to go back in the window. "
            .to_owned(),
        Window::Within { .. } | Window::None => String::new(),
    }
}

fn resolve(work: &mut Work<'_>, step: &StepId, label: &str) {
    let item = |key, shown, what, finding| MenuItem {
        key,
        shown,
        what,
        outcome: Outcome::Open(Box::new(Layer::Prompt(Prompt::new(
            Purpose::Resolve(step.clone(), finding),
            format!("{label}: how do you know?"),
        )))),
    };
    let items = vec![
        item('r', "r", "it ran to its end", Finding::Ran),
        item('n', "n", "it did not run", Finding::DidNotRun),
        item('p', "p", "it ran in part", Finding::Partial),
    ];
    let question =
        format!("{label}: nobody knows how it ended. look at the target; what do you find?");
    work.layers.open(Layer::Menu(Menu::new(question, items)));
}

/// The runbook opens at the step that is followed; in the briefing at its beginning, which is to be read.
fn show(work: &mut Work<'_>, view: View) {
    let begun = work.room.is_some_and(|r| r.state.phase != Phase::Briefing);
    work.model.show(view);
    work.model.reveal |= view == View::Runbook && work.model.follow && begun;
}

fn review(work: &mut Work<'_>) {
    // Nothing is known yet.
    let Some(room) = work.room else { return };
    let Some(open) = &room.state.proposal else {
        return work.say("no proposal is open");
    };
    work.model.called = Some(open.terms.nonce.clone());
    work.model.show(View::Confirm);
}

fn open_step(work: &mut Work<'_>) {
    work.model.show(View::Runbook);
    work.model.set_focus(Pane::Step);
    work.model.reveal = true;
}

fn close(work: &mut Work<'_>) {
    if work.layers.dismiss() {
        return;
    }
    let model = &mut *work.model;
    if model.view == View::Confirm {
        model.show(model.back_to);
    } else if model.zoom {
        model.zoom = false;
    } else {
        model.search.clear();
        model.filter.clear();
    }
}

fn quit(work: &mut Work<'_>) {
    if work.room.is_none() {
        return work.requests.push(Request::Detach);
    }
    let items = vec![
        MenuItem {
            key: 'd',
            shown: "d",
            what: "detach: the session and what runs in it go on",
            outcome: Outcome::Act(Action::Detach),
        },
        MenuItem {
            key: 'k',
            shown: "k",
            what: "end the session for everybody; what runs is stopped",
            outcome: Outcome::Act(Action::KillSession),
        },
    ];
    work.layers
        .open(Layer::Menu(Menu::new("leave?".to_owned(), items)));
}

fn kill(work: &mut Work<'_>) {
    let Some(name) = work.room.map(|r| r.welcome.name.to_string()) else {
        return;
    };
    let title =
        format!("end the session for everybody: what runs is stopped. type its name, `{name}`");
    work.layers
        .open(Layer::Prompt(Prompt::exactly(Purpose::Kill, title, name)));
}

fn open_search(work: &mut Work<'_>) {
    if work.model.view == View::Timeline {
        work.prompt(Purpose::Filter, "show records with these words".to_owned());
    } else {
        work.prompt(Purpose::Search, "find a step with this text".to_owned());
    }
}

fn search(work: &mut Work<'_>, forward: bool) {
    let Some(room) = work.room else { return };
    let wanted = work.model.search.to_lowercase();
    let steps = &room.state.plan().steps;
    if wanted.is_empty() || steps.is_empty() {
        return;
    }
    let count = steps.len();
    let found = (1..=count)
        .map(|by| {
            let by = if forward {
                by
            } else {
                count.saturating_sub(by)
            };
            work.model
                .step
                .saturating_add(by)
                .checked_rem(count)
                .unwrap_or(0)
        })
        .find(|at| {
            steps.get(*at).is_some_and(|s| {
                s.title.to_lowercase().contains(&wanted) || s.number.starts_with(&wanted)
            })
        });
    match found {
        Some(at) => {
            work.model.follow = false;
            work.model.select(at);
        }
        None => work.say("no step has this text"),
    }
}

fn go(work: &mut Work<'_>, motion: Motion) {
    let pane = work.model.focus();
    if let Some(room) = work.room {
        work.requests
            .extend(move_in(work.model, room, pane, motion));
    }
}

fn move_in(model: &mut Model, room: &Room, pane: Pane, motion: Motion) -> Vec<Request> {
    match pane {
        Pane::Checklist => select_by(model, room, motion),
        Pane::Document if matches!(motion, Motion::Up | Motion::Down) => {
            select_by(model, room, motion);
        }
        // Without output the pane shows the step, which is read from the top.
        Pane::Output if shown_execution(room, model.step).is_none() => {
            model.scroll(pane).go(motion);
        }
        Pane::Output | Pane::Feed => model.scroll(pane).go_tail(motion),
        Pane::Timeline => {
            model.scroll(pane).go_tail(motion);
            return older(model, room).into_iter().collect();
        }
        _ => model.scroll(pane).go(motion),
    }
    Vec::new()
}

fn select_by(model: &mut Model, room: &Room, motion: Motion) {
    let last = room.state.steps.len().saturating_sub(1);
    let page = model.scroll(Pane::Checklist).height.max(2) - 1;
    let (down, rows) = match motion {
        Motion::Up => (false, 1),
        Motion::Down => (true, 1),
        Motion::HalfUp => (false, page / 2),
        Motion::HalfDown => (true, page / 2),
        Motion::PageUp => (false, page),
        Motion::PageDown => (true, page),
        Motion::First => (false, usize::MAX),
        Motion::Last => (true, usize::MAX),
    };
    model.follow = false;
    let step = moved(model.step, down, rows).min(last);
    model.select(step);
}

/// Asks for older records when the timeline shows the first ones that are known.
fn older(model: &mut Model, room: &Room) -> Option<Request> {
    let first = room.recent.front()?.seq;
    let scroll = model.scroll(Pane::Timeline);
    let at_top = scroll.back.saturating_add(scroll.height) >= scroll.len;
    let wanted = at_top && first > Seq(0) && room.recent.len() < RECORDS_MAX;
    if !wanted || model.asked_before == Some(first) || room.link != Link::Up {
        return None;
    }
    model.asked_before = Some(first);
    let from = first.0.saturating_sub(OLDER);
    Some(Request::Records {
        from: Seq(from),
        count: u32::try_from(first.0.saturating_sub(from)).unwrap_or(0),
    })
}

/// Asks, once, for the output of the selected step's newest command when it is not here.
pub(super) fn missing_output(
    model: &Model,
    room: &Room,
    asked: &mut BTreeSet<ExecKey>,
) -> Option<Request> {
    let now = room.state.view(model.step)?.now;
    if room.link != Link::Up || shown_execution(room, model.step).is_some() {
        return None;
    }
    let (key, output) = now
        .finished
        .iter()
        .rev()
        .find_map(|f| Some((&f.key, f.output.as_ref().filter(|o| o.bytes > 0)?)))?;
    let tail = u64::try_from(TAIL_MAX).unwrap_or(u64::MAX);
    asked.insert(key.clone()).then(|| Request::Output {
        key: key.clone(),
        offset: output.bytes.saturating_sub(tail),
    })
}
