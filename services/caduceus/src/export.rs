//! `caduceus record`: one record of a data directory as a file that anybody verifies offline. Reads only; no process is needed.

use ledger::Signature;
use phc::messages::PHC_BLOCKS;
use phc::{Authority, Block, CATEGORY_PARAMETERS, ChainVerifier, Directive, OpenedBatch, RecordFile, Records, Scope};
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
    let time_ms = instant(&arguments.time)?;
    let wanted = match &arguments.signal {
        Some(name) => {
            let unknown = || Failure::usage(format_args!("{name} is no signal"));
            Wanted::Reading { signal: Signal::from_name(name).ok_or_else(unknown)?, time_ms }
        }
        None => Wanted::Parameters { time_ms },
    };
    let chain = follow(&network, &patient)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .or_environment("the runtime cannot be started")?;
    let blobs = BlobStore::local(&home.blobs()).or_environment("the blob store cannot be opened")?;
    let found = runtime.block_on(find(&network, &patient, &chain, &blobs, wanted))?;
    let missing = || {
        Failure::wrong(format_args!(
            "{} has no {} at {} in any block",
            arguments.patient,
            arguments.signal.as_deref().unwrap_or("parameters of a doctor"),
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

/// Which record.
#[derive(Clone, Copy)]
enum Wanted {
    /// The first record with a value of this signal at this instant.
    Reading { signal: Signal, time_ms: i64 },
    /// The last parameters that were set by then.
    Parameters { time_ms: i64 },
}

impl Wanted {
    fn category(self) -> u8 {
        match self {
            Self::Reading { signal, .. } => signal.category().id(),
            Self::Parameters { .. } => CATEGORY_PARAMETERS,
        }
    }

    /// Whether a block may hold it.
    fn may_lie_in(self, block: &Block) -> bool {
        let events = block.header.events;
        match self {
            Self::Reading { time_ms, .. } => (events.from_ms..=events.to_ms).contains(&time_ms),
            Self::Parameters { .. } => true,
        }
    }

    /// Its place among the records of a batch.
    fn place(self, records: &Records) -> Option<u64> {
        match (self, records) {
            (Self::Reading { signal, time_ms }, Records::Readings(rows)) => {
                let of_signal = |row: &phc::Row| row.values.iter().any(|value| value.signal == signal.id());
                let same = |(_, row): &(u64, &phc::Row)| row.time_ms == time_ms && of_signal(row);
                (0u64..).zip(rows).find(same).map(|(place, _)| place)
            }
            (Self::Parameters { time_ms }, Records::Parameters(records)) => {
                let set = (0u64..).zip(records).filter(|(_, record)| record.set.set_ms <= time_ms);
                set.last().map(|(place, _)| place)
            }
            _ => None,
        }
    }
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
pub(crate) struct Chain {
    pub(crate) blocks: Vec<Block>,
    directives: Vec<(u64, (Directive, Signature))>,
}

/// Reads and verifies a patient's chain.
pub(crate) fn follow(network: &Network, patient: &Patient) -> Outcome<Chain> {
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

/// The record that is wanted.
async fn find(
    network: &Network,
    patient: &Patient,
    chain: &Chain,
    blobs: &BlobStore,
    wanted: Wanted,
) -> Outcome<Option<RecordFile>> {
    let erased = || Failure::wrong(format_args!("the keys of {} were erased: nothing can be opened", patient.name));
    let keys = network.patient_keys(patient)?.ok_or_else(erased)?;
    let category = wanted.category();
    let key = keys.get(&patient.chain, Scope::of_batch(category)).or_wrong("the key ring")?;
    let opening = chain.blocks.first().and_then(|block| block.body.opening.clone());
    let mut found = None;
    for block in chain.blocks.iter().filter(|block| wanted.may_lie_in(block)) {
        let Some(entry) = block.header.batch(category) else { continue };
        let sealed = blobs.get(&entry.blob).await.or_wrong("the blob store")?;
        let batch =
            OpenedBatch::open(&patient.chain, key, &block.header, category, &sealed).or_wrong("the blob store")?;
        let Some(place) = wanted.place(batch.records()) else { continue };
        found = Some((block, batch.prove(block, place).or_wrong("the chain on disk")?));
        if matches!(wanted, Wanted::Reading { .. }) {
            break;
        }
    }
    let Some((block, proof)) = found else { return Ok(None) };
    let before = chain.directives.iter().filter(|(height, _)| *height < block.header.height);
    let directives = before.map(|(_, directive)| directive.clone()).collect();
    Ok(opening.map(|opening| RecordFile { proof, authority: Authority { opening, directives } }))
}
