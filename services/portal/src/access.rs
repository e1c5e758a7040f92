//! The one place where it is decided whether a patient's data may be seen, and where the decision is written down
//! before anybody hears of it.
//!
//! Whatever reads patient data needs a [`Permit`], and only [`Access::ask`] makes one.

use std::sync::Arc;

use claims::Day;
use erm::{Asker, Category, Key, Mode, Purpose, Query};
use ledger::{Chain, Digest, Domain, PublicKey};
use phc::{AccessRequest, seal_topic_value};
use rand_core::OsRng;
use stream::topics::ACCESS_REQUESTS;
use stream::{Append, Batch, EventLog, Writer};
use tokio::sync::Mutex;

use crate::chain::read;
use crate::custody::stream_key;
use crate::{Custody, Error, Outcome, Patient, RecordChain, Snapshot};

/// What somebody wants to see.
pub(crate) struct Ask {
    /// The patient, where the index knows one.
    pub(crate) patient: Option<Patient>,
    /// Stands for the patient where there is none: the same question twice gives the same.
    pub(crate) asked_for: String,
    /// Who asks.
    pub(crate) asker: Asker,
    /// What for.
    pub(crate) purpose: Purpose,
    /// Query, or query and update.
    pub(crate) mode: Mode,
    /// Which data of which days.
    pub(crate) wants: Vec<(Category, Option<Day>)>,
    /// Digest of the record, zero for whole categories.
    pub(crate) record: Digest,
    /// From where.
    pub(crate) location: String,
    /// Now.
    pub(crate) now_ms: i64,
}

/// That it was asked, written down and permitted.
pub(crate) struct Permit {
    /// Whose data.
    pub(crate) patient: Patient,
    /// The state by which it was decided.
    pub(crate) snapshot: Arc<dyn Snapshot>,
    _only_here: (),
}

/// Asks the record chain's state, and writes to `access.requests`.
pub(crate) struct Access {
    log: Arc<dyn EventLog>,
    name: String,
    writer: Mutex<Option<Box<dyn Writer>>>,
    chain: Arc<dyn RecordChain>,
    custody: Arc<dyn Custody>,
}

impl Access {
    pub(crate) fn new(
        log: Arc<dyn EventLog>,
        name: String,
        chain: Arc<dyn RecordChain>,
        custody: Arc<dyn Custody>,
    ) -> Self {
        Self { log, name, writer: Mutex::new(None), chain, custody }
    }

    /// Decides and records. Unknown patients take the same steps as known ones and end in the same refusal.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Permit, Outcome> {
        let snapshot = self.chain.snapshot(None).await?;
        let stand_in = self.stand_in(&ask.asked_for);
        let key = ask.patient.as_ref().map_or(PublicKey(stand_in.0), |patient| patient.key);
        let mut permitted = ask.patient.is_some() && !ask.wants.is_empty();
        let mut reason = "patient-unknown".to_owned();
        for (category, day) in &ask.wants {
            let decision = self.decide(snapshot.as_ref(), &ask, key, *category, *day)?;
            if permitted || ask.patient.is_some() {
                reason = format!("{:?}", decision.reason).to_lowercase();
            }
            permitted &= decision.permitted;
            if !permitted {
                break;
            }
        }
        self.note(&ask, permitted, stand_in).await?;
        let decision = if permitted { "permit" } else { "deny" };
        metrics::counter!("caduceus_consent_decisions_total", "decision" => decision, "reason" => reason).increment(1);
        match ask.patient {
            Some(patient) if permitted => Ok(Permit { patient, snapshot, _only_here: () }),
            _ => Err(Outcome::forbidden()),
        }
    }

    /// Records a request that this kind of asker may never make, whatever the patient consents to; gives the refusal.
    pub(crate) async fn refuse(&self, ask: &Ask) -> Result<Outcome, Error> {
        self.note(ask, false, self.stand_in(&ask.asked_for)).await?;
        let labels = [("decision", "deny"), ("reason", "role")];
        metrics::counter!("caduceus_consent_decisions_total", &labels).increment(1);
        Ok(Outcome::forbidden())
    }

    fn decide(
        &self,
        snapshot: &dyn Snapshot,
        ask: &Ask,
        patient: PublicKey,
        category: Category,
        day: Option<Day>,
    ) -> Result<erm::Decision, Outcome> {
        let (asker, purpose, mode) = (ask.asker.clone(), ask.purpose, ask.mode);
        let service_day = day.map(|day| day.0);
        let query = Query { patient, asker, category, purpose, mode, service_day, now_ms: ask.now_ms };
        let mut evidence = erm::Evidence::default();
        if let Asker::Party(id) = &query.asker {
            evidence.party = read(snapshot, &Key::Party(id.clone()))?;
        }
        for key in query.keys(evidence.party.as_ref()) {
            match &key {
                Key::Patient(_) => evidence.patient = read(snapshot, &key)?,
                Key::Consent { grantee: erm::Grantee::Party(_), .. } => evidence.for_party = read(snapshot, &key)?,
                Key::Consent { .. } => evidence.for_role = read(snapshot, &key)?,
                _ => {}
            }
        }
        Ok(erm::decide(&query, &evidence))
    }

    /// Writes the request down; durable when this returns.
    pub(crate) async fn note(&self, ask: &Ask, permitted: bool, stand_in: Digest) -> Result<(), Error> {
        let network = self.chain.network();
        let owner = ask.patient.as_ref().map_or(stand_in, |patient| patient.chain);
        let chain = Chain { network, id: owner };
        let key = ask.patient.as_ref().and_then(|_| stream_key(self.custody.as_ref(), &chain));
        // About nobody known, or somebody whose keys are gone: sealed under the portal's own key.
        let key = key.unwrap_or_else(|| self.custody.own_key());
        let receiver = match &ask.asker {
            Asker::Party(id) => id.to_string(),
            Asker::Patient(key) => key.to_string(),
        };
        let mut categories: Vec<u8> = ask.wants.iter().map(|(category, _)| category.0).collect();
        categories.sort_unstable();
        categories.dedup();
        let record = |category: u8| {
            let request = AccessRequest {
                record: ask.record,
                owner,
                receiver: receiver.clone(),
                location: ask.location.clone(),
                time_ms: ask.now_ms,
                expiry_ms: None,
                purpose: ask.purpose as u8,
                category,
                permitted,
            };
            let value = seal_topic_value(&key, &chain, &ACCESS_REQUESTS, &request, &mut OsRng);
            Append::new(ACCESS_REQUESTS, owner.0.to_vec(), ask.now_ms, value)
        };
        let batch = Batch::of(categories.into_iter().map(record).collect());
        let mut writer = self.writer.lock().await;
        if writer.is_none() {
            *writer = Some(self.log.writer(&self.name).await?);
        }
        if let Some(open) = writer.as_mut()
            && let Err(error) = open.commit(batch).await
        {
            // Opened again for the next request; this one is not answered.
            *writer = None;
            return Err(error.into());
        }
        Ok(())
    }

    /// What stands for a patient whom nobody knows; reveals nothing and is the same for the same question.
    pub(crate) fn stand_in(&self, asked_for: &str) -> Digest {
        let chain = Chain::record(self.chain.network());
        let key = self.custody.own_key().derive(&chain, b"stand-in");
        chain.digest_parts(Domain::Access, &[key.expose(), asked_for.as_bytes()])
    }
}
