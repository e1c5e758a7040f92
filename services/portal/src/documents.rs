//! Documents of clinical events: sealed under a key of their own, which is wrapped for the facility.
//!
//! Deleting the wrap erases the document, its fields and their salts.

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use claims::Document;
use ledger::{BlobRef, Chain, DataKey, Digest, VrfOutput, WrapPublicKey, WrapSecretKey, WrappedKey, sha256};
use rand_core::OsRng;
use store::BlobStore;

use crate::Error;
use crate::vault::Vault;

/// Where a document lies, and its key as only the facility opens it.
#[derive(BorshSerialize, BorshDeserialize)]
pub(crate) struct Place {
    pub(crate) blob: BlobRef,
    pub(crate) wrapped: WrappedKey,
}

/// Documents in the blob store.
pub(crate) struct Documents {
    pub(crate) chain: Chain,
    pub(crate) blobs: BlobStore,
    pub(crate) places: Vault,
}

/// Scope of the wrap and context of the seal.
pub(crate) fn scope(event: &VrfOutput) -> Vec<u8> {
    [b"document".as_slice(), &event.0.0].concat()
}

impl Documents {
    /// Seals a document; gives the sealed bytes.
    pub(crate) fn seal(&self, event: &VrfOutput, document: &Document, key: &DataKey) -> Vec<u8> {
        key.seal(&self.chain, &scope(event), &document.to_bytes(), &mut OsRng)
    }

    /// Keeps a sealed document; durable when this returns.
    pub(crate) async fn put(
        &self,
        event: &VrfOutput,
        sealed: Vec<u8>,
        key: &DataKey,
        facility: &WrapPublicKey,
    ) -> Result<(), Error> {
        let digest = sha256(&sealed);
        let stored = self.blobs.put_pack(vec![Bytes::from(sealed)]).await;
        let stored = stored.map_err(|error| Error::storage("keep a document", error))?;
        let blob = stored.into_iter().find(|blob| blob.digest == digest);
        let blob = blob.ok_or_else(|| Error::storage("keep a document", "the blob store kept another"))?;
        let wrapped = facility.wrap(&self.chain, &scope(event), key, &mut OsRng);
        let wrapped = wrapped.map_err(|error| Error::storage("wrap a document's key", error))?;
        self.places.put(event.0, ledger::encode(&Place { blob, wrapped })).await
    }

    /// Opens a document; `None` where it was erased or lies elsewhere.
    pub(crate) async fn get(
        &self,
        event: &VrfOutput,
        digest: &Digest,
        facility: &WrapSecretKey,
    ) -> Result<Option<Document>, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::storage("open a document", error);
        let Some(bytes) = self.places.get(event.0).await? else { return Ok(None) };
        let place: Place = ledger::decode("place of a document", &bytes).map_err(|error| failed(&error))?;
        if place.blob.digest != *digest {
            return Err(failed(&"it is not the one that the record chain names"));
        }
        let sealed = self.blobs.get(&place.blob).await.map_err(|error| failed(&error))?;
        let key = facility.unwrap(&self.chain, &scope(event), &place.wrapped).map_err(|error| failed(&error))?;
        let plain = key.open(&self.chain, &scope(event), &sealed).map_err(|error| failed(&error))?;
        Document::from_bytes(&plain).map(Some).map_err(|error| failed(&error))
    }
}
