//! When blocks are cut, and what they hold.

use phc::messages::READINGS;
use phc::{AccessRequest, CATEGORY_ACCESS, OpenedBatch, Records, Scope, Subject};
use stream::{Append, EventLog as _};
use vitals::{Anomaly, Signal};

use crate::world::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_cut_by_count() {
    let mut world = World::new(1).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    for at in 0..40 {
        world.send(&patient, &minute(0, at)).await;
    }
    // 120 readings: one block of 100 or a few more, none for the rest.
    running.until(|progress| progress.blocks == 1).await;
    let blocks = world.blocks(&patient).await;
    let readings = running.progress.borrow().readings;
    assert!((100..110).contains(&readings), "{readings}");
    // Of a message's three readings two are of one category, and so in one row.
    let rows: u64 = blocks[1].header.batches.iter().map(|entry| u64::from(entry.count)).sum();
    assert_eq!(rows * 3, readings * 2);
    assert_eq!(blocks.len(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_cut_by_age_in_event_time_and_an_idle_clock_cuts_none() {
    let mut world = World::new(2).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    world.send(&patient, &minute(0, 0)).await;
    // 59 minutes later it is not old enough; the tick of the other partition must not matter either.
    let places = world.tick(START_MS + 59 * MINUTE_MS, false).await;
    let mut partition_of_nobody = places.clone();
    partition_of_nobody.retain(|place| place.partition != stream::partition_of(&patient.chain.id.0, PARTITIONS));
    running.until(|progress| progress.covers(&partition_of_nobody)).await;
    assert_eq!(world.blocks(&patient).await.len(), 1);
    assert!(!running.progress.borrow().covers(&places), "the reading is in no block yet");
    let places = world.tick(START_MS + 60 * MINUTE_MS, false).await;
    running.until(|progress| progress.covers(&places)).await;
    let blocks = world.blocks(&patient).await;
    assert_eq!(blocks.len(), 2);
    assert_eq!(blocks[1].header.time_ms, START_MS + 60 * MINUTE_MS);
    assert_eq!(blocks[1].header.events.from_ms, START_MS);
    running.stop().await;
}

/// Capability D14, its first half: an anomaly becomes an alert that names the block it stands in.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_cuts_its_block_and_names_it() {
    let mut world = World::new(3).await;
    world.settings.limits.records = 30_000;
    world.settings.limits.age_ms = i64::MAX;
    let patient = world.enrol().await;
    let mut running = world.start();
    for at in 1_780..1_815 {
        world.send(&patient, &minute(0, at)).await;
    }
    running.until(|progress| progress.anomalies > 0).await;
    let alerts = world.alerts(&patient).await;
    let alert = &alerts[0];
    let anomaly: Anomaly = ledger::decode("anomaly", &alert.anomaly).unwrap();
    assert_eq!(anomaly.signal, Signal::HeartRate);
    let blocks = world.blocks(&patient).await;
    let block = &blocks[alert.height as usize];
    assert_eq!(block.hash(&patient.chain), alert.block);
    assert!(!alert.chart.is_empty() && alert.chart.windows(2).all(|pair| pair[0].0 < pair[1].0));
    world.flush(&mut running, START_MS + 1_816 * MINUTE_MS).await;
    assert_eq!(world.content(&patient).await.readings, 35 * 3);
    running.stop().await;
}

/// Capability D3: readings of a room belong to its location, beside the patient's own.
#[tokio::test(flavor = "multi_thread")]
async fn readings_of_a_location_are_watched_apart_from_the_patients() {
    let mut world = World::new(4).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    for at in 0..20 {
        let mut room = batch(at as u64, vec![reading(Signal::RoomTemperature, at, 36_000)]);
        room.device = "bedside".into();
        room.subject = Subject::Location("ward-3-bed-2".into());
        world.send(&patient, &room).await;
    }
    world.flush(&mut running, START_MS + 30 * MINUTE_MS).await;
    let alerts = world.alerts(&patient).await;
    let anomaly: Anomaly = ledger::decode("anomaly", &alerts[0].anomaly).unwrap();
    assert_eq!((anomaly.route, anomaly.signal), (vitals::Route::Environment, Signal::RoomTemperature));
    assert_eq!(world.content(&patient).await.readings, 20);
    running.stop().await;
}

/// Capability E13: every request for access is counted in the owner's next block, a refused one too.
#[tokio::test(flavor = "multi_thread")]
async fn requests_for_access_are_committed_in_the_next_block() {
    let mut world = World::new(5).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    let request = |permitted| AccessRequest {
        record: ledger::Digest::ZERO,
        owner: patient.chain.id,
        receiver: "insurer-1".into(),
        location: "portal".into(),
        time_ms: START_MS,
        expiry_ms: None,
        purpose: 1,
        category: 1,
        permitted,
    };
    let appends = [true, false].map(|permitted| world.sealed_request(&patient, &request(permitted)));
    let places = world.append(appends.to_vec()).await;
    // Which topic is read first is open, so the request is awaited before the final tick.
    let end = places.last().unwrap().offset;
    while world.blocks(&patient).await.len() < 2 {
        let places = world.tick(START_MS + 90 * MINUTE_MS, true).await;
        running.until(|progress| progress.covers(&places)).await;
    }
    assert_eq!(end, 1);
    let mut requests = Vec::new();
    for block in &world.blocks(&patient).await[1..] {
        let entry = block.header.batch(CATEGORY_ACCESS).unwrap();
        let blob = world.blobs.get(&entry.blob).await.unwrap();
        let key = patient.keys.get(&patient.chain, Scope::Category(CATEGORY_ACCESS)).unwrap();
        let opened = OpenedBatch::open(&patient.chain, key, &block.header, CATEGORY_ACCESS, &blob).unwrap();
        let Records::Access(of) = opened.records() else { panic!("requests") };
        requests.extend(of.clone());
    }
    assert_eq!(requests, [request(true), request(false)]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_opened_while_the_monitor_works_is_found() {
    let mut world = World::new(6).await;
    let mut running = world.start();
    world.tick(START_MS, false).await;
    for _ in 0..3 {
        let patient = world.enrol().await;
        world.send(&patient, &minute(0, 0)).await;
        world.flush(&mut running, START_MS + 60 * MINUTE_MS).await;
        assert_eq!(world.content(&patient).await.readings, 3);
        assert!(world.rejected(&patient).await.is_empty());
    }
    running.stop().await;
}

/// Figures, printed: bytes on disk for each reading, minute data of one device.
#[tokio::test(flavor = "multi_thread")]
async fn a_minute_reading_costs_a_few_bytes() {
    let mut world = World::new(7).await;
    world.settings.limits = monitor::Limits { records: 1_024, age_ms: 7 * 24 * 60 * MINUTE_MS };
    let patient = world.enrol().await;
    let mut running = world.start();
    for hour in 0..24 {
        let appends: Vec<Append> = (0..60)
            .map(|at| {
                let batch = minute(0, hour * 60 + at);
                world.sealed(&patient, &batch)
            })
            .collect();
        world.append(appends).await;
    }
    world.flush(&mut running, START_MS + 1_441 * MINUTE_MS).await;
    let blocks = world.blocks(&patient).await;
    let readings: u64 = world.content(&patient).await.readings;
    let of_readings = blocks.iter().flat_map(|block| &block.header.batches).filter(|entry| entry.category < 128);
    let blobs: u64 = of_readings.map(|entry| u64::from(entry.blob.length)).sum();
    let all: u64 =
        blocks.iter().flat_map(|block| &block.header.batches).map(|entry| u64::from(entry.blob.length)).sum();
    let blocks_bytes: u64 = blocks.iter().map(|block| block.encode().len() as u64).sum();
    let states: u64 = world.records("monitor.state").await.iter().map(|record| record.value.len() as u64).sum();
    let inbound: u64 = world.records(READINGS).await.iter().map(|record| record.value.len() as u64).sum();
    println!(
        "{readings} readings in {} blocks: {:.2} bytes of sealed batches, {:.2} with scores, {:.2} of blocks, {:.2} of states, {:.2} inbound, each",
        blocks.len() - 1,
        blobs as f64 / readings as f64,
        all as f64 / readings as f64,
        blocks_bytes as f64 / readings as f64,
        states as f64 / readings as f64,
        inbound as f64 / readings as f64,
    );
    assert_eq!(readings, 1_440 * 3);
    assert!(blobs < 3 * readings, "{blobs} bytes for {readings} readings");
    assert_eq!(world.log.partitions(READINGS).await.unwrap(), PARTITIONS);
    running.stop().await;
}
