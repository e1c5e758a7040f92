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

/// All devices.
#[derive(Default)]
pub(crate) struct Held(HashMap<(Digest, String), Runs>);

impl Held {
    pub(crate) fn look(&self, chain: &Digest, device: &str, sequence: u64, content: &Short) -> Known {
        match self.0.get(&(*chain, device.to_owned())).and_then(|runs| runs.get(sequence)) {
            None => Known::New,
            Some(held) if held == content => Known::Same,
            Some(_) => Known::Other,
        }
    }

    /// Remembers; what is held already stays as it is.
    pub(crate) fn insert(&mut self, chain: &Digest, device: &str, sequence: u64, content: Short) {
        self.0.entry((*chain, device.to_owned())).or_default().insert(sequence, content);
    }

    /// The highest sequence held of a device.
    pub(crate) fn through(&self, chain: &Digest, device: &str) -> Option<u64> {
        let (first, run) = self.0.get(&(*chain, device.to_owned()))?.0.last_key_value()?;
        first.checked_add(u64::try_from(run.len()).ok()?)?.checked_sub(1)
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

    proptest! {
        #[test]
        fn runs_hold_what_a_map_holds(sequences in prop::collection::vec((0u64..40, any::<[u8; 8]>()), 0..80)) {
            let (mut held, mut plain) = (Held::default(), BTreeMap::new());
            for (sequence, content) in sequences {
                held.insert(&Digest::ZERO, "d", sequence, content);
                plain.entry(sequence).or_insert(content);
            }
            for sequence in 0..41 {
                let expected = match plain.get(&sequence) {
                    None => Known::New,
                    Some(content) if *content == [7; 8] => Known::Same,
                    Some(_) => Known::Other,
                };
                prop_assert_eq!(held.look(&Digest::ZERO, "d", sequence, &[7; 8]), expected);
            }
            prop_assert_eq!(held.through(&Digest::ZERO, "d"), plain.keys().last().copied());
            prop_assert_eq!(held.through(&Digest::ZERO, "e"), None);
        }
    }
}
