//! What a patient's registration commits to: the identifiers, each under its own salt, so that one can be shown alone.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, InclusionProof, MerkleTree, Salt, SaltSeed};
use serde::{Deserialize, Serialize};

use crate::{Error, Identifier};

/// The identifiers of a person with the seed of their salts. Kept by whoever registered the patient; it has no `Debug`.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Identity {
    seed: SaltSeed,
    identifiers: Vec<Identifier>,
}

/// One identifier with what shows that a registration commits to it.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedIdentifier {
    /// The identifier.
    pub identifier: Identifier,
    /// Its salt.
    #[serde(with = "crate::text::canonical")]
    pub salt: Salt,
    /// Its place under the registration's commitment.
    #[serde(with = "crate::text::canonical")]
    pub proof: InclusionProof,
}

impl Identity {
    /// Sorts the identifiers and drops repetitions.
    pub fn new(seed: SaltSeed, mut identifiers: Vec<Identifier>) -> Self {
        identifiers.sort();
        identifiers.dedup();
        Self { seed, identifiers }
    }

    /// The identifiers, ascending.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// The `identity` of the registration: the RFC 6962 root over the salted commitments.
    pub fn commitment(&self, network: &Digest) -> Digest {
        self.tree(network).root()
    }

    /// Opens one identifier; `None` where the person has no such.
    pub fn open(&self, network: &Digest, identifier: &Identifier) -> Option<OpenedIdentifier> {
        let position = u64::try_from(self.identifiers.binary_search(identifier).ok()?).ok()?;
        Some(OpenedIdentifier {
            identifier: identifier.clone(),
            salt: self.seed.salt(&Chain::record(*network), position),
            proof: self.tree(network).prove(position).ok()?,
        })
    }

    fn tree(&self, network: &Digest) -> MerkleTree {
        let chain = Chain::record(*network);
        let leaf =
            |(position, identifier)| self.seed.salt(&chain, position).commit(&chain, &ledger::encode(identifier)).0;
        MerkleTree::new(&(0u64..).zip(&self.identifiers).map(leaf).collect::<Vec<_>>())
    }
}

impl OpenedIdentifier {
    /// Checks the identifier against the registration's commitment.
    pub fn verify(&self, network: &Digest, commitment: &Digest) -> Result<(), Error> {
        let leaf = self.salt.commit(&Chain::record(*network), &ledger::encode(&self.identifier));
        let refuse = |_| Error::refused("identifier", "it is none that the patient's registration commits to");
        self.proof.verify(&leaf.0, commitment).map_err(refuse)
    }
}
