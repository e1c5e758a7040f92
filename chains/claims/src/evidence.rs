//! What the record shows about a claim, as plain values: the checks run on these and on nothing else.
//!
//! The portal fills it from opened documents; the verifier of a receipt fills it from proofs. Both run the same checks.

use ledger::Digest;

use crate::event::{self, Fields, Line, Value, field};
use crate::{Coding, Day, Identifier, Kind};

/// Everything that the checks look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Whether the patient permits this, for every day of service and at the time of the question.
    pub consent: bool,
    /// The identifier that was opened from the patient's registration.
    pub identifier: Option<Identifier>,
    /// The facility's standing on each day of service; days that are not listed count as not in good standing.
    pub standing: Vec<(Day, bool)>,
    /// The places that the claim points to ([`Claim::places`](crate::Claim::places)).
    pub slots: Vec<Slot>,
    /// What was claimed before ([`fingerprint_places`](crate::fingerprint_places)).
    pub claimed: Vec<Claimed>,
}

/// All events of one facility, patient, day and kind: the first absent key after them shows that these were all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Day of service.
    pub day: Day,
    /// Kind of event.
    pub kind: Kind,
    /// Key that is absent from the state.
    pub absent: Digest,
    /// The events in order.
    pub events: Vec<Event>,
}

/// One event with the fields that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its key in the state.
    pub key: Digest,
    /// The party that signed it.
    pub signed_by: String,
    /// Numbers of all its fields, open or closed, ascending: the record chain shows them.
    pub numbers: Vec<u16>,
    /// The fields that are open.
    pub fields: Fields,
}

/// How often a code of a day was claimed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Day of service.
    pub day: Day,
    /// Kind of event.
    pub kind: Kind,
    /// The code as recorded.
    pub code: Coding,
    /// Fingerprints that are present, in order.
    pub present: Vec<Digest>,
}

impl Evidence {
    /// The slot of a place.
    pub fn slot(&self, place: (Day, Kind)) -> Option<&Slot> {
        self.slots.iter().find(|slot| (slot.day, slot.kind) == place)
    }

    /// Fingerprints present at a place.
    pub fn claimed(&self, day: Day, kind: Kind, code: &Coding) -> &[Digest] {
        let found = self.claimed.iter().find(|c| c.day == day && c.kind == kind && c.code == *code);
        found.map_or(&[], |claimed| &claimed.present)
    }

    /// Whether the facility was a member in good standing that day.
    pub fn in_good_standing(&self, day: Day) -> bool {
        self.standing.contains(&(day, true))
    }
}

impl Event {
    /// Whether it is an encounter; `false` also where its type is closed.
    pub fn is_encounter(&self) -> bool {
        event::document(&self.fields) == Some("Encounter")
    }

    /// Whether it is a bill and nothing else.
    pub fn is_invoice(&self) -> bool {
        event::document(&self.fields) == Some("Invoice")
    }

    /// First and last day of the period.
    pub fn period(&self) -> Option<(Day, Option<Day>)> {
        let day = |number| match self.fields.get(&number) {
            Some(Value::Day(day)) => Some(*day),
            _ => None,
        };
        Some((day(field::FROM)?, day(field::TO)))
    }

    /// Whether its period holds the day.
    pub fn holds(&self, day: Day) -> bool {
        self.period().is_some_and(|(from, to)| from <= day && to.is_none_or(|to| day <= to))
    }

    /// Who took part.
    pub fn practitioner(&self) -> Option<&Identifier> {
        match self.fields.get(&field::PRACTITIONER) {
            Some(Value::Identifier(identifier)) => Some(identifier),
            _ => None,
        }
    }

    /// The lines whose codes are open.
    pub fn lines(&self) -> Vec<(u16, Line)> {
        event::lines(&self.fields)
    }
}
