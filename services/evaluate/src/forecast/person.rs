//! One person, each vital followed and judged as values come.

use std::collections::BTreeMap;

use forecast::{Backtest, Plan, Settings};
use recording::{Moment, Spelling};
use vitals::{Category, Reading, Signal};

use super::limits::Limits;
use crate::Error;

/// One person of one recording.
pub(crate) struct Person {
    /// Whose.
    pub(crate) person: String,
    /// By signal.
    pub(crate) vitals: BTreeMap<Signal, Followed>,
    /// How times are written.
    pub(crate) spelling: Option<Spelling>,
    /// The clock's last known offset.
    pub(crate) offset_minutes: Option<i16>,
    /// The last moment with a reading.
    pub(crate) last_ms: Option<i64>,
    /// Whether the recording tells of steps, and when there was the last one.
    steps: Option<i64>,
    /// Rows of this person.
    pub(crate) rows: u64,
    /// Cells and rows that were refused.
    pub(crate) refused: u64,
}

/// One vital.
pub(crate) struct Followed {
    pub(crate) backtest: Backtest,
    /// Values that were left out, as the person was not at rest.
    pub(crate) moving: u64,
    /// Whether rest could be told.
    pub(crate) at_rest: bool,
}

impl Person {
    pub(crate) fn new(person: &str) -> Self {
        Self {
            person: person.to_owned(),
            vitals: BTreeMap::new(),
            spelling: None,
            offset_minutes: None,
            last_ms: None,
            steps: None,
            rows: 0,
            refused: 0,
        }
    }

    /// Takes the readings of one row in; how many vitals are followed anew.
    pub(crate) fn take(
        &mut self,
        moment: Moment,
        readings: &[Reading],
        settings: &Settings,
        limits: &Limits,
    ) -> Result<usize, Error> {
        let Moment { time_ms, offset_minutes } = moment;
        self.offset_minutes = offset_minutes.or(self.offset_minutes);
        if !readings.is_empty() {
            self.last_ms = Some(self.last_ms.map_or(time_ms, |last_ms| last_ms.max(time_ms)));
        }
        // Steps first: they say what the others of the row are worth.
        for reading in readings.iter().filter(|reading| reading.signal == Signal::Steps) {
            let last_ms = self.steps.get_or_insert(i64::MIN);
            if reading.value_milli > 0 {
                *last_ms = time_ms.max(*last_ms);
            }
        }
        let mut new = 0;
        for reading in readings {
            let signal = reading.signal;
            let own = limits.of_signal(signal);
            if signal.spec().category != Category::Vitals && own.is_empty() {
                continue;
            }
            if !self.vitals.contains_key(&signal) {
                new += 1;
                self.vitals.insert(signal, Followed::new(signal, settings, own, self.offset_minutes)?);
            }
            let Some(followed) = self.vitals.get_mut(&signal) else { continue };
            if let (true, Some(last_step_ms)) = (limits.at_rest(signal), self.steps) {
                followed.at_rest = true;
                if time_ms.saturating_sub(last_step_ms) < limits.rest_ms {
                    followed.moving += 1;
                    continue;
                }
            }
            if let Some(offset_minutes) = offset_minutes {
                followed.backtest.set_offset_minutes(offset_minutes);
            }
            // What comes late is counted there.
            let _counted = followed.backtest.observe(time_ms, reading.value_milli);
        }
        Ok(new)
    }
}

impl Followed {
    fn new(
        signal: Signal,
        settings: &Settings,
        limits: Vec<forecast::Limit>,
        offset_minutes: Option<i16>,
    ) -> Result<Self, Error> {
        let plan = Plan { limits, offset_minutes: offset_minutes.unwrap_or(0), ..Plan::usual(settings) };
        Ok(Self { backtest: Backtest::new(signal, settings, &plan)?, moving: 0, at_rest: false })
    }
}
