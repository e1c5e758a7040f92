//! `caduceus replay`: a recording through the whole path, as one patient's readings. Run again, it goes on where it stopped.

mod recording;
mod time;

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use kit::{Clock as _, ManualClock};
use phc::Subject;
use portal::{Ingest, IngestSettings, Line, LineResult, Submission};
use vitals::{Admission, Provenance, RawReading};

use crate::cli;
use crate::custody::DemoCustody;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::home::Home;
use crate::network::{Network, Patient};
use crate::platform::Platform;
use recording::{Recording, Row};

/// The device that replayed readings come from: part of what names a reading, so it never changes.
const DEVICE: &str = "replay";
/// Readings that share one barrier.
const LINES_PER_BATCH: usize = 2_000;
/// Event time passes silence and lateness at the end of a recording, so that windows and episodes that can close do.
const LINGER_MS: i64 = 10 * 60_000;
/// Recordings come from any time; nothing is too old.
const AGE_MAX_MS: i64 = 200 * 366 * 86_400_000;

/// Runs the command.
pub(crate) fn run(arguments: &cli::Replay) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().or_environment("the runtime cannot be started")?;
    runtime.block_on(replay(arguments))
}

async fn replay(arguments: &cli::Replay) -> Outcome {
    let first_ms = first_moment(arguments)?;
    let home = Home::at(&arguments.data_dir);
    let network = Arc::new(Network::open_or_found(&home, first_ms)?);
    let clock = Arc::new(ManualClock::at(first_ms));
    let platform = Platform::start(network.clone(), clock).await?;
    let outcome = feed(arguments, &platform).await;
    let stopped = platform.stop().await;
    let told = outcome?;
    stopped?;
    crate::console::line(told);
    Ok(())
}

/// The first time in the recording: founding and clock begin there.
fn first_moment(arguments: &cli::Replay) -> Outcome<i64> {
    let mut recording = Recording::open(&arguments.file)?;
    while let Some(row) = recording.next_row()? {
        if let Ok(moment) = row.time {
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

async fn feed(arguments: &cli::Replay, platform: &Platform) -> Outcome<String> {
    let begun = Instant::now();
    let patient = platform.enrol_patient(&arguments.patient).await?;
    let admission = Admission { max_age_ms: AGE_MAX_MS, ..Admission::default() };
    let custody = Arc::new(DemoCustody::new(platform.network.clone())?);
    let settings = IngestSettings { admission, ..IngestSettings::default() };
    let ingest = Ingest::open(platform.log.clone(), platform.network.id, custody, settings).await.or_environment("ingest")?;
    let resume = ingest.through(patient.chain.id, DEVICE).await.or_environment("ingest")?;

    let mut recording = Recording::open(&arguments.file)?;
    if !recording.ignored().is_empty() {
        eprintln!("columns that are no signals are not read: {}", recording.ignored().join(", "));
    }
    let bar = progress_bar(recording.progress_bytes().1);
    let mut feeder = Feeder { patient: &patient, ingest: &ingest, platform, lines: Vec::new(), first_sequence: 0, next_sequence: 0, resume, counts: Counts::default() };
    let mut pace = arguments.speed.map(|speed| Pace { speed, begun: Instant::now(), from_ms: None });
    while let Some(row) = recording.next_row()? {
        if let (Some(pace), Ok(moment)) = (&mut pace, &row.time) {
            if pace.waits(moment.time_ms) {
                feeder.send().await?;
            }
            pace.wait(moment.time_ms).await;
        }
        feeder.take(row, &arguments.file).await?;
        bar.set_position(recording.progress_bytes().0);
    }
    feeder.send().await?;
    let counts = feeder.counts;

    bar.set_message("reading to the end");
    let end_ms = platform.clock.now_ms().saturating_add(LINGER_MS);
    platform.clock.set(end_ms);
    platform.settle(&ingest, end_ms).await?;
    platform.anchor().await?;
    bar.finish_and_clear();
    let seconds = begun.elapsed().as_secs_f64();
    let progress = platform.monitor.borrow().clone();
    Ok(format!(
        "{} readings taken in, {} were held already, {} refused and kept; {} anomalies, {} mails, {} blocks; {seconds:.1} s\nnext: caduceus check --data-dir {}",
        counts.accepted,
        counts.held,
        counts.refused,
        progress.anomalies,
        platform.notifier.borrow().sent,
        progress.blocks,
        platform.network.home.dir().display()
    ))
}

fn progress_bar(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:44.cyan/black} {percent:>3} %  {elapsed} elapsed, {eta} left  {msg}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Sends rows on in batches. Every cell that is not empty has the next sequence, refused or not: so the same recording names the same
/// readings each time.
struct Feeder<'a> {
    patient: &'a Patient,
    ingest: &'a Ingest,
    platform: &'a Platform,
    lines: Vec<Line>,
    first_sequence: u64,
    next_sequence: u64,
    /// Held before this run.
    resume: Option<u64>,
    counts: Counts,
}

impl Feeder<'_> {
    async fn take(&mut self, row: Row, file: &std::path::Path) -> Outcome {
        let moment = match row.time {
            Ok(moment) => moment,
            Err(reason) => {
                eprintln!("{}, line {}, column time: {reason}; the line is not taken in", file.display(), row.line);
                return Ok(());
            }
        };
        for (signal, value) in row.values {
            let sequence = self.next_sequence;
            self.next_sequence += 1;
            // Also for what is held: the record chain has been there, and takes no block from before.
            self.platform.clock.set(self.platform.clock.now_ms().max(moment.time_ms));
            if self.resume.is_some_and(|held| sequence <= held) {
                self.counts.held += 1;
                self.first_sequence = self.next_sequence;
                continue;
            }
            let raw = RawReading {
                signal: signal.name(),
                value: &value,
                unit: None,
                time_ms: moment.time_ms,
                offset_minutes: moment.offset_minutes,
                provenance: Provenance::Device,
            };
            let admission = Admission { max_age_ms: AGE_MAX_MS, ..Admission::default() };
            let reading = admission.admit(&raw, self.platform.clock.now_ms());
            if let Err(refusal) = &reading {
                eprintln!("{}, line {}, column {}: `{value}` is refused: {refusal}", file.display(), row.line, signal.name());
            }
            self.lines.push(Line { reading, sent: value.into_bytes() });
        }
        if self.lines.len() >= LINES_PER_BATCH {
            self.send().await?;
        }
        Ok(())
    }

    async fn send(&mut self) -> Outcome {
        let lines = std::mem::take(&mut self.lines);
        let first_sequence = std::mem::replace(&mut self.first_sequence, self.next_sequence);
        if lines.is_empty() {
            return Ok(());
        }
        if let Some(failure) = self.platform.broken() {
            return Err(failure);
        }
        let received_ms = self.platform.clock.now_ms();
        let submission = Submission { chain: self.patient.chain.id, device: DEVICE.into(), subject: Subject::Patient, first_sequence: Some(first_sequence), received_ms, lines };
        for result in self.ingest.submit_lines(submission).await.or_environment("ingest")? {
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
