//! Time, passed in: the same code runs on the wall's clock, in a replay and in tests.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

/// A wait for an instant.
pub type Wait<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01 UTC.
    fn now_ms(&self) -> i64;

    /// Ends when [`now_ms`](Self::now_ms) has reached `instant_ms`. Safe to drop at any point.
    fn wait_until(&self, instant_ms: i64) -> Wait<'_>;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// Longest single sleep: the wall's clock may be set meanwhile, so it is looked at again.
const LONGEST_SLEEP_MS: i64 = 10_000;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    fn wait_until(&self, instant_ms: i64) -> Wait<'_> {
        Box::pin(async move {
            loop {
                let left = instant_ms.saturating_sub(self.now_ms());
                if left <= 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(left.min(LONGEST_SLEEP_MS).unsigned_abs())).await;
            }
        })
    }
}

/// A clock that stands still until it is moved, and never goes back. For tests, replays and simulations.
#[derive(Debug)]
pub struct ManualClock(watch::Sender<i64>);

impl ManualClock {
    /// A clock that shows this instant, milliseconds since 1970-01-01 UTC.
    pub fn at(now_ms: i64) -> Self {
        Self(watch::Sender::new(now_ms))
    }

    /// Moves to an instant; an earlier one than now changes nothing.
    pub fn set(&self, instant_ms: i64) {
        self.0.send_if_modified(|now| {
            let later = instant_ms > *now;
            *now = instant_ms.max(*now);
            later
        });
    }

    /// Moves on by this many milliseconds; negative ones change nothing.
    pub fn advance(&self, by_ms: i64) {
        self.0.send_if_modified(|now| {
            *now = now.saturating_add(by_ms.max(0));
            by_ms > 0
        });
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        *self.0.borrow()
    }

    fn wait_until(&self, instant_ms: i64) -> Wait<'_> {
        let mut now = self.0.subscribe();
        Box::pin(async move {
            // The sender lives as long as `self`, so the wait ends only by reaching the instant.
            let _ = now.wait_for(|now| *now >= instant_ms).await;
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_wait_ends_when_the_clock_is_moved_there_and_not_before() {
        let clock = Arc::new(ManualClock::at(0));
        let (done, mut ended) = tokio::sync::oneshot::channel();
        let waiter = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.wait_until(1_000).await;
                done.send(clock.now_ms()).unwrap();
            }
        });
        clock.advance(999);
        tokio::task::yield_now().await;
        assert!(ended.try_recv().is_err(), "999 ms are not 1000");
        clock.set(1_500);
        assert_eq!(ended.await.unwrap(), 1_500);
        waiter.await.unwrap();
        clock.wait_until(10).await;
    }

    #[test]
    fn a_manual_clock_never_goes_back() {
        let clock = ManualClock::at(5);
        clock.set(3);
        clock.advance(-4);
        assert_eq!(clock.now_ms(), 5);
        clock.advance(i64::MAX);
        assert_eq!(clock.now_ms(), i64::MAX);
    }

    #[tokio::test]
    async fn the_systems_clock_waits_for_an_instant_ahead_and_not_for_one_behind() {
        let clock = SystemClock;
        let start = clock.now_ms();
        assert!(start > 1_700_000_000_000, "later than 2023: {start}");
        clock.wait_until(start - 1).await;
        clock.wait_until(start + 20).await;
        assert!(clock.now_ms() >= start + 20);
    }
}
