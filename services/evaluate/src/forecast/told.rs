//! What is told of one person at the end of the recording.

use std::path::{Path, PathBuf};

use forecast::{Crossing, CrossingScore, ForecastError, Forecaster, Limit, Point, Report, Skill};
use recording::Spelling;
use vitals::Signal;

use super::limits::Limits;
use super::person::{Followed, Person};

/// History that a chart shows, horizons.
const SHOWN_HORIZONS: i64 = 4;

/// One person of one recording.
pub(crate) struct Outlook {
    pub(crate) file: PathBuf,
    pub(crate) person: String,
    pub(crate) spelling: Option<Spelling>,
    pub(crate) offset_minutes: Option<i16>,
    pub(crate) rows: u64,
    pub(crate) refused: u64,
    pub(crate) vitals: Vec<Vital>,
}

/// One vital.
pub(crate) struct Vital {
    pub(crate) signal: Signal,
    /// Values of rest alone.
    pub(crate) at_rest: bool,
    /// Values left out, as the person was not at rest.
    pub(crate) moving: u64,
    pub(crate) report: Report,
    /// The last known steps: beginning and mean.
    pub(crate) history: Vec<(i64, i64)>,
    /// Length of a step.
    pub(crate) step_ms: i64,
    pub(crate) ahead: Result<Ahead, Silence>,
    /// By limit.
    pub(crate) limits: Vec<AtLimit>,
}

/// What is foretold.
pub(crate) struct Ahead {
    /// End of the last step with a value.
    pub(crate) made_ms: i64,
    /// That step's mean.
    pub(crate) last_milli: i64,
    /// As far as there is skill.
    pub(crate) reach_ms: i64,
    /// Up to there.
    pub(crate) points: Vec<Point>,
}

/// Why nothing is foretold.
pub(crate) enum Silence {
    /// There is too little history, or the last value is old.
    NotReady(ForecastError),
    /// Persistence foretells as well.
    NoSkill,
    /// Too few forecasts could be judged.
    Untried,
}

/// What is foretold of a limit.
pub(crate) struct AtLimit {
    pub(crate) limit: Limit,
    pub(crate) answer: Answer,
    /// How its crossings were foretold before, within the time that the answer is for; else within the longest judged.
    pub(crate) score: Option<CrossingScore>,
}

/// An answer.
pub(crate) enum Answer {
    /// It is crossed already.
    Already,
    /// When it will be crossed; whether crossings were foretold better before, or too few came to try.
    Foretold(Crossing, Skill),
    /// Persistence, or always saying the same, foretells crossings as well.
    NoSkill,
    /// Nothing is foretold of the vital.
    Silent,
}

impl Outlook {
    pub(crate) fn of(file: &Path, person: Person, limits: &Limits) -> Self {
        let Person { person, vitals, spelling, offset_minutes, last_ms, rows, refused, .. } = person;
        let now_ms = last_ms.unwrap_or(0);
        let vitals = vitals.into_iter().map(|(signal, followed)| Vital::of(signal, followed, now_ms, limits)).collect();
        Self { file: file.to_owned(), person, spelling, offset_minutes, rows, refused, vitals }
    }
}

impl Vital {
    fn of(signal: Signal, followed: Followed, now_ms: i64, limits: &Limits) -> Self {
        let Followed { backtest, moving, at_rest } = followed;
        let step_ms = backtest.settings().step_ms;
        let horizon_ms = backtest.settings().horizon_ms();
        // The step of the last moment is taken as whole.
        let now_ms = now_ms.div_euclid(step_ms).saturating_add(1).saturating_mul(step_ms);
        let (report, forecaster) = backtest.finish(now_ms);
        let ahead = ahead(&report, &forecaster);
        let at_limit = |limit| AtLimit::of(limit, &report, &forecaster, ahead.is_ok());
        let limits = limits.of_signal(signal).into_iter().map(at_limit).collect();
        let last_ms = forecaster.history().last().map_or(0, |(from_ms, _)| from_ms);
        let shown_ms = horizon_ms.saturating_mul(SHOWN_HORIZONS);
        let shown = |(from_ms, _): &(i64, i64)| last_ms.saturating_sub(*from_ms) < shown_ms;
        let history = forecaster.history().filter(shown).collect();
        Self { signal, at_rest, moving, report, history, step_ms, ahead, limits }
    }
}

fn ahead(report: &Report, forecaster: &Forecaster) -> Result<Ahead, Silence> {
    let forecast = forecaster.forecast().map_err(Silence::NotReady)?;
    let Some(reach_ms) = report.reach_ms() else {
        let untried = report.horizons.first().is_none_or(|score| score.skill() == Skill::Untried);
        return Err(if untried { Silence::Untried } else { Silence::NoSkill });
    };
    let points = forecast.points.into_iter().filter(|point| point.in_ms <= reach_ms).collect();
    Ok(Ahead { made_ms: forecast.made_ms, last_milli: forecast.last_milli, reach_ms, points })
}

impl AtLimit {
    fn of(limit: Limit, report: &Report, forecaster: &Forecaster, foretold: bool) -> Self {
        let score_within = |horizon_ms: Option<i64>| {
            let mut own = report.crossings.iter().filter(|score| score.limit == limit);
            match horizon_ms {
                Some(horizon_ms) => own.find(|score| score.horizon_ms == horizon_ms),
                None => own.next_back(),
            }
            .copied()
        };
        let already = |crossing: &Crossing| crossing.when == forecast::When::Already;
        let silent = Self { limit, answer: Answer::Silent, score: score_within(None) };
        match forecaster.crossing(limit) {
            // A fact, and no forecast.
            Ok(crossing) if already(&crossing) => return Self { answer: Answer::Already, ..silent },
            Ok(_) if foretold => {}
            _ => return silent,
        }
        let Some((horizon_ms, skill)) = report.crossing_reach(limit) else {
            return Self { limit, answer: Answer::NoSkill, score: score_within(report.reach_ms()) };
        };
        match forecaster.crossing_within(limit, horizon_ms) {
            Ok(crossing) => {
                let score = score_within(Some(horizon_ms));
                Self { limit, answer: Answer::Foretold(crossing, skill), score }
            }
            Err(_) => silent,
        }
    }
}
