//! What a check found, for people and as JSON.

use std::collections::BTreeMap;

use ledger::Digest;
use serde::Serialize;

/// The result of a check.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) ok: bool,
    /// Everything that is wrong, each with file and place, in the order of checking.
    pub(crate) errors: Vec<String>,
    /// By the patient's name where the keys are at hand, else by the chain's id.
    pub(crate) patients: BTreeMap<String, PatientReport>,
    pub(crate) record_chain: Option<RecordChainReport>,
    /// Anchors of personal chains that the record chain holds and whose leaves are at hand.
    pub(crate) anchors: u64,
    /// What lies in the data directory and was not verified: it has nothing that it could be held against, or the keys are not here.
    pub(crate) not_verified: Vec<String>,
}

/// One personal chain.
#[derive(Debug, Serialize)]
pub(crate) struct PatientReport {
    /// Blocks, the opening included.
    pub(crate) blocks: u64,
    /// Readings: values of one signal at one instant.
    pub(crate) readings: Option<u64>,
    pub(crate) anomalies: u64,
    /// Hash of the last block.
    pub(crate) head: Digest,
    /// Height of the last block that an anchor on the record chain covers.
    pub(crate) anchored_height: Option<u64>,
    /// Over readings, scores and anomalies: independent of keys, salts and block boundaries. Null without keys.
    pub(crate) content_sha256: Option<Digest>,
    pub(crate) scores_sha256: Option<Digest>,
    pub(crate) anomalies_sha256: Option<Digest>,
}

/// The record chain, as every node on this disk agrees on it.
#[derive(Debug, Serialize)]
pub(crate) struct RecordChainReport {
    pub(crate) height: u64,
    pub(crate) state_root: Digest,
    pub(crate) transactions: u64,
    /// Nodes whose blocks lie on this disk.
    pub(crate) nodes: usize,
}

impl Report {
    pub(crate) fn error(&mut self, message: impl std::fmt::Display) {
        self.errors.push(message.to_string());
    }

    pub(crate) fn not_verified(&mut self, what: impl std::fmt::Display) {
        self.not_verified.push(what.to_string());
    }

    /// For people.
    pub(crate) fn print(&self) {
        let mut out = String::new();
        if let Some(chain) = &self.record_chain {
            out += &format!(
                "record chain   height {}, {} transactions, {} nodes agree, state root {}\n",
                chain.height, chain.transactions, chain.nodes, chain.state_root
            );
        }
        for (name, patient) in &self.patients {
            let readings = patient.readings.map_or("sealed".to_owned(), |count| count.to_string());
            let anchored = patient.anchored_height.map_or("never".to_owned(), |height| height.to_string());
            out += &format!(
                "patient {name}   {} blocks, {readings} readings, {} anomalies, anchored up to {anchored}\n",
                patient.blocks, patient.anomalies
            );
        }
        out += &format!("{} anchors\n", self.anchors);
        for what in &self.not_verified {
            out += &format!("not verified   {what}\n");
        }
        for error in &self.errors {
            out += &format!("WRONG  {error}\n");
        }
        out += if self.ok { "ok: every chain, batch, proof and anchor holds\n" } else { "not ok\n" };
        crate::console::print(&out);
    }
}
