//! Personal chains: blocks from the event log, batches from the blob store, contents under the patients' keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::{Chain, Digest};
use phc::{Block, ChainVerifier, Contents, OpenedBatch, PatientKeys, Scope, check_blob, open_anomaly};
use store::BlobStore;
use stream::embedded::inspect::Place;

use super::report::{PatientReport, Report};
use crate::network::Network;

/// One chain while it is checked.
struct Following {
    chain: Chain,
    name: String,
    keys: Option<PatientKeys>,
    verifier: ChainVerifier,
    contents: Contents,
    anomalies: u64,
    /// Hash of each height.
    hashes: Vec<Digest>,
}

/// Checks the blocks of all patients as they come from the log.
pub(super) struct Chains<'a> {
    network: Digest,
    custody: Option<&'a Network>,
    blobs: &'a BlobStore,
    following: BTreeMap<Digest, Following>,
}

/// What is known of a chain once all its blocks were seen; anchors are compared with it.
pub(super) struct Followed {
    pub(super) hashes: Vec<Digest>,
    pub(super) name: String,
}

impl<'a> Chains<'a> {
    pub(super) fn new(network: Digest, custody: Option<&'a Network>, blobs: &'a BlobStore) -> Self {
        Self { network, custody, blobs, following: BTreeMap::new() }
    }

    /// Takes the value of the next record of `phc.blocks`.
    pub(super) async fn take(&mut self, place: &Place, key: &[u8], value: &[u8]) -> Result<(), String> {
        let at = |what: &dyn std::fmt::Display| format!("{} at byte {}: {what}", place.file.display(), place.position);
        let block = Block::decode(value).map_err(|error| at(&error))?;
        let id = Digest(key.try_into().map_err(|_| at(&"the key is no chain id"))?);
        if block.header.height == 0 {
            let verifier = ChainVerifier::open(self.network, &block).map_err(|error| at(&error))?;
            let chain = *verifier.chain();
            if chain.id != id {
                return Err(at(&format_args!("the opening of chain {} stands under the key {id}", chain.id)));
            }
            let (name, keys) = self.opened_by(&chain)?;
            let hashes = vec![block.hash(&chain)];
            let following =
                Following { chain, name, keys, verifier, contents: Contents::default(), anomalies: 0, hashes };
            if self.following.insert(id, following).is_some() {
                return Err(at(&format_args!("chain {id} is opened twice")));
            }
            return Ok(());
        }
        let following = self.following.get_mut(&id).ok_or_else(|| {
            at(&format_args!("block {} of chain {id}, which was not opened before", block.header.height))
        })?;
        following.verifier.push(&block).map_err(|error| at(&error))?;
        following.hashes.push(block.hash(&following.chain));
        following.anomalies += block.body.anomalies.len() as u64;
        following.contents(&block, self.blobs).await.map_err(|error| at(&error))
    }

    /// The patient's name and keys, where this custody has them.
    fn opened_by(&self, chain: &Chain) -> Result<(String, Option<PatientKeys>), String> {
        let patient: Option<Arc<_>> =
            self.custody.and_then(|network| network.patients().into_values().find(|patient| patient.chain == *chain));
        match (patient, self.custody) {
            (Some(patient), Some(network)) => {
                Ok((patient.name.clone(), network.patient_keys(&patient).map_err(|failure| failure.to_string())?))
            }
            _ => Ok((chain.id.to_string(), None)),
        }
    }

    /// Ends every chain and reports it.
    pub(super) fn finish(self, report: &mut Report) -> BTreeMap<Digest, Followed> {
        let mut followed = BTreeMap::new();
        for (id, following) in self.following {
            let Following { name, keys, verifier, contents, anomalies, hashes, .. } = following;
            let state = match verifier.finish() {
                Ok(state) => state,
                Err(error) => {
                    report.error(error);
                    continue;
                }
            };
            let digests = keys.is_some().then(|| contents.finish());
            report.patients.insert(
                name.clone(),
                PatientReport {
                    blocks: hashes.len() as u64,
                    readings: digests.map(|digests| digests.readings),
                    anomalies,
                    head: state.hash,
                    anchored_height: None,
                    content_sha256: digests.map(|digests| digests.content_sha256),
                    scores_sha256: digests.map(|digests| digests.scores_sha256),
                    anomalies_sha256: digests.map(|digests| digests.anomalies_sha256),
                },
            );
            followed.insert(id, Followed { hashes, name });
        }
        followed
    }
}

impl Following {
    /// Every blob that the block refers to is there and is the one; with keys, every record is under its root.
    async fn contents(&mut self, block: &Block, blobs: &BlobStore) -> Result<(), String> {
        for entry in &block.header.batches {
            let sealed = blobs.get(&entry.blob).await.map_err(|error| error.to_string())?;
            match &self.keys {
                None => check_blob(&self.chain, &block.header, entry.category, &sealed)
                    .map_err(|error| error.to_string())?,
                Some(keys) => {
                    let key =
                        keys.get(&self.chain, Scope::of_batch(entry.category)).map_err(|error| error.to_string())?;
                    let opened = OpenedBatch::open(&self.chain, key, &block.header, entry.category, &sealed)
                        .map_err(|error| error.to_string())?;
                    crate::parameters::check(opened.records())?;
                    self.contents.records(opened.records());
                }
            }
        }
        for (index, entry) in (0u32..).zip(&block.body.anomalies) {
            let sealed = blobs.get(&entry.detail).await.map_err(|error| error.to_string())?;
            match &self.keys {
                None => {
                    phc::check_anomaly_blob(&self.chain, block, index, &sealed).map_err(|error| error.to_string())?
                }
                Some(keys) => {
                    let key = keys
                        .get(&self.chain, Scope::Category(phc::CATEGORY_ANOMALIES))
                        .map_err(|error| error.to_string())?;
                    let anomaly =
                        open_anomaly(&self.chain, key, block, index, &sealed).map_err(|error| error.to_string())?;
                    self.contents.anomaly(&anomaly);
                }
            }
        }
        Ok(())
    }
}
