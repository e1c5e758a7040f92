//! Reading the state at one height.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Digest, PublicKey, VrfOutput};

use crate::access::{Asker, Decision, Evidence, Query, decide};
use crate::{
    AnchorRecord, ChainClock, ClaimRecord, ConsentRecord, Error, EventRecord, FingerprintRecord, Grantee, Id, Key,
    Meta, NodeStore, OperatorRecord, PartyRecord, PatientRecord, Sender, StateProof, tree,
};

/// The state as it was after the block of a height.
#[derive(Debug)]
pub struct View<'a, S> {
    pub(crate) network: Digest,
    pub(crate) store: &'a S,
    pub(crate) height: u64,
}

impl<S> Clone for View<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for View<'_, S> {}

impl<S: NodeStore> View<'_, S> {
    /// The height.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// Root of the state at this height.
    pub fn root(&self) -> Result<Digest, Error> {
        tree::root(self.store, self.height)
    }

    /// The encoded value under a key.
    pub fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        self.store.value(&key.digest(&self.network), self.height)
    }

    /// The encoded value under a key, or none, with the proof against [`root`](Self::root).
    pub fn prove(&self, key: &Key) -> Result<(Option<Vec<u8>>, StateProof), Error> {
        tree::prove(self.store, self.height, &key.digest(&self.network))
    }

    /// Height and time of the last block.
    pub fn clock(&self) -> Result<Option<ChainClock>, Error> {
        self.read(&Key::Meta(Meta::Clock))
    }

    /// A member.
    pub fn party(&self, id: &Id) -> Result<Option<PartyRecord>, Error> {
        self.read(&Key::Party(id.clone()))
    }

    /// An operator.
    pub fn operator(&self, id: &Id) -> Result<Option<OperatorRecord>, Error> {
        self.read(&Key::Operator(id.clone()))
    }

    /// A patient.
    pub fn patient(&self, key: &PublicKey) -> Result<Option<PatientRecord>, Error> {
        self.read(&Key::Patient(*key))
    }

    /// A clinical event.
    pub fn event(&self, key: &VrfOutput) -> Result<Option<EventRecord>, Error> {
        self.read(&Key::Event(*key))
    }

    /// A consent, by [`Key::Consent`].
    pub fn consent(&self, key: &Key) -> Result<Option<ConsentRecord>, Error> {
        match key {
            Key::Consent { .. } => self.read(key),
            _ => Ok(None),
        }
    }

    /// Which claim used up a line.
    pub fn fingerprint(&self, output: &VrfOutput) -> Result<Option<FingerprintRecord>, Error> {
        self.read(&Key::Fingerprint(*output))
    }

    /// A claim.
    pub fn claim(&self, claim: &Digest) -> Result<Option<ClaimRecord>, Error> {
        self.read(&Key::Claim(*claim))
    }

    /// A party's last anchor.
    pub fn anchor(&self, party: &Id) -> Result<Option<AnchorRecord>, Error> {
        self.read(&Key::Anchor(party.clone()))
    }

    /// The sequence that the sender's next transaction must have.
    pub fn sequence(&self, sender: &Sender) -> Result<u64, Error> {
        Ok(self.read(&Key::Sequence(sender.clone()))?.unwrap_or(0))
    }

    /// What the state holds about a query.
    pub fn evidence(&self, query: &Query) -> Result<Evidence, Error> {
        let mut evidence = Evidence { patient: self.patient(&query.patient)?, ..Evidence::default() };
        if let Asker::Party(id) = &query.asker {
            evidence.party = self.party(id)?;
            evidence.for_party = self.read(&query.consent_key(Grantee::Party(id.clone())))?;
            if let Some(party) = &evidence.party {
                evidence.for_role = self.read(&query.consent_key(Grantee::Role(party.role)))?;
            }
        }
        Ok(evidence)
    }

    /// Whether an access is permitted, with the keys that show why.
    pub fn decide(&self, query: &Query) -> Result<Decision, Error> {
        Ok(decide(query, &self.evidence(query)?))
    }

    fn read<T: BorshSerialize + BorshDeserialize>(&self, key: &Key) -> Result<Option<T>, Error> {
        self.get(key)?.map(|bytes| decode_value(&bytes)).transpose()
    }
}

/// Values come from our own store: one that does not decode is the store's fault, not the sender's.
pub(crate) fn decode_value<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) -> Result<T, Error> {
    ledger::decode("state value", bytes).map_err(|error| Error::Store(error.to_string()))
}
