//! Claims held against the record: consent, evidence, checks, the record chain, the receipt.

use axum::http::StatusCode;
use borsh::{BorshDeserialize, BorshSerialize};
use claims::{Answer, Claim, Content, Day, Gathering, Operation, Proven, Receipt, Recorded, Step, schema};
use erm::{Asker, Category, ClaimRecord, Id, Key, Mode, Payload, Purpose, RecordClaim};
use ledger::{Chain, Digest, Domain, Salt, VrfOutput};
use rand_core::OsRng;

use crate::access::{Ask, Permit};
use crate::chain::{Proving, read};
use crate::fhir::response;
use crate::sender::Turn;
use crate::{ChainError, Error, Outcome, Portal, Snapshot};

/// The record chain's rule that a line is claimed once.
const FINGERPRINT_KNOWN: u16 = 61;
/// How often a claim is looked at again because others were recorded meanwhile.
const TRIES: usize = 3;

/// What is asked about a claim.
pub struct ClaimRequest {
    /// Who asks; has to be the claim's insurer.
    pub insurer: Id,
    /// The claim.
    pub claim: Claim,
    /// Look, or record too.
    pub operation: Operation,
    /// The same key again gives the same answer and no second claim.
    pub idempotency_key: Option<String>,
    /// The height to look at; none: the last.
    pub as_of: Option<u64>,
}

/// What is kept of a request with an Idempotency-Key, sealed.
#[derive(BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
enum Kept {
    /// About to be sent to the record chain.
    Pending { request: Digest, content: Box<Content> } = 0,
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
    /// Holds a claim against the record. Whoever asks, and whatever the answer, it is written down first.
    pub async fn verify_claim(&self, request: ClaimRequest) -> Result<Receipt, Outcome> {
        let ClaimRequest { insurer, claim, operation, idempotency_key, as_of } = request;
        if claim.insurer != insurer.as_str() {
            return Err(Outcome::role("a claim is asked about by its own insurer"));
        }
        let now_ms = self.0.clock.now_ms();
        let findings = schema(&claim, Day::of_ms(now_ms));
        if !findings.is_empty() {
            return Err(response::schema_outcome(&findings));
        }
        if operation == Operation::Submit && as_of.is_some() {
            return Err(Outcome::invalid("as-of", "a claim is submitted now; as-of belongs to $verify-against-record"));
        }
        let permit = self.0.access.ask(self.question(&insurer, &claim, now_ms)).await?;
        let receipt = match operation {
            Operation::Verify => {
                let snapshot = match as_of {
                    Some(height) => self.0.chain.snapshot(Some(height)).await?,
                    None => permit.snapshot.clone(),
                };
                let header_ms = snapshot.finality().header.time_ms;
                let as_of_ms = if as_of.is_some() { header_ms } else { header_ms.max(now_ms) };
                let answer = self.gather(&claim, &permit, snapshot.as_ref(), as_of_ms).await?;
                self.sign(self.content(operation, idempotency_key, claim, answer, snapshot.as_ref(), as_of_ms))?
            }
            Operation::Submit => {
                // One after the other: the same key is never answered twice at once.
                let turn = self.0.senders.turn(&self.0.settings.party).await;
                self.submit(&turn, &insurer, claim, &permit, idempotency_key).await?
            }
        };
        metrics::counter!("caduceus_claim_verifications_total", "verdict" => receipt.content.verdict.name())
            .increment(1);
        let kept = ledger::encode(&KeptReceipt { insurer, receipt: receipt.clone() });
        self.keep(receipt.id(), &kept).await?;
        Ok(receipt)
    }

    fn question(&self, insurer: &Id, claim: &Claim, now_ms: i64) -> Ask {
        let places = claim.items.iter().flat_map(|item| {
            let encounter = claim.encounter_place(item).map(|(_, kind)| (item.day, kind));
            [Some(item.place()), encounter].into_iter().flatten()
        });
        let mut wants: Vec<(Day, claims::Kind)> = places.collect();
        wants.sort_unstable();
        wants.dedup();
        Ask {
            patient: self.0.custody.patient(&claim.patient),
            asked_for: claim.patient.to_string(),
            asker: Asker::Party(insurer.clone()),
            purpose: Purpose::Claim,
            mode: Mode::Read,
            wants: wants.into_iter().map(|(day, kind)| (Category::of_event(kind), Some(day))).collect(),
            record: Digest::ZERO,
            location: self.0.settings.location.clone(),
            now_ms,
        }
    }

    /// Reads the evidence, opening the documents that it needs.
    async fn gather(
        &self,
        claim: &Claim,
        permit: &Permit,
        snapshot: &dyn Snapshot,
        as_of_ms: i64,
    ) -> Result<Answer, Outcome> {
        let patient = &permit.patient;
        let identifier = patient.identity.open(&self.0.network, &claim.patient).ok_or_else(Outcome::forbidden)?;
        let keys = self.0.custody.facility(&claim.provider);
        let state = Proving(snapshot);
        let (portal, rules) = (&self.0.settings.party, &self.0.settings.rules);
        let whose = (patient.key, identifier);
        let vrf = keys.as_ref().map(|keys| &keys.vrf);
        let mut gathering = Gathering::new(self.0.network, portal, claim, rules, as_of_ms, whose, vrf, &state);
        loop {
            match gathering.step(&mut OsRng).map_err(failed)? {
                // Permitted a moment ago and no more, or not yet at the height that was asked about.
                Step::Refused => return Err(Outcome::forbidden()),
                Step::Answer(answer) => return Ok(*answer),
                Step::Documents(wanted) => {
                    for (key, record) in wanted {
                        let keys = keys.as_ref().ok_or_else(|| failed("the facility's keys are not held here"))?;
                        let document = self.0.documents.get(&key, &record.event.document, &keys.wrap).await?;
                        gathering.supply(key, document.ok_or_else(|| failed("a document is not held here any more"))?);
                    }
                }
            }
        }
    }

    fn content(
        &self,
        operation: Operation,
        idempotency_key: Option<String>,
        claim: Claim,
        answer: Answer,
        snapshot: &dyn Snapshot,
        as_of_ms: i64,
    ) -> Content {
        Content {
            version: 1,
            network: self.0.network,
            portal: self.0.settings.party.clone(),
            operation,
            idempotency_key,
            as_of_ms,
            verdict: answer.verdict,
            findings: answer.findings,
            claim,
            claim_salt: Salt::generate(&mut OsRng),
            response_salt: Salt::generate(&mut OsRng),
            rules: self.0.settings.rules.clone(),
            evidence: answer.proofs,
            block: snapshot.finality().clone(),
            recorded: None,
            history: snapshot.history().to_vec(),
        }
    }

    fn sign(&self, content: Content) -> Result<Receipt, Outcome> {
        let keys = self.facility(self.0.settings.party.as_str())?;
        Ok(content.sign(&keys.signer, &mut OsRng))
    }

    async fn submit(
        &self,
        turn: &Turn,
        insurer: &Id,
        claim: Claim,
        permit: &Permit,
        key: Option<String>,
    ) -> Result<Receipt, Outcome> {
        let request = self.digest("claim", &ledger::encode(&claim));
        let name = key.as_ref().map(|key| self.digest("idempotency", &ledger::encode(&(insurer, key))));
        if let Some(name) = name
            && let Some(kept) = self.kept::<Kept>(name).await?
        {
            let (same, kept) = match kept {
                Kept::Answered { request: own, receipt } => (own == request, Ok(*receipt)),
                Kept::Pending { request: own, content } => (own == request, Err(*content)),
            };
            if !same {
                let message = "this Idempotency-Key was used for another claim; use a new key for a new claim";
                return Err(Outcome::new(StatusCode::UNPROCESSABLE_ENTITY, "conflict", "idempotency-key", message));
            }
            match kept {
                Ok(receipt) => return Ok(receipt),
                Err(content) => {
                    // We died between sending and answering: what is on the chain counts.
                    let snapshot = self.0.chain.snapshot(None).await?;
                    if let Some(content) = recorded(content, snapshot.as_ref())? {
                        return self.answered(Some(name), request, content).await;
                    }
                }
            }
        }
        let signer = self.facility(self.0.settings.party.as_str())?;
        for _ in 0..TRIES {
            let snapshot = self.0.chain.snapshot(None).await?;
            let as_of_ms = snapshot.finality().header.time_ms.max(self.0.clock.now_ms());
            let mut answer = self.gather(&claim, permit, snapshot.as_ref(), as_of_ms).await?;
            let fingerprints: Vec<VrfOutput> = std::mem::take(&mut answer.fingerprints);
            let content =
                self.content(Operation::Submit, key.clone(), claim.clone(), answer, snapshot.as_ref(), as_of_ms);
            if let Some(name) = name {
                let pending = Kept::Pending { request, content: Box::new(content.clone()) };
                self.keep(name, &ledger::encode(&pending)).await?;
            }
            let payload = RecordClaim {
                claim: content.claim_commitment(),
                response: content.response_commitment(),
                fingerprints,
            };
            match self.0.senders.send(turn, &signer.signer, Payload::Claim(payload)).await {
                Ok(_) => {
                    let snapshot = self.0.chain.snapshot(None).await?;
                    let content = recorded(content, snapshot.as_ref())?.ok_or_else(|| {
                        ChainError::Unavailable("the claim was recorded and is not in the state".into())
                    })?;
                    return self.answered(name, request, content).await;
                }
                // Another portal recorded the same line meanwhile: look again.
                Err(ChainError::Refused { code: FINGERPRINT_KNOWN, .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ChainError::Unavailable("the same lines are being claimed elsewhere".into()).into())
    }

    async fn answered(&self, name: Option<Digest>, request: Digest, content: Content) -> Result<Receipt, Outcome> {
        let receipt = self.sign(content)?;
        if let Some(name) = name {
            let kept = Kept::Answered { request, receipt: Box::new(receipt.clone()) };
            self.keep(name, &ledger::encode(&kept)).await?;
        }
        Ok(receipt)
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

pub(crate) fn failed(error: impl std::fmt::Display) -> Outcome {
    tracing::error!(%error, "a claim could not be held against the record");
    let message = "the record of this facility cannot be opened here now";
    Outcome::new(StatusCode::SERVICE_UNAVAILABLE, "transient", "record-closed", message)
}
