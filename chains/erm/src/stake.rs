//! Stake: which operator weighs what, and the invariants that keep clinicians in the majority.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{PublicKey, ValidatorSet};

use crate::{Genesis, Id, Role};

/// How a distribution of stake breaks an invariant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it; the fields are what they quote")]
pub enum StakeViolation {
    #[error("hospitals and doctors hold {weight} of {total}; more than one half is needed")]
    ClinicalShare { weight: u64, total: u64 },
    #[error("operator {operator} holds {weight} of {total}; less than one third is allowed")]
    OperatorShare { operator: Id, weight: u64, total: u64 },
    #[error("insurers hold {weight} of {total}; less than one third is allowed")]
    InsurerShare { weight: u64, total: u64 },
    #[error("the weights' sum is beyond 64 bits")]
    Overflow,
    #[error("{0}")]
    Validators(String),
}

/// A party as far as stake and authorisation need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Who runs it.
    pub operator: Id,
    /// What it is.
    pub role: Role,
    /// Bonded units; its weight is units × weight of its role.
    pub units: u64,
    /// False while suspended: it neither acts nor weighs.
    pub active: bool,
    /// The key that it signs with now.
    pub signer: PublicKey,
}

/// All members of the network, as of one height.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    pub(crate) weights: BTreeMap<Role, u32>,
    pub(crate) operators: BTreeMap<Id, PublicKey>,
    pub(crate) parties: BTreeMap<Id, Seat>,
}

/// How the weight is distributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares {
    /// Weight of each operator that has any.
    pub operators: BTreeMap<Id, u64>,
    /// Weight of all.
    pub total: u64,
    /// Weight of hospitals and doctors, but of those whose operator also runs an insurer.
    pub clinical: u64,
    /// Whole weight of the operators that run an insurer.
    pub insurers: u64,
}

impl Roster {
    pub(crate) fn founding(genesis: &Genesis) -> Self {
        let parties = genesis.parties.iter().map(|party| {
            let seat = Seat {
                operator: party.operator.clone(),
                role: party.role,
                units: party.units,
                active: true,
                signer: party.signer,
            };
            (party.id.clone(), seat)
        });
        Self {
            weights: weights(genesis),
            operators: genesis.operators.iter().map(|operator| (operator.id.clone(), operator.validator)).collect(),
            parties: parties.collect(),
        }
    }

    /// A party, active or not.
    pub fn party(&self, id: &Id) -> Option<&Seat> {
        self.parties.get(id)
    }

    /// All parties, ascending by id.
    pub fn parties(&self) -> impl Iterator<Item = (&Id, &Seat)> {
        self.parties.iter()
    }

    /// An operator's validator key.
    pub fn operator(&self, id: &Id) -> Option<&PublicKey> {
        self.operators.get(id)
    }

    /// All operators with their validator keys, ascending by id.
    pub fn operators(&self) -> impl Iterator<Item = (&Id, &PublicKey)> {
        self.operators.iter()
    }

    /// Adds up the weight per operator. One operator that runs an insurer counts wholly as insurer and not as
    /// clinical: whoever decides there decides over all of its votes.
    pub fn shares(&self) -> Result<Shares, StakeViolation> {
        let active = || self.parties.values().filter(|seat| seat.active);
        let insuring: BTreeSet<&Id> =
            active().filter(|seat| seat.role == Role::Insurer).map(|seat| &seat.operator).collect();
        let mut shares = Shares { operators: BTreeMap::new(), total: 0, clinical: 0, insurers: 0 };
        for seat in active() {
            let role_weight = u64::from(self.weights.get(&seat.role).copied().unwrap_or(0));
            let weight = seat.units.checked_mul(role_weight).ok_or(StakeViolation::Overflow)?;
            if weight == 0 {
                continue;
            }
            shares.total = shares.total.checked_add(weight).ok_or(StakeViolation::Overflow)?;
            // The parts are bounded by the total, which did not overflow.
            *shares.operators.entry(seat.operator.clone()).or_default() += weight;
            if insuring.contains(&seat.operator) {
                shares.insurers += weight;
            } else if seat.role.is_clinical() {
                shares.clinical += weight;
            }
        }
        Ok(shares)
    }

    /// Checks the invariants and gives the validators with their weights.
    pub fn validators(&self) -> Result<ValidatorSet, StakeViolation> {
        let shares = self.shares()?;
        let total = shares.total;
        if !more_than_half(shares.clinical, total) {
            return Err(StakeViolation::ClinicalShare { weight: shares.clinical, total });
        }
        if let Some((operator, weight)) = shares.operators.iter().find(|(_, weight)| !less_than_third(**weight, total))
        {
            return Err(StakeViolation::OperatorShare { operator: operator.clone(), weight: *weight, total });
        }
        if !less_than_third(shares.insurers, total) {
            return Err(StakeViolation::InsurerShare { weight: shares.insurers, total });
        }
        let mut validators = Vec::with_capacity(shares.operators.len());
        for (id, weight) in shares.operators {
            let key = self
                .operators
                .get(&id)
                .ok_or_else(|| StakeViolation::Validators(format!("operator {id} is unknown")))?;
            validators.push((*key, weight));
        }
        ValidatorSet::new(validators).map_err(|error| StakeViolation::Validators(error.to_string()))
    }
}

pub(crate) fn weights(genesis: &Genesis) -> BTreeMap<Role, u32> {
    genesis.weights.iter().map(|entry| (entry.role, entry.weight)).collect()
}

fn more_than_half(weight: u64, total: u64) -> bool {
    u128::from(weight) * 2 > u128::from(total)
}

fn less_than_third(weight: u64, total: u64) -> bool {
    u128::from(weight) * 3 < u128::from(total)
}
