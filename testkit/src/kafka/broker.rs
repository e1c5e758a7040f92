//! One broker process.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use kit::Port;
use tempfile::TempDir;

/// How long a broker may take to start; a loaded machine needs a multiple of the usual 3 s.
const START_BOUND: Duration = Duration::from_secs(120);
const STARTED: &str = "Kafka Server started";

/// A running broker with its own data folder. It ends, and its data goes, when this is dropped; and also when this process ends
/// without dropping it (it may sit in a `static`, or the process may be killed).
#[derive(Debug)]
pub struct Broker {
    libs: PathBuf,
    folder: TempDir,
    client_port: Port,
    _controller_port: Port,
    running: Option<Running>,
    starts: u32,
}

#[derive(Debug)]
struct Running {
    broker: Child,
    guard: Child,
}

impl Broker {
    /// Starts a broker with these additional server properties (a later one of the same name counts) and waits until it serves.
    ///
    /// # Errors
    /// Where it cannot be fetched or does not start; the message ends with the broker's last words.
    pub fn start(properties: &[(&str, &str)]) -> anyhow::Result<Self> {
        let libs = super::fetch()?;
        let folder = tempfile::Builder::new().prefix("caduceus-kafka-").tempdir().context("a folder for the broker")?;
        let (client_port, controller_port) = (Port::free()?, Port::free()?);
        let files = [
            (
                "server.properties",
                server_properties(folder.path(), client_port.number(), controller_port.number(), properties)?,
            ),
            ("log4j.properties", log4j_properties()),
        ];
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).with_context(|| format!("writing {name}"))?;
        }
        let mut broker =
            Self { libs, folder, client_port, _controller_port: controller_port, running: None, starts: 0 };
        broker.format()?;
        broker.run()?;
        Ok(broker)
    }

    /// The address for clients: `127.0.0.1:PORT`. It stays the same over restarts.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.client_port.number())
    }

    /// The broker's process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.broker.id())
    }

    /// Ends the broker without warning, as a power cut of its process would.
    ///
    /// # Errors
    /// Where it does not run or cannot be ended.
    pub fn kill_9(&mut self) -> anyhow::Result<()> {
        let mut running = self.running.take().context("the broker does not run")?;
        end(&mut running.guard);
        running.broker.kill().context("killing the broker")?;
        running.broker.wait().context("waiting for the killed broker")?;
        Ok(())
    }

    /// Starts it again on the same ports and data, and waits until it serves.
    ///
    /// # Errors
    /// Where it runs already or does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        anyhow::ensure!(self.running.is_none(), "the broker runs already");
        self.run()
    }

    fn java(&self) -> Command {
        let mut command = Command::new("java");
        command.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]).arg(self.libs.join("*"));
        command.arg(format!("-Dlog4j.configuration=file:{}", self.folder.path().join("log4j.properties").display()));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn format(&self) -> anyhow::Result<()> {
        // Any 128-bit identity will do: each broker is a cluster of its own.
        let output = self
            .java()
            .args(["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", "server.properties"])
            .output()
            .context("running java")?;
        if !output.status.success() {
            bail!("formatting the broker's storage failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<()> {
        self.starts += 1;
        let log_path = self.folder.path().join(format!("broker-{}.log", self.starts));
        let log = std::fs::File::create(&log_path).context("the broker's output file")?;
        let mut command = self.java();
        command
            .args(["kafka.Kafka", "server.properties"])
            .stdout(log.try_clone().context("the broker's output")?)
            .stderr(log);
        let mut broker = command.spawn().context("starting java")?;
        let deadline = Instant::now() + START_BOUND;
        loop {
            let said = std::fs::read_to_string(&log_path).unwrap_or_default();
            if said.contains(STARTED) {
                break;
            }
            let ended = broker.try_wait().context("watching the broker")?;
            if ended.is_some() || Instant::now() > deadline {
                end(&mut broker);
                let tail: Vec<_> = said.lines().rev().filter(|line| !line.starts_with('\t')).take(6).collect();
                bail!("the broker did not start: {}", tail.into_iter().rev().collect::<Vec<_>>().join(" | "));
            }
            std::thread::sleep(Duration::from_millis(20)); // polling a file: nothing to wait on
        }
        let guard = match self.guard(broker.id()) {
            Ok(guard) => guard,
            Err(error) => {
                end(&mut broker);
                return Err(error);
            }
        };
        self.running = Some(Running { broker, guard });
        Ok(())
    }

    /// A shell that ends the broker and removes its folder when this process is gone. It looks at the command line before it
    /// kills, so that a process id used again by something else is left alone.
    fn guard(&self, broker: u32) -> anyhow::Result<Child> {
        const SCRIPT: &str = r#"
            while kill -0 "$1" 2>/dev/null; do sleep 0.5; done
            if tr '\0' ' ' < "/proc/$2/cmdline" 2>/dev/null | grep -qF "$3"; then kill -9 "$2"; fi
            rm -rf -- "$3""#;
        Command::new("sh")
            .args(["-c", SCRIPT, "guard", &std::process::id().to_string(), &broker.to_string()])
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting the broker's guard")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            end(&mut running.guard);
            end(&mut running.broker);
        }
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself; then there is nothing left to do.
    if child.kill().is_ok() {
        child.wait().ok();
    }
}

fn server_properties(folder: &Path, client: u16, controller: u16, more: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut out = format!(
        "process.roles=broker,controller\nnode.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{client}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         log.dirs={}\n",
        folder.join("data").display()
    );
    let fixed = [
        ("offsets.topic.replication.factor", "1"),
        ("offsets.topic.num.partitions", "4"),
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("transaction.state.log.num.partitions", "4"),
        ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "500"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("group.min.session.timeout.ms", "1000"),
        ("auto.create.topics.enable", "false"),
    ];
    for (name, value) in fixed.iter().chain(more) {
        writeln!(out, "{name}={value}")?;
    }
    Ok(out)
}

fn log4j_properties() -> String {
    "log4j.rootLogger=INFO, out\n\
     log4j.appender.out=org.apache.log4j.ConsoleAppender\n\
     log4j.appender.out.layout=org.apache.log4j.PatternLayout\n\
     log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n\n"
        .to_owned()
}
