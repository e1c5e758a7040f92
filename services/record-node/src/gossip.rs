//! Transactions on their way into the mempool: from submitters and from other validators, checked in batches.
//!
//! A transaction submitted here is checked, kept, and told to every other validator over the engine's connections
//! (encrypted, each end pinned to its key). What others tell is checked again before it is kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ledger::Digest;
use tokio::sync::mpsc;

use crate::engine::{GOSSIP_BYTES, GOSSIP_TRANSACTIONS};
use crate::node::{Shared, Submission, SubmissionReceiver};
use crate::{StateMachine, SubmitError};

/// Batches from others that may wait to be checked; further ones are dropped, their senders tell them again.
pub(crate) const BATCHES: usize = 256;
/// Transactions checked at once.
const CHECKED_AT_ONCE: usize = 1024;
/// A validator that told this many transactions with bad signatures is not listened to for a while: it cannot be honest.
const BAD_SIGNATURES_MAX: u32 = 16;
/// How long it is not listened to.
const MUTED_FOR: Duration = Duration::from_secs(60);

/// What another validator told.
pub(crate) struct Told {
    pub(crate) publisher: Vec<u8>,
    pub(crate) transactions: Vec<Bytes>,
}

struct Item {
    bytes: Bytes,
    answer: Option<tokio::sync::oneshot::Sender<Result<Digest, SubmitError>>>,
}

/// Takes transactions in until the node stops. `publish` sends a batch to the other validators.
pub(crate) async fn run<M: StateMachine>(
    shared: Arc<Shared<M>>,
    mut submissions: SubmissionReceiver,
    mut told: mpsc::Receiver<Told>,
    publish: mpsc::Sender<Vec<Bytes>>,
    repeat: Duration,
) {
    let mut repeat = tokio::time::interval(repeat);
    repeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut reputation = Reputation::default();
    let mut power = shared.power.subscribe();
    loop {
        let mut submitted: Vec<Submission> = Vec::new();
        tokio::select! {
            () = shared.stop.cancelled() => return,
            count = submissions.recv_many(&mut submitted, CHECKED_AT_ONCE) => {
                if count == 0 { return }
                let items = submitted.into_iter().map(|one| Item { bytes: one.bytes, answer: Some(one.answer) }).collect();
                let (accepted, _) = admit(&shared, items).await;
                for batch in batches(accepted) {
                    let _ = publish.send(batch).await;
                }
            }
            Some(one) = told.recv() => {
                if reputation.is_muted(&one.publisher, Instant::now()) { continue }
                let items = one.transactions.into_iter().map(|bytes| Item { bytes, answer: None }).collect();
                let (_, bad_signatures) = admit(&shared, items).await;
                reputation.note(one.publisher, bad_signatures, Instant::now());
            }
            // One who just came back may have missed what was told.
            Ok(()) = power.changed() => tell_own(&shared, &publish).await,
            _ = repeat.tick() => tell_own(&shared, &publish).await,
        }
    }
}

async fn tell_own<M: StateMachine>(shared: &Shared<M>, publish: &mpsc::Sender<Vec<Bytes>>) {
    let own = shared.mempool().own(4 * GOSSIP_BYTES);
    for batch in batches(own) {
        let _ = publish.send(batch).await;
    }
}

/// Cuts transactions into messages of bounded size.
fn batches(transactions: Vec<Bytes>) -> Vec<Vec<Bytes>> {
    let mut batches: Vec<Vec<Bytes>> = Vec::new();
    let mut bytes = GOSSIP_BYTES;
    for transaction in transactions {
        let last = batches
            .last_mut()
            .filter(|batch| batch.len() < GOSSIP_TRANSACTIONS && bytes + transaction.len() <= GOSSIP_BYTES);
        match last {
            Some(batch) => {
                bytes += transaction.len();
                batch.push(transaction);
            }
            None => {
                bytes = transaction.len();
                batches.push(vec![transaction]);
            }
        }
    }
    batches
}

/// Checks transactions and keeps the good ones; answers those kept, and how many had bad signatures.
async fn admit<M: StateMachine>(shared: &Arc<Shared<M>>, items: Vec<Item>) -> (Vec<Bytes>, u32) {
    let (mut asked, mut transactions) = (Vec::new(), Vec::new());
    for item in items {
        // What is known, and what there is no room for, costs no signature checks.
        let id = shared.machine().id(&item.bytes);
        let verdict = match id {
            Ok(id) => {
                let mut mempool = shared.mempool();
                mempool.is_new(&id, item.answer.is_some()).and_then(|()| mempool.room_for(item.bytes.len()))
            }
            Err(why) => Err(SubmitError::Refused(why)),
        };
        match verdict {
            Ok(()) => {
                transactions.push(item.bytes.clone());
                asked.push(item);
            }
            Err(why) => answer(item, Err(why)),
        }
    }
    if asked.is_empty() {
        return (Vec::new(), 0);
    }
    let judged = tokio::task::spawn_blocking({
        let shared = shared.clone();
        move || shared.machine().admit(&transactions)
    });
    let Ok(judged) = judged.await else { return (Vec::new(), 0) };
    let mut accepted = Vec::new();
    let mut bad_signatures = 0;
    for (item, judged) in asked.into_iter().zip(judged) {
        let outcome = match judged {
            Ok(admission) => {
                let id = admission.id;
                shared.mempool().insert(item.bytes.clone(), admission, item.answer.is_some()).map(|()| id)
            }
            Err(why) => {
                bad_signatures += u32::from(matches!(why, crate::Refusal::Signature(_) | crate::Refusal::Malformed(_)));
                Err(SubmitError::Refused(why))
            }
        };
        if outcome.is_ok() {
            accepted.push(item.bytes.clone());
        }
        answer(item, outcome);
    }
    if !accepted.is_empty() {
        metrics::gauge!("record_node_mempool_transactions")
            .set(f64::from(u32::try_from(shared.mempool().len()).unwrap_or(u32::MAX)));
        shared.wake.notify_one();
    }
    (accepted, bad_signatures)
}

fn answer(item: Item, outcome: Result<Digest, SubmitError>) {
    if let Some(answer) = item.answer {
        let _ = answer.send(outcome);
    }
}

/// Who told bad signatures, and until when they are not listened to.
#[derive(Default)]
struct Reputation {
    of: HashMap<Vec<u8>, (u32, Option<Instant>)>,
}

impl Reputation {
    fn is_muted(&mut self, publisher: &[u8], now: Instant) -> bool {
        let Some((bad, until)) = self.of.get_mut(publisher) else { return false };
        match until {
            Some(until) if *until > now => true,
            Some(_) => {
                (*bad, *until) = (0, None);
                false
            }
            None => false,
        }
    }

    fn note(&mut self, publisher: Vec<u8>, bad_signatures: u32, now: Instant) {
        if bad_signatures == 0 {
            return;
        }
        let (bad, until) = self.of.entry(publisher).or_default();
        *bad = bad.saturating_add(bad_signatures);
        if *bad >= BAD_SIGNATURES_MAX {
            tracing::warn!(
                bad,
                "a validator tells transactions with bad signatures; it is not listened to for a minute"
            );
            *until = Some(now + MUTED_FOR);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn batches_are_bounded_in_bytes_and_in_count_and_lose_nothing() {
        let large: Vec<Bytes> = (0..10u8).map(|i| Bytes::from(vec![i; 60_000])).collect();
        let cut = batches(large.clone());
        assert!(cut.iter().all(|batch| batch.iter().map(Bytes::len).sum::<usize>() <= GOSSIP_BYTES));
        assert_eq!(cut.concat(), large);
        let small: Vec<Bytes> = (0..3_000u32).map(|i| Bytes::copy_from_slice(&i.to_le_bytes())).collect();
        let cut = batches(small.clone());
        assert!(cut.iter().all(|batch| batch.len() <= GOSSIP_TRANSACTIONS));
        assert_eq!(cut.concat(), small);
    }

    #[test]
    fn who_tells_bad_signatures_is_not_listened_to_for_a_while() {
        let mut reputation = Reputation::default();
        let now = Instant::now();
        reputation.note(vec![1], BAD_SIGNATURES_MAX - 1, now);
        assert!(!reputation.is_muted(&[1], now));
        reputation.note(vec![1], 1, now);
        assert!(reputation.is_muted(&[1], now));
        assert!(!reputation.is_muted(&[2], now));
        let later = now + MUTED_FOR + Duration::from_secs(1);
        assert!(!reputation.is_muted(&[1], later));
        reputation.note(vec![1], 1, later);
        assert!(!reputation.is_muted(&[1], later), "it starts anew");
    }
}
