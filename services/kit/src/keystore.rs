//! Named 32-byte seeds in one file, encrypted under a passphrase.
//!
//! The file, to the byte (integers little-endian):
//! ```text
//! magic       8   "CADKEYS\n"
//! version     2   1
//! memory_kib  4   Argon2id (RFC 9106): memory in KiB
//! passes      4   passes over it
//! lanes       4   lanes
//! salt       16   random, once a file
//! nonce      24   random, once a write
//! ciphertext  n   XChaCha20-Poly1305 under the 32-byte Argon2id key; associated data: the 38 bytes before the nonce
//! tag        16
//! ```
//! The plain text is borsh `Vec<(name String, seed [u8; 32])>`, ascending by name, each name once. Mode 0600; replaced whole,
//! synced. Seeds and keys are wiped from memory when dropped, and nothing here has `Debug`.

mod format;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

pub use format::Cost;
use format::Header;

use crate::{Error, Passphrase, Result};

/// Largest keystore file that is read, in bytes.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;
/// Longest name of a key, in bytes.
const LONGEST_NAME: usize = 256;

type Seed = Zeroizing<[u8; 32]>;

/// An open keystore. Changes reach the disk with [`save`](Self::save).
pub struct Keystore {
    path: PathBuf,
    header: Header,
    key: Seed,
    seeds: BTreeMap<String, Seed>,
}

impl Keystore {
    /// A new, empty keystore; its file is written at once.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Environment`], [`Error::Configuration`] for a cost out of bounds.
    pub fn create(
        path: &Path,
        passphrase: &Passphrase,
        cost: Cost,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Self> {
        if path.exists() {
            return Err(Error::Exists(path.display().to_string()));
        }
        let header = Header::fresh(cost, rng);
        let key = header
            .derive(passphrase)
            .map_err(|reason| Error::Configuration { place: "cost of the keystore".into(), reason })?;
        let store = Self { path: path.to_owned(), header, key, seeds: BTreeMap::new() };
        store.save(rng)?;
        Ok(store)
    }

    /// Opens a keystore file.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`], [`Error::Keystore`] for what is none, [`Error::Environment`].
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|error| Error::at("open the keystore", path, error))?;
        let wrong = |reason: String| Error::Keystore { path: path.to_owned(), reason };
        if metadata.len() > LARGEST_FILE {
            return Err(wrong(format!("{} bytes are more than any keystore has", metadata.len())));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            tracing::warn!(file = %path.display(), "others on this machine can read this keystore; chmod 600 mends it");
        }
        let bytes = std::fs::read(path).map_err(|error| Error::at("read the keystore", path, error))?;
        let (header, sealed) = Header::split(&bytes).map_err(wrong)?;
        let key = header.derive(passphrase).map_err(wrong)?;
        let plain = header.open(&key, sealed).ok_or_else(|| Error::WrongPassphrase { path: path.to_owned() })?;
        let entries: Vec<(String, [u8; 32])> =
            ledger::decode("keystore", &plain).map_err(|error| wrong(error.to_string()))?;
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(wrong("its names are not ascending".into()));
        }
        let seeds = entries.into_iter().map(|(name, seed)| (name, Zeroizing::new(seed))).collect();
        Ok(Self { path: path.to_owned(), header, key, seeds })
    }

    /// Opens the file, or creates it where there is none.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(
        path: &Path,
        passphrase: &Passphrase,
        cost: Cost,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Self> {
        if path.exists() { Self::open(path, passphrase) } else { Self::create(path, passphrase, cost, rng) }
    }

    /// The names, ascending.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.seeds.keys().map(String::as_str)
    }

    /// The seed of this name, where there is one.
    pub fn get(&self, name: &str) -> Option<&[u8; 32]> {
        self.seeds.get(name).map(|seed| &**seed)
    }

    /// The seed of this name.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], naming some that there are.
    pub fn require(&self, name: &str) -> Result<&[u8; 32]> {
        self.get(name).ok_or_else(|| {
            let some: Vec<_> = self.names().take(8).collect();
            let held = if some.is_empty() { "none".to_owned() } else { some.join(", ") };
            Error::NoSuchKey { path: self.path.clone(), name: name.to_owned(), held }
        })
    }

    /// Adds a seed. One of the same name is never replaced: remove it first.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Configuration`] for an impossible name.
    pub fn insert(&mut self, name: &str, seed: [u8; 32]) -> Result<()> {
        let seed = Zeroizing::new(seed);
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(Error::Configuration {
                place: format!("key {name:?}"),
                reason: format!("a name has 1 to {LONGEST_NAME} bytes"),
            });
        }
        if self.seeds.contains_key(name) {
            return Err(Error::Exists(format!("key {name:?}")));
        }
        self.seeds.insert(name.to_owned(), seed);
        Ok(())
    }

    /// The seed of this name, made now where there is none. The new one is not saved yet.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn get_or_generate(&mut self, name: &str, rng: &mut (impl CryptoRng + RngCore)) -> Result<&[u8; 32]> {
        if !self.seeds.contains_key(name) {
            let mut seed = Zeroizing::new([0; 32]);
            rng.fill_bytes(&mut *seed);
            self.insert(name, *seed)?;
        }
        self.require(name)
    }

    /// Forgets a seed; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.seeds.remove(name).is_some()
    }

    /// Writes it, whole and synced, with mode 0600.
    ///
    /// # Errors
    /// [`Error::Environment`]; the file is then as it was.
    pub fn save(&self, rng: &mut (impl CryptoRng + RngCore)) -> Result<()> {
        crate::write_atomic(&self.path, &self.header.seal(&self.key, &self.plain(), rng), 0o600)
    }

    /// Writes it under another passphrase.
    ///
    /// # Errors
    /// As [`save`](Self::save) and [`create`](Self::create).
    pub fn change_passphrase(
        &mut self,
        passphrase: &Passphrase,
        cost: Cost,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<()> {
        let header = Header::fresh(cost, rng);
        let key = header
            .derive(passphrase)
            .map_err(|reason| Error::Configuration { place: "cost of the keystore".into(), reason })?;
        crate::write_atomic(&self.path, &header.seal(&key, &self.plain(), rng), 0o600)?;
        (self.header, self.key) = (header, key);
        Ok(())
    }

    fn plain(&self) -> Zeroizing<Vec<u8>> {
        let length = self.seeds.keys().map(|name| name.len() + 36).sum::<usize>() + 4;
        // Room for all at once: growing would leave copies of seeds behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(length));
        plain.extend_from_slice(&length_of(self.seeds.len()));
        for (name, seed) in &self.seeds {
            plain.extend_from_slice(&length_of(name.len()));
            plain.extend_from_slice(name.as_bytes());
            plain.extend_from_slice(&**seed);
        }
        plain
    }
}

/// A length as borsh writes it. Names are bounded, and 2³² seeds do not fit into memory.
fn length_of(items: usize) -> [u8; 4] {
    u32::try_from(items).unwrap_or(u32::MAX).to_le_bytes()
}
