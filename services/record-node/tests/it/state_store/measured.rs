//! What the index saves.

use std::time::{Duration, Instant};

use bytes::Bytes;
use record_node::{ErmMachine, StateMachine as _};
use store::segment_log::ReadOnlyLog;

use super::world::{BlockLog, Change, Home, follow, founding, propose};

const BLOCKS: u64 = 10_000;

/// Run by hand: `cargo test -p record-node --test it -- --ignored --nocapture state_store::measured`.
#[test]
#[ignore = "a measurement"]
fn start_of_a_node_with_ten_thousand_small_blocks() {
    let home = Home::new();
    {
        let mut machine = ErmMachine::in_memory(founding()).unwrap();
        let log = BlockLog::open(&home.data());
        for n in 0..BLOCKS {
            let change = if n % 10 == 0 {
                Change::Register(u8::try_from(n / 10 % 256).unwrap())
            } else {
                Change::Anchor(u8::try_from(n % 256).unwrap())
            };
            let erm::Proposal { block, executed, .. } = propose(machine.state(), &[change]);
            log.append(&machine.network(), &block);
            machine.commit(executed).unwrap();
        }
    }
    let shown = |what: &str, took: Duration| println!("{what}: {:.0} ms", took.as_secs_f64() * 1e3);
    let begun = Instant::now();
    let mut machine = ErmMachine::in_memory(founding()).unwrap();
    let mut reader = ReadOnlyLog::open(&home.data().join("blocks"), store::Settings::default()).unwrap().reader();
    while let Some(unit) = reader.next_unit().unwrap() {
        let block: Bytes = unit.shared_records().next().unwrap().1;
        let executed = machine.validate(&block, &|_| true).unwrap();
        machine.commit(executed).unwrap();
    }
    shown("in memory, all blocks executed", begun.elapsed());
    let begun = Instant::now();
    drop(home.open().unwrap());
    shown("on disk, index missing: all blocks executed and indexed", begun.elapsed());
    println!("index: {} KiB for {BLOCKS} blocks", bytes_in(&home.index()) / 1024);
    for _ in 0..3 {
        let begun = Instant::now();
        let machine = home.open().unwrap();
        shown("on disk, index whole", begun.elapsed());
        assert_eq!(machine.tip().height, BLOCKS);
    }
    let begun = Instant::now();
    let mut reader = ReadOnlyLog::open(&home.data().join("blocks"), store::Settings::default()).unwrap().reader();
    while reader.next_unit().unwrap().is_some() {}
    shown("for comparison, reading the block log once", begun.elapsed());

    let mut machine = home.open().unwrap();
    let begun = Instant::now();
    for n in 0..1_000u64 {
        let block = propose(machine.state(), &[Change::Anchor(u8::try_from(n % 256).unwrap())]).block;
        follow(&mut machine, &block).unwrap();
    }
    println!("proposed, validated and committed with the index: {:.0} µs a block", begun.elapsed().as_secs_f64() * 1e3);
}

fn bytes_in(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|entry| if entry.path().is_dir() { bytes_in(&entry.path()) } else { entry.metadata().unwrap().len() })
        .sum()
}
