//! The state on disk: an index that equals the state in memory, and comes back from the blocks whatever happens to it.

mod damage;
mod killed;
mod measured;
mod running;
mod world;

use proptest::prelude::*;
use record_node::{ErmMachine, Error, KEPT_HEIGHTS};

use world::{Change, Home, Oracle, changes, follow, founding, varied};

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Over any blocks, stopped and started anywhere, with any number of heights kept.
    #[test]
    fn the_state_on_disk_equals_the_state_in_memory_at_every_kept_height(
        blocks in changes(),
        stops in prop::collection::vec(any::<bool>(), 12),
        kept in 0u64..6,
    ) {
        let mut oracle = Oracle::of(founding());
        let home = Home::new();
        let mut machine = home.opened(kept).0;
        for (changes, stop) in blocks.iter().zip(stops) {
            let block = oracle.grow(changes).clone();
            world::BlockLog::open(&home.data()).append(&oracle.state.network(), &block);
            if stop {
                // Stopped between the block and the state: the start makes up for it.
                drop(machine);
                let (opened, executed) = home.opened(kept);
                prop_assert_eq!(executed, vec![block.header.height]);
                machine = opened;
            } else {
                follow(&mut machine, &block).unwrap();
            }
            prop_assert_eq!(machine.state().head(), oracle.state.head());
            prop_assert_eq!(machine.state().roster(), oracle.state.roster());
            oracle.compare(&machine).unwrap();
        }
        drop(machine);
        let (machine, executed) = home.opened(kept);
        prop_assert!(executed.is_empty(), "a whole index executes nothing: {:?}", executed);
        oracle.compare(&machine).unwrap();
    }
}

#[test]
fn heights_before_the_kept_ones_are_forgotten_and_their_space_is_given_back() {
    let oracle = Oracle::grown(&varied(40));
    let home = Home::with(&oracle, 40);
    let (machine, _) = home.opened(KEPT_HEIGHTS);
    let all = entries(&machine);
    oracle.compare(&machine).unwrap();
    drop(machine);
    std::fs::remove_dir_all(home.index()).unwrap();
    let (machine, _) = home.opened(5);
    assert!(machine.state().at(34).is_err(), "height 34 is forgotten");
    assert!(machine.state().at(35).is_ok());
    oracle.compare(&machine).unwrap();
    assert!(entries(&machine) * 2 < all, "{} of {all} entries are left", entries(&machine));
}

#[test]
fn a_lowered_number_of_kept_heights_is_reached_in_small_steps() {
    let mut oracle = Oracle::grown(&varied(40));
    let home = Home::with(&oracle, 40);
    drop(home.opened(KEPT_HEIGHTS));
    let (mut machine, executed) = home.opened(2);
    assert!(executed.is_empty(), "the index was made anew: {executed:?}");
    for oldest in [16, 32, 41] {
        let block = oracle.grow(&[Change::Anchor(1)]).clone();
        follow(&mut machine, &block).unwrap();
        assert!(machine.state().at(oldest - 1).is_err());
        assert!(machine.state().at(oldest).is_ok());
        oracle.compare(&machine).unwrap();
    }
}

/// Light clients need every change of validators since the genesis, however long ago.
#[test]
fn changes_of_the_validators_are_kept_for_ever() {
    let oracle = Oracle::grown(&varied(40));
    let home = Home::with(&oracle, 40);
    let (machine, _) = home.opened(3);
    let changed = |height: &u64| {
        let header = &oracle.blocks[usize::try_from(*height).unwrap() - 1].header;
        header.next_validators != header.validators
    };
    for through in [0, 3, 20, 40] {
        let expected: Vec<_> =
            (1..=through).filter(changed).map(|height| (height, oracle.state.validators_at(height).unwrap())).collect();
        assert_eq!(machine.validator_changes(through).unwrap(), expected);
    }
    assert!(machine.validator_changes(40).unwrap().len() > 3);
}

#[test]
fn an_index_that_is_in_use_is_left_alone() {
    let oracle = Oracle::grown(&varied(3));
    let home = Home::with(&oracle, 3);
    let machine = home.open().unwrap();
    assert!(matches!(home.open(), Err(Error::Store(store::Error::Locked { .. }))));
    oracle.compare(&machine).unwrap();
    drop(machine);
    home.open().unwrap();
}

/// sled's threads, and a child that another thread has just forked, hold the files' lock a moment longer than the machine lives.
#[test]
fn an_index_that_is_being_let_go_is_waited_for_and_not_made_anew() {
    let oracle = Oracle::grown(&varied(3));
    let home = Home::with(&oracle, 3);
    drop(home.open().unwrap());
    let files: Vec<_> =
        std::fs::read_dir(home.index()).unwrap().map(|entry| entry.unwrap().path().join("db")).collect();
    let lock = std::fs::File::open(files.iter().find(|path| path.exists()).expect("sled's file")).unwrap();
    fs4::FileExt::lock(&lock).unwrap();
    let holder = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        drop(lock);
    });
    let (machine, executed) = home.opened(KEPT_HEIGHTS);
    assert!(executed.is_empty(), "the index was made anew: {executed:?}");
    oracle.compare(&machine).unwrap();
    holder.join().unwrap();
}

#[test]
fn blocks_that_a_running_node_holds_are_not_read() {
    let oracle = Oracle::grown(&varied(3));
    let home = Home::with(&oracle, 3);
    let held = world::BlockLog::open(&home.data());
    assert!(matches!(home.open(), Err(Error::Store(store::Error::Locked { .. }))));
    drop(held);
    home.open().unwrap();
}

#[test]
fn blocks_that_do_not_execute_are_an_error_and_not_the_indexs_fault() {
    let mut oracle = Oracle::grown(&varied(4));
    let home = Home::with(&oracle, 4);
    drop(home.open().unwrap());
    let mut block = oracle.grow(&[]).clone();
    block.header.state_root = ledger::Digest([1; 32]);
    world::BlockLog::open(&home.data()).append(&oracle.state.network(), &block);
    assert!(matches!(home.open(), Err(Error::Diverged { height: 5, .. })));
    let mut bad = founding();
    bad.parties.clear();
    assert!(matches!(ErmMachine::on_disk(bad, &home.index(), &home.data()), Err(Error::Config { key: "genesis", .. })));
}

fn entries(machine: &world::Machine) -> usize {
    machine.state().store().entries()
}
