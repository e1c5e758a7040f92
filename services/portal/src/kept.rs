//! Reading what a portal keeps on disk while it is not running: for checks, which repair nothing.

use std::path::{Path, PathBuf};

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use claims::{Document, Receipt};
use erm::Id;
use ledger::{Chain, DataKey, Digest, VrfOutput, WrapSecretKey, WrappedKey};
use store::BlobStore;
use store::segment_log::{Problem, ProblemKind};

use crate::Error;
use crate::documents::{Place, scope};

/// Offset of the wrapped key in the file of a document: after the reference.
const WRAPPED_AT: u64 = 76;

/// The files below a portal's folder.
///
/// Every byte of them is authenticated, by keys only: of a document the reference is held against the blob store, the
/// wrapped key by who can open it, an answer by the portal's own key. Which byte differs a seal does not tell.
pub struct KeptFiles {
    dir: PathBuf,
    chain: Chain,
}

/// The file of a document, whose blob is there and is the one.
pub struct KeptDocument {
    /// The file.
    pub file: PathBuf,
    /// The event that it documents, by the file's name.
    pub event: VrfOutput,
    /// SHA-256 of the sealed document.
    pub digest: Digest,
    /// Length of the sealed document, in bytes.
    pub bytes: u64,
    chain: Chain,
    sealed: Bytes,
    wrapped: WrappedKey,
}

/// A receipt and whose it is, as an answer keeps them.
#[derive(BorshSerialize, BorshDeserialize)]
struct KeptReceipt {
    insurer: Id,
    receipt: Receipt,
}

impl KeptFiles {
    /// The files of the portal of a network whose folder is `dir`. Nothing is read yet.
    #[must_use]
    pub fn at(dir: &Path, network: Digest) -> Self {
        Self { dir: dir.to_owned(), chain: Chain::record(network) }
    }

    /// The files of documents, ascending.
    ///
    /// # Errors
    /// [`Error::Storage`] where the folder cannot be read; one that is not there is empty.
    pub fn documents(&self) -> Result<Vec<PathBuf>, Error> {
        self.list("documents")
    }

    /// The files of answers, ascending.
    ///
    /// # Errors
    /// As [`documents`](Self::documents).
    pub fn answers(&self) -> Result<Vec<PathBuf>, Error> {
        self.list("answers")
    }

    fn list(&self, folder: &str) -> Result<Vec<PathBuf>, Error> {
        let dir = self.dir.join(folder);
        let failed = |error| Error::storage(format!("read {}", dir.display()), error);
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            // What an interrupted write left beside its file: nothing points to it.
            if !entry.file_name().to_string_lossy().starts_with('.') {
                files.push(entry.path());
            }
        }
        files.sort();
        Ok(files)
    }

    /// Reads the file of a document, and the sealed document that it refers to.
    ///
    /// # Errors
    /// The problem: a name or bytes that are none of the portal's, a blob that is not there or not the one.
    pub async fn document(&self, file: &Path, blobs: &BlobStore) -> Result<KeptDocument, Problem> {
        let (name, bytes) = object(file)?;
        let place: Place =
            ledger::decode("place of a document", &bytes).map_err(|error| problem(file, 0, error.to_string()))?;
        let sealed = blobs.get(&place.blob).await.map_err(|error| problem(file, 0, error.to_string()))?;
        Ok(KeptDocument {
            file: file.to_owned(),
            event: VrfOutput(name),
            digest: place.blob.digest,
            bytes: place.blob.length.into(),
            chain: self.chain,
            sealed,
            wrapped: place.wrapped,
        })
    }

    /// Opens an answer with the portal's own key; the receipt, where the answer is kept under a receipt's id.
    ///
    /// # Errors
    /// The problem: bytes that do not open under the file's name, a receipt of another id or insurer.
    pub fn answer(&self, file: &Path, own: &DataKey) -> Result<Option<Receipt>, Problem> {
        let (name, sealed) = object(file)?;
        let opened = own.open(&self.chain, &name.0, &sealed);
        let plain = opened.map_err(|_| {
            problem(file, 0, "it does not open under its name with the portal's own key: it was changed, or renamed")
        })?;
        // What is kept under an Idempotency-Key is of another form, and as sealed as this.
        let Ok(KeptReceipt { insurer, receipt }) = ledger::decode("kept receipt", &plain) else { return Ok(None) };
        if receipt.id() != name || receipt.content.claim.insurer != insurer.as_str() {
            return Err(problem(file, 0, "the receipt in it is of another id, or of another insurer"));
        }
        Ok(Some(receipt))
    }
}

impl KeptDocument {
    /// Opens the document with the key of the facility that recorded it.
    ///
    /// # Errors
    /// The problem: the wrapped key is not this facility's or was changed, or what it opens is no document.
    pub fn open(&self, facility: &WrapSecretKey) -> Result<Document, Problem> {
        let context = scope(&self.event);
        let key = facility
            .unwrap(&self.chain, &context, &self.wrapped)
            .map_err(|_| problem(&self.file, WRAPPED_AT, "the wrapped key does not open for the facility"))?;
        let plain = key.open(&self.chain, &context, &self.sealed);
        let plain = plain.map_err(|error| problem(&self.file, WRAPPED_AT, error.to_string()))?;
        Document::from_bytes(&plain).map_err(|error| problem(&self.file, 0, error.to_string()))
    }
}

/// The name and the bytes of one of the portal's objects.
fn object(file: &Path) -> Result<(Digest, Vec<u8>), Problem> {
    let name = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<Digest>().ok());
    // One spelling: a name in capitals is another file.
    let name = name.filter(|name| file.ends_with(name.to_string()));
    let name = name.ok_or_else(|| problem(file, 0, "this file is none of the portal's"))?;
    let bytes = std::fs::read(file).map_err(|error| problem(file, 0, format!("it cannot be read: {error}")))?;
    Ok((name, bytes))
}

fn problem(file: &Path, offset: u64, reason: impl Into<String>) -> Problem {
    Problem { kind: ProblemKind::Corrupt, file: file.to_owned(), offset, reason: reason.into() }
}
