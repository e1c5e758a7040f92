//! Who proposes: by weight, the same on every node, a different one each round.

use ledger::{Chain, Digest, Domain, ValidatorSet};

/// Index of the proposer of a round.
///
/// A height's rounds go through a weighted random order of all validators without repetition (the
/// first drawn by weight, then the next among the rest, …), so the share of heights that a validator opens
/// is its share of the weight, and one that is down is passed over for the rest of the cycle.
/// The draws depend on network, height and cycle only: nobody can grind them.
pub(crate) fn index(validators: &ValidatorSet, network: &Digest, height: u64, round: u32) -> usize {
    let count = u32::try_from(validators.iter().len()).unwrap_or(u32::MAX).max(1);
    let (cycle, place) = (round / count, round % count);
    let mut rest: Vec<(usize, u64)> = validators.iter().map(|(_, weight)| *weight).enumerate().collect();
    for draw in 0..place {
        let position = drawn(&rest, network, height, cycle, draw);
        rest.remove(position);
    }
    let position = drawn(&rest, network, height, cycle, place);
    rest.get(position).map_or(0, |(index, _)| *index)
}

/// Position within `rest` that this draw falls on.
fn drawn(rest: &[(usize, u64)], network: &Digest, height: u64, cycle: u32, draw: u32) -> usize {
    let body = ledger::encode(&("proposer", height, cycle, draw));
    let digest = Chain::record(*network).digest(Domain::Validators, &body);
    let mut word = [0; 8];
    word.copy_from_slice(&digest.as_bytes()[..8]);
    let total: u128 = rest.iter().map(|(_, weight)| u128::from(*weight)).sum();
    // The high half of word × total: a number below total, even up to 2⁻⁶⁴ × total.
    let mut ticket = (u128::from(u64::from_le_bytes(word)) * total) >> 64;
    for (position, (_, weight)) in rest.iter().enumerate() {
        let weight = u128::from(*weight);
        if ticket < weight {
            return position;
        }
        ticket -= weight;
    }
    rest.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
    use super::*;
    use ledger::PublicKey;

    fn set(weights: &[u64]) -> ValidatorSet {
        let validators = weights.iter().enumerate().map(|(i, w)| (PublicKey([u8::try_from(i).unwrap() + 1; 32]), *w));
        ValidatorSet::new(validators.collect()).unwrap()
    }

    #[test]
    fn heights_are_opened_in_proportion_to_weight() {
        let set = set(&[30, 28, 22, 20]);
        let mut counts = [0u32; 4];
        for height in 1..=10_000 {
            counts[index(&set, &Digest([9; 32]), height, 0)] += 1;
        }
        for (count, weight) in counts.iter().zip([30u32, 28, 22, 20]) {
            let expected = weight * 100;
            assert!(count.abs_diff(expected) < 200, "{counts:?}");
        }
    }

    #[test]
    fn every_validator_is_tried_once_in_a_cycle_of_rounds() {
        let set = set(&[1, 1_000_000, 1, 50]);
        for height in 1..50 {
            for cycle in 0..3 {
                let mut seen: Vec<_> =
                    (0..4).map(|round| index(&set, &Digest::ZERO, height, cycle * 4 + round)).collect();
                seen.sort_unstable();
                assert_eq!(seen, [0, 1, 2, 3]);
            }
        }
    }

    #[test]
    fn weights_near_the_limit_do_not_overflow() {
        let set = set(&[u64::MAX / 2, u64::MAX / 2]);
        assert!(index(&set, &Digest::ZERO, u64::MAX, u32::MAX) < 2);
    }
}
