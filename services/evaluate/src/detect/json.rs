//! One object a person, for programs.

use recording::Spelling;
use serde_json::{Map, Value, json};
use vitals::Signal;

use super::alerts::Alert;
use super::evaluation::{Verdict, per_30};
use super::report::{Report, Verdicts};
use crate::calendar::date;

/// The object. Times are written as the recording writes its own; seconds since 1970 are numbers.
pub(crate) fn object(report: &Report) -> Value {
    let spelling = report.watched.spelling;
    let alerts: Vec<Value> = report.watched.alerts.all().iter().map(|alert| alert_object(alert, spelling)).collect();
    json!({
        "file": report.file.to_string_lossy(),
        "person": report.watched.person,
        "days_monitored": report.monitored.len(),
        "alerts": alerts,
        "evaluation": evaluation(report),
    })
}

fn alert_object(alert: &Alert, spelling: Option<Spelling>) -> Value {
    let time = |time_ms: i64| match spelling {
        Some(spelling) => {
            let text = spelling.write(time_ms, alert.offset_minutes);
            match text.parse::<serde_json::Number>() {
                Ok(number) if spelling.is_number() => Value::Number(number),
                _ => Value::String(text),
            }
        }
        None => json!(time_ms / 1_000),
    };
    json!({
        "start": time(alert.start_ms),
        "end": time(alert.end_ms()),
        "severity": alert.severity.name(),
        "route": alert.route.name(),
        "signals": alert.signals.iter().map(|signal| Signal::name(*signal)).collect::<Vec<_>>(),
        "score": micro(alert.score_micro),
        "reasons": alert.reasons,
    })
}

/// What labels and marks tell; null without any.
fn evaluation(report: &Report) -> Value {
    let mut all = Map::new();
    if let (Some(verdicts), Some(onset)) = (&report.verdicts, &report.onset) {
        let Verdicts { own, z_above, two_nights } = verdicts;
        all.insert("onset".into(), json!(date(onset.day)));
        all.insert("alert_days".into(), report.alert_days.iter().map(|day| json!(date(*day))).collect());
        all.extend(verdict(own));
        all.insert(
            "rivals".into(),
            json!({ "z_above_1.5": verdict(z_above), "two_nights_4_above": verdict(two_nights) }),
        );
    }
    if let Some(area) = &report.area {
        all.insert("auroc".into(), json!({ "plain": area.plain, "balanced": area.balanced }));
    }
    if all.is_empty() { Value::Null } else { Value::Object(all) }
}

fn verdict(verdict: &Verdict) -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("found".into(), json!(verdict.found()));
    all.insert("lead_days".into(), json!(verdict.lead_days));
    all.insert("false_alert_days".into(), json!(verdict.false_days));
    all.insert("well_days_monitored".into(), json!(verdict.well_days));
    all.insert("false_alert_days_per_30".into(), json!(per_30(verdict.false_days, verdict.well_days)));
    all
}

/// Millionths as a number.
#[expect(clippy::cast_precision_loss, reason = "at most a million")]
fn micro(value: i64) -> f64 {
    value.clamp(0, 1_000_000) as f64 / 1_000_000.0
}
