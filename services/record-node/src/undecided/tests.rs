//! What is kept, what goes, and what a crash leaves.

#![allow(clippy::unwrap_used)]
use super::*;

fn record(height: u64, round: u32, byte: u8) -> Undecided {
    Undecided {
        height,
        round,
        hash: Digest([byte; 32]),
        proposer: PublicKey([1; 32]),
        signature: Signature([0; 64]),
        block: vec![byte; 100],
    }
}

#[test]
fn what_was_kept_is_found_after_reopening_and_what_is_decided_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("undecided");
    let mut store = UndecidedStore::open(&path, 0).unwrap();
    for one in [record(1, 0, 1), record(2, 0, 2), record(2, 1, 3)] {
        store.insert(one).unwrap();
    }
    drop(store);
    let store = UndecidedStore::open(&path, 1).unwrap();
    assert_eq!(store.find(1, &Digest([1; 32])), None);
    assert_eq!(store.of_proposer(2, 1, &PublicKey([1; 32])), Some(&record(2, 1, 3)));
    assert_eq!(store.of_height(2).count(), 2);
}

#[test]
fn a_record_cut_off_at_any_byte_is_dropped_and_the_file_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("undecided");
    let mut store = UndecidedStore::open(&path, 0).unwrap();
    store.insert(record(1, 0, 1)).unwrap();
    let whole = std::fs::metadata(&path).unwrap().len();
    store.insert(record(1, 1, 2)).unwrap();
    drop(store);
    let bytes = std::fs::read(&path).unwrap();
    for cut in whole..bytes.len() as u64 {
        std::fs::write(&path, &bytes[..usize::try_from(cut).unwrap()]).unwrap();
        let mut store = UndecidedStore::open(&path, 0).unwrap();
        assert_eq!(store.of_height(1).count(), 1);
        store.insert(record(1, 2, 3)).unwrap();
        drop(store);
        assert_eq!(UndecidedStore::open(&path, 0).unwrap().of_height(1).count(), 2);
    }
}

fn filled(dir: &Path) -> UndecidedStore {
    let mut store = UndecidedStore::open(&dir.join("undecided"), 0).unwrap();
    for round in 0..64 {
        assert!(store.insert(record(5, round, u8::try_from(round).unwrap())).unwrap());
    }
    store
}

#[test]
fn a_height_of_many_rounds_keeps_the_last_blocks_and_those_that_may_be_locked() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = filled(dir.path());
    store.lock(Digest([30; 32]));
    for round in 64..200 {
        assert!(store.insert(record(5, round, u8::try_from(round).unwrap())).unwrap());
    }
    assert_eq!(store.of_height(5).count(), PER_HEIGHT);
    let kept: Vec<_> = store.of_height(5).map(|record| record.round).collect();
    let expected: Vec<_> = (0..10).chain([30]).chain(147..200).collect();
    assert_eq!(kept, expected);
    // What comes again came last.
    store.insert(record(5, 147, 147)).unwrap();
    store.insert(record(5, 200, 200)).unwrap();
    assert!(store.find(5, &Digest([147; 32])).is_some());
    assert_eq!(store.find(5, &Digest([148; 32])), None);
}

#[test]
fn a_locked_block_that_was_proposed_in_many_rounds_stays_once_and_takes_no_more_places() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = UndecidedStore::open(&dir.path().join("undecided"), 0).unwrap();
    store.lock(Digest([7; 32]));
    for round in 10..74 {
        assert!(store.insert(record(5, round, 7)).unwrap());
    }
    for round in 74..200 {
        assert!(store.insert(record(5, round, u8::try_from(round).unwrap())).unwrap());
    }
    let kept: Vec<_> = store.of_height(5).map(|record| record.round).collect();
    assert_eq!(kept, [73].into_iter().chain(137..200).collect::<Vec<_>>());
}

#[test]
fn what_came_first_goes_first_also_after_reopening_and_no_more_is_kept_than_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("undecided");
    let mut store = UndecidedStore::open(&path, 0).unwrap();
    // Backwards, and more than are kept: the file still holds all of them.
    for round in (10..90).rev() {
        assert!(store.insert(record(5, round, u8::try_from(round).unwrap())).unwrap());
    }
    drop(store);
    let mut store = UndecidedStore::open(&path, 0).unwrap();
    assert!(store.insert(record(5, 100, 100)).unwrap());
    let kept: Vec<_> = store.of_height(5).map(|record| record.round).collect();
    assert_eq!(kept, (10..73).chain([100]).collect::<Vec<_>>());
}

/// Every fourth round is the flooder's: two blocks ten rounds before their time, and now and then all of its old ones again.
#[test]
fn a_proposer_that_floods_pushes_out_its_own_blocks_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = UndecidedStore::open(&dir.path().join("undecided"), 0).unwrap();
    let proposed = |round: u32, nth: u8| Undecided {
        proposer: PublicKey([u8::try_from(round % 4).unwrap(); 32]),
        hash: ledger::sha256(&[&round.to_le_bytes()[..], &[nth]].concat()),
        ..record(5, round, 1)
    };
    for round in 0..140u32 {
        if round % 4 != 0 {
            assert!(store.insert(proposed(round, 0)).unwrap());
        }
        let from = if round % 20 == 19 { 0 } else { round + 10 };
        for flooded in (from..=round + 10).filter(|one| one % 4 == 0) {
            for nth in [0, 1] {
                assert!(store.insert(proposed(flooded, nth)).unwrap());
            }
        }
        // Ten rounds of each of the others lie behind: none of theirs was pushed out.
        for own in (round.saturating_sub(40)..=round).filter(|one| one % 4 != 0) {
            assert!(store.find(5, &proposed(own, 0).hash).is_some(), "round {own} in {round}");
        }
        assert!(store.of_height(5).count() <= PER_HEIGHT);
    }
}

#[test]
fn where_nothing_may_go_the_next_block_is_refused_and_other_heights_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = UndecidedStore::open(&dir.path().join("undecided"), 0).unwrap();
    for byte in 0..64 {
        assert!(store.insert(record(5, u32::from(byte) % 10, byte)).unwrap());
    }
    assert!(!store.insert(record(5, 10, 99)).unwrap());
    assert_eq!(store.find(5, &Digest([99; 32])), None);
    assert!(store.insert(record(6, 10, 99)).unwrap());
    assert!(store.insert(record(5, 0, 0)).unwrap(), "one that is kept already");
}

#[test]
fn the_file_does_not_grow_with_the_rounds_of_one_height() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = filled(dir.path());
    store.limits = (500, 1_000);
    for round in 64..400 {
        let mut one = record(5, round, 1);
        one.hash = ledger::sha256(&round.to_le_bytes());
        store.insert(one).unwrap();
    }
    let bytes = std::fs::metadata(dir.path().join("undecided")).unwrap().len();
    assert!(bytes < 64 * 1_000, "{bytes}");
    drop(store);
    let store = UndecidedStore::open(&dir.path().join("undecided"), 0).unwrap();
    assert_eq!(store.of_height(5).map(|record| record.round).max(), Some(399));
}

#[test]
fn the_file_does_not_grow_for_ever_and_keeps_what_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("undecided");
    let mut store = UndecidedStore::open(&path, 0).unwrap();
    store.limits = (500, 1_000);
    let bytes = || std::fs::metadata(&path).unwrap().len();
    for height in 1..50 {
        store.insert(record(height, 0, 1)).unwrap();
        // The next height's is there already, so the file is never free of what is needed.
        store.insert(record(height + 1, 0, 1)).unwrap();
        store.prune(height).unwrap();
        assert!(bytes() < 1_500, "{}", bytes());
    }
    drop(store);
    let mut store = UndecidedStore::open(&path, 49).unwrap();
    assert_eq!(store.of_height(50).count(), 1);
    store.limits = (1, 1_000);
    store.prune(50).unwrap();
    assert_eq!(bytes(), 0);
    store.insert(record(51, 0, 1)).unwrap();
    assert_eq!(UndecidedStore::open(&path, 50).unwrap().of_height(51).count(), 1);
}
