//! One subject under watch: the patient, or a location with its sensors.

use ledger::sha256;
use phc::{Provenance, Reading, Subject};
use vitals::{PatientState, Signal, VitalsError};

use crate::chart::Charts;

pub(crate) struct Watch {
    pub(crate) subject: Subject,
    pub(crate) state: PatientState,
    pub(crate) charts: Charts,
}

impl Watch {
    pub(crate) fn new(subject: &Subject) -> Self {
        Self { subject: subject.clone(), state: PatientState::new(number(subject)), charts: Charts::default() }
    }

    pub(crate) fn restore(subject: Subject, bytes: &[u8]) -> Result<Self, VitalsError> {
        Ok(Self { subject, state: PatientState::from_bytes(bytes)?, charts: Charts::default() })
    }
}

/// Tells the subjects of one chain apart in numbers of episodes. It hangs on no key, so that two runs over the same readings
/// give the same numbers; between chains they may be equal, an episode is named by chain and number.
pub(crate) fn number(subject: &Subject) -> [u8; 16] {
    let mut number = [0; 16];
    if let Subject::Location(location) = subject {
        let digest = sha256(location.as_bytes());
        number.copy_from_slice(&digest.0[..16]);
    }
    number
}

/// The detector's form of a reading; [`None`] where no such signal is known.
pub(crate) fn to_vitals(reading: &Reading) -> Option<vitals::Reading> {
    Some(vitals::Reading {
        signal: Signal::from_id(reading.signal)?,
        value_milli: reading.value_milli,
        time_ms: reading.time_ms,
        offset_minutes: reading.offset_minutes,
        provenance: match reading.provenance {
            Provenance::Device => vitals::Provenance::Device,
            Provenance::Manual => vitals::Provenance::Manual,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_of_the_chain_and_of_the_detector_are_the_same_bytes() {
        for (signal, provenance) in [(1, Provenance::Device), (105, Provenance::Manual)] {
            let reading =
                Reading { signal, value_milli: -7, time_ms: 1_700_000_000_000, offset_minutes: Some(-90), provenance };
            assert_eq!(to_vitals(&reading).map(|own| ledger::encode(&own)), Some(ledger::encode(&reading)));
        }
        let unknown =
            Reading { signal: 999, value_milli: 0, time_ms: 0, offset_minutes: None, provenance: Provenance::Device };
        assert_eq!(to_vitals(&unknown), None);
    }
}
