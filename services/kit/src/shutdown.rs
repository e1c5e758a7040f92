//! An orderly end: one signal asks everybody to finish, a deadline or a second signal ends the wait.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Error, Result};

/// Asks the parts of a process to end, and waits for them. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Shutdown {
    asked: CancellationToken,
    hurried: CancellationToken,
    tasks: TaskTracker,
    deadline: Duration,
}

impl Shutdown {
    /// Nothing was asked yet. After it was, [`drain`](Self::drain) waits at most `deadline`.
    pub fn new(deadline: Duration) -> Self {
        Self { asked: CancellationToken::new(), hurried: CancellationToken::new(), tasks: TaskTracker::new(), deadline }
    }

    /// As [`new`](Self::new), and SIGTERM or SIGINT asks. A second signal ends the wait of `drain` at once.
    ///
    /// # Errors
    /// [`Error::Environment`] where the signals cannot be listened to.
    pub fn on_signals(deadline: Duration) -> Result<Self> {
        let listen =
            |kind| signal(kind).map_err(|source| Error::Environment { doing: "listen to signals".into(), source });
        let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        let shutdown = Self::new(deadline);
        let asked = shutdown.clone();
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                }
            };
            let first = next().await;
            tracing::info!(signal = first, "ending");
            asked.trigger();
            let second = next().await;
            tracing::warn!(signal = second, "ending at once");
            asked.hurried.cancel();
        });
        Ok(shutdown)
    }

    /// Asks everybody to end.
    pub fn trigger(&self) {
        self.asked.cancel();
    }

    /// Whether it was asked.
    pub fn is_triggered(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Ends when it was asked.
    pub async fn triggered(&self) {
        self.asked.cancelled().await;
    }

    /// The token behind it, for what takes one.
    pub fn token(&self) -> CancellationToken {
        self.asked.clone()
    }

    /// How long [`drain`](Self::drain) waits.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Runs a task that `drain` waits for.
    pub fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// Waits until it is asked, then until all spawned tasks ended.
    ///
    /// # Errors
    /// [`Error::Undrained`] where some had not when the deadline was over or a second signal came.
    pub async fn drain(&self) -> Result<()> {
        self.triggered().await;
        self.tasks.close();
        let late = async {
            tokio::select! {
                () = tokio::time::sleep(self.deadline) => {}
                () = self.hurried.cancelled() => {}
            }
        };
        tokio::select! {
            biased;
            () = self.tasks.wait() => Ok(()),
            () = late => Err(Error::Undrained { tasks: self.tasks.len(), seconds: self.deadline.as_secs() }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn drain_waits_for_the_work_of_every_task() {
        let shutdown = Shutdown::new(Duration::from_secs(30));
        let (asked, work) = (shutdown.clone(), std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0)));
        let done = work.clone();
        let _task = shutdown.spawn(async move {
            asked.triggered().await;
            tokio::task::yield_now().await;
            done.store(7, std::sync::atomic::Ordering::SeqCst);
        });
        assert!(!shutdown.is_triggered());
        shutdown.trigger();
        shutdown.drain().await.unwrap();
        assert_eq!(work.load(std::sync::atomic::Ordering::SeqCst), 7);
    }

    #[tokio::test]
    async fn a_task_that_does_not_end_is_counted_when_the_deadline_is_over() {
        let shutdown = Shutdown::new(Duration::from_millis(10));
        let _task = shutdown.spawn(std::future::pending::<()>());
        shutdown.trigger();
        assert!(matches!(shutdown.drain().await, Err(Error::Undrained { tasks: 1, .. })));
    }

    #[tokio::test]
    async fn a_second_signal_ends_the_wait_at_once() {
        let shutdown = Shutdown::new(Duration::from_secs(3600));
        let _task = shutdown.spawn(std::future::pending::<()>());
        shutdown.trigger();
        shutdown.hurried.cancel();
        assert!(shutdown.drain().await.is_err());
    }
}
