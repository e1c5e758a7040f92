//! Votes, validator sets and commit certificates: when a block of the record chain is final.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{Chain, Digest, Domain, Error, PublicKey, Signature, verify_batch};

/// Most validators that a set may have; bounds the work of checking a certificate.
pub const VALIDATORS_MAX: usize = 256;

/// The one quorum rule: more than two thirds of the weight, in integers.
pub fn is_quorum(weight: u64, total: u64) -> bool {
    u128::from(weight) * 3 > u128::from(total) * 2
}

/// Which of the two votes of a round (Tendermint, Buchman et al. 2018, algorithm 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum VoteKind {
    /// First: the proposal is acceptable.
    Prevote = 0,
    /// Second: a quorum found it acceptable.
    Precommit = 1,
}

/// A vote's signed content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// Which vote.
    pub kind: VoteKind,
    /// Height of the block voted on.
    pub height: u64,
    /// Round within the height, from 0.
    pub round: u32,
    /// The block's hash; none is a vote for no block.
    pub block: Option<Digest>,
    /// Who votes.
    pub validator: PublicKey,
}

impl Vote {
    /// The digest that the validator signs.
    pub fn digest(&self, network: &Digest) -> Digest {
        Chain::record(*network).digest_of(Domain::Vote, self)
    }
}

/// Validators with their weight, ascending by key, each once, none without weight.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ValidatorSet(Vec<(PublicKey, u64)>);

impl ValidatorSet {
    /// Sorts and checks: at least one validator, no key twice, every weight > 0, the sum within `u64`.
    pub fn new(mut validators: Vec<(PublicKey, u64)>) -> Result<Self, Error> {
        validators.sort_unstable();
        let set = Self(validators);
        set.validate()?;
        Ok(set)
    }

    /// Checks a set that was decoded.
    pub fn validate(&self) -> Result<(), Error> {
        let refuse = |reason: &str| Err(Error::ValidatorSet(reason.into()));
        if self.0.is_empty() {
            return refuse("it is empty");
        }
        if self.0.len() > VALIDATORS_MAX {
            return refuse("it has more than 256 validators");
        }
        if self.0.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return refuse("keys are not in ascending order, or one stands twice");
        }
        if self.0.iter().any(|(_, weight)| *weight == 0) {
            return refuse("a validator has no weight");
        }
        if self.0.iter().try_fold(0u64, |sum, (_, weight)| sum.checked_add(*weight)).is_none() {
            return refuse("the weights' sum is beyond 64 bits");
        }
        Ok(())
    }

    /// The validators, ascending by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &(PublicKey, u64)> {
        self.0.iter()
    }

    /// Weight of one validator, if it is one.
    pub fn weight(&self, key: &PublicKey) -> Option<u64> {
        let position = self.0.binary_search_by_key(key, |(key, _)| *key).ok()?;
        Some(self.0[position].1)
    }

    /// Weight of all.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, weight)| weight).sum()
    }

    /// What a header names the set by.
    pub fn digest(&self, network: &Digest) -> Digest {
        Chain::record(*network).digest_of(Domain::Validators, self)
    }
}

/// Precommits of more than two thirds of the weight for one block: the block is final.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CommitCertificate {
    /// Height of the block.
    pub height: u64,
    /// The round that decided.
    pub round: u32,
    /// The block's hash.
    pub block: Digest,
    /// Precommits, ascending by key, each validator once.
    pub signatures: Vec<(PublicKey, Signature)>,
}

impl CommitCertificate {
    /// Checks the certificate against the validator set of its height.
    ///
    /// Refused: signers out of order or twice, one that is no validator, any signature that does not
    /// verify (even where the others would suffice), and less than a quorum.
    pub fn verify(&self, network: &Digest, validators: &ValidatorSet) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Certificate(reason));
        validators.validate()?;
        if self.signatures.len() > VALIDATORS_MAX {
            return refuse(format!("{} signatures", self.signatures.len()));
        }
        if self.signatures.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return refuse("signers are not in ascending order, or one stands twice".into());
        }
        let mut weight = 0u64;
        let mut items = Vec::with_capacity(self.signatures.len());
        for (key, signature) in &self.signatures {
            let Some(own) = validators.weight(key) else {
                return refuse(format!("{key} is no validator at height {}", self.height));
            };
            weight = weight.saturating_add(own);
            let vote = Vote {
                kind: VoteKind::Precommit,
                height: self.height,
                round: self.round,
                block: Some(self.block),
                validator: *key,
            };
            items.push((*key, vote.digest(network), *signature));
        }
        let total = validators.total();
        if !is_quorum(weight, total) {
            return Err(Error::NoQuorum { weight, total });
        }
        verify_batch(&items)
    }
}
