//! What both chains stand on: canonical bytes, hashes, keys and proofs.
//!
//! Everything that is hashed or signed anywhere in the system is made here, behind a domain tag
//! (`docs/formats.md`), so that bytes made for one purpose can never be taken for another.
//! The crate is pure: randomness and time are passed in.
//!
//! It is not a chain: what the blocks of a personal chain hold is in `phc`, what the record chain
//! holds is in `erm`. It is not a key store either: keys at rest are the services' affair.
//!
//! ```
//! use ledger::{Chain, Domain, KeyPair, Digest};
//!
//! let mut rng = ledger::rng_from_seed([7; 32]);
//! let chain = Chain { network: Digest([1; 32]), id: Digest([2; 32]) };
//! let doctor = KeyPair::generate(&mut rng);
//! let message = chain.digest(Domain::Visit, b"seen on Monday");
//! let signature = doctor.sign(&message, &mut rng);
//! assert!(doctor.public().verify(&message, &signature).is_ok());
//! // The same words under another domain are other bytes:
//! let other = chain.digest(Domain::Consent, b"seen on Monday");
//! assert!(doctor.public().verify(&other, &signature).is_err());
//! ```

mod begun;
mod blob;
mod canonical;
mod certificate;
mod commitment;
mod digest;
mod error;
mod keys;
mod merkle;
mod rng;
mod seal;
mod vrf;
mod wrap;

pub use blob::BlobRef;
pub use canonical::{Chain, Domain, PREAMBLE_BYTES, SUITE, VERSION, decode, decode_of_one_encoding, encode};
pub use certificate::{CommitCertificate, VALIDATORS_MAX, ValidatorSet, Vote, VoteKind, is_quorum};
pub use commitment::{BatchCommitments, SALT_BYTES, Salt, SaltSeed};
pub use digest::{Digest, sha256};
pub use error::Error;
pub use keys::{KeyPair, OneTimeKey, PUBLIC_KEY_BYTES, PublicKey, SIGNATURE_BYTES, Signature, verify_batch};
pub use merkle::{InclusionProof, MerkleTree, empty_root, leaf_hash, root_of};
pub use rng::{SeededRng, rng_from_seed};
pub use seal::{DataKey, NONCE_BYTES, TAG_BYTES};
pub use vrf::{VrfKeyPair, VrfOutput, VrfProof, VrfPublicKey};
pub use wrap::{WrapPublicKey, WrapSecretKey, WrappedKey};
