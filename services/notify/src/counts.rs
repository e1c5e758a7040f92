//! Metrics, logs and the view's counts, in one place. No value, no signal, no identifier but blinded references.

use crate::outbox::{Entry, Failure, Key, OutboxRecord};
use crate::service::Notifier;

impl Notifier {
    pub(crate) fn count_failure(&self, key: &Key, failure: &Failure) {
        let (kind, reason) = match failure {
            Failure::Passing(reason) => ("passing", reason),
            Failure::Final(reason) => ("final", reason),
        };
        metrics::counter!("notify_failed_attempts_total", "kind" => kind).increment(1);
        let mail = self.sent_mail(key, 0);
        tracing::warn!(
            patient_ref = mail.patient_ref,
            episode = mail.episode,
            step = key.step.name(),
            kind,
            reason,
            "mail not delivered"
        );
        if let Some(health) = &self.health {
            health.mail.not_ready("the last attempt to deliver a mail failed");
        }
        self.progress.send_modify(|progress| {
            progress.failures += 1;
            progress.last_failure = Some(reason.clone());
        });
    }

    /// An entry was sent or given up, and that is recorded.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a metric")]
    pub(crate) fn count_settled(&self, key: &Key, entry: &Entry, record: &OutboxRecord, now_ms: i64) {
        let mail = self.sent_mail(key, entry.queued_ms);
        if matches!(record, OutboxRecord::Dead { .. }) {
            metrics::counter!("notify_dead_letters_total").increment(1);
            tracing::error!(
                patient_ref = mail.patient_ref,
                episode = mail.episode,
                step = key.step.name(),
                "mail given up: dead letter in notify.outbox"
            );
            self.progress.send_modify(|progress| progress.dead += 1);
            return;
        }
        metrics::counter!("notify_mails_sent_total", "step" => key.step.name()).increment(1);
        metrics::histogram!("notify_queued_to_sent_seconds")
            .record(now_ms.saturating_sub(entry.queued_ms) as f64 / 1_000.0);
        tracing::info!(patient_ref = mail.patient_ref, episode = mail.episode, step = key.step.name(), "mail sent");
        if let Some(health) = &self.health {
            health.mail.ready();
        }
        self.progress.send_modify(|progress| {
            progress.sent += 1;
            progress.last = Some(mail);
        });
    }

    #[expect(clippy::cast_precision_loss, reason = "small counts of a gauge")]
    pub(crate) fn count_open(&self, pending: usize, open_episodes: usize) {
        metrics::gauge!("notify_pending_mails").set(pending as f64);
        metrics::gauge!("notify_open_episodes").set(open_episodes as f64);
        if let Some(health) = self.health.as_ref().filter(|_| pending == 0) {
            health.mail.ready();
        }
        self.progress.send_if_modified(|progress| {
            let changed = (progress.pending, progress.open_episodes) != (pending, open_episodes);
            (progress.pending, progress.open_episodes) = (pending, open_episodes);
            changed
        });
    }
}
