//! The board: the newest readings of every connector, with bounded past. Telemetry, not facts.
//!
//! Server and clients fold the same readings into the same board; what decided something is quoted in the journal.

use crate::domain::catalog::Catalog;
use crate::domain::fact::ExecKey;
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::reading::{
    Alert, AlertRules, ConnectorHealth, History, Incident, OnCall, ReadFailure, Reading, Sample,
    Series, ServerInfo, Silence, TargetHealth,
};
use crate::domain::threshold::Verdict;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::verdict::EffectNow;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Series kept per rule: what a chart can tell apart; the rest is counted.
pub const SERIES_MAX: usize = 8;
/// Samples kept per series: 30 minutes at one every 5 s, or 6 minutes at 1 Hz; three cells a sample at 120 columns.
pub const SAMPLES_MAX: usize = 360;

/// One series and its past, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Label pairs, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Samples, oldest first; at most [`SAMPLES_MAX`].
    pub samples: VecDeque<Sample>,
}

impl Track {
    /// Newest sample.
    pub fn last(&self) -> Option<Sample> {
        self.samples.back().copied()
    }

    /// Adds a newer sample; the same one again changes nothing. What lies after it comes from a clock that has been set
    /// back since, and goes: the newest answer is what a verdict was made from.
    fn push(&mut self, sample: Sample) {
        while self.last().is_some_and(|last| last.at > sample.at) {
            self.samples.pop_back();
        }
        if self.last().is_some_and(|last| last.at == sample.at) {
            return;
        }
        if self.samples.len() >= SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }
}

/// What is known of one rule's metric.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Kept series, sorted by labels; at most [`SERIES_MAX`].
    pub tracks: Vec<Track>,
    /// Series beyond the limit in the newest answer.
    pub more: usize,
    /// Newest failure; absent after a good answer.
    pub failure: Option<ReadFailure>,
    /// Why the newest question for the past was not answered; absent after an answer.
    #[serde(default)]
    pub past_failure: Option<ReadFailure>,
    /// When the newest good answer came.
    pub answered: Option<Moment>,
    /// Warnings of the server in the newest answer.
    pub warnings: Vec<String>,
}

/// How far a waiting gate is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateProgress {
    /// The gate.
    pub rule: RuleId,
    /// Whether its condition holds now.
    pub verdict: Verdict,
    /// Since when it has held without a break.
    pub holding_since: Option<Moment>,
}

/// The newest readings of everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Board {
    /// By rule: guards, panels and gates.
    pub metrics: BTreeMap<RuleId, Metric>,
    /// Alerts by source.
    pub alerts: BTreeMap<ConnectorName, Vec<Alert>>,
    /// Components by name, merged over all sources.
    pub components: Catalog,
    /// On-call by source.
    pub on_calls: BTreeMap<ConnectorName, Vec<OnCall>>,
    /// Incidents by source.
    pub incidents: BTreeMap<ConnectorName, Vec<Incident>>,
    /// Silences by source.
    pub silences: BTreeMap<ConnectorName, Vec<Silence>>,
    /// What metrics servers watch, by source.
    pub targets: BTreeMap<ConnectorName, Vec<TargetHealth>>,
    /// Alerting rules by source.
    #[serde(default)]
    pub alert_rules: BTreeMap<ConnectorName, AlertRules>,
    /// Build and clock by source.
    pub infos: BTreeMap<ConnectorName, ServerInfo>,
    /// Configured sources of components: until each has told, what a selector fits is not known.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub catalogs: BTreeSet<ConnectorName>,
    /// Health by source.
    pub health: BTreeMap<ConnectorName, ConnectorHealth>,
    /// The gate that is waiting now.
    pub gate: Option<GateProgress>,
    /// What is read of the declared effects of the step under way.
    #[serde(default)]
    pub effects: Vec<EffectNow>,
}

/// Name under which the server tells of the clock of its host, as a connector tells of itself.
pub const CLOCK: &str = "clock";
/// As [`CLOCK`], of the journal.
pub const JOURNAL: &str = "journal";
/// As [`CLOCK`], of what was left out of a snapshot.
pub const SNAPSHOT: &str = "snapshot";
/// As [`CLOCK`], of the files that say who people are.
pub const PEOPLE: &str = "people";
/// Names that no connector may have: what it told of itself would be taken for what the server tells, and the other way round.
pub const OWN_NAMES: [&str; 4] = [CLOCK, JOURNAL, SNAPSHOT, PEOPLE];

impl Board {
    /// A configured source of components that has told of none yet.
    pub fn silent_catalog(&self) -> Option<&ConnectorName> {
        let mut awaited = self.catalogs.iter();
        awaited.find(|source| self.components.told_by(source).is_none())
    }

    /// Why the clock of the session's host is not believed, as its server told; nothing while it is.
    pub fn clock_doubt(&self) -> Option<&str> {
        self.trouble_of(CLOCK)
    }

    /// Why nobody knows who people are, as the session's server told; nothing while it is known.
    pub fn people_doubt(&self) -> Option<&str> {
        self.trouble_of(PEOPLE)
    }

    /// Trouble of something of the server itself.
    fn trouble_of(&self, own: &str) -> Option<&str> {
        let mut all = self.health.iter();
        let (_, health) =
            all.find(|(name, health)| name.as_str() == own && health.system == own)?;
        Some(health.last_error.as_str()).filter(|why| !why.is_empty())
    }

    /// Folds one reading in.
    pub fn absorb(&mut self, reading: Reading) {
        match reading {
            Reading::Queries { answers, .. } => {
                for answer in answers {
                    let metric = self.metrics.entry(answer.rule).or_default();
                    match answer.result {
                        Ok(series) => {
                            metric.more = answer
                                .dropped
                                .saturating_add(series.len().saturating_sub(SERIES_MAX));
                            metric.failure = None;
                            metric.answered = Some(answer.received);
                            metric.warnings = answer.warnings;
                            metric.take(series);
                        }
                        Err(failure) => metric.failure = Some(failure),
                    }
                }
            }
            Reading::Ranges { answers, .. } => {
                for answer in answers {
                    let metric = self.metrics.entry(answer.rule).or_default();
                    match answer.result {
                        Ok(histories) => {
                            metric.past_failure = None;
                            metric.take_past(histories);
                        }
                        Err(failure) => metric.past_failure = Some(failure),
                    }
                }
            }
            Reading::Alerts { source, alerts } => {
                self.alerts.insert(source, alerts);
            }
            Reading::Silences { source, silences } => {
                self.silences.insert(source, silences);
            }
            Reading::Targets { source, targets } => {
                self.targets.insert(source, targets);
            }
            Reading::AlertRules { source, known } => {
                self.alert_rules.insert(source, known);
            }
            Reading::Info { source, info } => {
                self.infos.insert(source, info);
            }
            Reading::Components { source, components } => {
                self.components.take(source, components);
            }
            Reading::OnCalls { source, on_calls } => {
                self.on_calls.insert(source, on_calls);
            }
            Reading::Incidents { source, incidents } => {
                self.incidents.insert(source, incidents);
            }
            Reading::Health(health) => {
                self.health.insert(health.connector.clone(), health);
            }
        }
    }
}

impl Metric {
    fn take(&mut self, series: Vec<Series>) {
        let kept = series.into_iter().take(SERIES_MAX).collect::<Vec<_>>();
        self.tracks
            .retain(|track| kept.iter().any(|s| s.labels == track.labels));
        for one in kept {
            self.track(one.labels).push(one.sample);
        }
    }

    fn take_past(&mut self, histories: Vec<History>) {
        for history in histories.into_iter().take(SERIES_MAX) {
            let track = self.track(history.labels);
            let newer: Vec<Sample> = track.samples.drain(..).collect();
            let first_new = newer
                .first()
                .map_or(Timestamp::from_millis(i64::MAX), |s| s.at);
            for sample in history
                .samples
                .into_iter()
                .filter(|s| s.at < first_new)
                .chain(newer)
            {
                track.push(sample);
            }
        }
    }

    fn track(&mut self, labels: Vec<(String, String)>) -> &mut Track {
        let place = match self.tracks.binary_search_by(|t| t.labels.cmp(&labels)) {
            Ok(place) => place,
            Err(place) => {
                self.tracks.insert(
                    place,
                    Track {
                        labels,
                        samples: VecDeque::new(),
                    },
                );
                place
            }
        };
        #[expect(
            clippy::indexing_slicing,
            reason = "the place was found or made one line above"
        )]
        &mut self.tracks[place]
    }
}

/// Newest output of one execution, for the output pane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputTail {
    /// Which execution.
    pub key: ExecKey,
    /// Offset in the output file of the first byte of `bytes`.
    pub offset: u64,
    /// Raw bytes of the program, not yet safe to draw; base 64 on the wire.
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
}

/// Bytes of output kept for a newly attached terminal: a few screens.
pub const TAIL_MAX: usize = 32 * 1024;

impl OutputTail {
    /// Adds a chunk; drops the oldest bytes beyond [`TAIL_MAX`]. A gap starts the tail anew.
    pub fn push(&mut self, offset: u64, chunk: &[u8]) {
        let end = self
            .offset
            .saturating_add(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX));
        if offset != end {
            self.bytes.clear();
            self.offset = offset;
        }
        self.bytes.extend_from_slice(chunk);
        let over = self.bytes.len().saturating_sub(TAIL_MAX);
        if over > 0 {
            self.bytes.drain(..over);
            self.offset = self
                .offset
                .saturating_add(u64::try_from(over).unwrap_or(u64::MAX));
        }
    }
}

/// Serde form of bytes: base 64 text.
pub mod base64_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes base 64.
    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&data_encoding::BASE64.encode(bytes))
    }

    /// Reads base 64.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(d)?;
        data_encoding::BASE64
            .decode(text.as_bytes())
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reading::Component;

    fn series(name: &str, at: i64, value: f64) -> Series {
        Series {
            labels: vec![("i".to_owned(), name.to_owned())],
            sample: Sample {
                at: Timestamp::from_millis(at),
                value,
            },
        }
    }

    #[test]
    fn past_that_arrives_late_goes_before_what_is_there() {
        let mut metric = Metric::default();
        metric.take(vec![series("a", 3000, 3.0)]);
        let past = vec![1000, 2000, 3000, 4000]
            .into_iter()
            .map(|at| Sample {
                at: Timestamp::from_millis(at),
                value: 0.0,
            })
            .collect();
        metric.take_past(vec![History {
            labels: vec![("i".to_owned(), "a".to_owned())],
            samples: past,
        }]);
        let times: Vec<i64> = metric.tracks[0]
            .samples
            .iter()
            .map(|s| s.at.as_millis())
            .collect();
        assert_eq!(times, [1000, 2000, 3000]);
    }

    #[test]
    fn a_question_for_the_past_that_failed_is_remembered_until_one_is_answered() {
        let answer = |result| Reading::Ranges {
            source: ConnectorName::new("prometheus").expect("valid"),
            answers: vec![crate::domain::reading::RangeAnswer {
                rule: RuleId::new("lag").expect("valid"),
                result,
            }],
        };
        let failure = ReadFailure {
            what: "HTTP 503".to_owned(),
            partial: false,
        };
        let mut board = Board::default();
        board.absorb(answer(Err(failure.clone())));
        let metric = |board: &Board| board.metrics.values().next().cloned().expect("there");
        assert_eq!(metric(&board).past_failure, Some(failure));
        assert_eq!(
            metric(&board).failure,
            None,
            "the newest value may be known"
        );
        board.absorb(answer(Ok(Vec::new())));
        assert_eq!(metric(&board).past_failure, None);
    }

    /// What a clock ahead had stamped hid newer values until that time came.
    #[test]
    fn a_clock_that_is_set_back_hides_no_newer_value() {
        let mut metric = Metric::default();
        for (at, value) in [
            (1000, 1.0),
            (9000, 2.0),
            (2000, 3.0),
            (2000, 3.0),
            (3000, 4.0),
        ] {
            metric.take(vec![series("a", at, value)]);
        }
        let values: Vec<f64> = metric.tracks[0].samples.iter().map(|s| s.value).collect();
        assert_eq!(values, [1.0, 3.0, 4.0]);
    }

    /// A component that was taken out of the CMDB stayed on the screen as active.
    #[test]
    fn a_component_that_no_source_tells_any_more_is_gone() {
        let tell = |board: &mut Board, source: &str, names: &[&str]| {
            let components = names.iter().map(|name| Component {
                name: (*name).to_owned(),
                ..Component::default()
            });
            board.absorb(Reading::Components {
                source: ConnectorName::new(source).expect("valid"),
                components: components.collect(),
            });
            board
                .components
                .keys()
                .cloned()
                .collect::<Vec<_>>()
                .join(" ")
        };
        let mut board = Board::default();
        assert_eq!(tell(&mut board, "netbox", &["a", "b", "c"]), "a b c");
        assert_eq!(tell(&mut board, "file", &["b", "d"]), "a b c d");
        assert_eq!(tell(&mut board, "netbox", &["c"]), "b c d");
        assert_eq!(tell(&mut board, "file", &[]), "c");
    }

    #[test]
    fn a_series_that_vanished_is_not_drawn_as_healthy() {
        let mut metric = Metric::default();
        metric.take(vec![series("a", 1, 1.0), series("b", 1, 1.0)]);
        metric.take(vec![series("b", 2, 2.0)]);
        assert_eq!(metric.tracks.len(), 1);
    }

    #[test]
    fn an_output_tail_is_bounded() {
        let key = ExecKey {
            step: crate::domain::id::StepId::new("s").expect("valid"),
            attempt: crate::domain::id::AttemptNo(1),
            block: 0,
            try_no: 1,
        };
        let mut tail = OutputTail {
            key,
            offset: 0,
            bytes: Vec::new(),
        };
        tail.push(0, &vec![b'x'; TAIL_MAX]);
        tail.push(u64::try_from(TAIL_MAX).expect("fits"), b"yz");
        assert_eq!(tail.bytes.len(), TAIL_MAX);
        assert_eq!(tail.offset, 2);
    }
}
