//! The event time of a partition, and what it was at the committed position.

use std::collections::VecDeque;

#[derive(Default)]
pub(crate) struct Ticks {
    /// Offset and time of the ticks at or after the committed position.
    open: VecDeque<(u64, i64)>,
    latest_ms: Option<i64>,
    committed_ms: Option<i64>,
}

impl Ticks {
    /// As of the committed position.
    pub(crate) fn at(committed_ms: Option<i64>) -> Self {
        Self { open: VecDeque::new(), latest_ms: committed_ms, committed_ms }
    }

    /// Takes a tick; returns the event time, which never goes back.
    pub(crate) fn take(&mut self, offset: u64, time_ms: i64) -> i64 {
        let time_ms = self.latest_ms.map_or(time_ms, |before| before.max(time_ms));
        self.latest_ms = Some(time_ms);
        self.open.push_back((offset, time_ms));
        time_ms
    }

    /// The latest event time.
    pub(crate) fn latest_ms(&self) -> Option<i64> {
        self.latest_ms
    }

    /// Event time at the committed position.
    pub(crate) fn committed_ms(&self) -> Option<i64> {
        self.committed_ms
    }

    /// Event time at a position at or after the committed one.
    pub(crate) fn before(&self, offset: u64) -> Option<i64> {
        self.open
            .iter()
            .take_while(|(at, _)| *at < offset)
            .last()
            .map_or(self.committed_ms, |(_, time_ms)| Some(*time_ms))
    }

    /// A commit up to this position was made.
    pub(crate) fn passed(&mut self, offset: u64) {
        self.committed_ms = self.before(offset);
        self.open.drain(..self.open.partition_point(|(at, _)| *at < offset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_time_never_goes_back_and_is_known_at_every_open_position() {
        let mut ticks = Ticks::at(Some(5));
        assert_eq!([ticks.take(10, 100), ticks.take(20, 50), ticks.take(30, 200)], [100, 100, 200]);
        assert_eq!([0, 10, 11, 31].map(|offset| ticks.before(offset)), [Some(5), Some(5), Some(100), Some(200)]);
        ticks.passed(21);
        assert_eq!((ticks.committed_ms(), ticks.before(30), ticks.latest_ms()), (Some(100), Some(100), Some(200)));
    }
}
