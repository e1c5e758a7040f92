//! The record nodes on this disk: blocks, and the votes and proposals beside them.

use std::path::PathBuf;

use ledger::Digest;
use record_node::StoredBlocks;
use store::segment_log::ProblemKind;

use super::bytes;
use super::report::Report;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::home::Home;

/// A node's data directory.
pub(super) struct Node {
    pub(super) dir: PathBuf,
    /// Height of its last block.
    decided: u64,
}

/// The data directories of the record nodes on this disk, the bytes of their blocks checked.
pub(super) fn check_blocks(home: &Home, report: &mut Report) -> Outcome<Vec<Node>> {
    let folder = home.record("");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(Vec::new()) };
    let mut dirs = Vec::new();
    for entry in entries {
        let path = entry.or_environment(format_args!("{} cannot be read", folder.display()))?.path();
        if StoredBlocks::dir(&path).is_dir() {
            dirs.push(path);
        }
    }
    dirs.sort();
    dirs.into_iter().map(|dir| Ok(Node { decided: bytes::log(&StoredBlocks::dir(&dir), report)?, dir })).collect()
}

/// The votes that the nodes have given and the blocks that they have voted on.
pub(super) fn check_votes(network: &Digest, nodes: &[Node], report: &mut Report) -> Outcome {
    for node in nodes {
        let found = record_node::check_votes_and_proposals(&node.dir, network, node.decided);
        // What an interrupted write left is dropped at the next start: nobody was answered for it.
        for problem in found.map_err(Failure::environment)?.iter().filter(|found| found.kind == ProblemKind::Corrupt) {
            report.error(problem);
        }
    }
    Ok(())
}
