//! Gathering what a block will hold, and making the block.

use std::collections::BTreeMap;

use ledger::{BlobRef, Chain, Digest, KeyPair, PublicKey, Signature, sha256};
use rand_core::{CryptoRng, RngCore};

use crate::anomaly::{self, ANOMALY_BYTES_MAX};
use crate::block::{ANOMALIES_MAX, DIRECTIVES_MAX};
use crate::gather::{Gathered, Messages};
use crate::pack::Content;
use crate::{
    AccessRequest, AnomalyEntry, BatchEntry, Block, Body, CATEGORY_ACCESS, CATEGORY_PARAMETERS, CATEGORY_SCORES,
    Directive, Error, Header, Interval, Origin, ParametersRecord, PatientKeys, Reading, RecordRef, Score, SealedBatch,
    Span, Subject,
};

/// When a block is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From this many records on.
    pub records: u32,
    /// From this age on: event time since its first record, milliseconds.
    pub age_ms: i64,
}

/// Where a block stands: all of its header that is not content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its height.
    pub height: u64,
    /// Who will sign it.
    pub writer: PublicKey,
    /// Event time, milliseconds since 1970-01-01 UTC; at least the time of the block before.
    pub time_ms: i64,
    /// What of `readings` it covers.
    pub span: Span,
    /// Digest of the cohort model in use.
    pub model: Digest,
}

/// Gathers the content of one patient's next block.
#[derive(Debug, Default)]
pub struct BlockBuilder {
    readings: BTreeMap<u8, Gathered>,
    messages: Messages,
    scores: Vec<Score>,
    access: Vec<AccessRequest>,
    parameters: Vec<ParametersRecord>,
    anomalies: Vec<Vec<u8>>,
    directives: Vec<(Directive, Signature)>,
    opened_ms: Option<i64>,
    events: Option<Interval>,
    records: u32,
}

impl BlockBuilder {
    /// An empty one with room for as many readings: a patient's next block is much like the last.
    #[must_use]
    pub fn like(&self) -> Self {
        let readings = self.readings.iter().map(|(category, gathered)| (*category, gathered.like()));
        Self { readings: readings.collect(), ..Self::default() }
    }

    /// Adds a reading to its category's batch. `now_ms` is the patient's event time.
    pub fn reading<'a>(&mut self, category: u8, record: impl Into<RecordRef<'a>>, now_ms: i64) {
        let RecordRef { device, subject, sequence, reading, received_ms, raw } = record.into();
        let origin = self.messages.origin(device, subject, received_ms, raw);
        self.gather(category, origin, sequence, &reading, now_ms);
    }

    /// Where the readings of a message come from, said once for all of them: for [`reading_of`](Self::reading_of).
    pub fn origin(&mut self, device: &str, subject: &Subject, received_ms: i64, raw: Option<BlobRef>) -> Origin {
        self.messages.origin(device, subject, received_ms, raw)
    }

    /// The same as [`reading`](Self::reading), of a message whose origin was said to this builder.
    pub fn reading_of(
        &mut self,
        category: u8,
        origin: Origin,
        sequence: u64,
        reading: &Reading,
        now_ms: i64,
    ) -> Result<(), Error> {
        if !self.messages.knows(origin) {
            return Err(Error::Bounds { what: "origin", reason: "it was said to another builder".into() });
        }
        self.gather(category, origin, sequence, reading, now_ms);
        Ok(())
    }

    fn gather(&mut self, category: u8, origin: Origin, sequence: u64, reading: &Reading, now_ms: i64) {
        self.note(reading.time_ms, now_ms);
        self.records = self.records.saturating_add(1);
        self.readings.entry(category).or_default().push(origin, sequence, reading);
    }

    /// Reads what the next reading will need, and gives a number that means nothing: so that who has readings of many
    /// patients before it can have all of that fetched from memory at the same time.
    pub fn touch(&self) -> u64 {
        let rows = self.readings.values().fold(0, |sum: u64, gathered| sum.wrapping_add(gathered.touch()));
        rows.wrapping_add(self.messages.touch())
    }

    /// Adds a score.
    pub fn score(&mut self, score: Score, now_ms: i64) {
        self.note(score.time_ms, now_ms);
        self.records = self.records.saturating_add(1);
        self.scores.push(score);
    }

    /// Adds a request for access.
    pub fn access(&mut self, request: AccessRequest, now_ms: i64) {
        self.opened_ms.get_or_insert(now_ms);
        self.records = self.records.saturating_add(1);
        self.access.push(request);
    }

    /// Adds what a doctor set.
    pub fn parameters(&mut self, record: ParametersRecord, now_ms: i64) {
        self.opened_ms.get_or_insert(now_ms);
        self.records = self.records.saturating_add(1);
        self.parameters.push(record);
    }

    /// Adds an anomaly by its canonical bytes. It cuts the block; returns its position among the block's entries.
    pub fn anomaly(&mut self, anomaly: Vec<u8>, time_ms: i64, now_ms: i64) -> Result<u32, Error> {
        if anomaly.len() > ANOMALY_BYTES_MAX || self.anomalies.len() >= ANOMALIES_MAX {
            return Err(Error::Bounds {
                what: "anomaly",
                reason: format!("at most {ANOMALIES_MAX} of {ANOMALY_BYTES_MAX} bytes are possible in a block"),
            });
        }
        self.note(time_ms, now_ms);
        self.anomalies.push(anomaly);
        Ok(u32::try_from(self.anomalies.len()).unwrap_or(u32::MAX).saturating_sub(1))
    }

    /// Adds an instruction of the patient.
    pub fn directive(&mut self, directive: Directive, signature: Signature, now_ms: i64) -> Result<(), Error> {
        if self.directives.len() >= DIRECTIVES_MAX {
            return Err(Error::Bounds { what: "directive", reason: format!("a block holds at most {DIRECTIVES_MAX}") });
        }
        self.opened_ms.get_or_insert(now_ms);
        self.directives.push((directive, signature));
        Ok(())
    }

    fn note(&mut self, time_ms: i64, now_ms: i64) {
        self.opened_ms.get_or_insert(now_ms);
        let events = self.events.get_or_insert(Interval { from_ms: time_ms, to_ms: time_ms });
        events.from_ms = events.from_ms.min(time_ms);
        events.to_ms = events.to_ms.max(time_ms);
    }

    /// Whether there is nothing to put into a block.
    pub fn is_empty(&self) -> bool {
        self.opened_ms.is_none()
    }

    /// Readings, scores, requests and parameters gathered.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Anomalies gathered, in order.
    pub fn anomalies(&self) -> &[Vec<u8>] {
        &self.anomalies
    }

    /// Event time of the first record, milliseconds.
    pub fn opened_ms(&self) -> Option<i64> {
        self.opened_ms
    }

    /// Whether the block is to be cut at this event time: it holds an anomaly, enough records, or is old enough.
    pub fn due(&self, limits: &Limits, now_ms: i64) -> bool {
        let old = self.opened_ms.is_some_and(|opened| now_ms.saturating_sub(opened) >= limits.age_ms);
        old || !self.anomalies.is_empty() || (!self.is_empty() && self.records >= limits.records)
    }

    /// Makes the block as far as it can be made before its blobs are stored.
    pub fn cut(
        self,
        chain: &Chain,
        keys: &PatientKeys,
        place: Place,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<BlockDraft, Error> {
        let mut batches = Vec::new();
        for (category, gathered) in self.readings.iter().filter(|(_, gathered)| !gathered.is_empty()) {
            if *category >= CATEGORY_PARAMETERS {
                return Err(Error::Bounds { what: "category", reason: format!("{category} is not one of readings") });
            }
            let content = Content::Readings(gathered.rows(&self.messages));
            batches.push(SealedBatch::seal_content(chain, keys, place.height, *category, &content, rng)?);
        }
        let own = [
            (CATEGORY_PARAMETERS, Content::Parameters(&self.parameters)),
            (CATEGORY_ACCESS, Content::Access(&self.access)),
            (CATEGORY_SCORES, Content::Scores(&self.scores)),
        ];
        for (category, content) in own.iter().filter(|(_, content)| content.len() > 0) {
            batches.push(SealedBatch::seal_content(chain, keys, place.height, *category, content, rng)?);
        }
        let mut anomalies = Vec::with_capacity(self.anomalies.len());
        for (anomaly, index) in self.anomalies.iter().zip(0u32..) {
            anomalies.push(anomaly::seal(chain, keys, place.height, index, anomaly, rng)?);
        }
        let at = Interval { from_ms: place.time_ms, to_ms: place.time_ms };
        Ok(BlockDraft {
            chain: *chain,
            place,
            events: self.events.unwrap_or(at),
            batches,
            anomalies,
            directives: self.directives,
        })
    }
}

/// A block whose blobs are not stored yet.
#[derive(Debug)]
pub struct BlockDraft {
    chain: Chain,
    place: Place,
    events: Interval,
    batches: Vec<SealedBatch>,
    anomalies: Vec<(Digest, Vec<u8>)>,
    directives: Vec<(Directive, Signature)>,
}

impl BlockDraft {
    /// Its height.
    pub fn height(&self) -> u64 {
        self.place.height
    }

    /// The blobs to store, in the order in which [`finish`](Self::finish) wants to know where they lie.
    pub fn blobs(&self) -> impl Iterator<Item = &[u8]> {
        let details = self.anomalies.iter().map(|(_, sealed)| sealed.as_slice());
        self.batches.iter().map(|batch| batch.sealed.as_slice()).chain(details)
    }

    /// Makes and signs the block, once its blobs are safely stored. `parent` is the hash of the block before.
    pub fn finish(
        self,
        parent: Digest,
        places: &[BlobRef],
        signer: &KeyPair,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Block, Error> {
        let refuse = |reason: &str| Err(Error::Bounds { what: "block", reason: reason.into() });
        if signer.public() != self.place.writer {
            return refuse("it was cut for another writer");
        }
        let stored = self.blobs().count() == places.len()
            && self
                .blobs()
                .zip(places)
                .all(|(blob, place)| place.length as usize == blob.len() && place.digest == sha256(blob));
        if !stored {
            return refuse("the places given are not those of its blobs");
        }
        let mut places = places.iter().copied();
        let batches = self.batches.iter().zip(places.by_ref());
        let batches = batches
            .map(|(batch, blob)| BatchEntry { category: batch.category, root: batch.root, count: batch.count, blob })
            .collect();
        let anomalies = self.anomalies.iter().zip(places);
        let anomalies =
            anomalies.map(|((commitment, _), detail)| AnomalyEntry { commitment: *commitment, detail }).collect();
        let body = Body { opening: None, anomalies, directives: self.directives };
        let header = Header {
            height: self.place.height,
            parent,
            writer: self.place.writer,
            time_ms: self.place.time_ms,
            span: self.place.span,
            events: self.events,
            model: self.place.model,
            batches,
            anomalies_root: body.anomalies_root(),
            anomalies: u32::try_from(body.anomalies.len()).unwrap_or(u32::MAX),
            directives_root: body.directives_root(),
            directives: u32::try_from(body.directives.len()).unwrap_or(u32::MAX),
        };
        let signature = signer.sign(&header.hash(&self.chain), rng);
        Ok(Block { header, body, signature })
    }
}
