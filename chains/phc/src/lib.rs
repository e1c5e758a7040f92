//! The personal chain: opened by the patient's own signature, continued by the writers that the patient names.
//!
//! A block commits to sealed batches of readings, scores, doctors' parameters and requests for access, and to anomalies;
//! without a key nothing in it is readable. The crate makes and checks all of that and is pure: time, randomness and the
//! places of blobs are passed in. It stores nothing, detects nothing, and knows no signal by name: that
//! is `vitals`.
//!
//! ```
//! use ledger::{BlobRef, Digest, KeyPair, WrapSecretKey, sha256};
//! use phc::*;
//!
//! let mut rng = ledger::rng_from_seed([1; 32]);
//! let network = Digest([9; 32]);
//! let (patient, monitor) = (KeyPair::generate(&mut rng), KeyPair::generate(&mut rng));
//! let wrap = WrapSecretKey::generate(&mut rng).public();
//! let writers = vec![Writer { role: Role::Monitor, signer: monitor.public(), wrap, until_ms: None }];
//! let opening = Opening { patient: patient.public(), wrap, nonce: [3; 32], time_ms: 0, writers };
//! let first = Block::open(opening, network, &patient, &mut rng)?;
//! let mut verifier = ChainVerifier::open(network, &first)?;
//! let (chain, head) = (*verifier.chain(), verifier.state().clone());
//!
//! let keys = PatientKeys::generate([1], &mut rng);
//! let reading = Reading { signal: 1, value_milli: 72_000, time_ms: 60_000, offset_minutes: None, provenance: Provenance::Device };
//! let record = Record { device: "watch".into(), subject: Subject::Patient, sequence: 0, reading, received_ms: 60_500, raw: None };
//! let mut builder = BlockBuilder::default();
//! builder.reading(1, &record, 60_000);
//! let span = Span { partition: 0, from: 0, through: 1 };
//! let place = Place { height: 1, writer: monitor.public(), time_ms: 60_000, span, model: Digest::ZERO };
//! let draft = builder.cut(&chain, &keys, place, &mut rng)?;
//! // The blobs are stored here; then the block is made.
//! let blob = draft.blobs().next().unwrap().to_vec();
//! let stored = BlobRef { pack: sha256(&blob), offset: 0, length: blob.len() as u32, digest: sha256(&blob) };
//! let block = draft.finish(head.hash, &[stored], &monitor, &mut rng)?;
//! verifier.push(&block)?;
//! verifier.settle()?;
//!
//! let opened = OpenedBatch::open(&chain, keys.get(&chain, Scope::Category(1))?, &block.header, 1, &blob)?;
//! assert_eq!(opened.prove(&block, 0)?.verify()?.height, 1);
//! # Ok::<(), phc::Error>(())
//! ```

mod alert_file;
mod anchor;
mod anomaly;
mod batch;
mod block;
mod builder;
mod chain;
mod column;
mod content;
mod error;
mod gather;
mod keys;
pub mod messages;
mod opening;
mod pack;
mod pack_rows;
mod parameters;
mod proof;
mod record;
mod record_file;
mod row;
mod rows;

pub use alert_file::{
    ALERT_FILE_BYTES_MAX, ALERT_READINGS_MAX, AlertFile, AlertOnChain, Arrival, EarlyTick, FiledBatch, FiledBlock,
    LateReading, filed,
};
pub use anchor::{AnchorLeaf, AnchorLeaves, AnchorRecord, anchor_digest, blinded_id, verify_anchored};
pub use anomaly::{ANOMALY_BYTES_MAX, check_anomaly_blob, open_anomaly, open_anomaly_and_salt};
pub use batch::{OpenedBatch, SealedBatch, check_blob};
pub use block::{
    ANOMALIES_MAX, AnomalyEntry, BATCH_RECORDS_MAX, BLOCK_BYTES_MAX, BatchEntry, Block, Body, DIRECTIVES_MAX, Header,
    Interval, Span,
};
pub use builder::{BlockBuilder, BlockDraft, Limits, Place};
pub use chain::{ChainState, ChainVerifier};
pub use content::{ContentDigests, Contents};
pub use error::Error;
pub use gather::Origin;
pub use keys::{KeyEntry, KeyRing, PatientKeys, Scope, batch_key};
pub use messages::{Alert, ReadingBatch, Rejected, RejectedValue, Tick, open_topic_value, seal_topic_value};
pub use opening::{Act, Directive, Opening, Role, WRITERS_MAX, Writer, may_append};
pub use pack::Records;
pub use parameters::{PARAMETERS_BYTES_MAX, ParametersRecord, ParametersSet};
pub use proof::{Authority, Proved, RecordProof};
pub use record::{
    AccessRequest, CATEGORY_ACCESS, CATEGORY_ANOMALIES, CATEGORY_PARAMETERS, CATEGORY_SCORES, Provenance, Reading,
    Record, RecordRef, Score, Subject,
};
pub use record_file::{RECORD_FILE_BYTES_MAX, RecordContent, RecordFile, VerifiedRecord};
pub use row::{ROW_VALUES_MAX, Row, RowValue};
