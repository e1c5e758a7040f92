//! One commit: blobs first, made durable; then blocks, alerts, states and read positions in one atomic step.

use std::collections::BTreeMap;

use bytes::Bytes;
use ledger::{BlobRef, Digest, encode};
use phc::messages::{ACCESS_REQUESTS, ALERTS, MONITOR_STATE, PHC_BLOCKS, READINGS};
use phc::{Alert, Block, seal_topic_value};
use stream::{Append, Position};

use crate::Result;
use crate::cut::{Counts, Cut, OpenAlert};
use crate::partition::{PartitionWork, Places};
use crate::shared::Shared;
use crate::state::PartitionState;

/// Everything that one commit appends, and the places that it moves to.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) records: Vec<Append>,
    pub(crate) positions: Vec<Position>,
    pub(crate) targets: Vec<(u32, Places)>,
    pub(crate) counts: Counts,
    pub(crate) blocks: u64,
}

/// Makes the blocks of all cuts; their blobs are one pack, which is durable when this returns.
pub(crate) async fn gather(shared: &mut Shared, partitions: &mut BTreeMap<u32, PartitionWork>) -> Result<Gathered> {
    let mut cuts = Vec::new();
    for (number, work) in partitions.iter_mut() {
        work.cut_bytes = 0;
        cuts.extend(work.cuts.drain(..).map(|(id, cut)| (*number, id, cut)));
    }
    let drafts = cuts.iter().filter_map(|(_, _, cut)| cut.draft.as_ref());
    let blobs = drafts.flat_map(|draft| draft.blobs().map(Bytes::copy_from_slice)).collect();
    let mut places = shared.blobs.put_pack(blobs).await?.into_iter();
    let mut gathered = Gathered::default();
    let mut states = BTreeMap::new();
    for (number, id, cut) in cuts {
        let own: Vec<BlobRef> =
            places.by_ref().take(cut.draft.iter().flat_map(phc::BlockDraft::blobs).count()).collect();
        let Some(patient) = partitions.get_mut(&number).and_then(|work| work.patients.get_mut(&id)) else {
            continue; // keys or grant were taken back after the cut
        };
        let Cut { chain, keys, draft, alerts, rejects, mut state, time_ms, counts } = cut;
        let key = id.0.to_vec();
        if let Some(draft) = draft {
            let block = draft.finish(patient.head.hash, &own, &shared.signer, &mut shared.rng)?;
            patient.made(&block)?;
            gathered.blocks += 1;
            gathered.records.push(Append::new(PHC_BLOCKS, key.clone(), block.header.time_ms, block.encode()));
            for alert in alerts {
                let (severity, time_ms) = (alert.severity, alert.time_ms);
                let value = seal_topic_value(
                    keys.stream(&chain)?,
                    &chain,
                    ALERTS,
                    &to_value(alert, &block, patient.head.hash),
                    &mut shared.rng,
                );
                gathered.records.push(Append::new(ALERTS, key.clone(), time_ms, value));
                metrics::counter!("caduceus_alerts_raised_total", "severity" => severity).increment(1);
            }
        }
        gathered.records.extend(rejects);
        gathered.counts.readings += counts.readings;
        gathered.counts.scores += counts.scores;
        gathered.counts.anomalies += counts.anomalies;
        gathered.counts.score_micro = counts.score_micro.or(gathered.counts.score_micro);
        state.chain = patient.head.clone();
        // Of several cuts of one patient the last state stands for all.
        states.insert((number, id), (chain, keys, state, time_ms));
    }
    for ((_, id), (chain, keys, state, time_ms)) in states {
        let value = state.seal(&chain, &keys, &mut shared.rng)?;
        gathered.records.push(Append::new(MONITOR_STATE, id.0.to_vec(), time_ms, value));
    }
    for work in partitions.values() {
        pass(&mut gathered, work);
    }
    Ok(gathered)
}

fn to_value(alert: OpenAlert, block: &Block, hash: Digest) -> Alert {
    let OpenAlert { entry, anomaly, alerting, chart, .. } = alert;
    Alert { anomaly, alerting, height: block.header.height, block: hash, entry, chart }
}

/// Moves a partition's read positions as far as everything is in blocks.
fn pass(gathered: &mut Gathered, work: &PartitionWork) {
    let (target, committed) = (work.target(), work.committed);
    if target == committed {
        return;
    }
    let moves = [
        (READINGS, target.readings, committed.readings),
        (ACCESS_REQUESTS, target.access, committed.access),
        (PHC_BLOCKS, target.blocks, committed.blocks),
    ];
    for (topic, offset, _) in moves.into_iter().filter(|(_, to, from)| to != from) {
        gathered.positions.push(Position { topic: topic.into(), partition: work.number, offset });
    }
    gathered.records.extend(work.outbox.releasable(target).cloned());
    let time_ms = work.ticks.before(target.readings);
    if time_ms != work.ticks.committed_ms() {
        let value = encode(&PartitionState { time_ms });
        gathered
            .records
            .push(Append::new(MONITOR_STATE, Bytes::new(), time_ms.unwrap_or(0), value).in_partition(work.number));
    }
    gathered.targets.push((work.number, target));
}
