//! How a personal chain begins, and how its patient changes who may write: only the patient's own
//! signature does either (capability D4).

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain, KeyPair, PublicKey, Signature, WrapPublicKey, encode};
use rand_core::{CryptoRng, RngCore};

use crate::Error;

/// Most writers that a chain may name.
pub const WRITERS_MAX: usize = 32;

/// What a named writer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Role {
    /// Seals readings for the event log.
    Ingest = 0,
    /// Reads them, and appends blocks.
    Monitor = 1,
    /// Reads alerts.
    Notifier = 2,
}

/// Somebody who acts on the patient's behalf.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Writer {
    /// What it does.
    pub role: Role,
    /// The key it signs with.
    pub signer: PublicKey,
    /// The key that the patient's data keys are wrapped for.
    pub wrap: WrapPublicKey,
    /// When the grant ends (exclusive), milliseconds since 1970-01-01 UTC.
    pub until_ms: Option<i64>,
}

impl Writer {
    /// Whether the grant still lasts at an instant.
    pub fn in_force(&self, time_ms: i64) -> bool {
        self.until_ms.is_none_or(|until| time_ms < until)
    }
}

/// Whether a key may append blocks at an instant.
pub fn may_append(writers: &[Writer], signer: &PublicKey, time_ms: i64) -> bool {
    writers.iter().any(|writer| writer.role == Role::Monitor && writer.signer == *signer && writer.in_force(time_ms))
}

pub(crate) fn check_writers(writers: &[Writer]) -> Result<(), String> {
    if writers.len() > WRITERS_MAX {
        return Err(format!("it names {} writers, at most {WRITERS_MAX} are possible", writers.len()));
    }
    let twice = writers
        .iter()
        .enumerate()
        .any(|(at, one)| writers.iter().take(at).any(|other| other.role == one.role && other.signer == one.signer));
    if twice {
        return Err("it names a writer twice for one role".into());
    }
    Ok(())
}

/// The content of a chain's first block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Opening {
    /// The patient: the only key that opens this chain and names its writers.
    pub patient: PublicKey,
    /// The key that the patient's own copies of data keys are wrapped for.
    pub wrap: WrapPublicKey,
    /// Random; makes the chain's id unguessable and lets a patient have more than one chain.
    pub nonce: [u8; 32],
    /// When it was signed, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Who may act on the patient's behalf.
    pub writers: Vec<Writer>,
}

impl Opening {
    /// The chain that this opens: its id is `digest(PhcChain, patient ‖ nonce)` with the chain zero.
    pub fn chain(&self, network: Digest) -> Chain {
        let id = Chain::record(network).digest_parts(Domain::PhcChain, &[&self.patient.0, &self.nonce]);
        Chain { network, id }
    }

    /// The digest that the patient signs.
    pub fn digest(&self, network: Digest) -> Digest {
        self.chain(network).digest_of(Domain::PhcOpening, self)
    }

    /// Signs. Whoever holds another key than the patient's is refused.
    pub fn sign(
        &self,
        network: Digest,
        patient: &KeyPair,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Signature, Error> {
        if patient.public() != self.patient {
            return Err(self.refused(network, "it can be signed by the patient's key only".into()));
        }
        self.check(network)?;
        Ok(patient.sign(&self.digest(network), rng))
    }

    /// Checks bounds and the patient's signature.
    pub fn verify(&self, network: Digest, signature: &Signature) -> Result<(), Error> {
        self.check(network)?;
        self.patient
            .verify(&self.digest(network), signature)
            .map_err(|_| self.refused(network, "the patient's signature does not verify".into()))
    }

    fn check(&self, network: Digest) -> Result<(), Error> {
        check_writers(&self.writers).map_err(|reason| self.refused(network, reason))
    }

    fn refused(&self, network: Digest, reason: String) -> Error {
        Error::Opening { chain: self.chain(network).id, reason }
    }
}

/// What a patient instructs.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Act {
    /// From the next block on, these are the writers and nobody else.
    ReplaceWriters(Vec<Writer>) = 0,
}

/// A patient's later instruction to the own chain, carried by a block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Directive {
    /// Counts the chain's directives from 0, so that none can be left out or repeated.
    pub sequence: u64,
    /// When it was signed, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// What is to happen.
    pub act: Act,
}

impl Directive {
    /// Signs as the patient.
    pub fn sign(&self, chain: &Chain, patient: &KeyPair, rng: &mut (impl CryptoRng + RngCore)) -> Signature {
        patient.sign(&chain.digest_of(Domain::PhcDirective, self), rng)
    }

    /// Checks bounds and the patient's signature; the reason where it does not hold.
    pub(crate) fn verify(&self, chain: &Chain, patient: &PublicKey, signature: &Signature) -> Result<(), String> {
        let Act::ReplaceWriters(writers) = &self.act;
        check_writers(writers)?;
        patient
            .verify(&chain.digest_of(Domain::PhcDirective, self), signature)
            .map_err(|_| format!("directive {} is not signed by the patient", self.sequence))
    }
}

/// The canonical bytes of a directive with its signature, which a block's root covers.
pub(crate) fn directive_leaf(item: &(Directive, Signature)) -> Vec<u8> {
    encode(item)
}
