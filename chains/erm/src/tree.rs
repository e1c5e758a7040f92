//! The Jellyfish Merkle tree over a [`NodeStore`]: `jmt` is named here and nowhere else.

use std::collections::BTreeMap;

use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Sha256Jmt, Version};
use ledger::Digest;

use crate::{Error, NodeStore, StateProof};

/// Nodes and values that a version adds, and nodes that it makes stale.
pub(crate) struct TreeWrites {
    pub(crate) nodes: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) values: Vec<(Digest, Vec<u8>)>,
    pub(crate) stale: Vec<Vec<u8>>,
}

struct Reader<'a, S>(&'a S);

impl<S: NodeStore> TreeReader for Reader<'_, S> {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        match self.0.node(&borsh::to_vec(key)?)? {
            Some(bytes) => Ok(Some(borsh::from_slice(&bytes)?)),
            None => Ok(None),
        }
    }

    fn get_value_option(&self, version: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self.0.value(&Digest(key.0), version)?)
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("restoring a tree leaf by leaf is not supported")
    }
}

/// Root and writes of `version` from the version before it (none for version 0). `values` must not be empty.
pub(crate) fn put<S: NodeStore>(
    store: &S,
    version: u64,
    values: BTreeMap<Digest, Vec<u8>>,
) -> Result<(Digest, TreeWrites), Error> {
    let reader = Reader(store);
    let set: Vec<(KeyHash, OwnedValue)> = values.iter().map(|(key, value)| (KeyHash(key.0), value.clone())).collect();
    let (roots, batch) =
        Sha256Jmt::new(&reader).batch_put_value_sets(vec![set], None, version).map_err(|error| store_error(&error))?;
    let root = roots.first().ok_or_else(|| Error::Store("the tree gave no root".into()))?;
    let encode = |error: std::io::Error| Error::Store(error.to_string());
    let mut nodes = Vec::with_capacity(batch.node_batch.nodes().len());
    for (key, node) in batch.node_batch.nodes() {
        nodes.push((borsh::to_vec(key).map_err(encode)?, borsh::to_vec(node).map_err(encode)?));
    }
    let mut stale = Vec::with_capacity(batch.stale_node_index_batch.len());
    for index in &batch.stale_node_index_batch {
        stale.push(borsh::to_vec(&index.node_key).map_err(encode)?);
    }
    Ok((Digest(root.0), TreeWrites { nodes, values: values.into_iter().collect(), stale }))
}

/// A value at a version, or its absence, with the proof.
pub(crate) fn prove<S: NodeStore>(
    store: &S,
    version: u64,
    key: &Digest,
) -> Result<(Option<Vec<u8>>, StateProof), Error> {
    let reader = Reader(store);
    let (value, proof) =
        Sha256Jmt::new(&reader).get_with_proof(KeyHash(key.0), version).map_err(|error| store_error(&error))?;
    let bytes = borsh::to_vec(&proof).map_err(|error| Error::Store(error.to_string()))?;
    Ok((value, StateProof::from_jmt(&bytes)?))
}

/// Root of a version.
pub(crate) fn root<S: NodeStore>(store: &S, version: u64) -> Result<Digest, Error> {
    let reader = Reader(store);
    let root = Sha256Jmt::new(&reader).get_root_hash(version).map_err(|error| store_error(&error))?;
    Ok(Digest(root.0))
}

fn store_error(error: &anyhow::Error) -> Error {
    error.downcast_ref::<Error>().cloned().unwrap_or_else(|| Error::Store(format!("{error:#}")))
}
