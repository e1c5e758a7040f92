//! A FHIR Consent, narrowed to one decision for one grantee, category and purpose.

use claims::Identifier;
use erm::{Category, Consent, ConsentAct, EventKind, Grantee, Id, Mode, Purpose, Role};
use serde_json::Value;

use super::node::Node;
use crate::Outcome;

/// A consent with whose it is, and what signs it.
pub(crate) struct Read {
    pub(crate) patient: Identifier,
    pub(crate) consent: Consent,
    /// The transaction's body and signature in hex, where the patient has signed.
    pub(crate) signed: Option<(String, String)>,
}

/// Reads a Consent. `provision.type` permit grants, deny denies; `status` inactive revokes.
pub(crate) fn read(value: &Value) -> Result<Read, Outcome> {
    let root = Node::root(value);
    let provision = root.need("provision")?;
    let status = root.need("status")?;
    let kind = provision.need("type")?;
    let decision = match (status.text()?, kind.text()?) {
        ("active", "permit") => ConsentAct::Grant,
        ("active", "deny") => ConsentAct::Deny,
        ("inactive" | "rejected", "permit" | "deny") => ConsentAct::Revoke,
        ("active", _) => return Err(Outcome::invalid(kind.path, "permit or deny is needed")),
        _ => return Err(Outcome::invalid(status.path, "active or inactive is needed")),
    };
    let actor = provision.first("actor")?.ok_or_else(|| Outcome::required("Consent.provision.actor"))?;
    let class = provision.first("class")?.ok_or_else(|| Outcome::required("Consent.provision.class"))?;
    let purpose = provision.first("purpose")?.ok_or_else(|| Outcome::required("Consent.provision.purpose"))?;
    let days = provision.get("dataPeriod");
    let day = |key: &str| days.as_ref().and_then(|days| days.get(key)).map(|day| day.day()).transpose();
    let expires = provision.get("period").and_then(|period| period.get("end"));
    let consent = Consent {
        grantee: grantee(&actor)?,
        category: category(&class)?,
        purpose: code(&purpose, &PURPOSES)?,
        decision,
        mode: mode(&provision)?,
        service_from_day: day("start")?.map(|day| day.0),
        service_to_day: day("end")?.map(|day| day.0),
        expires_ms: expires.map(|end| end.instant()).transpose()?.map(|(instant, _)| instant),
    };
    let signed = match root.extension("signed-transaction")? {
        Some(node) => {
            let part = |url: &str| -> Result<String, Outcome> {
                let parts = node.list("extension")?;
                let part = parts.iter().find(|part| part.value.get("url").and_then(Value::as_str) == Some(url));
                let value = part.and_then(|part| part.value.get("valueString")).and_then(Value::as_str);
                value
                    .map(str::to_owned)
                    .ok_or_else(|| Outcome::required(format!("{}.extension.where(url = '{url}')", node.path)))
            };
            Some((part("body")?, part("signature")?))
        }
        None => None,
    };
    Ok(Read { patient: root.need("patient")?.reference()?, consent, signed })
}

const PURPOSES: [(&str, Purpose); 5] = [
    ("TREAT", Purpose::Treatment),
    ("CLMATTCH", Purpose::Claim),
    ("COVERAGE", Purpose::Quote),
    ("HRESCH", Purpose::Research),
    ("PUBHLTH", Purpose::PublicHealth),
];

/// A Coding's code, out of a list.
fn code<T: Copy>(node: &Node<'_>, codes: &[(&str, T)]) -> Result<T, Outcome> {
    let code = node.need("code")?;
    let text = code.text()?;
    let found = codes.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = codes.iter().map(|(name, _)| *name).collect();
        Outcome::invalid(code.path, format!("one of {} is needed", names.join(", ")))
    })
}

fn grantee(actor: &Node<'_>) -> Result<Grantee, Outcome> {
    let reference = actor.need("reference")?;
    let id = reference.reference()?;
    if id.system == super::reference_system("Role") {
        let role: Result<Role, _> = serde_json::from_value(Value::String(id.value));
        return role.map(Grantee::Role).map_err(|_| Outcome::invalid(reference.path, "this role is unknown"));
    }
    let party =
        Id::new(reference.party()?).map_err(|error| Outcome::invalid(reference.path.clone(), error.to_string()))?;
    Ok(Grantee::Party(party))
}

/// A category of events by its kind, of readings by its name.
fn category(class: &Node<'_>) -> Result<Category, Outcome> {
    let node = class.need("code")?;
    let text = node.text()?;
    let kind = EventKind::ALL.into_iter().find(|kind| claims::kind_name(*kind) == text).map(Category::of_event);
    let own = match text {
        "personal" => Some(Category::PERSONAL),
        "insurance" => Some(Category::INSURANCE),
        "parameters" => Some(Category::PARAMETERS),
        "scores" => Some(Category::SCORES),
        _ => None,
    };
    let reading = vitals::Category::from_name(text).map(|category| Category(category.id()));
    kind.or(own).or(reading).ok_or_else(|| Outcome::invalid(node.path, "this category is unknown"))
}

fn mode(provision: &Node<'_>) -> Result<Mode, Outcome> {
    let mut mode = Mode::Read;
    for action in provision.list("action")? {
        for coding in action.concept()? {
            match coding.code.as_str() {
                "access" | "disclose" => {}
                "correct" | "use" => mode = Mode::ReadWrite,
                _ => return Err(Outcome::invalid(action.path, "access, disclose, use or correct is needed")),
            }
        }
    }
    Ok(mode)
}
