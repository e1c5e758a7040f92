//! Of all files of a demo.

use serde_json::Value;

use super::{NOT_VERIFIED, by_kind, flipped, named_wherever_flipped};
use crate::support::{Chances, check, check_any, copy, file, files};

/// Every kind of file that the platform writes is in this list: who adds one adds it here, or to those that cannot be verified.
#[test]
fn one_flipped_bit_in_any_file_of_a_demo_is_named() {
    let data = copy(crate::demo::data());
    let kinds = by_kind(data.path());
    let names: Vec<_> = kinds.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "blobs/packs/DIGEST",
            "genesis.json",
            "keys/DIGEST",
            "keystore/demo-custody.passphrase",
            "keystore/keys",
            "log/NUMBER.segment",
            "log/lock",
            "log/manifest",
            "portal/answers/DIGEST",
            "portal/documents/DIGEST",
            "receipts/CLAIM.json",
            "record/NODE/blocks/NUMBER.segment",
            "record/NODE/blocks/lock",
            "record/NODE/blocks/manifest",
            "record/NODE/undecided",
            "record/NODE/votes.wal",
        ]
    );
    let mut chances = Chances(0x2222_3333);
    for (kind, files) in &kinds {
        let thorough = kind.starts_with("portal/") || kind.starts_with("receipts/");
        let (of_first, of_others) = if thorough { (6, 1) } else { (2, 0) };
        let (first, others) = files.split_first().unwrap();
        let tried = named_wherever_flipped(data.path(), first, of_first, &mut chances);
        assert!(tried >= 2 || std::fs::metadata(first).unwrap().len() == 0, "{kind}: {tried} places");
        for other in others.iter().filter(|_| of_others > 0) {
            named_wherever_flipped(data.path(), other, of_others, &mut chances);
        }
    }
    check(data.path());
}

/// What a check cannot know it says, so that nobody takes its silence for an answer.
#[test]
fn what_cannot_be_verified_is_said_and_a_change_there_is_not_found() {
    let data = copy(crate::demo::data());
    for (beginning, _why) in NOT_VERIFIED {
        let whole = data.path().join(beginning);
        let file = if whole.is_dir() { files(&whole).pop().unwrap() } else { whole.clone() };
        let mut bytes = std::fs::read(&file).unwrap();
        if let Some(byte) = bytes.last_mut() {
            *byte ^= 1;
        }
        std::fs::write(&file, bytes).unwrap();
        let report = check(data.path());
        let said = |what: &Value| what.as_str().unwrap().starts_with(&whole.display().to_string());
        assert!(report["not_verified"].as_array().unwrap().iter().any(said), "{beginning}: {report}");
    }
    // Without keys: documents are held against the blob store, and what only keys open is said.
    std::fs::remove_dir_all(data.path().join("keystore")).unwrap();
    let report = check(data.path());
    for folder in ["portal/answers", "portal/documents"] {
        let shown = data.path().join(folder).display().to_string();
        let said = |what: &Value| what.as_str().unwrap().contains(&shown);
        assert!(report["not_verified"].as_array().unwrap().iter().any(said), "{folder}: {report}");
    }
    let document = files(&data.path().join("portal/documents")).remove(0);
    for place in [0, 33, 41, 50, 75] {
        let errors = flipped(data.path(), &document, place, place % 8);
        assert!(errors[0].starts_with(&document.display().to_string()), "byte {place}: {errors:?}");
    }
}

/// Files of the portal that are whole, and not where they belong.
#[test]
fn documents_and_answers_under_the_names_of_others_are_named_and_an_erased_document_is_no_error() {
    let data = copy(crate::demo::data());
    for folder in ["portal/documents", "portal/answers"] {
        let found = files(&data.path().join(folder));
        let (one, other) = (&found[0], &found[1]);
        let own = std::fs::read(one).unwrap();
        std::fs::copy(other, one).unwrap();
        check_any(data.path()).0.exits(1).says(one.display().to_string());
        std::fs::write(one, own).unwrap();
        let stranger = file(&data.path().join(folder), "notes.txt", "what is this?");
        check_any(data.path()).0.exits(1).says(stranger.display().to_string());
        std::fs::remove_file(stranger).unwrap();
    }
    std::fs::remove_file(&files(&data.path().join("portal/documents"))[0]).unwrap();
    check(data.path());
}
