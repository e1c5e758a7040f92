//! What the mempool takes in.

use ledger::Digest;

use crate::execute::Execution;
use crate::prepared::{Prepared, forged};
use crate::{Error, NodeStore, Refusal, Sender, Signed, State, TransactionId};

/// How far ahead of the next sequence a transaction may be to be admitted.
pub const SEQUENCE_AHEAD_MAX: u64 = 4_096;

/// What is to be remembered of a transaction that was admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The transaction.
    pub id: TransactionId,
    /// Who sent it.
    pub sender: Sender,
    /// Its place among the sender's transactions.
    pub sequence: u64,
    /// The last height at which it may be executed.
    pub expiry_height: u64,
    /// Names the signatures that were checked, with their keys: what [`State::validate_with`] and
    /// [`State::propose_with`] ask for. Not the id: the same body may come with another signature, and a key may
    /// have been rotated since.
    pub checked: Digest,
}

impl<S: NodeStore> State<S> {
    /// Whether a transaction can be in a next block. Its sequence may be ahead by [`SEQUENCE_AHEAD_MAX`]; one that
    /// is next is tried against the head.
    pub fn admit(&self, signed: &Signed) -> Result<TransactionId, Error> {
        match self.admit_all(&[signed.encode()])?.pop() {
            Some(Ok(admission)) => Ok(admission.id),
            Some(Err(refusal)) => Err(refusal.into()),
            None => Err(Error::Store("no answer to one transaction".into())),
        }
    }

    /// As [`admit`](Self::admit) for many encoded transactions, their signatures in one batch. One answer each, in
    /// order. They are tried one by one: two that exclude each other are both admitted.
    pub fn admit_all<T: AsRef<[u8]>>(&self, transactions: &[T]) -> Result<Vec<Result<Admission, Refusal>>, Error> {
        let mut answers = Vec::with_capacity(transactions.len());
        let mut prepared = Vec::with_capacity(transactions.len());
        for (position, bytes) in transactions.iter().enumerate() {
            match self.prepare(bytes.as_ref()).map_err(Error::from).and_then(|item| self.timely(item)) {
                Ok((item, admission)) => {
                    prepared.push((position, item));
                    answers.push(Ok(admission));
                }
                Err(Error::Refused(refusal)) => answers.push(Err(refusal)),
                Err(error) => return Err(error),
            }
        }
        let forged = forged(prepared.iter().map(|(_, item)| item), &|_| false);
        for (index, (position, item)) in prepared.iter().enumerate() {
            let refusal = match forged.get(&index) {
                Some(what) => Some(Refusal::Signature(what)),
                None => self.trial(item)?,
            };
            if let (Some(refusal), Some(answer)) = (refusal, answers.get_mut(*position)) {
                *answer = Err(refusal);
            }
        }
        Ok(answers)
    }

    /// Whether a transaction that was admitted could still be executed, as far as its sequence and expiry tell.
    pub fn still_valid(&self, sender: &Sender, sequence: u64, expiry_height: u64) -> Result<(), Error> {
        let next = Execution::new(self, 0);
        next.expiry(expiry_height)?;
        let expected = next.next_sequence(sender)?;
        if sequence < expected {
            return Err(Refusal::SequenceUsed { expected, found: sequence }.into());
        }
        Ok(())
    }

    fn timely(&self, item: Prepared) -> Result<(Prepared, Admission), Error> {
        let body = &item.signed.body;
        self.still_valid(&body.sender, body.sequence, body.expiry_height)?;
        let expected = self.view().sequence(&body.sender)?;
        if body.sequence - expected > SEQUENCE_AHEAD_MAX {
            return Err(Refusal::SequenceAhead { expected, found: body.sequence }.into());
        }
        let admission = Admission {
            id: item.id,
            sender: body.sender.clone(),
            sequence: body.sequence,
            expiry_height: body.expiry_height,
            checked: item.checked(),
        };
        Ok((item, admission))
    }

    /// Executes it on top of the head where its sequence is next; what comes before the others may change the answer.
    fn trial(&self, item: &Prepared) -> Result<Option<Refusal>, Error> {
        match Execution::new(self, self.head.time_ms.saturating_add(1)).transaction(&item.signed, item.id) {
            Ok(()) | Err(Error::Refused(Refusal::SequenceAhead { .. })) => Ok(None),
            Err(Error::Refused(refusal)) => Ok(Some(refusal)),
            Err(error) => Err(error),
        }
    }
}
