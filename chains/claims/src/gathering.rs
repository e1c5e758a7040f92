//! Gathering the evidence from the live state, step by step, so that whoever keeps documents can fetch them in between.

use std::collections::BTreeMap;

use erm::{EventRecord, Id, Key, StateProof};
use ledger::{Digest, PublicKey, VrfKeyPair, VrfOutput, VrfProof};
use rand_core::{CryptoRng, RngCore};

use crate::disclosure;
use crate::proofs::{EventWitness, FingerprintPlace, FingerprintWitness, Proofs, Proven};
use crate::reading::{Inquiry, Names, Reading, Source, read};
use crate::{
    Claim, Day, Document, Error, Evidence, Fields, Finding, Kind, OpenedIdentifier, Rules, Verdict, agreeing, check,
    recorded_code, verdict,
};

/// The state of one height.
pub trait ProvenState {
    /// What stands under a key, or nothing, with the proof.
    fn prove(&self, key: &Key) -> Result<(Option<Vec<u8>>, StateProof), erm::Error>;
}

impl<S: erm::NodeStore> ProvenState for erm::View<'_, S> {
    fn prove(&self, key: &Key) -> Result<(Option<Vec<u8>>, StateProof), erm::Error> {
        erm::View::prove(self, key)
    }
}

/// What comes next.
pub enum Step {
    /// Consent is missing. Say so and no more.
    Refused,
    /// These events' documents are needed: fetch them, [`supply`](Gathering::supply) them, and step again.
    Documents(Vec<(VrfOutput, EventRecord)>),
    /// Done.
    Answer(Box<Answer>),
}

/// What the checks came to.
pub struct Answer {
    /// The evidence, opened as far as the findings stand on it.
    pub proofs: Proofs,
    /// What was found.
    pub findings: Vec<Finding>,
    /// In one word.
    pub verdict: Verdict,
    /// Fingerprints of the lines that agree with the record, ascending: recording them uses the lines up.
    pub fingerprints: Vec<VrfOutput>,
}

/// One claim's evidence in the making.
pub struct Gathering<'a, S> {
    inquiry: Inquiry<'a>,
    patient: PublicKey,
    identifier: OpenedIdentifier,
    live: Live<'a, S>,
}

struct Live<'a, S> {
    network: Digest,
    state: &'a S,
    vrf: Option<&'a VrfKeyPair>,
    proven: BTreeMap<Key, (Option<Vec<u8>>, StateProof)>,
    events: BTreeMap<(Day, Kind, u32), (VrfOutput, Option<VrfProof>)>,
    fingerprints: BTreeMap<FingerprintPlace, (VrfOutput, Option<VrfProof>)>,
    documents: BTreeMap<VrfOutput, Document>,
    missing: Vec<(VrfOutput, EventRecord)>,
}

impl<'a, S: ProvenState> Gathering<'a, S> {
    /// Starts. `vrf` is the provider's key, `None` where nobody here holds it; `identifier` opens the patient's
    /// registration; `as_of_ms` is the time of the question.
    #[expect(clippy::too_many_arguments, reason = "each is one thing that the evidence stands on")]
    pub fn new(
        network: Digest,
        portal: &'a Id,
        claim: &'a Claim,
        rules: &'a Rules,
        as_of_ms: i64,
        (patient, identifier): (PublicKey, OpenedIdentifier),
        vrf: Option<&'a VrfKeyPair>,
        state: &'a S,
    ) -> Self {
        let live = Live {
            network,
            state,
            vrf,
            proven: BTreeMap::new(),
            events: BTreeMap::new(),
            fingerprints: BTreeMap::new(),
            documents: BTreeMap::new(),
            missing: Vec::new(),
        };
        Self { inquiry: Inquiry { network, portal, claim, rules, as_of_ms }, patient, identifier, live }
    }

    /// Gives the document of an event.
    pub fn supply(&mut self, key: VrfOutput, document: Document) {
        self.live.documents.insert(key, document);
    }

    /// Goes on as far as it can.
    pub fn step(&mut self, rng: &mut (impl CryptoRng + RngCore)) -> Result<Step, Error> {
        self.live.missing.clear();
        let Reading { evidence, .. } = read(&mut self.live, &self.inquiry, &self.patient, &self.identifier)?;
        if !evidence.consent {
            return Ok(Step::Refused);
        }
        if !self.live.missing.is_empty() {
            return Ok(Step::Documents(std::mem::take(&mut self.live.missing)));
        }
        let (claim, rules) = (self.inquiry.claim, self.inquiry.rules);
        let findings = check(claim, &evidence, rules);
        let sequences: Vec<u32> = claim.items.iter().map(|item| item.sequence).collect();
        let verdict = verdict(&sequences, &findings);
        let fingerprints = self.unused(&evidence, &findings)?;
        let open = disclosure::needed(claim, &evidence, rules, &findings);
        let proofs = self.proofs(&open, rng)?;
        Ok(Step::Answer(Box::new(Answer { proofs, findings, verdict, fingerprints })))
    }

    /// The next free fingerprint of each line that agrees.
    fn unused(&mut self, evidence: &Evidence, findings: &[Finding]) -> Result<Vec<VrfOutput>, Error> {
        let (claim, rules) = (self.inquiry.claim, self.inquiry.rules);
        let sequences: Vec<u32> = claim.items.iter().map(|item| item.sequence).collect();
        let agreeing = agreeing(&sequences, findings);
        let mut taken: BTreeMap<(Day, Kind, crate::Coding), u32> = BTreeMap::new();
        let mut outputs = Vec::new();
        let Some(vrf) = self.live.vrf else { return Ok(outputs) };
        let names = Names { patient: self.patient, key: vrf.public() };
        for item in claim.items.iter().filter(|item| agreeing.contains(&item.sequence)) {
            let Some(code) = recorded_code(item, evidence, rules) else { continue };
            let used = evidence.claimed(item.day, item.kind, &code).len();
            let next =
                taken.entry((item.day, item.kind, code.clone())).or_insert(u32::try_from(used).unwrap_or(u32::MAX));
            let place = (item.day, item.kind, code, *next);
            outputs.push(vrf.output(&names.fingerprint(&self.inquiry.network, &place)));
            *next = next.saturating_add(1);
        }
        outputs.sort_unstable();
        Ok(outputs)
    }

    fn proofs(&mut self, open: &disclosure::Open, rng: &mut (impl CryptoRng + RngCore)) -> Result<Proofs, Error> {
        let network = self.inquiry.network;
        let state = self.live.proven.iter();
        let state =
            state.map(|(key, (value, proof))| Proven { key: key.clone(), value: value.clone(), proof: proof.clone() });
        let state = state.collect();
        let (mut events, mut fingerprints) = (Vec::new(), Vec::new());
        if let Some(vrf) = self.live.vrf {
            let names = Names { patient: self.patient, key: vrf.public() };
            for ((day, kind, n), (output, proof)) in &mut self.live.events {
                let input = names.event(&network, *day, *kind, *n);
                let proof = *proof.get_or_insert_with(|| vrf.prove(&input, rng).1);
                let opened = match (open.get(&output.0), self.live.documents.get(output)) {
                    (Some(numbers), Some(document)) => document.open(&network, numbers.iter().copied()),
                    _ => Vec::new(),
                };
                events.push(EventWitness { day: *day, kind: *kind, n: *n, vrf: proof, opened });
            }
            for (place, (_, proof)) in &mut self.live.fingerprints {
                let input = names.fingerprint(&network, place);
                let vrf = *proof.get_or_insert_with(|| vrf.prove(&input, rng).1);
                let (day, kind, code, n) = place.clone();
                fingerprints.push(FingerprintWitness { day, kind, code, n, vrf });
            }
        }
        Ok(Proofs { patient: self.patient, identifier: self.identifier.clone(), state, events, fingerprints })
    }
}

impl<S: ProvenState> Live<'_, S> {
    fn key_of(&self, names: &Names) -> Result<&VrfKeyPair, Error> {
        let held = self.vrf.filter(|vrf| vrf.public() == names.key);
        held.ok_or_else(|| Error::Custody { reason: "the provider's VRF key in force is not held here".into() })
    }
}

impl<S: ProvenState> Source for Live<'_, S> {
    fn value(&mut self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        if let Some((value, _)) = self.proven.get(key) {
            return Ok(value.clone());
        }
        let (value, proof) = self.state.prove(key).map_err(|error| Error::State { reason: error.to_string() })?;
        self.proven.insert(key.clone(), (value.clone(), proof));
        Ok(value)
    }

    fn event(&mut self, names: &Names, day: Day, kind: Kind, n: u32) -> Result<VrfOutput, Error> {
        if let Some((output, _)) = self.events.get(&(day, kind, n)) {
            return Ok(*output);
        }
        let output = self.key_of(names)?.output(&names.event(&self.network, day, kind, n));
        self.events.insert((day, kind, n), (output, None));
        Ok(output)
    }

    fn fields(&mut self, _: (Day, Kind, u32), key: VrfOutput, record: &EventRecord) -> Result<Fields, Error> {
        let Some(document) = self.documents.get(&key) else {
            self.missing.push((key, record.clone()));
            return Ok(Fields::new());
        };
        if document.commitments(&self.network) != record.event.fields {
            return Err(Error::Custody { reason: "a document does not open what the record chain commits to".into() });
        }
        Ok(document.fields.clone())
    }

    fn fingerprint(&mut self, names: &Names, place: &FingerprintPlace) -> Result<VrfOutput, Error> {
        if let Some((output, _)) = self.fingerprints.get(place) {
            return Ok(*output);
        }
        let output = self.key_of(names)?.output(&names.fingerprint(&self.network, place));
        self.fingerprints.insert(place.clone(), (output, None));
        Ok(output)
    }
}
