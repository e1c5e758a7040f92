//! A patient, writers, a chain of a few blocks: the same on every run.

use ledger::{BlobRef, Chain, Digest, KeyPair, SeededRng, WrapSecretKey, rng_from_seed, sha256};
use phc::*;

pub const NETWORK: Digest = Digest([7; 32]);

pub struct Sample {
    pub rng: SeededRng,
    pub patient: KeyPair,
    pub monitor: KeyPair,
    pub stranger: KeyPair,
    pub wrap: WrapSecretKey,
    pub keys: PatientKeys,
    pub chain: Chain,
    pub first: Block,
    pub head: ChainState,
    pub model: Digest,
}

impl Sample {
    pub fn new() -> Self {
        Self::with_writers(|monitor, wrap| {
            vec![Writer { role: Role::Monitor, signer: monitor, wrap, until_ms: Some(10_000_000) }]
        })
    }

    pub fn with_writers(writers: impl Fn(ledger::PublicKey, ledger::WrapPublicKey) -> Vec<Writer>) -> Self {
        let mut rng = rng_from_seed([1; 32]);
        let [patient, monitor, stranger] = [11, 12, 13].map(|seed| KeyPair::from_seed(&[seed; 32]));
        let wrap = WrapSecretKey::from_seed(&[14; 32]);
        let writers = writers(monitor.public(), wrap.public());
        let opening =
            Opening { patient: patient.public(), wrap: wrap.public(), nonce: [3; 32], time_ms: 1_000, writers };
        let first = Block::open(opening, NETWORK, &patient, &mut rng).unwrap();
        let (chain, head) = ChainState::open(NETWORK, &first).unwrap();
        let keys = PatientKeys::generate([1, 2], &mut rng);
        Self { rng, patient, monitor, stranger, wrap, keys, chain, first, head, model: Digest([8; 32]) }
    }

    /// The same, its blocks made under another cohort model.
    pub fn with_model(model: Digest) -> Self {
        Self { model, ..Self::new() }
    }

    pub fn opening(&self) -> Opening {
        self.first.body.opening.clone().unwrap().0
    }

    pub fn place(&self, time_ms: i64) -> Place {
        Place {
            height: self.head.height + 1,
            writer: self.monitor.public(),
            time_ms,
            span: Span { partition: 3, from: self.head.span.through, through: self.head.span.through + 10 },
            model: self.model,
        }
    }

    /// A block of this content, and its blobs.
    pub fn block(&mut self, builder: BlockBuilder, time_ms: i64) -> (Block, Vec<Vec<u8>>) {
        let place = self.place(time_ms);
        let draft = builder.cut(&self.chain, &self.keys, place, &mut self.rng).unwrap();
        let blobs: Vec<Vec<u8>> = draft.blobs().map(<[u8]>::to_vec).collect();
        let block = draft.finish(self.head.hash, &places(&blobs), &self.monitor, &mut self.rng).unwrap();
        (block, blobs)
    }

    /// The same, and the chain moves on.
    pub fn append(&mut self, builder: BlockBuilder, time_ms: i64) -> (Block, Vec<Vec<u8>>) {
        let made = self.block(builder, time_ms);
        self.head.advance(&self.chain, &made.0).unwrap();
        made
    }

    /// Signs a header again after it was changed.
    pub fn signed(&mut self, mut block: Block, signer: &KeyPair) -> Block {
        block.signature = signer.sign(&block.hash(&self.chain), &mut self.rng);
        block
    }

    pub fn open(&self, block: &Block, category: u8, blob: &[u8]) -> Result<OpenedBatch, Error> {
        OpenedBatch::open(
            &self.chain,
            self.keys.get(&self.chain, Scope::Category(category))?,
            &block.header,
            category,
            blob,
        )
    }
}

pub fn places(blobs: &[Vec<u8>]) -> Vec<BlobRef> {
    let pack = sha256(&blobs.concat());
    let mut offset = 0;
    let mut places = Vec::new();
    for blob in blobs {
        places.push(BlobRef { pack, offset, length: blob.len() as u32, digest: sha256(blob) });
        offset += blob.len() as u64;
    }
    places
}

pub fn record(sequence: u64, signal: u16, time_ms: i64, value_milli: i64) -> Record {
    Record {
        device: "watch".into(),
        subject: Subject::Patient,
        sequence,
        reading: Reading { signal, value_milli, time_ms, offset_minutes: Some(60), provenance: Provenance::Device },
        received_ms: time_ms + 400,
        raw: None,
    }
}

/// Ten minutes of two categories, scores, a request and an anomaly.
pub fn full() -> BlockBuilder {
    let mut builder = BlockBuilder::default();
    for at in 0..10 {
        builder.reading(1, &record(2 * at, 1, at as i64 * 60_000, 60_000 + at as i64 * 1_000), 0);
        builder.reading(2, &record(2 * at + 1, 20, at as i64 * 60_000, 0), 0);
    }
    for at in 0..3 {
        builder.score(Score { time_ms: at * 300_000, score_micro: 400_000 + at }, 0);
    }
    builder.access(request(), 0);
    builder.anomaly(b"an anomaly".to_vec(), 500_000, 0).unwrap();
    builder
}

pub fn request() -> AccessRequest {
    AccessRequest {
        record: Digest::ZERO,
        owner: Digest([2; 32]),
        receiver: "insurer-1".into(),
        location: "portal".into(),
        time_ms: 400_000,
        expiry_ms: Some(500_000),
        purpose: 1,
        category: 1,
        permitted: false,
    }
}
