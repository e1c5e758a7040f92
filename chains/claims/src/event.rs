//! The fields of a clinical event: what is committed to on the record chain, and how single fields are opened later.
//!
//! A document becomes a set of numbered fields; each field is committed to under its own salt, so that a facility can
//! open exactly the ones that a claim needs. The document itself, its salts and its fields lie sealed in the blob store.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, PublicKey, Salt, SaltSeed};
use serde::{Deserialize, Serialize};

use crate::values::TEXT_BYTES_MAX;
use crate::{Coding, Day, Error, Identifier, Kind, Money, kind_name};

pub use erm::FIELDS_MAX;

/// Numbers of the fields. They are part of the format and never reused.
pub mod field {
    /// The patient's public key.
    pub const PATIENT: u16 = 1;
    /// Day of service.
    pub const DAY: u16 = 2;
    /// The facility's party id.
    pub const FACILITY: u16 = 3;
    /// What kind of document it is: the FHIR resource type.
    pub const DOCUMENT: u16 = 4;
    /// Who took part.
    pub const PRACTITIONER: u16 = 5;
    /// First day of the period.
    pub const FROM: u16 = 6;
    /// Last day of the period; left out while it lasts.
    pub const TO: u16 = 7;
    /// The encounter that it belongs to.
    pub const ENCOUNTER: u16 = 8;
    /// The prescription that was dispensed.
    pub const PRESCRIPTION: u16 = 9;
    /// The sum of a bill.
    pub const TOTAL: u16 = 10;
    /// The DICOM study instance UID of images.
    pub const STUDY: u16 = 11;

    /// Lines have the fields `LINE × n + …`, n from 1 to [`LINES_MAX`].
    pub const LINE: u16 = 256;
    /// Most lines of one event.
    pub const LINES_MAX: u16 = 64;
    /// Of a line: procedure or product.
    pub const LINE_CODE: u16 = 1;
    /// Of a line: how many, in thousandths.
    pub const LINE_QUANTITY: u16 = 2;
    /// Of a line: what it costs.
    pub const LINE_AMOUNT: u16 = 3;
    /// Of a line: the same procedure or product in another code system; up to [`LINE_CODES_MAX`] in a row.
    pub const LINE_OTHER_CODES: u16 = 16;
    /// Most codings of a line beside the first.
    pub const LINE_CODES_MAX: u16 = 4;
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Value {
    /// A public key.
    Key(PublicKey) = 0,
    /// A civil day.
    Day(Day) = 1,
    /// A text.
    Text(String) = 2,
    /// An identifier.
    Identifier(Identifier) = 3,
    /// A code.
    Code(Coding) = 4,
    /// A quantity in thousandths.
    QuantityMilli(i64) = 5,
    /// An amount.
    Money(Money) = 6,
}

/// Fields by number.
pub type Fields = BTreeMap<u16, Value>;

/// One line of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Procedure or product, in as many code systems as the document names; the first is the main one.
    pub codes: Vec<Coding>,
    /// How many, in thousandths.
    pub quantity_milli: Option<i64>,
    /// What it costs.
    pub amount: Option<Money>,
}

/// What a document says, before it becomes fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Kind of event.
    pub kind: Kind,
    /// The patient.
    pub patient: PublicKey,
    /// Day of service.
    pub day: Day,
    /// The facility's party id.
    pub facility: String,
    /// FHIR resource type.
    pub document: String,
    /// Who took part.
    pub practitioner: Option<Identifier>,
    /// First and last day of the period.
    pub period: Option<(Day, Option<Day>)>,
    /// The encounter that it belongs to.
    pub encounter: Option<String>,
    /// The prescription that was dispensed.
    pub prescription: Option<String>,
    /// The sum of a bill.
    pub total: Option<Money>,
    /// DICOM study instance UID.
    pub study: Option<String>,
    /// Lines.
    pub lines: Vec<Line>,
}

impl Facts {
    /// The fields, or what is missing for this kind of event.
    pub fn fields(&self) -> Result<Fields, Error> {
        let refuse = |reason: &str| Error::Malformed { what: "clinical event", reason: reason.into() };
        let mut fields = Fields::from([
            (field::PATIENT, Value::Key(self.patient)),
            (field::DAY, Value::Day(self.day)),
            (field::FACILITY, Value::Text(self.facility.clone())),
            (field::DOCUMENT, Value::Text(self.document.clone())),
        ]);
        let mut put = |number: u16, value: Option<Value>| value.map(|value| fields.insert(number, value));
        put(field::PRACTITIONER, self.practitioner.clone().map(Value::Identifier));
        put(field::FROM, self.period.map(|(from, _)| Value::Day(from)));
        put(field::TO, self.period.and_then(|(_, to)| to).map(Value::Day));
        put(field::ENCOUNTER, self.encounter.clone().map(Value::Text));
        put(field::PRESCRIPTION, self.prescription.clone().map(Value::Text));
        put(field::TOTAL, self.total.map(Value::Money));
        put(field::STUDY, self.study.clone().map(Value::Text));
        if self.lines.len() > usize::from(field::LINES_MAX) {
            return Err(refuse("it has more than 64 lines"));
        }
        for (line, base) in self.lines.iter().zip((1..).map(|n: u16| n * field::LINE)) {
            let Some((first, others)) = line.codes.split_first() else {
                return Err(refuse("a line has no code"));
            };
            if others.len() > usize::from(field::LINE_CODES_MAX) {
                return Err(refuse("a line has more than five codes"));
            }
            put(base + field::LINE_CODE, Some(Value::Code(first.clone())));
            put(base + field::LINE_QUANTITY, line.quantity_milli.map(Value::QuantityMilli));
            put(base + field::LINE_AMOUNT, line.amount.map(Value::Money));
            for (other, number) in others.iter().zip(base + field::LINE_OTHER_CODES..) {
                put(number, Some(Value::Code(other.clone())));
            }
        }
        check_fields(self.kind, &fields)?;
        Ok(fields)
    }
}

/// Checks that the fields are those of the kind's schema, each of its type and bounded.
pub fn check_fields(kind: Kind, fields: &Fields) -> Result<(), Error> {
    let refuse = |reason: String| Err(Error::Malformed { what: "clinical event", reason });
    for (number, value) in fields {
        let fits = match (*number, value) {
            (field::PATIENT, Value::Key(_)) => true,
            (field::DAY | field::FROM | field::TO, Value::Day(_)) => true,
            (
                field::FACILITY | field::DOCUMENT | field::ENCOUNTER | field::PRESCRIPTION | field::STUDY,
                Value::Text(text),
            ) => !text.is_empty() && text.len() <= TEXT_BYTES_MAX,
            (field::PRACTITIONER, Value::Identifier(id)) => {
                !id.value.is_empty() && id.value.len() <= TEXT_BYTES_MAX && id.system.len() <= TEXT_BYTES_MAX
            }
            (field::TOTAL, Value::Money(money)) => money.minor >= 0,
            (number, value) if (field::LINE..field::LINE * (field::LINES_MAX + 1)).contains(&number) => {
                fits_line(number % field::LINE, value)
            }
            _ => false,
        };
        if !fits {
            return refuse(format!("field {number} is unknown, of another type, empty or too long"));
        }
    }
    if fields.len() > FIELDS_MAX {
        return refuse(format!("it has {} fields; {FIELDS_MAX} are allowed", fields.len()));
    }
    let mut needed = vec![field::PATIENT, field::DAY, field::FACILITY, field::DOCUMENT];
    let first_code = field::LINE + field::LINE_CODE;
    match kind {
        Kind::Record if document(fields) == Some("Encounter") => needed.push(field::FROM),
        Kind::Record | Kind::PharmacyBill | Kind::TestReport | Kind::Prescription => needed.push(first_code),
        Kind::Image => needed.push(field::STUDY),
    }
    if let Some(missing) = needed.iter().find(|number| !fields.contains_key(number)) {
        return refuse(format!("field {missing} is missing, which a {} needs", kind_name(kind)));
    }
    if let (Some(Value::Day(from)), Some(Value::Day(to))) = (fields.get(&field::FROM), fields.get(&field::TO))
        && from > to
    {
        return refuse("its period ends before it begins".into());
    }
    Ok(())
}

fn fits_line(number: u16, value: &Value) -> bool {
    const OTHERS: std::ops::Range<u16> = field::LINE_OTHER_CODES..field::LINE_OTHER_CODES + field::LINE_CODES_MAX;
    match (number, value) {
        (field::LINE_QUANTITY, Value::QuantityMilli(quantity)) => *quantity > 0,
        (field::LINE_AMOUNT, Value::Money(money)) => money.minor >= 0,
        (number, Value::Code(code)) if number == field::LINE_CODE || OTHERS.contains(&number) => {
            !code.code.is_empty() && code.code.len() <= TEXT_BYTES_MAX && code.system.len() <= TEXT_BYTES_MAX
        }
        _ => false,
    }
}

/// The document's type among the fields.
pub fn document(fields: &Fields) -> Option<&str> {
    match fields.get(&field::DOCUMENT) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// The lines among the fields, by number of the line; a line of which no code is known is left out.
pub fn lines(fields: &Fields) -> Vec<(u16, Line)> {
    let mut lines: BTreeMap<u16, Line> = BTreeMap::new();
    for (number, value) in fields.range(field::LINE..) {
        let line =
            lines.entry(number / field::LINE).or_insert(Line { codes: vec![], quantity_milli: None, amount: None });
        match value {
            Value::Code(code) => line.codes.push(code.clone()),
            Value::QuantityMilli(quantity) => line.quantity_milli = Some(*quantity),
            Value::Money(money) => line.amount = Some(*money),
            _ => {}
        }
    }
    lines.into_iter().filter(|(_, line)| !line.codes.is_empty()).collect()
}

/// A field with the salt that opens its commitment.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedField {
    /// Its number.
    pub number: u16,
    /// What it holds.
    pub value: Value,
    /// Its salt.
    #[serde(with = "crate::text::canonical")]
    pub salt: Salt,
}

/// The bytes that a field's commitment covers: `number u16 ‖ value`.
fn record(number: u16, value: &Value) -> Vec<u8> {
    ledger::encode(&(number, value))
}

impl OpenedField {
    /// Checks the field against the commitments of its event.
    pub fn verify(&self, network: &Digest, commitments: &[(u16, Digest)]) -> Result<(), Error> {
        let commitment = self.salt.commit(&Chain::record(*network), &record(self.number, &self.value));
        if commitments.contains(&(self.number, commitment)) {
            Ok(())
        } else {
            Err(Error::NotCommitted { field: self.number })
        }
    }
}

/// What lies sealed in the blob store: everything of an event that the record chain only commits to.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Document {
    /// Kind of event.
    pub kind: Kind,
    /// Salts of the fields come from this seed; the salt of a field is that of its number.
    pub seed: SaltSeed,
    /// The fields, ascending by number.
    pub fields: Fields,
    /// The document as it was received.
    pub content: Vec<u8>,
}

impl Document {
    /// The commitments for the transaction, ascending by number.
    pub fn commitments(&self, network: &Digest) -> Vec<(u16, Digest)> {
        let chain = Chain::record(*network);
        let commit = |(number, value): (&u16, &Value)| {
            (*number, self.seed.salt(&chain, u64::from(*number)).commit(&chain, &record(*number, value)))
        };
        self.fields.iter().map(commit).collect()
    }

    /// Opens some fields; those that the event does not have are left out.
    pub fn open(&self, network: &Digest, numbers: impl IntoIterator<Item = u16>) -> Vec<OpenedField> {
        let chain = Chain::record(*network);
        let open = |number: u16| {
            let value = self.fields.get(&number)?.clone();
            Some(OpenedField { number, value, salt: self.seed.salt(&chain, u64::from(number)) })
        };
        numbers.into_iter().filter_map(open).collect()
    }

    /// Bytes for sealing: version 1 and the borsh encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(ledger::encode(self));
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Malformed { what: "document", reason };
        match bytes.split_first() {
            Some((1, rest)) => ledger::decode("document", rest).map_err(|error| refuse(error.to_string())),
            _ => Err(refuse("its version is unknown".into())),
        }
    }
}
