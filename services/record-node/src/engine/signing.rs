//! sr25519 under the engine's signing traits. Every signature covers network, domain, height, round and kind.

use arc_malachitebft_app_channel::app::types::core as malachite;
use arc_malachitebft_app_channel::{Signer, Verifier};
use arc_malachitebft_signing::{Error, VerificationResult};
use async_trait::async_trait;
use ledger::{Chain, Digest, Domain, KeyPair, PublicKey};
use malachite::{SignedMessage, ValidatorProof, VoteExtensionScope};
use rand_core::OsRng;

use super::context::Erm;
use super::types::{Opening, OpeningContent, Proposal, Vote};

/// The scheme, to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sr25519;

/// A signature with the order that the engine wants; the order means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sig(pub(crate) ledger::Signature);

impl PartialOrd for Sig {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sig {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.0.cmp(&other.0.0)
    }
}

impl malachite::SigningScheme for Sr25519 {
    type DecodingError = String;
    type Signature = Sig;
    type PublicKey = PublicKey;
    type PrivateKey = KeyPair;

    fn decode_signature(bytes: &[u8]) -> Result<Sig, String> {
        let bytes = bytes.try_into().map_err(|_| format!("a signature has 64 bytes, not {}", bytes.len()))?;
        Ok(Sig(ledger::Signature(bytes)))
    }

    fn encode_signature(signature: &Sig) -> Vec<u8> {
        signature.0.0.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<PublicKey, String> {
        let bytes = bytes.try_into().map_err(|_| format!("a public key has 32 bytes, not {}", bytes.len()))?;
        Ok(PublicKey(bytes))
    }

    fn encode_public_key(key: &PublicKey) -> Vec<u8> {
        key.0.to_vec()
    }
}

/// Checks the engine's signatures.
#[derive(Clone, Copy)]
pub(crate) struct Sr25519Verifier {
    pub(crate) network: Digest,
}

/// Makes the engine's signatures.
pub(crate) struct Sr25519Signer {
    network: Digest,
    key: KeyPair,
}

fn verdict(key: &PublicKey, digest: Option<Digest>, signature: &Sig) -> VerificationResult {
    VerificationResult::from_bool(digest.is_some_and(|digest| key.verify(&digest, &signature.0).is_ok()))
}

/// What binds a node's network identity to its validator key: under our own domain and network.
fn proof_digest(network: &Digest, public_key: &[u8], peer_id: &[u8]) -> Digest {
    Chain::record(*network).digest(Domain::Peer, &ValidatorProof::<Erm>::signing_bytes(public_key, peer_id))
}

/// Whether an opening was signed by the validator it names.
pub(crate) fn opening_verifies(network: &Digest, opening: &Opening) -> bool {
    opening.content.proposer.verify(&opening.content.digest(network), &opening.signature).is_ok()
}

impl Sr25519Signer {
    pub(crate) fn new(network: Digest, key: KeyPair) -> Self {
        Self { network, key }
    }

    pub(crate) fn public(&self) -> PublicKey {
        self.key.public()
    }

    pub(crate) fn sign_opening(&self, content: OpeningContent) -> Opening {
        Opening { content, signature: self.key.sign(&content.digest(&self.network), &mut OsRng) }
    }

    fn sign(&self, digest: Option<Digest>) -> Result<Sig, Error> {
        // A message without a round is never sent; refusing to sign it is not a cryptographic error.
        let digest = digest.ok_or_else(|| Error::from_source("a message without a round is not signed"))?;
        Ok(Sig(self.key.sign(&digest, &mut OsRng)))
    }
}

#[async_trait]
impl Verifier<Erm> for Sr25519Verifier {
    async fn verify_signed_vote(
        &self,
        vote: &Vote,
        signature: &Sig,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        // The key that the engine looked up and the one that the vote names are the same validator.
        let digest = vote.content().filter(|vote| vote.validator == *key).map(|vote| vote.digest(&self.network));
        Ok(verdict(key, digest, signature))
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &Proposal,
        signature: &Sig,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        Ok(verdict(key, proposal.digest(&self.network), signature))
    }

    async fn verify_signed_vote_extension(
        &self,
        _scope: &VoteExtensionScope<Erm>,
        _extension: &(),
        _signature: &Sig,
        _key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        // Extensions are not part of this chain: none verifies.
        Ok(VerificationResult::Invalid)
    }

    async fn verify_validator_proof(&self, proof: &ValidatorProof<Erm>) -> Result<VerificationResult, Error> {
        let Ok(key) = proof.decoded_public_key() else {
            return Ok(VerificationResult::Invalid);
        };
        Ok(verdict(&key, Some(proof_digest(&self.network, &proof.public_key, &proof.peer_id)), &proof.signature))
    }
}

#[async_trait]
impl Signer<Erm> for Sr25519Signer {
    async fn sign_vote(&self, vote: Vote) -> Result<SignedMessage<Erm, Vote>, Error> {
        let signature = self.sign(vote.content().map(|vote| vote.digest(&self.network)))?;
        Ok(SignedMessage::new(vote, signature))
    }

    async fn sign_proposal(&self, proposal: Proposal) -> Result<SignedMessage<Erm, Proposal>, Error> {
        let signature = self.sign(proposal.digest(&self.network))?;
        Ok(SignedMessage::new(proposal, signature))
    }

    async fn sign_vote_extension(
        &self,
        _scope: VoteExtensionScope<Erm>,
        _extension: (),
    ) -> Result<SignedMessage<Erm, ()>, Error> {
        Err(Error::from_source("vote extensions are not part of this chain"))
    }

    async fn sign_validator_proof(&self, public_key: Vec<u8>, peer_id: Vec<u8>) -> Result<ValidatorProof<Erm>, Error> {
        let signature = self.sign(Some(proof_digest(&self.network, &public_key, &peer_id)))?;
        Ok(ValidatorProof::new(public_key, peer_id, signature))
    }
}
