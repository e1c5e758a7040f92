//! One object a person, for programs.

use forecast::{CrossingScore, HorizonScore, Skill, When};
use serde_json::{Value, json};
use vitals::Side;

use super::sentences::{sentence, silence};
use super::told::{Ahead, Answer, AtLimit, Outlook, Vital};

const MINUTE_MS: i64 = 60_000;

/// The object. Times are written as the recording writes its own; seconds since 1970 are numbers.
pub(crate) fn object(outlook: &Outlook) -> Value {
    json!({
        "file": outlook.file.to_string_lossy(),
        "person": outlook.person,
        "rows": outlook.rows,
        "refused": outlook.refused,
        "vitals": outlook.vitals.iter().map(|vital| of_vital(outlook, vital)).collect::<Vec<_>>(),
    })
}

fn of_vital(outlook: &Outlook, vital: &Vital) -> Value {
    let report = &vital.report;
    json!({
        "signal": vital.signal.name(),
        "unit": vital.signal.unit(),
        "at_rest": vital.at_rest,
        "values": report.values,
        "left_out": report.left_out,
        "not_at_rest": vital.moving,
        "forecast": vital.ahead.as_ref().ok().map(|ahead| of_ahead(outlook, ahead)),
        "no_forecast": vital.ahead.as_ref().err().map(|why| silence(vital, why)),
        "limits": vital.limits.iter().map(|at| of_limit(vital, at)).collect::<Vec<_>>(),
        "backtest": {
            "forecasts": report.forecasts,
            "too_little_history": report.not_ready,
            "horizons": report.horizons.iter().map(of_horizon).collect::<Vec<_>>(),
        },
    })
}

fn of_ahead(outlook: &Outlook, ahead: &Ahead) -> Value {
    let points = ahead.points.iter().map(|point| {
        json!([point.in_ms / MINUTE_MS, number(point.low_milli), number(point.median_milli), number(point.high_milli)])
    });
    json!({
        "time": time(outlook, ahead.made_ms),
        "last": number(ahead.last_milli),
        "reach_min": ahead.reach_ms / MINUTE_MS,
        // Minutes ahead, 10 %, 50 % and 90 % quantile.
        "points": points.collect::<Vec<_>>(),
    })
}

fn of_limit(vital: &Vital, at: &AtLimit) -> Value {
    let state = match &at.answer {
        Answer::Silent | Answer::NoSkill => "no_forecast",
        Answer::Already => "already",
        Answer::Foretold(crossing, _) => match crossing.when {
            When::Already => "already",
            When::Within { .. } => "within",
            When::NotWithinHorizon => "not_within",
        },
    };
    let mut object = json!({
        "side": side(at.limit.side),
        "limit": number(at.limit.limit_milli),
        "state": state,
        "told": sentence(vital, at),
    });
    if let Answer::Foretold(crossing, skill) = &at.answer {
        object["horizon_min"] = json!(crossing.horizon_ms / MINUTE_MS);
        object["probability"] = number(i64::from(crossing.probability_milli));
        object["tried"] = json!(*skill == Skill::Better);
        if let When::Within { earliest_ms, in_ms, latest_ms } = crossing.when {
            object["in_min"] = in_ms.map_or(Value::Null, minutes);
            // Four of five cross between them; null: later than the horizon, or not at all.
            object["interval_min"] = json!([minutes(earliest_ms), latest_ms.map_or(Value::Null, minutes)]);
        }
    }
    object["backtest"] = at.score.as_ref().map_or(Value::Null, of_crossing);
    object
}

fn of_horizon(score: &HorizonScore) -> Value {
    json!({
        "horizon_min": score.horizon_ms / MINUTE_MS,
        "forecasts": score.forecasts,
        "apart": score.independent,
        "pinball": micro(score.pinball_micro),
        "persistence_pinball": micro(score.persistence_pinball_micro),
        "saved": number(score.skill_milli()),
        "coverage": number(score.coverage_milli),
        "persistence_coverage": number(score.persistence_coverage_milli),
        "width": number(score.width_milli),
        "persistence_width": number(score.persistence_width_milli),
        "skill": skill(score.skill()),
    })
}

fn of_crossing(score: &CrossingScore) -> Value {
    json!({
        "horizon_min": score.horizon_ms / MINUTE_MS,
        "forecasts": score.forecasts,
        "crossed": score.crossed,
        "apart": score.apart,
        "probability": number(score.probability_milli),
        "brier": micro(score.brier_micro),
        "persistence_brier": micro(score.persistence_brier_micro),
        "always_the_same_brier": micro(score.share_brier_micro()),
        "intervals": score.timed,
        "interval_coverage": number(score.interval_coverage_milli),
        "skill": skill(score.skill()),
    })
}

fn skill(skill: Skill) -> &'static str {
    match skill {
        Skill::Better => "better",
        Skill::NoBetter => "no_better",
        Skill::Untried => "untried",
    }
}

fn side(side: Side) -> &'static str {
    if side == Side::Above { "above" } else { "below" }
}

fn time(outlook: &Outlook, time_ms: i64) -> Value {
    let text = outlook.time(time_ms);
    match text.parse::<serde_json::Number>() {
        Ok(number) if outlook.spelling.is_none_or(recording::Spelling::is_number) => Value::Number(number),
        _ => Value::String(text),
    }
}

/// Thousandths as a number.
#[expect(clippy::cast_precision_loss, reason = "values of vitals are small")]
fn number(milli: i64) -> Value {
    json!(milli as f64 / 1_000.0)
}

#[expect(clippy::cast_precision_loss, reason = "losses are small")]
fn micro(value: i64) -> Value {
    json!(value as f64 / 1_000_000.0)
}

/// Milliseconds as minutes with one digit.
fn minutes(ms: i64) -> Value {
    number((ms + MINUTE_MS / 20) / (MINUTE_MS / 10) * 100)
}
