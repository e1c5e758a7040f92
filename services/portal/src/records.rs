//! Readings out: the records of a block of a personal chain, each with its proof, to whom the patient permits it.

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use erm::{Asker, Mode, Purpose};
use ledger::{Chain, Digest};
use phc::{Block, OpenedBatch, Records, Scope};
use serde::Deserialize;
use serde_json::{Value, json};
use stream::partition_of;
use stream::topics::PHC_BLOCKS;
use vitals::{Category, Signal};

use crate::access::{Ask, Permit};
use crate::fhir::time;
use crate::outcome::Problem;
use crate::{Error, Holder, Outcome, Portal};

/// Most records of one answer.
const PAGE: u64 = 100;
/// Blocks read at once while one is looked for.
const SCAN_RECORDS: usize = 256;

/// Query of `GET /phc/{chain}/records`.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    category: String,
    /// The block; none: the last that has the category.
    #[serde(default)]
    height: Option<u64>,
    /// The first record of the answer.
    #[serde(default)]
    index: u64,
}

/// `GET /phc/{chain}/records?category=vitals[&height=…][&index=…]`.
pub(crate) async fn get(
    State(portal): State<Portal>,
    Path(chain): Path<String>,
    query: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Response {
    let holder = portal.authorise(request.headers());
    drop(request);
    match answer(&portal, &chain, query.map(|Query(wanted)| wanted).ok(), holder).await {
        Ok(value) => Json(value).into_response(),
        Err(outcome) => Problem(outcome).into_response(),
    }
}

async fn answer(
    portal: &Portal,
    chain: &str,
    wanted: Option<Wanted>,
    holder: Result<Holder, Outcome>,
) -> Result<Value, Outcome> {
    let asker = match holder? {
        Holder::Party(id) => Asker::Party(id),
        Holder::Patient(key) => Asker::Patient(key),
        Holder::Device { .. } => return Err(Outcome::role("devices read nothing")),
    };
    let wanted =
        wanted.ok_or_else(|| Outcome::invalid("category", "a category is needed; height and index are numbers"))?;
    let category = Category::from_name(&wanted.category)
        .ok_or_else(|| Outcome::invalid("category", "this category is unknown"))?;
    let patient = chain.parse().ok().and_then(|chain| portal.0.custody.patient_of_chain(&chain));
    let ask = Ask {
        patient,
        asked_for: chain.to_owned(),
        asker,
        purpose: Purpose::Treatment,
        mode: Mode::Read,
        wants: vec![(erm::Category(category.id()), None)],
        record: Digest::ZERO,
        location: portal.0.settings.location.clone(),
        now_ms: portal.0.clock.now_ms(),
    };
    let permit = portal.0.access.ask(ask).await?;
    let nothing = || Outcome::not_found("there is no such block with this category");
    let block = portal.block(&permit, category, wanted.height).await?.ok_or_else(nothing)?;
    portal.page(&permit, category, &block, wanted.index).await
}

impl Portal {
    /// A block of the permitted patient's chain.
    async fn block(&self, permit: &Permit, category: Category, height: Option<u64>) -> Result<Option<Block>, Error> {
        let chain = permit.patient.chain;
        let partition = partition_of(&chain.0, self.0.log.partitions(&PHC_BLOCKS).await?);
        let mut scan = self.0.log.scan(&PHC_BLOCKS, partition, 0).await?;
        let mut found = None;
        loop {
            let records = scan.next(SCAN_RECORDS).await?;
            if records.is_empty() {
                return Ok(found);
            }
            for record in records.into_iter().filter(|record| record.key.as_ref() == chain.0) {
                let block = Block::decode(&record.value).map_err(|error| Error::storage("read a block", error))?;
                if block.header.batch(category.id()).is_none() {
                    continue;
                }
                if height == Some(block.header.height) {
                    return Ok(Some(block));
                }
                if height.is_none() {
                    found = Some(block);
                }
            }
        }
    }

    /// Some records of a block, each with its proof.
    async fn page(&self, permit: &Permit, category: Category, block: &Block, index: u64) -> Result<Value, Outcome> {
        let chain = Chain { network: self.0.network, id: permit.patient.chain };
        let failed = |error: &dyn std::fmt::Display| Error::storage("open a batch", error);
        let entry = block.header.batch(category.id()).ok_or_else(|| failed(&"the block has no such batch"))?;
        let keys = self.0.custody.keys(&chain.id).ok_or_else(Outcome::forbidden)?;
        let key = keys.get(&chain, Scope::Category(category.id())).map_err(|_| Outcome::forbidden())?;
        let sealed = self.0.documents.blobs.get(&entry.blob).await.map_err(|error| failed(&error))?;
        let batch =
            OpenedBatch::open(&chain, key, &block.header, category.id(), &sealed).map_err(|error| failed(&error))?;
        let Records::Readings(records) = batch.records() else { return Err(failed(&"these are no readings").into()) };
        let end = u64::from(entry.count).min(index.saturating_add(PAGE));
        let indexes: Vec<u64> = (index..end).collect();
        let proofs = batch.prove_all(block, &indexes).map_err(|error| failed(&error))?;
        let from = usize::try_from(index).unwrap_or(usize::MAX);
        let shown = records.iter().skip(from).zip(&proofs).map(|(record, proof)| {
            let signal = Signal::from_id(record.reading.signal);
            json!({
                "device": record.device,
                "sequence": record.sequence,
                "signal": signal.map(Signal::name),
                "value": vitals::milli::to_text(record.reading.value_milli),
                "unit": signal.map(Signal::unit),
                "time": time::to_text(record.reading.time_ms),
                "offset_minutes": record.reading.offset_minutes,
                "proof": hex::encode(proof.encode()),
            })
        });
        let shown: Vec<Value> = shown.collect();
        Ok(json!({
            "chain": chain.id, "height": block.header.height, "block": block.hash(&chain), "count": entry.count,
            "index": index, "records": shown,
        }))
    }
}
