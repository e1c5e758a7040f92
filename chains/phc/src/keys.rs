//! A patient's data keys, wrapped for those who were granted them.
//!
//! They lie outside the chain and outside backups of data: whoever deletes them erases the patient
//! from every copy of everything.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, DataKey, Digest, WrapPublicKey, WrapSecretKey, WrappedKey, encode};
use rand_core::{CryptoRng, RngCore};

use crate::Error;

/// Most entries in a key ring.
pub(crate) const ENTRIES_MAX: usize = 4_096;

/// Which of a patient's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Scope {
    /// Values of topics.
    Stream = 0,
    /// Batches of one category.
    Category(u8) = 1,
    /// The secret that blinds the chain's id under an anchor.
    Blind = 2,
}

impl Scope {
    /// The key below which the batches of a category lie: the category's own; of doctors' parameters that of anomalies, since whoever
    /// reads what the detector found may know by which limits.
    pub fn of_batch(category: u8) -> Self {
        Self::Category(if category == crate::CATEGORY_PARAMETERS { crate::CATEGORY_ANOMALIES } else { category })
    }

    /// The bytes that a wrap is bound to: `"stream"`, `"category" ‖ u8`, `"blind"`.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Stream => b"stream".to_vec(),
            Self::Category(category) => [b"category".as_slice(), &[*category]].concat(),
            Self::Blind => b"blind".to_vec(),
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stream => f.write_str("the stream"),
            Self::Category(category) => write!(f, "category {category}"),
            Self::Blind => f.write_str("the blinded id"),
        }
    }
}

/// A patient's keys in the clear, as far as they are held. No `Debug`; wiped when dropped.
#[derive(Clone, Default)]
pub struct PatientKeys {
    keys: BTreeMap<Scope, DataKey>,
    /// The stream's again: every message asks for it.
    stream: Option<DataKey>,
}

impl PatientKeys {
    /// Fresh keys for the stream, the blinded id, these categories of readings, and the chain's own
    /// categories (anomalies, access, scores).
    pub fn generate(categories: impl IntoIterator<Item = u8>, rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let own = [crate::CATEGORY_ANOMALIES, crate::CATEGORY_ACCESS, crate::CATEGORY_SCORES];
        let scopes =
            [Scope::Stream, Scope::Blind].into_iter().chain(categories.into_iter().chain(own).map(Scope::Category));
        let mut keys = Self::default();
        for scope in scopes {
            if !keys.keys.contains_key(&scope) {
                keys.insert(scope, DataKey::generate(rng));
            }
        }
        keys
    }

    /// Adds or replaces a key.
    pub fn insert(&mut self, scope: Scope, key: DataKey) {
        if scope == Scope::Stream {
            self.stream = Some(key.clone());
        }
        self.keys.insert(scope, key);
    }

    /// The scopes held, ascending.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> + '_ {
        self.keys.keys().copied()
    }

    /// One key.
    pub fn get(&self, chain: &Chain, scope: Scope) -> Result<&DataKey, Error> {
        self.keys.get(&scope).ok_or_else(|| Error::NoKey { chain: chain.id, scope: scope.to_string() })
    }

    /// The key of topics' values.
    pub fn stream(&self, chain: &Chain) -> Result<&DataKey, Error> {
        match &self.stream {
            Some(key) => Ok(key),
            None => self.get(chain, Scope::Stream),
        }
    }

    /// The key of one batch: below the category's key, by height.
    pub(crate) fn batch(&self, chain: &Chain, height: u64, category: u8) -> Result<DataKey, Error> {
        Ok(batch_key(self.get(chain, Scope::of_batch(category))?, chain, height, category))
    }
}

/// `"batch" ‖ height u64 ‖ category u8`: path of a batch's key, and what its content is sealed for.
pub(crate) fn batch_path(height: u64, category: u8) -> Vec<u8> {
    [b"batch".as_slice(), &height.to_le_bytes(), &[category]].concat()
}

/// The key of one batch, which can be handed out without the category's key above it.
pub fn batch_key(category_key: &DataKey, chain: &Chain, height: u64, category: u8) -> DataKey {
    category_key.derive(chain, &batch_path(height, category))
}

/// One key, wrapped for one grantee.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KeyEntry {
    /// Which key.
    pub scope: Scope,
    /// For whom.
    pub grantee: WrapPublicKey,
    /// The key, as only the grantee opens it.
    pub wrapped: WrappedKey,
}

/// All wraps of a patient's keys: one mutable object, `keys/<chain id in hex>`.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KeyRing {
    /// The chain's id.
    pub chain: Digest,
    /// Wraps, ascending by scope and grantee, each once.
    pub entries: Vec<KeyEntry>,
}

impl KeyRing {
    /// A ring without wraps.
    pub fn new(chain: &Chain) -> Self {
        Self { chain: chain.id, entries: Vec::new() }
    }

    /// Name of the object that holds the ring: `keys/<chain id in hex>`.
    pub fn object_name(chain: &Digest) -> String {
        format!("keys/{chain}")
    }

    /// Wraps the key of a scope for a grantee; replaces an earlier wrap.
    pub fn grant(
        &mut self,
        chain: &Chain,
        scope: Scope,
        key: &DataKey,
        grantee: &WrapPublicKey,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<(), Error> {
        let wrapped = grantee.wrap(chain, &scope.bytes(), key, rng)?;
        let entry = KeyEntry { scope, grantee: *grantee, wrapped };
        match self.position(scope, grantee) {
            Ok(at) => self.entries[at] = entry,
            Err(_) if self.entries.len() >= ENTRIES_MAX => {
                return Err(Error::Bounds {
                    what: "key ring",
                    reason: format!("it holds {ENTRIES_MAX} wraps already"),
                });
            }
            Err(at) => self.entries.insert(at, entry),
        }
        Ok(())
    }

    /// Wraps all of these keys for a grantee.
    pub fn grant_all(
        &mut self,
        chain: &Chain,
        keys: &PatientKeys,
        grantee: &WrapPublicKey,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<(), Error> {
        keys.keys.iter().try_for_each(|(scope, key)| self.grant(chain, *scope, key, grantee, rng))
    }

    /// Takes back every wrap of a grantee; true where there was one. What the grantee has opened before
    /// stays known to it.
    pub fn revoke(&mut self, grantee: &WrapPublicKey) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.grantee != *grantee);
        self.entries.len() != before
    }

    /// Opens every wrap for this grantee; one that does not open is an error.
    pub fn open(&self, chain: &Chain, grantee: &WrapSecretKey) -> Result<PatientKeys, Error> {
        let own = grantee.public();
        let mut keys = PatientKeys::default();
        for entry in self.entries.iter().filter(|entry| entry.grantee == own) {
            keys.insert(entry.scope, grantee.unwrap(chain, &entry.scope.bytes(), &entry.wrapped)?);
        }
        Ok(keys)
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Decodes canonical bytes; wraps out of order, twice or too many are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let ring: Self = ledger::decode("key ring", bytes)?;
        let ordered =
            ring.entries.windows(2).all(|pair| (pair[0].scope, pair[0].grantee) < (pair[1].scope, pair[1].grantee));
        if !ordered || ring.entries.len() > ENTRIES_MAX {
            return Err(Error::Bounds {
                what: "key ring",
                reason: "its wraps are out of order, twice or too many".into(),
            });
        }
        Ok(ring)
    }

    fn position(&self, scope: Scope, grantee: &WrapPublicKey) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| (entry.scope, entry.grantee).cmp(&(scope, *grantee)))
    }
}
