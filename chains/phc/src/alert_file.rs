//! An alert as a file that stands alone: the anomaly, that its block commits to it, the chain up to there, and everything that the
//! detector had read (capabilities D12, E4, E5, E6).
//!
//! Whoever gets it reads all of that subject's readings up to the alert: it is for those who may.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, DataKey, Digest, PublicKey, Salt, decode, encode, sha256};

use crate::{
    Block, CATEGORY_ACCESS, CATEGORY_SCORES, ChainVerifier, Error, Header, OpenedBatch, PatientKeys, Scope, Subject,
    batch_key,
};

/// What a file begins with.
const MAGIC: &[u8; 8] = b"CADALERT";
const VERSION: u16 = 1;
/// Most bytes of a file that is looked at: a year of a reading a minute of eight signals, and the forest.
pub const ALERT_FILE_BYTES_MAX: usize = 64 << 20;
/// Most readings of a file: they are opened and judged again one by one.
pub const ALERT_READINGS_MAX: u64 = 1 << 24;

/// An alert with all that it takes to compute it again.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AlertFile {
    /// Network of the chain.
    pub network: Digest,
    /// The chain from its opening to the alert's block, without gaps.
    pub blocks: Vec<FiledBlock>,
    /// Position of the alert among the entries of the last block.
    pub entry: u32,
    /// Salt of that entry's commitment.
    pub salt: Salt,
    /// Canonical bytes of the anomaly.
    pub anomaly: Vec<u8>,
    /// Whom or what it is about.
    pub subject: Subject,
    /// Canonical bytes of the detector's settings.
    pub settings: Vec<u8>,
    /// Canonical bytes of the cohort model; none without one.
    pub model: Vec<u8>,
    /// What of the readings' arrival blocks do not tell.
    pub arrival: Arrival,
}

/// A block, and the batches that the detector had read.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FiledBlock {
    /// The block.
    pub block: Block,
    /// All its batches but those of scores and of access, in the order of the header.
    pub batches: Vec<FiledBatch>,
}

/// A batch as it lies in the blob store, with the key of this one batch.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FiledBatch {
    /// Its category.
    pub category: u8,
    /// Its key ([`batch_key`]).
    pub key: [u8; 32],
    /// The sealed content.
    pub sealed: Vec<u8>,
}

/// What the detector knew of the order of arrival and blocks do not tell. It is nobody's signed word: what it has to be is held by
/// the anomaly, which is computed again to the byte.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Arrival {
    /// Readings that came too late to count, though by the order of blocks and time they need not have; ascending, each once.
    pub late: Vec<LateReading>,
    /// Ticks that came before readings that are older than themselves; ascending by block and instant, each once.
    pub ticks: Vec<EarlyTick>,
}

/// A reading that came too late to count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct LateReading {
    /// Height of its block.
    pub height: u64,
    /// The device.
    pub device: String,
    /// Its number among the device's readings.
    pub sequence: u64,
}

/// A tick that some readings of a block came after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct EarlyTick {
    /// Height of the block.
    pub height: u64,
    /// It came before the block's readings from this instant on, milliseconds since 1970-01-01 UTC.
    pub before_ms: i64,
    /// The event time that it told, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
}

/// What was found true of a file's chain. That the anomaly follows from the readings is the detector's to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertOnChain {
    /// The personal chain.
    pub chain: Chain,
    /// The patient who opened it.
    pub patient: PublicKey,
    /// Height of the alert's block.
    pub height: u64,
    /// Hash of the block.
    pub block: Digest,
    /// Who signed the block.
    pub writer: PublicKey,
    /// When the block was cut, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
}

impl FiledBlock {
    /// A block with its batches; `sealed` are their blobs, in the order of [`filed`].
    pub fn new(
        chain: &Chain,
        keys: &PatientKeys,
        block: Block,
        sealed: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<Self, Error> {
        let mut batches = Vec::new();
        for (category, sealed) in filed(&block.header).zip(sealed) {
            let key = batch_key(keys.get(chain, Scope::of_batch(category))?, chain, block.header.height, category);
            batches.push(FiledBatch { category, key: *key.expose(), sealed });
        }
        Ok(Self { block, batches })
    }

    /// Opens a batch and checks it against the header, which the chain's verification has shown to be signed.
    pub fn open(&self, chain: &Chain, at: usize) -> Result<OpenedBatch, Error> {
        let missing = || Error::AlertFile(format!("block {} has no batch at {at}", self.block.header.height));
        let batch = self.batches.get(at).ok_or_else(missing)?;
        let key = DataKey::from_bytes(batch.key);
        OpenedBatch::open_with_batch_key(chain, &key, &self.block.header, batch.category, &batch.sealed)
    }
}

/// Categories of the batches that the detector had read: all but what it said itself and who asked for what.
pub fn filed(header: &Header) -> impl Iterator<Item = u8> + '_ {
    let all = header.batches.iter().map(|entry| entry.category);
    all.filter(|category| ![CATEGORY_SCORES, CATEGORY_ACCESS].contains(category))
}

impl AlertFile {
    /// Checks the chain within, against the network's id (the digest of its genesis): every block, the writers whom the patient
    /// named, that no batch is left out, that the last block commits to the anomaly, and that every block names the model.
    /// Batches are not opened yet: [`FiledBlock::open`].
    pub fn verify(&self, network: &Digest) -> Result<AlertOnChain, Error> {
        let refuse = |reason: String| Err(Error::AlertFile(reason));
        if self.network != *network {
            return refuse("it is of another network than the genesis".into());
        }
        let (Some(first), Some(last)) = (self.blocks.first(), self.blocks.last()) else {
            return refuse("it holds no block".into());
        };
        self.check_bounds()?;
        let mut verifier = ChainVerifier::open(self.network, &first.block)?;
        self.blocks.iter().skip(1).try_for_each(|filed| verifier.push(&filed.block))?;
        let chain = *verifier.chain();
        let state = verifier.finish()?;
        for filed in &self.blocks {
            self.check_block(filed)?;
        }
        let height = last.block.header.height;
        let Some(entry) = last.block.body.anomalies.get(self.entry as usize) else {
            return refuse(format!("block {height}, its last, has no anomaly {}", self.entry));
        };
        if self.salt.commit(&chain, &self.anomaly) != entry.commitment {
            return refuse(format!(
                "the anomaly and its salt are not what block {height} commits to as its anomaly {}",
                self.entry
            ));
        }
        let header = &last.block.header;
        Ok(AlertOnChain {
            chain,
            patient: state.patient,
            height,
            block: state.hash,
            writer: header.writer,
            time_ms: header.time_ms,
        })
    }

    fn check_bounds(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Bounds { what: "file of an alert", reason });
        let Arrival { late, ticks } = &self.arrival;
        if !late.is_sorted_by(|a, b| a < b) {
            return refuse("its late readings do not ascend".into());
        }
        let in_turn =
            |a: &EarlyTick, b: &EarlyTick| (a.height, a.before_ms) < (b.height, b.before_ms) && a.time_ms < b.time_ms;
        if !ticks.is_sorted_by(in_turn) {
            return refuse("its ticks do not ascend".into());
        }
        Ok(())
    }

    /// The batches are those that the header names, and the model is the block's.
    fn check_block(&self, filed_block: &FiledBlock) -> Result<(), Error> {
        let header = &filed_block.block.header;
        let height = header.height;
        let mut held = filed_block.batches.iter().map(|batch| batch.category);
        for category in filed(header) {
            if held.next() != Some(category) {
                return Err(Error::AlertFile(format!(
                    "the batch of category {category} of block {height} is left out"
                )));
            }
        }
        if let Some(category) = held.next() {
            return Err(Error::AlertFile(format!("block {height} has no batch of category {category} to be filed")));
        }
        let model = if self.model.is_empty() { Digest::ZERO } else { sha256(&self.model) };
        if height > 0 && header.model != model {
            return Err(Error::AlertFile(format!(
                "block {height} was made under the cohort model {}, the file holds {model}",
                header.model
            )));
        }
        Ok(())
    }

    /// The file: a magic, the version, the canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        [MAGIC.as_slice(), &VERSION.to_le_bytes(), &encode(self)].concat()
    }

    /// Reads a file; anything but the one canonical encoding is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > ALERT_FILE_BYTES_MAX {
            let reason = format!("{} bytes, at most {ALERT_FILE_BYTES_MAX} are possible", bytes.len());
            return Err(Error::Bounds { what: "file of an alert", reason });
        }
        let Some((version, content)) = bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk()) else {
            return Err(Error::AlertFile("it does not begin like one".into()));
        };
        let version = u16::from_le_bytes(*version);
        if version != VERSION {
            return Err(Error::AlertFile(format!("version {version} is unknown")));
        }
        Ok(decode("file of an alert", content)?)
    }
}
