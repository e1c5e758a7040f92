//! What doctors set for the detector of a patient, as commands show and check it.

use phc::{ParametersRecord, Records};
use vitals::{Gate, Limit, Parameters};

use crate::demo::iso;

/// One line: who set what, when, and from where on it counts.
pub(crate) fn shown(record: &ParametersRecord) -> String {
    let ParametersRecord { set, after_ms } = record;
    let what = match Parameters::from_bytes(&set.parameters) {
        Ok(parameters) => text(&parameters),
        Err(error) => format!("parameters that do not decode ({error})"),
    };
    let from = after_ms
        .map_or_else(|| "before any reading".to_owned(), |after| format!("after the reading of {}", iso(after)));
    format!("{} set {what} at {}, in force {from}", set.by, iso(set.set_ms))
}

fn text(parameters: &Parameters) -> String {
    let mut parts: Vec<String> = parameters.limits().iter().map(limit).collect();
    if parameters.news2_scale2 {
        parts.push("NEWS2 scale 2".into());
    }
    if let Some(milli) = parameters.alerts_per_week_milli {
        parts.push(format!("{} false alerts a week", vitals::milli::to_text(i64::from(milli))));
    }
    if parts.is_empty() { "what holds for everybody".into() } else { parts.join(", ") }
}

fn limit(limit: &Limit) -> String {
    let side = |name: &str, milli: Option<i64>| {
        milli.map(|milli| format!(" {name} {} {}", vitals::milli::to_text(milli), limit.signal.unit()))
    };
    let sides: String =
        [side("below", limit.low_milli), side("above", limit.high_milli)].into_iter().flatten().collect();
    let rest = if limit.gate == Gate::HighAtRest { " at rest" } else { "" };
    format!(
        "{} alert for {}{sides}{rest} in {} of {} steps",
        limit.severity.name(),
        limit.signal.name(),
        limit.k,
        limit.n
    )
}

/// That parameters on the chain are such that a detector takes.
pub(crate) fn check(records: &Records) -> Result<(), String> {
    let Records::Parameters(records) = records else { return Ok(()) };
    for record in records {
        let wrong = |error: vitals::VitalsError| {
            format!("parameters that {} set at {}: {error}", record.set.by, iso(record.set.set_ms))
        };
        Parameters::from_bytes(&record.set.parameters).map_err(wrong)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use phc::ParametersSet;
    use vitals::{Severity, Signal};

    use super::*;

    fn record(parameters: Vec<u8>) -> ParametersRecord {
        let set = ParametersSet { by: "doctors-a".into(), set_ms: 60_000, parameters };
        ParametersRecord { set, after_ms: Some(0) }
    }

    #[test]
    fn parameters_are_shown_in_one_line_and_damaged_ones_are_told() {
        let mut parameters = Parameters::default();
        assert!(shown(&record(parameters.to_bytes())).contains("set what holds for everybody at 1970-01-01T00:01:00Z"));
        parameters.set_limit(Limit::new(Signal::HeartRate, Some(45), Some(110), 0, 2, 3, Severity::Urgent)).unwrap();
        parameters.alerts_per_week_milli = Some(500);
        let sound = record(parameters.to_bytes());
        assert!(check(&Records::Parameters(vec![sound.clone()])).is_ok());
        let line = shown(&sound);
        let limit = "urgent alert for heart_rate below 45 /min above 110 /min in 2 of 3 steps, 0.5 false alerts a week";
        assert!(line.contains(limit) && line.ends_with("after the reading of 1970-01-01T00:00:00Z"), "{line}");
        let damaged = record(vec![9]);
        assert!(check(&Records::Parameters(vec![sound, damaged.clone()])).unwrap_err().contains("doctors-a"));
        assert!(shown(&damaged).contains("do not decode"));
    }
}
