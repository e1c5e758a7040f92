//! Keys of the authenticated state.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain, PublicKey, VrfOutput};

use crate::{Category, Grantee, Id, Purpose, Sender};

/// What a value in the state belongs to. Its encoding is `tag u8 ‖ key`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Key {
    /// Of the network itself.
    Meta(Meta) = 0,
    /// [`PartyRecord`](crate::PartyRecord).
    Party(Id) = 1,
    /// [`PatientRecord`](crate::PatientRecord).
    Patient(PublicKey) = 2,
    /// [`EventRecord`](crate::EventRecord).
    Event(VrfOutput) = 3,
    /// [`ConsentRecord`](crate::ConsentRecord).
    Consent {
        /// Whose data.
        patient: PublicKey,
        /// Who was granted or denied.
        grantee: Grantee,
        /// Which data.
        category: Category,
        /// What for.
        purpose: Purpose,
    } = 4,
    /// [`FingerprintRecord`](crate::FingerprintRecord).
    Fingerprint(VrfOutput) = 5,
    /// [`AnchorRecord`](crate::AnchorRecord) of a party.
    Anchor(Id) = 6,
    /// The sender's next sequence, `u64`.
    Sequence(Sender) = 7,
    /// [`ClaimRecord`](crate::ClaimRecord).
    Claim(Digest) = 8,
    /// [`OperatorRecord`](crate::OperatorRecord).
    Operator(Id) = 9,
}

/// Keys of the network itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Meta {
    /// [`ChainClock`]: written by every block.
    Clock = 0,
    /// [`Authority`](crate::Authority) in force.
    Authority = 1,
    /// Ids of all operators, in the order in which they came.
    Operators = 2,
}

/// Height and time of the last block; in the state, so that a root belongs to one height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ChainClock {
    /// Height; 0 at genesis.
    pub height: u64,
    /// Time of the block, or of the genesis.
    pub time_ms: i64,
}

impl Key {
    /// Where the value stands in the tree: `digest(StateKey, tag ‖ key)`.
    pub fn digest(&self, network: &Digest) -> Digest {
        Chain::record(*network).digest_of(Domain::StateKey, self)
    }
}
