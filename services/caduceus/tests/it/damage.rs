//! `check` names what is wrong with a data directory: one flipped bit anywhere, files cut, gone or exchanged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

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
fn one_flipped_bit_before_or_behind_the_last_unit_of_a_log_that_was_not_closed_is_named() {
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
    // The preallocated end is zero, at the place of the next unit and behind it.
    let end = (used + 1).next_multiple_of(8);
    let blocks = data.path().join("record/hospital/blocks/00000000000000000000.segment");
    let blocks_end = std::fs::read(&blocks).unwrap().iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    for (file, end) in [(&segment, end), (&blocks, blocks_end.next_multiple_of(8))] {
        for place in [end, end + 5, end + 31, end + 32, end + 4_000, (64 << 20) - 1] {
            let errors = flipped(data.path(), file, place, chances.below(8));
            assert!(errors[0].starts_with(&file.display().to_string()), "byte {place}: {errors:?}");
        }
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

/// What has nothing that it could be held against, by the beginning of its path: `check` says so of each.
const NOT_VERIFIED: [(&str, &str); 3] = [
    ("index", "made anew from the logs"),
    ("mail", "has left the system, for people"),
    ("summary.json", "says what the logs say, for people"),
];

/// The kind of a file of a data directory: its path, without the names of single things.
fn kind(data: &Path, file: &Path) -> String {
    let mut parts: Vec<_> =
        file.strip_prefix(data).unwrap().iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if let [folder, node, ..] = parts.as_mut_slice()
        && folder == "record"
    {
        *node = "NODE".into();
    }
    let name = parts.last_mut().unwrap();
    if name.parse::<ledger::Digest>().is_ok() {
        *name = "DIGEST".into();
    } else if let Some((number, "segment")) = name.split_once('.')
        && number.len() == 20
    {
        *name = "NUMBER.segment".into();
    } else if name.starts_with("claim-") {
        *name = "CLAIM.json".into();
    }
    parts.join("/")
}

/// All files of a data directory that `check` has to answer for, by kind.
fn by_kind(data: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let mut found: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in files(data) {
        let kind = kind(data, &file);
        if !NOT_VERIFIED.iter().any(|(beginning, _)| kind.split('/').next() == Some(beginning)) {
            found.entry(kind).or_default().push(file);
        }
    }
    found
}

/// Flips bits at some places of a file; `check` has to name the file each time. The number of places.
#[track_caller]
fn named_wherever_flipped(data: &Path, file: &Path, most: usize, chances: &mut Chances) -> usize {
    let all = places(std::fs::metadata(file).unwrap().len(), chances);
    let step = all.len().div_ceil(most).max(1);
    for place in all.iter().copied().step_by(step) {
        let errors = flipped(data, file, place, chances.below(8));
        let shown = file.display().to_string();
        assert!(errors.iter().any(|error| error.contains(&shown)), "{shown} byte {place}: {errors:?}");
    }
    all.len().div_ceil(step)
}

/// D8: votes decide what a node may say again, keys what can be read: both are as much the truth as the blocks.
#[test]
fn one_flipped_bit_in_votes_proposals_keys_or_passphrase_is_named() {
    let data = copy(finished());
    let mut chances = Chances(0x7777_1111);
    let kinds = by_kind(data.path());
    for kind in [
        "keys/DIGEST",
        "keystore/keys",
        "keystore/demo-custody.passphrase",
        "record/NODE/undecided",
        "record/NODE/votes.wal",
    ] {
        let (first, others) = kinds[kind].split_first().unwrap();
        assert!(named_wherever_flipped(data.path(), first, usize::MAX, &mut chances) > 15, "{kind}");
        for other in others {
            named_wherever_flipped(data.path(), other, 3, &mut chances);
        }
    }
    check(data.path());
}

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
