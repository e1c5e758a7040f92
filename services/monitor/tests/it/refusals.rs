//! Duplicates, conflicts, late readings, missing keys: counted and kept, never in the way.

use phc::messages::READINGS;
use phc::{Contents, Subject};
use stream::Append;
use vitals::Signal;

use crate::world::*;

/// Capability E3: sending again is harmless.
#[tokio::test(flavor = "multi_thread")]
async fn readings_that_are_sent_again_are_taken_once() {
    let mut world = World::new(40).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    for _ in 0..3 {
        for at in 0..5 {
            world.send(&patient, &minute(0, at)).await;
        }
    }
    world.flush(&mut running, START_MS + 5 * MINUTE_MS).await;
    assert_eq!(world.content(&patient).await.readings, 15);
    assert_eq!(running.progress.borrow().duplicates, 30);
    assert!(world.rejected(&patient).await.is_empty());
    // Another monitor knows as well what was taken.
    running.kill().await;
    let mut running = world.start();
    world.send(&patient, &minute(0, 4)).await;
    world.flush(&mut running, START_MS + 6 * MINUTE_MS).await;
    assert_eq!(world.content(&patient).await.readings, 15);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_with_other_content_is_a_conflict_and_kept_apart() {
    let mut world = World::new(41).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    world.send(&patient, &batch(7, vec![reading(Signal::HeartRate, 0, 70_000)])).await;
    world.send(&patient, &batch(7, vec![reading(Signal::HeartRate, 0, 71_000)])).await;
    world.flush(&mut running, START_MS + MINUTE_MS).await;
    assert_eq!(world.rejected(&patient).await, ["conflict"]);
    let mut expected = Contents::default();
    for record in batch(7, vec![reading(Signal::HeartRate, 0, 70_000)]).records() {
        expected.reading(record);
    }
    assert_eq!(world.content(&patient).await.content_sha256, expected.finish().content_sha256);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_readings_and_gaps_in_the_sequence_are_recorded() {
    let mut world = World::new(42).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    world.send(&patient, &batch(0, vec![reading(Signal::HeartRate, 100, 70_000)])).await;
    world.tick(START_MS + 120 * MINUTE_MS, false).await;
    world.send(&patient, &batch(5, vec![reading(Signal::HeartRate, 3, 70_000)])).await;
    world.send(&patient, &batch(2, vec![reading(Signal::HeartRate, 2, 70_000)])).await;
    world.flush(&mut running, START_MS + 121 * MINUTE_MS).await;
    assert_eq!(world.content(&patient).await.readings, 3);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_signal_is_kept_as_rejected_and_the_rest_of_its_batch_counts() {
    let mut world = World::new(43).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    let unknown = phc::Reading { signal: 999, ..reading(Signal::HeartRate, 0, 1) };
    world.send(&patient, &batch(0, vec![unknown, reading(Signal::HeartRate, 0, 70_000)])).await;
    world.flush(&mut running, START_MS + MINUTE_MS).await;
    assert_eq!(world.rejected(&patient).await, ["unknown-signal"]);
    assert_eq!(world.content(&patient).await.readings, 1);
    running.stop().await;
}

/// Capability D5, from the monitor's side: without a grant nothing is read.
#[tokio::test(flavor = "multi_thread")]
async fn without_keys_grant_or_chain_readings_are_kept_unopened_and_hold_up_nobody() {
    let mut world = World::new(44).await;
    let known = world.enrol().await;
    let keyless = world.enrol_until(None).await;
    let expired = world.enrol_until(Some(START_MS)).await;
    world.keys.insert(&expired.chain, expired.keys.clone());
    let mut running = world.start();
    let mut unknown = world.enrol_until(None).await;
    unknown.chain.id = ledger::Digest([9; 32]);
    let odd = Append::new(READINGS, b"short".to_vec(), START_MS, b"?".to_vec());
    let garbage = Append::new(READINGS, known.chain.id.0.to_vec(), START_MS, b"no ciphertext".to_vec());
    let mut appends = vec![odd, garbage];
    for patient in [&keyless, &expired, &unknown, &known] {
        appends.push(world.sealed(patient, &minute(0, 0)));
    }
    world.append(appends).await;
    world.flush(&mut running, START_MS + MINUTE_MS).await;
    assert_eq!(world.content(&known).await.readings, 3);
    let mut reasons = world.rejected(&known).await;
    reasons.sort_unstable();
    assert_eq!(reasons, ["no-chain", "no-chain", "no-grant", "no-key", "unreadable"]);
    assert_eq!(running.progress.borrow().rejected, 5);
    // A grant that comes later counts from then on.
    world.keys.insert(&keyless.chain, keyless.keys.clone());
    world.send(&keyless, &minute(0, 1)).await;
    world.flush(&mut running, START_MS + 2 * MINUTE_MS).await;
    assert_eq!(world.content(&keyless).await.readings, 3);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_patient_is_read_no_more_and_the_others_go_on() {
    let mut world = World::new(45).await;
    let (erased, other) = (world.enrol().await, world.enrol().await);
    let mut running = world.start();
    for patient in [&erased, &other] {
        world.send(patient, &minute(0, 0)).await;
    }
    world.flush(&mut running, START_MS + MINUTE_MS).await;
    world.keys.remove(&erased.chain);
    for patient in [&erased, &other] {
        world.send(patient, &minute(0, 1)).await;
    }
    world.flush(&mut running, START_MS + 2 * MINUTE_MS).await;
    assert_eq!(world.blocks(&erased).await.len(), 2);
    assert_eq!(world.content(&other).await.readings, 6);
    running.kill().await;
    // Whoever takes over cannot even read the erased one's state, and goes on with the others.
    let mut running = world.start();
    world.send(&other, &minute(0, 2)).await;
    world.flush(&mut running, START_MS + 3 * MINUTE_MS).await;
    assert_eq!(world.content(&other).await.readings, 9);
    running.stop().await;
}

/// A chain whose state cannot be opened any longer must never be begun anew from its opening: that would fork it.
#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_is_read_again_does_not_begin_an_erased_chain_anew() {
    let mut world = World::new(47).await;
    // Chains without keys keep the openings after theirs unread; both partitions get one.
    for _ in 0..8 {
        world.enrol_until(None).await;
    }
    let patient = world.enrol().await;
    let mut running = world.start();
    world.send(&patient, &minute(0, 0)).await;
    world.flush(&mut running, START_MS + MINUTE_MS).await;
    assert_eq!(world.blocks(&patient).await.len(), 2);
    world.keys.remove(&patient.chain);
    running.kill().await;
    let mut running = world.start();
    world.flush(&mut running, START_MS + 2 * MINUTE_MS).await;
    world.keys.insert(&patient.chain, patient.keys.clone());
    world.send(&patient, &minute(0, 1)).await;
    world.flush(&mut running, START_MS + 3 * MINUTE_MS).await;
    assert_eq!(world.rejected(&patient).await, ["no-key"]);
    assert_eq!(world.content(&patient).await.readings, 3);
    // The next to take over goes on with it.
    running.kill().await;
    let mut running = world.start();
    world.send(&patient, &minute(0, 2)).await;
    world.flush(&mut running, START_MS + 4 * MINUTE_MS).await;
    assert_eq!(world.content(&patient).await.readings, 6);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_devices_and_locations_than_a_patient_may_have_are_rejected() {
    let mut world = World::new(46).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    for number in 0..66 {
        let mut one = batch(0, vec![reading(Signal::HeartRate, number, 60_000)]);
        one.device = format!("watch-{number}");
        world.send(&patient, &one).await;
    }
    for number in 0..18 {
        let mut one = batch(1, vec![reading(Signal::RoomTemperature, number, 20_000)]);
        one.device = "watch-0".into();
        one.subject = Subject::Location(format!("room-{number}"));
        one.first_sequence = 1 + number as u64;
        world.send(&patient, &one).await;
    }
    world.flush(&mut running, START_MS + 100 * MINUTE_MS).await;
    let mut reasons = world.rejected(&patient).await;
    reasons.sort_unstable();
    assert_eq!(reasons, ["too-many-devices", "too-many-devices", "too-many-locations", "too-many-locations"]);
    assert_eq!(world.content(&patient).await.readings, 64 + 16);
    running.stop().await;
}

#[test]
fn settings_out_of_bounds_are_refused() {
    let good = monitor::Settings::default();
    assert!(good.check().is_ok());
    let bad = [
        monitor::Settings { limits: monitor::Limits { records: 0, age_ms: 1 }, ..good.clone() },
        monitor::Settings { limits: monitor::Limits { records: 40_000, age_ms: 1 }, ..good.clone() },
        monitor::Settings { limits: monitor::Limits { records: 1, age_ms: 0 }, ..good.clone() },
        monitor::Settings { pending_max: 0, ..good.clone() },
        monitor::Settings { name: String::new(), ..good },
    ];
    for settings in bad {
        assert!(settings.check().is_err(), "{settings:?}");
    }
}
