//! An alert computed again from its file: the same detector over the same readings has to say the same, to the byte
//! (capability D12).
//!
//! Readings are gone through block by block, each block's by time. That is not the order in which they came, and need not be: a
//! step of time is decided once it is lateness old, from what had come for it by then. Which readings had not, though by blocks
//! and time they might have, and which ticks closed what more readings came for later, the file names ([`phc::Arrival`]).

mod again;
mod differs;

use ledger::{Chain, decode, encode};
use phc::{AlertFile, LateReading};
use vitals::Anomaly;

use crate::{Error, Result};
pub(crate) use again::{Again, detector, readings_of};
use differs::Nearest;

/// What was found true of an alert by going through everything that the detector had read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recomputed {
    /// The anomaly, the same as in the file.
    pub anomaly: Anomaly,
    /// Readings of the subject, up to the moment at which it was said again.
    pub readings: u64,
    /// Of these, those that came too late to count.
    pub late: u64,
    /// How often a doctor had set parameters.
    pub parameters: u64,
}

/// Computes the anomaly of a file again. The file's chain must have been verified ([`AlertFile::verify`] gives `chain`); here every
/// batch is opened and checked against its block.
///
/// # Errors
/// [`Error::Alert`] says what differs, [`Error::Chain`] names the batch that is not its block's.
pub fn recompute(file: &AlertFile, chain: &Chain) -> Result<Recomputed> {
    let told = decode::<Anomaly>("anomaly", &file.anomaly).map_err(|error| Error::Alert(error.to_string()))?;
    let mut again = Again::new(file, chain)?;
    let mut nearest = Nearest::new(&told);
    let Some((last, before)) = file.blocks.split_last() else {
        return Err(Error::Alert("its file holds no block".into()));
    };
    let by_blocks_alone = |late: &LateReading| {
        let LateReading { device, sequence, .. } = late;
        Err(Error::Alert(format!("it names reading {sequence} of {device} as late, which it is without being named")))
    };
    let mut entered = 0_u64;
    for filed in before {
        let said = again.block(filed, &file.arrival, by_blocks_alone)?;
        entered = entered.saturating_add(u64::from(filed.block.header.anomalies));
        if said.iter().any(|anomaly| encode(anomaly) == file.anomaly) {
            let height = filed.block.header.height;
            return Err(Error::Alert(format!("its readings give it at block {height} already")));
        }
        nearest.see(said);
        if nearest.said() > entered {
            // Other settings or another forest; it would only cost time to go on.
            let height = filed.block.header.height;
            return Err(Error::Alert(format!(
                "its readings give more anomalies than the chain holds up to block {height}"
            )));
        }
    }
    let mut said = again.block(last, &file.arrival, by_blocks_alone)?;
    said.extend(again.end(last.block.header.time_ms));
    if let Some(anomaly) = said.iter().find(|anomaly| encode(*anomaly) == file.anomaly) {
        let (readings, late, parameters) = again.counts();
        return Ok(Recomputed { anomaly: anomaly.clone(), readings, late, parameters });
    }
    nearest.see(said);
    Err(Error::Alert(nearest.explain()))
}
