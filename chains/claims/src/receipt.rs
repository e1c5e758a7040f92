//! The receipt: what was asked, what was found, and all that is needed to find it again without a network.

use borsh::{BorshDeserialize, BorshSerialize};
use erm::{Header, Id, SetChange};
use ledger::{Chain, CommitCertificate, Digest, Domain, KeyPair, Salt, Signature};
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};

use crate::{Claim, Error, Finding, Proofs, Proven, Rules, Verdict};

/// Most bytes of a receipt file.
pub const RECEIPT_BYTES_MAX: usize = 16 << 20;
/// Version of the format.
pub(crate) const VERSION: u8 = 1;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Operation {
    /// A look at the record; nothing was written.
    Verify = 0,
    /// The claim and the answer were recorded.
    Submit = 1,
}

/// A header and what shows that it is final.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finality {
    /// The header.
    #[serde(with = "HeaderText")]
    pub header: Header,
    /// More than two thirds of the weight.
    #[serde(with = "CertificateText")]
    pub certificate: CommitCertificate,
}

/// That claim and response stand on the record chain.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// A block at or after the one that recorded them.
    pub block: Finality,
    /// The claim's entry in the state of that block.
    pub entry: Proven,
}

/// All of a receipt but its signature; the order of the fields is part of the format.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Version of this format: 1.
    pub version: u8,
    /// The network id.
    pub network: Digest,
    /// The portal's member, who signs.
    pub portal: Id,
    /// What was asked for.
    pub operation: Operation,
    /// The request's key, where it had one.
    pub idempotency_key: Option<String>,
    /// Time of the question, milliseconds since 1970-01-01 UTC.
    pub as_of_ms: i64,
    /// The answer in one word.
    pub verdict: Verdict,
    /// What was found.
    pub findings: Vec<Finding>,
    /// The claim.
    pub claim: Claim,
    /// Salt of the claim's commitment.
    #[serde(with = "crate::text::canonical")]
    pub claim_salt: Salt,
    /// Salt of the response's commitment.
    #[serde(with = "crate::text::canonical")]
    pub response_salt: Salt,
    /// What the checks allowed.
    pub rules: Rules,
    /// What the findings stand on.
    pub evidence: Proofs,
    /// The block whose state the evidence was read from.
    pub block: Finality,
    /// That claim and response are on the record chain; of a submitted claim only.
    pub recorded: Option<Recorded>,
    /// Changes of the validators from the genesis on, ascending.
    #[serde(with = "crate::text::canonical")]
    pub history: Vec<SetChange>,
}

/// A receipt. Its file is JSON, two-space indented, keys in the order of the structure, one final newline; what is
/// signed is the digest of the borsh encoding of [`Content`].
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// What is signed.
    pub content: Content,
    /// The portal's member's signature over [`Content::digest`].
    pub signature: Signature,
}

/// `commit(salt, digest(Claim, 0u8 ‖ claim))`.
pub fn claim_commitment(network: &Digest, claim: &Claim, salt: &Salt) -> Digest {
    let chain = Chain::record(*network);
    salt.commit(&chain, &chain.digest_of(Domain::Claim, &(0u8, claim)).0)
}

/// `commit(salt, digest(Claim, 1u8 ‖ claim's commitment ‖ hash of the block that the evidence is from ‖ verdict ‖ findings))`.
pub fn response_commitment(
    network: &Digest,
    claim: &Digest,
    block: &Digest,
    verdict: Verdict,
    findings: &[Finding],
    salt: &Salt,
) -> Digest {
    let chain = Chain::record(*network);
    salt.commit(&chain, &chain.digest_of(Domain::Claim, &(1u8, claim, block, verdict, findings)).0)
}

impl Content {
    /// `digest(Receipt, content)`.
    pub fn digest(&self) -> Digest {
        Chain::record(self.network).digest_of(Domain::Receipt, self)
    }

    /// Signs as the portal's member.
    pub fn sign(self, key: &KeyPair, rng: &mut (impl CryptoRng + RngCore)) -> Receipt {
        let signature = key.sign(&self.digest(), rng);
        Receipt { content: self, signature }
    }

    /// The claim's commitment.
    pub fn claim_commitment(&self) -> Digest {
        claim_commitment(&self.network, &self.claim, &self.claim_salt)
    }

    /// The response's commitment.
    pub fn response_commitment(&self) -> Digest {
        let block = self.block.header.hash(&self.network);
        let (verdict, findings) = (self.verdict, &self.findings);
        response_commitment(&self.network, &self.claim_commitment(), &block, verdict, findings, &self.response_salt)
    }
}

impl Receipt {
    /// Name of the receipt: the signed digest.
    pub fn id(&self) -> Digest {
        self.content.digest()
    }

    /// The file.
    pub fn to_json(&self) -> Result<String, Error> {
        let text =
            serde_json::to_string_pretty(self).map_err(|error| Error::Unreadable { reason: error.to_string() })?;
        Ok(text + "\n")
    }

    /// Reads a file; anything but the one canonical spelling is refused.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        let unreadable = |reason: String| Error::Unreadable { reason };
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(unreadable(format!("it has {} bytes; {RECEIPT_BYTES_MAX} are allowed", bytes.len())));
        }
        let receipt: Self = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        let again = receipt.to_json()?;
        if let Some(position) = again.bytes().zip(bytes).position(|(ours, theirs)| ours != *theirs) {
            return Err(unreadable(format!("it is not spelled canonically from byte {position} on")));
        }
        if again.len() != bytes.len() {
            return Err(unreadable("it is not spelled canonically at its end".into()));
        }
        Ok(receipt)
    }
}

/// JSON spelling of a header.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Header", deny_unknown_fields)]
struct HeaderText {
    height: u64,
    parent: Digest,
    time_ms: i64,
    transactions_root: Digest,
    state_root: Digest,
    validators: Digest,
    next_validators: Digest,
}

/// JSON spelling of a certificate.
#[derive(Serialize, Deserialize)]
#[serde(remote = "CommitCertificate", deny_unknown_fields)]
struct CertificateText {
    height: u64,
    round: u32,
    block: Digest,
    signatures: Vec<(ledger::PublicKey, Signature)>,
}
