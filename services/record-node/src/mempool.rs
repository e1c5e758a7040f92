//! Transactions that wait for a block: bounded in count, bytes and per sender; each id and each (sender, sequence) once.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use bytes::Bytes;
use ledger::Digest;

use crate::{Admission, Refusal, SubmitError};

/// Bounds of the mempool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MempoolLimits {
    /// Most transactions waiting. Default 50,000.
    pub transactions: usize,
    /// Most bytes waiting. Default 64 MiB.
    pub bytes: usize,
    /// Most transactions of one sender waiting. Default 5,000.
    pub per_sender: usize,
    /// Most bytes of one transaction. Default 64 KiB, at most 120,000.
    pub transaction_bytes: usize,
}

impl Default for MempoolLimits {
    fn default() -> Self {
        Self { transactions: 50_000, bytes: 64 << 20, per_sender: 5_000, transaction_bytes: 64 << 10 }
    }
}

/// How many committed ids are remembered, so that a late copy is recognised.
const REMEMBERED: usize = 200_000;

struct Waiting {
    bytes: Bytes,
    admission: Admission,
    arrival: u64,
    /// Submitted to this node, so this node tells the others again until it is in a block.
    local: bool,
}

/// Where a transaction was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) height: u64,
    pub(crate) index: u32,
}

/// See the module.
pub(crate) struct Mempool {
    limits: MempoolLimits,
    waiting: HashMap<Digest, Waiting>,
    /// [`Admission::checked`] of those that wait.
    checked: HashSet<Digest>,
    arrivals: BTreeMap<u64, Digest>,
    senders: HashMap<Vec<u8>, BTreeMap<u64, Digest>>,
    bytes: usize,
    next_arrival: u64,
    committed: HashMap<Digest, Place>,
    committed_order: VecDeque<Digest>,
}

impl Mempool {
    pub(crate) fn new(limits: MempoolLimits) -> Self {
        Self {
            limits,
            waiting: HashMap::new(),
            checked: HashSet::new(),
            arrivals: BTreeMap::new(),
            senders: HashMap::new(),
            bytes: 0,
            next_arrival: 0,
            committed: HashMap::new(),
            committed_order: VecDeque::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many came in since the start.
    pub(crate) fn arrivals(&self) -> u64 {
        self.next_arrival
    }

    /// Whether exactly these signatures were verified when the transaction came in.
    pub(crate) fn is_checked(&self, checked: &Digest) -> bool {
        self.checked.contains(checked)
    }

    pub(crate) fn holds(&self, id: &Digest) -> bool {
        self.waiting.contains_key(id)
    }

    pub(crate) fn place(&self, id: &Digest) -> Option<Place> {
        self.committed.get(id).copied()
    }

    /// Refuses what waits or was committed; `local` marks one that this node was given itself.
    pub(crate) fn is_new(&mut self, id: &Digest, local: bool) -> Result<(), SubmitError> {
        if let Some(place) = self.committed.get(id) {
            return Err(SubmitError::AlreadyCommitted { id: *id, height: place.height });
        }
        if let Some(waiting) = self.waiting.get_mut(id) {
            waiting.local |= local;
            return Err(SubmitError::AlreadyWaiting(*id));
        }
        Ok(())
    }

    /// What can be refused before any signature is checked.
    pub(crate) fn room_for(&self, bytes: usize) -> Result<(), SubmitError> {
        let max_bytes = self.limits.transaction_bytes;
        if bytes > max_bytes {
            return Err(SubmitError::TooLarge { bytes, max_bytes });
        }
        if self.waiting.len() >= self.limits.transactions || self.bytes.saturating_add(bytes) > self.limits.bytes {
            return Err(SubmitError::Full { count: self.waiting.len(), bytes: self.bytes });
        }
        Ok(())
    }

    /// Takes in a transaction that the state machine admitted.
    pub(crate) fn insert(&mut self, bytes: Bytes, admission: Admission, local: bool) -> Result<(), SubmitError> {
        let id = admission.id;
        self.is_new(&id, local)?;
        self.room_for(bytes.len())?;
        let of_sender = self.senders.entry(admission.sender.clone()).or_default();
        if let Some(by) = of_sender.get(&admission.sequence) {
            return Err(SubmitError::SequenceTaken { sequence: admission.sequence, by: *by });
        }
        if of_sender.len() >= self.limits.per_sender {
            return Err(SubmitError::SenderFull { count: of_sender.len() });
        }
        of_sender.insert(admission.sequence, id);
        self.bytes += bytes.len();
        let arrival = self.next_arrival;
        self.next_arrival += 1;
        self.arrivals.insert(arrival, id);
        self.checked.insert(admission.checked);
        self.waiting.insert(id, Waiting { bytes, admission, arrival, local });
        Ok(())
    }

    fn remove(&mut self, id: &Digest) {
        let Some(waiting) = self.waiting.remove(id) else { return };
        self.bytes = self.bytes.saturating_sub(waiting.bytes.len());
        self.arrivals.remove(&waiting.arrival);
        self.checked.remove(&waiting.admission.checked);
        if let Some(of_sender) = self.senders.get_mut(&waiting.admission.sender) {
            of_sender.remove(&waiting.admission.sequence);
            if of_sender.is_empty() {
                self.senders.remove(&waiting.admission.sender);
            }
        }
    }

    /// Candidates for a block up to `max_bytes`: by arrival, but each sender's in the order of their sequences.
    pub(crate) fn candidates(&self, max_bytes: usize) -> Vec<(Digest, Bytes)> {
        let mut taken = 0usize;
        let mut candidates = Vec::new();
        let mut positions: HashMap<&[u8], std::collections::btree_map::Values<'_, u64, Digest>> = HashMap::new();
        for id in self.arrivals.values() {
            let Some(first) = self.waiting.get(id) else { continue };
            let sender = first.admission.sender.as_slice();
            let Some(of_sender) = self.senders.get(sender) else { continue };
            // The slot belongs to the sender; what goes into it is the sender's next sequence.
            let Some(id) = positions.entry(sender).or_insert_with(|| of_sender.values()).next() else { continue };
            let Some(next) = self.waiting.get(id) else { continue };
            taken = taken.saturating_add(next.bytes.len());
            if taken > max_bytes {
                break;
            }
            candidates.push((*id, next.bytes.clone()));
        }
        candidates
    }

    /// Transactions submitted to this node that still wait, oldest first, up to `max_bytes`.
    pub(crate) fn own(&self, max_bytes: usize) -> Vec<Bytes> {
        let mut taken = 0usize;
        let own = self.arrivals.values().filter_map(|id| self.waiting.get(id)).filter(|waiting| waiting.local);
        let fitting = own.take_while(|waiting| {
            taken = taken.saturating_add(waiting.bytes.len());
            taken <= max_bytes
        });
        fitting.map(|waiting| waiting.bytes.clone()).collect()
    }

    /// Removes what a block holds and remembers where it went.
    pub(crate) fn committed(&mut self, height: u64, transactions: &[Digest]) {
        for (index, id) in (0u32..).zip(transactions) {
            self.remove(id);
            if self.committed.insert(*id, Place { height, index }).is_none() {
                self.committed_order.push_back(*id);
            }
        }
        while self.committed_order.len() > REMEMBERED {
            if let Some(oldest) = self.committed_order.pop_front() {
                self.committed.remove(&oldest);
            }
        }
    }

    /// Removes one that can never be included.
    pub(crate) fn drop_one(&mut self, id: &Digest) {
        self.remove(id);
    }

    /// Removes all that can no longer be included, by the given judge; answers which and why.
    pub(crate) fn prune(&mut self, judge: impl Fn(&Admission) -> Result<(), Refusal>) -> Vec<(Digest, Refusal)> {
        let dropped: Vec<_> =
            self.waiting.iter().filter_map(|(id, one)| judge(&one.admission).err().map(|why| (*id, why))).collect();
        for (id, _) in &dropped {
            self.remove(id);
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]
    use super::*;

    fn admission(sender: u8, sequence: u64) -> Admission {
        let mut id = [sender; 32];
        id[..8].copy_from_slice(&sequence.to_le_bytes());
        Admission { id: Digest(id), sender: vec![sender], sequence, expiry_height: 10, checked: ledger::sha256(&id) }
    }

    fn limits() -> MempoolLimits {
        MempoolLimits { transactions: 4, bytes: 100, per_sender: 2, transaction_bytes: 40 }
    }

    fn bytes(count: usize) -> Bytes {
        vec![0; count].into()
    }

    #[test]
    fn a_full_mempool_refuses_and_says_of_what_it_is_full() {
        let mut pool = Mempool::new(limits());
        pool.insert(bytes(10), admission(1, 0), true).unwrap();
        pool.insert(bytes(10), admission(1, 1), true).unwrap();
        assert_eq!(pool.insert(bytes(10), admission(1, 2), true), Err(SubmitError::SenderFull { count: 2 }));
        assert_eq!(
            pool.insert(bytes(41), admission(2, 0), true),
            Err(SubmitError::TooLarge { bytes: 41, max_bytes: 40 })
        );
        pool.insert(bytes(40), admission(2, 0), true).unwrap();
        pool.insert(bytes(40), admission(3, 0), true).unwrap();
        assert_eq!(pool.insert(bytes(1), admission(4, 0), true), Err(SubmitError::Full { count: 4, bytes: 100 }));
        pool.committed(1, &[admission(3, 0).id]);
        pool.insert(bytes(1), admission(4, 0), true).unwrap();
        assert_eq!(pool.insert(bytes(40), admission(5, 0), true), Err(SubmitError::Full { count: 4, bytes: 61 }));
    }

    #[test]
    fn the_same_transaction_twice_and_another_with_its_sequence_are_refused() {
        let mut pool = Mempool::new(limits());
        let first = admission(1, 0);
        pool.insert(bytes(5), first.clone(), false).unwrap();
        assert_eq!(pool.insert(bytes(5), first.clone(), true), Err(SubmitError::AlreadyWaiting(first.id)));
        assert!(pool.is_checked(&first.checked));
        assert!(!pool.is_checked(&first.id), "the same content with another signature was not verified");
        let other = Admission { id: Digest([9; 32]), ..first.clone() };
        assert_eq!(pool.insert(bytes(5), other, true), Err(SubmitError::SequenceTaken { sequence: 0, by: first.id }));
        pool.committed(7, &[first.id]);
        assert!(!pool.is_checked(&first.checked), "what left is forgotten");
        assert_eq!(
            pool.insert(bytes(5), first.clone(), true),
            Err(SubmitError::AlreadyCommitted { id: first.id, height: 7 })
        );
    }

    #[test]
    fn candidates_keep_each_senders_sequence_order_whatever_order_they_arrived_in() {
        let mut pool = Mempool::new(MempoolLimits { per_sender: 10, transactions: 10, ..limits() });
        for (sender, sequence) in [(1, 2), (2, 0), (1, 0), (1, 1)] {
            pool.insert(bytes(10), admission(sender, sequence), false).unwrap();
        }
        let ids: Vec<_> = pool.candidates(1000).into_iter().map(|(id, _)| id).collect();
        let expected = [(1, 0), (2, 0), (1, 1), (1, 2)].map(|(sender, sequence)| admission(sender, sequence).id);
        assert_eq!(ids, expected);
        assert_eq!(pool.candidates(25).len(), 2, "bytes bound the candidates");
    }

    #[test]
    fn what_expires_leaves_and_the_room_is_free_again() {
        let mut pool = Mempool::new(limits());
        pool.insert(bytes(10), admission(1, 0), true).unwrap();
        pool.insert(bytes(10), admission(2, 0), false).unwrap();
        assert_eq!(pool.own(1000).len(), 1);
        let expired = Refusal::Expired { expiry_height: 10, height: 11 };
        let dropped = pool.prune(|one| if one.sender == [1] { Err(expired.clone()) } else { Ok(()) });
        assert_eq!(dropped, [(admission(1, 0).id, expired)]);
        assert_eq!((pool.len(), pool.bytes, pool.senders.len(), pool.arrivals.len()), (1, 10, 1, 1));
    }
}
