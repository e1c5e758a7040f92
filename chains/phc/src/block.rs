//! Blocks of a personal chain. Nothing in them is readable without a key: commitments, counts and places.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{BlobRef, Chain, Digest, Domain, KeyPair, PublicKey, Signature, decode, empty_root, encode, root_of};
use rand_core::{CryptoRng, RngCore};

use crate::opening::directive_leaf;
use crate::{Directive, Error, Opening};

/// Most bytes of an encoded block that is looked at.
pub const BLOCK_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most anomalies in one block.
pub const ANOMALIES_MAX: usize = 65_536;
/// Most directives in one block.
pub const DIRECTIVES_MAX: usize = 64;
/// Most records in one batch.
pub const BATCH_RECORDS_MAX: u32 = 65_536;

/// Offsets of `readings` that a block covers, half open: `from ≤ offset < through`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Span {
    /// The partition.
    pub partition: u32,
    /// The first offset; where the previous block's span ends.
    pub from: u64,
    /// The offset after the last.
    pub through: u64,
}

/// Event time that a block's content covers, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Interval {
    /// The earliest instant, milliseconds since 1970-01-01 UTC.
    pub from_ms: i64,
    /// The latest instant, milliseconds since 1970-01-01 UTC.
    pub to_ms: i64,
}

/// One category's batch, as its block commits to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct BatchEntry {
    /// The category.
    pub category: u8,
    /// RFC 6962 root over the records' salted commitments.
    pub root: Digest,
    /// Number of records.
    pub count: u32,
    /// Where the sealed content lies.
    pub blob: BlobRef,
}

/// One anomaly, as its block commits to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct AnomalyEntry {
    /// Salted commitment to the anomaly's canonical bytes.
    pub commitment: Digest,
    /// Where the sealed detail lies.
    pub detail: BlobRef,
}

/// What is hashed and signed of a block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// 0 is the opening.
    pub height: u64,
    /// Hash of the block before; of the opening, the digest that the patient signed.
    pub parent: Digest,
    /// Who made it; of the opening, the patient.
    pub writer: PublicKey,
    /// Event time at which the block was cut, milliseconds since 1970-01-01 UTC. Never goes back.
    pub time_ms: i64,
    /// What of `readings` it covers.
    pub span: Span,
    /// What of event time it covers.
    pub events: Interval,
    /// Digest of the cohort model in use; zero for none.
    pub model: Digest,
    /// Batches, ascending by category, each once.
    pub batches: Vec<BatchEntry>,
    /// RFC 6962 root over the encoded anomaly entries.
    pub anomalies_root: Digest,
    /// Number of anomalies.
    pub anomalies: u32,
    /// RFC 6962 root over the encoded directives with their signatures.
    pub directives_root: Digest,
    /// Number of directives.
    pub directives: u32,
}

impl Header {
    /// The block's hash, which its writer signs.
    pub fn hash(&self, chain: &Chain) -> Digest {
        chain.digest_of(Domain::PhcBlock, self)
    }

    /// The batch of a category.
    pub fn batch(&self, category: u8) -> Option<&BatchEntry> {
        self.batches.iter().find(|entry| entry.category == category)
    }

    /// The one header that an opening has.
    pub(crate) fn of_opening(opening: &Opening, network: Digest) -> Self {
        Self {
            height: 0,
            parent: opening.digest(network),
            writer: opening.patient,
            time_ms: opening.time_ms,
            span: Span { partition: 0, from: 0, through: 0 },
            events: Interval { from_ms: opening.time_ms, to_ms: opening.time_ms },
            model: Digest::ZERO,
            batches: Vec::new(),
            anomalies_root: empty_root(),
            anomalies: 0,
            directives_root: empty_root(),
            directives: 0,
        }
    }
}

/// What a block carries beside its header; the header commits to all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Body {
    /// The opening with the patient's signature, in the first block only.
    pub opening: Option<(Opening, Signature)>,
    /// Anomalies in the order in which they were found.
    pub anomalies: Vec<AnomalyEntry>,
    /// The patient's instructions, with signatures, in the order of their sequence.
    pub directives: Vec<(Directive, Signature)>,
}

impl Body {
    pub(crate) fn anomalies_root(&self) -> Digest {
        root_of(&self.anomalies.iter().map(encode).collect::<Vec<_>>())
    }

    pub(crate) fn directives_root(&self) -> Digest {
        root_of(&self.directives.iter().map(directive_leaf).collect::<Vec<_>>())
    }
}

/// A block. Value of `phc.blocks`, not sealed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// What is hashed.
    pub header: Header,
    /// What the header commits to.
    pub body: Body,
    /// The writer's signature over the hash.
    pub signature: Signature,
}

impl Block {
    /// The first block of a chain, signed by the patient; anybody else's key is refused.
    pub fn open(
        opening: Opening,
        network: Digest,
        patient: &KeyPair,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Self, Error> {
        let signature = opening.sign(network, patient, rng)?;
        let chain = opening.chain(network);
        let header = Header::of_opening(&opening, network);
        let own = patient.sign(&header.hash(&chain), rng);
        let body = Body { opening: Some((opening, signature)), ..Body::default() };
        Ok(Self { header, body, signature: own })
    }

    /// The block's hash.
    pub fn hash(&self, chain: &Chain) -> Digest {
        self.header.hash(chain)
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Decodes canonical bytes of at most 16 MiB. Nothing else is checked: see
    /// [`ChainVerifier`](crate::ChainVerifier).
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > BLOCK_BYTES_MAX {
            return Err(Error::Bounds {
                what: "block",
                reason: format!("{} bytes, at most {BLOCK_BYTES_MAX} are possible", bytes.len()),
            });
        }
        Ok(decode("block of a personal chain", bytes)?)
    }
}
