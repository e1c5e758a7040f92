//! `caduceus verify`: a file that somebody handed over, checked without a network.

pub(crate) mod alert;

use std::path::Path;

use claims::{RECEIPT_BYTES_MAX, Receipt};
use erm::Checkpoint;
use phc::{Provenance, RECORD_FILE_BYTES_MAX, RecordContent, RecordFile, RecordRef, Subject};

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::network::read_genesis;

/// Most bytes of a checkpoint file.
const CHECKPOINT_BYTES_MAX: u64 = 1 << 20;

/// Verifies a receipt and says what was computed again, what is only attested, and what is trusted.
pub(crate) fn receipt(file: &Path, genesis: &Path, checkpoint: Option<&Path>) -> Outcome {
    let genesis = read_genesis(genesis)?;
    let checkpoint = checkpoint.map(read_checkpoint).transpose()?;
    let bytes = read(file, RECEIPT_BYTES_MAX as u64)?;
    let refused = |error: claims::Error| Failure::wrong(format_args!("{}: {error}", file.display()));
    let receipt = Receipt::from_json(&bytes).map_err(refused)?;
    let verified = claims::verify(&receipt, &genesis, checkpoint.as_ref()).map_err(refused)?;

    let mut out = format!(
        "the receipt holds\nverdict       {}\nasked         {}, answered from the record at height {}\n",
        verified.verdict,
        crate::demo::iso(verified.as_of_ms),
        verified.height
    );
    for what in &verified.recomputed {
        out += &format!("computed      {what}\n");
    }
    for attested in &verified.attested_by {
        out += &format!("attested by   {}: {}\n", attested.by, attested.what);
    }
    out += &format!("trust root    {}\n", verified.trust_root);
    crate::console::print(&out);
    Ok(())
}

/// Verifies a record of a personal chain and says what it says, what was computed again and what is only attested.
pub(crate) fn record(path: &Path, genesis: &Path) -> Outcome {
    let genesis = read_genesis(genesis)?;
    let bytes = read(path, RECORD_FILE_BYTES_MAX as u64)?;
    let refused = |error: phc::Error| Failure::wrong(format_args!("{}: {error}", path.display()));
    let verified = RecordFile::from_json(&bytes).and_then(|file| file.verify(&genesis.network())).map_err(refused)?;
    let iso = crate::demo::iso;
    let mut out = format!("the record holds\nrecord        {}\n", shown(&verified.content));
    out += &format!("patient       {}\nchain         {}\n", verified.patient, verified.chain.id);
    out += &format!(
        "block         {} at height {}, cut {}\nwriter        {}\n",
        verified.block,
        verified.height,
        iso(verified.time_ms),
        verified.writer
    );
    for what in &verified.recomputed {
        out += &format!("computed      {what}\n");
    }
    for (what, by) in &verified.attested_by {
        out += &format!("attested by   {by}: {what}\n");
    }
    out += &format!("trust root    genesis of {} ({})\n", genesis.name, verified.chain.network);
    crate::console::print(&out);
    Ok(())
}

/// Further values of a row stand below the first.
const NEXT_LINE: &str = "\n              ";

fn shown(content: &RecordContent) -> String {
    let iso = crate::demo::iso;
    match content {
        RecordContent::Readings(row) => {
            row.records().map(|record| shown_reading(&record)).collect::<Vec<_>>().join(NEXT_LINE)
        }
        RecordContent::Score(score) => format!("score {} millionths at {}", score.score_micro, iso(score.time_ms)),
        RecordContent::Access(request) => {
            let decision = if request.permitted { "permitted" } else { "refused" };
            format!(
                "request of {} for category {} at {}, {decision}",
                request.receiver,
                request.category,
                iso(request.time_ms)
            )
        }
        RecordContent::Parameters(record) => crate::parameters::shown(record),
    }
}

fn shown_reading(record: &RecordRef<'_>) -> String {
    let iso = crate::demo::iso;
    let reading = &record.reading;
    let signal = vitals::Signal::from_id(reading.signal);
    let (name, unit) =
        signal.map_or((format!("signal {}", reading.signal), ""), |signal| (signal.name().to_owned(), signal.unit()));
    let how = match reading.provenance {
        Provenance::Device => "measured by",
        Provenance::Manual => "entered by hand at",
    };
    let at = match &record.subject {
        Subject::Patient => String::new(),
        Subject::Location(location) => format!(" in {location}"),
    };
    format!(
        "{name} {} {unit} at {}, {how} {}{at} (number {})",
        vitals::milli::to_text(reading.value_milli),
        iso(reading.time_ms),
        record.device,
        record.sequence
    )
}

fn read_checkpoint(path: &Path) -> Outcome<Checkpoint> {
    serde_json::from_slice(&read(path, CHECKPOINT_BYTES_MAX)?)
        .or_wrong(format_args!("{} is no checkpoint", path.display()))
}

/// Reads a file of bounded size.
pub(crate) fn read(path: &Path, most_bytes: u64) -> Outcome<Vec<u8>> {
    let shown = path.display();
    let size = std::fs::metadata(path).or_environment(format_args!("{shown} cannot be read"))?.len();
    if size > most_bytes {
        return Err(Failure::wrong(format_args!("{shown}: {size} bytes, at most {most_bytes} are possible")));
    }
    std::fs::read(path).or_environment(format_args!("{shown} cannot be read"))
}
