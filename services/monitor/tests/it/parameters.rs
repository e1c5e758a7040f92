//! What doctors set: in force from the next reading in the log on, on the chain, and the same whoever reads it.

use std::ops::Range;

use phc::messages::READINGS;
use phc::{CATEGORY_PARAMETERS, OpenedBatch, ParametersRecord, ParametersSet, Records, Scope};
use stream::Append;
use vitals::{Anomaly, Limit, Parameters, Severity, Signal};

use crate::world::*;

const MINUTES: i64 = 400;

fn high_respiration(high: i64) -> Parameters {
    let mut parameters = Parameters::default();
    parameters.set_limit(Limit::new(Signal::Respiration, None, Some(high), 0, 1, 1, Severity::Urgent)).unwrap();
    parameters
}

fn set(by: &str, minute: i64, parameters: &Parameters) -> ParametersSet {
    ParametersSet { by: by.into(), set_ms: START_MS + minute * MINUTE_MS + 30_000, parameters: parameters.to_bytes() }
}

fn sealed(patient: &Patient, set: &ParametersSet) -> Append {
    let key = patient.keys.stream(&patient.chain).unwrap();
    let value = set.seal(key, &patient.chain, &mut ledger::rng_from_seed([9; 32]));
    Append::new(READINGS, patient.chain.id.0.to_vec(), set.set_ms, value)
}

/// All records of category 252, in the order of the chain; each opens under the key of anomalies and has its proof.
async fn recorded(world: &World, patient: &Patient) -> Vec<ParametersRecord> {
    let mut all = Vec::new();
    for block in &world.blocks(patient).await[1..] {
        let Some(entry) = block.header.batch(CATEGORY_PARAMETERS) else { continue };
        let blob = world.blobs.get(&entry.blob).await.unwrap();
        let key = patient.keys.get(&patient.chain, Scope::of_batch(CATEGORY_PARAMETERS)).unwrap();
        let opened = OpenedBatch::open(&patient.chain, key, &block.header, CATEGORY_PARAMETERS, &blob).unwrap();
        let Records::Parameters(records) = opened.records() else { panic!("parameters") };
        for (record, index) in records.iter().zip(0..) {
            let proof = opened.prove(block, index).unwrap();
            proof.verify().unwrap();
            assert_eq!(proof.record, ledger::encode(record));
        }
        all.extend(records.clone());
    }
    all
}

/// Signal and minute of what was alerted.
async fn alerted(world: &World, patient: &Patient) -> Vec<(Signal, i64)> {
    let read = |alert: &phc::Alert| -> Anomaly { ledger::decode("anomaly", &alert.anomaly).unwrap() };
    let of = |anomaly: Anomaly| (anomaly.signal, (anomaly.start_ms - START_MS) / MINUTE_MS);
    world.alerts(patient).await.iter().map(|alert| of(read(alert))).collect()
}

fn breath(minute: i64, value: i64) -> phc::ReadingBatch {
    batch(minute as u64, vec![reading(Signal::Respiration, minute, value * 1_000)])
}

/// D13: the reading before what was set does not alert, though nothing had decided it yet; the next one does, and a patient for
/// whom nothing was set hears nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_counts_from_the_next_reading_on_and_is_on_the_chain() {
    let mut world = World::new(60).await;
    let (one, other) = (world.enrol().await, world.enrol().await);
    let mut running = world.start();
    let own = set("doctors-a", 0, &high_respiration(18));
    for patient in [&one, &other] {
        world.send(patient, &breath(0, 20)).await;
        if patient.chain == one.chain {
            world.append(vec![sealed(patient, &own)]).await;
        }
        world.send(patient, &breath(1, 20)).await;
    }
    world.flush(&mut running, START_MS + 10 * MINUTE_MS).await;
    assert_eq!(alerted(&world, &one).await, [(Signal::Respiration, 1)]);
    assert_eq!(alerted(&world, &other).await, []);
    assert_eq!(recorded(&world, &one).await, [ParametersRecord { set: own, after_ms: Some(START_MS) }]);
    assert_eq!(recorded(&world, &other).await, []);
    assert_eq!(world.content(&one).await.readings, 2);
    running.stop().await;
}

/// Before anything was read of the patient, and alone in a block.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_before_any_reading_holds_for_the_first_and_outlives_the_monitor() {
    let mut world = World::new(61).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    let own = set("doctors-a", 0, &high_respiration(18));
    world.append(vec![sealed(&patient, &own)]).await;
    world.flush(&mut running, START_MS + MINUTE_MS).await;
    assert_eq!(recorded(&world, &patient).await, [ParametersRecord { set: own, after_ms: None }]);
    running.kill().await;
    let mut running = world.start();
    world.send(&patient, &breath(2, 20)).await;
    world.flush(&mut running, START_MS + 10 * MINUTE_MS).await;
    assert_eq!(alerted(&world, &patient).await, [(Signal::Respiration, 2)]);
    running.stop().await;
}

/// What does not open, or opens and is no parameters, is kept, and what was in force stays.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_kept_and_changes_nothing() {
    let mut world = World::new(62).await;
    let (patient, other) = (world.enrol().await, world.enrol().await);
    let mut running = world.start();
    let good = set("doctors-a", 0, &high_respiration(18));
    let malformed = ParametersSet { parameters: vec![9, 9], ..set("doctors-a", 1, &Parameters::default()) };
    let foreign = {
        let key = other.keys.stream(&other.chain).unwrap();
        let value =
            set("doctors-a", 1, &Parameters::default()).seal(key, &other.chain, &mut ledger::rng_from_seed([8; 32]));
        Append::new(READINGS, patient.chain.id.0.to_vec(), START_MS, value)
    };
    let records = vec![sealed(&patient, &good), sealed(&patient, &malformed), foreign];
    world.append(records).await;
    world.send(&patient, &breath(2, 20)).await;
    world.flush(&mut running, START_MS + 10 * MINUTE_MS).await;
    assert_eq!(world.rejected(&patient).await, ["unreadable", "unreadable"]);
    assert_eq!(recorded(&world, &patient).await, [ParametersRecord { set: good, after_ms: None }]);
    assert_eq!(alerted(&world, &patient).await, [(Signal::Respiration, 2)]);
    running.stop().await;
}

/// Readings of some minutes with limits that change between them.
async fn fill(world: &mut World, patients: &[Patient], minutes: Range<i64>) {
    let mut appends = Vec::new();
    for at in minutes {
        for (patient, number) in patients.iter().zip(0i64..) {
            appends.push(world.sealed(patient, &minute(number as u64, at)));
            if at % 50 == 7 + number {
                // Around what is breathed, so that some minutes are beyond it.
                let by = format!("doctors-{}", at % 3);
                appends.push(sealed(patient, &set(&by, at, &high_respiration(13 + at / 50 % 3))));
            }
        }
        if at % 20 == 19 {
            appends.extend(ticks(START_MS + at * MINUTE_MS, false));
            world.append(std::mem::take(&mut appends)).await;
        }
    }
}

/// D13: takeovers in the middle, and other limits of blocks, change nothing: the same alerts, scores and records.
#[tokio::test(flavor = "multi_thread")]
async fn takeovers_and_limits_of_blocks_do_not_change_what_parameters_do() {
    let mut expected = Vec::new();
    // Minutes that come before each life: at least one block of them is cut, by count or by age.
    for (lives, minutes, records) in [(0, 0, 100), (8, 40, 100), (0, 0, 7), (3, 100, 30_000)] {
        let mut world = World::new(63).await;
        world.settings.limits.records = records;
        let mut patients = Vec::new();
        for _ in 0..3 {
            patients.push(world.enrol().await);
        }
        let begun = MINUTES - lives * minutes;
        fill(&mut world, &patients, 0..begun).await;
        for life in 0..lives {
            let from = begun + life * minutes;
            fill(&mut world, &patients, from..from + minutes).await;
            let mut running = world.start();
            running.until(|progress| progress.commits > 0).await;
            for _ in 0..life {
                tokio::task::yield_now().await;
            }
            running.kill().await;
        }
        let mut running = world.start();
        world.flush(&mut running, START_MS + MINUTES * MINUTE_MS).await;
        running.stop().await;
        let mut found = Vec::new();
        for patient in &patients {
            let set = recorded(&world, patient).await;
            assert_eq!(set.len(), 8);
            // Set in the minute after its newest reading.
            assert!(set.iter().all(|record| record.after_ms.is_some_and(|after| record.set.set_ms - after == 30_000)));
            let alerted = alerted(&world, patient).await;
            assert!(alerted.len() > 4, "{alerted:?}");
            found.push((world.content(patient).await, set, alerted));
        }
        if expected.is_empty() {
            expected = found;
        } else {
            assert_eq!(found, expected, "{lives} lives, blocks of {records}");
        }
    }
}
