//! `check` names what is wrong with a data directory: one flipped bit anywhere, files cut, gone or exchanged.

mod flips;
mod of_a_demo;
mod wholes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::{Chances, Running, check_any, csv, days, file, files, packs, replay, replay_arguments, temporary};

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

/// A data directory whose process was killed between two writes: no log is closed, none ends in a torn unit.
fn killed() -> &'static Path {
    static DATA: OnceLock<tempfile::TempDir> = OnceLock::new();
    DATA.get_or_init(|| {
        let recordings = temporary();
        let recording = file(recordings.path(), "recording.csv", csv(&days(60, 22)));
        loop {
            let dir = temporary();
            let mut arguments = replay_arguments(&recording, "ada", dir.path());
            // Twelve seconds, of which a part of one suffices.
            arguments.extend(["--speed".into(), "432000".into()]);
            let mut run = Running::start(&arguments);
            assert!(run.wait_until(|| packs(dir.path()) >= 3));
            assert!(run.kill(), "the run was over before it was killed");
            let whole = |log: &str| store::segment_log::check(&dir.path().join(log)).unwrap().is_clean();
            if ["log", "record/hospital/blocks"].into_iter().all(whole) {
                break dir;
            }
        }
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
