//! schnorrkel's verifiable random function: a keyed, provable pseudonym for an input.
//!
//! A facility names a record by the VRF output over what identifies it. Others cannot compute or link
//! the name; the facility can show, for one input, that the name is the right one and the only one.

use borsh::{BorshDeserialize, BorshSerialize};
use merlin::Transcript;
use rand_core::{CryptoRng, RngCore};
use schnorrkel::context::{attach_rng, signing_context};
use schnorrkel::vrf;
use schnorrkel::{ExpansionMode, MiniSecretKey};

use crate::{Digest, Error};

const CONTEXT: &[u8] = b"caduceus vrf";

/// The 32 bytes that stand for an input under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct VrfOutput(pub Digest);

/// Shows that an output belongs to an input under a public key: the pre-output point and a DLEQ proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VrfProof {
    /// The pre-output, a compressed Ristretto point.
    pub preout: [u8; 32],
    /// The proof that the pre-output has the same discrete logarithm as the public key.
    pub dleq: [u8; 64],
}

/// The public half of a VRF key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct VrfPublicKey(pub [u8; 32]);

/// A VRF key. It signs nothing; keep it apart from the signing key.
#[derive(Clone)]
pub struct VrfKeyPair(schnorrkel::Keypair);

impl VrfKeyPair {
    /// A fresh key.
    pub fn generate(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self::from_seed(&seed)
    }

    /// The key of a 32-byte seed.
    #[expect(clippy::expect_used, reason = "the length is fixed by the type")]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let secret = MiniSecretKey::from_bytes(seed).expect("32 bytes");
        Self(secret.expand_to_keypair(ExpansionMode::Uniform))
    }

    /// The public half.
    pub fn public(&self) -> VrfPublicKey {
        VrfPublicKey(self.0.public.to_bytes())
    }

    /// The output alone, without a proof.
    pub fn output(&self, input: &Digest) -> VrfOutput {
        output_of(&self.0.vrf_create_hash(transcript(input)))
    }

    /// The output and the proof of it. `input` is a digest made with the domain of its purpose.
    pub fn prove(&self, input: &Digest, rng: &mut (impl CryptoRng + RngCore)) -> (VrfOutput, VrfProof) {
        let (inout, proof, _) = self.0.vrf_sign_extra(transcript(input), attach_rng(extra(), rng));
        let preout = inout.to_preout().to_bytes();
        (output_of(&inout), VrfProof { preout, dleq: proof.to_bytes() })
    }
}

impl VrfPublicKey {
    /// The output that `proof` shows for `input`, or an error.
    pub fn verify(&self, input: &Digest, proof: &VrfProof) -> Result<VrfOutput, Error> {
        let invalid = Error::Invalid { what: "VRF proof" };
        let key = schnorrkel::PublicKey::from_bytes(&self.0).map_err(|_| Error::Invalid { what: "VRF public key" })?;
        let preout = vrf::VRFPreOut::from_bytes(&proof.preout).map_err(|_| invalid.clone())?;
        let dleq = vrf::VRFProof::from_bytes(&proof.dleq).map_err(|_| invalid.clone())?;
        let (inout, _) = key.vrf_verify_extra(transcript(input), &preout, &dleq, extra()).map_err(|_| invalid)?;
        Ok(output_of(&inout))
    }
}

fn transcript(input: &Digest) -> Transcript {
    signing_context(CONTEXT).bytes(&input.0)
}

fn extra() -> Transcript {
    Transcript::new(b"caduceus vrf proof")
}

fn output_of(inout: &vrf::VRFInOut) -> VrfOutput {
    VrfOutput(Digest(inout.make_bytes(b"caduceus vrf output")))
}

impl std::fmt::Display for VrfPublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for VrfPublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for VrfPublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        crate::digest::hex_array(text, "VRF public key").map(Self)
    }
}

crate::digest::serde_as_text!(VrfPublicKey);
