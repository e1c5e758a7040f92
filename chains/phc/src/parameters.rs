//! What doctors set for the detector of one patient: on the event log, and as the chain records it (capability D13).
//!
//! The parameters themselves are bytes here: what they mean is `vitals`'.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, DataKey};
use rand_core::{CryptoRng, RngCore};

use crate::messages::NAME_BYTES_MAX;
use crate::{Error, open_topic_value, seal_topic_value};

/// Most bytes of encoded parameters.
pub const PARAMETERS_BYTES_MAX: usize = 8 * 1024;

/// What a value of `readings` that sets parameters is sealed for; a batch of readings is sealed for the topic's name alone, so that
/// neither is ever taken for the other.
const CONTEXT: &str = "readings/parameters";

/// A doctor sets parameters for a patient. Value of `readings`, sealed, in the patient's own partition: so every monitor finds it
/// between the same readings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct ParametersSet {
    /// Id of the member who set them.
    pub by: String,
    /// When, milliseconds since 1970-01-01 UTC.
    pub set_ms: i64,
    /// Canonical bytes of the parameters (`vitals::Parameters`).
    pub parameters: Vec<u8>,
}

/// Parameters as the chain records them: a record of category 252.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct ParametersRecord {
    /// Who set what, and when.
    pub set: ParametersSet,
    /// Event time of the newest reading about the patient that stands before it in the log, milliseconds since 1970-01-01 UTC; none
    /// where nothing was read before. Steps of time after that reading's are judged by these parameters.
    pub after_ms: Option<i64>,
}

impl ParametersSet {
    /// Checks the bounds: a member's name of 1 to 128 bytes, 1 to 8,192 bytes of parameters.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Bounds { what: "parameters", reason });
        if self.by.is_empty() || self.by.len() > NAME_BYTES_MAX {
            return refuse(format!("{} bytes of who set them, 1 to {NAME_BYTES_MAX} are possible", self.by.len()));
        }
        if self.parameters.is_empty() || self.parameters.len() > PARAMETERS_BYTES_MAX {
            return refuse(format!("{} bytes, 1 to {PARAMETERS_BYTES_MAX} are possible", self.parameters.len()));
        }
        Ok(())
    }

    /// Seals the value under the patient's stream key.
    pub fn seal(&self, key: &DataKey, chain: &Chain, rng: &mut (impl CryptoRng + RngCore)) -> Vec<u8> {
        seal_topic_value(key, chain, CONTEXT, self, rng)
    }

    /// Opens what [`seal`](Self::seal) made, and nothing else of `readings`, and checks its bounds.
    pub fn open(key: &DataKey, chain: &Chain, value: &[u8]) -> Result<Self, Error> {
        let set: Self = open_topic_value(key, chain, CONTEXT, "parameters", value)?;
        set.check()?;
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ledger::{Digest, encode, rng_from_seed};
    use proptest::prelude::*;

    use super::*;
    use crate::ReadingBatch;
    use crate::messages::READINGS;

    const CHAIN: Chain = Chain { network: Digest([1; 32]), id: Digest([2; 32]) };

    fn set() -> ParametersSet {
        ParametersSet { by: "doctors-a".into(), set_ms: 60_000, parameters: vec![1, 0, 0, 0, 0, 0, 0, 0] }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Golden vectors of `docs/formats.md`, sections 2.1 and 3.3.
    #[test]
    fn both_have_the_bytes_that_are_written_down() {
        let bytes = "09000000646f63746f72732d6160ea000000000000080000000100000000000000";
        assert_eq!(hex(&encode(&set())), bytes);
        assert_eq!(hex(&encode(&ParametersRecord { set: set(), after_ms: None })), format!("{bytes}00"));
        let after = ParametersRecord { set: set(), after_ms: Some(59_000) };
        assert_eq!(hex(&encode(&after)), format!("{bytes}0178e6000000000000"));
    }

    #[test]
    fn a_value_opens_for_its_patient_key_and_kind_only() {
        let mut rng = rng_from_seed([3; 32]);
        let key = DataKey::from_bytes([4; 32]);
        let sealed = set().seal(&key, &CHAIN, &mut rng);
        assert_eq!(ParametersSet::open(&key, &CHAIN, &sealed).unwrap(), set());
        assert!(ParametersSet::open(&DataKey::from_bytes([5; 32]), &CHAIN, &sealed).is_err());
        assert!(ParametersSet::open(&key, &Chain { id: Digest([9; 32]), ..CHAIN }, &sealed).is_err());
        assert!(open_topic_value::<ParametersSet>(&key, &CHAIN, READINGS, "parameters", &sealed).is_err());
        assert!(open_topic_value::<ReadingBatch>(&key, &CHAIN, READINGS, "batch", &sealed).is_err());
        let as_readings = seal_topic_value(&key, &CHAIN, READINGS, &set(), &mut rng);
        assert!(ParametersSet::open(&key, &CHAIN, &as_readings).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ParametersSet::open(&key, &CHAIN, &changed).is_err(), "byte {at}");
            assert!(ParametersSet::open(&key, &CHAIN, &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_or_spelled_otherwise_is_refused() {
        let mut rng = rng_from_seed([3; 32]);
        let key = DataKey::from_bytes([4; 32]);
        for wrong in [
            ParametersSet { by: String::new(), ..set() },
            ParametersSet { by: "x".repeat(129), ..set() },
            ParametersSet { parameters: Vec::new(), ..set() },
            ParametersSet { parameters: vec![0; PARAMETERS_BYTES_MAX + 1], ..set() },
        ] {
            assert!(wrong.check().is_err());
            assert!(ParametersSet::open(&key, &CHAIN, &wrong.seal(&key, &CHAIN, &mut rng)).is_err());
        }
        let trailing = [encode(&set()), vec![0]].concat();
        assert!(ParametersSet::open(&key, &CHAIN, &key.seal(&CHAIN, CONTEXT.as_bytes(), &trailing, &mut rng)).is_err());
        assert!(ledger::decode::<ParametersRecord>("record", &[encode(&set()), vec![2]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_decode_to_a_record_that_encodes_to_them_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(record) = ledger::decode::<ParametersRecord>("record", &bytes) {
                prop_assert_eq!(encode(&record), bytes);
            }
        }
    }
}
