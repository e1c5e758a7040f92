//! Who gets which partition: balanced, and moving as little as possible. A pure function, so that it can be shown.

use std::collections::{BTreeMap, BTreeSet};

/// Shares partitions `0..partitions` among members that hold some already (no partition twice): each gets its fair share within
/// one, keeps of its own what fits the share, and no partition is left over while there is a member.
pub(super) fn assign(held: &BTreeMap<u64, BTreeSet<u32>>, partitions: u32) -> BTreeMap<u64, BTreeSet<u32>> {
    let members = held.len();
    if members == 0 {
        return BTreeMap::new();
    }
    let all = usize::try_from(partitions).unwrap_or(usize::MAX);
    let (share, larger) = (all / members, all % members);
    // Those who hold most get the larger shares, so that fewest move; the id settles ties.
    let mut order: Vec<_> = held.iter().collect();
    order.sort_by_key(|(id, own)| (std::cmp::Reverse(own.len()), **id));

    let mut target = BTreeMap::new();
    let mut free: BTreeSet<u32> = (0..partitions).collect();
    for (rank, (id, own)) in order.iter().enumerate() {
        let quota = share + usize::from(rank < larger);
        let kept: BTreeSet<u32> = own.iter().copied().filter(|number| *number < partitions).take(quota).collect();
        free.retain(|number| !kept.contains(number));
        target.insert(**id, (quota, kept));
    }
    let mut free = free.into_iter();
    for (quota, own) in target.values_mut() {
        let missing = quota.saturating_sub(own.len());
        own.extend(free.by_ref().take(missing));
    }
    target.into_iter().map(|(id, (_, own))| (id, own)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_second_member_takes_half_and_the_first_keeps_the_rest() {
        let held = BTreeMap::from([(1, (0..8).collect()), (2, BTreeSet::new())]);
        let target = assign(&held, 8);
        assert_eq!(target[&1], (0..4).collect());
        assert_eq!(target[&2], (4..8).collect());
    }

    proptest! {
        #[test]
        fn shares_are_fair_complete_disjoint_and_settled(partitions in 1_u32..40, owners in proptest::collection::vec(0_u64..6, 40), members in 1_u64..7) {
            let mut held: BTreeMap<u64, BTreeSet<u32>> = (0..members).map(|id| (id, BTreeSet::new())).collect();
            for (number, owner) in (0..partitions).zip(owners) {
                if let Some(own) = held.get_mut(&owner) {
                    own.insert(number); // owners above `members` leave it free
                }
            }
            let target = assign(&held, partitions);
            let given: Vec<u32> = target.values().flatten().copied().collect();
            prop_assert_eq!(given.len(), partitions as usize);
            prop_assert_eq!(given.into_iter().collect::<BTreeSet<_>>(), (0..partitions).collect());
            let sizes: Vec<_> = target.values().map(BTreeSet::len).collect();
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
            // Nobody gives one up and gets another instead.
            for (id, own) in &held {
                prop_assert!(own.is_subset(&target[id]) || target[id].is_subset(own));
            }
            prop_assert_eq!(&assign(&target, partitions), &target);
        }
    }
}
