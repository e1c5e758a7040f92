//! `caduceus record`: one record of a data directory as a file that anybody verifies offline. Reads only; no process is needed.

use ledger::Signature;
use phc::messages::PHC_BLOCKS;
use phc::{Authority, Block, ChainVerifier, Directive, OpenedBatch, RecordFile, Records, Scope};
use store::BlobStore;
use stream::embedded::inspect::{Item, inspect};
use vitals::Signal;

use crate::cli;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::home::Home;
use crate::network::{Network, Patient};

/// Runs the command.
pub(crate) fn run(arguments: &cli::Record) -> Outcome {
    let home = Home::at(&arguments.data_dir);
    let network = Network::open(&home)?;
    let unknown = || Failure::usage(format_args!("{}: no patient of this name is known here", arguments.patient));
    let patient = network.find_patient(|patient| patient.name == arguments.patient).ok_or_else(unknown)?;
    let signal = Signal::from_name(&arguments.signal)
        .ok_or_else(|| Failure::usage(format_args!("{} is no signal", arguments.signal)))?;
    let time_ms = instant(&arguments.time)?;
    let chain = follow(&network, &patient)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .or_environment("the runtime cannot be started")?;
    let blobs = BlobStore::local(&home.blobs()).or_environment("the blob store cannot be opened")?;
    let found = runtime.block_on(find(&network, &patient, &chain, &blobs, signal, time_ms))?;
    let missing = || {
        Failure::wrong(format_args!(
            "{} has no {} at {} in any block",
            arguments.patient,
            signal.name(),
            arguments.time
        ))
    };
    let file = found.ok_or_else(missing)?;
    file.verify(&network.id).or_wrong("the chain on disk")?;
    let text = file.to_json().or_environment("the file does not encode")?;
    let out = &arguments.out;
    kit::write_atomic(out, text.as_bytes(), 0o600)
        .or_environment(format_args!("{} cannot be written", out.display()))?;
    crate::console::line(format!(
        "{} holds the record and its proof; whoever gets it reads all that was measured and sent with it, of one category\nverify it: caduceus verify record {} --genesis {}",
        out.display(),
        out.display(),
        home.genesis().display()
    ));
    Ok(())
}

/// RFC 3339, or seconds since 1970.
fn instant(text: &str) -> Outcome<i64> {
    let seconds = || text.parse::<i64>().ok()?.checked_mul(1_000);
    let instant = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond).or_else(seconds);
    instant.ok_or_else(|| {
        Failure::usage(format_args!("{text} is no instant: RFC 3339 with offset, or seconds since 1970"))
    })
}

/// A patient's chain, verified.
struct Chain {
    blocks: Vec<Block>,
    directives: Vec<(u64, (Directive, Signature))>,
}

fn follow(network: &Network, patient: &Patient) -> Outcome<Chain> {
    let topics = stream::Topics::standard(network.genesis.partitions).or_wrong("the genesis")?;
    let mut values = Vec::new();
    let read = inspect(&network.home.log(), &topics, &mut |_, item| {
        if let Item::Record(record) = item
            && record.topic.as_str() == PHC_BLOCKS
            && record.key.as_ref() == patient.chain.id.0
        {
            values.push(record.value);
        }
        Ok(())
    });
    match read {
        Ok(()) => {}
        Err(error @ stream::Error::InUse { .. }) => return Err(Failure::environment(error)),
        Err(error) => return Err(Failure::wrong(error)),
    }
    let mut chain = Chain { blocks: Vec::new(), directives: Vec::new() };
    let mut verifier = None;
    for value in values {
        let block = Block::decode(&value).or_wrong("the event log")?;
        match &mut verifier {
            None => verifier = Some(ChainVerifier::open(network.id, &block).or_wrong("the event log")?),
            Some(verifier) => verifier.push(&block).or_wrong("the event log")?,
        }
        chain.directives.extend(block.body.directives.iter().map(|directive| (block.header.height, directive.clone())));
        chain.blocks.push(block);
    }
    let verifier = verifier.ok_or_else(|| Failure::wrong(format_args!("{} has no chain here", patient.name)))?;
    verifier.finish().or_wrong("the event log")?;
    Ok(chain)
}

/// The first record with a value of this signal at this instant.
async fn find(
    network: &Network,
    patient: &Patient,
    chain: &Chain,
    blobs: &BlobStore,
    signal: Signal,
    time_ms: i64,
) -> Outcome<Option<RecordFile>> {
    let erased = || Failure::wrong(format_args!("the keys of {} were erased: nothing can be opened", patient.name));
    let keys = network.patient_keys(patient)?.ok_or_else(erased)?;
    let category = signal.category().id();
    let key = keys.get(&patient.chain, Scope::Category(category)).or_wrong("the key ring")?;
    let opening = chain.blocks.first().and_then(|block| block.body.opening.clone());
    for block in &chain.blocks {
        let events = block.header.events;
        let Some(entry) = block.header.batch(category).filter(|_| (events.from_ms..=events.to_ms).contains(&time_ms))
        else {
            continue;
        };
        let sealed = blobs.get(&entry.blob).await.or_wrong("the blob store")?;
        let batch =
            OpenedBatch::open(&patient.chain, key, &block.header, category, &sealed).or_wrong("the blob store")?;
        let Records::Readings(rows) = batch.records() else { continue };
        let wanted = |(_, row): &(u64, &phc::Row)| {
            row.time_ms == time_ms && row.values.iter().any(|value| value.signal == signal.id())
        };
        let Some((index, _)) = (0u64..).zip(rows).find(wanted) else { continue };
        let proof = batch.prove(block, index).or_wrong("the chain on disk")?;
        let before = chain.directives.iter().filter(|(height, _)| *height < block.header.height);
        let directives = before.map(|(_, directive)| directive.clone()).collect();
        return Ok(opening.map(|opening| RecordFile { proof, authority: Authority { opening, directives } }));
    }
    Ok(None)
}
