//! Time is passed in: replay and demonstration run everything on one clock.

use std::sync::Arc;

/// Milliseconds since 1970, from wherever the process takes its time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now_ms(&self) -> i64;
}

impl<F: Fn() -> i64 + Send + Sync + 'static> Clock for F {
    fn now_ms(&self) -> i64 {
        self()
    }
}

/// A clock shared by the parts of a node.
pub type SharedClock = Arc<dyn Clock>;

/// A block's time: the clock's, but always later than the block before.
pub(crate) fn next_time_ms(clock: &dyn Clock, parent_ms: i64) -> i64 {
    clock.now_ms().max(parent_ms.saturating_add(1))
}

/// Whether a voter accepts a proposed time. Asked only when voting: a block that a quorum decided is not judged again.
pub(crate) fn is_acceptable(time_ms: i64, now_ms: i64, ahead_max_ms: i64, behind_max_ms: i64) -> bool {
    time_ms <= now_ms.saturating_add(ahead_max_ms) && time_ms >= now_ms.saturating_sub(behind_max_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocks_time_is_the_clocks_but_never_not_later_than_its_parents() {
        let clock = || 1_000i64;
        assert_eq!(next_time_ms(&clock, 10), 1_000);
        assert_eq!(next_time_ms(&clock, 1_000), 1_001);
        assert_eq!(next_time_ms(&clock, 5_000), 5_001);
    }

    #[test]
    fn a_voter_bounds_the_time_on_both_sides() {
        assert!(is_acceptable(1_500, 1_000, 500, 100));
        assert!(!is_acceptable(1_501, 1_000, 500, 100));
        assert!(is_acceptable(900, 1_000, 500, 100));
        assert!(!is_acceptable(899, 1_000, 500, 100));
    }
}
