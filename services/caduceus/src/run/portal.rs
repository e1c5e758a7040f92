//! The role `portal`.

use std::sync::Arc;
use std::time::Duration;

use claims::Rules;
use kit::{Clock, Condition, Shutdown};
use portal::{ChainError, Deps, Ingest, IngestSettings, Portal, PortalSettings, RecordChain};
use store::BlobStore;
use stream::EventLog;
use vitals::Admission;

use super::config::{self, BlobSettings};
use super::custody::ReloadedCustody;
use super::of_kit;
use super::process::{Process, listen};
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::network::id;

/// How often it is asked whether the record chain answers.
const PROBE: Duration = Duration::from_secs(5);
const DAY_MS: i64 = 86_400_000;

/// Starts the portal; it is ready when both the event log and the record chain answer.
pub(super) async fn start(process: &Process, log: &Arc<dyn EventLog>, chain: Option<Arc<dyn RecordChain>>) -> Outcome {
    let given: config::PortalSettings = process.config.section().map_err(of_kit)?;
    let blobs: BlobSettings = process.config.section().map_err(of_kit)?;
    let Some(chain) = chain else {
        return Err(Failure::usage(
            "a portal needs the record chain: set nodes in [record_chain], or run the role record-node too",
        ));
    };
    let network = &process.network;
    let party = id(&given.party)?;
    if !network.genesis.parties.iter().any(|known| known.id == party) {
        return Err(Failure::usage(format_args!("[portal] party: the genesis names no member {party}")));
    }
    if !network.holds(&party) {
        return Err(Failure::usage(format_args!(
            "[portal] party: the key store {} holds no keys of {party}; without them no receipt can be signed",
            network.home.keystore().display()
        )));
    }
    let listener = listen(given.listen, given.open_to_network, "[portal] listen").await?;
    let address = listener.local_addr().or_environment("the portal's address")?;
    let custody = Arc::new(ReloadedCustody::open(network.clone(), &process.config)?);
    let admission = Admission { max_age_ms: i64::from(given.oldest_reading_days) * DAY_MS, ..Admission::default() };
    let ingest = IngestSettings { admission, ..IngestSettings::default() };
    let ingest = Ingest::open(log.clone(), network.id, custody.clone(), ingest)
        .await
        .or_environment("readings cannot be taken in")?;
    let settings = PortalSettings {
        audience: given.audience,
        issuers: network.genesis.authority.keys.clone(),
        party,
        rules: Rules { amount_tolerance_minor: given.amount_tolerance_minor, ..Rules::default() },
        location: address.to_string(),
    };
    let deps = Deps {
        log: log.clone(),
        chain: chain.clone(),
        custody,
        clock: process.clock.clone(),
        blobs: BlobStore::local(&blobs.dir).or_environment("the blob store")?,
        index: given.dir.join("index"),
        dir: given.dir,
        ingest: ingest.clone(),
        settings,
    };
    let portal = Portal::new(deps).or_environment("the portal")?;
    tracing::info!(%address, "portal");
    let (routes, shutdown) = (portal.router(), process.shutdown.clone());
    process.part("the portal", async move { kit::serve(listener, routes, &shutdown).await.map_err(of_kit) });
    process.part("the record chain", probe(chain, process.health.condition("record chain"), process.shutdown.clone()));
    if given.tick_seconds > 0 {
        let every = Duration::from_secs(given.tick_seconds.into());
        process.part("time", tick(ingest, process.clock.clone(), every, process.shutdown.clone()));
    }
    Ok(())
}

/// Keeps the condition true to whether the record chain answers.
async fn probe(chain: Arc<dyn RecordChain>, condition: Condition, shutdown: Shutdown) -> Outcome {
    loop {
        match chain.snapshot(None).await {
            Ok(_) => condition.ready(),
            Err(ChainError::NoHeight(_)) => condition.not_ready("the record chain has no block yet"),
            Err(error) => condition.not_ready(error.to_string()),
        }
        tokio::select! {
            () = shutdown.triggered() => return Ok(()),
            () = tokio::time::sleep(PROBE) => {}
        }
    }
}

/// Says what time it is, to patients from whom nothing comes.
async fn tick(ingest: Ingest, clock: Arc<dyn Clock>, every: Duration, shutdown: Shutdown) -> Outcome {
    loop {
        tokio::select! {
            () = shutdown.triggered() => return Ok(()),
            () = tokio::time::sleep(every) => {}
        }
        match ingest.tick(clock.now_ms(), false).await {
            Ok(()) => {}
            Err(portal::Error::Ended(_)) => {
                return Err(Failure::environment("the part that takes readings in has ended"));
            }
            Err(error) => tracing::warn!(%error, "a tick was not appended; the next one stands for it"),
        }
    }
}
