//! What is foretold, in sentences.

use forecast::{Crossing, CrossingScore, ForecastError, Limit, Report, Skill, When};
use vitals::{Side, Signal};

use super::told::{Answer, AtLimit, Silence, Vital};
use crate::words::{amount, words};

const MINUTE_MS: i64 = 60_000;

/// `heart rate at rest`.
pub(crate) fn name(vital: &Vital) -> String {
    format!("{}{}", words(vital.signal), if vital.at_rest { " at rest" } else { "" })
}

/// `above 100 /min`.
pub(crate) fn beyond(signal: Signal, limit: Limit) -> String {
    let side = if limit.side == Side::Above { "above" } else { "below" };
    format!("{side} {}", amount(signal, limit.limit_milli))
}

/// A time of whole minutes: `40 min`, `3 h 20 min`.
pub(crate) fn span(ms: i64) -> String {
    match (ms / MINUTE_MS / 60, ms / MINUTE_MS % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// What is foretold of a limit, in one sentence without its full stop.
pub(crate) fn sentence(vital: &Vital, at: &AtLimit) -> Option<String> {
    let (name, beyond) = (name(vital), beyond(vital.signal, at.limit));
    Some(match &at.answer {
        Answer::Silent => return None,
        Answer::Already => format!("{name} is {beyond} already"),
        Answer::NoSkill => {
            let score = at.score.as_ref().map_or_else(String::new, |score| format!(": {}", no_better(score)));
            format!("{name}: when it will cross {beyond} cannot be told better than by its last value{score}")
        }
        Answer::Foretold(crossing, skill) => {
            let untried = match (skill, &at.score) {
                (Skill::Untried, Some(score)) => format!("; {}", untried(score)),
                _ => String::new(),
            };
            format!("{}{untried}", foretold(&name, &beyond, crossing, vital.step_ms))
        }
    })
}

/// Times to the step: the interval outwards, the middle to the nearest.
fn foretold(name: &str, beyond: &str, crossing: &Crossing, step_ms: i64) -> String {
    let within = span(crossing.horizon_ms);
    let down = |ms: i64| span(ms / step_ms * step_ms);
    let near = |ms: i64| span(((ms + step_ms / 2) / step_ms).max(1) * step_ms);
    let up = |ms: i64| span(((ms + step_ms - 1) / step_ms).max(1) * step_ms);
    let per_cent = (i64::from(crossing.probability_milli) + 5) / 10;
    match crossing.when {
        When::Already => format!("{name} is {beyond} already"),
        When::Within { earliest_ms, in_ms: Some(in_ms), latest_ms: Some(latest_ms) } => {
            format!(
                "{name} will cross {beyond} in {} (80 % between {} and {})",
                near(in_ms),
                down(earliest_ms),
                up(latest_ms)
            )
        }
        When::Within { earliest_ms, in_ms: Some(in_ms), latest_ms: None } => format!(
            "{name} will probably cross {beyond} in {} (80 % between {} and more than {within}; {per_cent} % cross within {within})",
            near(in_ms),
            down(earliest_ms)
        ),
        When::Within { earliest_ms, in_ms: None, .. } => format!(
            "{name} may cross {beyond}: {per_cent} % within {within} (80 % between {} and more than {within})",
            down(earliest_ms)
        ),
        When::NotWithinHorizon => format!("{name} is not expected to cross {beyond} within {within} ({per_cent} %)"),
    }
}

fn untried(score: &CrossingScore) -> String {
    match score.crossed {
        0 => format!("it did after none of {} forecasts, so that could not be tried", score.forecasts),
        crossed => format!("crossings came too seldom to be tried (after {crossed} of {} forecasts)", score.forecasts),
    }
}

fn no_better(score: &CrossingScore) -> String {
    format!(
        "within {}, Brier score {} against {} by the last value and {} by always saying {} %",
        span(score.horizon_ms),
        micro(score.brier_micro),
        micro(score.persistence_brier_micro),
        micro(score.share_brier_micro()),
        i64::from(score.crossed) * 100 / i64::from(score.forecasts.max(1)),
    )
}

/// Why nothing is foretold of a vital.
pub(crate) fn silence(vital: &Vital, silence: &Silence) -> String {
    let name = name(vital);
    match silence {
        Silence::NotReady(ForecastError::TooLittleHistory { have_ms, need_ms, .. }) if have_ms < need_ms => {
            format!("{name}: no forecast, {} of history; {} are needed", span(*have_ms), span(*need_ms))
        }
        Silence::NotReady(ForecastError::TooLittleHistory { have_outcomes, need_outcomes, .. }) => format!(
            "{name}: no forecast, too many gaps: of {have_outcomes} past moments it is known what came after them, {need_outcomes} are needed"
        ),
        Silence::NotReady(ForecastError::Stale { age_ms, .. }) => {
            format!("{name}: no forecast, its last value is {} older than the end of the recording", span(*age_ms))
        }
        Silence::NotReady(error) => format!("{name}: no forecast: {error}"),
        Silence::Untried => format!("{name}: no forecast, too few of them could be judged on this recording"),
        Silence::NoSkill => format!("{name}: no forecast, on this recording {}", last_is_as_good(&vital.report)),
    }
}

fn last_is_as_good(report: &Report) -> String {
    let Some(score) = report.horizons.first() else { return "nothing was judged".into() };
    let as_good = match score.skill_milli() {
        1.. => "hardly worse",
        0 => "as well",
        _ => "better",
    };
    format!(
        "the last value foretells {as_good}: {} ahead, pinball loss {} against {}, {} % within the 80 % interval",
        span(score.horizon_ms),
        micro(score.pinball_micro),
        micro(score.persistence_pinball_micro),
        per_cent(score.coverage_milli),
    )
}

/// Millionths with three decimals.
pub(crate) fn micro(value: i64) -> String {
    let thousandths = (value.abs() + 500) / 1_000;
    format!("{}{}.{:03}", if value < 0 { "-" } else { "" }, thousandths / 1_000, thousandths % 1_000)
}

/// Thousandths as per cent with one digit.
pub(crate) fn per_cent(milli: i64) -> String {
    format!("{}{}.{}", if milli < 0 { "-" } else { "" }, milli.abs() / 10, milli.abs() % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossing(when: When, probability_milli: u16) -> Crossing {
        Crossing {
            signal: Signal::HeartRate,
            limit: Limit { limit_milli: 100_000, side: Side::Above },
            made_ms: 0,
            horizon_ms: 360 * MINUTE_MS,
            when,
            probability_milli,
        }
    }

    #[test]
    fn an_interval_is_told_outwards_to_the_step_and_an_open_one_as_open() {
        let told = |when, milli| foretold("heart rate", "above 100 /min", &crossing(when, milli), 5 * MINUTE_MS);
        let (earliest_ms, middle_ms, late_ms) = (124 * MINUTE_MS, 202 * MINUTE_MS, 351 * MINUTE_MS);
        let within = |in_ms, latest_ms| When::Within { earliest_ms, in_ms, latest_ms };
        assert_eq!(
            told(within(Some(middle_ms), Some(late_ms)), 950),
            "heart rate will cross above 100 /min in 3 h 20 min (80 % between 2 h and 5 h 55 min)"
        );
        assert_eq!(
            told(within(Some(middle_ms), None), 704),
            "heart rate will probably cross above 100 /min in 3 h 20 min (80 % between 2 h and more than 6 h; 70 % cross within 6 h)"
        );
        assert_eq!(
            told(within(None, None), 295),
            "heart rate may cross above 100 /min: 30 % within 6 h (80 % between 2 h and more than 6 h)"
        );
        assert_eq!(
            told(When::NotWithinHorizon, 24),
            "heart rate is not expected to cross above 100 /min within 6 h (2 %)"
        );
        let soon = When::Within { earliest_ms: 0, in_ms: Some(1), latest_ms: Some(2) };
        assert_eq!(told(soon, 1_000), "heart rate will cross above 100 /min in 5 min (80 % between 0 min and 5 min)");
    }

    #[test]
    fn figures_are_rounded_and_keep_their_sign() {
        assert_eq!((micro(1_234_567), micro(-600)), ("1.235".into(), "-0.001".into()));
        assert_eq!((per_cent(812), per_cent(-6)), ("81.2".into(), "-0.6".into()));
    }
}
