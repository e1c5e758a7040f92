//! A process of the built binary.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use kit::Port;

use super::http;

/// How long anything that is awaited may take on a loaded machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// Looks again and again until it is so.
pub(super) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} s for: {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(50)); // polling another process: nothing to wait on
    }
}

/// As [`until`], looking as often as it can: to strike in the midst of something.
pub(super) fn promptly(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "waited {} s for: {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(1)); // polling another process: nothing to wait on
    }
}

pub(super) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caduceus"));
    command.stdin(Stdio::null());
    command
}

/// Runs to the end; standard output and error as text.
pub(super) fn run(arguments: &[&str]) -> (Output, String, String) {
    let output = binary().args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    (output, out, error)
}

/// Runs to a good end.
pub(super) fn done(arguments: &[&str]) -> String {
    let (output, out, error) = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {} {error}", output.status);
    out
}

/// `caduceus run …`. It is killed when this is dropped.
pub(super) struct Process {
    pub(super) name: String,
    child: Child,
    health: String,
    _health_port: Port,
    said: PathBuf,
}

impl Process {
    /// Starts roles with a configuration file and settings above it; what it logs goes to a file beside.
    pub(super) fn start(name: &str, roles: &[&str], config: &Path, settings: &[(&str, &str)]) -> Self {
        let health_port = Port::free().unwrap();
        let health = format!("127.0.0.1:{}", health_port.number());
        let said = config.with_file_name(format!("{name}.log"));
        let log = File::options().create(true).append(true).open(&said).unwrap();
        let mut command = binary();
        command.arg("run").args(roles).arg("--config").arg(config).env("CADUCEUS_HEALTH__LISTEN", &health);
        command.envs(settings.iter().copied()).stdout(Stdio::null()).stderr(log);
        Self { name: name.into(), child: command.spawn().unwrap(), health, _health_port: health_port, said }
    }

    pub(super) fn ready(&mut self) {
        let (name, health) = (self.name.clone(), self.health.clone());
        until(&format!("{name} to be ready"), || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{name} ended with {status}: {}", self.said());
            }
            http::get(&health, "/readyz").filter(|(status, _)| *status == 200)
        });
    }

    pub(super) fn get(&self, path: &str) -> Option<(u16, String)> {
        http::get(&self.health, path)
    }

    /// A figure of /metrics, summed over its labels; 0 where there is none yet.
    pub(super) fn figure(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics").unwrap_or_default();
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        text.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Height of the last final block of a record node.
    pub(super) fn height(&self) -> f64 {
        self.figure("caduceus_erm_height")
    }

    /// What it logged.
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Without warning, as a power cut of the process.
    pub(super) fn kill_9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: it drains and ends well.
    pub(super) fn terminate(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = until(&format!("{} to end after SIGTERM", self.name), || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{}", self.name);
    }

    /// Its exit, when it ends by itself.
    pub(super) fn exit(mut self) -> (ExitStatus, String) {
        let status = until(&format!("{} to end", self.name), || self.child.try_wait().unwrap());
        (status, self.said())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
        if std::thread::panicking() {
            let said = self.said();
            let tail: Vec<_> = said.lines().rev().take(30).collect();
            eprintln!("--- {} said last:\n{}", self.name, tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
    }
}
