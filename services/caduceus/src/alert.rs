//! `caduceus alert`: one alert of a data directory as a file that anybody entitled computes again offline. Reads only; no process
//! is needed.

use std::collections::BTreeSet;

use ledger::Salt;
use monitor::{Arrived, Recomputed};
use phc::messages::READINGS;
use phc::{
    AlertFile, Arrival, Block, CATEGORY_ANOMALIES, FiledBlock, PatientKeys, ReadingBatch, Records, Row, Scope, Subject,
    Tick, filed, open_anomaly_and_salt, open_topic_value,
};
use store::BlobStore;
use stream::embedded::inspect::{Item, inspect};
use vitals::{Anomaly, EpisodeId, Route};

use crate::cli;
use crate::export::follow;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::home::Home;
use crate::network::{Network, Patient};

/// An alert on the chain.
struct Found {
    height: u64,
    entry: u32,
    salt: Salt,
    bytes: Vec<u8>,
    anomaly: Anomaly,
}

/// Runs the command.
pub(crate) fn run(arguments: &cli::Alert) -> Outcome {
    let home = Home::at(&arguments.data_dir);
    let network = Network::open(&home)?;
    let unknown = || Failure::usage(format_args!("{}: no patient of this name is known here", arguments.patient));
    let patient = network.find_patient(|patient| patient.name == arguments.patient).ok_or_else(unknown)?;
    let erased = || Failure::wrong(format_args!("the keys of {} were erased: nothing can be opened", patient.name));
    let keys = network.patient_keys(&patient)?.ok_or_else(erased)?;
    let blocks = follow(&network, &patient)?.blocks;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .or_environment("the runtime cannot be started")?;
    let blobs = BlobStore::local(&home.blobs()).or_environment("the blob store cannot be opened")?;
    let all = runtime.block_on(alerts(&patient, &keys, &blocks, &blobs))?;
    let Some(out) = &arguments.out else {
        all.iter().for_each(|found| crate::console::line(listed(found)));
        return Ok(());
    };
    let found = select(all, arguments)?;
    let filed = runtime.block_on(file_blocks(&patient, &keys, blocks, found.height, &blobs))?;
    let cohort = physiology::reference_cohort(arguments.cohort_seed).or_environment("the cohort forest")?;
    let file = AlertFile {
        network: network.id,
        blocks: filed,
        entry: found.entry,
        salt: found.salt,
        anomaly: found.bytes,
        subject: Subject::Patient,
        settings: ledger::encode(&vitals::Settings::default()),
        model: cohort.to_bytes().to_vec(),
        arrival: Arrival::default(),
    };
    let (file, recomputed) = complete(&network, &patient, &keys, file, found.anomaly.route)?;
    let bytes = file.encode();
    AlertFile::decode(&bytes).or_wrong("the file")?;
    kit::write_atomic(out, &bytes, 0o600).or_environment(format_args!("{} cannot be written", out.display()))?;
    crate::console::line(format!(
        "{} holds the alert of block {}, entry {}, and the {} readings before it; whoever gets it reads them\n\
         verify it: caduceus verify alert {} --genesis {}",
        out.display(),
        found.height,
        found.entry,
        recomputed.readings,
        out.display(),
        home.genesis().display()
    ));
    Ok(())
}

/// Every anomaly on the chain, in its order.
async fn alerts(patient: &Patient, keys: &PatientKeys, blocks: &[Block], blobs: &BlobStore) -> Outcome<Vec<Found>> {
    let key = keys.get(&patient.chain, Scope::Category(CATEGORY_ANOMALIES)).or_wrong("the key ring")?;
    let mut all = Vec::new();
    for block in blocks {
        for (entry, committed) in (0u32..).zip(&block.body.anomalies) {
            let sealed = blobs.get(&committed.detail).await.or_wrong("the blob store")?;
            let opened = open_anomaly_and_salt(&patient.chain, key, block, entry, &sealed);
            let (salt, bytes) = opened.or_wrong("the blob store")?;
            let anomaly = ledger::decode("anomaly", &bytes).or_wrong("the chain")?;
            all.push(Found { height: block.header.height, entry, salt, bytes, anomaly });
        }
    }
    Ok(all)
}

fn listed(found: &Found) -> String {
    let Anomaly { episode, change, severity, route, signal, time_ms, .. } = &found.anomaly;
    let (change, severity, route, signal) = (change.name(), severity.name(), route.name(), signal.name());
    let (at, entry) = (crate::demo::iso(*time_ms), format!("{}.{}", found.height, found.entry));
    format!("{entry:<10} {at}  episode {episode}  {change:<9}  {severity:<9}  {route} {signal}")
}

/// The one that is asked for: by its place, the first of an episode, or the last of all.
fn select(all: Vec<Found>, arguments: &cli::Alert) -> Outcome<Found> {
    let missing = |what: String| Failure::wrong(format_args!("{} has no {what}; --list shows all", arguments.patient));
    if let Some(place) = &arguments.entry {
        let wanted =
            place.split_once('.').and_then(|(height, entry)| Some((height.parse().ok()?, entry.parse().ok()?)));
        let wanted: (u64, u32) = wanted
            .ok_or_else(|| Failure::usage(format_args!("{place} is no place: HEIGHT.ENTRY, as --list shows it")))?;
        let found = all.into_iter().find(|found| (found.height, found.entry) == wanted);
        return found.ok_or_else(|| missing(format!("alert at {place}")));
    }
    if let Some(episode) = &arguments.episode {
        let mut id = [0; 8];
        hex::decode_to_slice(episode, &mut id)
            .or_usage(format_args!("{episode} is no episode: 16 hexadecimal digits, as --list shows it"))?;
        let found = all.into_iter().find(|found| found.anomaly.episode == EpisodeId(id));
        return found.ok_or_else(|| missing(format!("episode {episode}")));
    }
    all.into_iter().next_back().ok_or_else(|| missing("alert".into()))
}

/// The chain up to a height, with what the detector had read.
async fn file_blocks(
    patient: &Patient,
    keys: &PatientKeys,
    blocks: Vec<Block>,
    through: u64,
    blobs: &BlobStore,
) -> Outcome<Vec<FiledBlock>> {
    let mut all = Vec::new();
    for block in blocks.into_iter().take_while(|block| block.header.height <= through) {
        let mut sealed = Vec::new();
        for category in filed(&block.header) {
            if let Some(entry) = block.header.batch(category) {
                sealed.push(blobs.get(&entry.blob).await.or_wrong("the blob store")?.to_vec());
            }
        }
        all.push(FiledBlock::new(&patient.chain, keys, block, sealed).or_wrong("the key ring")?);
    }
    Ok(all)
}

/// Computes the alert again for whom it may be about, with the order of blocks alone, then with what the event log knows of
/// the order in which readings came.
fn complete(
    network: &Network,
    patient: &Patient,
    keys: &PatientKeys,
    mut file: AlertFile,
    route: Route,
) -> Outcome<(AlertFile, Recomputed)> {
    let on_chain = file.verify(&network.id).or_wrong("the chain on disk")?;
    let subjects = subjects(&file, &on_chain.chain, route)?;
    let mut refused = None;
    for logged in [false, true] {
        let arrived = if logged { arrived(network, patient, keys)? } else { Vec::new() };
        for subject in &subjects {
            (file.subject, file.arrival) = (subject.clone(), Arrival::default());
            if logged {
                file.arrival =
                    monitor::arrival(&file, &on_chain.chain, arrived.iter().cloned()).or_wrong("the chain on disk")?;
            }
            match file.verify(&network.id).map_err(monitor::Error::from) {
                Ok(on_chain) => match monitor::recompute(&file, &on_chain.chain) {
                    Ok(recomputed) => return Ok((file, recomputed)),
                    Err(error) => refused = Some(error),
                },
                Err(error) => refused = Some(error),
            }
        }
    }
    let why = refused.map_or_else(String::new, |error| error.to_string());
    Err(Failure::wrong(format_args!(
        "this alert cannot be computed again from the chain and the event log here ({why}); nothing was written. The detector's \
         settings may have been others, or the log no longer holds the order in which readings came"
    )))
}

/// Whom an alert may be about, the likeliest first: its bytes do not say.
fn subjects(file: &AlertFile, chain: &ledger::Chain, route: Route) -> Outcome<Vec<Subject>> {
    let mut locations = BTreeSet::new();
    for filed in &file.blocks {
        for at in 0..filed.batches.len() {
            let batch = filed.open(chain, at).or_wrong("the blob store")?;
            if let Records::Readings(rows) = batch.records() {
                let of = |row: &Row| matches!(row.subject, Subject::Location(_)).then(|| row.subject.clone());
                locations.extend(rows.iter().filter_map(of));
            }
        }
    }
    let mut all: Vec<Subject> = locations.into_iter().collect();
    all.insert(if route == Route::Environment { all.len() } else { 0 }, Subject::Patient);
    Ok(all)
}

/// What came in the patient's partition, in its order, as far as the log still holds it.
fn arrived(network: &Network, patient: &Patient, keys: &PatientKeys) -> Outcome<Vec<Arrived>> {
    let topics = stream::Topics::standard(network.genesis.partitions).or_wrong("the genesis")?;
    let partition = stream::partition_of(&patient.chain.id.0, network.genesis.partitions);
    let key = keys.stream(&patient.chain).or_wrong("the key ring")?;
    let mut all = Vec::new();
    let read = inspect(&network.home.log(), &topics, &mut |_, item| {
        let Item::Record(record) = item else { return Ok(()) };
        if record.topic.as_str() != READINGS || record.partition != partition {
            return Ok(());
        }
        if record.key.is_empty() {
            all.extend(ledger::decode::<Tick>("tick", &record.value).map(|tick| Arrived::Tick(tick.time_ms)));
        } else if record.key.as_ref() == patient.chain.id.0 {
            let batch =
                open_topic_value::<ReadingBatch>(key, &patient.chain, READINGS, "batch of readings", &record.value);
            // What the monitor could not open is on no chain.
            all.extend(batch.map(Arrived::Readings));
        }
        Ok(())
    });
    read.or_wrong("the event log")?;
    Ok(all)
}
