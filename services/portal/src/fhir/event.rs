//! Clinical events: which FHIR resource is which kind, and what of it becomes fields.

use claims::{Facts, Identifier, Kind, Line};
use erm::BreakGlass;
use ledger::PublicKey;
use serde_json::Value;

use super::node::Node;
use crate::Outcome;

/// The resources that are taken in (capability D7); others are refused.
pub(crate) const RESOURCES: [&str; 7] = [
    "Encounter",
    "Procedure",
    "MedicationDispense",
    "Invoice",
    "DiagnosticReport",
    "MedicationRequest",
    "ImagingStudy",
];

/// A resource, read.
pub(crate) struct Read {
    /// Whom it is about.
    pub(crate) patient: Identifier,
    /// Why it goes without the patient's signature.
    pub(crate) break_glass: Option<BreakGlass>,
    facts: Facts,
}

impl Read {
    /// The facts, once the patient's key is known.
    pub(crate) fn facts(self, patient: PublicKey) -> Facts {
        Facts { patient, ..self.facts }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.facts.kind
    }
}

/// Reads a resource of a facility. `bills` is the kind that its invoices are: a pharmacy's bill, else a record.
pub(crate) fn read(value: &Value, facility: &str, bills: Kind) -> Result<Read, Outcome> {
    let root = Node::root(value);
    let name = root.path.clone();
    let kind = match name.as_str() {
        "MedicationDispense" => Kind::PharmacyBill,
        "DiagnosticReport" => Kind::TestReport,
        "MedicationRequest" => Kind::Prescription,
        "ImagingStudy" => Kind::Image,
        "Invoice" => bills,
        _ => Kind::Record,
    };
    let day = match name.as_str() {
        "Encounter" => root.need("period")?.need("start")?.day()?,
        "Procedure" => match root.get("performedDateTime") {
            Some(performed) => performed.day()?,
            None => root.need("performedPeriod")?.need("start")?.day()?,
        },
        "MedicationDispense" => root.need("whenHandedOver")?.day()?,
        "Invoice" => root.need("date")?.day()?,
        "DiagnosticReport" => root.need("effectiveDateTime")?.day()?,
        "MedicationRequest" => root.need("authoredOn")?.day()?,
        _ => root.need("started")?.day()?,
    };
    let period = match root.get("period").or_else(|| root.get("performedPeriod")) {
        Some(period) => {
            let to = period.get("end").map(|end| end.day()).transpose()?;
            Some((period.need("start")?.day()?, to))
        }
        None => None,
    };
    let mut facts = Facts {
        kind,
        // Replaced in `facts`.
        patient: PublicKey([0; 32]),
        day,
        facility: facility.to_owned(),
        document: name.clone(),
        practitioner: practitioner(&root, &name)?,
        period,
        encounter: root.get("encounter").map(|encounter| encounter.reference()).transpose()?.map(|id| id.value),
        prescription: None,
        total: None,
        study: None,
        lines: lines(&root, &name)?,
    };
    match name.as_str() {
        "Encounter" => {
            let own = root.first("identifier")?.map(|id| id.identifier()).transpose()?.map(|id| id.value);
            facts.encounter = own.or(root.get("id").map(|id| id.text()).transpose()?.map(str::to_owned));
        }
        "MedicationDispense" => {
            let prescription =
                root.first("authorizingPrescription")?.map(|reference| reference.reference()).transpose()?;
            facts.prescription = prescription.map(|id| id.value);
        }
        "Invoice" => facts.total = root.get("totalNet").map(|total| total.money()).transpose()?,
        "ImagingStudy" => {
            let identifiers = root.list("identifier")?;
            let uid = identifiers.iter().find_map(|id| id.identifier().ok().filter(|id| id.system == "urn:dicom:uid"));
            let uid =
                uid.ok_or_else(|| Outcome::required("ImagingStudy.identifier.where(system = 'urn:dicom:uid').value"))?;
            facts.study = Some(uid.value.trim_start_matches("urn:oid:").to_owned());
        }
        _ => {}
    }
    let patient = root.need("subject")?.reference()?;
    Ok(Read { patient, break_glass: break_glass(&root)?, facts })
}

fn practitioner(root: &Node<'_>, name: &str) -> Result<Option<Identifier>, Outcome> {
    let reference = match name {
        "Encounter" => root.first("participant")?.and_then(|participant| participant.get("individual")),
        "Procedure" | "MedicationDispense" => root.first("performer")?.and_then(|performer| performer.get("actor")),
        "Invoice" => root.first("participant")?.and_then(|participant| participant.get("actor")),
        "DiagnosticReport" => root.first("performer")?,
        "MedicationRequest" => root.get("requester"),
        _ => root.first("interpreter")?,
    };
    reference.map(|reference| reference.reference()).transpose()
}

fn lines(root: &Node<'_>, name: &str) -> Result<Vec<Line>, Outcome> {
    let amount = || root.extension("billed-amount")?.map(|node| node.need("valueMoney")?.money()).transpose();
    let one = |codes: Option<Node<'_>>, quantity: Option<Node<'_>>| -> Result<Vec<Line>, Outcome> {
        let Some(codes) = codes else { return Ok(Vec::new()) };
        let quantity_milli = quantity.map(|quantity| quantity.need("value")?.milli()).transpose()?;
        Ok(vec![Line { codes: codes.concept()?, quantity_milli, amount: amount()? }])
    };
    match name {
        "Encounter" => Ok(Vec::new()),
        "Procedure" | "DiagnosticReport" => one(Some(root.need("code")?), None),
        "MedicationDispense" => one(Some(root.need("medicationCodeableConcept")?), root.get("quantity")),
        "MedicationRequest" => {
            let quantity = root.get("dispenseRequest").and_then(|request| request.get("quantity"));
            one(Some(root.need("medicationCodeableConcept")?), quantity)
        }
        "ImagingStudy" => one(root.first("procedureCode")?, None),
        _ => root.list("lineItem")?.iter().map(invoice_line).collect(),
    }
}

fn invoice_line(item: &Node<'_>) -> Result<Line, Outcome> {
    let codes = item.need("chargeItemCodeableConcept")?.concept()?;
    let components = item.list("priceComponent")?;
    let base = components.iter().find(|node| node.value.get("type").and_then(Value::as_str) == Some("base"));
    let component =
        base.ok_or_else(|| Outcome::required(format!("{}.priceComponent.where(type = 'base')", item.path)))?;
    let amount = component.get("amount").map(|amount| amount.money()).transpose()?;
    let quantity_milli = component.get("factor").map(|factor| factor.milli()).transpose()?;
    Ok(Line { codes, quantity_milli, amount })
}

fn break_glass(root: &Node<'_>) -> Result<Option<BreakGlass>, Outcome> {
    let Some(node) = root.extension("break-glass")? else { return Ok(None) };
    let code = node.need("valueCode")?;
    match code.text()? {
        "emergency" => Ok(Some(BreakGlass::Emergency)),
        "incapacity" => Ok(Some(BreakGlass::Incapacity)),
        "legal-duty" => Ok(Some(BreakGlass::LegalDuty)),
        _ => Err(Outcome::invalid(code.path, "emergency, incapacity or legal-duty is needed")),
    }
}
