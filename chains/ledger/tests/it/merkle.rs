use ct_merkle::mem_backed_tree::MemoryBackedTree;
use digest_next::Sha256;
use ledger::{Error, MerkleTree, empty_root, root_of};
use proptest::prelude::*;

fn leaves() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..70)
}

proptest! {
    #[test]
    fn roots_and_proofs_are_those_of_rfc_6962(leaves in leaves()) {
        let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        for leaf in &leaves { other.push(leaf.clone()); }
        let tree = MerkleTree::new(&leaves);
        let root = tree.root();
        let other_root = other.root();
        prop_assert_eq!(&root.0[..], &other_root.as_bytes()[..]);
        prop_assert_eq!(root, root_of(&leaves));
        for (index, leaf) in leaves.iter().enumerate() {
            let proof = tree.prove(index as u64).unwrap();
            let bytes: Vec<u8> = proof.path.iter().flat_map(|d| d.0).collect();
            let other_proof = other.prove_inclusion(index);
            prop_assert_eq!(&bytes[..], other_proof.as_bytes());
            proof.verify(leaf, &root).unwrap();
        }
    }

    #[test]
    fn a_proof_is_good_for_one_leaf_at_one_place_in_one_tree(leaves in leaves(), pick in any::<prop::sample::Index>(), flip in any::<(u8, u8)>()) {
        let tree = MerkleTree::new(&leaves);
        let index = pick.index(leaves.len());
        let proof = tree.prove(index as u64).unwrap();
        let root = tree.root();

        let mut other_leaf = leaves[index].clone();
        other_leaf.push(1);
        prop_assert!(proof.verify(&other_leaf, &root).is_err());

        let mut other_root = root;
        other_root.0[usize::from(flip.0 % 32)] ^= flip.1 | 1;
        prop_assert!(proof.verify(&leaves[index], &other_root).is_err());

        let mut longer = proof.clone();
        longer.path.push(root);
        prop_assert!(longer.verify(&leaves[index], &root).is_err());

        if !proof.path.is_empty() {
            let mut shorter = proof.clone();
            shorter.path.pop();
            prop_assert!(shorter.verify(&leaves[index], &root).is_err());
            let mut altered = proof.clone();
            altered.path[0].0[0] ^= 1;
            prop_assert!(altered.verify(&leaves[index], &root).is_err());
            // Two equal neighbours prove each other's place.
            if leaves.get(index ^ 1) != Some(&leaves[index]) {
                let mut moved = proof.clone();
                moved.index ^= 1;
                prop_assert!(moved.verify(&leaves[index], &root).is_err());
            }
        }
    }
}

/// E4: the proof of any of n records has at most ⌈log2 n⌉ steps.
#[test]
fn proofs_are_logarithmic() {
    for n in [1u64, 2, 3, 1000, 10_000] {
        let leaves: Vec<[u8; 8]> = (0..n).map(u64::to_le_bytes).collect();
        let tree = MerkleTree::new(&leaves);
        let bound = n.next_power_of_two().trailing_zeros() as usize;
        let longest = (0..n).map(|i| tree.prove(i).unwrap().path.len()).max().unwrap();
        assert_eq!(longest, bound, "n = {n}");
    }
}

#[test]
fn a_leaf_cannot_pose_as_a_node() {
    let tree = MerkleTree::new(&[b"a", b"b"]);
    let (left, right) = (ledger::leaf_hash(b"a"), ledger::leaf_hash(b"b"));
    let joined = [left.0, right.0].concat();
    assert_ne!(root_of(&[joined]), tree.root());
}

#[test]
fn a_tree_without_leaves_proves_nothing() {
    let tree = MerkleTree::new::<[u8; 1]>(&[]);
    assert_eq!(tree.root(), empty_root());
    assert_eq!(tree.prove(0), Err(Error::NoSuchLeaf { index: 0, size: 0 }));
}
