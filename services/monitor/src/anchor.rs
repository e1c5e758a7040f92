//! Anchoring: one root over the heads of all personal chains, handed to the record chain at an interval (capability E7).

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use kit::Shutdown;
use ledger::{Chain, Digest};
use phc::messages::{PHC_ANCHORS, PHC_BLOCKS};
use phc::{AnchorLeaf, AnchorLeaves, AnchorRecord, Block, Scope, blinded_id};
use store::BlobStore;
use stream::{Append, Batch, EventLog};
use tokio::sync::watch;

use crate::{Error, KeySource, Progress, Result};

const RECORDS_PER_READ: usize = 1_024;

/// The way to the record chain.
#[async_trait]
pub trait AnchorSink: Send + Sync {
    /// The party's last anchor on the record chain; zero for none.
    async fn latest(&self) -> std::result::Result<Digest, String>;

    /// Submits an anchor and returns when it is final.
    async fn submit(&self, anchor: &AnchorRecord) -> std::result::Result<(), String>;
}

/// What an anchorer works with.
pub struct AnchorParts {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// Where the leaves go.
    pub blobs: BlobStore,
    /// Where the blinding secrets come from.
    pub keys: Arc<dyn KeySource>,
    /// The way to the record chain.
    pub sink: Arc<dyn AnchorSink>,
    /// The network's id.
    pub network: Digest,
    /// The party that signs the anchors.
    pub party: String,
}

/// Follows the heads of all personal chains and anchors them.
pub struct Anchorer {
    parts: AnchorParts,
    heads: BTreeMap<Digest, (u64, Digest)>,
    next: BTreeMap<u32, u64>,
    changed: bool,
}

impl Anchorer {
    /// An anchorer that has seen nothing; its first anchor reads `phc.blocks` from the beginning.
    pub fn new(parts: AnchorParts) -> Self {
        Self { parts, heads: BTreeMap::new(), next: BTreeMap::new(), changed: false }
    }

    /// Anchors whenever event time has moved on by `interval_ms`, until shutdown is asked for.
    ///
    /// # Errors
    /// Those of the log and the blob store. Where the record chain cannot take an anchor now, it is tried again with the next progress.
    pub async fn run(
        mut self,
        mut progress: watch::Receiver<Progress>,
        interval_ms: i64,
        shutdown: &Shutdown,
    ) -> Result<()> {
        let mut last: Option<i64> = None;
        loop {
            let event_ms = progress.borrow_and_update().event_ms;
            if let Some(event_ms) =
                event_ms.filter(|now| last.is_none_or(|last| now.saturating_sub(last) >= interval_ms))
            {
                match self.anchor(event_ms).await {
                    Ok(_) => last = Some(event_ms),
                    Err(Error::Anchor(reason)) => {
                        tracing::warn!(%reason, "an anchor was not submitted; it is tried again")
                    }
                    Err(error) => return Err(error),
                }
            }
            tokio::select! {
                biased;
                () = shutdown.triggered() => return Ok(()),
                changed = progress.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    /// Anchors the heads as they are now; [`None`] where no head has moved since the last anchor. The leaves are stored and
    /// announced before the anchor is submitted, so that every anchor of the record chain can be checked.
    ///
    /// # Errors
    /// [`Error::Anchor`] where the record chain refuses or cannot be reached; others of the log and the store.
    pub async fn anchor(&mut self, time_ms: i64) -> Result<Option<AnchorRecord>> {
        self.follow().await?;
        if !self.changed {
            return Ok(None);
        }
        let mut leaves = Vec::new();
        for (id, (height, head)) in &self.heads {
            let chain = Chain { network: self.parts.network, id: *id };
            let Some(keys) = self.parts.keys.keys(&chain).await? else { continue };
            let Ok(blind) = keys.get(&chain, Scope::Blind) else { continue };
            leaves.push(AnchorLeaf { blinded: blinded_id(&chain, blind), height: *height, head: *head });
        }
        if leaves.is_empty() {
            return Ok(None);
        }
        let leaves = AnchorLeaves::new(leaves)?;
        let previous = self.parts.sink.latest().await.map_err(Error::Anchor)?;
        let places = self.parts.blobs.put_pack(vec![Bytes::from(leaves.encode())]).await?;
        let Some(place) = places.first() else { return Ok(None) };
        let chains = u32::try_from(leaves.iter().len()).unwrap_or(u32::MAX);
        let record = AnchorRecord {
            party: self.parts.party.clone(),
            previous,
            root: leaves.root(),
            chains,
            time_ms,
            leaves: *place,
        };
        let mut writer = self.parts.log.writer(&format!("anchor.{}", self.parts.party)).await?;
        let announced = Append::new(PHC_ANCHORS, Bytes::new(), time_ms, ledger::encode(&record)).in_partition(0);
        writer.commit(Batch::of(vec![announced])).await?;
        self.parts.sink.submit(&record).await.map_err(Error::Anchor)?;
        self.changed = false;
        metrics::counter!("caduceus_phc_anchors_total").increment(1);
        Ok(Some(record))
    }

    /// Reads what was appended to `phc.blocks` since the last time.
    async fn follow(&mut self) -> Result<()> {
        for partition in 0..self.parts.log.partitions(PHC_BLOCKS).await? {
            let from = self.next.entry(partition).or_insert(0);
            let mut scan = self.parts.log.scan(PHC_BLOCKS, partition, *from).await?;
            loop {
                let records = scan.next(RECORDS_PER_READ).await?;
                if records.is_empty() {
                    break;
                }
                for record in records {
                    *from = record.offset.saturating_add(1);
                    let Ok(id) = record.key.as_ref().try_into().map(Digest) else { continue };
                    let chain = Chain { network: self.parts.network, id };
                    let block = Block::decode(&record.value)?;
                    self.heads.insert(id, (block.header.height, block.hash(&chain)));
                    self.changed = true;
                }
            }
        }
        Ok(())
    }
}
