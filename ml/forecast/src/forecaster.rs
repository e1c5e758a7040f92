//! Learns one vital of one person as values come.

use std::collections::VecDeque;

use vitals::Signal;

use crate::ForecastError;
use crate::features::Moment;
use crate::ladder::Ladder;
use crate::likeness::Likeness;
use crate::origin::Origin;
use crate::ridge::Ridge;
use crate::series::{Late, Series};
use crate::settings::Settings;
use crate::tuning::Tuning;

/// Latest instant that is taken: the end of the year 9999.
const LAST_INSTANT_MS: i64 = 253_402_300_799_999;
/// Widest offset in use, minutes (UTC+14).
const WIDEST_OFFSET_MINUTES: i16 = 14 * 60;

/// Learns one vital of one person, and forecasts it from the last value on.
///
/// Values come in the order of time; it knows no clock but theirs and that of [`Forecaster::tick`]. The same values and
/// ticks give the same forecasts to the bit on every machine: the regressions use the four operations and the square
/// root in one fixed order, and sine and cosine are `libm`'s.
#[derive(Clone, Debug)]
pub struct Forecaster {
    pub(crate) signal: Signal,
    /// The plausible range, thousandths.
    pub(crate) plausible: (f64, f64),
    pub(crate) settings: Settings,
    pub(crate) ladder: Ladder,
    pub(crate) series: Series,
    pub(crate) origins: VecDeque<Origin>,
    pub(crate) likeness: Likeness,
    pub(crate) tuning: Tuning,
    /// One a rung.
    regressions: Vec<Option<Ridge>>,
    origins_since_fit: u16,
    offset_ms: i64,
    pub(crate) now_ms: i64,
}

impl Forecaster {
    /// A forecaster that knows nothing yet.
    ///
    /// # Errors
    /// [`ForecastError::Setting`] with what is wrong.
    pub fn new(signal: Signal, settings: Settings) -> Result<Self, ForecastError> {
        settings.check()?;
        let ladder = Ladder::new(settings.horizon_steps);
        let rungs = ladder.leads().len();
        let spec = signal.spec();
        Ok(Self {
            signal,
            plausible: (spec.low_milli as f64, spec.high_milli as f64),
            series: Series::new(settings.step_ms, settings.history_steps as usize),
            origins: VecDeque::new(),
            likeness: Likeness::of(std::iter::empty()),
            tuning: Tuning::naive(rungs),
            regressions: vec![None; rungs],
            origins_since_fit: 0,
            offset_ms: 0,
            now_ms: i64::MIN,
            ladder,
            settings,
        })
    }

    /// The person's clock, minutes from UTC (at most 14 hours; more is taken as that). It says what time of day it is,
    /// from the next value on; without it days are those of UTC.
    pub fn set_offset_minutes(&mut self, offset_minutes: i16) {
        let minutes = offset_minutes.clamp(-WIDEST_OFFSET_MINUTES, WIDEST_OFFSET_MINUTES);
        self.offset_ms = i64::from(minutes) * 60_000;
    }

    /// Takes a value: a reading, or the mean of a minute, at its instant (milliseconds since 1970-01-01 UTC), in
    /// thousandths of the signal's unit.
    ///
    /// # Errors
    /// [`ForecastError::Value`] outside the signal's plausible range, [`ForecastError::Late`] for a step that is closed.
    /// Nothing has changed then.
    pub fn observe(&mut self, time_ms: i64, value_milli: i64) -> Result<(), ForecastError> {
        self.take(time_ms, value_milli).map(|_| ())
    }

    /// As [`Self::observe`]; `true` where a new past moment was kept, which is then the last.
    pub(crate) fn take(&mut self, time_ms: i64, value_milli: i64) -> Result<bool, ForecastError> {
        let spec = self.signal.spec();
        if time_ms.checked_abs().is_none_or(|distance| distance > LAST_INSTANT_MS)
            || !(spec.low_milli..=spec.high_milli).contains(&value_milli)
        {
            return Err(ForecastError::Value { signal: spec.name, value_milli, time_ms });
        }
        let closed =
            self.series.add(time_ms, value_milli).map_err(|Late(open_ms)| ForecastError::Late { time_ms, open_ms })?;
        self.now_ms = self.now_ms.max(time_ms);
        Ok(closed && self.look_back())
    }

    /// Says that it is now this late, though no value came: a step that has ended closes, and the last value ages.
    pub fn tick(&mut self, now_ms: i64) {
        let now_ms = now_ms.min(LAST_INSTANT_MS);
        if now_ms > self.now_ms {
            self.now_ms = now_ms;
            if self.series.close_by(now_ms) {
                self.look_back();
            }
        }
    }

    /// After a step closed: keeps the moment, if it is time for one.
    pub(crate) fn look_back(&mut self) -> bool {
        let (Some(first), Some(last)) = (self.series.first(), self.series.last()) else { return false };
        while self.origins.front().is_some_and(|origin| origin.moment.step < first) {
            self.origins.pop_front();
        }
        let every = i64::from(self.settings.origin_every_steps);
        if self.origins.back().is_some_and(|origin| last - origin.moment.step < every) {
            return false;
        }
        if self.origins_since_fit >= self.settings.refit_every_origins {
            self.origins_since_fit = 0;
            self.learn();
        }
        let Some(moment) = self.present_moment() else { return false };
        let foretold = self.foretell(&moment);
        self.origins.push_back(Origin { moment, foretold });
        self.origins_since_fit += 1;
        true
    }

    /// The moment at the end of the last closed step.
    pub(crate) fn present_moment(&self) -> Option<Moment> {
        Moment::at(&self.series, self.series.last()?, self.ladder.leads(), &self.settings, self.offset_ms)
    }

    /// Changes that the regressions foretell, one a rung; `None` while the longest horizon has none.
    pub(crate) fn foretell(&self, moment: &Moment) -> Option<Vec<f64>> {
        self.regressions.last()?.as_ref()?;
        let foretold = self.regressions.iter().enumerate().map(|(rung, regression)| {
            regression.as_ref().map_or(0.0, |regression| regression.predict(&moment.inputs(rung)))
        });
        Some(foretold.collect())
    }

    fn learn(&mut self) {
        self.regressions = (0..self.ladder.leads().len()).map(|rung| self.fit(rung)).collect();
        self.likeness = Likeness::of(self.origins.iter().map(|origin| &origin.moment));
        self.tuning = Tuning::choose(&self.series, &self.telling(), self.ladder.leads(), &self.likeness);
    }

    fn fit(&self, rung: usize) -> Option<Ridge> {
        let lead = self.ladder.leads().get(rung)?;
        let known = self.origins.iter().filter_map(|origin| {
            let change = origin.change(&self.series, *lead)?;
            Some((origin.moment.inputs(rung), change))
        });
        let (rows, changes): (Vec<Vec<f64>>, Vec<f64>) = known.unzip();
        Ridge::fit(&rows, &changes, f64::from(self.settings.ridge_rows))
    }

    /// Past moments to take the spread from: those at which the regressions had spoken, once they are
    /// the greater part.
    pub(crate) fn telling(&self) -> Vec<&Origin> {
        let spoken: Vec<&Origin> = self.origins.iter().filter(|origin| origin.foretold.is_some()).collect();
        let (of_spoken, of_all) = (self.outcomes(spoken.iter().copied()), self.outcomes(self.origins.iter()));
        if of_spoken >= crate::outlook::MIN_OUTCOMES && 2 * of_spoken >= of_all {
            spoken
        } else {
            self.origins.iter().collect()
        }
    }

    /// How many of these moments have a known outcome at the horizon.
    pub(crate) fn outcomes<'a>(&self, origins: impl Iterator<Item = &'a Origin>) -> usize {
        origins.filter(|origin| origin.change(&self.series, self.ladder.horizon()).is_some()).count()
    }
}
