//! The record chain on disk: every node's blocks, executed anew from the genesis.

use std::path::Path;

use erm::{Block, Genesis, MemoryStore, State, TrustRoot, verify_header};
use ledger::{CommitCertificate, Digest};
use record_node::StoredBlocks;

use super::nodes::Node;
use super::report::{RecordChainReport, Report};

/// The state after the last block that every node agrees on.
pub(super) struct Executed {
    pub(super) state: State<MemoryStore>,
    pub(super) transactions: u64,
}

/// Executes the blocks of the first node; the others must hold the same ones, as far as they got.
pub(super) fn check(genesis: &Genesis, nodes: &[Node], report: &mut Report) -> Option<Executed> {
    let mut longest: Option<(Vec<Digest>, Executed)> = None;
    for node in nodes {
        match execute(genesis, &node.dir, longest.as_ref().map_or(&[], |(hashes, _)| hashes)) {
            Ok((hashes, executed)) => {
                if longest.as_ref().is_none_or(|(known, _)| known.len() < hashes.len()) {
                    longest = Some((hashes, executed));
                }
            }
            Err(error) => report.error(error),
        }
    }
    let (_, executed) = longest?;
    let head = executed.state.head();
    report.record_chain = Some(RecordChainReport {
        height: head.height,
        state_root: head.state_root,
        transactions: executed.transactions,
        nodes: nodes.len(),
    });
    Some(executed)
}

/// The network whose first block every node here holds, where that is not the one of the genesis: then it is the genesis that is wrong.
pub(super) fn other_network(network: Digest, nodes: &[Node]) -> Option<Digest> {
    let mut named = nodes.iter().filter_map(|node| named_network(&node.dir));
    let first = named.next().filter(|first| *first != network)?;
    named.all(|other| other == first).then_some(first)
}

/// The network that a node's first block names.
fn named_network(node: &Path) -> Option<Digest> {
    let stored = StoredBlocks::open(node).ok()?.next()?.ok()?;
    Block::decode(&stored.block).ok().map(|block| block.header.parent)
}

fn execute(genesis: &Genesis, node: &Path, known: &[Digest]) -> Result<(Vec<Digest>, Executed), String> {
    let mut state = State::genesis(genesis.clone(), MemoryStore::default()).map_err(|error| error.to_string())?;
    let network = state.network();
    let (mut hashes, mut transactions) = (Vec::new(), 0u64);
    let blocks = StoredBlocks::open(node).map_err(|error| format!("{}: {error}", node.display()))?;
    for stored in blocks {
        let stored = stored.map_err(|error| error.to_string())?;
        let at = |what: &dyn std::fmt::Display| {
            format!("{} at byte {}: block {}: {what}", stored.file.display(), stored.position, stored.height)
        };
        let block = Block::decode(&stored.block).map_err(|error| at(&error))?;
        let hash = block.hash(&network);
        if block.header.height == 1 && block.header.parent != network {
            return Err(at(&format_args!(
                "it belongs to network {}, the genesis is that of {network}: one of the two was changed",
                block.header.parent
            )));
        }
        check_final(genesis, &state, &block, &stored.certificate).map_err(|error| at(&error))?;
        if known.get(hashes.len()).is_some_and(|other| *other != hash) {
            return Err(at(&"another node holds another block of this height"));
        }
        let executed = state.validate(&block).map_err(|error| at(&error))?;
        transactions += block.transactions.len() as u64;
        state.apply(executed).map_err(|error| at(&error))?;
        let height = state.head().height;
        state.store_mut().prune(height);
        hashes.push(hash);
    }
    Ok((hashes, Executed { state, transactions }))
}

/// The certificate holds more than two thirds of the validators that the state before names.
fn check_final(
    genesis: &Genesis,
    state: &State<MemoryStore>,
    block: &Block,
    certificate: &CommitCertificate,
) -> Result<(), String> {
    if state.head().height == 0 {
        return verify_header(TrustRoot::Genesis(genesis), &[], &block.header, certificate)
            .map(|_| ())
            .map_err(|error| error.to_string());
    }
    let network = state.network();
    if certificate.height != block.header.height || certificate.block != block.hash(&network) {
        return Err("its certificate is for another block".into());
    }
    certificate.verify(&network, state.validators()).map_err(|error| error.to_string())
}
