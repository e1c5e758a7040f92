//! k of n, with hysteresis.

use borsh::{BorshDeserialize, BorshSerialize};

/// History of one condition over the last minutes or windows with data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct History {
    /// Bit 0 is the newest.
    held: u64,
    /// How many in a row were clear of the condition by the margin.
    clear_run: u8,
    /// Start of the oldest held one that is still in the history.
    pub(crate) since_ms: i64,
    /// End of the newest one.
    pub(crate) until_ms: i64,
}

impl History {
    /// Takes in one minute or window. `holds`: the condition; `clear`: clear of it by the margin.
    pub(crate) fn push(&mut self, holds: bool, clear: bool, n: u8, from_ms: i64, to_ms: i64) {
        let before = self.held;
        self.held = (self.held << 1 | u64::from(holds)) & mask(n);
        if holds && before & mask(n) >> 1 == 0 {
            self.since_ms = from_ms;
        }
        self.clear_run = if clear { self.clear_run.saturating_add(1) } else { 0 };
        self.until_ms = to_ms;
    }

    /// Forgets what lies before a gap.
    pub(crate) fn restart(&mut self) {
        *self = Self { until_ms: self.until_ms, ..Self::default() };
    }

    pub(crate) fn count(&self) -> u8 {
        u8::try_from(self.held.count_ones()).unwrap_or(64)
    }

    pub(crate) fn opens(&self, k: u8) -> bool {
        self.count() >= k
    }

    /// Whether it has held for this long without a break: what `opens` counts, for devices that measure seldom.
    pub(crate) fn unbroken_for(&self, span_ms: i64) -> bool {
        self.held != 0
            && self.held.trailing_ones() == self.held.count_ones()
            && self.until_ms.saturating_sub(self.since_ms) >= span_ms
    }

    pub(crate) fn resolves(&self, n: u8) -> bool {
        self.clear_run >= n
    }
}

fn mask(n: u8) -> u64 {
    u64::MAX >> (64 - u32::from(n.clamp(1, 64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_opens_exactly_when_k_of_the_last_n_hold(
            bits in proptest::collection::vec(any::<bool>(), 1..150), n in 1_u8..=64, k in 1_u8..=64
        ) {
            let mut history = History::default();
            for (at, holds) in bits.iter().enumerate() {
                history.push(*holds, !*holds, n, 0, 0);
                let expected = bits[..=at].iter().rev().take(usize::from(n)).filter(|b| **b).count();
                prop_assert_eq!(history.opens(k), expected >= usize::from(k));
                let run = bits[..=at].iter().rev().take_while(|b| !**b).count();
                prop_assert_eq!(history.resolves(n), run >= usize::from(n));
            }
        }
    }
}
