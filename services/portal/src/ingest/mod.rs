//! Readings into the event log: plausible, not yet held, sealed, durable before they are acknowledged.
//!
//! One task appends; whoever submits waits for the batch in which its lines became durable, so that many senders share
//! one barrier. It knows no HTTP: replays and simulators use it as it is.

mod append;
pub(crate) mod held;

use std::sync::Arc;

use ledger::Digest;
use phc::{ParametersSet, Subject};
use stream::EventLog;
use tokio::sync::{mpsc, oneshot, watch};
use vitals::{Admission, Reading, Refusal};

use crate::{Custody, Error};
use append::{Appender, Job};

/// Most lines of one submission.
pub const LINES_MAX: usize = 10_000;
/// How far a sequence that was never seen may lie behind the highest of its device: whoever reads the log remembers that many.
pub const BEHIND_MAX: u64 = 63;
/// Submissions that wait for the one task; more wait for room.
const WAITING: usize = 64;

/// How readings are taken in.
#[derive(Debug, Clone)]
pub struct IngestSettings {
    /// Name of the writer; a later one of the same name takes over.
    pub writer: String,
    /// Bounds on the instants of readings. A replay opens the past.
    pub admission: Admission,
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self { writer: "ingest".into(), admission: Admission::default() }
    }
}

/// One line of a submission.
#[derive(Debug, Clone)]
pub struct Line {
    /// The reading, or why it could not be read.
    pub reading: Result<Reading, Refusal>,
    /// The line as it was sent, kept where it is refused; empty for typed readings.
    pub sent: Vec<u8>,
}

/// Readings of one device, in the order of its own sequence.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The patient's personal chain.
    pub chain: Digest,
    /// The device.
    pub device: String,
    /// Whom or what they are about.
    pub subject: Subject,
    /// Sequence of the first line; the i-th has `first_sequence + i`. `None`: the source counts nothing (FHIR), its
    /// readings are named by signal and instant and numbered here; the device is then kept as `fhir/…`.
    pub first_sequence: Option<u64>,
    /// When they were received, milliseconds since 1970-01-01 UTC.
    pub received_ms: i64,
    /// The lines.
    pub lines: Vec<Line>,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineResult {
    /// Durable.
    Accepted,
    /// The same content was held already.
    AlreadyHeld,
    /// Other content is held under this sequence; this one is kept with the refused ones.
    Conflict,
    /// Refused, and kept with the refused ones.
    Refused {
        /// The stable code.
        code: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
}

impl LineResult {
    /// As written in answers and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AlreadyHeld => "already-held",
            Self::Conflict => "conflict",
            Self::Refused { .. } => "refused",
        }
    }
}

/// The way in. Clones share one task, which ends with the last of them.
#[derive(Clone)]
pub struct Ingest {
    jobs: mpsc::Sender<Job>,
    appended: watch::Receiver<u64>,
}

impl Ingest {
    /// Reads what is held from the log and starts the task.
    pub async fn open(
        log: Arc<dyn EventLog>,
        network: Digest,
        custody: Arc<dyn Custody>,
        settings: IngestSettings,
    ) -> Result<Self, Error> {
        let (count, appended) = watch::channel(0);
        let appender = Appender::open(log, network, custody, settings, count).await?;
        let (jobs, queue) = mpsc::channel(WAITING);
        tokio::spawn(appender.run(queue));
        Ok(Self { jobs, appended })
    }

    /// Submits lines; when this answers, what was accepted is durable.
    pub async fn submit_lines(&self, submission: Submission) -> Result<Vec<LineResult>, Error> {
        Ok(self.submit_all(vec![submission]).await?.pop().unwrap_or_default())
    }

    /// Submits one after the other, in this order, without waiting for one before the next goes in: so many share a barrier.
    /// A device's submissions must not be sent by several callers at once: what overtakes is refused as too far behind.
    pub async fn submit_all(&self, submissions: Vec<Submission>) -> Result<Vec<Vec<LineResult>>, Error> {
        submissions.iter().try_for_each(check)?;
        let mut answers = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let (answer, answered) = oneshot::channel();
            self.send(Job::Submit(submission, answer)).await?;
            answers.push(answered);
        }
        let mut results = Vec::with_capacity(answers.len());
        for answered in answers {
            results.push(answered.await.map_err(|_| Error::Ended("ingest"))??);
        }
        Ok(results)
    }

    /// As [`submit_lines`](Self::submit_lines), for readings that are typed already.
    pub async fn submit(
        &self,
        chain: Digest,
        device: &str,
        subject: Subject,
        first_sequence: u64,
        readings: &[Reading],
        received_ms: i64,
    ) -> Result<Vec<LineResult>, Error> {
        let lines = readings.iter().map(|reading| Line { reading: Ok(*reading), sent: Vec::new() }).collect();
        let (device, first_sequence) = (device.to_owned(), Some(first_sequence));
        self.submit_lines(Submission { chain, device, subject, first_sequence, received_ms, lines }).await
    }

    /// Puts a doctor's parameters into the log, in order with the patient's readings; durable when this answers. What the same
    /// member has set last is not set again. Gives what is in the log. Who may do this is for the caller to know.
    pub async fn set_parameters(&self, chain: Digest, set: ParametersSet) -> Result<ParametersSet, Error> {
        set.check().map_err(|error| Error::Invalid(error.to_string()))?;
        let (answer, answered) = oneshot::channel();
        self.send(Job::Set { chain, set, answer }).await?;
        answered.await.map_err(|_| Error::Ended("ingest"))?
    }

    /// What was set last for a patient.
    pub async fn parameters(&self, chain: Digest) -> Result<Option<ParametersSet>, Error> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Parameters { chain, answer }).await?;
        answered.await.map_err(|_| Error::Ended("ingest"))?
    }

    /// Says that event time has reached an instant, in every partition. `flush`: nothing follows for now.
    pub async fn tick(&self, time_ms: i64, flush: bool) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Tick { time_ms, flush, answer }).await?;
        answered.await.map_err(|_| Error::Ended("ingest"))?
    }

    /// The highest sequence that is held of a device: a replay goes on after it.
    pub async fn through(&self, chain: Digest, device: &str) -> Result<Option<u64>, Error> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Through { chain, device: device.to_owned(), answer }).await?;
        answered.await.map_err(|_| Error::Ended("ingest"))
    }

    /// Readings accepted since the start.
    pub fn accepted(&self) -> u64 {
        *self.appended.borrow()
    }

    async fn send(&self, job: Job) -> Result<(), Error> {
        self.jobs.send(job).await.map_err(|_| Error::Ended("ingest"))
    }
}

/// Bounds of a submission.
fn check(submission: &Submission) -> Result<(), Error> {
    if submission.lines.is_empty() || submission.lines.len() > LINES_MAX {
        return Err(Error::Invalid(format!("{} lines; 1 to {LINES_MAX} are possible", submission.lines.len())));
    }
    if submission.device.is_empty() || submission.device.len() > phc::messages::NAME_BYTES_MAX {
        return Err(Error::Invalid("a device's name is 1 to 128 bytes".into()));
    }
    if matches!(&submission.subject, Subject::Location(l) if l.is_empty() || l.len() > phc::messages::NAME_BYTES_MAX) {
        return Err(Error::Invalid("a location's name is 1 to 128 bytes".into()));
    }
    let unnumbered = submission.device.starts_with(held::UNNUMBERED);
    if submission.first_sequence.is_some() == unnumbered {
        return Err(Error::Invalid("a device named fhir/… has no sequence, and every other has one".into()));
    }
    if submission.first_sequence.is_some_and(|first| first.checked_add(submission.lines.len() as u64).is_none()) {
        return Err(Error::Invalid("the sequences exceed 64 bits".into()));
    }
    Ok(())
}
