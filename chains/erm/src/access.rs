//! Whether an access is permitted: one pure function over what the state holds, the same at every node.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::PublicKey;

use crate::{
    Category, ConsentAct, ConsentRecord, DataGroup, Grantee, Id, Key, Mode, PartyRecord, PatientRecord, Purpose, Role,
};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Asker {
    /// A member.
    Party(Id) = 0,
    /// A patient.
    Patient(PublicKey) = 1,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Query {
    /// Whose data.
    pub patient: PublicKey,
    /// Who asks.
    pub asker: Asker,
    /// Which data.
    pub category: Category,
    /// What for.
    pub purpose: Purpose,
    /// Query, or query and update.
    pub mode: Mode,
    /// The day that the data is about (days since 1970); none where it is not about one day, which only a consent
    /// without service days covers.
    pub service_day: Option<i32>,
    /// Now.
    pub now_ms: i64,
}

/// What the state holds about a query: the values of [`Query::keys`], in that order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The patient.
    pub patient: Option<PatientRecord>,
    /// The member that asks.
    pub party: Option<PartyRecord>,
    /// The consent that names the member.
    pub for_party: Option<ConsentRecord>,
    /// The consent that names the member's role.
    pub for_role: Option<ConsentRecord>,
}

/// Why a query is permitted or refused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, serde::Serialize, serde::Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Reason {
    /// Permitted: the patient's own data.
    Own = 0,
    /// Permitted: a grant is in force.
    Granted = 1,
    /// The patient is not registered.
    PatientUnknown = 2,
    /// Who asks is no member in good standing.
    NoMember = 3,
    /// The operation matrix does not allow it to this role, with or without consent.
    RoleMayNot = 4,
    /// A denial is in force.
    Denied = 5,
    /// Nothing was ever granted, or it was revoked.
    NoGrant = 6,
    /// A grant has expired.
    Expired = 7,
    /// A grant does not cover the service day.
    OtherDays = 8,
    /// A grant allows reading only.
    ReadOnly = 9,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether the access is permitted.
    pub permitted: bool,
    /// Why.
    pub reason: Reason,
    /// Keys of the state whose presence or absence shows it.
    pub evidence: Vec<Key>,
}

/// The operation matrix: may this kind of asker do this to this group of data at all?
pub fn matrix(role: Option<Role>, own: bool, group: DataGroup, mode: Mode) -> bool {
    if mode == Mode::Read {
        return role.is_some() || own;
    }
    match group {
        DataGroup::Personal => own,
        DataGroup::MedicalHistory => role.is_some_and(Role::is_provider),
        DataGroup::Insurance => role == Some(Role::Insurer),
    }
}

impl Query {
    /// The keys whose values [`decide`] needs. The last depends on the member's role, so it needs the member's record.
    pub fn keys(&self, party: Option<&PartyRecord>) -> Vec<Key> {
        let mut keys = vec![Key::Patient(self.patient)];
        if let Asker::Party(id) = &self.asker {
            keys.push(Key::Party(id.clone()));
            keys.push(self.consent_key(Grantee::Party(id.clone())));
            if let Some(record) = party {
                keys.push(self.consent_key(Grantee::Role(record.role)));
            }
        }
        keys
    }

    pub(crate) fn consent_key(&self, grantee: Grantee) -> Key {
        Key::Consent { patient: self.patient, grantee, category: self.category, purpose: self.purpose }
    }
}

/// Decides; everything that is not permitted is refused, and a denial wins over any grant.
///
/// Whoever has the state's proofs of the evidence comes to the same answer without the state.
pub fn decide(query: &Query, evidence: &Evidence) -> Decision {
    let reason = reason(query, evidence);
    let permitted = matches!(reason, Reason::Own | Reason::Granted);
    Decision { permitted, reason, evidence: query.keys(evidence.party.as_ref()) }
}

fn reason(query: &Query, evidence: &Evidence) -> Reason {
    if evidence.patient.is_none() {
        return Reason::PatientUnknown;
    }
    let Some(group) = query.category.group() else { return Reason::NoGrant };
    match &query.asker {
        Asker::Patient(key) => {
            if *key != query.patient {
                Reason::NoGrant
            } else if matrix(None, true, group, query.mode) {
                Reason::Own
            } else {
                Reason::RoleMayNot
            }
        }
        Asker::Party(id) => match &evidence.party {
            Some(party) if party.id == *id && party.active() => {
                if matrix(Some(party.role), false, group, query.mode) {
                    by_consent(query, evidence)
                } else {
                    Reason::RoleMayNot
                }
            }
            _ => Reason::NoMember,
        },
    }
}

fn by_consent(query: &Query, evidence: &Evidence) -> Reason {
    let consents = || [&evidence.for_party, &evidence.for_role].into_iter().flatten();
    if consents().any(|record| denies(record, query)) {
        return Reason::Denied;
    }
    let mut reason = Reason::NoGrant;
    for record in consents() {
        match grants(record, query) {
            Reason::Granted => return Reason::Granted,
            Reason::NoGrant => {}
            nearer => reason = nearer,
        }
    }
    reason
}

/// A denial applies unless it clearly does not: an unknown service day falls under it.
fn denies(record: &ConsentRecord, query: &Query) -> bool {
    let consent = &record.consent;
    consent.decision == ConsentAct::Deny
        && consent.mode <= query.mode
        && consent.expires_ms.is_none_or(|expires_ms| query.now_ms < expires_ms)
        && query.service_day.is_none_or(|day| covers(consent.service_from_day, consent.service_to_day, day))
}

fn grants(record: &ConsentRecord, query: &Query) -> Reason {
    let consent = &record.consent;
    if consent.decision != ConsentAct::Grant {
        return Reason::NoGrant;
    }
    if consent.expires_ms.is_some_and(|expires_ms| query.now_ms >= expires_ms) {
        return Reason::Expired;
    }
    let (from, to) = (consent.service_from_day, consent.service_to_day);
    let covered = match query.service_day {
        Some(day) => covers(from, to, day),
        None => from.is_none() && to.is_none(),
    };
    if !covered {
        return Reason::OtherDays;
    }
    if consent.mode < query.mode {
        return Reason::ReadOnly;
    }
    Reason::Granted
}

fn covers(from: Option<i32>, to: Option<i32>, day: i32) -> bool {
    from.is_none_or(|from| from <= day) && to.is_none_or(|to| day <= to)
}
