//! Vital signs as FHIR Observations: LOINC and UCUM.

use claims::Identifier;
use serde_json::Value;
use vitals::{Admission, Provenance, RawReading, Reading, Refusal};

use super::node::Node;
use crate::Outcome;

/// LOINC's URI.
pub(crate) const LOINC: &str = "http://loinc.org";

/// What an Observation says.
pub(crate) struct Read {
    pub(crate) patient: Identifier,
    pub(crate) device: String,
    /// The value, or one for each component (blood pressure), each typed or refused.
    pub(crate) readings: Vec<Result<Reading, Refusal>>,
}

/// Reads one Observation. What is no resource at all is an [`Outcome`]; what is one, but no plausible reading, is a
/// [`Refusal`], which is kept.
pub(crate) fn read(value: &Value, admission: &Admission, received_ms: i64) -> Result<Read, Outcome> {
    let root = Node::root(value);
    let status = root.need("status")?;
    if !matches!(status.text()?, "final" | "amended" | "corrected" | "preliminary") {
        return Err(Outcome::invalid(status.path, "an observation that was made is needed, not a cancelled one"));
    }
    let effective = root.need("effectiveDateTime")?;
    let (time_ms, offset_minutes) = effective.instant()?;
    let patient = root.need("subject")?.reference()?;
    let device = root.get("device").map(|device| device.reference()).transpose()?;
    let provenance = if device.is_some() { Provenance::Device } else { Provenance::Manual };
    let at = |code: &str, quantity: &Node<'_>| -> Result<Result<Reading, Refusal>, Outcome> {
        let value = quantity.need("value")?.decimal()?;
        let unit = quantity.get("code").or_else(|| quantity.get("unit")).map(|unit| unit.text()).transpose()?;
        let raw = RawReading { signal: code, value: &value, unit, time_ms, offset_minutes, provenance };
        Ok(admission.admit(&raw, received_ms))
    };
    let mut readings = Vec::new();
    if let Some(quantity) = root.get("valueQuantity") {
        readings.push(at(&loinc(&root)?, &quantity)?);
    }
    for component in root.list("component")? {
        readings.push(at(&loinc(&component)?, &component.need("valueQuantity")?)?);
    }
    if readings.is_empty() {
        return Err(Outcome::required("Observation.valueQuantity"));
    }
    let device = device.map_or_else(|| "manual".to_owned(), |device| device.value);
    Ok(Read { patient, device, readings })
}

/// The LOINC code that names a signal; without a known one, the first, so that it can be refused by name.
fn loinc(node: &Node<'_>) -> Result<String, Outcome> {
    let codings = node.need("code")?.concept()?;
    let known =
        codings.iter().find(|coding| coding.system == LOINC && vitals::Signal::from_name(&coding.code).is_some());
    Ok(known.or(codings.first()).map(|coding| coding.code.clone()).unwrap_or_default())
}
