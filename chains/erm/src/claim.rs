//! Claims: that one was answered, and which lines it used up.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain, PublicKey, VrfOutput};

use crate::{EventKind, Id, Refusal, TransactionId};

/// Most fingerprints of a claim.
pub const FINGERPRINTS_MAX: usize = 256;

/// A claim and its response, as salted commitments.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordClaim {
    /// Commitment to the claim.
    pub claim: Digest,
    /// Commitment to the response.
    pub response: Digest,
    /// One per line that the claim uses up, ascending, each once: the facility's VRF output over
    /// [`fingerprint_input`]. One that is in the state already refuses the transaction. A claim that was
    /// answered "duplicate" is recorded without.
    pub fingerprints: Vec<VrfOutput>,
}

/// A claim in the state.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClaimRecord {
    /// Who recorded it.
    pub by: Id,
    /// Commitment to the response.
    pub response: Digest,
    /// Height of the block.
    pub height: u64,
    /// Time of the block.
    pub time_ms: i64,
    /// The transaction.
    pub transaction: TransactionId,
}

/// A used-up line in the state: its presence is the duplicate.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FingerprintRecord {
    /// The claim that used it.
    pub claim: Digest,
    /// Who recorded it.
    pub by: Id,
    /// Height of the block.
    pub height: u64,
    /// Time of the block.
    pub time_ms: i64,
}

/// VRF input of a claim line: `digest(ClaimFingerprint, (patient, service day i32, kind u8, code String, n u32))`.
/// `n` counts equal lines that the record holds, from 0.
pub fn fingerprint_input(
    network: &Digest,
    patient: &PublicKey,
    day: i32,
    kind: EventKind,
    code: &str,
    n: u32,
) -> Digest {
    Chain::record(*network).digest_of(Domain::ClaimFingerprint, &(patient, day, kind, code, n))
}

impl RecordClaim {
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.fingerprints.len() > FINGERPRINTS_MAX {
            return Err(Refusal::Bounds("a claim has at most 256 fingerprints"));
        }
        if self.fingerprints.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Refusal::Bounds("a claim's fingerprints ascend, each once"));
        }
        Ok(())
    }
}
