//! Executing transactions: what each payload demands of the state and what it writes.
//!
//! Who may act in a block (keys, standing, roles, authority policy) is what the state **before** the block says;
//! everything else sees the transactions before it in the block.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Digest, PublicKey, Signature};

use crate::members::{self, Changed};
use crate::view::decode_value;
use crate::{
    Action, AnchorHeads, AnchorRecord, Authority, ClaimRecord, ClinicalEvent, Consent, ConsentAct, ConsentRecord,
    Error, EventRecord, FingerprintRecord, Grantee, Id, Key, NodeStore, Outcome, PatientRecord, PatientRegistration,
    Payload, RecordClaim, Refusal, Release, Roster, Sender, Signed, State, TransactionId, Visit, may,
};

/// One signature of a block: whose, over what, and what it is called in a refusal.
pub(crate) struct Check {
    pub(crate) item: (PublicKey, Digest, Signature),
    pub(crate) what: &'static str,
}

pub(crate) struct Execution<'a, S> {
    state: &'a State<S>,
    pub(crate) height: u64,
    pub(crate) time_ms: i64,
    pub(crate) writes: BTreeMap<Digest, Vec<u8>>,
    pub(crate) roster: Option<Roster>,
    pub(crate) authority: Option<Authority>,
    pub(crate) outcomes: Vec<Outcome>,
}

type Writes = Vec<(Key, Vec<u8>)>;

impl<S: NodeStore> State<S> {
    /// Whether the sender may send this now, and all signatures that must verify.
    pub(crate) fn authorise(&self, signed: &Signed, id: &TransactionId) -> Result<Vec<Check>, Refusal> {
        let check =
            |key: PublicKey, digest: Digest, signature: Signature, what| Check { item: (key, digest, signature), what };
        let mut checks = Vec::with_capacity(2);
        let sender = match &signed.body.sender {
            Sender::Patient(key) => *key,
            Sender::Party(party) => {
                let seat = self.roster.party(party).ok_or_else(|| Refusal::PartyUnknown(party.clone()))?;
                if !seat.active {
                    return Err(Refusal::PartySuspended(party.clone()));
                }
                let action = action(&signed.body.payload)?;
                if !may(seat.role, action) {
                    return Err(Refusal::RoleMayNot { role: seat.role, action });
                }
                match &signed.body.payload {
                    Payload::Event(event) => {
                        if let Visit::BreakGlass { .. } = event.visit
                            && !seat.role.is_clinical()
                        {
                            return Err(Refusal::VisitUnsigned);
                        }
                        if let Visit::Patient { one_time, signature } = &event.visit {
                            let digest = event.visit_digest(&self.network, party);
                            checks.push(check(*one_time, digest, *signature, "the visit"));
                        }
                    }
                    Payload::Patient(new) => {
                        let digest =
                            PatientRegistration::digest(&self.network, &new.patient, &new.wrap, &new.identity, party);
                        checks.push(check(new.patient, digest, new.signature, "the patient"));
                    }
                    _ => {}
                }
                seat.signer
            }
            Sender::Authority => {
                let Payload::Membership(membership) = &signed.body.payload else { return Err(Refusal::SenderMayNot) };
                membership.meets(&self.authority)?;
                let digest = membership.decision.digest(&self.network);
                for (key, signature) in &membership.signatures {
                    checks.push(check(*key, digest, *signature, "the authority"));
                }
                membership.signatures.first().map(|(key, _)| *key).ok_or(Refusal::SenderMayNot)?
            }
        };
        checks.push(check(sender, *id, signed.signature, "the sender"));
        Ok(checks)
    }
}

fn action(payload: &Payload) -> Result<Action, Refusal> {
    match payload {
        Payload::Patient(_) => Ok(Action::RegisterPatient),
        Payload::Event(event) => Ok(Action::Record(event.kind)),
        Payload::Claim(_) => Ok(Action::Claim),
        Payload::Anchor(_) => Ok(Action::Anchor),
        Payload::Release(_) => Ok(Action::Release),
        Payload::Membership(_) | Payload::Consent(_) => Err(Refusal::SenderMayNot),
    }
}

impl<'a, S: NodeStore> Execution<'a, S> {
    pub(crate) fn new(state: &'a State<S>, time_ms: i64) -> Self {
        Self {
            state,
            height: state.head.height.saturating_add(1),
            time_ms,
            writes: BTreeMap::new(),
            roster: None,
            authority: None,
            outcomes: Vec::new(),
        }
    }

    /// The sequence that the sender must use next.
    pub(crate) fn next_sequence(&self, sender: &Sender) -> Result<u64, Error> {
        Ok(self.read(&Key::Sequence(sender.clone()))?.unwrap_or(0))
    }

    /// Executes one transaction whose signatures were checked; a refused one leaves nothing behind.
    pub(crate) fn transaction(&mut self, signed: &Signed, id: TransactionId) -> Result<(), Error> {
        let body = &signed.body;
        self.expiry(body.expiry_height)?;
        let (expected, found) = (self.next_sequence(&body.sender)?, body.sequence);
        if found < expected {
            return Err(Refusal::SequenceUsed { expected, found }.into());
        }
        if found > expected {
            return Err(Refusal::SequenceAhead { expected, found }.into());
        }
        let mut writes = self.payload(signed, id)?;
        writes.push((Key::Sequence(body.sender.clone()), ledger::encode(&expected.saturating_add(1))));
        let mut keys = Vec::with_capacity(writes.len());
        for (key, value) in writes {
            self.writes.insert(key.digest(&self.state.network), value);
            keys.push(key);
        }
        self.outcomes.push(Outcome { id, keys });
        Ok(())
    }

    /// Whether a transaction may be executed at this height.
    pub(crate) fn expiry(&self, expiry_height: u64) -> Result<(), Refusal> {
        if expiry_height < self.height {
            return Err(Refusal::Expired { height: self.height, expiry_height });
        }
        let limit = self.height.saturating_add(self.state.genesis.limits.expiry_heights);
        if expiry_height > limit {
            return Err(Refusal::ExpiryTooFar { expiry_height, limit });
        }
        Ok(())
    }

    pub(crate) fn read<T: BorshSerialize + BorshDeserialize>(&self, key: &Key) -> Result<Option<T>, Error> {
        let digest = key.digest(&self.state.network);
        if let Some(bytes) = self.writes.get(&digest) {
            return decode_value(bytes).map(Some);
        }
        let bytes = self.state.store.value(&digest, self.state.head.height)?;
        bytes.map(|bytes| decode_value(&bytes)).transpose()
    }

    /// Whether the key is free. Nothing is ever deleted, so presence is all that counts.
    fn absent(&self, key: &Key) -> Result<bool, Error> {
        let digest = key.digest(&self.state.network);
        Ok(!self.writes.contains_key(&digest) && self.state.store.value(&digest, self.state.head.height)?.is_none())
    }

    fn payload(&mut self, signed: &Signed, id: TransactionId) -> Result<Writes, Error> {
        match (&signed.body.sender, &signed.body.payload) {
            (Sender::Authority, Payload::Membership(membership)) => {
                let roster = self.roster.as_ref().unwrap_or(&self.state.roster);
                let Changed { roster, authority, writes } = members::decide(self, roster, &membership.decision)?;
                self.roster = Some(roster);
                self.authority = authority.or_else(|| self.authority.take());
                Ok(writes)
            }
            (Sender::Party(by), Payload::Patient(registration)) => self.patient(by, registration),
            (Sender::Party(by), Payload::Event(event)) => self.event(by, event, id),
            (Sender::Patient(patient), Payload::Consent(consent)) => self.consent(patient, consent, id),
            (Sender::Party(by), Payload::Claim(claim)) => self.claim(by, claim, id),
            (Sender::Party(by), Payload::Anchor(anchor)) => self.anchor(by, anchor),
            (Sender::Party(by), Payload::Release(release)) => self.release(by, release, id),
            _ => Err(Refusal::SenderMayNot.into()),
        }
    }

    fn patient(&self, by: &Id, registration: &PatientRegistration) -> Result<Writes, Error> {
        let key = Key::Patient(registration.patient);
        if !self.absent(&key)? {
            return Err(Refusal::PatientKnown.into());
        }
        let PatientRegistration { wrap, identity, .. } = *registration;
        let record = PatientRecord { wrap, identity, by: by.clone(), height: self.height, time_ms: self.time_ms };
        Ok(vec![(key, ledger::encode(&record))])
    }

    fn event(&self, by: &Id, event: &ClinicalEvent, transaction: TransactionId) -> Result<Writes, Error> {
        let key = Key::Event(event.key);
        if !self.absent(&key)? {
            return Err(Refusal::EventKnown.into());
        }
        let seat = self.state.roster.party(by).ok_or_else(|| Refusal::PartyUnknown(by.clone()))?;
        let record = EventRecord {
            facility: by.clone(),
            signer: seat.signer,
            height: self.height,
            time_ms: self.time_ms,
            transaction,
            event: event.clone(),
        };
        Ok(vec![(key, ledger::encode(&record))])
    }

    fn consent(&self, patient: &PublicKey, consent: &Consent, transaction: TransactionId) -> Result<Writes, Error> {
        if self.absent(&Key::Patient(*patient))? {
            return Err(Refusal::PatientUnknown.into());
        }
        let key = Key::Consent {
            patient: *patient,
            grantee: consent.grantee.clone(),
            category: consent.category,
            purpose: consent.purpose,
        };
        let record = ConsentRecord {
            consent: consent.clone(),
            released: false,
            height: self.height,
            time_ms: self.time_ms,
            transaction,
        };
        Ok(vec![(key, ledger::encode(&record))])
    }

    fn release(&self, by: &Id, release: &Release, transaction: TransactionId) -> Result<Writes, Error> {
        let key = Key::Consent {
            patient: release.patient,
            grantee: Grantee::Party(by.clone()),
            category: release.category,
            purpose: release.purpose,
        };
        let Some(mut record) = self.read::<ConsentRecord>(&key)? else { return Err(Refusal::GrantUnknown.into()) };
        if record.consent.decision != ConsentAct::Grant {
            return Err(Refusal::GrantUnknown.into());
        }
        record.consent.decision = ConsentAct::Revoke;
        record.released = true;
        record.height = self.height;
        record.time_ms = self.time_ms;
        record.transaction = transaction;
        Ok(vec![(key, ledger::encode(&record))])
    }

    fn claim(&self, by: &Id, claim: &RecordClaim, transaction: TransactionId) -> Result<Writes, Error> {
        let key = Key::Claim(claim.claim);
        if !self.absent(&key)? {
            return Err(Refusal::ClaimKnown.into());
        }
        let (height, time_ms) = (self.height, self.time_ms);
        let record = ClaimRecord { by: by.clone(), response: claim.response, height, time_ms, transaction };
        let mut writes = vec![(key, ledger::encode(&record))];
        for fingerprint in &claim.fingerprints {
            let key = Key::Fingerprint(*fingerprint);
            if !self.absent(&key)? {
                return Err(Refusal::FingerprintKnown(fingerprint.0).into());
            }
            let record = FingerprintRecord { claim: claim.claim, by: by.clone(), height, time_ms };
            writes.push((key, ledger::encode(&record)));
        }
        Ok(writes)
    }

    fn anchor(&self, by: &Id, anchor: &AnchorHeads) -> Result<Writes, Error> {
        let key = Key::Anchor(by.clone());
        let last = self.read::<AnchorRecord>(&key)?;
        let (expected, count) = last.map_or((Digest::ZERO, 0), |last| (last.anchor, last.count));
        if anchor.previous != expected {
            return Err(Refusal::AnchorPrevious { expected, found: anchor.previous }.into());
        }
        let record = AnchorRecord {
            anchor: anchor.anchor(&self.state.network),
            previous: anchor.previous,
            root: anchor.root,
            chains: anchor.chains,
            count: count.saturating_add(1),
            by: by.clone(),
            height: self.height,
            time_ms: self.time_ms,
        };
        Ok(vec![(key, ledger::encode(&record))])
    }
}
