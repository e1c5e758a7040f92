//! `caduceus replay`: a recording through the whole path, as one patient's readings. Run again, it goes on where it stopped.

mod kept;

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use kit::{Clock as _, ManualClock};
use phc::Subject;
use portal::{Ingest, IngestSettings, Line, LineResult, Submission};
use record_node::StateMachine as _;
use recording::{Cell, Columns, Measured, Recording, Row, Unreadable};
use vitals::{Admission, Refusal, Signal};

use crate::cli;
use crate::custody::DemoCustody;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::home::Home;
use crate::network::{Network, Patient};
use crate::platform::Platform;
use kept::Kept;

/// The device that replayed readings come from: part of what names a reading, so it never changes.
const DEVICE: &str = "replay";
/// Readings of one hour go together: a block of the personal chain covers whole batches, and is cut by age.
const BATCH_MS: i64 = 3_600_000;
/// Most readings of a batch.
const BATCH_LINES_MAX: usize = 5_000;
/// Batches that share one barrier.
const BATCHES_AT_ONCE: usize = 32;
/// Event time passes silence and lateness at the end of a recording, so that windows and episodes that can close do.
const LINGER_MS: i64 = 10 * 60_000;
/// Recordings come from any time: nothing is too old, and nothing is ahead of a clock that follows the recording.
const ADMISSION: Admission = Admission { max_age_ms: 200 * 366 * 86_400_000, future_tolerance_ms: 0 };

/// Runs the command.
pub(crate) fn run(arguments: &cli::Replay) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .or_environment("the runtime cannot be started")?;
    runtime.block_on(replay(arguments))
}

async fn replay(arguments: &cli::Replay) -> Outcome {
    crate::network::check_name(&arguments.patient)?;
    let first_ms = first_moment(arguments)?;
    let home = Home::at(&arguments.data_dir);
    let network = Arc::new(Network::open_or_found(&home, first_ms)?);
    let clock = Arc::new(ManualClock::at(first_ms));
    let platform = Platform::start(network.clone(), clock).await?;
    let outcome = feed(arguments, &platform).await;
    let stopped = platform.stop().await;
    let (told, read) = outcome?;
    stopped?;
    crate::console::line(told);
    read
}

/// The first time in the recording: founding and clock begin there.
fn first_moment(arguments: &cli::Replay) -> Outcome<i64> {
    let mut recording = Recording::open(&arguments.file, &Columns::default())?;
    while let Some(row) = recording.next_row()? {
        if let Some(moment) = row.moment() {
            return Ok(moment.time_ms);
        }
    }
    Err(Failure::wrong(format_args!("{}: no row has a time", arguments.file.display())))
}

/// What is counted on the way.
#[derive(Default)]
struct Counts {
    accepted: u64,
    held: u64,
    refused: u64,
}

/// Feeds the recording in. What to tell, and whether the recording was read to its end: a file that breaks off in the middle
/// is an error, and everything before is in.
async fn feed(arguments: &cli::Replay, platform: &Platform) -> Outcome<(String, Outcome)> {
    let begun = Instant::now();
    let patient = platform.enrol_patient(&arguments.patient).await?;
    // The record chain's time never goes back, and no node offers a block ahead of its clock: where the recording lies before
    // the last block, the clock goes on from there. What is measured keeps its own time.
    platform.clock.set(platform.record.node().read(|machine| machine.tip().time_ms));
    let custody = Arc::new(DemoCustody::new(platform.network.clone())?);
    let settings = IngestSettings { admission: ADMISSION, ..IngestSettings::default() };
    let ingest =
        Ingest::open(platform.log.clone(), platform.network.id, custody, settings).await.or_environment("ingest")?;
    let resume = ingest.through(patient.chain.id, DEVICE).await.or_environment("ingest")?;
    let kept = Kept::read(platform, &patient).await?;

    let mut recording = Recording::open(&arguments.file, &Columns::default())?;
    if !recording.ignored().is_empty() {
        eprintln!("columns that are no signals are not read: {}", recording.ignored().join(", "));
    }
    let bar = progress_bar(recording.progress_bytes().1);
    let mut feeder = Feeder {
        patient: &patient,
        ingest: &ingest,
        platform,
        lines: Vec::new(),
        hour: i64::MIN,
        waiting: Vec::new(),
        first_sequence: 0,
        next_sequence: 0,
        reached_ms: None,
        resume,
        kept,
        counts: Counts::default(),
    };
    let mut pace = arguments.speed.map(|speed| Pace { speed, begun: Instant::now(), from_ms: None });
    let read = loop {
        let row = match recording.next_row() {
            Ok(Some(row)) => row,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        };
        if let (Some(pace), Some(moment), false) = (&mut pace, row.moment(), feeder.is_held(&row)) {
            if pace.waits(moment.time_ms) {
                feeder.send().await?;
            }
            pace.wait(moment.time_ms).await;
        }
        feeder.take(&row, &arguments.file).await?;
        bar.set_position(recording.progress_bytes().0);
    };
    feeder.send().await?;
    let reached_ms = feeder.now_ms();
    let counts = feeder.counts;

    bar.set_message("reading to the end");
    // Where the file breaks off more is to come: time stays where it is.
    let linger_ms = if read.is_ok() { LINGER_MS } else { 0 };
    let end_ms = reached_ms.saturating_add(linger_ms);
    platform.clock.set(end_ms);
    platform.settle(&ingest, end_ms).await?;
    platform.anchor().await?;
    bar.finish_and_clear();
    let seconds = begun.elapsed().as_secs_f64();
    let progress = platform.monitor.borrow().clone();
    let told = format!(
        "{} readings taken in, {} were held already, {} refused and kept; {} anomalies, {} mails, {} blocks; {seconds:.1} s\nnext: caduceus check --data-dir {}",
        counts.accepted,
        counts.held,
        counts.refused,
        progress.anomalies,
        platform.notifier.borrow().sent,
        progress.blocks,
        platform.network.home.dir().display()
    );
    Ok((told, read))
}

fn progress_bar(bytes: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:44.cyan/black} {percent:>3} %  {elapsed} elapsed, {eta} left  {msg}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Sends rows on in batches. Every cell that is not empty has the next sequence, refused or not, and so has a row that cannot be
/// read: so the same recording names the same readings each time.
struct Feeder<'a> {
    patient: &'a Patient,
    ingest: &'a Ingest,
    platform: &'a Platform,
    lines: Vec<Line>,
    /// The hour that the lines are of.
    hour: i64,
    /// Batches that were not sent yet.
    waiting: Vec<Submission>,
    first_sequence: u64,
    next_sequence: u64,
    /// The latest time of the rows so far.
    reached_ms: Option<i64>,
    /// Held before this run.
    resume: Option<u64>,
    /// Refused and kept before this run.
    kept: Kept,
    counts: Counts,
}

impl Feeder<'_> {
    /// The recording's own time: readings are received as they are measured, however late they are replayed.
    fn now_ms(&self) -> i64 {
        self.reached_ms.unwrap_or_else(|| self.platform.clock.now_ms())
    }

    /// Whether an earlier run has taken in everything of this row.
    fn is_held(&self, row: &Row) -> bool {
        self.resume.is_some_and(|held| self.next_sequence + row.numbers() <= held.saturating_add(1))
    }

    async fn take(&mut self, row: &Row, file: &std::path::Path) -> Outcome {
        if let Some(moment) = row.moment() {
            self.reached_ms = self.reached_ms.max(Some(moment.time_ms));
            self.platform.clock.set(moment.time_ms);
            let hour = moment.time_ms.div_euclid(BATCH_MS);
            if hour != self.hour {
                self.close_batch();
                self.hour = hour;
            }
        }
        if self.lines.len() >= BATCH_LINES_MAX {
            self.close_batch();
        }
        match &row.content {
            Ok(measured) => {
                for (signal, cell) in &measured.values {
                    let line = self.admit(measured, *signal, cell);
                    self.add(line, file, row.line, signal.name());
                }
            }
            Err(Unreadable { column, expected, text }) => {
                let reading = Err(Refusal::Malformed { field: "the row", expected });
                self.add(Line { reading, sent: text.clone() }, file, row.line, column);
            }
        }
        if self.waiting.len() >= BATCHES_AT_ONCE {
            self.send().await?;
        }
        Ok(())
    }

    /// Numbers a line; what an earlier run has taken in or kept does not go in again.
    fn add(&mut self, line: Line, file: &std::path::Path, number: u64, column: &str) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        // Both are asked: what is kept stands for one refused line, wherever that is.
        let kept = line.reading.is_err() && self.kept.take(&line.sent);
        if kept || self.resume.is_some_and(|held| sequence <= held) {
            self.counts.held += 1;
            self.close_batch();
            return;
        }
        if let Err(refusal) = &line.reading {
            // Without the value: it may be health data, and this is a log.
            eprintln!("{}, line {number}, column {column}: refused and kept: {refusal}", file.display());
        }
        self.lines.push(line);
    }

    /// A cell as it is taken in, or why it cannot be; it is kept either way.
    fn admit(&self, row: &Measured, signal: Signal, cell: &Cell) -> Line {
        let reading = row.admit(signal, cell, &ADMISSION, self.now_ms());
        let name = signal.name().as_bytes();
        Line { reading, sent: [b"time=", row.time_text.as_slice(), b", ", name, b"=", &cell.bytes].concat() }
    }

    fn close_batch(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let first_sequence = std::mem::replace(&mut self.first_sequence, self.next_sequence);
        if lines.is_empty() {
            return;
        }
        self.waiting.push(Submission {
            chain: self.patient.chain.id,
            device: DEVICE.into(),
            subject: Subject::Patient,
            first_sequence: Some(first_sequence),
            received_ms: self.now_ms(),
            lines,
        });
    }

    async fn send(&mut self) -> Outcome {
        self.close_batch();
        if let Some(failure) = self.platform.broken() {
            return Err(failure);
        }
        let results = self.ingest.submit_all(std::mem::take(&mut self.waiting)).await.or_environment("ingest")?;
        for result in results.into_iter().flatten() {
            match result {
                LineResult::Accepted => self.counts.accepted += 1,
                LineResult::AlreadyHeld => self.counts.held += 1,
                LineResult::Conflict | LineResult::Refused { .. } => self.counts.refused += 1,
            }
        }
        Ok(())
    }
}

/// Keeps to a multiple of the recorded speed.
struct Pace {
    speed: f64,
    begun: Instant,
    from_ms: Option<i64>,
}

impl Pace {
    fn due(&mut self, time_ms: i64) -> Instant {
        let from_ms = *self.from_ms.get_or_insert(time_ms);
        #[expect(clippy::cast_precision_loss, reason = "a span of recorded time, for waiting")]
        let seconds = (time_ms.saturating_sub(from_ms).max(0) as f64 / 1_000.0 / self.speed).min(1e9);
        self.begun + Duration::from_secs_f64(seconds)
    }

    fn waits(&mut self, time_ms: i64) -> bool {
        self.due(time_ms) > Instant::now()
    }

    async fn wait(&mut self, time_ms: i64) {
        tokio::time::sleep_until(self.due(time_ms).into()).await;
    }
}
