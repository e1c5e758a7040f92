//! The outbox: which mail is due, was sent or was given up. Pure; time comes in, nothing goes out.
//!
//! Every change is a record ([`OutboxRecord`]) of the topic `notify.outbox`, and the state is nothing but those records applied in
//! order: so a restart, or another notifier, continues where the last one stopped. The key of everything is episode and step.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::Digest;
use phc::Alert;
use vitals::{Anomaly, Change, EpisodeId};

/// The steps of an episode that are mailed, each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Step {
    /// The episode began.
    Opened = 1,
    /// The episode ended.
    Resolved = 2,
}

impl Step {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Resolved => "resolved",
        }
    }
}

/// What is mailed at most once: a step of an episode of a personal chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The personal chain's id.
    pub chain: Digest,
    /// The episode.
    pub episode: EpisodeId,
    /// The step.
    pub step: Step,
}

/// A mail that is to be sent: all that it says follows from this and the settings.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// The episode.
    pub episode: EpisodeId,
    /// The step.
    pub step: Step,
    /// When it was queued, milliseconds since 1970-01-01 UTC: the mail's date, also when it is sent later or again.
    pub queued_ms: i64,
    /// The alert it is about.
    pub alert: Alert,
}

/// Value of `notify.outbox`, sealed under the patient's stream key; the record's key is the chain's id.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum OutboxRecord {
    /// To be sent; appended in the step that moves the read position of `alerts`.
    Queued(Entry) = 1,
    /// Handed over to the mail server or written.
    Sent {
        /// The episode.
        episode: EpisodeId,
        /// The step.
        step: Step,
        /// When, milliseconds since 1970-01-01 UTC.
        sent_ms: i64,
    } = 2,
    /// Given up: the dead letter. The entry above it holds the mail.
    Dead {
        /// The episode.
        episode: EpisodeId,
        /// The step.
        step: Step,
        /// When, milliseconds since 1970-01-01 UTC.
        failed_ms: i64,
        /// What the last attempt said.
        reason: String,
    } = 3,
}

/// When to try again, and when no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Pause after the first failure, milliseconds; it doubles with each.
    pub first_ms: i64,
    /// Longest pause, milliseconds.
    pub longest_ms: i64,
    /// Age of a mail, milliseconds, from which a failure is the last.
    pub give_up_ms: i64,
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may go well later.
    Passing(String),
    /// This mail will never be taken.
    Final(String),
}

/// What follows from a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is tried again at this instant, milliseconds since 1970-01-01 UTC.
    Again {
        /// The instant.
        due_ms: i64,
    },
    /// It is given up; append this.
    Dead(OutboxRecord),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Queued,
    Settled,
}

#[derive(Clone, Debug)]
struct Pending {
    entry: Entry,
    attempts: u32,
    due_ms: i64,
    under_way: bool,
}

/// The state of one partition.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    steps: BTreeMap<Key, Status>,
    pending: BTreeMap<Key, Pending>,
}

/// More points than this are not kept of a chart.
const CHART_POINTS_MAX: usize = 2_000;

impl Outbox {
    /// What an alert leads to: a mail where its episode's step has none yet. The entry is then queued here; append it.
    ///
    /// An episode that is first heard of when it continues is opened then; one that is first heard of when it ends is not mailed.
    /// Of what was known too late to alert anybody, nothing is mailed but the end of what was.
    pub fn take(&mut self, chain: Digest, anomaly: &Anomaly, alert: Alert, now_ms: i64) -> Option<Entry> {
        let key = |step| Key { chain, episode: anomaly.episode, step };
        let (opened, resolved) = (key(Step::Opened), key(Step::Resolved));
        let step = match anomaly.change {
            Change::Opened | Change::Continued
                if self.steps.contains_key(&opened) || self.steps.contains_key(&resolved) =>
            {
                return None;
            }
            Change::Opened | Change::Continued if !alert.alerting => return None,
            Change::Opened | Change::Continued => Step::Opened,
            Change::Resolved if self.steps.contains_key(&resolved) || !self.steps.contains_key(&opened) => return None,
            Change::Resolved => Step::Resolved,
        };
        let entry = Entry { episode: anomaly.episode, step, queued_ms: now_ms, alert: thinned(alert) };
        self.apply(chain, OutboxRecord::Queued(entry.clone()));
        Some(entry)
    }

    /// Applies a record of the topic. Records that change nothing any more are harmless.
    pub fn apply(&mut self, chain: Digest, record: OutboxRecord) {
        match record {
            OutboxRecord::Queued(entry) => {
                let key = Key { chain, episode: entry.episode, step: entry.step };
                self.steps.entry(key).or_insert_with(|| {
                    let due_ms = entry.queued_ms;
                    self.pending.insert(key, Pending { entry, attempts: 0, due_ms, under_way: false });
                    Status::Queued
                });
            }
            OutboxRecord::Sent { episode, step, .. } | OutboxRecord::Dead { episode, step, .. } => {
                let key = Key { chain, episode, step };
                self.steps.insert(key, Status::Settled);
                self.pending.remove(&key);
            }
        }
    }

    /// At most `most` entries whose time has come, now under way. The end of an episode waits until its beginning is settled.
    pub fn start_due(&mut self, now_ms: i64, most: usize) -> Vec<(Key, Entry)> {
        let due: Vec<Key> = self
            .pending
            .iter()
            .filter(|(key, pending)| {
                let first = Key { step: Step::Opened, ..**key };
                let in_turn = key.step == Step::Opened || !self.pending.contains_key(&first);
                in_turn && !pending.under_way && pending.due_ms <= now_ms
            })
            .map(|(key, _)| *key)
            .take(most)
            .collect();
        let mut started = Vec::with_capacity(due.len());
        for key in due {
            if let Some(pending) = self.pending.get_mut(&key) {
                pending.under_way = true;
                started.push((key, pending.entry.clone()));
            }
        }
        started
    }

    /// An attempt went well: append this, then apply it. `None` where the entry is not pending here any more.
    pub fn sent(&self, key: &Key, now_ms: i64) -> Option<OutboxRecord> {
        self.pending.get(key).map(|_| OutboxRecord::Sent { episode: key.episode, step: key.step, sent_ms: now_ms })
    }

    /// An attempt failed. A dead letter is to be appended, then applied. `None` where the entry is not pending here any more.
    pub fn failed(&mut self, key: &Key, failure: Failure, retry: Retry, now_ms: i64) -> Option<Verdict> {
        let pending = self.pending.get_mut(key)?;
        let age_ms = now_ms.saturating_sub(pending.entry.queued_ms);
        let reason = match failure {
            Failure::Passing(_) if age_ms < retry.give_up_ms => {
                let pause_ms = retry.first_ms.saturating_mul(1_i64 << pending.attempts.min(30)).min(retry.longest_ms);
                pending.attempts = pending.attempts.saturating_add(1);
                pending.due_ms = now_ms.saturating_add(pause_ms);
                pending.under_way = false;
                return Some(Verdict::Again { due_ms: pending.due_ms });
            }
            Failure::Passing(reason) => format!("given up after {} h: {reason}", age_ms / 3_600_000),
            Failure::Final(reason) => reason,
        };
        Some(Verdict::Dead(OutboxRecord::Dead { episode: key.episode, step: key.step, failed_ms: now_ms, reason }))
    }

    /// Entries that are neither sent nor given up.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Episodes that began and have not ended.
    pub fn open_episodes(&self) -> usize {
        let ended = |key: &Key| self.steps.contains_key(&Key { step: Step::Resolved, ..*key });
        self.steps.keys().filter(|key| key.step == Step::Opened && !ended(key)).count()
    }
}

/// The alert with at most [`CHART_POINTS_MAX`] points of its chart, evenly chosen, the last one kept.
fn thinned(mut alert: Alert) -> Alert {
    let points = alert.chart.len();
    if points > CHART_POINTS_MAX {
        let every = points.div_ceil(CHART_POINTS_MAX);
        let mut at = 0;
        alert.chart.retain(|_| {
            at += 1;
            (points - at).is_multiple_of(every)
        });
    }
    alert
}
