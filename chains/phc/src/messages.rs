//! The values of the event log's topics that are about a patient, and how they are sealed.
//!
//! The key of every such record is the 32 bytes of the personal chain's id. The names of the topics are
//! the event log's; they are passed in, because they are part of what a value is sealed for.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{BlobRef, Chain, DataKey, Digest, decode, decode_of_one_encoding, encode};
use rand_core::{CryptoRng, RngCore};

use crate::{Error, Reading, RecordRef, Subject};

/// Name of the topic of accepted readings.
pub const READINGS: &str = "readings";
/// Name of the topic of what was refused.
pub const READINGS_REJECTED: &str = "readings.rejected";
/// Name of the topic of what the detector found.
pub const ALERTS: &str = "alerts";
/// Name of the topic of the detector's state.
pub const MONITOR_STATE: &str = "monitor.state";
/// Name of the topic of requests for access.
pub const ACCESS_REQUESTS: &str = "access.requests";
/// Name of the topic of the personal chains' blocks.
pub const PHC_BLOCKS: &str = "phc.blocks";
/// Name of the topic of anchors over the personal chains' heads.
pub const PHC_ANCHORS: &str = "phc.anchors";

/// Most readings in one batch.
pub const BATCH_READINGS_MAX: usize = 10_000;
/// Most bytes in the name of a device or location.
pub const NAME_BYTES_MAX: usize = 128;

/// Accepted readings of one device, in the order of its sequence. Value of `readings`, sealed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReadingBatch {
    /// The device.
    pub device: String,
    /// Whom or what the readings are about.
    pub subject: Subject,
    /// Sequence of the first reading; the i-th has `first_sequence + i`.
    pub first_sequence: u64,
    /// When the batch was received, milliseconds since 1970-01-01 UTC.
    pub received_ms: i64,
    /// The payload as it was sent, where it was kept.
    pub raw: Option<BlobRef>,
    /// The readings.
    pub readings: Vec<Reading>,
}

impl ReadingBatch {
    /// Opens a value of `readings` and checks its bounds.
    pub fn open(key: &DataKey, chain: &Chain, value: &[u8]) -> Result<Self, Error> {
        Self::open_in(&mut Vec::new(), key, chain, value)
    }

    /// The same in room that is there, for whoever opens many; what it held is replaced.
    pub fn open_in(room: &mut Vec<u8>, key: &DataKey, chain: &Chain, value: &[u8]) -> Result<Self, Error> {
        key.open_into(chain, READINGS.as_bytes(), value, room)?;
        let batch: Self = decode_of_one_encoding("batch of readings", room)?;
        batch.check()?;
        Ok(batch)
    }

    /// Checks the bounds: a name of 1 to 128 bytes, 1 to 10,000 readings, sequences within 64 bits.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Bounds { what: "batch of readings", reason });
        check_name("device", &self.device)?;
        if let Subject::Location(location) = &self.subject {
            check_name("location", location)?;
        }
        if self.readings.is_empty() || self.readings.len() > BATCH_READINGS_MAX {
            return refuse(format!("{} readings, 1 to {BATCH_READINGS_MAX} are possible", self.readings.len()));
        }
        if self.first_sequence.checked_add(self.readings.len() as u64).is_none() {
            return refuse("its sequences exceed 64 bits".into());
        }
        Ok(())
    }

    /// The batch's records, in the order of their sequence.
    pub fn records(&self) -> impl Iterator<Item = RecordRef<'_>> {
        self.readings.iter().zip(self.first_sequence..).map(|(reading, sequence)| self.record(sequence, reading))
    }

    /// The record of one of the batch's readings.
    pub fn record(&self, sequence: u64, reading: &Reading) -> RecordRef<'_> {
        RecordRef {
            device: &self.device,
            subject: &self.subject,
            sequence,
            reading: *reading,
            received_ms: self.received_ms,
            raw: self.raw,
        }
    }
}

fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(Error::Bounds {
            what,
            reason: format!("{} bytes, 1 to {NAME_BYTES_MAX} are possible", name.len()),
        });
    }
    Ok(())
}

/// Event time of a partition has reached this instant. Value of `readings` with an empty key, not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Tick {
    /// The instant, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Nothing follows for now: whatever is gathered goes into blocks.
    pub flush: bool,
}

/// What was refused, with the reason. Part of [`RejectedValue::Sealed`].
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rejected {
    /// The device that sent it.
    pub device: String,
    /// A stable code, such as `out-of-range`, `conflict`, `no-key`.
    pub reason: String,
    /// When it was received, milliseconds since 1970-01-01 UTC.
    pub received_ms: i64,
    /// The line, as it was sent where it came from outside.
    pub line: Vec<u8>,
}

/// Value of `readings.rejected`.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum RejectedValue {
    /// A sealed [`Rejected`].
    Sealed(Vec<u8>) = 0,
    /// A value of another topic that could not be opened, as it stood there: still sealed.
    Unopened {
        /// A stable code, such as `no-key`.
        reason: String,
        /// The topic that the value was sealed for.
        topic: String,
        /// The value.
        value: Vec<u8>,
    } = 1,
}

impl RejectedValue {
    /// Seals a rejection and encodes the value of the record.
    pub fn sealed(key: &DataKey, chain: &Chain, rejected: &Rejected, rng: &mut (impl CryptoRng + RngCore)) -> Vec<u8> {
        encode(&Self::Sealed(seal_topic_value(key, chain, READINGS_REJECTED, rejected, rng)))
    }

    /// Encodes the value of the record for what could not be opened.
    pub fn unopened(reason: &str, topic: &str, value: &[u8]) -> Vec<u8> {
        encode(&Self::Unopened { reason: reason.into(), topic: topic.into(), value: value.to_vec() })
    }

    /// Decodes the value of a record.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Ok(decode("rejected readings", bytes)?)
    }

    /// Opens the sealed rejection; of what was never opened, [`None`].
    pub fn open(&self, key: &DataKey, chain: &Chain) -> Result<Option<Rejected>, Error> {
        match self {
            Self::Sealed(sealed) => {
                open_topic_value(key, chain, READINGS_REJECTED, "rejected readings", sealed).map(Some)
            }
            Self::Unopened { .. } => Ok(None),
        }
    }
}

/// What the detector found, with where it stands on the chain. Value of `alerts`, sealed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Alert {
    /// Canonical bytes of the anomaly (`vitals::Anomaly`), the same that the block commits to.
    pub anomaly: Vec<u8>,
    /// Whether anybody is to be told: not where it was known too long after its time, by the newest reading or tick of
    /// then. It hangs on ticks, so it stands here and not in the anomaly.
    pub alerting: bool,
    /// Height of the block.
    pub height: u64,
    /// Hash of the block.
    pub block: Digest,
    /// Position of the entry in the block, from 0.
    pub entry: u32,
    /// The anomaly's signal over the last 24 hours, for a chart: time in milliseconds and value in
    /// thousandths of the unit, ascending in time.
    pub chart: Vec<(i64, i64)>,
}

/// Seals a value for a topic: nobody without the patient's stream key reads it, and it cannot be moved to
/// another topic or patient.
pub fn seal_topic_value<T: BorshSerialize>(
    key: &DataKey,
    chain: &Chain,
    topic: &str,
    value: &T,
    rng: &mut (impl CryptoRng + RngCore),
) -> Vec<u8> {
    key.seal(chain, topic.as_bytes(), &encode(value), rng)
}

/// Opens and decodes what [`seal_topic_value`] made for the same topic and patient.
pub fn open_topic_value<T: BorshSerialize + BorshDeserialize>(
    key: &DataKey,
    chain: &Chain,
    topic: &str,
    what: &'static str,
    sealed: &[u8],
) -> Result<T, Error> {
    Ok(decode(what, &key.open(chain, topic.as_bytes(), sealed)?)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Provenance;
    use proptest::prelude::*;

    fn batches() -> impl Strategy<Value = ReadingBatch> {
        let reading = (any::<u16>(), any::<i64>(), any::<i64>(), any::<Option<i16>>(), any::<bool>()).prop_map(
            |(signal, value_milli, time_ms, offset_minutes, manual)| Reading {
                signal,
                value_milli,
                time_ms,
                offset_minutes,
                provenance: if manual { Provenance::Manual } else { Provenance::Device },
            },
        );
        let raw = proptest::option::of(any::<u64>()).prop_map(|offset| {
            offset.map(|offset| BlobRef { pack: Digest([1; 32]), offset, length: 2, digest: Digest([3; 32]) })
        });
        let readings = proptest::collection::vec(reading, 0..5);
        (".{0,6}", proptest::option::of(".{0,6}"), any::<(u64, i64)>(), raw, readings).prop_map(
            |(device, location, (first_sequence, received_ms), raw, readings)| ReadingBatch {
                device,
                subject: location.map_or(Subject::Patient, Subject::Location),
                first_sequence,
                received_ms,
                raw,
                readings,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Why a batch is not encoded again to see whether it was canonical: whatever decodes at all encodes to the same bytes.
        #[test]
        fn bytes_of_a_batch_that_decode_are_its_one_encoding(
            batch in batches(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            cut in 0..3usize, more in proptest::collection::vec(any::<u8>(), 0..2),
        ) {
            let mut bytes = encode(&batch);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                // Flags and small counts are where encodings could differ.
                bytes[at] = byte % 4;
            }
            bytes.truncate(bytes.len() - cut);
            bytes.extend(more);
            match decode_of_one_encoding::<ReadingBatch>("batch", &bytes) {
                Ok(read) => prop_assert_eq!(encode(&read), bytes),
                Err(_) => prop_assert!(decode::<ReadingBatch>("batch", &bytes).is_err()),
            }
        }
    }
}
