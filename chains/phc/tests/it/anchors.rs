//! Anchors over heads (capability E7).

use ledger::{DataKey, Digest};
use phc::*;
use proptest::prelude::*;

fn leaves(count: u8) -> Vec<AnchorLeaf> {
    (0..count)
        .map(|at| AnchorLeaf { blinded: Digest([at; 32]), height: u64::from(at), head: Digest([200 - at; 32]) })
        .collect()
}

#[test]
fn leaves_twice_or_out_of_order_are_refused() {
    let mut twice = leaves(3);
    twice.push(AnchorLeaf { height: 9, ..twice[0] });
    assert!(AnchorLeaves::new(twice).is_err());
    let mut disorder = leaves(3);
    disorder.swap(0, 1);
    assert!(AnchorLeaves::decode(&ledger::encode(&disorder)).is_err());
    let shuffled = AnchorLeaves::new(disorder).unwrap();
    assert_eq!(AnchorLeaves::decode(&shuffled.encode()).unwrap(), shuffled);
}

#[test]
fn a_blinded_id_hangs_on_the_secret_the_chain_and_the_network() {
    let chain = ledger::Chain { network: Digest([1; 32]), id: Digest([2; 32]) };
    let own = blinded_id(&chain, &DataKey::from_bytes([3; 32]));
    assert_ne!(own, blinded_id(&chain, &DataKey::from_bytes([4; 32])));
    assert_ne!(own, blinded_id(&ledger::Chain { id: Digest([5; 32]), ..chain }, &DataKey::from_bytes([3; 32])));
    assert_ne!(own, blinded_id(&ledger::Chain { network: Digest([5; 32]), ..chain }, &DataKey::from_bytes([3; 32])));
}

proptest! {
    #[test]
    fn every_leaf_is_under_the_root_and_nothing_else_is(count in 1..40u8, absent in 40..255u8) {
        let all = AnchorLeaves::new(leaves(count)).unwrap();
        for leaf in all.iter() {
            let (found, proof) = all.prove(&leaf.blinded).unwrap();
            prop_assert_eq!(&found, leaf);
            prop_assert!(verify_anchored(&found, &proof, &all.root()).is_ok());
            let higher = AnchorLeaf { height: leaf.height + 1, ..*leaf };
            prop_assert!(verify_anchored(&higher, &proof, &all.root()).is_err());
        }
        prop_assert!(all.prove(&Digest([absent; 32])).is_none());
    }
}
