//! What is claimed, narrowed to what can be held against the record.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{Coding, Day, Identifier, Kind, Money};

/// Most items of one claim.
pub const ITEMS_MAX: usize = 100;

/// A claim. Whatever else the FHIR resource says, only this is checked, committed to and put in the receipt.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The claimant's own identifier of the claim.
    pub id: Identifier,
    /// Who asks: the insurer's party id.
    pub insurer: String,
    /// Who is said to have given the service: the facility's party id.
    pub provider: String,
    /// Whom the service was given to.
    pub patient: Identifier,
    /// Who is said to have given it in person.
    pub practitioner: Option<Identifier>,
    /// First day of the encounter, where the claim names one; else that of each item's service.
    pub encounter_day: Option<Day>,
    /// Day on which the claim was made out.
    pub created: Day,
    /// The lines.
    pub items: Vec<Item>,
}

/// One line of a claim.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Number of the line, as the claim gives it, from 1.
    pub sequence: u32,
    /// Kind of clinical event that documents such a line.
    pub kind: Kind,
    /// Procedure or product.
    pub code: Coding,
    /// Day of service.
    pub day: Day,
    /// How many, in thousandths.
    pub quantity_milli: i64,
    /// What is asked for the line.
    pub amount: Money,
}

impl Item {
    /// Where the event of this line is looked for.
    pub fn place(&self) -> (Day, Kind) {
        (self.day, self.kind)
    }
}

impl Claim {
    /// Where the encounter of an item is looked for: lines of records need one, a dispense or a report is its own.
    pub fn encounter_place(&self, item: &Item) -> Option<(Day, Kind)> {
        (item.kind == Kind::Record).then(|| (self.encounter_day.unwrap_or(item.day), Kind::Record))
    }

    /// Every (day, kind) that the evidence must cover, ascending, each once.
    pub fn places(&self) -> Vec<(Day, Kind)> {
        let mut places: Vec<_> =
            self.items.iter().flat_map(|item| [Some(item.place()), self.encounter_place(item)]).flatten().collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}
