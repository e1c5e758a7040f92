//! A process that commits block after block and is killed at any moment.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use record_node::{ErmMachine, StateMachine as _};

use super::world::{BlockLog, Change, Home, Oracle, founding, propose};

const TASK: &str = "STATE_STORE_TEST_CHILD";

/// Not a test: the process that the test starts. Block first, then state, as the node does.
#[test]
#[ignore = "started by the other test"]
fn process() {
    let Ok(dir) = std::env::var(TASK) else { return };
    let dir = PathBuf::from(dir);
    let mut machine =
        ErmMachine::on_disk_with(founding(), &dir.join("index"), &dir.join("node"), 20, &mut |_, _| {}).unwrap();
    let log = BlockLog::open(&dir.join("node"));
    loop {
        let height = machine.tip().height + 1;
        let erm::Proposal { block, executed, .. } = propose(machine.state(), &changes(height));
        log.append(&machine.network(), &block);
        machine.commit(executed).unwrap();
        println!("\n@{height}");
    }
}

fn changes(height: u64) -> Vec<Change> {
    let byte = u8::try_from(height % 200).unwrap();
    match height % 7 {
        0 => vec![Change::Register(byte), Change::Anchor(byte)],
        1 => vec![Change::Stake(24 + byte % 4), Change::Consent(byte - 1, 3)],
        _ => vec![Change::Anchor(byte)],
    }
}

#[test]
fn a_process_killed_in_the_middle_of_its_commits_has_the_state_of_its_blocks_at_the_next_start() {
    let home = Home::new();
    let mut oracle = Oracle::of(founding());
    for round in 0..8u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["state_store::killed::process", "--exact", "--ignored", "--nocapture"])
            .env(TASK, home.dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .filter(|line| line.starts_with('@'));
        let told = lines.nth(usize::try_from(5 + round * 9).unwrap()).expect("the process ended by itself");
        // At another phase of the work each time.
        std::thread::sleep(Duration::from_micros(round * 731));
        child.kill().unwrap();
        child.wait().unwrap();
        let told: u64 = told[1..].parse().unwrap();

        let (machine, executed) = home.opened(20);
        let height = machine.tip().height;
        assert!(height >= told, "block {told} was acknowledged; the chain ends at {height}");
        assert!(executed.iter().all(|one| *one > told.saturating_sub(2_000)));
        while oracle.state.head().height < height {
            oracle.grow(&changes(oracle.state.head().height + 1));
        }
        assert_eq!(machine.state().head(), oracle.state.head());
        oracle.compare(&machine).unwrap();
    }
}
