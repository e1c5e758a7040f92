//! Looks into a data directory with its own keys, as its owner could.

use std::path::Path;

use kit::{Keystore, Passphrase};
use ledger::{Chain, Digest, KeyPair, WrapSecretKey};
use phc::{KeyRing, Opening, PatientKeys, Rejected, RejectedValue};
use stream::Topics;
use stream::embedded::inspect::{Item, inspect};

/// A patient's chain and keys.
pub(crate) fn patient(data: &Path, name: &str) -> (Chain, PatientKeys) {
    let passphrase = Passphrase::from_file(&data.join("keystore/demo-custody.passphrase")).unwrap();
    let keys = Keystore::open(&data.join("keystore/keys"), &passphrase).unwrap();
    let seed = |kind: &str| *keys.require(&format!("patient/{name}/{kind}")).unwrap();
    let wrap = WrapSecretKey::from_seed(&seed("wrap"));
    let opening = Opening {
        patient: KeyPair::from_seed(&seed("signer")).public(),
        wrap: wrap.public(),
        nonce: seed("nonce"),
        time_ms: 0,
        writers: Vec::new(),
    };
    let chain = opening.chain(genesis(data).network());
    let ring = KeyRing::decode(&std::fs::read(data.join(KeyRing::object_name(&chain.id))).unwrap()).unwrap();
    let keys = ring.open(&chain, &wrap).unwrap();
    (chain, keys)
}

pub(crate) fn genesis(data: &Path) -> erm::Genesis {
    erm::Genesis::from_json(&std::fs::read(data.join("genesis.json")).unwrap()).unwrap()
}

/// What was refused of a patient's readings, opened.
pub(crate) fn rejected(data: &Path, name: &str) -> Vec<Rejected> {
    let (chain, keys) = patient(data, name);
    let topics = Topics::standard(genesis(data).partitions).unwrap();
    let mut found = Vec::new();
    inspect(&data.join("log"), &topics, &mut |_, item| {
        if let Item::Record(record) = item
            && record.topic.as_str() == phc::messages::READINGS_REJECTED
            && Digest(record.key.as_ref().try_into().unwrap()) == chain.id
        {
            let value = RejectedValue::decode(&record.value).unwrap();
            found.push(value.open(keys.stream(&chain).unwrap(), &chain).unwrap().expect("it is sealed"));
        }
        Ok(())
    })
    .unwrap();
    found
}
