//! Which readings are held already: for each device of a chain, eight bytes a reading.
//!
//! An index in memory, rebuilt from the log at start. Eight bytes of SHA-256 tell the same content from other content
//! by mistake once in 2⁶⁴.

use std::collections::{BTreeMap, HashMap};

use ledger::{Digest, sha256};

/// Content of a reading, shortened.
pub(crate) type Short = [u8; 8];

/// The digest that tells one content from another.
pub(crate) fn short(subject: &phc::Subject, reading: &phc::Reading) -> Short {
    let Digest([a, b, c, d, e, f, g, h, ..]) = sha256(&ledger::encode(&(subject, reading)));
    [a, b, c, d, e, f, g, h]
}

/// What is known of a (device, sequence).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    New,
    Same,
    Other,
}

/// Runs of consecutive sequences: first sequence → digests.
#[derive(Default)]
struct Runs(BTreeMap<u64, Vec<Short>>);

/// Devices of this prefix send no sequence of their own; what they send is named by signal and instant.
pub(crate) const UNNUMBERED: &str = "fhir/";

/// What is held of one device.
#[derive(Default)]
struct Device {
    runs: Runs,
    /// By signal and instant, of devices without sequences only.
    instants: HashMap<(u16, i64), Short>,
}

/// All devices, by chain and name.
#[derive(Default)]
pub(crate) struct Held(HashMap<Digest, HashMap<String, Device>>);

impl Held {
    fn device(&self, chain: &Digest, device: &str) -> Option<&Device> {
        self.0.get(chain)?.get(device)
    }

    pub(crate) fn look(&self, chain: &Digest, device: &str, sequence: u64, content: &Short) -> Known {
        known(self.device(chain, device).and_then(|device| device.runs.get(sequence)), content)
    }

    /// The same for a device without sequences: by signal and instant.
    pub(crate) fn look_at(&self, chain: &Digest, device: &str, reading: &phc::Reading, content: &Short) -> Known {
        let place = (reading.signal, reading.time_ms);
        known(self.device(chain, device).and_then(|device| device.instants.get(&place)), content)
    }

    /// Remembers; what is held already stays as it is.
    pub(crate) fn insert(
        &mut self,
        chain: &Digest,
        device: &str,
        sequence: u64,
        subject: &phc::Subject,
        reading: &phc::Reading,
    ) {
        let content = short(subject, reading);
        let devices = self.0.entry(*chain).or_default();
        if !devices.contains_key(device) {
            devices.insert(device.to_owned(), Device::default());
        }
        let Some(held) = devices.get_mut(device) else { return };
        held.runs.insert(sequence, content);
        if device.starts_with(UNNUMBERED) {
            held.instants.entry((reading.signal, reading.time_ms)).or_insert(content);
        }
    }

    /// The highest sequence held of a device.
    pub(crate) fn through(&self, chain: &Digest, device: &str) -> Option<u64> {
        let (first, run) = self.device(chain, device)?.runs.0.last_key_value()?;
        first.checked_add(u64::try_from(run.len()).ok()?)?.checked_sub(1)
    }
}

fn known(held: Option<&Short>, content: &Short) -> Known {
    match held {
        None => Known::New,
        Some(held) if held == content => Known::Same,
        Some(_) => Known::Other,
    }
}

impl Runs {
    fn get(&self, sequence: u64) -> Option<&Short> {
        let (first, run) = self.0.range(..=sequence).next_back()?;
        run.get(usize::try_from(sequence.checked_sub(*first)?).ok()?)
    }

    fn insert(&mut self, sequence: u64, content: Short) {
        if self.get(sequence).is_some() {
            return;
        }
        let ends_here = |(first, run): &(&u64, &mut Vec<Short>)| first.checked_add(run.len() as u64) == Some(sequence);
        match self.0.range_mut(..=sequence).next_back().filter(ends_here) {
            Some((_, run)) => run.push(content),
            None => _ = self.0.insert(sequence, vec![content]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reading(value_milli: i64) -> phc::Reading {
        phc::Reading { signal: 1, value_milli, time_ms: 0, offset_minutes: None, provenance: phc::Provenance::Device }
    }

    proptest! {
        #[test]
        fn runs_hold_what_a_map_holds(sequences in prop::collection::vec((0u64..40, 0i64..3), 0..80)) {
            let (mut held, mut plain) = (Held::default(), BTreeMap::new());
            let subject = phc::Subject::Patient;
            for (sequence, value) in sequences {
                held.insert(&Digest::ZERO, "d", sequence, &subject, &reading(value));
                plain.entry(sequence).or_insert(value);
            }
            for sequence in 0..41 {
                let expected = match plain.get(&sequence) {
                    None => Known::New,
                    Some(1) => Known::Same,
                    Some(_) => Known::Other,
                };
                prop_assert_eq!(held.look(&Digest::ZERO, "d", sequence, &short(&subject, &reading(1))), expected);
            }
            prop_assert_eq!(held.through(&Digest::ZERO, "d"), plain.keys().last().copied());
            prop_assert_eq!(held.through(&Digest::ZERO, "e"), None);
        }
    }
}
