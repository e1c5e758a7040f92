//! The service: alerts in, mails out.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::{Clock, Condition, Documented, Health, Shutdown};
use ledger::{Chain, Digest};
use stream::EventLog;
use tokio::sync::watch;

use crate::mail::Composer;
use crate::outbox::{Entry, Failure, Key, Retry};
use crate::progress::{Progress, SentMail};
use crate::session::Session;
use crate::settings::{Settings, TransportKind};
use crate::transport::Transport;
use crate::{Error, Keys, Result, names};

/// Pauses before the event log is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// See [`FIRST_PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A broker that was away for long also ends a writer by fencing it. Only who is fenced again this soon has a rival.
const RIVAL: Duration = Duration::from_secs(60);

/// Turns alerts into mails, each step of each episode once.
pub struct Notifier {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) network: Digest,
    pub(crate) retry: Retry,
    pub(crate) deliveries_at_once: usize,
    pub(crate) writer: String,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) health: Option<Conditions>,
    mail_dir: Option<String>,
    composer: Composer,
    transport: Transport,
}

pub(crate) struct Conditions {
    pub(crate) log: Condition,
    pub(crate) mail: Condition,
}

impl Notifier {
    /// A notifier of a network. The settings are checked; files and directories that they name are opened or made.
    ///
    /// # Errors
    /// [`Error::Settings`], [`Error::Kit`].
    pub fn new(
        log: Arc<dyn EventLog>,
        keys: Arc<dyn Keys>,
        clock: Arc<dyn Clock>,
        network: Digest,
        settings: &Settings,
    ) -> Result<Self> {
        settings.check().map_err(Error::Settings)?;
        Ok(Self {
            log,
            keys,
            clock,
            network,
            retry: settings.retry(),
            deliveries_at_once: settings.deliveries_at_once,
            writer: format!("notify/{}", settings.name),
            progress: watch::Sender::new(Progress::default()),
            health: None,
            mail_dir: (settings.transport == TransportKind::File).then(|| settings.mail_dir.clone()),
            composer: Composer::new(settings)?,
            transport: Transport::of(settings)?,
        })
    }

    /// Reports two conditions, `event log` and `mail`.
    #[must_use]
    pub fn reporting_to(mut self, health: &Health) -> Self {
        self.health = Some(Conditions { log: health.condition("event log"), mail: health.condition("mail") });
        self
    }

    /// What it did so far.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Works until the shutdown is asked for; mails under way are then finished. Passing trouble of the event log is waited out.
    ///
    /// # Errors
    /// What does not pass; [`stream::Error::Fenced`] where another notifier of the same name works.
    pub async fn run(self, shutdown: Shutdown) -> Result<()> {
        let me = Arc::new(self);
        let mut pause = FIRST_PAUSE;
        let mut fenced: Option<Instant> = None;
        while !shutdown.is_triggered() {
            let begun = Instant::now();
            let Err(error) = Session::run(&me, &shutdown).await else { break };
            let replaced = matches!(error, Error::Log(stream::Error::Fenced { .. }));
            if replaced && fenced.is_none_or(|before| before.elapsed() > RIVAL) {
                fenced = Some(Instant::now());
            } else if !error.is_passing() {
                return Err(error);
            }
            if begun.elapsed() > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            tracing::warn!(%error, pause_ms = pause.as_millis(), "notifier begins again");
            if let Some(health) = &me.health {
                health.log.not_ready("no connection; trying again");
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.triggered() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    pub(crate) fn chain(&self, id: Digest) -> Chain {
        Chain { network: self.network, id }
    }

    /// Composes and hands over one mail.
    pub(crate) async fn deliver(&self, key: &Key, entry: &Entry) -> std::result::Result<(), Failure> {
        let chain = self.chain(key.chain);
        let message = self.composer.compose(&chain, entry).map_err(|error| Failure::Final(error.to_string()))?;
        self.transport.deliver(&names::file_name(&chain, key, entry.queued_ms), message).await
    }

    pub(crate) fn sent_mail(&self, key: &Key, queued_ms: i64) -> SentMail {
        let chain = self.chain(key.chain);
        SentMail {
            patient_ref: names::PatientRef::of(&chain).short().to_owned(),
            episode: names::episode_short(key.episode),
            step: key.step,
            file: self.mail_dir.as_ref().map(|dir| Path::new(dir).join(names::file_name(&chain, key, queued_ms))),
        }
    }
}
