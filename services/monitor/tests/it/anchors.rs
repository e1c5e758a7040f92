//! Anchoring over the heads of chains that a monitor writes.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ledger::Digest;
use monitor::{AnchorParts, AnchorSink, Anchorer};
use phc::messages::PHC_ANCHORS;
use phc::{AnchorLeaves, AnchorRecord, Scope, blinded_id, verify_anchored};

use crate::world::*;

/// A record chain that holds one party's last anchor.
#[derive(Default)]
struct Chainlet {
    anchors: Mutex<Vec<Digest>>,
    refuses: Mutex<bool>,
}

#[async_trait]
impl AnchorSink for Chainlet {
    async fn latest(&self) -> Result<Digest, String> {
        Ok(self.anchors.lock().unwrap().last().copied().unwrap_or(Digest::ZERO))
    }

    async fn submit(&self, anchor: &AnchorRecord) -> Result<(), String> {
        if *self.refuses.lock().unwrap() {
            return Err("no quorum".into());
        }
        let before = self.latest().await?;
        assert_eq!(anchor.previous, before);
        self.anchors.lock().unwrap().push(anchor.anchor(NETWORK));
        Ok(())
    }
}

/// Capability E7: a head on the personal chain is on the record chain too, and can be shown to be.
#[tokio::test(flavor = "multi_thread")]
async fn heads_are_anchored_their_leaves_announced_and_each_patient_finds_the_own_one() {
    let mut world = World::new(60).await;
    let patients = [world.enrol().await, world.enrol().await];
    let mut running = world.start();
    for patient in &patients {
        world.send(patient, &minute(0, 0)).await;
    }
    world.flush(&mut running, START_MS + MINUTE_MS).await;
    let sink = Arc::new(Chainlet::default());
    let parts = AnchorParts {
        log: Arc::new(world.log.clone()),
        blobs: world.blobs.clone(),
        keys: world.keys.clone(),
        sink: sink.clone(),
        network: NETWORK,
        party: "hospital-1".into(),
    };
    let mut anchorer = Anchorer::new(parts);
    let first = anchorer.anchor(START_MS + MINUTE_MS).await.unwrap().unwrap();
    assert_eq!(first.chains, 2);
    let announced = world.records(PHC_ANCHORS).await;
    assert_eq!(ledger::decode::<AnchorRecord>("anchor", &announced[0].value).unwrap(), first);
    let leaves = AnchorLeaves::decode(&world.blobs.get(&first.leaves).await.unwrap()).unwrap();
    first.check(&leaves).unwrap();
    for patient in &patients {
        let blind = patient.keys.get(&patient.chain, Scope::Blind).unwrap();
        let (leaf, proof) = leaves.prove(&blinded_id(&patient.chain, blind)).unwrap();
        let head = world.blocks(patient).await.pop().unwrap();
        assert_eq!((leaf.height, leaf.head), (head.header.height, head.hash(&patient.chain)));
        verify_anchored(&leaf, &proof, &first.root).unwrap();
        assert!(verify_anchored(&leaf, &proof, &Digest::ZERO).is_err());
    }
    assert!(anchorer.anchor(START_MS + 2 * MINUTE_MS).await.unwrap().is_none(), "no head has moved");
    // While the record chain takes none, nothing is lost: the next one follows the last that it took.
    world.send(&patients[0], &minute(0, 1)).await;
    world.flush(&mut running, START_MS + 2 * MINUTE_MS).await;
    *sink.refuses.lock().unwrap() = true;
    assert!(matches!(anchorer.anchor(START_MS + 2 * MINUTE_MS).await, Err(monitor::Error::Anchor(_))));
    *sink.refuses.lock().unwrap() = false;
    let second = anchorer.anchor(START_MS + 3 * MINUTE_MS).await.unwrap().unwrap();
    assert_eq!(second.previous, first.anchor(NETWORK));
    assert_eq!(*sink.anchors.lock().unwrap(), [first.anchor(NETWORK), second.anchor(NETWORK)]);
    running.stop().await;
}
