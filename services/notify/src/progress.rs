//! What the notifier did so far, for a view. Nothing in it is health data.

use std::path::PathBuf;

use crate::outbox::Step;

/// Counts since this notifier began to run, and what stands open now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Mails handed over.
    pub sent: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Mails given up.
    pub dead: u64,
    /// Mails that wait, are tried again or are under way.
    pub pending: usize,
    /// Episodes that were announced and have not ended.
    pub open_episodes: usize,
    /// The last mail handed over.
    pub last: Option<SentMail>,
    /// Why the last failed attempt failed.
    pub last_failure: Option<String>,
}

/// A mail that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMail {
    /// The patient's reference, as in the subject.
    pub patient_ref: String,
    /// The episode, as in the subject.
    pub episode: String,
    /// The step.
    pub step: Step,
    /// The file, with the file transport.
    pub file: Option<PathBuf>,
}
