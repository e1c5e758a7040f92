//! What was measured on, and who else was using it.

use std::fs;
use std::process::Command;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::proc::TICKS_PER_S;

/// The machine.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) memory_gib: f64,
    pub(super) system: String,
    pub(super) kernel: String,
    pub(super) rustc: String,
    pub(super) java: Option<String>,
    pub(super) cpu_flags: Vec<String>,
}

impl Machine {
    /// What cannot be found out is "unknown".
    pub(super) fn here() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let of_cpu = |name: &str| value_of(&cpuinfo, name, ':').unwrap_or_else(unknown);
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = value_of(&memory, "MemTotal", ':').and_then(|value| value.split(' ').next()?.parse::<f64>().ok());
        Self {
            cpu: of_cpu("model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: (kib.unwrap_or(0.0) / 1_048_576.0).round(),
            system: value_of(&release, "PRETTY_NAME", '=').map_or_else(unknown, |name| name.replace('"', "")),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |k| k.trim().to_owned()),
            rustc: first_line(Command::new("rustc").arg("--version")).unwrap_or_else(unknown),
            java: first_line(Command::new("java").arg("--version")),
            cpu_flags: of_cpu("flags").split_whitespace().map(str::to_owned).collect(),
        }
    }
}

/// CPU and time while the measured ones had their turns, to tell what others used meanwhile.
#[derive(Default)]
pub(super) struct OverAll {
    wall_s: f64,
    busy_s: f64,
    own_s: f64,
}

/// A turn that has begun.
pub(super) struct Turn {
    begin: Instant,
    busy_s: f64,
}

impl Turn {
    pub(super) fn begin() -> Self {
        Self { begin: Instant::now(), busy_s: busy_s() }
    }
}

impl OverAll {
    /// Adds a turn that ends now, in which the measured ones used so much CPU time.
    pub(super) fn add(&mut self, turn: &Turn, own_s: f64) {
        self.wall_s += turn.begin.elapsed().as_secs_f64();
        self.busy_s += busy_s() - turn.busy_s;
        self.own_s += own_s;
    }

    /// What processes other than the measured ones used, in cores.
    pub(super) fn others_cores(&self) -> f64 {
        if self.wall_s == 0.0 { 0.0 } else { ((self.busy_s - self.own_s) / self.wall_s).max(0.0) }
    }
}

/// CPU time that the whole machine has used since it started, in seconds of one core.
fn busy_s() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let all = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = all.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted in user.
    ticks.iter().enumerate().filter(|(at, _)| ![3, 4].contains(at) && *at < 8).map(|(_, t)| t).sum::<f64>()
        / TICKS_PER_S
}

/// The time, in UTC.
pub(super) fn now() -> String {
    first_line(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"])).unwrap_or_else(unknown)
}

/// The commit of the work tree, with a word where files that are kept in it, and that a report depends on, have been changed since.
pub(super) fn commit(depends_on: &[&str]) -> String {
    let git = |arguments: &[&str]| first_line(Command::new("git").args(arguments).current_dir(super::root()));
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return unknown() };
    match git(&[&["status", "--porcelain", "--untracked-files=no", "--"], depends_on].concat()) {
        None => commit,
        Some(_) => commit + " with changes",
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

/// `name: value` or `name=value`.
fn value_of(text: &str, name: &str, separator: char) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(separator)?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}
