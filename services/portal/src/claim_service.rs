//! Claims held against the record: consent, evidence, checks, the receipt.

use axum::http::StatusCode;
use claims::{Answer, Claim, Content, Day, Gathering, Operation, Receipt, Step, schema};
use erm::{Asker, Category, Id, Mode, Purpose};
use ledger::{Digest, Salt};
use rand_core::OsRng;

use crate::access::{Ask, Permit};
use crate::chain::Proving;
use crate::claim_answers::{Kept, Once};
use crate::fhir::response;
use crate::{Outcome, Portal, Snapshot};

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
        let once = idempotency_key.as_deref().map(|key| self.once(&insurer, key, operation, &claim, as_of));
        let receipt = match operation {
            Operation::Verify => self.look(claim, &permit, idempotency_key, once, as_of, now_ms).await?,
            Operation::Submit => self.submit(claim, &permit, idempotency_key, once).await?,
        };
        metrics::counter!("caduceus_claim_verifications_total", "verdict" => receipt.content.verdict.name())
            .increment(1);
        self.keep_receipt(insurer, &receipt).await?;
        Ok(receipt)
    }

    /// The answer without recording the claim.
    async fn look(
        &self,
        claim: Claim,
        permit: &Permit,
        key: Option<String>,
        once: Option<Once>,
        as_of: Option<u64>,
        now_ms: i64,
    ) -> Result<Receipt, Outcome> {
        // One after the other: the same key is never answered twice at once.
        let _turn = match &once {
            Some(_) => Some(self.0.senders.turn(&self.0.settings.party).await),
            None => None,
        };
        if let Some(Kept::Answered { receipt, .. }) = self.kept_answer(once.as_ref()).await? {
            return Ok(*receipt);
        }
        let snapshot = match as_of {
            Some(height) => self.0.chain.snapshot(Some(height)).await?,
            None => permit.snapshot.clone(),
        };
        let header_ms = snapshot.finality().header.time_ms;
        let as_of_ms = if as_of.is_some() { header_ms } else { header_ms.max(now_ms) };
        let answer = self.gather(&claim, permit, snapshot.as_ref(), as_of_ms).await?;
        let content = self.content(Operation::Verify, key, claim, answer, snapshot.as_ref(), as_of_ms);
        self.answered(once.as_ref(), content).await
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
    pub(crate) async fn gather(
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

    pub(crate) fn content(
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
}

pub(crate) fn failed(error: impl std::fmt::Display) -> Outcome {
    tracing::error!(%error, "a claim could not be held against the record");
    let message = "the record of this facility cannot be opened here now";
    Outcome::new(StatusCode::SERVICE_UNAVAILABLE, "transient", "record-closed", message)
}
