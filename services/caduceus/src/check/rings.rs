//! Key rings: what is wrapped for somebody whose key is at hand still opens.

use ledger::WrapSecretKey;
use phc::{KeyRing, PatientKeys};

use super::report::Report;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::network::{Network, Patient, Service};

/// Checks the ring of every patient. A deleted one is no error: the patient was erased.
pub(super) fn check(network: &Network, report: &mut Report) {
    for patient in network.patients().into_values() {
        if let Err(failure) = ring(network, &patient) {
            report.error(failure);
        }
    }
}

fn ring(network: &Network, patient: &Patient) -> Outcome {
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
    let open =
        |grantee: &WrapSecretKey| -> Outcome<PatientKeys> { ring.open(&patient.chain, grantee).or_wrong(&shown) };
    open(&patient.wrap)?;
    for service in [Service::Ingest, Service::Monitor, Service::Notifier] {
        open(&network.service(service)?.wrap)?;
    }
    for party in &network.genesis.parties {
        open(&network.party(&party.id)?.wrap)?;
    }
    Ok(())
}
