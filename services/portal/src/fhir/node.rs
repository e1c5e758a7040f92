//! A place in a JSON resource that knows its own FHIRPath.

use claims::{Coding, Day, Identifier, Money, TEXT_BYTES_MAX};
use serde_json::Value;

use super::{extension, reference_system, time};
use crate::Outcome;

/// Most elements of a list that are looked at.
const LIST_MAX: usize = 1_000;

/// A value and where it stands.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a Value,
    pub(crate) path: String,
}

/// Parses a body as a resource of one of these types.
pub(crate) fn resource(body: &[u8], types: &[&str]) -> Result<Value, Outcome> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Outcome::invalid("$this", format!("this is no JSON: line {}, column {}", error.line(), error.column()))
    })?;
    match value.get("resourceType").and_then(Value::as_str) {
        Some(found) if types.contains(&found) => Ok(value),
        _ => Err(Outcome::invalid("$this.resourceType", format!("one of {} is needed", types.join(", ")))),
    }
}

impl<'a> Node<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        let name = value.get("resourceType").and_then(Value::as_str).unwrap_or("$this");
        Self { value, path: name.to_owned() }
    }

    fn wrong(&self, expected: &str) -> Outcome {
        Outcome::invalid(self.path.clone(), format!("{} has to be {expected}", self.path))
    }

    /// A child; absent and null are the same.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Node { value, path: format!("{}.{key}", self.path) })
    }

    pub(crate) fn need(&self, key: &str) -> Result<Node<'a>, Outcome> {
        self.get(key).ok_or_else(|| Outcome::required(format!("{}.{key}", self.path)))
    }

    /// The elements of a list; an absent one is empty.
    pub(crate) fn list(&self, key: &str) -> Result<Vec<Node<'a>>, Outcome> {
        let Some(node) = self.get(key) else { return Ok(Vec::new()) };
        let items = node
            .value
            .as_array()
            .filter(|items| items.len() <= LIST_MAX)
            .ok_or_else(|| node.wrong("a list of at most 1000"))?;
        Ok(items.iter().enumerate().map(|(n, value)| Node { value, path: format!("{}[{n}]", node.path) }).collect())
    }

    pub(crate) fn first(&self, key: &str) -> Result<Option<Node<'a>>, Outcome> {
        Ok(self.list(key)?.into_iter().next())
    }

    pub(crate) fn text(&self) -> Result<&'a str, Outcome> {
        let text = self.value.as_str().filter(|text| !text.is_empty() && text.len() <= TEXT_BYTES_MAX);
        text.ok_or_else(|| self.wrong("a text of 1 to 256 bytes"))
    }

    /// A number as it is written: exact.
    pub(crate) fn decimal(&self) -> Result<String, Outcome> {
        self.value.as_number().map(ToString::to_string).ok_or_else(|| self.wrong("a number"))
    }

    pub(crate) fn milli(&self) -> Result<i64, Outcome> {
        vitals::milli::parse(&self.decimal()?).ok_or_else(|| self.wrong("a number of bounded size"))
    }

    /// The day of a `date` or `dateTime` that names one.
    pub(crate) fn day(&self) -> Result<Day, Outcome> {
        let text = self.text()?;
        let day = text.get(..10).and_then(|day| day.parse().ok());
        day.ok_or_else(|| self.wrong("a date with year, month and day"))
    }

    pub(crate) fn instant(&self) -> Result<(i64, Option<i16>), Outcome> {
        time::parse(self.text()?).ok_or_else(|| self.wrong("a date with a time"))
    }

    /// All codings of a CodeableConcept; at least one has a code.
    pub(crate) fn concept(&self) -> Result<Vec<Coding>, Outcome> {
        let mut codings = Vec::new();
        for coding in self.list("coding")? {
            let system = coding.get("system").map_or(Ok(""), |system| system.text())?.to_owned();
            if let Some(code) = coding.get("code") {
                codings.push(Coding { system, code: code.text()?.to_owned() });
            }
        }
        if codings.is_empty() { Err(Outcome::required(format!("{}.coding.code", self.path))) } else { Ok(codings) }
    }

    pub(crate) fn identifier(&self) -> Result<Identifier, Outcome> {
        let system = self.get("system").map_or(Ok(""), |system| system.text())?.to_owned();
        Ok(Identifier { system, value: self.need("value")?.text()?.to_owned() })
    }

    /// Whom a Reference names: by identifier, else by `Type/id` with our own system of that type.
    pub(crate) fn reference(&self) -> Result<Identifier, Outcome> {
        if let Some(identifier) = self.get("identifier") {
            return identifier.identifier();
        }
        let node = self.need("reference")?;
        match node.text()?.split_once('/') {
            Some((resource, id))
                if !id.is_empty() && !id.contains('/') && resource.bytes().all(|b| b.is_ascii_alphabetic()) =>
            {
                Ok(Identifier { system: reference_system(resource), value: id.to_owned() })
            }
            _ => Err(node.wrong("Type/id, or give an identifier")),
        }
    }

    /// The party that a Reference names.
    pub(crate) fn party(&self) -> Result<String, Outcome> {
        let id = self.reference()?.value;
        erm::Id::new(id.as_str()).map_err(|_| self.wrong("a party's id: 1 to 64 of a-z, 0-9 and '-'"))?;
        Ok(id)
    }

    /// Money, at most two digits after the point.
    pub(crate) fn money(&self) -> Result<Money, Outcome> {
        let value = self.need("value")?;
        let milli = value.milli()?;
        if milli % 10 != 0 || milli < 0 {
            return Err(value.wrong("an amount that is not negative, with at most two digits after the point"));
        }
        let currency = self.need("currency")?;
        Ok(Money {
            minor: milli / 10,
            currency: currency.text()?.parse().map_err(|_| currency.wrong("an ISO 4217 code"))?,
        })
    }

    /// One of our extensions.
    pub(crate) fn extension(&self, name: &str) -> Result<Option<Node<'a>>, Outcome> {
        let url = extension(name);
        let own = |node: &Node<'a>| node.value.get("url").and_then(Value::as_str) == Some(url.as_str());
        Ok(self.list("extension")?.into_iter().find(own))
    }
}
