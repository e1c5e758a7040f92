//! Validators whose clocks disagree.

use std::path::Path;
use std::time::Duration;

use ledger::KeyPair;
use record_node::{Config, StateMachine as _};

use crate::network::{NETWORK, Network, WEIGHTS, assert_stands_still, await_height, within};
use crate::toy::write;

/// 15 January 2027.
const START_MS: i64 = 1_800_000_000_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Rounds that pass quickly, also when many of them do.
fn quick_rounds(config: &mut Config) {
    config.timeouts.propose_ms = 250;
    config.timeouts.prevote_ms = 50;
    config.timeouts.precommit_ms = 50;
    config.timeouts.increase_ms = 20;
}

/// The time of the block at a height, and the round that decided it.
async fn time_and_round(network: &Network, height: u64) -> (i64, u32) {
    let node = network.node(1);
    let (block, certificate) = node.block(height).await.unwrap().unwrap();
    (node.read(|machine| machine.summarize(&block)).unwrap().time_ms, certificate.round)
}

/// Commits while the first validator's clock is off by `skew_ms`; time goes by between the blocks.
async fn assert_time_is_the_others(skew_ms: i64) {
    let mut network = Network::new(&WEIGHTS, quick_rounds);
    let set_clocks = |network: &mut Network, now_ms: i64| {
        for index in 0..4 {
            network.set_clock(index, now_ms + if index == 0 { skew_ms } else { 0 });
        }
    };
    let (ahead_max_ms, behind_max_ms) = (network.configs[0].clock_ahead_max_ms, network.configs[0].clock_behind_max_ms);
    set_clocks(&mut network, START_MS);
    for index in 0..4 {
        network.start(index).await;
    }
    let sender = KeyPair::from_seed(&[99; 32]);
    let mut later_rounds = 0;
    // With 30 of 100 the wrong one opens some of the twelve heights.
    for sequence in 0..12u8 {
        let now_ms = START_MS + i64::from(sequence) * 10 * MINUTE_MS;
        set_clocks(&mut network, now_ms);
        let (id, bytes) = write(NETWORK, &sender, u64::from(sequence), 16);
        network.node(1).submit(bytes).await.unwrap();
        let committed = within("a transaction committing", network.node(1).await_committed(id)).await.unwrap();
        let (time_ms, round) = time_and_round(&network, committed.height).await;
        let bounds = now_ms - behind_max_ms..=now_ms + ahead_max_ms;
        assert!(bounds.contains(&time_ms), "height {} is {} ms off", committed.height, time_ms - now_ms);
        later_rounds += u32::from(round > 0);
    }
    assert!(later_rounds > 0, "the wrong one opened no height: the test shows nothing");
    // It refuses the others' blocks as they refuse its own, and follows what they decided all the same.
    await_height(network.node(0), network.node(1).height()).await;
    network.assert_no_fork().await;
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_whose_clock_is_ahead_cannot_move_the_chains_time_forward() {
    assert_time_is_the_others(HOUR_MS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_whose_clock_is_behind_cannot_hold_the_chains_time_back() {
    assert_time_is_the_others(-HOUR_MS).await;
}

/// D8: nothing is decided that more than two thirds of the weight do not stand behind, however many rounds go by.
#[tokio::test(flavor = "multi_thread")]
async fn four_validators_whose_clocks_forbid_every_block_decide_none_until_the_clocks_are_right() {
    let mut network = Network::new(&WEIGHTS, quick_rounds);
    for index in 0..4 {
        network.set_clock(index, START_MS);
    }
    for index in 0..4 {
        network.start(index).await;
    }
    let sender = KeyPair::from_seed(&[99; 32]);
    network.commit(0, &sender, 0).await;
    let mut tip_ms = START_MS;
    let settings = [
        // A block must be later than the one before: an hour ahead of every clock. Each validator would build the same.
        ("all behind the chain", [-HOUR_MS; 4]),
        ("each an hour from the next", [HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS, 4 * HOUR_MS]),
    ];
    for (sequence, (what, clocks)) in (1u64..).zip(settings) {
        println!("{what}");
        for (index, offset_ms) in clocks.into_iter().enumerate() {
            network.set_clock(index, tip_ms + offset_ms);
        }
        let id = assert_stands_still(network.node(0), &sender, sequence).await;
        tip_ms += 5 * HOUR_MS;
        for index in 0..4 {
            network.set_clock(index, tip_ms);
        }
        let committed = within("the transaction committing", network.node(0).await_committed(id)).await.unwrap();
        for node in network.running() {
            await_height(node, committed.height).await;
        }
        let (time_ms, _) = time_and_round(&network, committed.height).await;
        assert!((tip_ms..tip_ms + 1_000).contains(&time_ms), "{what}: {} ms off", time_ms - tip_ms);
    }
    network.assert_no_fork().await;
    network.shutdown().await;
}

/// Blocks that a node keeps on disk before they are decided: records of a length, a digest and as many bytes.
fn kept_blocks(data_dir: &Path) -> usize {
    let bytes = std::fs::read(data_dir.join("undecided")).unwrap();
    let mut rest = bytes.as_slice();
    let mut count = 0;
    while let Some((length, body)) = rest.split_first_chunk::<4>() {
        let Some(next) = body.get(32 + u32::from_le_bytes(*length) as usize..) else { break };
        (rest, count) = (next, count + 1);
    }
    count
}

/// D8: whatever is voted for is kept, also after more rounds than blocks are kept for.
#[tokio::test(flavor = "multi_thread")]
async fn a_height_of_more_rounds_than_blocks_are_kept_for_is_decided_once_the_clocks_are_right() {
    let mut network = Network::new(&WEIGHTS, |config| {
        quick_rounds(config);
        (config.timeouts.increase_ms, config.timeouts.max_ms) = (1, 250);
    });
    for index in 0..4 {
        network.set_clock(index, START_MS);
    }
    for index in 0..4 {
        network.start(index).await;
    }
    let sender = KeyPair::from_seed(&[99; 32]);
    let height = network.commit(0, &sender, 0).await.height + 1;
    let before = kept_blocks(&network.configs[0].data_dir);
    // Each builds a block that all others refuse.
    for index in 0..4u8 {
        network.set_clock(index.into(), START_MS + i64::from(index + 1) * HOUR_MS);
    }
    let (id, bytes) = write(NETWORK, &sender, 1, 16);
    network.node(0).submit(bytes).await.unwrap();
    let data_dir = network.configs[0].data_dir.clone();
    let refused = async {
        while kept_blocks(&data_dir) < before + 40 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("forty rounds passing", refused).await;
    // Each round adds as much to the log of this height's votes.
    let votes_bytes = || std::fs::metadata(data_dir.join("votes.wal")).unwrap().len();
    let of_forty = votes_bytes();
    for half_as_many_more in 3..=4 {
        let refused = async {
            while votes_bytes() < of_forty * half_as_many_more / 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        within("twenty more rounds passing", refused).await;
    }
    // One comes back from what it has on disk.
    network.stop(2).await;
    network.start(2).await;
    let now_ms = START_MS + 5 * HOUR_MS;
    for index in 0..4 {
        network.set_clock(index, now_ms);
    }
    let committed = within("the transaction committing", network.node(0).await_committed(id)).await.unwrap();
    for node in network.running() {
        await_height(node, committed.height).await;
    }
    // Not the transaction's height: the restarted one proposes an empty block where it has not heard of the transaction again.
    let (time_ms, round) = time_and_round(&network, height).await;
    assert!(time_ms == now_ms && round > 64, "{} ms off in round {round}", time_ms - now_ms);
    network.commit(2, &sender, 2).await;
    network.assert_no_fork().await;
    network.shutdown().await;
}
