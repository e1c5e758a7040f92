//! What stands behind the evidence: proofs of state, VRF proofs of the names of events, and opened fields.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use erm::{EventRecord, Key, StateProof};
use ledger::{Digest, PublicKey, VrfOutput, VrfProof, VrfPublicKey};
use serde::{Deserialize, Serialize};

use crate::reading::{Names, Source};
use crate::{Coding, Day, Error, Fields, Kind, OpenedField, OpenedIdentifier};

/// One key of the state with what stands under it, and the proof.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    /// The key.
    #[serde(with = "crate::text::canonical")]
    pub key: Key,
    /// The value; `None`: there is none.
    #[serde(with = "crate::text::optional_bytes")]
    pub value: Option<Vec<u8>>,
    /// Shows either.
    #[serde(with = "crate::text::canonical")]
    pub proof: StateProof,
}

/// Shows the name of one event, present or absent, and opens some of its fields.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventWitness {
    /// Day of service.
    pub day: Day,
    /// Kind.
    pub kind: Kind,
    /// Which of that day and kind, from 0.
    pub n: u32,
    /// That the facility's VRF gives the key.
    #[serde(with = "crate::text::canonical")]
    pub vrf: VrfProof,
    /// Opened fields, ascending by number.
    pub opened: Vec<OpenedField>,
}

/// Shows the name of one fingerprint of a claimed line.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FingerprintWitness {
    /// Day of service.
    pub day: Day,
    /// Kind.
    pub kind: Kind,
    /// The code as recorded.
    pub code: Coding,
    /// Which of them, from 0.
    pub n: u32,
    /// That the facility's VRF gives the key.
    #[serde(with = "crate::text::canonical")]
    pub vrf: VrfProof,
}

/// All of it.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proofs {
    /// The patient.
    pub patient: PublicKey,
    /// That the claim's identifier is the patient's.
    pub identifier: OpenedIdentifier,
    /// State, ascending by key, each once.
    pub state: Vec<Proven>,
    /// Events, ascending by day, kind and n.
    pub events: Vec<EventWitness>,
    /// Fingerprints, ascending by day, kind, code and n.
    pub fingerprints: Vec<FingerprintWitness>,
}

/// Which fingerprint.
pub(crate) type FingerprintPlace = (Day, Kind, Coding, u32);

/// Proofs as a source of evidence: whatever is asked for must be there, and whatever is there must have been asked for.
pub(crate) struct Given<'a> {
    network: Digest,
    proofs: &'a Proofs,
    state: BTreeMap<&'a Key, Option<&'a [u8]>>,
    events: BTreeMap<(Day, Kind, u32), &'a EventWitness>,
    fingerprints: BTreeMap<FingerprintPlace, &'a FingerprintWitness>,
    used: BTreeSet<&'a Key>,
    named: usize,
}

impl<'a> Given<'a> {
    /// Checks every state proof against the root, and that everything is in order and there once.
    pub(crate) fn verified(network: Digest, root: &Digest, proofs: &'a Proofs) -> Result<Self, Error> {
        let ascending = |ok: bool, what: &str| {
            if ok { Ok(()) } else { Err(Error::refused(what, "not in ascending order, or one stands twice")) }
        };
        ascending(proofs.state.windows(2).all(|pair| pair[0].key < pair[1].key), "evidence.state")?;
        let place = |witness: &EventWitness| (witness.day, witness.kind, witness.n);
        ascending(proofs.events.windows(2).all(|pair| place(&pair[0]) < place(&pair[1])), "evidence.events")?;
        let line = |w: &'a FingerprintWitness| (w.day, w.kind, &w.code, w.n);
        ascending(proofs.fingerprints.windows(2).all(|p| line(&p[0]) < line(&p[1])), "evidence.fingerprints")?;
        for witness in &proofs.events {
            ascending(witness.opened.windows(2).all(|pair| pair[0].number < pair[1].number), "evidence.events.opened")?;
        }
        for (position, proven) in proofs.state.iter().enumerate() {
            let part = || format!("evidence.state[{position}]");
            let verified = proven.proof.verify(&network, root, &proven.key, proven.value.as_deref());
            verified.map_err(|error| Error::refused(part(), error))?;
        }
        Ok(Self {
            network,
            proofs,
            state: proofs.state.iter().map(|proven| (&proven.key, proven.value.as_deref())).collect(),
            events: proofs.events.iter().map(|witness| (place(witness), witness)).collect(),
            fingerprints: proofs.fingerprints.iter().map(|w| ((w.day, w.kind, w.code.clone(), w.n), w)).collect(),
            used: BTreeSet::new(),
            named: 0,
        })
    }

    /// Refuses parts that nothing asked for: they would look like evidence and be none.
    pub(crate) fn all_used(&self) -> Result<(), Error> {
        if let Some(position) = self.proofs.state.iter().position(|proven| !self.used.contains(&proven.key)) {
            return Err(Error::refused(format!("evidence.state[{position}]"), "it belongs to nothing in the claim"));
        }
        if self.named != self.events.len() + self.fingerprints.len() {
            return Err(Error::refused("evidence.events", "one of them belongs to nothing in the claim"));
        }
        Ok(())
    }

    fn output(&mut self, what: &str, key: &VrfPublicKey, input: &Digest, proof: &VrfProof) -> Result<VrfOutput, Error> {
        self.named += 1;
        key.verify(input, proof).map_err(|error| Error::refused(what, error))
    }
}

impl Source for Given<'_> {
    fn value(&mut self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        match self.state.get_key_value(key) {
            Some((key, value)) => {
                self.used.insert(key);
                Ok(value.map(<[u8]>::to_vec))
            }
            None => Err(Error::refused("evidence.state", format!("what stands under {} is not shown", shown(key)))),
        }
    }

    fn event(&mut self, names: &Names, day: Day, kind: Kind, n: u32) -> Result<VrfOutput, Error> {
        let missing =
            || Error::refused("evidence.events", format!("{} {n} of {day} is not shown", crate::kind_name(kind)));
        let witness = *self.events.get(&(day, kind, n)).ok_or_else(missing)?;
        self.output("evidence.events", &names.key, &names.event(&self.network, day, kind, n), &witness.vrf)
    }

    fn fields(
        &mut self,
        (day, kind, n): (Day, Kind, u32),
        _: VrfOutput,
        record: &EventRecord,
    ) -> Result<Fields, Error> {
        let opened = self.events.get(&(day, kind, n)).map_or(&[][..], |witness| &witness.opened);
        for field in opened {
            field
                .verify(&self.network, &record.event.fields)
                .map_err(|error| Error::refused("evidence.events.opened", error))?;
        }
        Ok(opened.iter().map(|field| (field.number, field.value.clone())).collect())
    }

    fn fingerprint(&mut self, names: &Names, place: &FingerprintPlace) -> Result<VrfOutput, Error> {
        let missing =
            || Error::refused("evidence.fingerprints", format!("{} {} of {} is not shown", place.2, place.3, place.0));
        let witness = *self.fingerprints.get(place).ok_or_else(missing)?;
        self.output("evidence.fingerprints", &names.key, &names.fingerprint(&self.network, place), &witness.vrf)
    }
}

/// A key of the state, for messages.
fn shown(key: &Key) -> String {
    match key {
        Key::Party(id) => format!("party {id}"),
        Key::Patient(_) => "the patient".into(),
        Key::Consent { category, .. } => format!("a consent for category {}", category.0),
        Key::Event(_) => "an event".into(),
        Key::Fingerprint(_) => "a fingerprint".into(),
        Key::Claim(_) => "the claim".into(),
        _ => "a key".into(),
    }
}
