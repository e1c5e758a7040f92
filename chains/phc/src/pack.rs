//! The content of a batch in few bytes, with exactly one encoding: `docs/formats.md`, section 3.3.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{BlobRef, SaltSeed, decode, encode};

use crate::block::BATCH_RECORDS_MAX;
use crate::column::{Columns, put_column, put_second_differences, put_stepped, put_varint};
use crate::messages::NAME_BYTES_MAX;
use crate::{AccessRequest, Error, ParametersRecord, Provenance, Reading, Record, RecordRef, Score, Subject};

const VERSION: u8 = 1;
const SEED_BYTES: usize = 32;
const RAW_BYTES: usize = 76;

/// Why packed bytes are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The records of one batch in the order of its leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// Readings of one category, ascending by time, signal, device, sequence.
    Readings(Vec<Record>),
    /// The detector's scores in the order in which they came.
    Scores(Vec<Score>),
    /// Requests for access in the order in which they came.
    Access(Vec<AccessRequest>),
    /// What doctors set, in the order in which it came.
    Parameters(Vec<ParametersRecord>),
}

impl Records {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Readings(records) => records.len(),
            Self::Scores(scores) => scores.len(),
            Self::Access(requests) => requests.len(),
            Self::Parameters(records) => records.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The canonical bytes of one record, which its leaf commits to.
    pub fn encoded(&self, index: usize) -> Option<Vec<u8>> {
        match self {
            Self::Readings(records) => records.get(index).map(encode),
            Self::Scores(scores) => scores.get(index).map(encode),
            Self::Access(requests) => requests.get(index).map(encode),
            Self::Parameters(records) => records.get(index).map(encode),
        }
    }

    /// The same, borrowed.
    pub(crate) fn content(&self) -> Content<'_> {
        match self {
            Self::Readings(records) => Content::Readings(records.iter().map(RecordRef::from).collect()),
            Self::Scores(scores) => Content::Scores(scores),
            Self::Access(requests) => Content::Access(requests),
            Self::Parameters(records) => Content::Parameters(records),
        }
    }
}

/// What a batch is made of: [`Records`] that lie elsewhere.
pub(crate) enum Content<'a> {
    Readings(Vec<RecordRef<'a>>),
    Scores(&'a [Score]),
    Access(&'a [AccessRequest]),
    Parameters(&'a [ParametersRecord]),
}

impl Content<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Readings(records) => records.len(),
            Self::Scores(scores) => scores.len(),
            Self::Access(requests) => requests.len(),
            Self::Parameters(records) => records.len(),
        }
    }

    /// Shows the canonical bytes of each record in turn.
    pub(crate) fn each_encoded(&self, see: impl FnMut(&[u8])) {
        fn each<T: borsh::BorshSerialize>(records: &[T], mut see: impl FnMut(&[u8])) {
            let mut bytes = Vec::new();
            for record in records {
                bytes.clear();
                // Writing to memory does not fail.
                if borsh::to_writer(&mut bytes, record).is_ok() {
                    see(&bytes);
                }
            }
        }
        match self {
            Self::Readings(records) => each(records, see),
            Self::Scores(scores) => each(scores, see),
            Self::Access(requests) => each(requests, see),
            Self::Parameters(records) => each(records, see),
        }
    }
}

/// Packs a batch's content. Readings must ascend strictly by time, signal, device, sequence.
pub(crate) fn pack(seed: &SaltSeed, content: &Content<'_>) -> Result<Vec<u8>, Error> {
    let refuse = |reason: String| Err(Error::Bounds { what: "batch", reason });
    if !(1..=BATCH_RECORDS_MAX as usize).contains(&content.len()) {
        return refuse(format!("{} records, 1 to {BATCH_RECORDS_MAX} are possible", content.len()));
    }
    let mut out = vec![VERSION];
    out.extend_from_slice(&seed.0);
    match content {
        Content::Readings(records) => {
            if records.windows(2).any(|pair| pair[0].order() >= pair[1].order()) {
                return refuse("readings are out of order, or one stands twice".into());
            }
            if records
                .iter()
                .any(|record| record.device.len() > NAME_BYTES_MAX || location(record.subject).len() > NAME_BYTES_MAX)
            {
                return refuse(format!("the name of a device or location exceeds {NAME_BYTES_MAX} bytes"));
            }
            out.push(0);
            pack_readings(&mut out, records);
        }
        Content::Scores(scores) => {
            out.push(1);
            put_varint(&mut out, scores.len() as u64);
            put_second_differences(&mut out, scores.iter().map(|score| score.time_ms));
            put_stepped(&mut out, &scores.iter().map(|score| score.score_micro).collect::<Vec<_>>());
        }
        Content::Access(requests) => {
            out.push(2);
            out.extend_from_slice(&encode(requests));
        }
        Content::Parameters(records) => {
            records.iter().try_for_each(|record| record.set.check())?;
            out.push(3);
            out.extend_from_slice(&encode(records));
        }
    }
    Ok(out)
}

/// Unpacks; what would be packed to other bytes is refused.
pub(crate) fn unpack(bytes: &[u8]) -> Result<(SaltSeed, Records), Malformed> {
    let mut columns = Columns::new(bytes);
    if columns.byte()? != VERSION {
        return Err(Malformed("its version is unknown"));
    }
    let seed: [u8; SEED_BYTES] = columns.bytes(SEED_BYTES)?.try_into().map_err(|_| Malformed("it ends early"))?;
    let seed = SaltSeed(seed);
    let records = match columns.byte()? {
        0 => Records::Readings(unpack_readings(&mut columns)?),
        1 => {
            let count = columns.count(BATCH_RECORDS_MAX as usize)?;
            let times = columns.second_differences(count)?;
            let scores = columns.stepped(count)?;
            let scores = times.into_iter().zip(scores).map(|(time_ms, score_micro)| Score { time_ms, score_micro });
            Records::Scores(scores.collect())
        }
        2 => Records::Access(decode("requests", columns.rest()).map_err(|_| Malformed("its requests do not decode"))?),
        3 => Records::Parameters(
            decode("parameters", columns.rest()).map_err(|_| Malformed("its parameters do not decode"))?,
        ),
        _ => return Err(Malformed("its kind is unknown")),
    };
    // One encoding each: this also refuses trailing bytes, disorder and unused entries of the tables.
    match pack(&seed, &records.content()) {
        Ok(again) if again == bytes => Ok((seed, records)),
        _ => Err(Malformed("it is not the canonical encoding")),
    }
}

/// What the readings of one series have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    source: usize,
    signal: u16,
    provenance: Provenance,
    offset_minutes: Option<i16>,
}

fn pack_readings(out: &mut Vec<u8>, records: &[RecordRef<'_>]) {
    let mut sources: Vec<_> = records.iter().map(|record| (record.device, record.subject)).collect();
    // One device's readings lie beside each other: most go here.
    sources.dedup();
    sources.sort_unstable();
    sources.dedup();
    let raws: BTreeSet<_> = records.iter().filter_map(|record| record.raw).collect();
    put_varint(out, sources.len() as u64);
    for (device, subject) in &sources {
        put_text(out, device);
        out.push(u8::from(matches!(subject, Subject::Location(_))));
        if let Subject::Location(location) = subject {
            put_text(out, location);
        }
    }
    put_varint(out, raws.len() as u64);
    raws.iter().for_each(|raw| out.extend_from_slice(&encode(raw)));
    let raws: BTreeMap<_, _> = raws.into_iter().zip(1i64..).collect();
    let mut series: BTreeMap<Series, Vec<&RecordRef<'_>>> = BTreeMap::new();
    for record in records {
        let source = sources.binary_search(&(record.device, record.subject)).unwrap_or_default();
        let Reading { signal, provenance, offset_minutes, .. } = record.reading;
        series.entry(Series { source, signal, provenance, offset_minutes }).or_default().push(record);
    }
    put_varint(out, series.len() as u64);
    for (of, records) in series {
        put_varint(out, of.source as u64);
        put_varint(out, u64::from(of.signal));
        out.push(of.provenance as u8);
        out.push(u8::from(of.offset_minutes.is_some()));
        if let Some(offset) = of.offset_minutes {
            out.extend_from_slice(&offset.to_le_bytes());
        }
        put_varint(out, records.len() as u64);
        put_second_differences(out, records.iter().map(|record| record.reading.time_ms));
        put_second_differences(out, records.iter().map(|record| record.sequence.cast_signed()));
        put_second_differences(
            out,
            records.iter().map(|record| record.received_ms.wrapping_sub(record.reading.time_ms)),
        );
        put_column(out, records.iter().map(|record| record.raw.and_then(|raw| raws.get(&raw).copied()).unwrap_or(0)));
        put_stepped(out, &records.iter().map(|record| record.reading.value_milli).collect::<Vec<_>>());
    }
}

fn unpack_readings(columns: &mut Columns<'_>) -> Result<Vec<Record>, Malformed> {
    let most = BATCH_RECORDS_MAX as usize;
    let mut sources = Vec::new();
    for _ in 0..columns.count(most)? {
        let device = text(columns)?;
        let subject = match columns.byte()? {
            0 => Subject::Patient,
            1 => Subject::Location(text(columns)?),
            _ => return Err(Malformed("a subject is unknown")),
        };
        sources.push((device, subject));
    }
    let mut raws: Vec<BlobRef> = Vec::new();
    for _ in 0..columns.count(most)? {
        let raw = decode("reference", columns.bytes(RAW_BYTES)?);
        raws.push(raw.map_err(|_| Malformed("a reference does not decode"))?);
    }
    let mut records: Vec<Record> = Vec::new();
    for _ in 0..columns.count(most)? {
        let (device, subject) = sources.get(columns.count(most)?).ok_or(Malformed("a source is missing"))?;
        let signal = u16::try_from(columns.varint()?).map_err(|_| Malformed("a signal exceeds 16 bits"))?;
        let provenance = match columns.byte()? {
            0 => Provenance::Device,
            1 => Provenance::Manual,
            _ => return Err(Malformed("a provenance is unknown")),
        };
        let offset_minutes = match columns.byte()? {
            0 => None,
            1 => Some(i16::from_le_bytes([columns.byte()?, columns.byte()?])),
            _ => return Err(Malformed("an offset is neither there nor not")),
        };
        let count = columns.count(most - records.len())?;
        let times = columns.second_differences(count)?;
        let sequences = columns.second_differences(count)?;
        let delays = columns.second_differences(count)?;
        let references = columns.column(count)?;
        let values = columns.stepped(count)?;
        for at in 0..count {
            let raw = match references[at] {
                0 => None,
                place => {
                    let place = usize::try_from(place).map_err(|_| Malformed("a reference is missing"))?;
                    Some(*raws.get(place - 1).ok_or(Malformed("a reference is missing"))?)
                }
            };
            records.push(Record {
                device: device.clone(),
                subject: subject.clone(),
                sequence: sequences[at].cast_unsigned(),
                reading: Reading { signal, value_milli: values[at], time_ms: times[at], offset_minutes, provenance },
                received_ms: delays[at].wrapping_add(times[at]),
                raw,
            });
        }
    }
    records.sort_by(|a, b| RecordRef::from(a).order().cmp(&RecordRef::from(b).order()));
    Ok(records)
}

fn location(subject: &Subject) -> &str {
    match subject {
        Subject::Patient => "",
        Subject::Location(location) => location,
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn text(columns: &mut Columns<'_>) -> Result<String, Malformed> {
    let length = columns.count(NAME_BYTES_MAX)?;
    let text = std::str::from_utf8(columns.bytes(length)?).map_err(|_| Malformed("a name is not UTF-8"))?;
    Ok(text.to_owned())
}
