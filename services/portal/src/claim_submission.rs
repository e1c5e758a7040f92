//! Claims onto the record chain, each once.

use claims::{Claim, Content, Operation, Proven, Receipt, Recorded};
use erm::{ClaimRecord, Key, Payload, RecordClaim};

use crate::access::Permit;
use crate::chain::read;
use crate::claim_answers::{Kept, Once};
use crate::sender::SEQUENCE_USED;
use crate::{ChainError, Outcome, Portal, Snapshot};

/// The record chain's rule that a transaction waits only so long.
const EXPIRED: u16 = 11;
/// The record chain's rule that a line is claimed once.
const FINGERPRINT_KNOWN: u16 = 61;
/// How often a claim is looked at again because others were recorded meanwhile.
const TRIES: usize = 3;

impl Portal {
    /// Records a claim with its answer; gives the receipt when both are final.
    pub(crate) async fn submit(
        &self,
        claim: Claim,
        permit: &Permit,
        key: Option<String>,
        once: Option<Once>,
    ) -> Result<Receipt, Outcome> {
        // One after the other: the same key is never answered twice at once.
        let turn = self.0.senders.turn(&self.0.settings.party).await;
        match self.kept_answer(once.as_ref()).await? {
            Some(Kept::Answered { receipt, .. }) => return Ok(*receipt),
            // We died before we answered. The transaction may still wait at a node: another one would make this claim
            // its own duplicate. So it is sent as it was, until it is recorded or never will be.
            Some(Kept::Pending { content, transaction, .. }) => {
                if let Some(content) = self.settle(*content, transaction).await? {
                    return self.answered(once.as_ref(), content).await;
                }
            }
            None => {}
        }
        let signer = self.facility(self.0.settings.party.as_str())?;
        for _ in 0..TRIES {
            let snapshot = self.0.chain.snapshot(None).await?;
            let as_of_ms = snapshot.finality().header.time_ms.max(self.0.clock.now_ms());
            let mut answer = self.gather(&claim, permit, snapshot.as_ref(), as_of_ms).await?;
            let fingerprints = std::mem::take(&mut answer.fingerprints);
            let (key, claim) = (key.clone(), claim.clone());
            let content = self.content(Operation::Submit, key, claim, answer, snapshot.as_ref(), as_of_ms);
            let (claim, response) = (content.claim_commitment(), content.response_commitment());
            let payload = Payload::Claim(RecordClaim { claim, response, fingerprints });
            let transaction = self.0.senders.sign(&turn, &signer.signer, payload).await?;
            self.keep_pending(once.as_ref(), &content, &transaction).await?;
            if let Some(content) = self.settle(content, transaction).await? {
                return self.answered(once.as_ref(), content).await;
            }
        }
        Err(ChainError::Unavailable("the same lines are being claimed elsewhere".into()).into())
    }

    /// Sends a claim's transaction; gives the content with the proof that it is recorded. `None`: it never will be, because
    /// meanwhile another recorded the same line or took the sequence, or because its time is over.
    async fn settle(&self, content: Content, transaction: Vec<u8>) -> Result<Option<Content>, Outcome> {
        let refused = match self.0.chain.commit(transaction).await {
            Ok(_) => None,
            Err(refused @ ChainError::Refused { .. }) => Some(refused),
            Err(error) => return Err(error.into()),
        };
        // A node that was started anew refuses what is recorded already, for its sequence: the state says what is true.
        let snapshot = self.0.chain.snapshot(None).await?;
        let content = recorded(content, snapshot.as_ref())?;
        match refused {
            _ if content.is_some() => Ok(content),
            Some(ChainError::Refused { code: SEQUENCE_USED | EXPIRED | FINGERPRINT_KNOWN, .. }) => Ok(None),
            Some(refused) => Err(refused.into()),
            None => Err(ChainError::Unavailable("the claim was recorded and is not in the state".into()).into()),
        }
    }
}

/// The content with the proof that it is recorded; `None` where it is not.
fn recorded(content: Content, snapshot: &dyn Snapshot) -> Result<Option<Content>, ChainError> {
    let key = Key::Claim(content.claim_commitment());
    if read::<ClaimRecord>(snapshot, &key)?.is_none() {
        return Ok(None);
    }
    let (value, proof) = snapshot.prove(&key).map_err(|error| ChainError::Unavailable(error.to_string()))?;
    let entry = Proven { key, value, proof };
    let block = snapshot.finality().clone();
    Ok(Some(Content { recorded: Some(Recorded { block, entry }), history: snapshot.history().to_vec(), ..content }))
}
