//! The server's process.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use base64::Engine;
use serde::Deserialize;

use super::{Certificates, fetch};

/// The user that the server knows.
pub const USER: &str = "caduceus";
/// That user's password.
pub const PASSWORD: &str = "correct horse 1234";

/// How long the server may take for an answer of its own.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server offers and asks for.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Offers and requires STARTTLS.
    pub tls: bool,
    /// Requires [`USER`] and [`PASSWORD`].
    pub auth: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { tls: true, auth: true }
    }
}

/// What goes wrong with the next mail, at the end of its DATA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 450: for now.
    TryLater,
    /// 550: for good.
    Refuse,
    /// The connection is cut; the mail is not taken.
    Drop,
    /// The mail is taken, but the connection is cut before the sender learns of it.
    DropAfterTaking,
}

/// A mail that the server took.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Whether it came over TLS.
    pub tls: bool,
    /// Who authenticated.
    pub user: Option<String>,
    /// The message, as it was sent.
    pub content: Vec<u8>,
}

#[derive(Deserialize)]
struct RawMail {
    from: String,
    to: Vec<String>,
    tls: bool,
    user: Option<String>,
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Port(u16),
    Mail(RawMail),
    Fault(String),
    Queued(String),
}

/// A running server; it ends when this is dropped.
pub struct Server {
    child: Child,
    faults: ChildStdin,
    said: Receiver<Said>,
    port: u16,
    certificates: Certificates,
    mails: Vec<Mail>,
    faulted: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts one, with certificates of its own, on a port of the system's choice.
    ///
    /// # Errors
    /// Where it cannot be fetched or does not start.
    pub fn start(options: &Options) -> anyhow::Result<Self> {
        let packages = fetch()?;
        let folder = tempfile::tempdir().context("a folder for the mail server")?;
        let certificates = Certificates::make(folder.path())?;
        let script = folder.path().join("server.py");
        std::fs::write(&script, include_str!("server.py")).context("writing the server's script")?;
        let arguments = serde_json::json!({
            "tls": options.tls, "auth": options.auth, "user": USER, "password": PASSWORD,
            "certificate": certificates.certificate, "key": certificates.key,
        });
        let mut child = Command::new("python3")
            .arg(&script)
            .arg(arguments.to_string())
            .env("PYTHONPATH", &packages)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting python3")?;
        let (Some(faults), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the server has no pipes")
        };
        let (tell, said) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let Ok(event) = serde_json::from_str(&line) else { break };
                if tell.send(event).is_err() {
                    break; // nobody listens any more
                }
            }
        });
        let mut server = Self {
            child,
            faults,
            said,
            port: 0,
            certificates,
            mails: Vec::new(),
            faulted: Vec::new(),
            _folder: folder,
        };
        server.until(PATIENCE, "to listen", |server| server.port != 0)?;
        Ok(server)
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that a client has to trust.
    pub fn ca_file(&self) -> &Path {
        &self.certificates.ca
    }

    /// The next mails (in order) meet these faults; returns when the server knows.
    ///
    /// # Errors
    /// Where the server has ended.
    pub fn fail_next(&mut self, faults: &[Fault]) -> anyhow::Result<()> {
        for fault in faults {
            let word = match fault {
                Fault::TryLater => "450",
                Fault::Refuse => "550",
                Fault::Drop => "drop",
                Fault::DropAfterTaking => "drop-after-taking",
            };
            writeln!(self.faults, "{word}").context("telling the mail server")?;
            loop {
                match self.said.recv_timeout(PATIENCE).context("the mail server does not answer")? {
                    Said::Queued(known) if known == word => break,
                    other => self.take(other)?,
                }
            }
        }
        Ok(())
    }

    /// All mails taken so far, once there are `count`.
    ///
    /// # Errors
    /// Where there are fewer after `patience`, or the server has ended.
    pub fn wait_for(&mut self, count: usize, patience: Duration) -> anyhow::Result<&[Mail]> {
        self.until(patience, &format!("for {count} mails"), |server| server.mails.len() >= count)?;
        Ok(&self.mails)
    }

    /// Waits until this many faults have happened in all.
    ///
    /// # Errors
    /// Where they have not after `patience`, or the server has ended.
    pub fn wait_for_faults(&mut self, count: usize, patience: Duration) -> anyhow::Result<()> {
        self.until(patience, &format!("for {count} faults"), |server| server.faulted.len() >= count)
    }

    /// What it took until now.
    ///
    /// # Errors
    /// Where it said something that is not understood.
    pub fn mails(&mut self) -> anyhow::Result<&[Mail]> {
        while let Ok(event) = self.said.try_recv() {
            self.take(event)?;
        }
        Ok(&self.mails)
    }

    fn until(&mut self, patience: Duration, what: &str, holds: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let end = Instant::now() + patience;
        while !holds(self) {
            match self.said.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(event) => self.take(event)?,
                Err(RecvTimeoutError::Timeout) => bail!(
                    "waited {patience:?} {what}; there are {} mails and faults {:?}",
                    self.mails.len(),
                    self.faulted
                ),
                Err(RecvTimeoutError::Disconnected) => bail!("the mail server ended while waiting {what}"),
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Said) -> anyhow::Result<()> {
        match event {
            Said::Port(port) => self.port = port,
            Said::Fault(name) => self.faulted.push(name),
            Said::Queued(_) => {}
            Said::Mail(RawMail { from, to, tls, user, content }) => {
                let content = base64::engine::general_purpose::STANDARD.decode(content).context("a mail's content")?;
                self.mails.push(Mail { from, to, tls, user, content });
            }
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
