//! From the last value ahead: quantiles of every step, and the first passage of a limit.

use crate::ensemble::Ensemble;
use crate::features::Moment;
use crate::forecast::{Crossing, Forecast, Limit, Point, When};
use crate::origin::Origin;
use crate::passages::{Asked, PassageTable};
use crate::spread::to_milli;
use crate::tuning::Tuning;
use crate::{ForecastError, Forecaster};

/// Fewest past moments with a known outcome at the horizon.
pub(crate) const MIN_OUTCOMES: usize = 32;
/// Fewest horizons between the first value and the last.
const MIN_HORIZONS: i64 = 6;

/// Where the lead fits so many times into the past, the own and the naive ensemble count the same.
const LEAN: f64 = 8.0;

/// Two ensembles: the person's own, and the naive one that it leans on while the past is short.
pub(crate) struct Outlook<'a> {
    own: Ensemble<'a>,
    naive: Ensemble<'a>,
}

impl Forecaster {
    /// Quantiles of every step up to the horizon.
    ///
    /// # Errors
    /// [`ForecastError::TooLittleHistory`] with what is needed, [`ForecastError::Stale`] where the last value is old.
    pub fn forecast(&self) -> Result<Forecast, ForecastError> {
        let outlook = self.outlook()?;
        let points =
            (1..=self.ladder.horizon()).filter_map(|lead| Some(self.point(lead, outlook.quantiles(lead)?))).collect();
        Ok(Forecast {
            signal: self.signal,
            made_ms: self.made_ms(),
            last_milli: self.plausible(outlook.last()),
            horizon_ms: self.settings.horizon_ms(),
            points,
        })
    }

    /// When the limit will be crossed: quantiles of the first passage over the courses that followed past moments.
    ///
    /// # Errors
    /// As [`Self::forecast`].
    pub fn crossing(&self, limit: Limit) -> Result<Crossing, ForecastError> {
        self.crossing_within(limit, self.settings.horizon_ms())
    }

    /// As [`Self::crossing`], looking ahead no further than `horizon_ms`, a multiple of the step.
    ///
    /// # Errors
    /// As [`Self::forecast`], and [`ForecastError::Horizon`].
    pub fn crossing_within(&self, limit: Limit, horizon_ms: i64) -> Result<Crossing, ForecastError> {
        let horizon = self.settings.steps_of(horizon_ms)?;
        let outlook = self.outlook()?;
        let (when, probability) = if limit.violated_by(outlook.last()) {
            (When::Already, 1.0)
        } else {
            let asked = Asked { limits: &[limit], horizons: &[horizon] };
            let passages = outlook.passages(&asked).0.into_passages().next().unwrap_or_default();
            if passages.courses < MIN_OUTCOMES {
                return Err(self.too_little(passages.courses));
            }
            let probability = passages.probability();
            (passages.when(self.settings.step_ms), probability)
        };
        Ok(Crossing {
            signal: self.signal,
            limit,
            made_ms: self.made_ms(),
            horizon_ms,
            when,
            probability_milli: u16::try_from(to_milli(probability * 1_000.0, 0, 1_000)).unwrap_or(1_000),
        })
    }

    /// What it keeps of the past: the beginning of each closed step with a value (milliseconds since 1970-01-01 UTC) and
    /// its mean, thousandths, ascending.
    pub fn history(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let steps = self.series.first().unwrap_or(0)..=self.series.last().unwrap_or(-1);
        steps.filter_map(|step| {
            let mean = self.series.get(step)?;
            Some((step.saturating_mul(self.settings.step_ms), self.plausible(mean)))
        })
    }

    /// Whether there is enough to forecast from, and the last value is fresh.
    pub(crate) fn outlook(&self) -> Result<Outlook<'_>, ForecastError> {
        let origins = self.telling();
        let outcomes = self.outcomes(origins.iter().copied());
        let moment = self.present_moment().ok_or_else(|| self.too_little(outcomes))?;
        if outcomes < MIN_OUTCOMES || self.have_ms() < MIN_HORIZONS * self.settings.horizon_ms() {
            return Err(self.too_little(outcomes));
        }
        let age_ms = self.now_ms.saturating_sub(self.made_ms());
        let allowed_ms = self.settings.step_ms * i64::from(self.settings.stale_steps);
        if age_ms > allowed_ms {
            return Err(ForecastError::Stale { age_ms, allowed_ms });
        }
        let naive = Ensemble { honest: true, ..self.persistence(moment.clone()) };
        let distance = |origin: &Origin| self.likeness.distance(&origin.moment, &moment);
        let members = origins.into_iter().map(|origin| (origin, distance(origin))).collect();
        let (foretold, tuning) = (self.foretell(&moment), self.tuning.clone());
        let own = Ensemble { of: self, moment, foretold, tuning, members, honest: true };
        Ok(Outlook { own, naive })
    }

    /// The naive rival: the last value, with the changes that followed all past moments.
    pub(crate) fn persistence(&self, moment: Moment) -> Ensemble<'_> {
        let members = self.origins.iter().map(|origin| (origin, 0.0)).collect();
        let tuning = Tuning::naive(self.ladder.leads().len());
        Ensemble { of: self, moment, foretold: None, tuning, members, honest: false }
    }

    /// End of the last closed step, milliseconds since 1970-01-01 UTC.
    fn made_ms(&self) -> i64 {
        self.series.last().map_or(0, |last| last.saturating_add(1).saturating_mul(self.settings.step_ms))
    }

    fn have_ms(&self) -> i64 {
        let (first, last) = (self.series.first(), self.series.last());
        first.zip(last).map_or(0, |(first, last)| (last - first + 1).saturating_mul(self.settings.step_ms))
    }

    fn too_little(&self, have_outcomes: usize) -> ForecastError {
        ForecastError::TooLittleHistory {
            have_ms: self.have_ms(),
            need_ms: MIN_HORIZONS * self.settings.horizon_ms(),
            have_outcomes,
            need_outcomes: MIN_OUTCOMES,
        }
    }

    fn point(&self, lead: i64, quantiles: [f64; 3]) -> Point {
        let [low_milli, median_milli, high_milli] = quantiles.map(|value| self.plausible(value));
        Point { in_ms: lead * self.settings.step_ms, low_milli, median_milli, high_milli }
    }

    /// As an integer within the signal's plausible range.
    fn plausible(&self, value: f64) -> i64 {
        let spec = self.signal.spec();
        to_milli(value, spec.low_milli, spec.high_milli)
    }
}

impl Outlook<'_> {
    /// The last value, thousandths.
    pub(crate) fn last(&self) -> f64 {
        self.own.moment.value
    }

    /// 10, 50 and 90 % quantiles after `lead` steps; `None` where no outcome is known.
    pub(crate) fn quantiles(&self, lead: i64) -> Option<[f64; 3]> {
        let (own, naive) = (self.own.quantiles(lead)?, self.naive.quantiles(lead)?);
        let share = self.share(lead);
        let mut mixed = own;
        for (own, naive) in mixed.iter_mut().zip(naive) {
            *own = share * *own + (1.0 - share) * naive;
        }
        Some(mixed)
    }

    /// First passages over the courses of both, and over those of the naive one, persistence's, alone.
    pub(crate) fn passages(&self, asked: &Asked<'_>) -> (PassageTable, PassageTable) {
        let (mut both, mut naive) = (PassageTable::new(asked), PassageTable::new(asked));
        self.own.count_passages(asked, &mut both);
        self.naive.count_passages(asked, &mut naive);
        both.mix(&naive, asked, |horizon| self.share(horizon));
        (both, naive)
    }

    /// How much the own one counts: the more often the lead fits into the past, the more, and soon nearly all.
    fn share(&self, lead: i64) -> f64 {
        let independent = self.naive.independent(lead);
        independent * independent / (independent * independent + LEAN * LEAN)
    }
}
