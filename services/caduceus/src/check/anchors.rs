//! Anchors: what was announced is on the record chain, its leaves are at hand, and every personal chain contains its heads.

use std::collections::BTreeMap;

use erm::Id;
use ledger::Digest;
use phc::{AnchorLeaves, AnchorRecord, Scope};
use store::BlobStore;

use super::personal::Followed;
use super::record::Executed;
use super::report::Report;
use crate::network::Network;

/// Checks the announced anchors in their order.
pub(super) async fn check(
    announced: Vec<(String, AnchorRecord)>,
    chains: &BTreeMap<Digest, Followed>,
    network: Digest,
    custody: Option<&Network>,
    record: Option<&Executed>,
    blobs: &BlobStore,
    report: &mut Report,
) {
    let mut known: BTreeMap<String, Vec<Digest>> = BTreeMap::new();
    let blinded = blinded_ids(chains, custody, report);
    for (place, anchor) in announced {
        if let Err(error) = check_one(&anchor, &mut known, &blinded, chains, network, blobs, report).await {
            report.error(format_args!("{place}: {error}"));
        }
    }
    let Some(record) = record else { return };
    for (party, announced) in known {
        let held = Id::new(party.clone()).and_then(|id| record.state.view().anchor(&id));
        match held {
            // The last announcement may not have reached the record chain: the process ended between the two.
            Ok(held) => {
                let held = held.map_or(Digest::ZERO, |held| held.anchor);
                if !announced.iter().rev().take(2).chain([&Digest::ZERO]).any(|anchor| *anchor == held) {
                    report.error(format_args!("the record chain's anchor {held} of {party} was never announced"));
                }
            }
            Err(error) => report.error(error),
        }
    }
}

/// Blinded id → chain, where the keys are at hand.
fn blinded_ids(
    chains: &BTreeMap<Digest, Followed>,
    custody: Option<&Network>,
    report: &mut Report,
) -> BTreeMap<Digest, Digest> {
    let Some(network) = custody else { return BTreeMap::new() };
    let mut blinded = BTreeMap::new();
    for patient in network.patients().into_values().filter(|patient| chains.contains_key(&patient.chain.id)) {
        match network.patient_keys(&patient) {
            Ok(Some(keys)) => {
                if let Ok(blind) = keys.get(&patient.chain, Scope::Blind) {
                    blinded.insert(phc::blinded_id(&patient.chain, blind), patient.chain.id);
                }
            }
            Ok(None) => {}
            Err(failure) => report.error(failure),
        }
    }
    blinded
}

async fn check_one(
    anchor: &AnchorRecord,
    known: &mut BTreeMap<String, Vec<Digest>>,
    blinded: &BTreeMap<Digest, Digest>,
    chains: &BTreeMap<Digest, Followed>,
    network: Digest,
    blobs: &BlobStore,
    report: &mut Report,
) -> Result<(), String> {
    // An announcement that did not reach the record chain is followed by another with the same anchor before it.
    let before = known.entry(anchor.party.clone()).or_default();
    while before.last().is_some_and(|last| *last != anchor.previous) {
        before.pop();
    }
    if before.is_empty() && anchor.previous != Digest::ZERO {
        return Err(format!("an anchor of {} follows {}, which was never announced", anchor.party, anchor.previous));
    }
    before.push(anchor.anchor(network));
    let bytes = blobs.get(&anchor.leaves).await.map_err(|error| error.to_string())?;
    let leaves = AnchorLeaves::decode(&bytes).map_err(|error| error.to_string())?;
    anchor.check(&leaves).map_err(|error| error.to_string())?;
    for leaf in leaves.iter() {
        let Some(chain) = blinded.get(&leaf.blinded) else { continue };
        let Some(followed) = chains.get(chain) else { continue };
        let held = usize::try_from(leaf.height).ok().and_then(|height| followed.hashes.get(height));
        if held != Some(&leaf.head) {
            return Err(format!(
                "chain {chain} does not contain the head {} that was anchored at height {}",
                leaf.head, leaf.height
            ));
        }
        if let Some(patient) = report.patients.get_mut(&followed.name) {
            patient.anchored_height = patient.anchored_height.max(Some(leaf.height));
        }
    }
    report.anchors += 1;
    Ok(())
}
