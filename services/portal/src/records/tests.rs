//! The index of personal chains, lost and damaged in every way: the answers stay the same.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use ledger::{BlobRef, Digest, KeyPair, WrapSecretKey, encode, sha256};
use phc::{
    Act, Block, BlockBuilder, ChainState, Directive, Opening, PatientKeys, Place, Provenance, Reading, Record, Role,
    Span, Subject, Writer,
};
use rand_core::OsRng;
use stream::embedded::{EmbeddedLog, Settings};
use stream::topics::PHC_BLOCKS;
use stream::{Append, Batch, EventLog as _, Topics};

use super::Chains;
use super::index::{Found, Slot};

const NETWORK: Digest = Digest([7; 32]);
const HOUR_MS: i64 = 3_600_000;

/// A patient's chain while it is written.
struct Author {
    patient: KeyPair,
    monitor: KeyPair,
    keys: PatientKeys,
    chain: ledger::Chain,
    head: ChainState,
    blocks: Vec<Block>,
}

impl Author {
    fn new(nonce: u8) -> Self {
        let (patient, monitor) = (KeyPair::from_seed(&[1; 32]), KeyPair::from_seed(&[2; 32]));
        let wrap = WrapSecretKey::from_seed(&[3; 32]).public();
        let writers = vec![Writer { role: Role::Monitor, signer: monitor.public(), wrap, until_ms: None }];
        let opening = Opening { patient: patient.public(), wrap, nonce: [nonce; 32], time_ms: 0, writers };
        let first = Block::open(opening, NETWORK, &patient, &mut OsRng).unwrap();
        let (chain, head) = ChainState::open(NETWORK, &first).unwrap();
        Self { patient, monitor, keys: PatientKeys::generate([1, 2], &mut OsRng), chain, head, blocks: vec![first] }
    }

    /// The next block, with readings of these hours and categories; the chain moves on.
    fn cut(&mut self, readings: &[(u8, i64)], directive: Option<Directive>) {
        let block = self.draft(readings, directive, &self.monitor.clone());
        self.head.advance(&self.chain, &block).unwrap();
        self.blocks.push(block);
    }

    fn draft(&self, readings: &[(u8, i64)], directive: Option<Directive>, signer: &KeyPair) -> Block {
        let now_ms = 1_000 * HOUR_MS;
        let mut builder = BlockBuilder::default();
        for (sequence, (category, hour)) in (0u64..).zip(readings) {
            let reading = Reading {
                signal: 1,
                value_milli: 70_000,
                time_ms: hour * HOUR_MS,
                offset_minutes: None,
                provenance: Provenance::Device,
            };
            let record = Record {
                device: "watch".into(),
                subject: Subject::Patient,
                sequence,
                reading,
                received_ms: now_ms,
                raw: None,
            };
            builder.reading(*category, &record, now_ms);
        }
        if let Some(directive) = directive {
            let signature = directive.sign(&self.chain, &self.patient, &mut OsRng);
            builder.directive(directive, signature, now_ms).unwrap();
        }
        let span = Span { partition: 0, from: self.head.span.through, through: self.head.span.through + 1 };
        let place =
            Place { height: self.head.height + 1, writer: signer.public(), time_ms: now_ms, span, model: Digest::ZERO };
        let draft = builder.cut(&self.chain, &self.keys, place, &mut OsRng).unwrap();
        let stored: Vec<BlobRef> = draft
            .blobs()
            .map(|blob| BlobRef {
                pack: sha256(blob),
                offset: 0,
                length: u32::try_from(blob.len()).unwrap(),
                digest: sha256(blob),
            })
            .collect();
        draft.finish(self.head.hash, &stored, signer, &mut OsRng).unwrap()
    }

    fn directive(&self) -> Directive {
        let wrap = WrapSecretKey::from_seed(&[3; 32]).public();
        let writers = vec![Writer { role: Role::Monitor, signer: self.monitor.public(), wrap, until_ms: None }];
        Directive { sequence: 0, time_ms: 5, act: Act::ReplaceWriters(writers) }
    }

    /// Six blocks: one late, one without vitals, one with a directive.
    fn six() -> Self {
        let mut author = Self::new(1);
        author.cut(&[(1, 1), (1, 2), (2, 2)], None);
        author.cut(&[(1, 3), (1, 5)], None);
        author.cut(&[(2, 6)], Some(author.directive()));
        author.cut(&[(1, 2), (1, 4)], None);
        author.cut(&[(1, 7)], None);
        author
    }
}

fn open_log(dir: &Path) -> EmbeddedLog {
    EmbeddedLog::open(dir, Settings::new(Topics::standard(2).unwrap())).unwrap()
}

async fn append(log: &EmbeddedLog, chain: &Digest, values: impl IntoIterator<Item = Vec<u8>>) {
    let mut writer = log.writer("test").await.unwrap();
    for value in values {
        writer.commit(Batch::of(vec![Append::new(PHC_BLOCKS, chain.0.to_vec(), 0, value)])).await.unwrap();
    }
}

async fn append_blocks(log: &EmbeddedLog, author: &Author, from: usize) {
    append(log, &author.chain.id, author.blocks[from..].iter().map(Block::encode)).await;
}

fn chains(log: &EmbeddedLog, dir: &Path) -> Chains {
    Chains::new(Arc::new(log.clone()), dir.to_owned(), NETWORK)
}

/// Everything that can be asked about a chain.
async fn answers(chains: &Chains, author: &Author) -> (Vec<Option<Block>>, Vec<Slot>, Vec<Slot>, Vec<u8>) {
    let id = &author.chain.id;
    let all = chains.slots(id, 1, (i64::MIN, i64::MAX), None, 100).await.unwrap();
    let mut blocks = Vec::new();
    for height in 0..=author.head.height + 1 {
        blocks.push(chains.block(id, height).await.unwrap());
    }
    let some = chains.slots(id, 1, (2 * HOUR_MS, 5 * HOUR_MS), None, 100).await.unwrap();
    let signed = chains.signed_by_patient(id, author.head.height).await.unwrap();
    (blocks, all, some, encode(&signed.authority(author.head.height)))
}

/// What holds of the six blocks, whatever became of the index.
async fn assert_six(chains: &Chains, author: &Author) {
    let (blocks, all, some, authority) = answers(chains, author).await;
    assert_eq!(blocks, author.blocks.iter().cloned().map(Some).chain([None]).collect::<Vec<_>>());
    let slots = |hours: &[(i64, u64)]| {
        hours.iter().map(|(hour, height)| Slot { to_ms: hour * HOUR_MS, height: *height }).collect::<Vec<_>>()
    };
    assert_eq!(all, slots(&[(2, 1), (4, 4), (5, 2), (7, 5)]), "by the last event time");
    assert_eq!(some, slots(&[(2, 1), (4, 4), (5, 2)]), "a block that reaches beyond both ends counts");
    let directive = author.blocks[3].body.directives.clone();
    assert_eq!(
        authority,
        encode(&phc::Authority { opening: author.blocks[0].body.opening.clone().unwrap(), directives: directive })
    );
}

/// E5: the index is built from the log alone; deleting it costs a scan and nothing else.
#[tokio::test]
async fn an_index_that_is_missing_behind_or_deleted_gives_the_same_answers() {
    let dir = tempfile::tempdir().unwrap();
    let index = dir.path().join("index");
    let author = Author::six();
    let log = open_log(&dir.path().join("log"));
    append(&log, &author.chain.id, author.blocks[..3].iter().map(Block::encode)).await;
    let first = chains(&log, &index);
    assert!(first.block(&author.chain.id, 3).await.unwrap().is_none());
    assert_eq!(first.found().await, [Found::Missing]);
    append_blocks(&log, &author, 3).await;
    assert_six(&first, &author).await;
    drop(first);

    let current = chains(&log, &index);
    assert_six(&current, &author).await;
    assert_eq!(current.found().await, [Found::Current]);
    drop(current);

    let mut author = author;
    author.cut(&[(1, 8)], None);
    append_blocks(&log, &author, 6).await;
    let behind = chains(&log, &index);
    assert_eq!(behind.block(&author.chain.id, 6).await.unwrap().as_ref(), author.blocks.last());
    assert_eq!(behind.found().await, [Found::Behind(6)]);
    let before = answers(&behind, &author).await;
    drop(behind);

    std::fs::remove_dir_all(&index).unwrap();
    log.close().await.unwrap();
    drop(log);
    let log = open_log(&dir.path().join("log"));
    let rebuilt = chains(&log, &index);
    assert!(answers(&rebuilt, &author).await == before);
    assert_eq!(rebuilt.found().await, [Found::Missing]);
}

#[tokio::test]
async fn a_damaged_index_is_built_anew_wherever_its_bytes_are_flipped() {
    let dir = tempfile::tempdir().unwrap();
    let index = dir.path().join("index");
    let author = Author::six();
    let log = open_log(&dir.path().join("log"));
    append_blocks(&log, &author, 0).await;
    assert_six(&chains(&log, &index), &author).await;
    let kept = dir.path().join("kept");
    copy(&index, &kept);
    let mut damaged = 0;
    for round in 0..24usize {
        std::fs::remove_dir_all(&index).unwrap();
        copy(&kept, &index);
        for file in files(&index) {
            let mut bytes = std::fs::read(&file).unwrap();
            // All of a file once, then ever other stretches of it.
            let (from, to) =
                if round == 0 { (0, bytes.len()) } else { (bytes.len() * (round - 1) / 23, bytes.len() * round / 23) };
            bytes[from..to].iter_mut().for_each(|byte| *byte ^= 0xff);
            std::fs::write(&file, bytes).unwrap();
        }
        let after = chains(&log, &index);
        assert_six(&after, &author).await;
        damaged += usize::from(after.found().await.iter().any(|found| *found != Found::Current));
    }
    assert!(damaged > 0, "no flip did any damage");
    std::fs::remove_dir_all(&index).unwrap();
    copy(&kept, &index);
    for file in files(&index) {
        std::fs::write(&file, b"").unwrap();
    }
    assert_six(&chains(&log, &index), &author).await;
}

#[tokio::test]
async fn an_index_of_another_network_or_log_or_ahead_of_the_log_is_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let index = dir.path().join("index");
    let author = Author::six();
    let log = open_log(&dir.path().join("log"));
    append_blocks(&log, &author, 0).await;
    let elsewhere = Chains::new(Arc::new(log.clone()), index.clone(), Digest([8; 32]));
    assert!(
        elsewhere.block(&author.chain.id, 0).await.unwrap().is_none(),
        "blocks of another network continue no chain of this"
    );
    drop(elsewhere);
    let own = chains(&log, &index);
    assert_six(&own, &author).await;
    assert_eq!(own.found().await, [Found::Foreign]);
    drop(own);

    // A log restored from an older backup: the marker lies beyond its end.
    let shorter = open_log(&dir.path().join("shorter"));
    append(&shorter, &author.chain.id, author.blocks[..2].iter().map(Block::encode)).await;
    let ahead = chains(&shorter, &index);
    assert_eq!(ahead.block(&author.chain.id, 1).await.unwrap().as_ref(), Some(&author.blocks[1]));
    assert!(ahead.block(&author.chain.id, 2).await.unwrap().is_none());
    assert!(ahead.found().await.contains(&Found::Foreign));
    drop(ahead);

    // As long as the indexed one, with another chain in it.
    let other = Author { blocks: vec![Author::new(2).blocks.remove(0)], ..Author::new(2) };
    let same_length = open_log(&dir.path().join("same"));
    append_blocks(&same_length, &other, 0).await;
    append(&same_length, &other.chain.id, [b"x".to_vec()]).await;
    let of_another = chains(&same_length, &index);
    assert!(of_another.block(&other.chain.id, 0).await.unwrap().is_some());
    assert!(of_another.block(&author.chain.id, 0).await.unwrap().is_none());
}

/// D4: what the patient's writers did not sign is in no answer, and stops no answer.
#[tokio::test]
async fn records_that_continue_no_chain_are_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let author = Author::six();
    let log = open_log(&dir.path().join("log"));
    let stranger = KeyPair::from_seed(&[66; 32]);
    let mut half = Author::new(1);
    half.blocks.truncate(1);
    let forged = half.draft(&[(1, 1)], None, &stranger);
    let mut unsigned = author.blocks[1].clone();
    unsigned.signature = author.blocks[2].signature;
    let id = &author.chain.id;
    append(
        &log,
        id,
        [b"garbage".to_vec(), author.blocks[1].encode(), author.blocks[0].encode(), author.blocks[0].encode()],
    )
    .await;
    append(&log, id, [forged.encode(), unsigned.encode(), Author::new(2).blocks[0].encode()]).await;
    append(&log, &Author::new(2).chain.id, [author.blocks[0].encode()]).await;
    append_blocks(&log, &author, 1).await;
    append(&log, id, [author.blocks[2].encode()]).await;
    let chains = chains(&log, &dir.path().join("index"));
    assert_six(&chains, &author).await;
    assert!(chains.block(&Author::new(2).chain.id, 0).await.unwrap().is_none());
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, target).unwrap();
    }
}
