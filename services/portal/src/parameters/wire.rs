//! Parameters as JSON: every field that is wrong is named by its path.

use serde_json::{Value, json};
use vitals::{Gate, Limit, Parameters, Severity, Signal, VitalsError, milli};

use crate::Outcome;
use crate::fhir::node::Node;

/// Where the body stands in paths.
const ROOT: &str = "parameters";
const SEVERITIES: [Severity; 4] = [Severity::Technical, Severity::Advisory, Severity::Urgent, Severity::Critical];

/// Reads `{ limits [{ signal, low?, high?, unit?, margin?, k?, n?, at_rest?, severity }], news2_scale2?, alerts_per_week? }`; what is not
/// named there is refused. Without `k` and `n` one step beyond the limit is enough, without `margin` one step back inside.
pub(super) fn read(body: &[u8]) -> Result<Parameters, Outcome> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Outcome::invalid(ROOT, format!("this is no JSON: line {}, column {}", error.line(), error.column()))
    })?;
    let root = Node { value: &value, path: ROOT.to_owned() };
    only(&root, &["limits", "news2_scale2", "alerts_per_week"])?;
    root.need("limits")?;
    let mut parameters = Parameters::default();
    for node in root.list("limits")? {
        let limit = limit(&node)?;
        if parameters.limit(limit.signal).is_some() {
            return Err(Outcome::invalid(format!("{}.signal", node.path), "there is a limit of this signal already"));
        }
        parameters.set_limit(limit).map_err(|error| wrong(&node.path, &error))?;
    }
    parameters.news2_scale2 = flag(&root, "news2_scale2")?;
    parameters.alerts_per_week_milli = match root.get("alerts_per_week") {
        None => None,
        Some(node) => {
            let allowed = u32::try_from(node.milli()?);
            Some(allowed.map_err(|_| Outcome::invalid(node.path, "0 to 1000 alerts a week are possible"))?)
        }
    };
    parameters.check_plausible().map_err(|error| wrong(ROOT, &error))?;
    Ok(parameters)
}

/// The same spelling.
pub(super) fn show(parameters: &Parameters) -> Value {
    let limits: Vec<Value> = parameters.limits().iter().map(show_limit).collect();
    let number = |milli: u32| number(i64::from(milli));
    json!({
        "limits": limits,
        "news2_scale2": parameters.news2_scale2,
        "alerts_per_week": parameters.alerts_per_week_milli.map(number),
    })
}

fn show_limit(limit: &Limit) -> Value {
    json!({
        "signal": limit.signal.name(),
        "low": limit.low_milli.map(number),
        "high": limit.high_milli.map(number),
        "unit": limit.signal.unit(),
        "margin": number(limit.margin_milli),
        "k": limit.k,
        "n": limit.n,
        "at_rest": limit.gate == Gate::HighAtRest,
        "severity": limit.severity.name(),
    })
}

/// Exact: three digits after the point at most.
fn number(value_milli: i64) -> Value {
    serde_json::from_str(&milli::to_text(value_milli)).unwrap_or(Value::Null)
}

fn limit(node: &Node<'_>) -> Result<Limit, Outcome> {
    only(node, &["signal", "low", "high", "unit", "margin", "k", "n", "at_rest", "severity"])?;
    let name = node.need("signal")?;
    let signal =
        Signal::from_name(name.text()?).ok_or_else(|| Outcome::invalid(name.path, "no signal has this name"))?;
    let severity = node.need("severity")?;
    let text = severity.text()?;
    let severity = SEVERITIES.into_iter().find(|known| known.name() == text);
    let severity = severity.ok_or_else(|| {
        Outcome::invalid(format!("{}.severity", node.path), "technical, advisory, urgent or critical is needed")
    })?;
    let unit = Unit::of(node, signal)?;
    let side = |key: &str| node.get(key).map(|node| unit.own(node.milli()?, &node)).transpose();
    let margin_milli = match node.get("margin") {
        None => 0,
        // A difference: what is added to convert a value cancels.
        Some(margin) => unit.own(margin.milli()?, &margin)?.saturating_sub(unit.own(0, &margin)?),
    };
    let k = count(node, "k")?.unwrap_or(1);
    let limit = Limit {
        signal,
        low_milli: side("low")?,
        high_milli: side("high")?,
        margin_milli,
        k,
        n: count(node, "n")?.unwrap_or(k),
        gate: if flag(node, "at_rest")? { Gate::HighAtRest } else { Gate::Always },
        severity,
    };
    limit.check_plausible().map_err(|error| wrong(&node.path, &error))?;
    Ok(limit)
}

/// The unit in which a limit is sent.
struct Unit<'a> {
    signal: Signal,
    name: Option<&'a str>,
}

impl<'a> Unit<'a> {
    fn of(node: &Node<'a>, signal: Signal) -> Result<Self, Outcome> {
        let unit = node.get("unit");
        let name = unit.as_ref().map(Node::text).transpose()?;
        if name.is_some_and(|name| vitals::to_own_unit(signal, 0, name).is_none()) {
            let message = format!("the unit is not accepted for {signal}; send {}", signal.unit());
            return Err(Outcome::invalid(format!("{}.unit", node.path), message));
        }
        Ok(Self { signal, name })
    }

    /// The value in the signal's own unit, thousandths.
    fn own(&self, value_milli: i64, node: &Node<'_>) -> Result<i64, Outcome> {
        let Some(name) = self.name else { return Ok(value_milli) };
        let own = vitals::to_own_unit(self.signal, value_milli, name);
        own.ok_or_else(|| Outcome::invalid(node.path.clone(), "a number of bounded size is needed"))
    }
}

fn flag(node: &Node<'_>, key: &str) -> Result<bool, Outcome> {
    let Some(node) = node.get(key) else { return Ok(false) };
    node.value.as_bool().ok_or_else(|| Outcome::invalid(node.path, "true or false is needed"))
}

fn count(node: &Node<'_>, key: &str) -> Result<Option<u8>, Outcome> {
    let Some(node) = node.get(key) else { return Ok(None) };
    let count = node.value.as_u64().and_then(|count| u8::try_from(count).ok());
    count.map(Some).ok_or_else(|| Outcome::invalid(node.path, "a whole number of 1 to 32 is needed"))
}

/// Refuses members that nobody would look at.
fn only(node: &Node<'_>, known: &[&str]) -> Result<(), Outcome> {
    let Some(members) = node.value.as_object() else {
        return Err(Outcome::invalid(node.path.clone(), "an object is needed"));
    };
    match members.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let key: String = key.chars().take(64).collect();
            Err(Outcome::invalid(format!("{}.{key}", node.path), format!("{} are possible", known.join(", "))))
        }
    }
}

fn wrong(path: &str, error: &VitalsError) -> Outcome {
    match error {
        VitalsError::Implausible { field, reason, .. } => Outcome::invalid(format!("{path}.{field}"), *reason),
        other => Outcome::invalid(path, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn place(body: &Value) -> String {
        read(body.to_string().as_bytes()).unwrap_err().issues[0].expression.clone().unwrap()
    }

    #[test]
    fn every_field_that_is_wrong_is_named_by_its_path() {
        let good = json!({ "signal": "heart_rate", "low": 45, "high": 110.5, "severity": "urgent" });
        let with = |key: &str, value: Value| {
            let mut limit = good.clone();
            limit[key] = value;
            place(&json!({ "limits": [{ "signal": "SpO2", "low": 90, "severity": "critical" }, limit] }))
        };
        for (key, value) in [
            ("signal", json!("mood")),
            ("signal", json!(1)),
            ("signal", json!("room_temperature")),
            ("low", json!("45")),
            ("low", json!(-1)),
            ("low", json!(1e300)),
            ("high", json!(9_000)),
            ("high", json!(45)),
            ("unit", json!("furlong")),
            ("margin", json!(-1)),
            ("margin", json!(60)),
            ("k", json!(0)),
            ("k", json!(1.5)),
            ("n", json!(400)),
            ("at_rest", json!("yes")),
            ("severity", json!("dire")),
            ("lwo", json!(45)),
        ] {
            assert_eq!(with(key, value.clone()), format!("parameters.limits[1].{key}"), "{value}");
        }
        assert_eq!(with("k", json!(33)), "parameters.limits[1].k");
        assert_eq!(place(&json!({ "limits": [good, good] })), "parameters.limits[1].signal", "one limit a signal");
        assert_eq!(
            place(&json!({ "limits": [{ "signal": "spo2", "severity": "urgent" }] })),
            "parameters.limits[0].low"
        );
        assert_eq!(place(&json!({ "limits": [{ "signal": "spo2", "low": 90 }] })), "parameters.limits[0].severity");
        for (body, at) in [
            (json!({}), ".limits"),
            (json!([]), ""),
            (json!({ "limits": {} }), ".limits"),
            (json!({ "limits": [3] }), ".limits[0]"),
            (json!({ "limits": [], "news2_scale2": 1 }), ".news2_scale2"),
            (json!({ "limits": [], "alerts_per_week": -0.1 }), ".alerts_per_week"),
            (json!({ "limits": [], "alerts_per_week": 1_000.001 }), ".alerts_per_week"),
            (json!({ "limits": [], "alerts": 3 }), ".alerts"),
        ] {
            assert_eq!(place(&body), format!("parameters{at}"), "{body}");
        }
        assert_eq!(read(b"{").unwrap_err().issues[0].expression.as_deref(), Some("parameters"));
    }

    #[test]
    fn limits_are_taken_in_other_units_and_in_any_order() {
        let body = json!({ "limits": [
            { "signal": "temperature", "high": 100.4, "unit": "[degF]", "margin": 0.9, "severity": "urgent", "k": 2, "n": 3 },
            { "signal": "heart_rate", "high": 110, "at_rest": true, "severity": "critical" },
        ], "news2_scale2": true, "alerts_per_week": 0.25 });
        let read = read(body.to_string().as_bytes()).unwrap();
        let (heart, fever) = (&read.limits()[0], &read.limits()[1]);
        assert_eq!((heart.signal, heart.high_milli, heart.k, heart.n), (Signal::HeartRate, Some(110_000), 1, 1));
        assert_eq!((heart.gate, heart.severity), (Gate::HighAtRest, Severity::Critical));
        assert_eq!((fever.high_milli, fever.margin_milli, fever.k, fever.n), (Some(38_000), 500, 2, 3));
        assert!(read.news2_scale2 && read.alerts_per_week_milli == Some(250));
    }

    proptest! {
        /// What is shown can be sent again, and says the same.
        #[test]
        fn what_is_shown_reads_back_as_the_same(
            low in prop::option::of(30_000_i64..60_000), high in 61_000_i64..200_000, margin_milli in 0_i64..400,
            k in 1_u8..=16, more in 0_u8..=16, at_rest: bool, severity in 0_usize..4, scale2: bool, week in prop::option::of(0_u32..=1_000_000)
        ) {
            let gate = if at_rest { Gate::HighAtRest } else { Gate::Always };
            let (signal, high_milli, n) = (Signal::HeartRate, Some(high), k + more);
            let limit = Limit { signal, low_milli: low, high_milli, margin_milli, k, n, gate, severity: SEVERITIES[severity] };
            let mut parameters = Parameters::default();
            (parameters.news2_scale2, parameters.alerts_per_week_milli) = (scale2, week);
            parameters.set_limit(limit).unwrap();
            prop_assert_eq!(read(show(&parameters).to_string().as_bytes()).unwrap(), parameters);
        }
    }
}
