//! Nodes as processes of their own, killed without warning.

use std::sync::Arc;
use std::time::Duration;

use ledger::{Digest, KeyPair};
use record_node::{Config, RecordNode, Refusal, SubmitError};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::network::{NETWORK, Network, WEIGHTS, address, await_height, identity, now_ms, within};
use crate::toy::{Toy, write};

const TASK: &str = "RECORD_NODE_TEST_CHILD";

/// Not a test: the process that the tests start. It reads commands, one a line.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the other tests"]
async fn process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (index, config): (usize, Config) = serde_json::from_str(&task).unwrap();
    let validators: Vec<_> = (0..4).map(|one| (identity(one).validator(), WEIGHTS[one])).collect();
    let machine = Toy::new(NETWORK, &validators);
    let (node, _running) = RecordNode::start(config, identity(index), machine, Arc::new(now_ms)).await.unwrap();
    let sender = KeyPair::from_seed(&[99; 32]);
    println!("\n@ready");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let (command, number) = line.split_once(' ').unwrap();
        let number: u64 = number.parse().unwrap();
        match command {
            "write" => {
                let (id, bytes) = write(NETWORK, &sender, number, 16);
                // It may have come through before its first submitter was killed.
                match node.submit(bytes).await {
                    Ok(_) | Err(SubmitError::AlreadyWaiting(_) | SubmitError::AlreadyCommitted { .. }) => {
                        println!("@{}", node.await_committed(id).await.unwrap().height);
                    }
                    Err(SubmitError::Refused(Refusal::Stale { .. })) => println!("@{}", node.height()),
                    Err(other) => panic!("{other}"),
                }
            }
            "await" => {
                node.subscribe().wait_for(|height| *height >= number).await.unwrap();
                println!("@{}", node.height());
            }
            "block" => println!("@{}", node.block(number).await.unwrap().unwrap().1.block),
            "sequence" => println!("@{}", node.read(|machine| machine.sequence(&sender.public()))),
            other => panic!("{other}"),
        }
    }
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    async fn start(index: usize, config: &Config) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child::process", "--exact", "--ignored", "--nocapture"])
            .env(TASK, serde_json::to_string(&(index, config)).unwrap())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut process = Self { child, stdin, lines: BufReader::new(stdout).lines() };
        assert_eq!(process.line().await, "ready");
        process
    }

    async fn line(&mut self) -> String {
        loop {
            let line = within("a line of a process", self.lines.next_line()).await.unwrap().expect("the process ended");
            if let Some(line) = line.strip_prefix('@') {
                return line.to_owned();
            }
        }
    }

    async fn ask(&mut self, command: &str, number: u64) -> String {
        self.tell(command, number).await;
        self.line().await
    }

    async fn tell(&mut self, command: &str, number: u64) {
        self.stdin.write_all(format!("{command} {number}\n").as_bytes()).await.unwrap();
    }

    /// Stops it in its tracks: its connections stand, and nobody answers.
    async fn freeze(&self) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-STOP", &id]).status().await.unwrap().success());
    }

    async fn kill_9(mut self) {
        self.child.kill().await.unwrap();
    }
}

async fn assert_same_blocks(processes: &mut [Process], through: u64) {
    for height in 1..=through {
        let mut hashes = Vec::new();
        for process in processes.iter_mut() {
            hashes.push(process.ask("block", height).await.parse::<Digest>().unwrap());
        }
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "a fork at {height}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_four_processes_killed_at_random_moments_loses_nothing_and_comes_back() {
    let network = Network::new(&WEIGHTS, |_| {});
    let mut processes = Vec::new();
    for (index, config) in network.configs.iter().enumerate() {
        processes.push(Process::start(index, config).await);
    }
    let mut sequence = 0;
    for round in 0..4usize {
        let victim = round % 4;
        // In the middle of work: killed a moment after it was given a transaction, at a different phase each time.
        processes[victim].tell("write", sequence).await;
        tokio::time::sleep(Duration::from_millis([0, 7, 25, 60][round])).await;
        let killed = processes.remove(victim);
        killed.kill_9().await;
        let through = &mut processes[0];
        // Whether the victim's transaction came through is open: written again, it is committed once in either case.
        through.ask("write", sequence).await;
        let height: u64 = processes[1].ask("write", sequence + 1).await.parse().unwrap();
        sequence += 2;
        processes.insert(victim, Process::start(victim, &network.configs[victim]).await);
        processes[victim].ask("await", height).await;
    }
    let height: u64 = processes[3].ask("write", sequence).await.parse().unwrap();
    for process in &mut processes {
        process.ask("await", height).await;
        assert_eq!(process.ask("sequence", 0).await, (sequence + 1).to_string());
    }
    assert_same_blocks(&mut processes, height).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_four_processes_killed_at_once_go_on_with_everything_acknowledged() {
    let network = Network::new(&WEIGHTS, |_| {});
    let mut processes = Vec::new();
    for (index, config) in network.configs.iter().enumerate() {
        processes.push(Process::start(index, config).await);
    }
    let mut sequence = 0;
    for pause_ms in [0, 15, 40] {
        let through = usize::try_from(sequence % 4).unwrap();
        let height: u64 = processes[through].ask("write", sequence).await.parse().unwrap();
        let acknowledged = processes[through].ask("block", height).await;
        // One more is on its way when the lights go out.
        processes[(through + 1) % 4].tell("write", sequence + 1).await;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        for process in processes.drain(..) {
            process.kill_9().await;
        }
        for (index, config) in network.configs.iter().enumerate() {
            processes.push(Process::start(index, config).await);
        }
        for process in &mut processes {
            process.ask("await", height).await;
            assert_eq!(process.ask("block", height).await, acknowledged, "an acknowledged block changed");
        }
        // What was on its way may have been decided or not; written again, it is committed once in either case.
        processes[0].ask("write", sequence + 1).await;
        sequence += 2;
    }
    let height: u64 = processes[2].ask("write", sequence).await.parse().unwrap();
    for process in &mut processes {
        process.ask("await", height).await;
        assert_eq!(process.ask("sequence", 0).await, (sequence + 1).to_string());
    }
    assert_same_blocks(&mut processes, height).await;
}

/// To the others it is the same node twice; gossip tells a node what the others listen to on the first connection only.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_while_its_old_connections_stand_is_heard_again() {
    let mut network = Network::new(&WEIGHTS, |_| {});
    let frozen = Process::start(3, &network.configs[3]).await;
    for index in 0..3 {
        network.start(index).await;
    }
    let sender = KeyPair::from_seed(&[99; 32]);
    let committed = network.commit(0, &sender, 0).await;
    frozen.freeze().await;
    let elsewhere = network.configs[3].data_dir.with_file_name("elsewhere");
    let port = kit::Port::free().unwrap();
    (network.configs[3].listen, network.configs[3].data_dir) = (address(&port), elsewhere);
    network.start(3).await;
    await_height(network.node(3), committed.height).await;
    network.commit(3, &sender, 1).await;
    network.assert_no_fork().await;
    frozen.kill_9().await;
    network.shutdown().await;
}
