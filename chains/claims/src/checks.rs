//! The checks: a claim and the evidence in, findings out. Nothing is adjudicated; facts are held against the record.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::Digest;
use serde::{Deserialize, Serialize};

use crate::claim::ITEMS_MAX;
use crate::event::Line;
use crate::evidence::{Event, Evidence};
use crate::finding::{Code, Finding};
use crate::values::TEXT_BYTES_MAX;
use crate::{Claim, Coding, Day, Identifier, Item, Kind, kind_name};

/// Numbers of the checks that are run, as published.
pub const CHECKS: [u8; 8] = [1, 2, 3, 5, 6, 7, 9, 10];

/// What the checks allow.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How far a claimed amount may be from the recorded one, in hundredths of the currency.
    pub amount_tolerance_minor: u64,
    /// Pairs of codes that mean the same, ascending, the claimed one first.
    pub code_map: Vec<(Coding, Coding)>,
}

impl Rules {
    /// Whether a recorded code is what is claimed.
    pub fn same(&self, claimed: &Coding, recorded: &Coding) -> bool {
        claimed == recorded || self.code_map.iter().any(|(from, to)| from == claimed && to == recorded)
    }

    /// Whether a line documents an item.
    pub fn documents(&self, item: &Item, line: &Line) -> bool {
        line.codes.iter().any(|code| self.same(&item.code, code))
    }
}

/// Check 1 alone: it needs no evidence, so it can be run before anybody's data is touched.
pub fn schema(claim: &Claim, today: Day) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut refuse = |item: Option<u32>, path: &str, expected: &str, found: String| {
        findings.push(finding(Code::Schema, item, path, expected, found, vec![]));
    };
    let identified =
        |id: &Identifier| (1..=TEXT_BYTES_MAX).contains(&id.value.len()) && id.system.len() <= TEXT_BYTES_MAX;
    if !identified(&claim.id) {
        refuse(None, "Claim.identifier", "an identifier of at most 256 bytes", String::new());
    }
    if !identified(&claim.patient) {
        refuse(None, "Claim.patient.identifier", "an identifier of at most 256 bytes", String::new());
    }
    if claim.practitioner.as_ref().is_some_and(|practitioner| !identified(practitioner)) {
        refuse(None, "Claim.careTeam.provider.identifier", "an identifier of at most 256 bytes", String::new());
    }
    if !is_party_id(&claim.insurer) {
        refuse(None, "Claim.insurer", "a party's id", claim.insurer.chars().take(64).collect());
    }
    if !is_party_id(&claim.provider) {
        refuse(None, "Claim.provider", "a party's id", claim.provider.chars().take(64).collect());
    }
    if claim.items.is_empty() || claim.items.len() > ITEMS_MAX {
        refuse(None, "Claim.item", "1 to 100 items", claim.items.len().to_string());
    }
    let mut sequences = BTreeSet::new();
    for (position, item) in claim.items.iter().enumerate() {
        let number = Some(item.sequence);
        let path = |field: &str| format!("Claim.item[{position}].{field}");
        if item.sequence == 0 || !sequences.insert(item.sequence) {
            refuse(number, &path("sequence"), "a number from 1, each once", item.sequence.to_string());
        }
        if item.code.code.is_empty() || item.code.code.len() > TEXT_BYTES_MAX || item.code.system.len() > TEXT_BYTES_MAX
        {
            refuse(number, &path("productOrService"), "a code of at most 256 bytes", String::new());
        }
        if item.quantity_milli <= 0 {
            refuse(number, &path("quantity"), "more than zero", item.quantity_milli.to_string());
        }
        if item.amount.minor < 0 {
            refuse(number, &path("net"), "no negative amount", item.amount.to_string());
        }
        if item.day > today.plus(1) || item.day > claim.created.plus(1) {
            refuse(number, &path("serviced"), "a day that is not after the claim's", item.day.to_string());
        }
    }
    findings
}

/// All checks on a claim that passed [`schema`]. Consent comes first: without it there is one finding and no other,
/// whatever else is or is not there.
pub fn check(claim: &Claim, evidence: &Evidence, rules: &Rules) -> Vec<Finding> {
    if !evidence.consent {
        return vec![consent_missing()];
    }
    let mut findings = Vec::new();
    if evidence.identifier.as_ref() != Some(&claim.patient) {
        let (path, found) = ("Claim.patient.identifier", "not among the registered identifiers".to_owned());
        findings.push(finding(Code::PatientDiffers, None, path, &claim.patient.to_string(), found, vec![]));
    }
    standing(claim, evidence, &mut findings);
    for position in 0..claim.items.len() {
        item(claim, position, evidence, rules, &mut findings);
    }
    findings
}

/// The one refusal: the same whether the patient, the encounter or the consent is missing.
pub fn consent_missing() -> Finding {
    finding(Code::ConsentMissing, None, "Claim", "a consent in force", "none".to_owned(), vec![])
}

fn standing(claim: &Claim, evidence: &Evidence, findings: &mut Vec<Finding>) {
    for (position, item) in claim.items.iter().enumerate() {
        if !evidence.in_good_standing(item.day) {
            let path = format!("Claim.item[{position}].serviced");
            let found = format!("{} is not on {}", claim.provider, item.day);
            let expected = "a member in good standing on the day of service";
            findings.push(finding(Code::ProviderStanding, Some(item.sequence), &path, expected, found, vec![]));
        }
    }
}

fn item(claim: &Claim, position: usize, evidence: &Evidence, rules: &Rules, findings: &mut Vec<Finding>) {
    let Some(item) = claim.items.get(position) else { return };
    let path = |field: &str| format!("Claim.item[{position}].{field}");
    let mut found = |code: Code, path: String, expected: String, found: String, evidence: Vec<Digest>| {
        findings.push(finding(code, Some(item.sequence), &path, &expected, found, evidence));
    };
    let events = evidence.slot(item.place()).map_or(&[][..], |slot| &slot.events);
    let encounters = claim.encounter_place(item).and_then(|place| evidence.slot(place));
    let absent = |kind: Kind, day: Day| format!("no {} on {day}", kind_name(kind));

    // 5: nothing at all, or no encounter that holds the day.
    if events.is_empty() && encounters.is_none_or(|slot| slot.events.is_empty()) {
        let keys = [evidence.slot(item.place()), encounters].into_iter().flatten().map(|slot| slot.absent);
        let keys: BTreeSet<Digest> = keys.collect();
        let expected = format!("{} of {} on {}", kind_name(item.kind), claim.provider, item.day);
        found(Code::NotFound, path("serviced"), expected, absent(item.kind, item.day), keys.into_iter().collect());
        return;
    }
    if let Some(slot) = encounters {
        let encounters: Vec<&Event> = slot.events.iter().filter(|event| event.is_encounter()).collect();
        if encounters.is_empty() {
            let expected = format!("an encounter that begins on {}", slot.day);
            found(Code::EncounterMissing, "Claim.billablePeriod".into(), expected, "none".into(), vec![slot.absent]);
        } else if !encounters.iter().any(|event| event.holds(item.day)) {
            let periods: Vec<String> = encounters.iter().filter_map(|event| event.period()).map(period_text).collect();
            let keys = encounters.iter().map(|event| event.key).collect();
            let expected = format!("an encounter that holds {}", item.day);
            found(Code::EncounterPeriod, path("serviced"), expected, periods.join(", "), keys);
        }
    }

    // 6: documented, the code equal or mapped.
    let matching = matching_lines(item, events, rules);
    if matching.is_empty() {
        let codes: BTreeSet<String> = events
            .iter()
            .flat_map(Event::lines)
            .flat_map(|(_, line)| line.codes)
            .map(|code| code.to_string())
            .collect();
        let keys = events.iter().map(|event| event.key).collect();
        let codes = if codes.is_empty() { "none".to_owned() } else { codes.into_iter().collect::<Vec<_>>().join(", ") };
        found(Code::NotDocumented, path("productOrService"), item.code.to_string(), codes, keys);
        return;
    }

    // 7: who took part, and signed.
    let keys: BTreeSet<Digest> = matching.iter().map(|(event, _)| event.key).collect();
    let keys: Vec<Digest> = keys.into_iter().collect();
    if let Some(practitioner) = &claim.practitioner {
        let names: BTreeSet<&Identifier> = matching.iter().filter_map(|(event, _)| event.practitioner()).collect();
        if !names.contains(practitioner) {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let names = if names.is_empty() { "nobody named".to_owned() } else { names.join(", ") };
            found(
                Code::ProviderDiffers,
                "Claim.careTeam.provider".into(),
                practitioner.to_string(),
                names,
                keys.clone(),
            );
        }
    }
    if let Some((event, _)) = matching.iter().find(|(event, _)| event.signed_by != claim.provider) {
        found(
            Code::ProviderDiffers,
            "Claim.provider".into(),
            claim.provider.clone(),
            event.signed_by.clone(),
            vec![event.key],
        );
    }

    // 9: the amount that was recorded.
    let amounts: Vec<_> = matching.iter().filter_map(|(_, (_, line))| line.amount).collect();
    let agrees = |amount: &crate::Money| {
        amount.currency == item.amount.currency
            && amount.minor.abs_diff(item.amount.minor) <= rules.amount_tolerance_minor
    };
    if amounts.is_empty() {
        found(Code::BillMissing, path("net"), item.amount.to_string(), "no amount".into(), keys.clone());
    } else if !amounts.iter().any(agrees) {
        let amounts: Vec<String> = amounts.iter().map(ToString::to_string).collect();
        found(Code::AmountDiffers, path("net"), item.amount.to_string(), amounts.join(", "), keys);
    }

    // 10: as many services as are documented may be claimed, whoever pays.
    let services = matching.iter().filter(|(event, _)| !event.is_invoice()).count();
    let documented = if services == 0 { matching.len() } else { services };
    let Some(code) = recorded_code(item, evidence, rules) else { return };
    let present = evidence.claimed(item.day, item.kind, &code);
    let before = same_before(claim, position, evidence, rules);
    if present.len().saturating_add(before) >= documented {
        let text = format!("{documented} documented, {} claimed before", present.len().saturating_add(before));
        found(Code::Duplicate, path("productOrService"), "a service not yet claimed".into(), text, present.to_vec());
        return;
    }
    for shift in [-1, 1] {
        let near = evidence.claimed(item.day.plus(shift), item.kind, &code);
        if !near.is_empty() {
            let text = format!("claimed for {}", item.day.plus(shift));
            found(
                Code::NearDuplicate,
                path("serviced"),
                "no claim for the day before or after".into(),
                text,
                near.to_vec(),
            );
        }
    }
}

/// The code under which an item is documented: the main one of the first line that documents it, so that one service
/// has one fingerprint, whichever of its codes is claimed.
pub fn recorded_code(item: &Item, evidence: &Evidence, rules: &Rules) -> Option<Coding> {
    let slot = evidence.slot(item.place())?;
    matching_lines(item, &slot.events, rules).first().and_then(|(_, (_, line))| line.codes.first().cloned())
}

/// How many items before this one are documented on the same day under the same code.
pub fn same_before(claim: &Claim, position: usize, evidence: &Evidence, rules: &Rules) -> usize {
    let Some(item) = claim.items.get(position) else { return 0 };
    let code = recorded_code(item, evidence, rules);
    let same = |other: &&Item| other.place() == item.place() && recorded_code(other, evidence, rules) == code;
    claim.items.iter().take(position).filter(same).count()
}

/// Every (day, kind, code) whose fingerprints the evidence must cover: of each documented item, the day of service,
/// the day before and the day after. Ascending, each once.
pub fn fingerprint_places(claim: &Claim, evidence: &Evidence, rules: &Rules) -> Vec<(Day, Kind, Coding)> {
    let of_item = |item: &Item| {
        let code = recorded_code(item, evidence, rules)?;
        Some([-1, 0, 1].map(|shift| (item.day.plus(shift), item.kind, code.clone())))
    };
    let places: BTreeSet<_> = claim.items.iter().filter_map(of_item).flatten().collect();
    places.into_iter().collect()
}

/// The lines that document an item, with their events.
pub(crate) fn matching_lines<'a>(item: &Item, events: &'a [Event], rules: &Rules) -> Vec<(&'a Event, (u16, Line))> {
    let lines = events.iter().flat_map(|event| event.lines().into_iter().map(move |line| (event, line)));
    lines.filter(|(_, (_, line))| rules.documents(item, line)).collect()
}

fn period_text((from, to): (Day, Option<Day>)) -> String {
    to.map_or_else(|| format!("from {from}"), |to| format!("{from} to {to}"))
}

fn finding(code: Code, item: Option<u32>, path: &str, expected: &str, found: String, evidence: Vec<Digest>) -> Finding {
    let severity = code.severity();
    Finding { code, severity, item, path: path.to_owned(), expected: expected.to_owned(), found, evidence }
}

/// 1 to 64 of `a-z 0-9 -`.
fn is_party_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
