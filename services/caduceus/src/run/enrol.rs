//! `caduceus enrol`: a patient with keys, a personal chain on the configured log, and a registration on the record chain.

use std::sync::Arc;

use erm::{Key, PatientRegistration, Payload, Sender};
use kit::{Clock, Configuration, SystemClock};
use phc::messages::PHC_BLOCKS;
use portal::{ChainError, RecordChain};
use rand_core::OsRng;
use stream::{Append, Batch, EventLog};

use super::config::RecordChainSettings;
use super::event_log::OpenLog;
use super::process::open_network;
use super::{load, of_kit, reach};
use crate::cli;
use crate::custody::identity;
use crate::failure::{OrFail as _, Outcome};
use crate::network::{Network, Patient, id};
use crate::record_api::send;

/// Runs the command; done again, it does what is missing.
pub(crate) fn enrol(arguments: &cli::Enrol) -> Outcome {
    let config = load(&arguments.config)?;
    let network = open_network(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .or_environment("the runtime cannot be started")?;
    let enrolled = runtime.block_on(work(&config, &network, &arguments.patient));
    runtime.shutdown_background();
    enrolled
}

async fn work(config: &Configuration, network: &Network, name: &str) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = OpenLog::open(&config.section().map_err(of_kit)?, network.genesis.partitions).await?;
    let patient = network.enrol_patient(name)?;
    let opened = open_chain(log.log.as_ref(), network, &patient, clock.now_ms()).await;
    let closed = log.close().await;
    let opened = opened?;
    closed?;
    let chain = if opened { "opened now" } else { "was open already" };
    crate::console::line(format_args!("patient {}\npersonal chain {}, {chain}", patient.name, patient.chain.id));
    let registered = match reach::record_chain(config, network, None, &clock)? {
        None => Err("no nodes are set in [record_chain]".to_owned()),
        Some(chain) => register(chain.as_ref(), config, network, &patient).await?,
    };
    match registered {
        Ok(said) => crate::console::line(format_args!("record chain   {said}")),
        Err(why) => crate::console::line(format_args!(
            "record chain   not registered ({why}); readings are taken in all the same, and enrol may be run again"
        )),
    }
    Ok(())
}

/// Appends the first block where there is none; says whether it did.
async fn open_chain(log: &dyn EventLog, network: &Network, patient: &Patient, time_ms: i64) -> Outcome<bool> {
    let key = patient.chain.id.0;
    let partition = stream::partition_of(&key, network.genesis.partitions);
    let mut scan = log.scan(PHC_BLOCKS, partition, 0).await.or_environment("the event log")?;
    loop {
        let records = scan.next(1_024).await.or_environment("the event log")?;
        if records.is_empty() {
            break;
        }
        if records.iter().any(|record| *record.key == key) {
            return Ok(false);
        }
    }
    let opening = network.opening(patient, time_ms)?;
    let mut writer = log.writer("enrolment").await.or_environment("the event log")?;
    writer
        .commit(Batch::of(vec![Append::new(PHC_BLOCKS, key.to_vec(), time_ms, opening.encode())]))
        .await
        .or_environment("the event log")?;
    Ok(true)
}

/// Registers where the record chain can be reached; the inner error says why not.
async fn register(
    chain: &dyn RecordChain,
    config: &Configuration,
    network: &Network,
    patient: &Patient,
) -> Outcome<Result<String, String>> {
    let settings: RecordChainSettings = config.section().map_err(of_kit)?;
    let party = id(&settings.party)?;
    let key = patient.signer.public();
    match chain.snapshot(None).await.map(|snapshot| snapshot.get(&Key::Patient(key))) {
        Ok(Ok(Some(_))) => return Ok(Ok("was registered already".into())),
        Ok(Ok(None)) | Err(ChainError::NoHeight(0)) => {}
        Ok(Err(error)) => return Ok(Err(error.to_string())),
        Err(error) => return Ok(Err(error.to_string())),
    }
    let commitment = identity(patient).commitment(&network.id);
    let registration =
        PatientRegistration::sign(&network.id, &patient.signer, patient.wrap.public(), commitment, &party, &mut OsRng);
    let signer = network.party(&party)?.signer;
    let sent = send(chain, Sender::Party(party.clone()), &signer, Payload::Patient(registration)).await;
    Ok(sent.map(|height| format!("registered by {party} at height {height}")))
}
