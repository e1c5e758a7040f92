//! Files, logs, nodes and keys of what a replay has left: cut, gone, exchanged.

use super::{finished, flipped, killed, logs_and_blobs};
use crate::support::{check, check_any, copy, csv, days, digests, file, files, replay, temporary};

#[test]
fn a_file_that_is_cut_or_gone_is_named() {
    let data = copy(finished());
    for path in logs_and_blobs(data.path()) {
        if path.ends_with("lock") {
            continue;
        }
        let whole = std::fs::read(&path).unwrap();
        for length in [whole.len() - 1, whole.len() / 2, 0] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let (ran, report) = check_any(data.path());
            ran.exits(1).says(path.display().to_string());
            assert_eq!(report["ok"], false);
        }
        std::fs::remove_file(&path).unwrap();
        let (ran, _) = check_any(data.path());
        // Of a log that is gone the folder is named.
        ran.exits(1).says(path.parent().unwrap().display().to_string());
        std::fs::write(&path, whole).unwrap();
    }
    check(data.path());
}

#[test]
fn a_blob_of_another_content_under_the_name_of_one_is_named() {
    let data = copy(finished());
    let packs = files(&data.path().join("blobs/packs"));
    let (one, other) = (&packs[0], &packs[1]);
    std::fs::copy(other, one).unwrap();
    let (ran, _) = check_any(data.path());
    ran.exits(1).says(one.display().to_string());
}

/// D8: blocks of another network, or of no network, do not pass for ours.
#[test]
fn logs_of_another_network_are_not_taken_for_ours() {
    let other = temporary();
    let recording = temporary();
    replay(&file(recording.path(), "recording.csv", csv(&days(1, 23))), "ada", other.path()).exits(0);
    for folder in ["record/hospital/blocks", "record/insurer/blocks", "log"] {
        let data = copy(finished());
        let (ours, theirs) = (data.path().join(folder), other.path().join(folder));
        std::fs::remove_dir_all(&ours).unwrap();
        std::fs::create_dir(&ours).unwrap();
        for file in files(&theirs) {
            std::fs::copy(&file, ours.join(file.file_name().unwrap())).unwrap();
        }
        let (ran, report) = check_any(data.path());
        ran.exits(1).says(ours.display().to_string());
        assert_eq!(report["ok"], false);
    }
}

#[test]
fn nodes_of_one_network_may_exchange_their_blocks_for_they_hold_the_same() {
    let data = copy(finished());
    let (one, other, aside) = (
        data.path().join("record/hospital/blocks"),
        data.path().join("record/insurer/blocks"),
        data.path().join("aside"),
    );
    let expected = check(data.path());
    for (from, to) in [(&one, &aside), (&other, &one), (&aside, &other)] {
        std::fs::rename(from, to).unwrap();
    }
    assert_eq!(check(data.path())["record_chain"], expected["record_chain"]);
}

/// Without keys commitments are checked and contents stay sealed.
#[test]
fn without_the_key_store_everything_is_verified_and_the_digests_are_null() {
    let data = copy(finished());
    let expected = digests(&check(data.path()), "ada");
    std::fs::remove_dir_all(data.path().join("keystore")).unwrap();
    std::fs::remove_dir_all(data.path().join("keys")).unwrap();
    let report = check(data.path());
    let patients = report["patients"].as_object().unwrap();
    assert_eq!(patients.len(), 1);
    let (name, patient) = patients.iter().next().unwrap();
    assert!(name != "ada" && name.len() == 64, "known by the chain's id only: {name}");
    for sealed in ["readings", "content_sha256", "scores_sha256", "anomalies_sha256"] {
        assert!(patient[sealed].is_null(), "{sealed}: {patient}");
    }
    assert_eq!(patient["anomalies"], expected.anomalies);
    let blob = files(&data.path().join("blobs/packs")).remove(0);
    let errors = flipped(data.path(), &blob, 9, 3);
    assert!(errors[0].starts_with(&blob.display().to_string()), "{errors:?}");
}

/// Deleting a patient's keys erases the patient; the chain still holds.
#[test]
fn a_patient_whose_keys_were_deleted_is_verified_and_sealed() {
    let data = copy(finished());
    std::fs::remove_dir_all(data.path().join("keys")).unwrap();
    let report = check(data.path());
    assert!(report["patients"]["ada"]["content_sha256"].is_null(), "{report}");
    assert!(report["patients"]["ada"]["blocks"].as_u64().unwrap() > 1);
}

/// The check repairs nothing and leaves no trace.
#[test]
fn a_check_changes_no_byte() {
    for data in [copy(finished()), copy(killed())] {
        let contents =
            || files(data.path()).into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect::<Vec<_>>();
        let before = contents();
        check(data.path());
        assert!(contents() == before, "a file was changed, made or removed");
    }
}
