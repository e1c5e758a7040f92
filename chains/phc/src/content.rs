//! Digests of what a chain says, whatever its keys, salts and block boundaries: two runs over the same
//! readings must agree in them.

use std::collections::BTreeMap;

use borsh::BorshSerialize;
use ledger::{Chain, Digest, Domain, encode};

use crate::{Provenance, RecordRef, Records, Row, Score, Subject};

/// The three digests and the counts of one patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentDigests {
    /// Number of readings.
    pub readings: u64,
    /// Number of scores.
    pub scores: u64,
    /// Number of anomalies.
    pub anomalies: u64,
    /// Over the readings, ascending by time, signal, device and sequence.
    pub content_sha256: Digest,
    /// Over the scores in the order of the chain.
    pub scores_sha256: Digest,
    /// Over the anomalies in the order of the chain.
    pub anomalies_sha256: Digest,
}

/// One reading as it is hashed; the fields' order is the order of sorting. When and how a reading was
/// received is left out.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    time_ms: i64,
    signal: u16,
    source: u32,
    sequence: u64,
    value_milli: i64,
    offset_minutes: Option<i16>,
    provenance: Provenance,
}

/// Gathers a patient's contents from opened batches and anomalies in the order of the chain.
#[derive(Default)]
pub struct Contents {
    sources: BTreeMap<(String, Subject), u32>,
    items: Vec<Item>,
    scores: Vec<u8>,
    scores_count: u64,
    anomalies: Vec<u8>,
    anomalies_count: u64,
}

impl Contents {
    /// Takes the records of an opened batch.
    pub fn records(&mut self, records: &Records) {
        match records {
            Records::Readings(rows) => rows.iter().for_each(|row| self.row(row)),
            Records::Scores(scores) => scores.iter().for_each(|score| self.score(score)),
            Records::Access(_) | Records::Parameters(_) => {}
        }
    }

    /// Takes the readings of one row; the order of rows does not matter.
    fn row(&mut self, row: &Row) {
        let source = self.source(&row.device, &row.subject);
        row.records().for_each(|record| self.item(source, &record));
    }

    /// Takes one reading; the order of readings does not matter.
    pub fn reading<'a>(&mut self, record: impl Into<RecordRef<'a>>) {
        let record = record.into();
        let source = self.source(record.device, record.subject);
        self.item(source, &record);
    }

    fn source(&mut self, device: &str, subject: &Subject) -> u32 {
        let next = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        *self.sources.entry((device.to_owned(), subject.clone())).or_insert(next)
    }

    fn item(&mut self, source: u32, record: &RecordRef<'_>) {
        let reading = record.reading;
        self.items.push(Item {
            time_ms: reading.time_ms,
            signal: reading.signal,
            source,
            sequence: record.sequence,
            value_milli: reading.value_milli,
            offset_minutes: reading.offset_minutes,
            provenance: reading.provenance,
        });
    }

    /// Takes one score.
    pub fn score(&mut self, score: &Score) {
        self.scores_count += 1;
        put(&mut self.scores, score);
    }

    /// Takes the canonical bytes of one anomaly.
    pub fn anomaly(&mut self, anomaly: &[u8]) {
        self.anomalies_count += 1;
        put(&mut self.anomalies, &anomaly);
    }

    /// The digests.
    pub fn finish(mut self) -> ContentDigests {
        // Sources were numbered as they came; number them anew in their own order.
        let mut rank = vec![0u32; self.sources.len()];
        for (at, number) in (0u32..).zip(self.sources.values()) {
            rank[*number as usize] = at;
        }
        let names: Vec<_> = self.sources.keys().collect();
        for item in &mut self.items {
            item.source = rank[item.source as usize];
        }
        self.items.sort_unstable();
        let mut readings = Vec::new();
        for item in &self.items {
            let (device, subject) = names[item.source as usize];
            put(&mut readings, &(item.time_ms, item.signal, device, subject, item.sequence));
            put(&mut readings, &(item.value_milli, item.offset_minutes, item.provenance));
        }
        ContentDigests {
            readings: self.items.len() as u64,
            scores: self.scores_count,
            anomalies: self.anomalies_count,
            content_sha256: digest(0, &readings),
            scores_sha256: digest(1, &self.scores),
            anomalies_sha256: digest(2, &self.anomalies),
        }
    }
}

fn put<T: BorshSerialize>(out: &mut Vec<u8>, value: &T) {
    out.extend_from_slice(&encode(value));
}

/// Network and chain are zero: the digest must not depend on keys.
fn digest(kind: u8, items: &[u8]) -> Digest {
    Chain { network: Digest::ZERO, id: Digest::ZERO }.digest_parts(Domain::Content, &[&[kind], items])
}
