//! When the next height starts: at once where there is something to decide, else with the heartbeat.

use std::collections::HashMap;
use std::time::Duration;

use ledger::PublicKey;
use tokio::time::Instant;

use crate::Config;

/// Empty blocks in a row after which transactions that still wait are no reason for another one.
const EMPTY_IN_A_ROW: u32 = 8;

/// See the module.
pub(super) struct Pace {
    heartbeat: Duration,
    interval_min: Duration,
    connect_wait: Duration,
    opened: Instant,
    last_start: Instant,
    last_commit: Instant,
    empty_in_a_row: u32,
    /// Highest height that a verified certificate of another node named.
    ahead: u64,
    /// Weight of the validators whose votes for a later height were seen.
    votes: HashMap<PublicKey, (u64, u64)>,
}

impl Pace {
    pub(super) fn new(config: &Config) -> Self {
        let now = Instant::now();
        Self {
            heartbeat: Duration::from_millis(config.heartbeat_ms),
            interval_min: Duration::from_millis(config.block_interval_min_ms),
            connect_wait: Duration::from_millis(config.connect_wait_ms),
            opened: now,
            last_start: now,
            last_commit: now,
            empty_in_a_row: 0,
            ahead: 0,
            votes: HashMap::new(),
        }
    }

    /// When to ask again though nothing happened.
    pub(super) fn wait_until(&self) -> Instant {
        let now = Instant::now();
        [self.last_start + self.interval_min, self.opened + self.connect_wait, self.last_commit + self.heartbeat]
            .into_iter()
            .filter(|at| *at > now)
            .min()
            .unwrap_or(now + self.heartbeat)
    }

    /// Whether height `next` may start now.
    pub(super) fn may_start(&self, next: u64, first: bool, proposed: bool, waiting: bool, power: (u64, u64)) -> bool {
        let (online, total) = power;
        if first {
            // A proposal sent before the others are connected is lost, and a round with it.
            return ledger::is_quorum(online, total) || self.opened.elapsed() >= self.connect_wait;
        }
        if self.ahead >= next || self.more_than_a_third_votes_for(next, total) {
            return true;
        }
        if self.last_start.elapsed() < self.interval_min {
            return false;
        }
        let waiting = waiting && self.empty_in_a_row < EMPTY_IN_A_ROW;
        proposed || waiting || self.last_commit.elapsed() >= self.heartbeat
    }

    fn more_than_a_third_votes_for(&self, next: u64, total: u64) -> bool {
        let weight: u128 =
            self.votes.values().filter(|(height, _)| *height >= next).map(|(_, weight)| u128::from(*weight)).sum();
        weight * 3 > u128::from(total)
    }

    /// A verified vote of a validator for a height that was not started here.
    pub(super) fn voted(&mut self, height: u64, validator: PublicKey, weight: u64) {
        let seen = self.votes.entry(validator).or_default();
        *seen = (height.max(seen.0), weight);
    }

    /// Another node has decided this height.
    pub(super) fn behind(&mut self, height: u64) {
        self.ahead = self.ahead.max(height);
    }

    pub(super) fn started(&mut self) {
        self.last_start = Instant::now();
    }

    pub(super) fn committed(&mut self, empty: bool) {
        self.last_commit = Instant::now();
        self.empty_in_a_row = if empty { self.empty_in_a_row.saturating_add(1) } else { 0 };
    }

    /// A new transaction came: what waits is a reason again.
    pub(super) fn arrived(&mut self) {
        self.empty_in_a_row = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        let mut config = Config::new("x", "x", std::net::SocketAddr::from(([127, 0, 0, 1], 1)), Vec::new());
        config.block_interval_min_ms = 0;
        Pace::new(&config)
    }

    #[test]
    fn nothing_to_do_starts_nothing_and_each_reason_alone_starts() {
        let pace = pace();
        assert!(!pace.may_start(5, false, false, false, (100, 100)));
        assert!(pace.may_start(5, false, true, false, (100, 100)), "a proposal");
        assert!(pace.may_start(5, false, false, true, (100, 100)), "a transaction");
    }

    #[test]
    fn one_third_of_the_votes_does_not_start_a_height_and_more_does() {
        let mut pace = pace();
        pace.voted(5, PublicKey([1; 32]), 30);
        assert!(!pace.may_start(5, false, false, false, (100, 90)));
        pace.voted(4, PublicKey([2; 32]), 30);
        assert!(!pace.may_start(5, false, false, false, (100, 90)), "votes for an earlier height do not count");
        pace.voted(6, PublicKey([3; 32]), 1);
        assert!(pace.may_start(5, false, false, false, (100, 90)));
    }

    #[test]
    fn a_node_that_is_behind_goes_on_until_it_is_not() {
        let mut pace = pace();
        pace.behind(7);
        assert!(pace.may_start(7, false, false, false, (0, 100)));
        assert!(!pace.may_start(8, false, false, false, (0, 100)));
    }

    #[test]
    fn transactions_that_no_block_takes_do_not_make_empty_blocks_for_ever() {
        let mut pace = pace();
        for _ in 0..EMPTY_IN_A_ROW {
            assert!(pace.may_start(5, false, false, true, (100, 100)));
            pace.committed(true);
        }
        assert!(!pace.may_start(5, false, false, true, (100, 100)));
        pace.arrived();
        assert!(pace.may_start(5, false, false, true, (100, 100)));
    }

    #[test]
    fn the_first_height_waits_for_a_quorum_to_be_connected() {
        let pace = pace();
        assert!(!pace.may_start(1, true, true, true, (66, 100)));
        assert!(pace.may_start(1, true, false, false, (67, 100)));
    }
}
