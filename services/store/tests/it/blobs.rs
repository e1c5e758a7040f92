//! Blobs: what a reference names is what is read, or an error.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use ledger::{Digest, sha256};
use object_store::memory::InMemory;
use store::{BlobRef, BlobStore, Error};

fn blobs() -> Vec<Bytes> {
    vec![Bytes::from(vec![1; 1000]), Bytes::new(), Bytes::from_static(b"small"), Bytes::from(vec![9; 70_000])]
}

#[tokio::test]
async fn packed_blobs_are_read_back_and_their_pack_is_named_by_its_hash() {
    let dir = tempfile::tempdir().unwrap();
    let local = BlobStore::local(&dir.path().join("blobs")).unwrap();
    let memory = BlobStore::new(Arc::new(InMemory::new()), "network/one");
    for store in [&local, &memory] {
        let references = store.put_pack(blobs()).await.unwrap();
        for (reference, blob) in references.iter().zip(blobs()) {
            assert_eq!(store.get(reference).await.unwrap(), blob);
            assert_eq!(reference.digest, sha256(&blob));
            assert_eq!(reference.pack, sha256(&blobs().concat()));
        }
        assert_eq!(store.put_pack(blobs()).await.unwrap(), references, "the same blobs make the same pack");
        assert!(store.put_pack(Vec::new()).await.unwrap().is_empty());
        let report = store.check().await.unwrap();
        assert!(report.is_clean());
        assert_eq!((report.packs, report.bytes), (1, 71_005));
    }
    let name = sha256(&blobs().concat()).to_string();
    assert_eq!(fs::read(dir.path().join("blobs/packs").join(name)).unwrap(), blobs().concat());
    let again = BlobStore::local(&dir.path().join("blobs")).unwrap();
    assert_eq!(again.check().await.unwrap().packs, 1);
}

#[tokio::test]
async fn every_flipped_byte_of_a_pack_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = BlobStore::local(dir.path()).unwrap();
    let references =
        store.put_pack(vec![Bytes::from_static(b"first blob"), Bytes::from_static(b"second")]).await.unwrap();
    let path = dir.path().join("packs").join(references[0].pack.to_string());
    let whole = fs::read(&path).unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        fs::write(&path, &bytes).unwrap();
        let report = store.check().await.unwrap();
        assert_eq!(report.problems.len(), 1);
        assert_eq!(report.problems[0].file, path);
        let (hit, other) = if place < 10 { (0, 1) } else { (1, 0) };
        let error = store.get(&references[hit]).await.unwrap_err();
        assert!(matches!(&error, Error::Corrupt { file, .. } if *file == path), "{error}");
        store.get(&references[other]).await.unwrap();
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(!store.check().await.unwrap().is_clean());
        assert!(matches!(store.get(&references[1]).await, Err(Error::Corrupt { .. })));
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(store.get(&references[0]).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn references_that_do_not_fit_are_refused_before_anything_is_read() {
    let store = BlobStore::new(Arc::new(InMemory::new()), "");
    let good = store.put_pack(vec![Bytes::from_static(b"a blob")]).await.unwrap()[0];
    let bad = [
        BlobRef { length: 7, ..good },
        BlobRef { offset: 1, ..good },
        BlobRef { offset: u64::MAX, ..good },
        BlobRef { length: 5, ..good },
        BlobRef { digest: Digest::ZERO, ..good },
    ];
    for reference in bad {
        assert!(matches!(store.get(&reference).await, Err(Error::Corrupt { .. })), "{reference:?}");
    }
    assert!(matches!(store.get(&BlobRef { length: u32::MAX, ..good }).await, Err(Error::TooLarge { .. })));
    assert!(matches!(store.get(&BlobRef { pack: Digest::ZERO, ..good }).await, Err(Error::NotFound { .. })));
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[tokio::test]
async fn orphans_are_listed_after_their_grace_period_and_can_be_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let store = BlobStore::local(dir.path()).unwrap();
    let kept = store.put_pack(vec![Bytes::from_static(b"kept")]).await.unwrap()[0];
    let lost = store.put_pack(vec![Bytes::from_static(b"lost")]).await.unwrap()[0];
    let referenced = |pack: &Digest| *pack == kept.pack;
    assert!(store.orphans(referenced, now_ms() - 3_600_000).await.unwrap().is_empty(), "too young");
    let orphans = store.orphans(referenced, now_ms() + 60_000).await.unwrap();
    assert_eq!(orphans.iter().map(|orphan| (orphan.pack, orphan.bytes)).collect::<Vec<_>>(), [(lost.pack, 4)]);
    store.delete_pack(&lost.pack).await.unwrap();
    store.delete_pack(&lost.pack).await.unwrap();
    assert!(matches!(store.get(&lost).await, Err(Error::NotFound { .. })));
    store.get(&kept).await.unwrap();
}

/// An old orphan that is written again is young again: it is not collected under the writer's hands.
#[tokio::test]
async fn writing_a_pack_again_renews_its_age() {
    let dir = tempfile::tempdir().unwrap();
    let store = BlobStore::local(dir.path()).unwrap();
    let reference = store.put_pack(vec![Bytes::from_static(b"again")]).await.unwrap()[0];
    let path = dir.path().join("packs").join(reference.pack.to_string());
    let old = SystemTime::now() - Duration::from_secs(86_400);
    fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    let hour_ago = now_ms() - 3_600_000;
    assert_eq!(store.orphans(|_| false, hour_ago).await.unwrap().len(), 1);
    store.put_pack(vec![Bytes::from_static(b"again")]).await.unwrap();
    assert!(store.orphans(|_| false, hour_ago).await.unwrap().is_empty());
}

#[tokio::test]
async fn interrupted_uploads_are_no_packs_and_are_removed_when_old() {
    let dir = tempfile::tempdir().unwrap();
    let store = BlobStore::local(dir.path()).unwrap();
    let reference = store.put_pack(vec![Bytes::from_static(b"whole")]).await.unwrap()[0];
    let staged = dir.path().join("packs").join(format!("{}#1", sha256(b"half")));
    fs::write(&staged, b"ha").unwrap();
    assert_eq!(store.check().await.unwrap().packs, 1);
    assert_eq!(store.remove_interrupted_uploads(now_ms() - 3_600_000).unwrap(), 0);
    assert_eq!(store.remove_interrupted_uploads(now_ms() + 60_000).unwrap(), 1);
    assert!(!staged.exists());
    store.get(&reference).await.unwrap();
    let stranger = dir.path().join("packs/notes.txt");
    fs::write(&stranger, b"mine").unwrap();
    assert_eq!(store.check().await.unwrap().problems[0].file, stranger);
    assert!(store.orphans(|_| true, i64::MAX).await.unwrap().is_empty());
}
