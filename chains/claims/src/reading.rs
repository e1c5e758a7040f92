//! From state to evidence. One function reads it, for the portal that gathers and for the verifier that recomputes:
//! they differ only in where names, values and fields come from.

use erm::{Asker, Category, EventRecord, Id, Key, Mode, PartyRecord, PatientRecord, Purpose, Query};
use ledger::{Digest, PublicKey, VrfOutput, VrfPublicKey};

use crate::proofs::FingerprintPlace;
use crate::{
    Claim, Claimed, Day, Error, Event, Evidence, Fields, Kind, OpenedIdentifier, Rules, Slot, fingerprint_places,
};

/// Most events of one facility, patient, day and kind, and most claims of one line.
pub const SAME_MAX: u32 = 1_000;

/// What a claim is read for.
#[derive(Debug, Clone)]
pub(crate) struct Inquiry<'a> {
    pub(crate) network: Digest,
    pub(crate) portal: &'a Id,
    pub(crate) claim: &'a Claim,
    pub(crate) rules: &'a Rules,
    pub(crate) as_of_ms: i64,
}

/// Where values, names and fields come from.
pub(crate) trait Source {
    /// What stands under a key of the state.
    fn value(&mut self, key: &Key) -> Result<Option<Vec<u8>>, Error>;
    /// The key of the n-th event.
    fn event(&mut self, names: &Names, day: Day, kind: Kind, n: u32) -> Result<VrfOutput, Error>;
    /// The fields of a recorded event, as far as they are open.
    fn fields(&mut self, place: (Day, Kind, u32), key: VrfOutput, record: &EventRecord) -> Result<Fields, Error>;
    /// The key of the n-th fingerprint.
    fn fingerprint(&mut self, names: &Names, place: &FingerprintPlace) -> Result<VrfOutput, Error>;
}

/// What names of events are made from: the patient and the facility's VRF key.
pub(crate) struct Names {
    pub(crate) patient: PublicKey,
    pub(crate) key: VrfPublicKey,
}

impl Names {
    pub(crate) fn event(&self, network: &Digest, day: Day, kind: Kind, n: u32) -> Digest {
        erm::event_input(network, &self.patient, day.0, kind, n)
    }

    pub(crate) fn fingerprint(&self, network: &Digest, (day, kind, code, n): &FingerprintPlace) -> Digest {
        erm::fingerprint_input(network, &self.patient, day.0, *kind, &code.to_string(), *n)
    }
}

/// What was read.
pub(crate) struct Reading {
    /// What the checks look at.
    pub(crate) evidence: Evidence,
    /// The portal's member.
    pub(crate) portal: PartyRecord,
}

/// Reads the evidence. Consent comes first: where it is missing, nothing further is looked at.
pub(crate) fn read(
    source: &mut impl Source,
    inquiry: &Inquiry<'_>,
    patient: &PublicKey,
    identifier: &OpenedIdentifier,
) -> Result<Reading, Error> {
    let claim = inquiry.claim;
    let nothing = Evidence { consent: false, identifier: None, standing: vec![], slots: vec![], claimed: vec![] };
    let portal = party(source, inquiry.portal.as_str())?
        .ok_or_else(|| Error::refused("portal", format!("{} is no member", inquiry.portal)))?;
    if !consent(source, inquiry, patient)? {
        return Ok(Reading { evidence: nothing, portal });
    }
    let Some(record) = typed::<PatientRecord>(source, &Key::Patient(*patient))? else {
        return Ok(Reading { evidence: nothing, portal });
    };
    identifier.verify(&inquiry.network, &record.identity)?;
    let mut evidence = Evidence { consent: true, identifier: Some(identifier.identifier.clone()), ..nothing };
    let Some(provider) = party(source, &claim.provider)? else { return Ok(Reading { evidence, portal }) };
    evidence.standing = claim.items.iter().map(|item| (item.day, provider.good_standing_on(item.day.0))).collect();
    evidence.standing.sort_unstable();
    evidence.standing.dedup();
    let Some(keys) = provider.keys.last() else { return Ok(Reading { evidence, portal }) };
    let names = Names { patient: *patient, key: keys.vrf };
    for (day, kind) in claim.places() {
        evidence.slots.push(slot(source, &names, day, kind)?);
    }
    for (day, kind, code) in fingerprint_places(claim, &evidence, inquiry.rules) {
        let mut present = Vec::new();
        for n in 0..=SAME_MAX {
            let key = source.fingerprint(&names, &(day, kind, code.clone(), n))?;
            match source.value(&Key::Fingerprint(key))? {
                Some(_) => present.push(key.0),
                None => break,
            }
        }
        evidence.claimed.push(Claimed { day, kind, code, present });
    }
    Ok(Reading { evidence, portal })
}

/// Check 3: the insurer may read every category that the claim touches, for its days of service, now.
fn consent(source: &mut impl Source, inquiry: &Inquiry<'_>, patient: &PublicKey) -> Result<bool, Error> {
    let insurer = Id::new(inquiry.claim.insurer.as_str()).map_err(|error| Error::refused("claim.insurer", error))?;
    let mut permitted = true;
    let record = party(source, insurer.as_str())?;
    let needed = inquiry.claim.items.iter().flat_map(|item| {
        let encounter = inquiry.claim.encounter_place(item).map(|(_, kind)| (item.day, kind));
        [Some(item.place()), encounter].into_iter().flatten()
    });
    let mut needed: Vec<(Day, Kind)> = needed.collect();
    needed.sort_unstable();
    needed.dedup();
    for (day, kind) in needed {
        let query = Query {
            patient: *patient,
            asker: Asker::Party(insurer.clone()),
            category: Category::of_event(kind),
            purpose: Purpose::Claim,
            mode: Mode::Read,
            service_day: Some(day.0),
            now_ms: inquiry.as_of_ms,
        };
        let mut held = erm::Evidence { party: record.clone(), ..Default::default() };
        for key in query.keys(record.as_ref()) {
            match &key {
                Key::Patient(_) => held.patient = typed(source, &key)?,
                Key::Consent { grantee: erm::Grantee::Party(_), .. } => held.for_party = typed(source, &key)?,
                Key::Consent { .. } => held.for_role = typed(source, &key)?,
                _ => {}
            }
        }
        // All of them are looked at, so that a refusal takes the same steps whatever is missing.
        permitted &= erm::decide(&query, &held).permitted;
    }
    Ok(permitted)
}

fn slot(source: &mut impl Source, names: &Names, day: Day, kind: Kind) -> Result<Slot, Error> {
    let mut events = Vec::new();
    for n in 0..=SAME_MAX {
        let key = source.event(names, day, kind, n)?;
        let Some(record) = typed::<EventRecord>(source, &Key::Event(key))? else {
            return Ok(Slot { day, kind, absent: key.0, events });
        };
        events.push(Event {
            key: key.0,
            signed_by: record.facility.to_string(),
            numbers: record.event.fields.iter().map(|(number, _)| *number).collect(),
            fields: source.fields((day, kind, n), key, &record)?,
        });
    }
    Err(Error::refused("evidence.events", format!("more than {SAME_MAX} events of one day and kind")))
}

fn party(source: &mut impl Source, id: &str) -> Result<Option<PartyRecord>, Error> {
    let id = Id::new(id).map_err(|error| Error::refused("claim.provider", error))?;
    typed(source, &Key::Party(id))
}

pub(crate) fn typed<T: borsh::BorshSerialize + borsh::BorshDeserialize>(
    source: &mut impl Source,
    key: &Key,
) -> Result<Option<T>, Error> {
    let value = source.value(key)?;
    let decode =
        |bytes: Vec<u8>| ledger::decode("state value", &bytes).map_err(|error| Error::refused("evidence.state", error));
    value.map(decode).transpose()
}
