//! Key rings: what is wrapped for somebody whose key is at hand still opens, and nothing is wrapped for strangers.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Digest, WrapPublicKey, WrapSecretKey};
use phc::{Act, Block, KeyRing, PatientKeys};

use super::record::Executed;
use super::report::Report;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::network::{Network, Patient, Service};

const SERVICES: [Service; 3] = [Service::Ingest, Service::Monitor, Service::Notifier];

/// Whom each patient has ever named as a writer.
pub(super) type Writers = BTreeMap<Digest, BTreeSet<WrapPublicKey>>;

/// Notes the writers that a block names.
pub(super) fn note_writers(writers: &mut Writers, key: &[u8], value: &[u8]) {
    // What does not decode is reported where chains are followed.
    let (Ok(id), Ok(block)) = (<[u8; 32]>::try_from(key), Block::decode(value)) else { return };
    let named = writers.entry(Digest(id)).or_default();
    let opening = block.body.opening.iter().flat_map(|(opening, _)| &opening.writers);
    let replaced = block.body.directives.iter().flat_map(|(directive, _)| {
        let Act::ReplaceWriters(writers) = &directive.act;
        writers
    });
    named.extend(opening.chain(replaced).map(|writer| writer.wrap));
}

/// Checks the ring of every patient. A deleted one is no error: the patient was erased.
pub(super) fn check(network: &Network, writers: &Writers, record: Option<&Executed>, report: &mut Report) {
    let members = members(network, record);
    for patient in network.patients().into_values() {
        if let Err(failure) = ring(network, &patient, writers.get(&patient.chain.id), &members) {
            report.error(failure);
        }
    }
}

/// The keys that data keys were ever wrapped for: of the members, and of this custody's services.
fn members(network: &Network, record: Option<&Executed>) -> BTreeSet<WrapPublicKey> {
    let mut keys: BTreeSet<_> = network.genesis.parties.iter().map(|party| party.wrap).collect();
    if let Some(record) = record {
        let parties = record.state.roster().parties().filter_map(|(id, _)| record.state.view().party(id).ok()?);
        keys.extend(parties.flat_map(|party| party.keys).map(|span| span.wrap));
    }
    keys.extend(SERVICES.into_iter().filter_map(|service| network.service(service).ok()).map(|own| own.wrap.public()));
    keys
}

fn ring(
    network: &Network,
    patient: &Patient,
    writers: Option<&BTreeSet<WrapPublicKey>>,
    members: &BTreeSet<WrapPublicKey>,
) -> Outcome {
    let path = network.home.dir().join(KeyRing::object_name(&patient.chain.id));
    let shown = path.display();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::environment(format_args!("{shown} cannot be read: {error}"))),
    };
    let ring = KeyRing::decode(&bytes).or_wrong(&shown)?;
    if ring.chain != patient.chain.id {
        return Err(Failure::wrong(format_args!("{shown}: it is the ring of chain {}", ring.chain)));
    }
    let known = |grantee: &WrapPublicKey| {
        *grantee == patient.wrap.public()
            || members.contains(grantee)
            || writers.is_some_and(|writers| writers.contains(grantee))
    };
    if let Some(stranger) = ring.entries.iter().find(|entry| !known(&entry.grantee)) {
        return Err(Failure::wrong(format_args!(
            "{shown}: a key is wrapped for {}, who is neither the patient, nor a writer that the patient named, nor a member",
            stranger.grantee
        )));
    }
    let open =
        |grantee: &WrapSecretKey| -> Outcome<PatientKeys> { ring.open(&patient.chain, grantee).or_wrong(&shown) };
    open(&patient.wrap)?;
    // Of services and members those whose keys lie here.
    for service in SERVICES.into_iter().filter_map(|service| network.service(service).ok()) {
        open(&service.wrap)?;
    }
    for party in network.genesis.parties.iter().filter_map(|party| network.party(&party.id).ok()) {
        open(&party.wrap)?;
    }
    Ok(())
}
