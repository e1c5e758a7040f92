//! The content of a batch in few bytes, with exactly one encoding: `docs/formats.md`, section 3.3.

use ledger::{SaltSeed, decode, encode};

use crate::block::BATCH_RECORDS_MAX;
use crate::column::{Columns, put_second_differences, put_stepped, put_varint};
use crate::pack_rows::{pack_rows, unpack_rows};
use crate::rows::Rows;
use crate::{AccessRequest, Error, ParametersRecord, Row, Score};

const VERSION: u8 = 1;
const SEED_BYTES: usize = 32;

/// Why packed bytes are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The records of one batch in the order of its leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// Readings of one category in rows, ascending by time, device, subject and what else a row says.
    Readings(Vec<Row>),
    /// The detector's scores in the order in which they came.
    Scores(Vec<Score>),
    /// Requests for access in the order in which they came.
    Access(Vec<AccessRequest>),
    /// What doctors set, in the order in which it came.
    Parameters(Vec<ParametersRecord>),
}

impl Records {
    /// How many, each a leaf of the batch.
    pub fn len(&self) -> usize {
        match self {
            Self::Readings(rows) => rows.len(),
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
            Self::Readings(rows) => rows.get(index).map(encode),
            Self::Scores(scores) => scores.get(index).map(encode),
            Self::Access(requests) => requests.get(index).map(encode),
            Self::Parameters(records) => records.get(index).map(encode),
        }
    }

    /// The same, borrowed.
    pub(crate) fn content(&self) -> Content<'_> {
        match self {
            Self::Readings(rows) => Content::Readings(Rows::of(rows)),
            Self::Scores(scores) => Content::Scores(scores),
            Self::Access(requests) => Content::Access(requests),
            Self::Parameters(records) => Content::Parameters(records),
        }
    }
}

/// What a batch is made of: [`Records`] that lie elsewhere.
pub(crate) enum Content<'a> {
    Readings(Rows<'a>),
    Scores(&'a [Score]),
    Access(&'a [AccessRequest]),
    Parameters(&'a [ParametersRecord]),
}

impl Content<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Readings(rows) => rows.heads.len(),
            Self::Scores(scores) => scores.len(),
            Self::Access(requests) => requests.len(),
            Self::Parameters(records) => records.len(),
        }
    }

    /// How many readings they are.
    fn values(&self) -> usize {
        match self {
            Self::Readings(rows) => rows.values.len(),
            Self::Scores(_) | Self::Access(_) | Self::Parameters(_) => self.len(),
        }
    }

    /// Shows the canonical bytes of each record in turn.
    pub(crate) fn each_encoded(&self, see: impl FnMut(&[u8])) {
        fn each<T: borsh::BorshSerialize>(records: impl IntoIterator<Item = T>, mut see: impl FnMut(&[u8])) {
            let mut bytes = Vec::with_capacity(256);
            for record in records {
                bytes.clear();
                // Writing to memory does not fail.
                if borsh::to_writer(&mut bytes, &record).is_ok() {
                    see(&bytes);
                }
            }
        }
        match self {
            Self::Readings(rows) => each(rows.refs(), see),
            Self::Scores(scores) => each(*scores, see),
            Self::Access(requests) => each(*requests, see),
            Self::Parameters(records) => each(*records, see),
        }
    }
}

/// Packs a batch's content. Rows must be in order, none split.
pub(crate) fn pack(seed: &SaltSeed, content: &Content<'_>) -> Result<Vec<u8>, Error> {
    let refuse = |reason: String| Err(Error::Bounds { what: "batch", reason });
    if !(1..=BATCH_RECORDS_MAX as usize).contains(&content.len()) {
        return refuse(format!("{} records, 1 to {BATCH_RECORDS_MAX} are possible", content.len()));
    }
    // About a byte a number, with the names in front.
    let mut out = Vec::with_capacity(SEED_BYTES + 256 + 4 * content.len() + 2 * content.values());
    out.push(VERSION);
    out.extend_from_slice(&seed.0);
    match content {
        Content::Readings(rows) => {
            if let Err(reason) = rows.check() {
                return refuse(reason.into());
            }
            out.push(0);
            pack_rows(&mut out, rows);
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
        0 => Records::Readings(unpack_rows(&mut columns)?),
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
