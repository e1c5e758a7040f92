//! Whatever happens to monitors, the chains hold each reading once and say the same.

use std::collections::BTreeSet;
use std::ops::Range;

use phc::messages::READINGS;
use stream::{Append, EventLog as _};

use crate::world::*;

const PATIENTS: u64 = 6;
const MINUTES: i64 = 2_000;

/// A day and a half of six patients, in order of time, ticks between.
async fn fill(world: &mut World) -> Vec<Patient> {
    let patients = enrol(world).await;
    fill_minutes(world, &patients, 0..MINUTES).await;
    patients
}

async fn enrol(world: &mut World) -> Vec<Patient> {
    let mut patients = Vec::new();
    for _ in 0..PATIENTS {
        patients.push(world.enrol().await);
    }
    patients
}

async fn fill_minutes(world: &mut World, patients: &[Patient], minutes: Range<i64>) {
    let mut appends: Vec<Append> = Vec::new();
    for at in minutes {
        for (number, patient) in patients.iter().enumerate() {
            let batch = minute(number as u64, at);
            appends.push(world.sealed(patient, &batch));
        }
        if at % 20 == 19 {
            appends.extend(ticks(START_MS + at * MINUTE_MS, false));
            world.append(std::mem::take(&mut appends)).await;
        }
    }
}

async fn contents(world: &World, patients: &[Patient]) -> Contents32 {
    let mut all = Contents32::new();
    for patient in patients {
        all.insert(patient.chain.id, world.content(patient).await);
    }
    all
}

async fn undisturbed() -> Contents32 {
    let mut world = World::new(20).await;
    let patients = fill(&mut world).await;
    let mut running = world.start();
    world.flush(&mut running, START_MS + MINUTES * MINUTE_MS).await;
    running.stop().await;
    let contents = contents(&world, &patients).await;
    for content in contents.values() {
        assert_eq!(content.readings, 3 * MINUTES as u64);
        assert!(content.scores > 0 && content.anomalies > 0, "{content:?}");
    }
    contents
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_killed_in_mid_stream_is_replaced_without_loss_or_repetition() {
    let expected = undisturbed().await;
    let mut world = World::new(20).await;
    let patients = enrol(&mut world).await;
    fill_minutes(&mut world, &patients, 0..560).await;
    // Each is killed after its first few commits; some in the middle of the next one. What comes before each life is three blocks of
    // every patient, so that none is without work however late its predecessor was killed.
    for life in 0..12u64 {
        let from = 560 + i64::try_from(life).unwrap() * 120;
        fill_minutes(&mut world, &patients, from..from + 120).await;
        let mut running = world.start();
        running.until(|progress| progress.commits > life % 3).await;
        for _ in 0..life {
            tokio::task::yield_now().await;
        }
        running.kill().await;
    }
    let mut running = world.start();
    world.flush(&mut running, START_MS + MINUTES * MINUTE_MS).await;
    running.stop().await;
    assert_eq!(contents(&world, &patients).await, expected);
    for patient in &patients {
        assert_eq!(world.alerts(patient).await.len() as u64, expected[&patient.chain.id].anomalies);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_monitors_share_the_partitions_and_come_to_the_same() {
    let expected = undisturbed().await;
    let mut world = World::new(20).await;
    let patients = enrol(&mut world).await;
    let used: BTreeSet<_> =
        patients.iter().map(|patient| stream::partition_of(&patient.chain.id.0, PARTITIONS)).collect();
    assert_eq!(used.len(), PARTITIONS as usize, "another seed is needed: no partition may be empty");
    fill_minutes(&mut world, &patients, 0..1_000).await;
    let mut first = world.start();
    first.until(|progress| progress.commits > 1).await;
    world.settings.name = "monitor-2".into();
    let mut second = world.start();
    world.tick_until_committed(&mut second, START_MS + 999 * MINUTE_MS).await;
    let before = second.progress.borrow().commits;
    fill_minutes(&mut world, &patients, 1_000..MINUTES).await;
    second.until(|progress| progress.commits > before + 1).await;
    first.kill().await;
    world.flush(&mut second, START_MS + MINUTES * MINUTE_MS).await;
    second.stop().await;
    assert_eq!(contents(&world, &patients).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_blocks_do_not_change_what_the_chains_say() {
    let expected = undisturbed().await;
    for (records, age_ms, pending_max) in
        [(7, i64::MAX, 500_000), (30_000, 24 * 60 * MINUTE_MS, 500_000), (30_000, i64::MAX, 50)]
    {
        let mut world = World::new(20).await;
        world.settings.limits = monitor::Limits { records, age_ms };
        world.settings.pending_max = pending_max;
        let patients = fill(&mut world).await;
        let mut running = world.start();
        world.flush(&mut running, START_MS + MINUTES * MINUTE_MS).await;
        running.stop().await;
        assert_eq!(contents(&world, &patients).await, expected);
    }
}

/// A tick cuts everybody's block at once, and of many patients that is more than one commit holds.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_tick_cuts_is_spread_over_as_many_commits_as_it_takes() {
    const PATIENTS: u64 = 12;
    let mut world = World::new(22).await;
    // Every cut fills a commit.
    world.settings.commit_bytes = 1;
    let mut patients = Vec::new();
    for _ in 0..PATIENTS {
        patients.push(world.enrol().await);
    }
    for patient in &patients {
        world.send(patient, &minute(0, 0)).await;
    }
    let mut running = world.start();
    world.tick(START_MS + MINUTE_MS, true).await;
    running.until(|progress| progress.blocks >= 5).await;
    let spread = |progress: &monitor::Progress| assert!(progress.commits >= progress.blocks, "{progress:?}");
    spread(&running.progress.borrow());
    running.kill().await;
    // The next does what is left, if anything is.
    let mut running = world.start();
    world.flush(&mut running, START_MS + MINUTE_MS).await;
    spread(&running.progress.borrow());
    running.stop().await;
    for patient in &patients {
        assert_eq!(world.blocks(patient).await.len(), 2, "once, and all of it in one block");
        assert_eq!(world.content(patient).await.readings, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_read_position_never_passes_a_reading_that_is_in_no_block() {
    let mut world = World::new(21).await;
    world.settings.limits = monitor::Limits { records: 30_000, age_ms: i64::MAX };
    let (quiet, busy) = (world.enrol().await, world.enrol().await);
    let mut running = world.start();
    world.send(&quiet, &minute(0, 0)).await;
    for at in 0..50 {
        world.send(&busy, &minute(1, at)).await;
    }
    // An alert cuts the busy one's block; the quiet one's reading still holds its partition's position.
    for at in 1_795..1_812 {
        world.send(&busy, &minute(1, at)).await;
    }
    running.until(|progress| progress.anomalies > 0).await;
    let partition = stream::partition_of(&quiet.chain.id.0, PARTITIONS);
    let records = world.records(READINGS).await;
    let first = records.iter().find(|record| *record.key == quiet.chain.id.0).unwrap().offset;
    let committed = running.progress.borrow().committed.get(&partition).copied().unwrap_or(0);
    assert!(committed <= first, "{committed} passed {first}");
    running.kill().await;
    let mut running = world.start();
    world.flush(&mut running, START_MS + 1_812 * MINUTE_MS).await;
    assert_eq!(world.content(&quiet).await.readings, 3);
    assert_eq!(world.content(&busy).await.readings, 67 * 3);
    running.stop().await;
}

/// Event time belongs to the partition's position: what ticks did without a word before a takeover is done after it.
#[tokio::test(flavor = "multi_thread")]
async fn readings_that_come_after_a_silent_tick_are_judged_the_same_by_whoever_reads_them() {
    let mut contents = Vec::new();
    for killed in [false, true] {
        let mut world = World::new(24).await;
        let patient = world.enrol().await;
        let mut running = world.start();
        world.send(&patient, &minute(0, 0)).await;
        world.flush(&mut running, START_MS + 60 * MINUTE_MS).await;
        // Nothing comes of these ticks but the time.
        for time in [150, 200] {
            world.flush(&mut running, START_MS + time * MINUTE_MS).await;
        }
        if killed {
            running.kill().await;
            running = world.start();
        }
        for at in 100..120 {
            world.send(&patient, &batch(at as u64 * 3, vec![reading(vitals::Signal::HeartRate, at, 160_000)])).await;
            if at == 110 {
                world.tick(START_MS + 201 * MINUTE_MS, false).await;
            }
        }
        world.flush(&mut running, START_MS + 202 * MINUTE_MS).await;
        running.stop().await;
        contents.push(world.content(&patient).await);
    }
    assert_eq!(contents[0], contents[1]);
    assert_eq!(contents[0].readings, 23);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_monitor_leaves_in_the_blob_store_are_orphans_only() {
    let mut world = World::new(22).await;
    let patients = enrol(&mut world).await;
    for life in 0..6 {
        fill_minutes(&mut world, &patients, life * 300..(life + 1) * 300).await;
        let mut running = world.start();
        running.until(|progress| progress.commits > 0).await;
        running.kill().await;
    }
    fill_minutes(&mut world, &patients, 1_800..MINUTES).await;
    let mut running = world.start();
    world.flush(&mut running, START_MS + MINUTES * MINUTE_MS).await;
    running.stop().await;
    let mut referred = BTreeSet::new();
    for patient in &patients {
        for block in world.blocks(patient).await {
            referred.extend(block.header.batches.iter().map(|entry| entry.blob.pack));
            referred.extend(block.body.anomalies.iter().map(|entry| entry.detail.pack));
        }
    }
    assert!(world.blobs.check().await.unwrap().is_clean());
    let orphans = world.blobs.orphans(|pack| referred.contains(pack), i64::MAX).await.unwrap();
    let packs = std::fs::read_dir(world.dir.path().join("blobs/packs")).unwrap().count();
    assert_eq!(packs, referred.len() + orphans.len());
    assert!(world.log.end(READINGS, 0).await.unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_monitor_of_the_same_name_fences_the_first() {
    let mut world = World::new(23).await;
    let patient = world.enrol().await;
    let mut first = world.start();
    world.send(&patient, &minute(0, 0)).await;
    world.flush(&mut first, START_MS + MINUTE_MS).await;
    let mut second = world.start();
    for at in 1..200 {
        world.send(&patient, &minute(0, at)).await;
    }
    // Partitions are shared: from the second's first commit on the first lacks the name's latest writer, and ends as soon as it has
    // something to commit.
    world.tick_until_committed(&mut second, START_MS + 200 * MINUTE_MS).await;
    world.tick(START_MS + 200 * MINUTE_MS, true).await;
    let fenced = first.failure().await;
    assert!(fenced.is_fenced(), "{fenced}");
    world.flush(&mut second, START_MS + 200 * MINUTE_MS).await;
    assert_eq!(world.content(&patient).await.readings, 600);
    second.stop().await;
}
