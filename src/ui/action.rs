//! What a key, a click or a palette line asks of this terminal: the closed list.

/// A screen of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// What now, who must act, what breaks, how long left.
    #[default]
    WarRoom,
    /// The whole document with live states.
    Runbook,
    /// Charts with limits.
    Metrics,
    /// Every fact.
    Timeline,
    /// Review of the open proposal.
    Confirm,
    /// What stands and falls with the touched components.
    Map,
}

impl View {
    /// In the order of the number keys.
    pub const ALL: [Self; 6] = [
        Self::WarRoom,
        Self::Runbook,
        Self::Metrics,
        Self::Timeline,
        Self::Confirm,
        Self::Map,
    ];

    /// The name on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WarRoom => "war room",
            Self::Runbook => "runbook",
            Self::Metrics => "metrics",
            Self::Timeline => "timeline",
            Self::Confirm => "confirm",
            Self::Map => "map",
        }
    }
}

/// A region that can have the focus.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pane {
    /// Steps with their states.
    #[default]
    Checklist,
    /// Output of the running or selected step.
    Output,
    /// Guards and panels.
    Thresholds,
    /// Components of the CMDB.
    Components,
    /// On-call, incidents and alerts.
    Duty,
    /// People attached.
    People,
    /// Newest facts.
    Feed,
    /// The document.
    Document,
    /// The selected step in full.
    Step,
    /// Charts.
    Charts,
    /// All facts.
    Timeline,
    /// What was written to other systems.
    Writes,
    /// The plan under review.
    Review,
    /// The blast radius.
    Map,
}

impl Pane {
    /// The title on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checklist => "checklist",
            Self::Output => "output",
            Self::Thresholds => "thresholds",
            Self::Components => "components",
            Self::Duty => "on call, alerts",
            Self::People => "people",
            Self::Feed => "feed",
            Self::Document => "runbook",
            Self::Step => "step",
            Self::Charts => "metrics",
            Self::Timeline => "timeline",
            Self::Writes => "writes to other systems",
            Self::Review => "confirm",
            Self::Map => "map",
        }
    }

    /// The panes of a view, in the order of the focus cycle.
    pub const fn of(view: View) -> &'static [Self] {
        match view {
            View::WarRoom => &[
                Self::Checklist,
                Self::Output,
                Self::Components,
                Self::Duty,
                Self::People,
                Self::Feed,
                Self::Thresholds,
            ],
            View::Runbook => &[Self::Document, Self::Step],
            View::Metrics => &[Self::Charts],
            View::Timeline => &[Self::Timeline, Self::Writes],
            View::Confirm => &[Self::Review],
            View::Map => &[Self::Map],
        }
    }
}

/// Where focus or scroll goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Motion {
    /// One row back.
    Up,
    /// One row on.
    Down,
    /// Half a pane back.
    HalfUp,
    /// Half a pane on.
    HalfDown,
    /// A pane back.
    PageUp,
    /// A pane on.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// What is asked of this terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Move in the focused pane.
    Move(Motion),
    /// Focus the next pane.
    FocusNext,
    /// Focus the previous pane.
    FocusPrevious,
    /// Give the focused pane the whole screen, or take it back.
    Zoom,
    /// Show a view.
    Show(View),
    /// Show the selected step in full.
    OpenStep,
    /// Select the step that matters now and follow it.
    Follow,
    /// Search or filter.
    Search,
    /// To the next match.
    SearchNext,
    /// To the previous match.
    SearchPrevious,
    /// Open or close the help.
    Help,
    /// Open the palette.
    Palette,
    /// Close what is on top.
    Close,
    /// Show local time beside UTC, or not.
    LocalTime,
    /// Copy the commands of the selected step.
    Copy,
    /// Draw everything anew.
    Redraw,
    /// Ask how to leave.
    Quit,
    /// Leave the session running.
    Detach,
    /// End the session server.
    KillSession,
    /// Begin the maintenance.
    Begin,
    /// Start the selected step.
    Start,
    /// The selected manual step is done.
    MarkDone,
    /// Leave the selected step out.
    Skip,
    /// Leave out everything of the selected step's unit that is not done.
    SkipUnit,
    /// End what the rollout waits for.
    RolloutOn,
    /// Let the rollout go by itself, or no longer.
    RunOn,
    /// Take the switch back at once.
    SwitchBack,
    /// Try the selected step again.
    Retry,
    /// Stop the running command.
    Stop,
    /// Watch over what runs in place of who dropped out.
    TakeOver,
    /// Write a note.
    Note,
    /// Hold.
    Hold,
    /// End all holds.
    Release,
    /// Propose the destructive part of the selected step.
    Propose,
    /// Review the open proposal.
    Review,
    /// Review the open proposal as a person, from an account that is nobody's.
    ReviewAs,
    /// Say no to the open proposal.
    Reject,
    /// Take the open proposal back.
    Cancel,
    /// Run the armed step.
    Go,
    /// Go forward alone in an emergency: say why, or sign it once somebody was paged.
    Breakglass,
    /// Say no to somebody who goes alone.
    Veto,
    /// Sign that one has looked at what somebody ran alone.
    ReviewAlone,
    /// Ask another person to let the window end later.
    ExtendWindow,
    /// Ask another person to let the work go on in spite of a freeze.
    OverrideFreeze,
    /// Read what has changed in the runbook, and ask another person to take it over.
    Amend,
    /// Second or reject the open motion.
    AnswerMotion,
    /// Say what happened to an unknown step.
    Resolve,
    /// Go back.
    Rollback,
    /// Give up.
    Abort,
    /// Everything is done.
    Complete,
    /// Wake who is on call.
    Page,
    /// Keep the alerts of the touched components quiet.
    Mute,
    /// End a mute early.
    Unmute,
    /// Take an incident.
    Acknowledge,
    /// Write under an incident.
    IncidentNote,
    /// Close an incident.
    ResolveIncident,
    /// Write a journal entry under a component of a CMDB.
    Record,
    /// Set the status of a component in a CMDB.
    SetStatus,
    /// Write a mark on dashboards.
    Annotate,
    /// Show what was written to other systems.
    Writes,
    /// Show all that the CMDB says of a component.
    Details,
    /// Say with a key who is at this terminal.
    SignIn,
}
