//! Which readings of a device were taken already.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};
use phc::Reading;

/// Sequences of a device whose content is remembered.
const WINDOW: usize = 64;

/// What became of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It was not there yet, and is now.
    New,
    /// It was there with this content, or lies so far back that it counts as held.
    Held,
    /// It was there with other content.
    Conflict,
}

/// The latest sequences of one device.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct DeviceWindow {
    pub(crate) device: String,
    /// The highest sequence that was taken.
    through: u64,
    /// `recent[k]` tells the content of sequence `through − k`; 0 where none came.
    recent: VecDeque<u32>,
}

impl DeviceWindow {
    /// The window of a device whose first reading has this sequence.
    pub(crate) fn new(device: &str, first_sequence: u64) -> Self {
        // What comes first need not be the first that was sent: the ones before it are still missing.
        let before = usize::try_from(first_sequence).unwrap_or(usize::MAX).min(WINDOW - 1);
        Self { device: device.into(), through: first_sequence, recent: std::iter::repeat_n(0, before + 1).collect() }
    }

    /// Reads a little of what taking a sequence in will need; see [`vitals::PatientState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        let name = self.device.as_bytes().first().copied().map_or(0, u64::from);
        self.recent.iter().step_by(16).fold(name, |sum, mark| sum.wrapping_add(u64::from(*mark)))
    }

    /// Takes a sequence in.
    pub(crate) fn take(&mut self, sequence: u64, reading: &Reading) -> Seen {
        let mark = mark(reading);
        if let Some(ahead) = sequence.checked_sub(self.through).filter(|ahead| *ahead > 0) {
            let ahead = usize::try_from(ahead).unwrap_or(usize::MAX);
            if ahead >= WINDOW {
                self.recent.clear();
                self.recent.resize(WINDOW, 0);
            } else {
                self.recent.truncate(WINDOW - ahead);
                (0..ahead).for_each(|_| self.recent.push_front(0));
            }
            self.through = sequence;
        }
        let back = usize::try_from(self.through - sequence).unwrap_or(usize::MAX);
        match self.recent.get_mut(back) {
            None => Seen::Held,
            Some(place) if *place == 0 => {
                *place = mark;
                Seen::New
            }
            Some(place) if *place == mark => Seen::Held,
            Some(_) => Seen::Conflict,
        }
    }
}

/// 32 bits that differ where two readings differ, but for one pair in four billion; never 0. It tells a repetition from a
/// mistake of a device, and keeps nobody out: so it is a mixing function (Steele, Lea, Flood 2014) and no hash.
fn mark(reading: &Reading) -> u32 {
    let Reading { signal, value_milli, time_ms, offset_minutes, provenance } = *reading;
    let offset = offset_minutes.map_or(0, |minutes| 1 << 16 | u64::from(minutes.cast_unsigned()));
    let rest = u64::from(signal) << 32 | offset << 8 | provenance as u64;
    let mixed = [time_ms.cast_unsigned(), value_milli.cast_unsigned(), rest].into_iter().fold(0, |sum: u64, part| {
        let mut mixed = (sum ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    });
    let [a, b, c, d, ..] = mixed.to_le_bytes();
    u32::from_le_bytes([a, b, c, d]).max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn reading(value_milli: i64) -> Reading {
        Reading { signal: 1, value_milli, time_ms: 0, offset_minutes: None, provenance: phc::Provenance::Device }
    }

    #[test]
    fn a_sequence_is_new_once_held_with_the_same_content_and_a_conflict_with_other() {
        let mut window = DeviceWindow::new("watch", 10);
        assert_eq!(window.take(10, &reading(1)), Seen::New);
        assert_eq!(window.take(10, &reading(1)), Seen::Held);
        assert_eq!(window.take(10, &reading(2)), Seen::Conflict);
        assert_eq!(window.take(11, &reading(2)), Seen::New);
        assert_eq!(window.take(10, &reading(1)), Seen::Held);
    }

    #[test]
    fn a_gap_that_is_filled_late_is_new_and_far_behind_counts_as_held() {
        let mut window = DeviceWindow::new("watch", 0);
        assert_eq!(window.take(0, &reading(1)), Seen::New);
        assert_eq!(window.take(5, &reading(1)), Seen::New);
        assert_eq!(window.take(3, &reading(1)), Seen::New);
        assert_eq!(window.take(3, &reading(9)), Seen::Conflict);
        assert_eq!(window.take(1_000, &reading(1)), Seen::New);
        assert_eq!(window.take(3, &reading(9)), Seen::Held);
        assert_eq!(window.take(u64::MAX, &reading(1)), Seen::New);
        assert!(window.recent.len() <= WINDOW);
    }
}
