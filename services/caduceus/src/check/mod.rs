//! `caduceus check`: verifies every chain, batch, proof and anchor of a data directory, and every file that they stand on.
//! It repairs nothing. What it cannot verify it says (docs/formats.md, section 10).

mod anchors;
mod bytes;
mod kept;
mod nodes;
mod personal;
mod record;
mod report;
mod rings;

use std::path::Path;

use kit::{Keystore, Passphrase};
use phc::AnchorRecord;
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
    outputs(home, &mut report)?;
    bytes::log(&home.log(), &mut report)?;
    let nodes = nodes::check_blocks(home, &mut report)?;
    let blobs = bytes::blobs(home, &mut report).await?;
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
    let custody = custody(home, passphrase_file, &mut report)?;
    let custody = custody.as_ref();
    nodes::check_votes(&genesis.network(), &nodes, &mut report)?;
    kept::check_receipts(home, &genesis, &mut report)?;
    let record = record::check(&genesis, &nodes, &mut report);
    kept::check(home, &genesis, custody, record.as_ref(), &blobs, &mut report).await?;

    let records = records(home, genesis.partitions, &mut report)?;
    if let Some(network) = custody {
        let mut writers = rings::Writers::new();
        for (_, topic, key, value) in &records {
            if topic == phc::messages::PHC_BLOCKS {
                rings::note_writers(&mut writers, key, value);
            }
        }
        rings::check(network, &writers, record.as_ref(), &mut report);
    }
    let mut chains = personal::Chains::new(genesis.network(), custody, &blobs);
    let mut announced = Vec::new();
    for (place, topic, key, value) in records {
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
    anchors::check(announced, &followed, genesis.network(), custody, record.as_ref(), &blobs, &mut report).await;
    Ok(report)
}

/// The keys, where they are at hand: without them commitments are checked and contents stay sealed.
fn custody(home: &Home, passphrase_file: Option<&Path>, report: &mut Report) -> Outcome<Option<Network>> {
    if let Some(path) = passphrase_file {
        let passphrase = Passphrase::from_file(path).or_usage("the passphrase cannot be read")?;
        return Network::open_with(home, &passphrase).map(Some);
    }
    if !home.keystore().exists() {
        return Ok(None);
    }
    if !home.passphrase().exists() {
        report.not_verified(format_args!(
            "{}, and what only its keys open: --passphrase-file names its passphrase",
            home.keystore().display()
        ));
        return Ok(None);
    }
    // The two files were written for each other: where they do not fit, one of them is not what was written.
    let fits = Passphrase::from_file(&home.passphrase())
        .and_then(|passphrase| Keystore::open(&home.keystore(), &passphrase).map(|_| passphrase));
    match fits {
        Ok(passphrase) => Network::open_with(home, &passphrase).map(Some),
        Err(error @ kit::Error::Environment { .. }) => Err(Failure::environment(error)),
        Err(error) => {
            report.error(format_args!(
                "{} does not open with {}, one of the two was changed: {error}",
                home.keystore().display(),
                home.passphrase().display()
            ));
            Ok(None)
        }
    }
}

/// What else lies in the data directory: for people and for other programs, without anything that it could be held against.
fn outputs(home: &Home, report: &mut Report) -> Outcome {
    let checked = ["genesis.json", "keystore", "keys", "log", "blobs", "record", "portal", "receipts"];
    let failed = format!("{} cannot be read", home.dir().display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(home.dir()).or_environment(&failed)? {
        names.push(entry.or_environment(&failed)?.file_name().to_string_lossy().into_owned());
    }
    // Said whether it is there or not: nothing rests on it, so no check's answer shall either.
    if !names.iter().any(|name| name == "index") {
        names.push("index".into());
    }
    names.sort();
    for name in names.iter().filter(|name| !checked.contains(&name.as_str())) {
        let what = match name.as_str() {
            "index" => "made anew from the logs where it is wrong or not there",
            "mail" | "summary.json" => "written for people",
            _ => "none of the data that is kept",
        };
        report.not_verified(format_args!("{}: {what}", home.dir().join(name).display()));
    }
    Ok(())
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
