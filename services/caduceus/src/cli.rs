//! The command line: what people type. What it means is in the modules that `main` calls.

mod detect;
mod forecast;
mod forest;
mod recordings;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use detect::{Detect, Profile};
pub(crate) use forecast::{Forecast, Outlook};
pub(crate) use forest::{Evaluate, Explain, Fit, Forest, Growth, Score, Stream};

/// A dual-chain health platform: wearable streams to alerts, clinical events to verifiable claims.
#[derive(Debug, Parser)]
#[command(name = "caduceus", version, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show everything in one process: simulated patients, alerts, two chains, claims with receipts.
    Demo(Demo),
    /// Run one or more roles until SIGTERM.
    Run(Run),
    /// Send a recording (CSV, also .gz) through the whole path, as one patient's readings.
    ///
    /// Run again, it goes on where it stopped. Cells and rows that cannot be read are named by line and column and kept, each
    /// once; a header that cannot be read, or a file that breaks off, ends it with exit 1, and everything before is in.
    Replay(Replay),
    /// Hold the platform's own detector against recordings: alerts, scores row by row, charts, onsets found or missed.
    ///
    /// Nothing looks ahead. Cells and rows that cannot be read, or are out of range (a zero for "not measured"), are named by line
    /// and column, counted and left out. The drift's alarms are alerts of the day that they judge; the days between start and
    /// end of all alerts are the alert-days.
    Detect(Detect),
    /// When will a vital cross its limit? By each person's own past, with an interval and how well it was foretold before.
    ///
    /// Nothing looks ahead, and nothing is told where the last value alone foretells as well. Cells and rows that cannot be read, or
    /// are out of range, are named by line and column, counted and left out.
    Forecast(Forecast),
    /// The isolation forest alone, on tables of numbers.
    #[command(subcommand)]
    Forest(Forest),
    /// Verify a file that somebody handed over; no network is used.
    #[command(subcommand)]
    Verify(Verify),
    /// Write one record of a patient's chain, with its proof, to a file; no process is needed.
    Record(Record),
    /// Write one alert of a patient's chain, with everything that the detector had read before it, to a file; or list the alerts.
    ///
    /// Whoever gets the file reads all readings before the alert, and computes it again with `verify alert`.
    Alert(Alert),
    /// Verify every chain, batch, proof and anchor on disk, and every byte that they stand on; repairs nothing.
    ///
    /// Says what it cannot verify: mails, the summary and the index have nothing that they could be held against, and without
    /// keys what is sealed stays sealed.
    Check(Check),
    /// The index beside the logs.
    #[command(subcommand)]
    Index(Index),
    /// The configuration file of `run`.
    #[command(subcommand)]
    Config(Config),
    /// Found a network for trying things out: genesis, all keys, and files that `run` takes.
    Found(Found),
    /// Make a patient: keys, a personal chain on the configured event log, a registration on the record chain.
    Enrol(Enrol),
    /// Print a bearer token of the network, where this key store holds the authority's key.
    Token(Token),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// One line a second instead of a live view; runs a finite script and exits.
    #[arg(long)]
    pub(crate) headless: bool,
    /// Where everything is kept [default: a new folder under the system's temporary one].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Simulated seconds per second once the backfill is in.
    #[arg(long, value_name = "X", default_value_t = 10_800.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// Seed of the simulated people: the same seed gives the same scores, anomalies and verdicts.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Longest that a headless demo may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) within: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// What this process does.
    #[arg(required = true, value_enum)]
    pub(crate) roles: Vec<Role>,
    /// The configuration file; `caduceus config example` prints one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Role {
    /// Readings to blocks and alerts.
    Monitor,
    /// Alerts to mail.
    Notify,
    /// A validator of the record chain.
    RecordNode,
    /// Readings, clinical events, consents and claims over HTTP.
    Portal,
}

#[derive(Debug, Args)]
pub(crate) struct Found {
    /// Where the network is kept; made where it does not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Write files for a Kafka broker there, instead of the embedded log.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Enrol {
    /// The patient: 1 to 64 letters, digits, '-', '_' and '.'.
    #[arg(long, value_name = "NAME")]
    pub(crate) patient: String,
    /// The configuration file of the network's processes.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// For a member of the network.
    #[arg(long, value_name = "ID", conflicts_with_all = ["patient", "device"], required_unless_present = "patient")]
    pub(crate) party: Option<String>,
    /// For a patient.
    #[arg(long, value_name = "NAME")]
    pub(crate) patient: Option<String>,
    /// For one of the patient's devices.
    #[arg(long, value_name = "DEVICE", requires = "patient")]
    pub(crate) device: Option<String>,
    /// How long it is good.
    #[arg(long, value_name = "HOURS", default_value_t = 12)]
    pub(crate) hours: u32,
    /// The configuration file of the network's processes.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The recording: a column `time` and columns named by signals, for example `heart_rate` or `hr`.
    pub(crate) file: PathBuf,
    /// Whose readings they are: 1 to 64 letters, digits, '-', '_' and '.'.
    #[arg(long, value_name = "ID")]
    pub(crate) patient: String,
    /// Where everything is kept; made where it does not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Recorded seconds per second [default: as fast as it goes].
    #[arg(long, value_name = "X", value_parser = speed)]
    pub(crate) speed: Option<f64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verify {
    /// A claim's receipt: recomputes what it opens, names who attests the rest.
    Receipt {
        /// The receipt.
        file: PathBuf,
        /// The network's genesis: what is trusted.
        #[arg(long, value_name = "FILE")]
        genesis: PathBuf,
        /// A later block to trust instead: history before it may be forged by keys of departed validators.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// A record of a personal chain: that it stands in a block signed by a writer whom the patient named.
    Record {
        /// The record's file.
        file: PathBuf,
        /// The network's genesis: what is trusted.
        #[arg(long, value_name = "FILE")]
        genesis: PathBuf,
    },
    /// An alert: that it stands on the chain, and that the detector says exactly this of the readings before it.
    Alert {
        /// The alert's file.
        file: PathBuf,
        /// The network's genesis: what is trusted.
        #[arg(long, value_name = "FILE")]
        genesis: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// Where the chain is kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Whose record.
    #[arg(long, value_name = "ID")]
    pub(crate) patient: String,
    /// When it was measured, or when parameters were in force: RFC 3339 with offset, or seconds since 1970.
    #[arg(long, value_name = "TIME")]
    pub(crate) time: String,
    /// What was measured, for example heart_rate.
    #[arg(long, value_name = "SIGNAL", required_unless_present = "parameters")]
    pub(crate) signal: Option<String>,
    /// What a doctor had set for the detector by that time, instead of a reading.
    #[arg(long, conflicts_with = "signal")]
    pub(crate) parameters: bool,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Alert {
    /// Where the chain is kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Whose alert.
    #[arg(long, value_name = "ID")]
    pub(crate) patient: String,
    /// List the alerts, one a line, and write nothing.
    #[arg(long, conflicts_with_all = ["out", "episode", "entry"])]
    pub(crate) list: bool,
    /// The first alert of this episode [default: the last alert of all].
    #[arg(long, value_name = "HEX", conflicts_with = "entry")]
    pub(crate) episode: Option<String>,
    /// The alert at this place of the chain.
    #[arg(long, value_name = "HEIGHT.ENTRY")]
    pub(crate) entry: Option<String>,
    /// The file to write.
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    pub(crate) out: Option<PathBuf>,
    /// The seed of the cohort forest that the monitor works under.
    #[arg(long, value_name = "N", default_value_t = crate::platform::COHORT_SEED)]
    pub(crate) cohort_seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// What to check.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// One JSON object on standard output.
    #[arg(long)]
    pub(crate) json: bool,
    /// The file with the key store's passphrase [default: the demo's own, where there is one].
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Index {
    /// Make the index anew from the logs.
    Rebuild {
        /// Where the logs are.
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print a working file with every key, its default and meaning.
    Example,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("a number above 0 is needed, for example 60".into()),
    }
}
