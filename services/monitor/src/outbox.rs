//! Refused values that belong to no patient's state. They go out with the commit that moves the read position past them, so that
//! each is appended once.

use std::collections::VecDeque;

use stream::Append;

use crate::partition::Places;

/// Values kept while older work holds their place; beyond, that work is to be cut.
const MOST: usize = 1_024;

#[derive(Default)]
pub(crate) struct Outbox {
    readings: VecDeque<(u64, Append)>,
    access: VecDeque<(u64, Append)>,
}

impl Outbox {
    /// Keeps the value of a record of `readings` at this offset.
    pub(crate) fn reading(&mut self, offset: u64, append: Append) {
        self.readings.push_back((offset, append));
    }

    /// Keeps the value of a record of `access.requests` at this offset.
    pub(crate) fn request(&mut self, offset: u64, append: Append) {
        self.access.push_back((offset, append));
    }

    /// Whether it holds so much that what holds it up is to be cut.
    pub(crate) fn is_full(&self) -> bool {
        self.readings.len().max(self.access.len()) > MOST
    }

    /// Values whose place a commit up to `target` passes.
    pub(crate) fn releasable(&self, target: Places) -> impl Iterator<Item = &Append> + '_ {
        let readings = self.readings.iter().take_while(move |(at, _)| *at < target.readings);
        let access = self.access.iter().take_while(move |(at, _)| *at < target.access);
        readings.chain(access).map(|(_, append)| append)
    }

    /// A commit up to `target` was made.
    pub(crate) fn passed(&mut self, target: Places) {
        self.readings.drain(..self.readings.partition_point(|(at, _)| *at < target.readings));
        self.access.drain(..self.access.partition_point(|(at, _)| *at < target.access));
    }
}
