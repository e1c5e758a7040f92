//! Light client: whether a header is final, from the genesis or a pinned checkpoint, without the blocks between.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{CommitCertificate, Digest, PublicKey, ValidatorSet};
use serde::{Deserialize, Serialize};

use crate::{Error, Genesis, Header};

/// Most changes of the validator set that one proof may hold.
pub const CHANGES_MAX: usize = 65_536;

/// Where trust begins.
///
/// Keys of validators that have left can sign another past: from the genesis on, a history that branches off before
/// the present is only as good as those keys. A checkpoint from a source that one trusts closes that.
#[derive(Debug, Clone, Copy)]
pub enum TrustRoot<'a> {
    /// The genesis.
    Genesis(&'a Genesis),
    /// A block that somebody vouches for.
    Checkpoint(&'a Checkpoint),
}

/// A pinned block with the validators of the next height.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The network id.
    pub network: Digest,
    /// Height of the block.
    pub height: u64,
    /// Hash of the block.
    pub block: Digest,
    /// Who decides the next height, ascending by key.
    pub next_validators: Vec<CheckpointValidator>,
}

/// A validator of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointValidator {
    /// Its key.
    pub key: PublicKey,
    /// Its weight.
    pub weight: u64,
}

/// A final header after which other validators decide.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SetChange {
    /// The header; its `next_validators` differ from its `validators`.
    pub header: Header,
    /// Of the validators before.
    pub certificate: CommitCertificate,
    /// The validators after.
    pub next: ValidatorSet,
}

impl TrustRoot<'_> {
    /// The network id.
    pub fn network(&self) -> Digest {
        match self {
            Self::Genesis(genesis) => genesis.network(),
            Self::Checkpoint(checkpoint) => checkpoint.network,
        }
    }
}

impl Checkpoint {
    fn validators(&self) -> Result<ValidatorSet, Error> {
        let set = self.next_validators.iter().map(|validator| (validator.key, validator.weight)).collect();
        Ok(ValidatorSet::new(set)?)
    }
}

/// Checks that `header` is final: from the trust root through every change of validators up to it (`history`,
/// ascending, empty where the set never changed), and by the certificate. Gives the validators that decided it.
pub fn verify_header(
    trust: TrustRoot<'_>,
    history: &[SetChange],
    header: &Header,
    certificate: &CommitCertificate,
) -> Result<ValidatorSet, Error> {
    let network = trust.network();
    let (mut height, mut validators) = match trust {
        TrustRoot::Genesis(genesis) => (0, genesis.validators()?),
        TrustRoot::Checkpoint(checkpoint) => (checkpoint.height, checkpoint.validators()?),
    };
    if history.len() > CHANGES_MAX {
        return Err(refused(header, "the history is longer than 65536 changes"));
    }
    for change in history {
        if change.header.height <= height || change.header.height >= header.height {
            return Err(refused(&change.header, "the history does not ascend from the trust root to the header"));
        }
        verify_final(&network, &validators, &change.header, &change.certificate)?;
        if change.header.next_validators == change.header.validators {
            return Err(refused(&change.header, "it changes no validators and does not belong into the history"));
        }
        change.next.validate()?;
        if change.next.digest(&network) != change.header.next_validators {
            return Err(refused(&change.header, "the next validators are not those that it names"));
        }
        height = change.header.height;
        validators = change.next.clone();
    }
    if header.height <= height {
        let reason = "it is not above the trust root; verify from the genesis or an older checkpoint";
        return Err(refused(header, reason));
    }
    verify_final(&network, &validators, header, certificate)?;
    Ok(validators)
}

fn verify_final(
    network: &Digest,
    validators: &ValidatorSet,
    header: &Header,
    certificate: &CommitCertificate,
) -> Result<(), Error> {
    if header.validators != validators.digest(network) {
        return Err(refused(header, "it was decided by other validators than the history leads to"));
    }
    if certificate.height != header.height {
        return Err(refused(header, "the certificate is for another height"));
    }
    if certificate.block != header.hash(network) {
        return Err(refused(header, "the certificate is for another block"));
    }
    certificate.verify(network, validators).map_err(|error| refused(header, &error.to_string()))
}

fn refused(header: &Header, reason: &str) -> Error {
    Error::Header { height: header.height, reason: reason.into() }
}
