//! What a monitor leaves behind at each block, so that any other goes on where it stopped: `docs/formats.md`, section 2.1.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::Chain;
use phc::messages::MONITOR_STATE;
use phc::{ChainState, PatientKeys, Subject, open_topic_value, seal_topic_value};
use rand_core::{CryptoRng, RngCore};

use crate::Result;
use crate::device::DeviceWindow;

const VERSION: u8 = 1;

/// Everything about one patient that the next monitor needs. Sealed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct MonitorState {
    version: u8,
    pub(crate) through_position: u64,
    pub(crate) access_position: u64,
    pub(crate) chain: ChainState,
    pub(crate) devices: Vec<DeviceWindow>,
    pub(crate) detectors: Vec<(Subject, Vec<u8>)>,
}

impl MonitorState {
    pub(crate) fn new(
        (through_position, access_position): (u64, u64),
        chain: ChainState,
        devices: Vec<DeviceWindow>,
        detectors: Vec<(Subject, Vec<u8>)>,
    ) -> Self {
        Self { version: VERSION, through_position, access_position, chain, devices, detectors }
    }

    /// About how many bytes it has.
    pub(crate) fn bytes(&self) -> usize {
        self.detectors.iter().map(|(_, detector)| detector.len()).sum::<usize>() + self.devices.len() * 384
    }

    pub(crate) fn seal(
        &self,
        chain: &Chain,
        keys: &PatientKeys,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Vec<u8>> {
        Ok(seal_topic_value(keys.stream(chain)?, chain, MONITOR_STATE, self, rng))
    }

    pub(crate) fn open(chain: &Chain, keys: &PatientKeys, sealed: &[u8]) -> Result<Self, String> {
        let key = keys.stream(chain).map_err(|error| error.to_string())?;
        let state: Self = open_topic_value(key, chain, MONITOR_STATE, "state of a monitor", sealed)
            .map_err(|error| error.to_string())?;
        if state.version != VERSION {
            return Err(format!("version {} is not {VERSION}", state.version));
        }
        Ok(state)
    }
}

/// What is true of a partition at its committed position. Not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct PartitionState {
    /// The last tick before the committed position, milliseconds.
    pub(crate) time_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ledger::{Digest, PublicKey, encode, rng_from_seed, sha256};
    use phc::{Provenance, Reading, Span};

    use super::*;

    fn state() -> MonitorState {
        let chain = ChainState {
            patient: PublicKey([1; 32]),
            writers: Vec::new(),
            next_directive: 0,
            height: 3,
            hash: Digest([2; 32]),
            time_ms: 4,
            span: Span { partition: 5, from: 6, through: 7 },
        };
        let mut device = DeviceWindow::new("watch", 1);
        device.take(
            1,
            &Reading {
                signal: 1,
                value_milli: 72_000,
                time_ms: 60_000,
                offset_minutes: None,
                provenance: Provenance::Device,
            },
        );
        MonitorState::new((8, 9), chain, vec![device], vec![(Subject::Patient, vec![10])])
    }

    /// Golden vector of `docs/formats.md`, section 2.1.
    #[test]
    fn the_state_has_the_bytes_that_are_written_down() {
        let bytes = encode(&state());
        assert_eq!(bytes.len(), 1 + 8 + 8 + (32 + 4 + 8 + 8 + 32 + 8 + 20) + (4 + 9 + 8 + 4 + 8) + (4 + 1 + 5));
        assert_eq!(sha256(&bytes).to_string(), "71cc2ef787f33ea753a32face450d3a57e3174f459b9e7980ea5cb450459fa81");
        assert_eq!(encode(&PartitionState { time_ms: Some(60_000) }), [1, 0x60, 0xea, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_state_opens_for_its_patient_and_version_only() {
        let mut rng = rng_from_seed([1; 32]);
        let keys = PatientKeys::generate([], &mut rng_from_seed([2; 32]));
        let chain = Chain { network: Digest([3; 32]), id: Digest([4; 32]) };
        let sealed = state().seal(&chain, &keys, &mut rng).unwrap();
        assert_eq!(MonitorState::open(&chain, &keys, &sealed).unwrap(), state());
        let other = Chain { id: Digest([5; 32]), ..chain };
        assert!(MonitorState::open(&other, &keys, &sealed).is_err());
        let newer = MonitorState { version: 2, ..state() };
        assert!(MonitorState::open(&chain, &keys, &newer.seal(&chain, &keys, &mut rng).unwrap()).is_err());
    }
}
