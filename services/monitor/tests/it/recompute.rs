//! Alerts computed again from files: of whole runs, however readings came, and of files that were changed.

mod changed;
mod runs;

use monitor::{Recomputed, recompute};
use phc::AlertFile;

use crate::world::NETWORK;

/// Through the bytes, as whoever gets the file does.
fn verify(file: &AlertFile) -> monitor::Result<Recomputed> {
    let file = AlertFile::decode(&file.encode())?;
    let on_chain = file.verify(&NETWORK)?;
    recompute(&file, &on_chain.chain)
}

#[track_caller]
fn refused(file: &AlertFile, reason: &str) {
    let error = verify(file).unwrap_err().to_string();
    assert!(error.contains(reason), "`{reason}` is not in: {error}");
}
