//! Group commit: callers that wait at the same time share one barrier.
//!
//! The first caller leads: it writes everything that queued up, passes the barrier and answers the others. A caller
//! that is alone leads its own batch at once, so nothing is delayed to gather company.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::unit::{PreparedUnit, UnitPosition};
use super::writer::Writer;
use crate::error::{Error, Result};

#[derive(Default)]
struct Queue {
    next_ticket: u64,
    waiting: VecDeque<(u64, PreparedUnit)>,
    leading: bool,
    answers: HashMap<u64, Result<UnitPosition>>,
}

pub(super) struct GroupCommit {
    queue: Mutex<Queue>,
    answered: Condvar,
    writer: Mutex<Writer>,
    max_group_bytes: u64,
}

impl GroupCommit {
    pub(super) fn new(writer: Writer, max_group_bytes: u64) -> Self {
        Self { queue: Mutex::default(), answered: Condvar::new(), writer: Mutex::new(writer), max_group_bytes }
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Units that wait for a barrier that has not begun.
    pub(super) fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }

    /// Appends one unit; returns after the barrier that covers it.
    pub(super) fn append(&self, unit: PreparedUnit) -> Result<UnitPosition> {
        let mut queue = self.queue();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push_back((ticket, unit));
        loop {
            if let Some(answer) = queue.answers.remove(&ticket) {
                return answer;
            }
            if queue.leading {
                queue = self.answered.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.leading = true;
            let (tickets, mut units) = take_group(&mut queue.waiting, self.max_group_bytes);
            drop(queue);
            let answers = self.writer().write(&mut units);
            queue = self.queue();
            queue.leading = false;
            let mut answers = answers.into_iter();
            for ticket in tickets {
                let missing = || Err(Error::Invalid { reason: "the append was not answered".to_owned() });
                queue.answers.insert(ticket, answers.next().unwrap_or_else(missing));
            }
            self.answered.notify_all();
        }
    }
}

/// Takes waiting units from the front, at least one, until they exceed the group size.
fn take_group(waiting: &mut VecDeque<(u64, PreparedUnit)>, max_group_bytes: u64) -> (Vec<u64>, Vec<PreparedUnit>) {
    let (mut tickets, mut units, mut bytes) = (Vec::new(), Vec::new(), 0_u64);
    while let Some((_, unit)) = waiting.front() {
        bytes = bytes.saturating_add(unit.bytes.len() as u64);
        if !units.is_empty() && bytes > max_group_bytes {
            break;
        }
        if let Some((ticket, unit)) = waiting.pop_front() {
            tickets.push(ticket);
            units.push(unit);
        }
    }
    (tickets, units)
}
