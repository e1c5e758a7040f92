//! A FHIR Claim, narrowed.

use claims::{Claim, Identifier, Item, Kind, Money};
use serde_json::Value;

use super::node::{Node, resource};
use crate::Outcome;

/// Benefit categories of HL7's example code system that name another kind of event than a record.
const CATEGORIES: &str = "http://terminology.hl7.org/CodeSystem/ex-benefitcategory";

/// Reads a Claim, or Parameters with a parameter `resource` that is one.
pub(crate) fn read(body: &[u8]) -> Result<Claim, Outcome> {
    let value = resource(body, &["Claim", "Parameters"])?;
    if value.get("resourceType").and_then(Value::as_str) == Some("Claim") {
        return claim(&Node::root(&value));
    }
    for parameter in Node::root(&value).list("parameter")? {
        if parameter.value.get("name").and_then(Value::as_str) == Some("resource") {
            let inner = parameter.need("resource")?;
            if inner.value.get("resourceType").and_then(Value::as_str) == Some("Claim") {
                return claim(&Node::root(inner.value));
            }
        }
    }
    Err(Outcome::required("Parameters.parameter.where(name = 'resource').resource"))
}

fn claim(root: &Node<'_>) -> Result<Claim, Outcome> {
    let id = match root.first("identifier")? {
        Some(identifier) => identifier.identifier()?,
        None => Identifier {
            system: String::new(),
            value: root.need("id").map_err(|_| Outcome::required("Claim.identifier"))?.text()?.to_owned(),
        },
    };
    let pharmacy = match root.get("type") {
        Some(kind) => kind.concept()?.iter().any(|coding| coding.code == "pharmacy"),
        None => return Err(Outcome::required("Claim.type")),
    };
    let practitioner = match root.first("careTeam")? {
        Some(member) => Some(member.need("provider")?.reference()?),
        None => None,
    };
    let encounter_day =
        root.get("billablePeriod").and_then(|period| period.get("start")).map(|start| start.day()).transpose()?;
    let items = root.list("item")?;
    Ok(Claim {
        id,
        insurer: root.need("insurer")?.party()?,
        provider: root.need("provider")?.party()?,
        patient: root.need("patient")?.reference()?,
        practitioner,
        encounter_day,
        created: root.need("created")?.day()?,
        items: items.iter().map(|node| item(node, pharmacy)).collect::<Result<_, _>>()?,
    })
}

fn item(node: &Node<'_>, pharmacy: bool) -> Result<Item, Outcome> {
    let sequence = node.need("sequence")?;
    let number = sequence.value.as_u64().and_then(|number| u32::try_from(number).ok());
    let number = number.ok_or_else(|| Outcome::invalid(sequence.path.clone(), "a whole number is needed"))?;
    let codes = node.need("productOrService")?.concept()?;
    let code = codes.into_iter().next().ok_or_else(|| Outcome::required(format!("{}.productOrService", node.path)))?;
    let day = match node.get("servicedDate") {
        Some(date) => date.day()?,
        None => match node.get("servicedPeriod") {
            Some(period) => period.need("start")?.day()?,
            None => return Err(Outcome::required(format!("{}.servicedDate", node.path))),
        },
    };
    let quantity_milli = match node.get("quantity") {
        Some(quantity) => quantity.need("value")?.milli()?,
        None => 1_000,
    };
    Ok(Item {
        sequence: number,
        kind: kind(node, pharmacy)?,
        code,
        day,
        quantity_milli,
        amount: amount(node, quantity_milli)?,
    })
}

/// `net`, else `unitPrice` times the quantity.
fn amount(node: &Node<'_>, quantity_milli: i64) -> Result<Money, Outcome> {
    if let Some(net) = node.get("net") {
        return net.money();
    }
    let unit = node.get("unitPrice").ok_or_else(|| Outcome::required(format!("{}.net", node.path)))?.money()?;
    let product = i128::from(unit.minor) * i128::from(quantity_milli);
    match i64::try_from(product / 1_000) {
        Ok(minor) if product % 1_000 == 0 => Ok(Money { minor, ..unit }),
        _ => Err(Outcome::invalid(format!("{}.net", node.path), "unit price times quantity gives no amount; send net")),
    }
}

fn kind(node: &Node<'_>, pharmacy: bool) -> Result<Kind, Outcome> {
    if pharmacy {
        return Ok(Kind::PharmacyBill);
    }
    let codings = node.get("category").map(|category| category.concept()).transpose()?.unwrap_or_default();
    let has = |code: &str| codings.iter().any(|coding| coding.system == CATEGORIES && coding.code == code);
    Ok(if has("4") {
        Kind::Image
    } else if has("5") {
        Kind::TestReport
    } else {
        Kind::Record
    })
}
