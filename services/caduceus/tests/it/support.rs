//! What these tests share: the binary, data directories, recordings that they make themselves.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for anything here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// A run of the binary that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Fails where the exit code is another; shows what the run said.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Fails where standard error says something else.
    #[track_caller]
    pub(crate) fn says(self, what: impl AsRef<str>) -> Self {
        assert!(self.stderr.contains(what.as_ref()), "`{}` is not in: {}", what.as_ref(), self.stderr);
        self
    }
}

fn command<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caduceus"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
pub(crate) fn caduceus<S: AsRef<OsStr>>(arguments: &[S]) -> Ran {
    let output = command(arguments).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8 output");
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A run that goes on beside the test; killed where the test forgets it.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start<S: AsRef<OsStr>>(arguments: &[S]) -> Self {
        Self(command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts"))
    }

    /// Waits until something is so; `false` where the process has ended before.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, mut so: impl FnMut() -> bool) -> bool {
        let begun = Instant::now();
        while !so() {
            if self.0.try_wait().expect("a child").is_some() {
                return false;
            }
            assert!(begun.elapsed() < PATIENCE, "nothing happened for {PATIENCE:?}");
            std::thread::sleep(Duration::from_micros(200));
        }
        true
    }

    /// kill -9; `true` where that is what ended it.
    pub(crate) fn kill(mut self) -> bool {
        self.0.kill().expect("a child can be killed");
        self.0.wait().expect("a child").code().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The arguments of `replay`.
pub(crate) fn replay_arguments(file: &Path, patient: &str, data: &Path) -> Vec<String> {
    ["replay".into(), text(file), "--patient".into(), patient.into(), "--data-dir".into(), text(data)].into()
}

pub(crate) fn replay(file: &Path, patient: &str, data: &Path) -> Ran {
    caduceus(&replay_arguments(file, patient, data))
}

/// The three counts that `replay` prints: taken in, held already, refused.
#[track_caller]
pub(crate) fn counts(ran: &Ran) -> (u64, u64, u64) {
    let line = ran.stdout.lines().next().expect("a line of counts");
    let numbers: Vec<u64> = line.split([' ', ',', ';']).filter_map(|word| word.parse().ok()).collect();
    let [taken, held, refused, ..] = numbers[..] else { panic!("no counts: {line}") };
    (taken, held, refused)
}

/// `check --json`, whatever it finds.
pub(crate) fn check_any(data: &Path) -> (Ran, Value) {
    let ran = caduceus(&["check", "--json", "--data-dir", &text(data)]);
    let report = serde_json::from_str(&ran.stdout).unwrap_or(Value::Null);
    (ran, report)
}

/// `check --json`, which has to find everything in order.
#[track_caller]
pub(crate) fn check(data: &Path) -> Value {
    let (ran, report) = check_any(data);
    let ran = ran.exits(0);
    assert_eq!(report["ok"], Value::Bool(true), "{}", ran.stdout);
    assert_eq!(report["errors"], serde_json::json!([]));
    report
}

/// What does not hang on keys, salts and block boundaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) readings: u64,
    pub(crate) anomalies: u64,
    pub(crate) content: String,
    pub(crate) scores: String,
    pub(crate) found: String,
}

/// A patient's digests in a report.
#[track_caller]
pub(crate) fn digests(report: &Value, patient: &str) -> Digests {
    let of = &report["patients"][patient];
    let digest =
        |name: &str| of[name].as_str().unwrap_or_else(|| panic!("{patient} has no {name}: {report}")).to_owned();
    Digests {
        readings: of["readings"].as_u64().expect("a count of readings"),
        anomalies: of["anomalies"].as_u64().expect("a count of anomalies"),
        content: digest("content_sha256"),
        scores: digest("scores_sha256"),
        found: digest("anomalies_sha256"),
    }
}

/// Number of packs in the blob store: grows with every block of the monitor.
pub(crate) fn packs(data: &Path) -> usize {
    std::fs::read_dir(data.join("blobs/packs")).map_or(0, Iterator::count)
}

/// All files below a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// A copy to destroy.
pub(crate) fn copy(folder: &Path) -> tempfile::TempDir {
    let to = temporary();
    for file in files(folder) {
        let target = to.path().join(file.strip_prefix(folder).expect("below the folder"));
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
        std::fs::copy(&file, target).expect("a copy");
    }
    to
}

pub(crate) fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Small numbers in a fixed order, for choices that only have to vary (xorshift64*, Marsaglia 2003, Vigna 2016).
pub(crate) struct Chances(pub(crate) u64);

impl Chances {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end.max(1)
    }
}

/// 2024-03-01T00:00:00Z.
pub(crate) const START_S: i64 = 1_709_251_200;

/// One minute of a recording.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Minute {
    pub(crate) time_s: i64,
    /// In tenths: exact in every notation.
    pub(crate) heart_rate_tenths: u64,
    pub(crate) steps: u64,
}

/// A person's days by the minute: a daily course, chance, walks, and an hour at 190 beats a minute in bed on the last but one day.
pub(crate) fn days(count: i64, seed: u64) -> Vec<Minute> {
    let mut chances = Chances(seed.wrapping_mul(2).wrapping_add(1));
    (0..count * 1_440)
        .map(|minute| {
            let hour = (minute / 60) % 24;
            let course = [
                520, 510, 500, 500, 510, 530, 580, 640, 680, 700, 700, 710, 720, 700, 690, 690, 700, 720, 710, 690,
                660, 620, 580, 540,
            ];
            let awake = (7..22).contains(&hour);
            let steps = if awake && chances.below(10) == 0 { 20 + chances.below(60) } else { 0 };
            let ill = minute / 60 == (count - 2) * 24 + 3;
            let heart_rate_tenths = if ill { 1_900 } else { course[usize::try_from(hour).expect("an hour")] }
                + chances.below(60)
                + steps * 3;
            Minute { time_s: START_S + minute * 60, heart_rate_tenths, steps }
        })
        .collect()
}

/// As CSV: seconds since 1970 and the short names.
pub(crate) fn csv(minutes: &[Minute]) -> String {
    let mut out = String::from("time,hr,steps\n");
    for Minute { time_s, heart_rate_tenths, steps } in minutes {
        writeln!(out, "{time_s},{}.{},{steps}", heart_rate_tenths / 10, heart_rate_tenths % 10).expect("a string");
    }
    out
}

pub(crate) fn gzip(content: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

/// Writes a file into a folder and returns its path.
pub(crate) fn file(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file");
    path
}

/// The real recording of one person over 91 days, where the data lies beside the project.
pub(crate) fn real_recording() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/wearable/AS2MVDL_1min.csv.gz");
    path.exists().then_some(path)
}
