//! Secrets of people: they are wiped when dropped and cannot be printed.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::{Error, Result};

/// Longest secret that is read, in bytes.
const LONGEST: usize = 4096;

/// A secret text in a setting, such as a password. Without `Debug`; wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for the place where it is used.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The first line of a file, such as a mounted secret.
    ///
    /// # Errors
    /// [`Error::Environment`] where the file cannot be read, [`Error::Configuration`] where it is empty, too long or not UTF-8.
    pub fn from_file(path: &Path) -> Result<Self> {
        let wrong =
            |reason: &str| Error::Configuration { place: path.display().to_string(), reason: reason.to_owned() };
        let file = std::fs::File::open(path).map_err(|error| Error::at("open", path, error))?;
        let mode = file.metadata().map_err(|error| Error::at("look at", path, error))?.permissions().mode();
        if mode & 0o007 != 0 {
            tracing::warn!(file = %path.display(), "everybody on this machine can read this secret; chmod 600 mends it");
        }
        // Twice the bound: no reallocation leaves a copy of the secret behind.
        let mut text = Zeroizing::new(String::with_capacity(2 * LONGEST));
        file.take(LONGEST as u64 + 1)
            .read_to_string(&mut text)
            .map_err(|_| wrong("a secret is UTF-8 text on one line"))?;
        if text.len() > LONGEST {
            return Err(wrong("a secret is at most 4096 bytes long"));
        }
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            return Err(wrong("the first line is empty; it must hold the secret"));
        }
        Ok(Self::new(line))
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(deserializer).map(Self::new)
    }
}

impl serde::Serialize for Secret {
    /// Never the secret itself.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str("(secret)")
    }
}

/// What opens a keystore.
#[derive(Clone)]
pub struct Passphrase(Secret);

impl Passphrase {
    /// A passphrase of this text, which must not be empty.
    ///
    /// # Errors
    /// [`Error::Passphrase`] where it is.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let secret = Secret::new(text);
        if secret.expose().is_empty() {
            return Err(Error::Passphrase("it is empty; choose one".into()));
        }
        Ok(Self(secret))
    }

    /// The first line of a file (`--passphrase-file`).
    ///
    /// # Errors
    /// As [`Secret::from_file`].
    pub fn from_file(path: &Path) -> Result<Self> {
        Secret::from_file(path).map(Self)
    }

    /// Asks at the terminal, without echo.
    ///
    /// # Errors
    /// [`Error::Passphrase`] without a terminal or with an empty answer.
    pub fn ask(question: &str) -> Result<Self> {
        let text = rpassword::prompt_password(format!("{question}: ")).map_err(|error| {
            Error::Passphrase(format!("no terminal to ask at ({error}); use --passphrase-file FILE"))
        })?;
        Self::new(text)
    }

    /// Asks twice for a new one.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and where the two answers differ.
    pub fn ask_new(question: &str) -> Result<Self> {
        let first = Self::ask(question)?;
        let again = Self::ask("The same again")?;
        if first.0.expose() == again.0.expose() {
            Ok(first)
        } else {
            Err(Error::Passphrase("the two entries differ; start again".into()))
        }
    }

    /// A fresh random one of 256 bits in hex, for custody without a person (demo, replay).
    pub fn random(rng: &mut (impl rand_core::CryptoRng + rand_core::RngCore)) -> Self {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        rng.fill_bytes(&mut *bytes);
        let mut text = String::with_capacity(64);
        for byte in bytes.iter() {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        Self(Secret::new(text))
    }

    /// Writes it to a new file with mode 0600, for [`from_file`](Self::from_file).
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Environment`].
    pub fn write_new(&self, path: &Path) -> Result<()> {
        if path.exists() {
            return Err(Error::Exists(path.display().to_string()));
        }
        let line = Zeroizing::new(format!("{}\n", self.0.expose()));
        crate::write_atomic(path, line.as_bytes(), 0o600)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_passphrase_comes_back_from_its_file_without_the_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        let passphrase = Passphrase::random(&mut rand_core::OsRng);
        assert_eq!(passphrase.as_bytes().len(), 64);
        passphrase.write_new(&path).unwrap();
        assert_eq!(Passphrase::from_file(&path).unwrap().as_bytes(), passphrase.as_bytes());
        assert!(matches!(passphrase.write_new(&path), Err(Error::Exists(_))));
    }

    #[test]
    fn empty_oversized_binary_and_missing_files_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        assert!(Passphrase::from_file(&path).is_err());
        for content in [&b""[..], b"\nsecret", &[0xff, 0xfe], &[b'x'; LONGEST + 1]] {
            std::fs::write(&path, content).unwrap();
            let Err(error) = Passphrase::from_file(&path) else { unreachable!("accepted {content:?}") };
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
        assert!(Passphrase::new("").is_err());
    }

    #[test]
    fn a_secret_is_never_written_out() {
        let text = serde_json::to_string(&Secret::new("hunter2")).unwrap();
        assert!(!text.contains("hunter2"));
    }
}
