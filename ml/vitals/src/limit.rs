//! Hard limits: the values at which a signal speaks for itself.

use crate::{Severity, Signal, VitalsError};
use borsh::{BorshDeserialize, BorshSerialize};

/// When a limit of a signal applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Gate {
    /// Always.
    Always = 0,
    /// The high side only at rest (no step in the last [`crate::Settings::rest_ms`]).
    HighAtRest = 1,
}

/// A hard limit of one signal, per step of time with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Limit {
    /// The signal.
    pub signal: Signal,
    /// A step's mean below this violates, thousandths of the unit.
    pub low_milli: Option<i64>,
    /// A step's mean above this violates, thousandths of the unit.
    pub high_milli: Option<i64>,
    /// Hysteresis: to resolve, means must lie this far inside the limit, thousandths.
    pub margin_milli: i64,
    /// An episode opens when `k` of the last `n` steps with data violate.
    pub k: u8,
    /// See `k`; an episode resolves after `n` steps in a row inside the margin. At most 32.
    pub n: u8,
    /// When it applies.
    pub gate: Gate,
    /// Severity of its episodes.
    pub severity: Severity,
}

impl Limit {
    /// A limit that always applies and needs `k` of `n` steps; values in whole units.
    #[must_use]
    pub const fn new(
        signal: Signal,
        low: Option<i64>,
        high: Option<i64>,
        margin_milli: i64,
        k: u8,
        n: u8,
        severity: Severity,
    ) -> Self {
        const fn milli(units: Option<i64>) -> Option<i64> {
            match units {
                Some(units) => Some(units.saturating_mul(1_000)),
                None => None,
            }
        }
        Self {
            signal,
            low_milli: milli(low),
            high_milli: milli(high),
            margin_milli,
            k,
            n,
            gate: Gate::Always,
            severity,
        }
    }

    /// Checks `0 < k ≤ n ≤ 32`, a margin that is not negative, and low < high.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] with what is wrong.
    pub fn check(&self) -> Result<(), VitalsError> {
        let ordered = match (self.low_milli, self.high_milli) {
            (Some(low), Some(high)) => low < high,
            _ => true,
        };
        if self.k == 0 || self.k > self.n || self.n > 32 {
            return Err(VitalsError::Setting("a limit needs 0 < k <= n <= 32"));
        }
        if self.margin_milli < 0 || !ordered {
            return Err(VitalsError::Setting("a limit needs low < high and a margin that is not negative"));
        }
        Ok(())
    }
}

/// Checks a list of limits: each well formed, at most one a signal.
pub(crate) fn check_all(limits: &[Limit]) -> Result<(), VitalsError> {
    for (at, limit) in limits.iter().enumerate() {
        limit.check()?;
        if limits.iter().skip(at + 1).any(|other| other.signal == limit.signal) {
            return Err(VitalsError::Setting("there is more than one limit of a signal"));
        }
    }
    Ok(())
}

/// Signals' numbers are below this.
const NUMBERS: usize = 128;

/// Where the limit of a signal stands in the settings, by its number: a reading asks for it.
#[derive(Clone, Debug)]
pub(crate) struct LimitTable([u8; NUMBERS]);

impl LimitTable {
    pub(crate) fn of(limits: &[Limit]) -> Self {
        let mut table = [u8::MAX; NUMBERS];
        for (at, limit) in (0_u8..u8::MAX).zip(limits) {
            if let Some(place) = table.get_mut(usize::from(limit.signal.id())) {
                *place = at;
            }
        }
        Self(table)
    }

    /// The limit of a signal among those that the table was made of.
    pub(crate) fn limit<'a>(&self, limits: &'a [Limit], signal: Signal) -> Option<&'a Limit> {
        limits.get(usize::from(*self.0.get(usize::from(signal.id()))?))
    }
}
