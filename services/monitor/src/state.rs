//! What a monitor leaves behind at each block, so that any other goes on where it stopped: `docs/formats.md`, section 2.1.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::Chain;
use phc::messages::MONITOR_STATE;
use phc::{ChainState, PatientKeys, Subject, open_topic_value, seal_topic_value};

use crate::device::DeviceWindow;
use crate::{Randomness, Result};

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

    pub(crate) fn seal(&self, chain: &Chain, keys: &PatientKeys, rng: &mut Randomness) -> Result<Vec<u8>> {
        Ok(seal_topic_value(keys.stream(chain)?, chain, MONITOR_STATE, self, rng))
    }

    pub(crate) fn open(chain: &Chain, keys: &PatientKeys, sealed: &[u8]) -> Result<Self, String> {
        let key = keys.stream(chain).map_err(|error| error.to_string())?;
        let state: Self =
            open_topic_value(key, chain, MONITOR_STATE, "state of a monitor", sealed).map_err(|error| error.to_string())?;
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
