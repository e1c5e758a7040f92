//! A page of records, each with its file.

use ledger::{Chain, Digest};
use phc::{OpenedBatch, PatientKeys, RecordFile, Records, Row, RowValue, Scope, Subject};
use serde_json::{Value, json};
use store::BlobStore;
use vitals::{Category, Signal};

use super::chains::Chains;
use super::index::Slot;
use crate::fhir::time;
use crate::{Error, Outcome};

/// Batches that are opened for one answer.
const BATCHES_MAX: usize = 64;

/// Which records.
pub(super) struct Wanted {
    pub(super) category: Category,
    /// `from ≤ t < to`, milliseconds since 1970-01-01 UTC.
    pub(super) time: (i64, i64),
    /// Most records.
    pub(super) limit: usize,
    /// Where the page before ended.
    pub(super) cursor: Option<Cursor>,
}

/// The first record of a page: its block and its place in the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    slot: Slot,
    index: u64,
}

impl Cursor {
    /// `<last event time>.<height>.<index>`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (to_ms, height, index) = (parts.next()?, parts.next()?, parts.next()?);
        let cursor = Self {
            slot: Slot { to_ms: to_ms.parse().ok()?, height: height.parse().ok()? },
            index: index.parse().ok()?,
        };
        (parts.next().is_none() && cursor.to_text() == text).then_some(cursor)
    }

    fn to_text(self) -> String {
        format!("{}.{}.{}", self.slot.to_ms, self.slot.height, self.index)
    }
}

/// The records of a permitted question, in the order of their blocks' last event time, and where the next page begins.
pub(super) async fn read(
    chains: &Chains,
    blobs: &BlobStore,
    chain: &Chain,
    keys: &PatientKeys,
    wanted: &Wanted,
) -> Result<Value, Outcome> {
    let category = wanted.category.id();
    let slots = chains
        .slots(&chain.id, category, wanted.time, wanted.cursor.map(|cursor| cursor.slot), BATCHES_MAX + 1)
        .await?;
    let key = keys.get(chain, Scope::Category(category)).map_err(|_| super::erased())?;
    let above = slots.iter().map(|slot| slot.height).max().unwrap_or(0);
    let patient = if slots.is_empty() { None } else { Some(chains.signed_by_patient(&chain.id, above).await?) };
    let (mut records, mut next) = (Vec::new(), None);
    for (count, slot) in slots.iter().enumerate() {
        let Some(patient) = &patient else { break };
        if count == BATCHES_MAX || records.len() >= wanted.limit {
            next = Some(Cursor { slot: *slot, index: 0 });
            break;
        }
        let failed = |error: &dyn std::fmt::Display| {
            Error::storage(format!("read block {} of chain {}", slot.height, chain.id), error)
        };
        let block = chains.block(&chain.id, slot.height).await?.ok_or_else(|| failed(&"it is not in the log"))?;
        let entry = block.header.batch(category).ok_or_else(|| failed(&"it has no such batch"))?;
        let sealed = blobs.get(&entry.blob).await.map_err(|error| failed(&error))?;
        let batch = OpenedBatch::open(chain, key, &block.header, category, &sealed).map_err(|error| failed(&error))?;
        let Records::Readings(all) = batch.records() else { return Err(failed(&"these are no readings").into()) };
        let first = wanted.cursor.filter(|cursor| cursor.slot == *slot).map_or(0, |cursor| cursor.index);
        let (from_ms, to_ms) = wanted.time;
        let within = |(index, row): &(u64, &Row)| *index >= first && (from_ms..to_ms).contains(&row.time_ms);
        let room = wanted.limit.saturating_sub(records.len());
        let mut chosen: Vec<(u64, &Row)> = (0u64..).zip(all).filter(within).take(room.saturating_add(1)).collect();
        if chosen.len() > room {
            next = chosen.pop().map(|(index, _)| Cursor { slot: *slot, index });
        }
        let indexes: Vec<u64> = chosen.iter().map(|(index, _)| *index).collect();
        let proofs = batch.prove_all(&block, &indexes).map_err(|error| failed(&error))?;
        let authority = patient.authority(slot.height);
        for (place, ((index, row), proof)) in chosen.into_iter().zip(proofs).enumerate() {
            let file = RecordFile { proof, authority: authority.clone() };
            if place == 0 {
                // What does not hold is never handed out; what else may fail is the same for the whole batch.
                file.verify(&chain.network).map_err(|error| failed(&error))?;
            }
            records.push(show(row, slot.height, index, &file).map_err(|error| failed(&error))?);
        }
        if next.is_some() {
            break;
        }
    }
    let mut page = json!({ "chain": chain.id, "category": wanted.category.name(), "records": records });
    if let (Some(next), Some(map)) = (next, page.as_object_mut()) {
        map.insert("next".into(), next.to_text().into());
    }
    Ok(page)
}

/// One record, the values that were measured at one moment and sent together, as the answer shows it; `proof` is the file of
/// `docs/formats.md` 3.8.
fn show(row: &Row, height: u64, index: u64, file: &RecordFile) -> serde_json::Result<Value> {
    let provenance = match row.provenance {
        phc::Provenance::Device => "device",
        phc::Provenance::Manual => "manual",
    };
    let location = match &row.subject {
        Subject::Patient => Value::Null,
        Subject::Location(location) => location.as_str().into(),
    };
    Ok(json!({
        "time": time::to_text(row.time_ms),
        "offset_minutes": row.offset_minutes,
        "values": row.values.iter().map(show_value).collect::<Vec<_>>(),
        "provenance": provenance,
        "device": row.device,
        "location": location,
        "received": time::to_text(row.received_ms),
        "height": height,
        "index": index,
        "proof": serde_json::to_value(file)?,
    }))
}

fn show_value(value: &RowValue) -> Value {
    let signal = Signal::from_id(value.signal);
    json!({
        "signal": signal.map_or_else(|| json!(value.signal), |signal| json!(signal.name())),
        "value": vitals::milli::to_text(value.value_milli),
        "unit": signal.map(Signal::unit),
        "sequence": value.sequence,
    })
}

/// A chain's id from a path, in its one spelling.
pub(super) fn chain_id(text: &str) -> Option<Digest> {
    text.parse().ok()
}
