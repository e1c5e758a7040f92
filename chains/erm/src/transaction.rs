//! What is sent to the chain: a body, signed by its sender.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain, KeyPair, PublicKey, Signature};
use rand_core::{CryptoRng, RngCore};

use crate::genesis::TRANSACTION_BYTES_MAX;
use crate::{AnchorHeads, ClinicalEvent, Consent, Id, Membership, PatientRegistration, RecordClaim, Refusal, Release};

/// Id of a transaction: the digest that its sender signs.
pub type TransactionId = Digest;

/// Who sends a transaction. Each sender counts its own sequence, from 0 and without gaps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Sender {
    /// A member; signs with the key that is in force for it.
    Party(Id) = 0,
    /// A patient; signs with this key.
    Patient(PublicKey) = 1,
    /// The network's authority; the transaction is signed by the first signer of its decision.
    Authority = 2,
}

/// What a transaction asks for.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Payload {
    /// Members and stake change.
    Membership(Membership) = 0,
    /// A patient is registered.
    Patient(PatientRegistration) = 1,
    /// A clinical event is recorded.
    Event(ClinicalEvent) = 2,
    /// A patient grants, denies or revokes.
    Consent(Consent) = 3,
    /// A claim and its response are recorded.
    Claim(RecordClaim) = 4,
    /// Heads of personal chains are anchored.
    Anchor(AnchorHeads) = 5,
    /// A party ends a grant that it holds.
    Release(Release) = 6,
}

/// What the sender signs.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Body {
    /// Who sends it.
    pub sender: Sender,
    /// The sender's next sequence.
    pub sequence: u64,
    /// The last height at which it may be executed.
    pub expiry_height: u64,
    /// What it asks for.
    pub payload: Payload,
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signed {
    /// What is signed.
    pub body: Body,
    /// The sender's signature over [`Body::id`].
    pub signature: Signature,
}

impl Body {
    /// The transaction's id: `digest(Transaction, body)`.
    pub fn id(&self, network: &Digest) -> TransactionId {
        Chain::record(*network).digest_of(Domain::Transaction, self)
    }

    /// Signs with the sender's key.
    pub fn sign(self, network: &Digest, key: &KeyPair, rng: &mut (impl CryptoRng + RngCore)) -> Signed {
        let signature = key.sign(&self.id(network), rng);
        Signed { body: self, signature }
    }
}

impl Signed {
    /// The bytes that a block holds.
    pub fn encode(&self) -> Vec<u8> {
        ledger::encode(self)
    }

    /// Decodes the one canonical encoding and checks what can be checked without the state.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > TRANSACTION_BYTES_MAX as usize {
            return Err(Refusal::TooLarge { bytes: bytes.len(), limit: TRANSACTION_BYTES_MAX });
        }
        let signed: Self =
            ledger::decode("transaction", bytes).map_err(|error| Refusal::Malformed(error.to_string()))?;
        signed.body.check()?;
        Ok(signed)
    }
}

impl Body {
    /// Bounds, order and whether this kind of sender may send this payload at all.
    pub fn check(&self) -> Result<(), Refusal> {
        match (&self.sender, &self.payload) {
            (Sender::Authority, Payload::Membership(membership)) => {
                if membership.decision.sequence != self.sequence {
                    return Err(Refusal::Authority("the decision has another sequence than its transaction"));
                }
                membership.check()
            }
            (Sender::Party(_), Payload::Event(event)) => event.check(),
            (Sender::Patient(_), Payload::Consent(consent)) => consent.check(),
            (Sender::Party(_), Payload::Claim(claim)) => claim.check(),
            (Sender::Party(_), Payload::Anchor(anchor)) => anchor.check(),
            (Sender::Party(_), Payload::Patient(_) | Payload::Release(_)) => Ok(()),
            _ => Err(Refusal::SenderMayNot),
        }
    }
}
