//! The embedded log: all topics in one segment log in a directory, for one process.
//!
//! A committed batch is one unit of the segment log, so one `fdatasync` makes its records and its read position durable together,
//! and a torn write takes both away. Where an offset lies is kept in memory and made again from the log at open. Groups and
//! writers' epochs live in this process only: another process cannot have the directory open.
//!
//! **What is kept:** everything, for ever. `Days` only states what a reader may not rely on; of a `Compact` topic a scan passes over
//! records that a later one of their key replaced, so that restoring state costs its size and not that of its history. What must become
//! unreadable is sealed under keys that can be deleted.

mod assign;
mod collect;
mod committer;
mod core;
mod entry;
mod failure;
mod groups;
mod history;
pub mod inspect;
mod reader;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use rand_core::{OsRng, RngCore};
use store::segment_log::{LogId, Record as UnitRecord, SegmentLog};
use tokio::sync::oneshot;

use self::collect::{Source, Span, collect};
use self::committer::Job;
use self::core::Core;
use self::entry::Entry;
use self::failure::{corrupt, read_failure};
use self::history::{History, Key};
use self::reader::EmbeddedReader;
use crate::{Batch, Error, EventLog, Position, Reader, Record, Result, Scan, Topics, Writer};

/// How an embedded log is opened.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The topics. Partition counts have to equal those the directory was made with.
    pub topics: Topics,
    /// A reader that does not call `next` for this long is taken for dead (default 30 s).
    pub session: Duration,
    /// The largest record: key, headers and value (default 1 MB, a Kafka broker's default).
    pub max_record_bytes: usize,
    /// Memory for the latest records, so that readers at the end need no disk (default 32 MiB).
    pub tail_bytes: usize,
    /// The segment log underneath.
    pub segments: store::segment_log::Settings,
}

impl Settings {
    /// The defaults for these topics.
    pub fn new(topics: Topics) -> Self {
        Self {
            topics,
            session: Duration::from_secs(30),
            max_record_bytes: 1_000_000,
            tail_bytes: 32 << 20,
            segments: store::segment_log::Settings::default(),
        }
    }
}

/// The embedded log. Handles are cheap to clone. When the last handle, writer and reader is gone, the directory is free again; without
/// [`EmbeddedLog::close`] the log is then as after a crash, which loses nothing but costs a scan at the next open.
#[derive(Clone)]
pub struct EmbeddedLog {
    core: Arc<Core>,
    committer: Arc<Committer>,
}

impl EmbeddedLog {
    /// Opens the log in `dir`, creating it where there is none, and reads through it once. Blocks.
    ///
    /// # Errors
    /// [`Error::InUse`] where another process has it open, [`Error::PartitionCount`] where a topic was made with another count,
    /// [`Error::Corrupt`] for any damage but an interrupted last write, [`Error::Storage`].
    pub fn open(dir: &Path, settings: Settings) -> Result<Self> {
        let mut id = [0; 16];
        OsRng.fill_bytes(&mut id);
        let opened = SegmentLog::open(dir, LogId(id), settings.segments)
            .map_err(|error| read_failure("opening the log", error))?;
        let log = opened.log;
        let mut history = History::default();
        let mut units = log.reader();
        while let Some(unit) = units.next_unit().map_err(|error| read_failure("reading the log", error))? {
            let records = unit.records().map(|record| (record.kind, record.bytes));
            history
                .apply(unit.position, records, &settings.topics)
                .map_err(|reason| corrupt(dir, unit.position, reason))?;
        }
        declare(&log, &mut history, &settings.topics)?;
        let core = Arc::new(Core::new(log, settings, history));
        let (jobs, received) = mpsc::channel();
        let working = core.clone();
        let thread = std::thread::Builder::new()
            .name("log-committer".into())
            .spawn(move || committer::run(&working, &received))
            .map_err(|error| Error::Storage { doing: "starting the log's thread".into(), reason: error.to_string() })?;
        Ok(Self { core, committer: Arc::new(Committer { jobs, thread: Mutex::new(Some(thread)) }) })
    }

    /// Finishes what was asked for, writes the footer and gives up the directory. Later commits fail with [`Error::Closed`];
    /// readers may read on. Closing twice is no error.
    ///
    /// # Errors
    /// [`Error::Storage`] where the footer cannot be written: the log is then as after a crash, and nothing is lost.
    pub async fn close(&self) -> Result<()> {
        let (core, committer) = (self.core.clone(), self.committer.clone());
        let closing = tokio::task::spawn_blocking(move || {
            if !committer.stop() {
                return Err(Error::Storage { doing: "closing the log".into(), reason: "its thread panicked".into() });
            }
            core.log.close().map_err(|error| read_failure("closing the log", error))
        });
        closing.await.map_err(|_| Error::Closed)?
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.core.log.dir()
    }

    /// Batches and barriers since the log was opened.
    pub fn counts(&self) -> store::segment_log::Counts {
        self.core.log.counts()
    }
}

/// The thread that appends. It ends with the last handle and writer, so that the directory is free then.
struct Committer {
    jobs: mpsc::Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    /// Lets it finish what was asked for. False where it panicked.
    fn stop(&self) -> bool {
        self.jobs.send(Job::Stop).ok(); // it may have ended already
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.is_none_or(|thread| thread.join().is_ok())
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Declares topics that the log does not know yet, in one unit, and compares the counts of the others.
fn declare(log: &SegmentLog, history: &mut History, topics: &Topics) -> Result<()> {
    let mut entries = Vec::new();
    for spec in topics.iter() {
        match history.number(&spec.name) {
            Some(number) if history.count(number) == spec.partitions => {}
            Some(number) => {
                let (topic, found) = (spec.name.to_string(), history.count(number));
                return Err(Error::PartitionCount { topic, expected: spec.partitions, found });
            }
            None => {
                let number = history.topics().saturating_add(entries.len());
                let number = u16::try_from(number).map_err(|_| Error::Invalid("more than 65,536 topics".into()))?;
                entries
                    .push(Entry::Topic { number, partitions: spec.partitions, name: spec.name.to_string() }.encode());
            }
        }
    }
    if entries.is_empty() {
        return Ok(());
    }
    let records: Vec<_> = entries.iter().map(|(kind, bytes)| UnitRecord::new(*kind, bytes)).collect();
    let at = log.append(&records).map_err(|error| read_failure("declaring topics", error))?;
    let entries = entries.iter().map(|(kind, bytes)| (*kind, bytes.as_slice()));
    history.apply(at, entries, topics).map_err(|reason| Error::Storage { doing: "declaring topics".into(), reason })
}

#[async_trait]
impl EventLog for EmbeddedLog {
    async fn partitions(&self, topic: &str) -> Result<u32> {
        self.core.topics.get(topic).map(|spec| spec.partitions)
    }

    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>> {
        if name.is_empty() {
            return Err(Error::Invalid("a writer needs a name".into()));
        }
        let epoch = {
            let mut state = self.core.state();
            let epoch = state.writers.entry(name.to_owned()).or_insert(0);
            *epoch += 1;
            *epoch
        };
        Ok(Box::new(EmbeddedWriter { committer: self.committer.clone(), name: name.into(), epoch }))
    }

    async fn reader(&self, group: &str, topics: &[&str]) -> Result<Box<dyn Reader>> {
        Ok(Box::new(EmbeddedReader::join(self.core.clone(), group, topics)?))
    }

    async fn scan(&self, topic: &str, partition: u32, from: u64) -> Result<Box<dyn Scan>> {
        let key = self.core.key(topic, partition)?;
        let spans = {
            let history = &self.core.state().history;
            let end = history.end(key).unwrap_or(0);
            match history.last_of_keys(key, from, end) {
                Some(offsets) => offsets.into_iter().map(|next| Span { next, end: next + 1 }).collect(),
                None => VecDeque::from([Span { next: from, end }]),
            }
        };
        Ok(Box::new(EmbeddedScan {
            core: self.core.clone(),
            source: Arc::default(),
            key,
            spans: Arc::new(Mutex::new(spans)),
        }))
    }

    async fn end(&self, topic: &str, partition: u32) -> Result<u64> {
        let key = self.core.key(topic, partition)?;
        Ok(self.core.state().history.end(key).unwrap_or(0))
    }
}

struct EmbeddedWriter {
    committer: Arc<Committer>,
    name: Arc<str>,
    epoch: u64,
}

#[async_trait]
impl Writer for EmbeddedWriter {
    async fn commit(&mut self, batch: Batch) -> Result<Vec<Position>> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Commit { writer: self.name.clone(), epoch: self.epoch, batch, reply };
        self.committer.jobs.send(job).map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

struct EmbeddedScan {
    core: Arc<Core>,
    source: Arc<Source>,
    key: Key,
    /// What is still to be read, in order.
    spans: Arc<Mutex<VecDeque<Span>>>,
}

#[async_trait]
impl Scan for EmbeddedScan {
    async fn next(&mut self, max_records: usize) -> Result<Vec<Record>> {
        let (core, source, key, spans) = (self.core.clone(), self.source.clone(), self.key, self.spans.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
            let mut records = Vec::new();
            while let Some(span) = spans.front_mut() {
                let wanted = max_records.max(1) - records.len();
                let part = Span { next: span.next, end: span.end.min(span.next.saturating_add(wanted as u64)) };
                if part.next >= part.end {
                    spans.pop_front();
                    continue;
                }
                records.extend(collect(&core, Some(&source), &mut [(key, part)].into(), usize::MAX)?.records);
                span.next = part.end;
                if records.len() >= max_records.max(1) {
                    break;
                }
            }
            Ok(records)
        });
        reading.await.map_err(|_| Error::Closed)?
    }
}
