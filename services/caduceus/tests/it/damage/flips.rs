//! Single flipped bits of what a replay has left.

use std::path::{Path, PathBuf};

use super::{by_kind, finished, flipped, killed, logs_and_blobs, named_wherever_flipped, places};
use crate::support::{Chances, check, copy};

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

/// The last segment of a log, where its last group of units begins, and the byte after it.
fn end_of(log: &Path) -> (PathBuf, u64, u64) {
    let held = store::segment_log::ReadOnlyLog::open(log, store::Settings::default()).unwrap();
    let end = held.end();
    let segment = log.join(format!("{:020}.segment", end.segment));
    let bytes = std::fs::read(&segment).unwrap();
    let (mut units, mut group) = (held.reader(), 0);
    while let Some(unit) = units.next_unit().unwrap() {
        let at = usize::try_from(unit.position.offset).unwrap();
        // How many units before it share its barrier (`docs/formats.md`, the segment log).
        if unit.position.segment == end.segment && bytes[at + 20..at + 24] == [0; 4] {
            group = unit.position.offset;
        }
    }
    (segment, group, end.offset)
}

/// What no barrier has acknowledged may be cut when the log is opened again: the last group of units of a log that was not closed.
/// Nothing else.
#[test]
fn one_flipped_bit_before_or_behind_the_last_units_of_a_log_that_was_not_closed_is_named() {
    let data = copy(killed());
    check(data.path());
    let mut chances = Chances(0x8765_4321);
    let (log, blocks) = (data.path().join("log"), data.path().join("record/hospital/blocks"));
    let (segment, group, end) = end_of(&log);
    assert!(std::fs::metadata(&segment).unwrap().len() > end + 4_096, "there is unused space after byte {end}");
    for place in places(group, &mut chances) {
        let errors = flipped(data.path(), &segment, place, chances.below(8));
        assert!(errors[0].starts_with(&segment.display().to_string()), "{errors:?}");
    }
    // The preallocated end is zero, at the place of the next unit and behind it.
    for log in [log, blocks] {
        let (file, _, end) = end_of(&log);
        for place in [end, end + 5, end + 31, end + 32, end + 4_000, (64 << 20) - 1] {
            let errors = flipped(data.path(), &file, place, chances.below(8));
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
