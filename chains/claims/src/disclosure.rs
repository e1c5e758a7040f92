//! Which fields a receipt must open: those that the findings stand on, and no more.
//!
//! The portal opens them; the verifier refuses a receipt that keeps one of them closed. So a finding that says
//! "there is no such thing" cannot rest on looking away.

use std::collections::{BTreeMap, BTreeSet};

use ledger::Digest;

use crate::checks::{Rules, matching_lines};
use crate::event::field;
use crate::evidence::{Event, Evidence};
use crate::finding::{Code, Finding};
use crate::{Claim, Item};

/// Field numbers by the event's key.
pub type Open = BTreeMap<Digest, BTreeSet<u16>>;

/// The fields that must be open for these findings; an event that is not needed is not listed.
///
/// Of an item without findings: the lines that document it, who took part, one encounter that holds the day.
/// Where something differs or is missing: all codes of that day and kind, all encounters' periods.
pub fn needed(claim: &Claim, evidence: &Evidence, rules: &Rules, findings: &[Finding]) -> Open {
    let mut open = Open::new();
    for item in &claim.items {
        let has = |codes: &[Code]| findings.iter().any(|f| f.item == Some(item.sequence) && codes.contains(&f.code));
        if let Some(slot) = claim.encounter_place(item).and_then(|place| evidence.slot(place)) {
            let nothing_holds = has(&[Code::EncounterMissing, Code::EncounterPeriod]);
            for event in encounters(item, &slot.events, nothing_holds) {
                let period: &[u16] = if event.is_encounter() { &[field::FROM, field::TO] } else { &[] };
                want(&mut open, event, [field::DOCUMENT].iter().chain(period).copied());
            }
        }
        let Some(slot) = evidence.slot(item.place()) else { continue };
        use Code::{AmountDiffers, BillMissing, Duplicate, NotDocumented, ProviderDiffers};
        if has(&[NotDocumented, ProviderDiffers, AmountDiffers, BillMissing, Duplicate]) {
            for event in &slot.events {
                want(&mut open, event, event.numbers.iter().copied().filter(|number| is_code(*number)));
            }
        }
        for (event, line) in matching_lines(item, &slot.events, rules) {
            let of_event = [field::DOCUMENT, field::PRACTITIONER];
            let of_line = [field::LINE_CODE, field::LINE_AMOUNT].into_iter().chain(other_codes());
            want(&mut open, event, of_event.into_iter().chain(of_line.map(|within| line.0 * field::LINE + within)));
        }
    }
    open
}

/// The evidence as it looks when only these fields are open.
pub fn disclosed(evidence: &Evidence, open: &Open) -> Evidence {
    let mut evidence = evidence.clone();
    for event in evidence.slots.iter_mut().flat_map(|slot| &mut slot.events) {
        let numbers = open.get(&event.key);
        event.fields.retain(|number, _| numbers.is_some_and(|numbers| numbers.contains(number)));
    }
    evidence
}

/// The first field that ought to be open and is not.
pub(crate) fn kept_closed(
    claim: &Claim,
    evidence: &Evidence,
    rules: &Rules,
    findings: &[Finding],
) -> Option<(Digest, u16)> {
    let open = needed(claim, evidence, rules, findings);
    let events: BTreeMap<Digest, &Event> =
        evidence.slots.iter().flat_map(|slot| &slot.events).map(|event| (event.key, event)).collect();
    let closed = |(key, number): &(Digest, u16)| !events.get(key).is_some_and(|e| e.fields.contains_key(number));
    open.into_iter().flat_map(|(key, numbers)| numbers.into_iter().map(move |number| (key, number))).find(closed)
}

fn want(open: &mut Open, event: &Event, numbers: impl Iterator<Item = u16>) {
    open.entry(event.key).or_default().extend(numbers.filter(|number| event.numbers.contains(number)));
}

/// One encounter that holds the day is enough; where none does, all events are needed to see it.
fn encounters<'a>(item: &Item, events: &'a [Event], nothing_holds: bool) -> Vec<&'a Event> {
    if nothing_holds {
        return events.iter().collect();
    }
    events.iter().find(|event| event.is_encounter() && event.holds(item.day)).into_iter().collect()
}

fn other_codes() -> std::ops::Range<u16> {
    field::LINE_OTHER_CODES..field::LINE_OTHER_CODES + field::LINE_CODES_MAX
}

fn is_code(number: u16) -> bool {
    let within = number % field::LINE;
    number >= field::LINE && (within == field::LINE_CODE || other_codes().contains(&within))
}
