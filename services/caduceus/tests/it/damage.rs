//! `check` names what is wrong with a data directory: one flipped bit anywhere, files cut, gone or exchanged.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::{
    Chances, Running, check, check_any, copy, csv, days, digests, file, files, packs, replay, replay_arguments,
    temporary,
};

/// A data directory that a finished replay has left; tests take copies.
fn finished() -> &'static Path {
    static DATA: OnceLock<tempfile::TempDir> = OnceLock::new();
    DATA.get_or_init(|| {
        let dir = temporary();
        let recording = temporary();
        replay(&file(recording.path(), "recording.csv", csv(&days(3, 21))), "ada", dir.path()).exits(0);
        dir
    })
    .path()
}

/// A data directory whose process was killed: no log is closed.
fn killed() -> &'static Path {
    static DATA: OnceLock<tempfile::TempDir> = OnceLock::new();
    DATA.get_or_init(|| {
        let dir = temporary();
        let recordings = temporary();
        let mut arguments =
            replay_arguments(&file(recordings.path(), "recording.csv", csv(&days(20, 22))), "ada", dir.path());
        arguments.extend(["--speed".into(), "432000".into()]);
        let mut run = Running::start(&arguments);
        assert!(run.wait_until(|| packs(dir.path()) >= 3));
        assert!(run.kill());
        dir
    })
    .path()
}

/// Places worth trying in a file: its ends, headers of what we write, its middle, and some by chance.
fn places(length: u64, chances: &mut Chances) -> Vec<u64> {
    let fixed = [
        0,
        1,
        5,
        8,
        16,
        24,
        40,
        56,
        60,
        63,
        64,
        70,
        100,
        128,
        length / 3,
        length / 2,
        length.saturating_sub(60),
        length.saturating_sub(30),
        length.saturating_sub(2),
        length.saturating_sub(1),
    ];
    let mut places: Vec<u64> =
        fixed.into_iter().chain((0..6).map(|_| chances.below(length))).filter(|place| *place < length).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// Flips one bit, checks, puts the bit back. The errors that `check` reports.
#[track_caller]
fn flipped(data: &Path, path: &Path, place: u64, bit: u64) -> Vec<String> {
    let whole = std::fs::read(path).unwrap();
    let mut bytes = whole.clone();
    bytes[usize::try_from(place).unwrap()] ^= 1 << bit;
    std::fs::write(path, bytes).unwrap();
    let (ran, report) = check_any(data);
    std::fs::write(path, whole).unwrap();
    let shown = format!("{} at byte {place}, bit {bit}", path.display());
    assert_eq!(ran.code, Some(1), "{shown} was flipped: {} {}", ran.stdout, ran.stderr);
    assert_eq!(report["ok"], false, "{shown}");
    report["errors"].as_array().unwrap().iter().map(|error| error.as_str().unwrap().to_owned()).collect()
}

/// Every log and blob of a data directory.
fn logs_and_blobs(data: &Path) -> Vec<PathBuf> {
    let wanted = |path: &PathBuf| {
        let below = path.strip_prefix(data).unwrap();
        let folder = below.components().next().unwrap().as_os_str();
        folder == "log" || folder == "blobs" || (folder == "record" && below.parent().unwrap().ends_with("blocks"))
    };
    files(data).into_iter().filter(wanted).collect()
}

/// D6, C4: one flipped bit is named with its file and a place at or before it.
#[test]
fn one_flipped_bit_in_a_log_or_blob_is_named_with_its_file_and_place() {
    let data = copy(finished());
    let mut chances = Chances(0x1234_5678);
    let mut tried = 0;
    for path in logs_and_blobs(data.path()) {
        let length = std::fs::metadata(&path).unwrap().len();
        for place in places(length, &mut chances) {
            let errors = flipped(data.path(), &path, place, chances.below(8));
            let named = errors[0].strip_prefix(&format!("{} at byte ", path.display()));
            let named = named.unwrap_or_else(|| panic!("{} byte {place}: {errors:?}", path.display()));
            let at: u64 = named.split(':').next().unwrap().parse().unwrap();
            assert!(at <= place, "named {at}, flipped {place} of {}", path.display());
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried} places were tried");
    check(data.path());
}

/// What no barrier has acknowledged may be cut when the log is opened again: the last unit of a log that was not closed. Nothing else.
#[test]
fn one_flipped_bit_before_the_last_unit_of_a_log_that_was_not_closed_is_named() {
    let data = copy(killed());
    check(data.path());
    let mut chances = Chances(0x8765_4321);
    let segment = files(&data.path().join("log"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "segment"))
        .unwrap();
    let bytes = std::fs::read(&segment).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64;
    assert!(bytes.len() as u64 > used + 4_096, "there is unused space after byte {used}");
    for place in places(used / 2, &mut chances) {
        let errors = flipped(data.path(), &segment, place, chances.below(8));
        assert!(errors[0].starts_with(&segment.display().to_string()), "{errors:?}");
    }
    for node in ["hospital", "doctors", "diagnostics", "insurer"] {
        let manifest = data.path().join("record").join(node).join("blocks/manifest");
        for place in places(68, &mut chances) {
            let errors = flipped(data.path(), &manifest, place, chances.below(8));
            assert!(errors[0].starts_with(&manifest.display().to_string()), "{errors:?}");
        }
    }
}

/// Who can change the genesis can change whom everybody trusts.
#[test]
fn one_flipped_bit_in_the_genesis_is_named() {
    let data = copy(finished());
    let path = data.path().join("genesis.json");
    let whole = std::fs::read(&path).unwrap();
    let network = erm::Genesis::from_json(&whole).unwrap().network();
    let mut chances = Chances(0x0f0f_0f0f);
    let mut decoding = Vec::new();
    for place in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << bit;
            if let Ok(genesis) = erm::Genesis::from_json(&bytes) {
                assert_ne!(genesis.network(), network, "bit {bit} of byte {place} means nothing");
                decoding.push((place as u64, bit));
            }
        }
    }
    assert!(decoding.len() > 500, "hexadecimal digits, names and numbers may become others: {}", decoding.len());
    let some: Vec<_> =
        (0..20).map(|_| decoding[usize::try_from(chances.below(decoding.len() as u64)).unwrap()]).collect();
    let any = places(whole.len() as u64, &mut chances).into_iter().map(|place| (place, place % 8));
    for (place, bit) in some.into_iter().chain(any) {
        let errors = flipped(data.path(), &path, place, bit);
        assert!(errors[0].starts_with(&path.display().to_string()), "byte {place}: {errors:?}");
    }
    check(data.path());
}

/// Keys are not data, and yet: a wrap that no longer opens is as good as deleted.
#[test]
fn one_flipped_bit_in_a_key_ring_is_named_but_where_it_names_another_grantee() {
    let data = copy(finished());
    let ring = files(&data.path().join("keys")).remove(0);
    let mut chances = Chances(0x7777_1111);
    // After the chain's id and a count: scope, grantee (32 bytes), wrap. Every key may be a grantee's.
    let is_grantee = |place: u64| {
        let whole = std::fs::read(&ring).unwrap();
        let mut bytes = whole.clone();
        bytes[usize::try_from(place).unwrap()] ^= 0xff;
        let grantees = |bytes: &[u8]| {
            phc::KeyRing::decode(bytes).map(|ring| ring.entries.iter().map(|entry| entry.grantee).collect::<Vec<_>>())
        };
        grantees(&bytes).is_ok_and(|changed| changed != grantees(&whole).unwrap())
    };
    for place in
        places(std::fs::metadata(&ring).unwrap().len(), &mut chances).into_iter().filter(|place| !is_grantee(*place))
    {
        let errors = flipped(data.path(), &ring, place, chances.below(8));
        assert!(errors[0].contains(&ring.display().to_string()), "byte {place}: {errors:?}");
    }
}

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
