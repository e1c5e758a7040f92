//! `caduceus demo --headless`, and what anybody can do with what it leaves. One run is shared; a second and a third show what hangs on the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::canaries::Canaries;
use crate::support::{Ran, caduceus, check, check_any, copy, csv, days, digests, file, files, replay, temporary, text};

const SEED: &str = "7";

struct Shown {
    dir: tempfile::TempDir,
    ran: Ran,
}

fn demo(data: &Path, more: &[&str]) -> Ran {
    let data = text(data);
    // What it promises of an idle machine is no matter for a test on a busy one.
    caduceus(&[&["demo", "--headless", "--within", "1200", "--data-dir", data.as_str()], more].concat()).exits(0)
}

/// The run that all tests here look at.
fn shown() -> &'static Shown {
    static SHOWN: OnceLock<Shown> = OnceLock::new();
    SHOWN.get_or_init(|| {
        let dir = temporary();
        let ran = demo(dir.path(), &["--seed", SEED]);
        Shown { dir, ran }
    })
}

/// What the demo has left, for tests that take a copy.
pub(crate) fn data() -> &'static Path {
    shown().dir.path()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(String::as_str).collect()
}

fn receipts(data: &Path) -> Vec<PathBuf> {
    let found = files(&data.join("receipts"));
    assert!(found.len() >= 4, "{found:?}");
    found
}

/// D11, D14, E7, E17: an illness becomes a mail, a claim becomes a verdict with a receipt.
#[test]
fn a_demo_finds_an_illness_mails_it_anchors_every_chain_and_answers_four_kinds_of_claims() {
    let data = shown().dir.path();
    let summary = json(&data.join("summary.json"));
    let report = check(data);
    assert_eq!(
        keys(&summary),
        BTreeSet::from([
            "readings",
            "rejected",
            "anomalies",
            "episodes",
            "mails",
            "phc",
            "record_chain",
            "claims",
            "seconds"
        ])
    );
    assert_eq!(keys(&summary["phc"]), BTreeSet::from(["patients", "blocks", "anchored"]));
    assert_eq!(keys(&summary["record_chain"]), BTreeSet::from(["height", "transactions", "validators"]));
    let of_all = |name: &str| {
        report["patients"].as_object().unwrap().values().map(|patient| patient[name].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(summary["readings"], of_all("readings"));
    assert_eq!(summary["anomalies"], of_all("anomalies"));
    assert_eq!(summary["phc"]["patients"], report["patients"].as_object().unwrap().len());
    assert_eq!(summary["phc"]["anchored"], summary["phc"]["patients"]);
    assert_eq!(summary["record_chain"]["validators"], report["record_chain"]["nodes"]);
    assert_eq!(summary["record_chain"]["height"], report["record_chain"]["height"]);

    let episodes = summary["episodes"].as_array().unwrap();
    assert!(
        episodes.iter().all(|episode| keys(episode) == BTreeSet::from(["patient", "route", "signal", "start", "end"]))
    );
    assert!(episodes.iter().any(|episode| episode["route"] == "forest"), "found inside all hard limits: {episodes:?}");
    let mails = files(&data.join("mail"));
    assert!(mails.len() >= episodes.len() && mails.iter().all(|mail| mail.extension().is_some_and(|end| end == "eml")));
    assert_eq!(summary["mails"], mails.len());

    let claims = summary["claims"].as_array().unwrap();
    let verdicts: BTreeSet<&str> = claims.iter().map(|claim| claim["verdict"].as_str().unwrap()).collect();
    for verdict in ["match", "mismatch", "duplicate", "not-found"] {
        assert!(verdicts.contains(verdict), "{verdict}: {claims:?}");
    }
    for claim in claims {
        assert_eq!(keys(claim), BTreeSet::from(["id", "verdict", "receipt"]));
        let (receipt, genesis) =
            (text(&data.join(claim["receipt"].as_str().unwrap())), text(&data.join("genesis.json")));
        let said = caduceus(&["verify", "receipt", &receipt, "--genesis", &genesis]).exits(0).stdout;
        let verdict = claim["verdict"].as_str().unwrap();
        assert!(said.lines().any(|line| line.starts_with("verdict") && line.ends_with(verdict)), "{verdict}: {said}");
        assert!(said.contains("attested by") && said.contains("trust root"), "{said}");
    }
    let lines = shown().ran.stdout.lines().count() + shown().ran.stderr.lines().count();
    assert!(lines >= 5, "a line a second: {:?}", shown().ran);
}

type Told = (BTreeMap<String, (u64, String, String)>, Vec<(Value, Value)>, Value);

/// What hangs on the seed alone: per patient readings, scores and anomalies; verdicts; episodes.
fn told(data: &Path) -> Told {
    let report = check(data);
    let patients = report["patients"].as_object().unwrap().keys().map(|name| {
        let digests = digests(&report, name);
        (name.clone(), (digests.readings, digests.scores, digests.found))
    });
    let summary = json(&data.join("summary.json"));
    let verdicts = summary["claims"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| (claim["id"].clone(), claim["verdict"].clone()))
        .collect();
    (patients.collect(), verdicts, summary["episodes"].clone())
}

/// The speed is how long one looks, not what happens.
#[test]
fn the_same_seed_gives_the_same_scores_anomalies_and_verdicts_at_any_speed_and_another_seed_others() {
    let (again, other) = (temporary(), temporary());
    std::thread::scope(|scope| {
        scope.spawn(|| demo(again.path(), &["--seed", SEED, "--speed", "20000"]));
        scope.spawn(|| demo(other.path(), &["--seed", "8", "--speed", "20000"]));
    });
    let first = told(shown().dir.path());
    assert_eq!(told(again.path()), first);
    let other = told(other.path());
    assert_eq!(other.0.len(), first.0.len());
    for (name, (_, scores, _)) in &first.0 {
        assert_ne!(&other.0[name].1, scores, "{name}");
    }
}

/// Every way in which this tries to alter a document: each part changed, removed, doubled, added to, moved.
fn altered(whole: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut paths = vec![String::new()];
    while let Some(path) = paths.pop() {
        let here = whole.pointer(&path).unwrap();
        let mut with = |what: &str, value: Value| {
            let mut changed = whole.clone();
            *changed.pointer_mut(&path).unwrap() = value;
            if changed != *whole || what.contains("moved") {
                all.push((format!("{path}: {what}"), changed));
            }
        };
        match here {
            Value::Null => with("null became a number", 1.into()),
            Value::Bool(flag) => with("turned", (!flag).into()),
            Value::Number(number) => {
                let number = number.as_i64().expect("whole numbers");
                with("one more", (number + 1).into());
                with("nothing", Value::Null);
            }
            Value::String(text) => {
                let middle = text.chars().count() / 2;
                let other = |old: char| if old == '1' { '2' } else { '1' };
                with(
                    "one character",
                    text.chars()
                        .enumerate()
                        .map(|(at, old)| if at == middle { other(old) } else { old })
                        .collect::<String>()
                        .into(),
                );
                with("longer", format!("{text}0").into());
                with("empty", "".into());
            }
            Value::Array(items) => {
                with("one more null", items.iter().cloned().chain([Value::Null]).collect());
                with("moved", items.iter().rev().cloned().collect());
                for at in 0..items.len() {
                    with(
                        &format!("{at} removed"),
                        items
                            .iter()
                            .enumerate()
                            .filter(|(other, _)| *other != at)
                            .map(|(_, item)| item.clone())
                            .collect(),
                    );
                    with(
                        &format!("{at} doubled"),
                        items
                            .iter()
                            .enumerate()
                            .flat_map(|(other, item)| std::iter::repeat_n(item.clone(), 1 + usize::from(other == at)))
                            .collect(),
                    );
                    paths.push(format!("{path}/{at}"));
                }
            }
            Value::Object(map) => {
                with(
                    "one more field",
                    map.iter()
                        .map(|(key, value)| (key.clone(), value.clone()))
                        .chain([("more".to_owned(), Value::Null)])
                        .collect(),
                );
                for key in map.keys() {
                    with(
                        &format!("{key} removed"),
                        map.iter()
                            .filter(|(other, _)| *other != key)
                            .map(|(key, value)| (key.clone(), value.clone()))
                            .collect(),
                    );
                    paths.push(format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")));
                }
            }
        }
    }
    // An array of equal or single items moves to itself.
    all.retain(|(_, changed)| changed != whole);
    all
}

/// D11, E6: a receipt is refused with its reason whatever part of it is changed, removed, added or moved.
#[test]
fn every_part_of_a_receipt_is_bound_and_a_change_is_refused_with_a_reason() {
    let data = shown().dir.path();
    let genesis_path = text(&data.join("genesis.json"));
    let genesis = erm::Genesis::from_json(&std::fs::read(data.join("genesis.json")).unwrap()).unwrap();
    let verify =
        |bytes: &[u8]| claims::Receipt::from_json(bytes).and_then(|receipt| claims::verify(&receipt, &genesis, None));
    let scratch = temporary();
    let mut tried = 0;
    for path in receipts(data) {
        let whole = std::fs::read(&path).unwrap();
        let value: Value = serde_json::from_slice(&whole).unwrap();
        let encoded = |value: &Value| format!("{}\n", serde_json::to_string_pretty(value).unwrap()).into_bytes();
        assert_eq!(
            encoded(&value),
            whole,
            "an unchanged receipt is written again as it was: only changes are refused below"
        );
        verify(&whole).unwrap();
        for (number, (what, changed)) in altered(&value).into_iter().enumerate() {
            let changed = encoded(&changed);
            let reason = verify(&changed).err().unwrap_or_else(|| panic!("{}: {what}: it is accepted", path.display()));
            assert!(reason.to_string().len() > 10, "{what}: {reason}");
            tried += 1;
            // A sample as people do it.
            if number % 97 == 5 {
                let receipt = text(&file(scratch.path(), "receipt.json", changed));
                caduceus(&["verify", "receipt", &receipt, "--genesis", &genesis_path]).exits(1).says("receipt.json: ");
            }
        }
        for at in (0..whole.len()).step_by(whole.len() / 60) {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(verify(&changed).is_err(), "{}: byte {at} flipped", path.display());
            assert!(verify(&whole[..at]).is_err(), "cut at {at}");
        }
    }
    assert!(tried > 1_000, "{tried} changes");
}

#[test]
fn a_receipt_of_another_network_is_refused_and_what_is_not_there_is_exit_3() {
    let data = shown().dir.path();
    let (receipt, genesis) = (text(&receipts(data)[0]), text(&data.join("genesis.json")));
    let other = temporary();
    replay(&file(other.path(), "a.csv", csv(&days(1, 31)[..30])), "ada", &other.path().join("data")).exits(0);
    let strange = text(&other.path().join("data/genesis.json"));
    caduceus(&["verify", "receipt", &receipt, "--genesis", &strange]).exits(1).says("another network");

    let garbage = text(&file(other.path(), "garbage.json", "{\"content\": 1}"));
    caduceus(&["verify", "receipt", &garbage, "--genesis", &genesis]).exits(1).says("garbage.json");
    caduceus(&["verify", "receipt", &receipt, "--genesis", &garbage]).exits(1).says("garbage.json");
    caduceus(&["verify", "receipt", &receipt, "--genesis", &genesis, "--checkpoint", &garbage])
        .exits(1)
        .says("garbage.json");
    let missing = text(&other.path().join("missing.json"));
    caduceus(&["verify", "receipt", &missing, "--genesis", &genesis]).exits(3).says("missing.json");
    caduceus(&["verify", "receipt", &receipt, "--genesis", &missing]).exits(3).says("missing.json");
    caduceus(&["verify", "receipt", &receipt]).exits(2).says("--genesis");
    for speed in ["0", "-3", "NaN"] {
        caduceus(&["demo", "--headless", &format!("--speed={speed}")]).exits(2).says("--speed");
    }
    caduceus(&["demo", "--seed=-1"]).exits(2).says("--seed");
    let late = text(&other.path().join("late"));
    caduceus(&["demo", "--headless", "--within", "0", "--data-dir", &late]).exits(1).says("within 0 s");
}

/// Patients, prescriptions and pictures are told to those who were told, and to no disk.
#[test]
fn what_the_demo_takes_in_is_nowhere_in_the_clear_but_in_what_left_the_system() {
    let Shown { dir, ran } = shown();
    let mut canaries = Canaries::default();
    for patient in 1..=6 {
        canaries.text(&format!("patient-{patient}"));
    }
    for code in ["amoxicillin-500", "chest-x-ray", "consultation", "Encounter", "MedicationDispense", "resourceType"] {
        canaries.text(code);
    }
    canaries.are_nowhere_in(dir.path(), &["mail", "receipts", "summary.json"]);
    let told = files(&dir.path().join("receipts")).into_iter().map(|receipt| std::fs::read(receipt).unwrap());
    assert!(
        told.into_iter().any(|receipt| canaries.find(&receipt).iter().any(|found| found.contains("consultation"))),
        "they would be found"
    );
    let mut values = Canaries::default();
    values.text("amoxicillin-500 12.4");
    assert!(values.find(ran.stderr.as_bytes()).is_empty());
}

/// D13: what a doctor set stands on the patient's chain and leaves with its proof; before it was set there was nothing.
#[test]
fn what_a_doctor_set_leaves_as_a_file_that_is_verified_offline() {
    let data = text(shown().dir.path());
    let scratch = temporary();
    let out = text(&scratch.path().join("limits.json"));
    let export = |time: &str, of: &[&str]| {
        let place = ["record", "--data-dir", &data, "--patient", "patient-3", "--time", time, "--out", &out];
        caduceus(&[&place, of].concat())
    };
    export("2026-03-17T00:00:00Z", &["--parameters"]).exits(1).says("parameters of a doctor");
    export("2026-03-18T00:00:00Z", &["--parameters"]).exits(0);
    let genesis = text(&shown().dir.path().join("genesis.json"));
    let told = caduceus(&["verify", "record", &out, "--genesis", &genesis]).exits(0).stdout;
    let record = told.lines().find(|line| line.starts_with("record ")).unwrap();
    let set = "dr-hale set critical alert for spo2 below 90 % in 3 of 5 steps at 2026-03-17T16:";
    assert!(record.contains(set) && record.contains("in force after the reading of 2026-03-17T1"), "{record}");
    let changed = std::fs::read_to_string(&out).unwrap().replacen("\"record\": \"0", "\"record\": \"1", 1);
    std::fs::write(&out, changed).unwrap();
    caduceus(&["verify", "record", &out, "--genesis", &genesis]).exits(1).says("not in the batch");
    export("2026-03-18T00:00:00Z", &[]).exits(2).says("--signal");
    export("2026-03-18T00:00:00Z", &["--parameters", "--signal", "spo2"]).exits(2);
}

/// The index is a convenience.
#[test]
fn a_demo_directory_is_checked_the_same_without_its_index() {
    let data = copy(shown().dir.path());
    let expected = check(data.path());
    let index = data.path().join("index");
    if index.exists() {
        std::fs::remove_dir_all(&index).unwrap();
    }
    assert_eq!(check(data.path()), expected);
    let blob = files(&data.path().join("blobs/packs")).remove(0);
    std::fs::remove_file(&blob).unwrap();
    check_any(data.path()).0.exits(1).says(text(&blob));
}
