//! Answers that are kept, sealed: receipts by their ids, and what an Idempotency-Key was answered with.

use axum::http::StatusCode;
use borsh::{BorshDeserialize, BorshSerialize};
use claims::{Claim, Content, Operation, Receipt};
use erm::Id;
use ledger::{Chain, Digest, Domain};
use rand_core::OsRng;

use crate::{Error, Outcome, Portal};

/// A request that is answered once, however often it is sent.
pub(crate) struct Once {
    /// Of the insurer and its Idempotency-Key.
    name: Digest,
    /// Of what was asked.
    request: Digest,
}

/// What is kept of a request with an Idempotency-Key.
#[derive(BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub(crate) enum Kept {
    /// About to be sent to the record chain, by exactly this transaction.
    Pending { request: Digest, content: Box<Content>, transaction: Vec<u8> } = 0,
    /// Answered.
    Answered { request: Digest, receipt: Box<Receipt> } = 1,
}

/// A receipt that is kept, with whose it is.
#[derive(BorshSerialize, BorshDeserialize)]
struct KeptReceipt {
    insurer: Id,
    receipt: Receipt,
}

impl Portal {
    /// A request with its Idempotency-Key.
    pub(crate) fn once(
        &self,
        insurer: &Id,
        key: &str,
        operation: Operation,
        claim: &Claim,
        as_of: Option<u64>,
    ) -> Once {
        let request = match operation {
            Operation::Submit => self.digest("claim", &ledger::encode(claim)),
            Operation::Verify => self.digest("inquiry", &ledger::encode(&(claim, as_of))),
        };
        Once { name: self.digest("idempotency", &ledger::encode(&(insurer, key))), request }
    }

    /// What is kept under an Idempotency-Key; refused where it was used for something else.
    pub(crate) async fn kept_answer(&self, once: Option<&Once>) -> Result<Option<Kept>, Outcome> {
        let Some(once) = once else { return Ok(None) };
        let Some(kept) = self.kept::<Kept>(once.name).await? else { return Ok(None) };
        let (Kept::Pending { request, .. } | Kept::Answered { request, .. }) = &kept;
        if *request != once.request {
            let message = "this Idempotency-Key was used for another request; use a new key for a new one";
            return Err(Outcome::new(StatusCode::UNPROCESSABLE_ENTITY, "conflict", "idempotency-key", message));
        }
        Ok(Some(kept))
    }

    /// Keeps what is about to be sent.
    pub(crate) async fn keep_pending(
        &self,
        once: Option<&Once>,
        content: &Content,
        transaction: &[u8],
    ) -> Result<(), Error> {
        let Some(once) = once else { return Ok(()) };
        let (content, transaction) = (Box::new(content.clone()), transaction.to_vec());
        let pending = Kept::Pending { request: once.request, content, transaction };
        self.keep(once.name, &ledger::encode(&pending)).await
    }

    /// Signs an answer, and keeps it where it has to be the same again.
    pub(crate) async fn answered(&self, once: Option<&Once>, content: Content) -> Result<Receipt, Outcome> {
        let keys = self.facility(self.0.settings.party.as_str())?;
        let receipt = content.sign(&keys.signer, &mut OsRng);
        if let Some(once) = once {
            let kept = Kept::Answered { request: once.request, receipt: Box::new(receipt.clone()) };
            self.keep(once.name, &ledger::encode(&kept)).await?;
        }
        Ok(receipt)
    }

    /// Keeps a receipt for whom it is given to.
    pub(crate) async fn keep_receipt(&self, insurer: Id, receipt: &Receipt) -> Result<(), Error> {
        let kept = KeptReceipt { insurer, receipt: receipt.clone() };
        self.keep(receipt.id(), &ledger::encode(&kept)).await
    }

    /// A receipt that was given to this insurer.
    pub async fn receipt(&self, insurer: &Id, id: Digest) -> Result<Option<Receipt>, Outcome> {
        let kept = self.kept::<KeptReceipt>(id).await?;
        Ok(kept.filter(|kept| kept.insurer == *insurer).map(|kept| kept.receipt))
    }

    fn digest(&self, what: &str, bytes: &[u8]) -> Digest {
        Chain::record(self.0.network).digest_of(Domain::Access, &(what, bytes))
    }

    async fn keep(&self, name: Digest, bytes: &[u8]) -> Result<(), Error> {
        let chain = Chain::record(self.0.network);
        self.0.answers.put(name, self.0.custody.own_key().seal(&chain, &name.0, bytes, &mut OsRng)).await
    }

    async fn kept<T: BorshSerialize + BorshDeserialize>(&self, name: Digest) -> Result<Option<T>, Error> {
        let Some(sealed) = self.0.answers.get(name).await? else { return Ok(None) };
        let failed = |error: ledger::Error| Error::storage("read a kept answer", error);
        let bytes = self.0.custody.own_key().open(&Chain::record(self.0.network), &name.0, &sealed).map_err(failed)?;
        ledger::decode("kept answer", &bytes).map(Some).map_err(failed)
    }
}
