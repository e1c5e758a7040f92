//! Batches: one category's records of one block, sealed; and back, checked against the block (capability D6).

use ledger::{BatchCommitments, Chain, DataKey, Digest, MerkleTree, SaltSeed, root_of, sha256};
use rand_core::{CryptoRng, RngCore};

use crate::keys::batch_path;
use crate::pack::{Content, pack, unpack};
use crate::{Block, Error, Header, PatientKeys, RecordProof, Records, batch_key};

/// A batch on its way into the blob store and a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBatch {
    /// The category.
    pub category: u8,
    /// Root over the records' salted commitments.
    pub root: Digest,
    /// Number of records.
    pub count: u32,
    /// The blob.
    pub sealed: Vec<u8>,
}

impl SealedBatch {
    /// Commits to the records under a fresh seed, packs and seals them for one block and category.
    pub fn seal(
        chain: &Chain,
        keys: &PatientKeys,
        height: u64,
        category: u8,
        records: &Records,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Self, Error> {
        Self::seal_content(chain, keys, height, category, &records.content(), rng)
    }

    pub(crate) fn seal_content(
        chain: &Chain,
        keys: &PatientKeys,
        height: u64,
        category: u8,
        content: &Content<'_>,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Self, Error> {
        let key = keys.batch(chain, height, category)?;
        let seed = SaltSeed::generate(rng);
        let packed = pack(&seed, content)?;
        let count = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let root = root_of(&commitments(chain, &seed, content));
        let sealed = key.seal(chain, &batch_path(height, category), &packed, rng);
        Ok(Self { category, root, count, sealed })
    }
}

fn commitments(chain: &Chain, seed: &SaltSeed, content: &Content<'_>) -> Vec<[u8; 32]> {
    let batch = BatchCommitments::new(chain, seed);
    let mut commitments = Vec::with_capacity(content.len());
    content.each_encoded(|record| commitments.push(batch.commit(commitments.len() as u64, record).0));
    commitments
}

/// A batch that was opened and is what its block committed to.
#[derive(Clone)]
pub struct OpenedBatch {
    chain: Chain,
    category: u8,
    seed: SaltSeed,
    records: Records,
}

impl OpenedBatch {
    /// Opens a batch with the key of its category and checks it against the header: its digest, its
    /// encoding, its count and its root. The error names the batch.
    pub fn open(
        chain: &Chain,
        category_key: &DataKey,
        header: &Header,
        category: u8,
        sealed: &[u8],
    ) -> Result<Self, Error> {
        Self::open_with_batch_key(
            chain,
            &batch_key(category_key, chain, header.height, category),
            header,
            category,
            sealed,
        )
    }

    /// The same with the key of this one batch ([`batch_key`]).
    pub fn open_with_batch_key(
        chain: &Chain,
        key: &DataKey,
        header: &Header,
        category: u8,
        sealed: &[u8],
    ) -> Result<Self, Error> {
        let height = header.height;
        let refuse = |reason: &str| Error::Batch { chain: chain.id, height, category, reason: reason.into() };
        let entry = header.batch(category).ok_or_else(|| refuse("the block has none"))?;
        check_blob(chain, header, category, sealed)?;
        let packed = key
            .open(chain, &batch_path(height, category), sealed)
            .map_err(|_| refuse("its content does not open with this key"))?;
        let (seed, records) = unpack(&packed).map_err(|malformed| refuse(malformed.0))?;
        if records.len() != entry.count as usize {
            return Err(refuse("it holds another number of records than the block says"));
        }
        if root_of(&commitments(chain, &seed, &records.content())) != entry.root {
            return Err(refuse("its records are not those that the block commits to"));
        }
        Ok(Self { chain: *chain, category, seed, records })
    }

    /// The category.
    pub fn category(&self) -> u8 {
        self.category
    }

    /// The records in the order of the leaves.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The proof of the record at `index` (capabilities E4, E5); `block` is the one that this batch was opened for.
    pub fn prove(&self, block: &Block, index: u64) -> Result<RecordProof, Error> {
        let mut all = self.prove_all(block, &[index])?;
        all.pop().ok_or_else(|| Error::Proof("there is no such record".into()))
    }

    /// Proofs of many records of the batch; the tree is built once.
    pub fn prove_all(&self, block: &Block, indexes: &[u64]) -> Result<Vec<RecordProof>, Error> {
        let tree = MerkleTree::new(&commitments(&self.chain, &self.seed, &self.records.content()));
        if block.header.batch(self.category).is_none_or(|entry| entry.root != tree.root()) {
            return Err(Error::Proof("the block is not the one that holds this batch".into()));
        }
        let prove = |index: &u64| {
            let place = usize::try_from(*index).ok();
            let record = place.and_then(|place| self.records.encoded(place));
            let record = record.ok_or_else(|| Error::Proof(format!("the batch has no record {index}")))?;
            Ok(RecordProof {
                chain: self.chain,
                category: self.category,
                salt: self.seed.salt(&self.chain, *index),
                record,
                inclusion: tree.prove(*index)?,
                header: block.header.clone(),
                signature: block.signature,
            })
        };
        indexes.iter().map(prove).collect()
    }
}

/// Checks a batch's blob against the block without any key: its length and digest.
pub fn check_blob(chain: &Chain, header: &Header, category: u8, sealed: &[u8]) -> Result<(), Error> {
    let refuse =
        |reason: &str| Error::Batch { chain: chain.id, height: header.height, category, reason: reason.into() };
    let entry = header.batch(category).ok_or_else(|| refuse("the block has none"))?;
    if sealed.len() != entry.blob.length as usize || sha256(sealed) != entry.blob.digest {
        return Err(refuse("its blob is not the one that the block commits to"));
    }
    Ok(())
}
