//! Groups: who is a member, who holds which partition. Times are passed in.
//!
//! A partition goes to its next holder only after the former one was told (or left, or was silent for longer than the session
//! time) and no commit that moves its position is under way. So two members never work on one partition, and the next one starts
//! from the position that the former one really reached.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::assign::assign;
use crate::{Error, Result, Topic};

#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<String, Group>,
    last_member: u64,
}

#[derive(Debug)]
struct Group {
    topics: Vec<Topic>,
    partitions: u32,
    members: BTreeMap<u64, Member>,
    /// Partitions whose position a commit under way moves.
    busy: BTreeSet<u32>,
}

#[derive(Debug)]
struct Member {
    held: BTreeSet<u32>,
    seen: Instant,
}

/// What a member has to be told next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    Assigned(BTreeSet<u32>),
    Revoked(BTreeSet<u32>),
    /// It was silent for too long and is no member any more.
    Expelled,
}

impl Groups {
    /// A new member, without partitions yet.
    pub(super) fn join(&mut self, name: &str, topics: &[Topic], partitions: u32, now: Instant) -> Result<u64> {
        let fresh = || Group { topics: topics.to_vec(), partitions, members: BTreeMap::new(), busy: BTreeSet::new() };
        let group = self.groups.entry(name.to_owned()).or_insert_with(fresh);
        if group.topics != topics {
            let theirs = group.topics.iter().map(Topic::as_str).collect::<Vec<_>>().join(", ");
            return Err(Error::Invalid(format!(
                "group {name:?} reads {theirs}: all members of a group read the same topics"
            )));
        }
        self.last_member += 1;
        group.members.insert(self.last_member, Member { held: BTreeSet::new(), seen: now });
        Ok(self.last_member)
    }

    /// A member leaves; what it held is free.
    pub(super) fn leave(&mut self, name: &str, member: u64) {
        if let Some(group) = self.groups.get_mut(name) {
            group.members.remove(&member);
        }
        self.forget_if_unused(name);
    }

    /// What the member has to be told now. Counts as a sign of life.
    pub(super) fn step(&mut self, name: &str, member: u64, now: Instant, session: Duration) -> Step {
        let Some(group) = self.groups.get_mut(name) else { return Step::Expelled };
        let Some(me) = group.members.get_mut(&member) else { return Step::Expelled };
        me.seen = now;
        group.members.retain(|_, other| now.saturating_duration_since(other.seen) <= session);

        let held: BTreeMap<u64, BTreeSet<u32>> =
            group.members.iter().map(|(id, other)| (*id, other.held.clone())).collect();
        let mut target = assign(&held, group.partitions);
        let mine = target.remove(&member).unwrap_or_default();
        let taken: BTreeSet<u32> = held.values().flatten().copied().collect();
        let Some(me) = group.members.get_mut(&member) else { return Step::Expelled };
        let lost: BTreeSet<u32> = me.held.difference(&mine).copied().collect();
        if !lost.is_empty() {
            me.held.retain(|number| !lost.contains(number));
            return Step::Revoked(lost);
        }
        let gained: BTreeSet<u32> =
            mine.into_iter().filter(|number| !taken.contains(number) && !group.busy.contains(number)).collect();
        if gained.is_empty() {
            return Step::Nothing;
        }
        me.held.extend(gained.iter().copied());
        Step::Assigned(gained)
    }

    /// Lets a commit move positions of these partitions if the member holds them all; until [`Groups::release`] nobody else gets them.
    pub(super) fn claim(&mut self, name: &str, member: u64, numbers: &BTreeSet<u32>, now: Instant) -> Result<()> {
        let refused = |reason: String| Err(Error::Rebalanced { group: name.to_owned(), reason });
        let Some(group) = self.groups.get_mut(name) else { return refused("the group has no members".into()) };
        let Some(me) = group.members.get_mut(&member) else {
            return refused("this reader left it, or was silent for longer than the session time".into());
        };
        if let Some(number) = numbers.iter().find(|number| !me.held.contains(number)) {
            return refused(format!("partition {number} is not this reader's"));
        }
        me.seen = now;
        group.busy.extend(numbers.iter().copied());
        Ok(())
    }

    /// The commit is over.
    pub(super) fn release(&mut self, name: &str, numbers: &BTreeSet<u32>) {
        if let Some(group) = self.groups.get_mut(name) {
            group.busy.retain(|number| !numbers.contains(number));
        }
        self.forget_if_unused(name);
    }

    fn forget_if_unused(&mut self, name: &str) {
        if self.groups.get(name).is_some_and(|group| group.members.is_empty() && group.busy.is_empty()) {
            self.groups.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const SESSION: Duration = Duration::from_secs(10);

    fn set(numbers: &[u32]) -> BTreeSet<u32> {
        numbers.iter().copied().collect()
    }

    #[test]
    fn a_partition_moves_only_after_its_holder_was_told() {
        let (mut groups, now) = (Groups::default(), Instant::now());
        let topics = [Topic::named("t")];
        let first = groups.join("g", &topics, 4, now).unwrap();
        assert_eq!(groups.step("g", first, now, SESSION), Step::Assigned(set(&[0, 1, 2, 3])));
        let second = groups.join("g", &topics, 4, now).unwrap();
        assert_eq!(groups.step("g", second, now, SESSION), Step::Nothing);
        assert_eq!(groups.step("g", first, now, SESSION), Step::Revoked(set(&[2, 3])));
        assert_eq!(groups.step("g", second, now, SESSION), Step::Assigned(set(&[2, 3])));
    }

    #[test]
    fn a_partition_under_commit_is_not_given_to_anyone() {
        let (mut groups, now) = (Groups::default(), Instant::now());
        let topics = [Topic::named("t")];
        let first = groups.join("g", &topics, 1, now).unwrap();
        groups.step("g", first, now, SESSION);
        groups.claim("g", first, &set(&[0]), now).unwrap();
        groups.leave("g", first);
        let second = groups.join("g", &topics, 1, now).unwrap();
        assert_eq!(groups.step("g", second, now, SESSION), Step::Nothing);
        groups.release("g", &set(&[0]));
        assert_eq!(groups.step("g", second, now, SESSION), Step::Assigned(set(&[0])));
    }

    #[test]
    fn a_silent_member_is_expelled_and_its_commit_refused() {
        let (mut groups, start) = (Groups::default(), Instant::now());
        let topics = [Topic::named("t")];
        let first = groups.join("g", &topics, 2, start).unwrap();
        groups.step("g", first, start, SESSION);
        let later = start + SESSION + Duration::from_secs(1);
        let second = groups.join("g", &topics, 2, later).unwrap();
        assert_eq!(groups.step("g", second, later, SESSION), Step::Assigned(set(&[0, 1])));
        assert!(matches!(groups.claim("g", first, &set(&[0]), later), Err(Error::Rebalanced { .. })));
        assert_eq!(groups.step("g", first, later, SESSION), Step::Expelled);
    }

    #[test]
    fn members_that_read_other_topics_are_refused() {
        let (mut groups, now) = (Groups::default(), Instant::now());
        groups.join("g", &[Topic::named("a")], 1, now).unwrap();
        assert!(matches!(groups.join("g", &[Topic::named("b")], 1, now), Err(Error::Invalid(_))));
    }
}
