//! Members come, go, rotate keys and change stake by decisions of the network's authority.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain, KeyPair, PublicKey, Signature, VrfPublicKey, WrapPublicKey};
use rand_core::{CryptoRng, RngCore};

use crate::genesis::{AUTHORITY_KEYS_MAX, Authority, Operator, Party};
use crate::{Id, Refusal, Role};

/// Most acts of one decision.
pub const ACTS_MAX: usize = 64;
/// Most keys, and most changes of standing, that a party's record holds.
pub const HISTORY_MAX: usize = 256;
/// Milliseconds of a day (UTC, without leap seconds).
pub const DAY_MS: i64 = 86_400_000;

/// One change. All changes of a decision happen, or none; the stake's invariants are checked after the last.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Act {
    /// A new member. Its operator is known or named earlier in the decision.
    Enrol(Party) = 0,
    /// The member neither acts nor weighs until reinstated.
    Suspend(Id) = 1,
    /// Ends a suspension.
    Reinstate(Id) = 2,
    /// New keys for a member; the old ones stay answerable for what they signed.
    Rotate {
        /// Whose.
        party: Id,
        /// Signs its transactions.
        signer: PublicKey,
        /// Names its events.
        vrf: VrfPublicKey,
        /// Data keys are wrapped for it.
        wrap: WrapPublicKey,
    } = 3,
    /// Another number of bonded units.
    Stake {
        /// Whose.
        party: Id,
        /// The new number.
        units: u64,
    } = 4,
    /// A new operator, or another validator key for a known one.
    Operator(Operator) = 5,
    /// Another authority policy, in force from the next block.
    Authority(Authority) = 6,
}

/// What the authority's keys sign.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MembershipDecision {
    /// The authority's next sequence, so that a decision cannot be played again.
    pub sequence: u64,
    /// What changes, in order.
    pub acts: Vec<Act>,
}

/// A decision with the signatures that carry it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Membership {
    /// What is decided.
    pub decision: MembershipDecision,
    /// Ascending by key, each once, all of the policy and at least its threshold.
    pub signatures: Vec<(PublicKey, Signature)>,
}

impl MembershipDecision {
    /// The digest that each key signs.
    pub fn digest(&self, network: &Digest) -> Digest {
        Chain::record(*network).digest_of(Domain::Authority, self)
    }

    /// Signs with the given keys of the policy.
    pub fn sign(self, network: &Digest, keys: &[KeyPair], rng: &mut (impl CryptoRng + RngCore)) -> Membership {
        let digest = self.digest(network);
        let mut signatures: Vec<_> = keys.iter().map(|key| (key.public(), key.sign(&digest, rng))).collect();
        signatures.sort_by_key(|(key, _)| *key);
        Membership { decision: self, signatures }
    }
}

impl Membership {
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.decision.acts.is_empty() || self.decision.acts.len() > ACTS_MAX {
            return Err(Refusal::Bounds("a decision has 1 to 64 acts"));
        }
        if self.signatures.is_empty() || self.signatures.len() > AUTHORITY_KEYS_MAX {
            return Err(Refusal::Authority("a decision has 1 to 16 signatures"));
        }
        if self.signatures.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return Err(Refusal::Authority("signers are not in ascending order, or one stands twice"));
        }
        for act in &self.decision.acts {
            if let Act::Authority(policy) = act {
                policy.check().map_err(Refusal::Authority)?;
            }
        }
        Ok(())
    }

    /// Whether the signers suffice for the policy; the signatures themselves are checked with the block's.
    pub(crate) fn meets(&self, policy: &Authority) -> Result<(), Refusal> {
        if self.signatures.iter().any(|(key, _)| policy.keys.binary_search(key).is_err()) {
            return Err(Refusal::Authority("a signer is not of the policy"));
        }
        if self.signatures.len() < usize::from(policy.threshold) {
            return Err(Refusal::Authority("fewer signatures than the policy's threshold"));
        }
        Ok(())
    }
}

/// Keys of a party and from when on they were in force.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KeySpan {
    /// First height whose transactions they sign.
    pub from_height: u64,
    /// Time of the block that decided it (the genesis' time for founders).
    pub from_ms: i64,
    /// Signs its transactions.
    pub signer: PublicKey,
    /// Names its events and claim lines.
    pub vrf: VrfPublicKey,
    /// Data keys are wrapped for it.
    pub wrap: WrapPublicKey,
}

/// A change of standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StandingSpan {
    /// First height at which it holds.
    pub from_height: u64,
    /// Time of the block that decided it.
    pub from_ms: i64,
    /// False: suspended.
    pub active: bool,
}

/// A party in the state, with its whole history: one proof of this record answers which key was in force and
/// whether the party was in good standing, at any height or time up to the proof's.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PartyRecord {
    /// Its name.
    pub id: Id,
    /// Who runs it.
    pub operator: Id,
    /// What it is.
    pub role: Role,
    /// Bonded units now.
    pub units: u64,
    /// Ascending; the last is in force.
    pub keys: Vec<KeySpan>,
    /// Ascending; the last holds.
    pub standing: Vec<StandingSpan>,
}

impl PartyRecord {
    pub(crate) fn enrolled(party: &Party, from_height: u64, from_ms: i64) -> Self {
        Self {
            id: party.id.clone(),
            operator: party.operator.clone(),
            role: party.role,
            units: party.units,
            keys: vec![KeySpan { from_height, from_ms, signer: party.signer, vrf: party.vrf, wrap: party.wrap }],
            standing: vec![StandingSpan { from_height, from_ms, active: true }],
        }
    }

    /// Whether it may act now.
    pub fn active(&self) -> bool {
        self.standing.last().is_some_and(|span| span.active)
    }

    /// The keys in force for transactions of a height; none before it was a member.
    pub fn keys_at_height(&self, height: u64) -> Option<&KeySpan> {
        self.keys.iter().rev().find(|span| span.from_height <= height)
    }

    /// The keys in force at a time.
    pub fn keys_at(&self, time_ms: i64) -> Option<&KeySpan> {
        self.keys.iter().rev().find(|span| span.from_ms <= time_ms)
    }

    /// Whether it was a member in good standing at a time.
    pub fn good_standing_at(&self, time_ms: i64) -> bool {
        self.standing.iter().rev().find(|span| span.from_ms <= time_ms).is_some_and(|span| span.active)
    }

    /// Whether it was a member in good standing at any time of a day (days since 1970, UTC). A service date knows
    /// no hour, so a member that joined or was suspended during the day counts.
    pub fn good_standing_on(&self, day: i32) -> bool {
        let start = i64::from(day) * DAY_MS;
        let end = start + DAY_MS;
        self.good_standing_at(start)
            || self.standing.iter().any(|span| span.active && (start..end).contains(&span.from_ms))
    }
}

/// An operator in the state.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OperatorRecord {
    /// The key that signs its votes.
    pub validator: PublicKey,
    /// The parties that it runs, in the order in which they came.
    pub parties: Vec<Id>,
}
