//! `caduceus verify`: a file that somebody handed over, checked without a network.

use std::path::Path;

use claims::{RECEIPT_BYTES_MAX, Receipt};
use erm::Checkpoint;

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

fn read_checkpoint(path: &Path) -> Outcome<Checkpoint> {
    serde_json::from_slice(&read(path, CHECKPOINT_BYTES_MAX)?).or_wrong(format_args!("{} is no checkpoint", path.display()))
}

/// Reads a file of bounded size.
fn read(path: &Path, most_bytes: u64) -> Outcome<Vec<u8>> {
    let shown = path.display();
    let size = std::fs::metadata(path).or_environment(format_args!("{shown} cannot be read"))?.len();
    if size > most_bytes {
        return Err(Failure::wrong(format_args!("{shown}: {size} bytes, at most {most_bytes} are possible")));
    }
    std::fs::read(path).or_environment(format_args!("{shown} cannot be read"))
}
