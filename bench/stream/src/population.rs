//! The patients: the same chains and keys from the same number, in every process that needs them.

use std::sync::Arc;

use anyhow::Result;
use ledger::{Chain, Digest, KeyPair, SeededRng, WrapPublicKey, WrapSecretKey, rng_from_seed};
use phc::{Block, Opening, PatientKeys, Role, Writer};

use crate::plan::START_MS;

pub(crate) const NETWORK: Digest = Digest([7; 32]);
/// Chains were opened a day before the first reading.
const OPENED_MS: i64 = START_MS - 86_400_000;

pub(crate) struct Population {
    /// The monitor's.
    pub(crate) operator: KeyPair,
    wrap: WrapPublicKey,
}

pub(crate) struct Person {
    pub(crate) chain: Chain,
    pub(crate) keys: Arc<PatientKeys>,
    signer: KeyPair,
    opening: Opening,
}

impl Population {
    pub(crate) fn new() -> Self {
        let mut rng = seeded(u32::MAX);
        Self { operator: KeyPair::generate(&mut rng), wrap: WrapSecretKey::generate(&mut rng).public() }
    }

    pub(crate) fn person(&self, number: u32) -> Person {
        let mut rng = seeded(number);
        let signer = KeyPair::generate(&mut rng);
        let monitor = Writer { role: Role::Monitor, signer: self.operator.public(), wrap: self.wrap, until_ms: None };
        let opening = Opening {
            patient: signer.public(),
            wrap: self.wrap,
            nonce: [5; 32],
            time_ms: OPENED_MS,
            writers: vec![monitor],
        };
        let categories = vitals::Category::ALL.map(vitals::Category::id);
        let keys = Arc::new(PatientKeys::generate(categories, &mut rng));
        Person { chain: opening.chain(NETWORK), keys, signer, opening }
    }
}

impl Person {
    /// The signed block that opens the chain, and its time.
    pub(crate) fn opening_block(self, rng: &mut SeededRng) -> Result<(Chain, Vec<u8>, i64)> {
        let block = Block::open(self.opening, NETWORK, &self.signer, rng)?;
        Ok((self.chain, block.encode(), OPENED_MS))
    }
}

/// Keys of simulated patients: a seed is no secret here.
pub(crate) fn seeded(number: u32) -> SeededRng {
    let mut seed = [3; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    rng_from_seed(seed)
}
