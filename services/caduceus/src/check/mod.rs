//! `caduceus check`: verifies every chain, batch, proof and anchor of a data directory. It repairs nothing.

mod anchors;
mod personal;
mod record;
mod report;
mod rings;

use std::path::{Path, PathBuf};

use kit::Passphrase;
use phc::AnchorRecord;
use store::BlobStore;
use stream::embedded::inspect::{Item, Place, inspect};

use crate::cli;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::home::Home;
use crate::network::{Network, read_genesis};
use report::Report;

/// Runs the command: exit 1 where anything is wrong.
pub(crate) fn run(arguments: &cli::Check) -> Outcome {
    let home = Home::at(&arguments.data_dir);
    if !home.dir().is_dir() {
        return Err(Failure::environment(format_args!("{} is no folder: name a data directory", home.dir().display())));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .or_environment("the runtime cannot be started")?;
    let mut report = runtime.block_on(check(&home, arguments.passphrase_file.as_deref()))?;
    report.ok = report.errors.is_empty();
    if arguments.json {
        crate::console::line(serde_json::to_string_pretty(&report).or_environment("the report does not encode")?);
    } else {
        report.print();
    }
    match report.errors.first() {
        None => Ok(()),
        Some(first) => Err(Failure::wrong(first)),
    }
}

async fn check(home: &Home, passphrase_file: Option<&Path>) -> Outcome<Report> {
    let mut report = Report::default();
    let genesis = match read_genesis(&home.genesis()) {
        Ok(genesis) => genesis,
        Err(failure @ Failure::Wrong(_)) => {
            report.error(failure);
            return Ok(report);
        }
        Err(other) => return Err(other),
    };
    let custody = custody(home, passphrase_file)?;
    let nodes = record_nodes(home)?;
    for folder in std::iter::once(home.log()).chain(nodes.iter().map(|node| record_node::StoredBlocks::dir(node))) {
        check_bytes(&folder, &mut report)?;
    }
    let blobs = blobs(home, &mut report).await?;
    if !report.errors.is_empty() {
        // Bytes are not what was written: what they mean need not be asked.
        return Ok(report);
    }

    if let Some(other) = record::other_network(genesis.network(), &nodes) {
        report.error(format_args!(
            "{}: this genesis founds network {}, and every node here holds blocks of network {other}: the file was changed, or belongs elsewhere",
            home.genesis().display(),
            genesis.network()
        ));
        return Ok(report);
    }
    let record = record::check(&genesis, &nodes, &mut report);
    if let Some(network) = &custody {
        rings::check(network, &mut report);
    }
    let mut chains = personal::Chains::new(genesis.network(), custody.as_ref(), &blobs);
    let mut announced = Vec::new();
    for (place, topic, key, value) in records(home, genesis.partitions, &mut report)? {
        if topic == phc::messages::PHC_BLOCKS {
            if let Err(error) = chains.take(&place, &key, &value).await {
                report.error(error);
                return Ok(report);
            }
        } else {
            let shown = format!("{} at byte {}", place.file.display(), place.position);
            match ledger::decode::<AnchorRecord>("anchor", &value) {
                Ok(anchor) => announced.push((shown, anchor)),
                Err(error) => report.error(format_args!("{shown}: {error}")),
            }
        }
    }
    let followed = chains.finish(&mut report);
    anchors::check(announced, &followed, genesis.network(), custody.as_ref(), record.as_ref(), &blobs, &mut report)
        .await;
    Ok(report)
}

/// The keys, where they are at hand: without them commitments are checked and contents stay sealed.
fn custody(home: &Home, passphrase_file: Option<&Path>) -> Outcome<Option<Network>> {
    let path = match passphrase_file {
        Some(path) => path.to_owned(),
        None if home.passphrase().exists() && home.keystore().exists() => home.passphrase(),
        None => return Ok(None),
    };
    let passphrase = Passphrase::from_file(&path).or_usage("the passphrase cannot be read")?;
    Network::open_with(home, &passphrase).map(Some)
}

/// The data directories of the record nodes on this disk.
fn record_nodes(home: &Home) -> Outcome<Vec<PathBuf>> {
    let folder = home.record("");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(Vec::new()) };
    let mut nodes = Vec::new();
    for entry in entries {
        let path = entry.or_environment(format_args!("{} cannot be read", folder.display()))?.path();
        if record_node::StoredBlocks::dir(&path).is_dir() {
            nodes.push(path);
        }
    }
    nodes.sort();
    Ok(nodes)
}

/// Every byte of a log is what was written.
fn check_bytes(folder: &Path, report: &mut Report) -> Outcome {
    match store::segment_log::check(folder) {
        Ok(found) => {
            for problem in found.problems {
                // What an interrupted write left is mended at the next start: nothing acknowledged is in it.
                if problem.kind == store::segment_log::ProblemKind::Corrupt {
                    report.error(problem);
                }
            }
            Ok(())
        }
        Err(store::Error::NotFound { .. }) => {
            report.error(format_args!("{}: there is no log", folder.display()));
            Ok(())
        }
        Err(error) => Err(Failure::environment(error)),
    }
}

/// Every pack is what its name says.
async fn blobs(home: &Home, report: &mut Report) -> Outcome<BlobStore> {
    let blobs = BlobStore::local(&home.blobs()).or_environment("the blob store cannot be opened")?;
    let found = blobs.check().await.or_environment("the blob store cannot be read")?;
    for problem in found.problems {
        report.error(problem);
    }
    Ok(blobs)
}

type Found = (Place, String, Vec<u8>, Vec<u8>);

/// The blocks of personal chains and the anchors, in the order of the log.
fn records(home: &Home, partitions: u32, report: &mut Report) -> Outcome<Vec<Found>> {
    let topics = stream::Topics::standard(partitions).or_wrong("the genesis")?;
    let mut found = Vec::new();
    let read = inspect(&home.log(), &topics, &mut |place, item| {
        if let Item::Record(record) = item {
            let topic = record.topic.as_str();
            if [phc::messages::PHC_BLOCKS, phc::messages::PHC_ANCHORS].contains(&topic) {
                found.push((place.clone(), topic.to_owned(), record.key.to_vec(), record.value.to_vec()));
            }
        }
        Ok(())
    });
    match read {
        Ok(()) => {}
        Err(stream::Error::InUse { path }) => {
            return Err(Failure::environment(format_args!("{} is in use: stop the process first", path.display())));
        }
        Err(error) => report.error(error),
    }
    Ok(found)
}
