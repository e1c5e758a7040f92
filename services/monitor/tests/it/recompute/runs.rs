//! Of whole runs, however readings came.

use ledger::{encode, rng_from_seed};
use monitor::{Arrived, arrival};
use phc::messages::READINGS;
use phc::{
    AlertFile, Arrival, CATEGORY_ANOMALIES, FiledBlock, ReadingBatch, Scope, Subject, Tick, filed,
    open_anomaly_and_salt, open_topic_value,
};
use stream::EventLog as _;
use vitals::{Anomaly, Route, Signal};

use super::{refused, verify};
use crate::world::*;

/// A file for every anomaly of a patient's chain.
async fn files(world: &World, patient: &Patient, subject: &Subject) -> Vec<AlertFile> {
    let blocks = world.blocks(patient).await;
    let key = patient.keys.get(&patient.chain, Scope::Category(CATEGORY_ANOMALIES)).unwrap();
    let (mut all, mut before) = (Vec::new(), Vec::new());
    for block in blocks {
        let mut sealed = Vec::new();
        for category in filed(&block.header) {
            sealed.push(world.blobs.get(&block.header.batch(category).unwrap().blob).await.unwrap().to_vec());
        }
        before.push(FiledBlock::new(&patient.chain, &patient.keys, block.clone(), sealed).unwrap());
        for (entry, committed) in (0..).zip(&block.body.anomalies) {
            let detail = world.blobs.get(&committed.detail).await.unwrap();
            let (salt, anomaly) = open_anomaly_and_salt(&patient.chain, key, &block, entry, &detail).unwrap();
            all.push(AlertFile {
                network: NETWORK,
                blocks: before.clone(),
                entry,
                salt,
                anomaly,
                subject: subject.clone(),
                settings: encode(detector().settings()),
                model: detector().cohort().unwrap().to_bytes().to_vec(),
                arrival: Arrival::default(),
            });
        }
    }
    all
}

/// What came in the patient's partition.
async fn arrived(world: &World, patient: &Patient) -> Vec<Arrived> {
    let key = patient.keys.stream(&patient.chain).unwrap();
    let partition = stream::partition_of(&patient.chain.id.0, PARTITIONS);
    let mut scan = world.log.scan(READINGS, partition, 0).await.unwrap();
    let mut all = Vec::new();
    loop {
        let records = scan.next(1_000).await.unwrap();
        if records.is_empty() {
            return all;
        }
        for record in records {
            if record.key.is_empty() {
                all.push(Arrived::Tick(ledger::decode::<Tick>("tick", &record.value).unwrap().time_ms));
            } else if *record.key == patient.chain.id.0 {
                let batch: ReadingBatch =
                    open_topic_value(key, &patient.chain, READINGS, "batch", &record.value).unwrap();
                all.push(Arrived::Readings(batch));
            }
        }
    }
}

/// D12, E5: every anomaly of a run, of the patient's body and of a room, is computed again from its file alone.
#[tokio::test(flavor = "multi_thread")]
async fn every_anomaly_of_a_run_is_computed_again_from_its_file_to_the_byte() {
    let mut world = World::new(61).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    let room = Subject::Location("bedroom".into());
    for at in 1_560..1_860 {
        world.send(&patient, &minute(0, at)).await;
        let cold = ReadingBatch {
            device: "thermometer".into(),
            subject: room.clone(),
            ..batch(at as u64, vec![reading(Signal::RoomTemperature, at, if at < 1_700 { 20_000 } else { 10_000 })])
        };
        world.send(&patient, &cold).await;
        if at % 7 == 0 {
            world.tick(START_MS + at * MINUTE_MS, false).await;
        }
    }
    world.flush(&mut running, START_MS + 1_900 * MINUTE_MS).await;
    running.stop().await;
    let mut routes = Vec::new();
    for file in files(&world, &patient, &Subject::Patient).await {
        let told: Anomaly = ledger::decode("anomaly", &file.anomaly).unwrap();
        let (own, other) = match told.route {
            Route::Environment => (room.clone(), Subject::Patient),
            _ => (Subject::Patient, room.clone()),
        };
        let found = verify(&AlertFile { subject: own, ..file.clone() }).unwrap();
        assert_eq!(encode(&found.anomaly), file.anomaly);
        assert!(found.readings > 100 && found.late == 0, "{found:?}");
        assert!(verify(&AlertFile { subject: other, ..file }).is_err(), "of another subject");
        routes.push((told.route, told.change));
    }
    assert!(routes.len() >= 3, "{routes:?}");
    assert!(routes.iter().any(|(route, _)| *route == Route::Environment), "{routes:?}");
}

/// D12, E3: however readings came and whatever the clock said meanwhile, the alert is computed again; where the order of
/// blocks does not suffice the file says what else there was.
#[tokio::test(flavor = "multi_thread")]
async fn late_readings_and_early_ticks_are_named_where_the_order_of_blocks_does_not_suffice() {
    let (mut plain, mut named_late, mut named_ticks, mut alerts) = (0, 0, 0, 0);
    for seed in 0..6_u64 {
        let mut world = World::new(70 + seed as u8).await;
        let patient = world.enrol().await;
        let mut running = world.start();
        let mut chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |end: u64| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            (chance >> 33) % end
        };
        // In turn: a watch that sends at once; one that keeps what it measures until it reaches the phone; and beside that one a
        // band that sends at once, now and then late.
        let (keeps, band) = (seed % 3 > 0, seed % 3 == 2);
        let (mut kept, mut sequence) = (Vec::new(), [0_u64; 2]);
        for at in 0..600_i64 {
            let low = at % 100 > 60;
            kept.push(reading(Signal::Spo2, at, if low { 80_000 + at % 3 * 1_000 } else { 96_000 }));
            let half_past = reading(Signal::Spo2, at, if low { 82_000 } else { 97_000 });
            kept.push(phc::Reading { time_ms: half_past.time_ms + 30_000, ..half_past });
            if !keeps || below(12) == 0 {
                let sent = std::mem::take(&mut kept);
                let first = sequence[0];
                sequence[0] += sent.len() as u64;
                world.send(&patient, &batch(first, sent)).await;
            }
            if band && at % 50 < 10 {
                let behind = if below(3) == 0 { below(9) as i64 } else { 0 };
                let beat = reading(Signal::HeartRate, (at - behind).max(0), 60_000 + below(20) as i64 * 1_000);
                let beat = ReadingBatch { device: "band".into(), ..batch(sequence[1], vec![beat]) };
                sequence[1] += 1;
                world.send(&patient, &beat).await;
            }
            if below(4) == 0 {
                let ahead = if keeps { below(2) as i64 * 3 } else { 0 };
                world.tick(START_MS + (at + ahead) * MINUTE_MS, false).await;
            }
        }
        world.flush(&mut running, START_MS + 700 * MINUTE_MS).await;
        running.stop().await;
        let arrived = arrived(&world, &patient).await;
        for mut file in files(&world, &patient, &Subject::Patient).await {
            alerts += 1;
            let by_blocks = verify(&file).is_ok();
            assert!(by_blocks || keeps, "in order, with ticks that are not ahead, blocks suffice");
            plain += u32::from(by_blocks);
            let chain = file.verify(&NETWORK).unwrap().chain;
            file.arrival = arrival(&file, &chain, arrived.clone()).unwrap();
            named_late += file.arrival.late.len();
            named_ticks += file.arrival.ticks.len();
            let found = verify(&file).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!(encode(&found.anomaly), file.anomaly);
            assert!(found.late >= file.arrival.late.len() as u64);
        }
    }
    println!(
        "{alerts} alerts, {plain} by blocks alone; {named_late} readings named as late, {named_ticks} ticks as early"
    );
    assert!(plain > 10 && plain < alerts && named_late > 0 && named_ticks > 0);
}

/// D12, D13: what a doctor set is in force in the computation from where it was in the run, and cannot be left out.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_by_a_doctors_limit_is_computed_again_with_the_recorded_parameters() {
    let mut world = World::new(81).await;
    let patient = world.enrol().await;
    let mut running = world.start();
    for at in 0..120 {
        let breath = reading(Signal::Respiration, at, 20_000 + at % 3 * 500);
        world.send(&patient, &batch(at as u64, vec![breath])).await;
        if [40, 80].contains(&at) {
            let mut parameters = vitals::Parameters::default();
            let high = if at == 40 { 18 } else { 28 };
            let limit = vitals::Limit::new(Signal::Respiration, None, Some(high), 0, 1, 1, vitals::Severity::Urgent);
            parameters.set_limit(limit).unwrap();
            let set = phc::ParametersSet {
                by: "doctors-a".into(),
                set_ms: START_MS + at * MINUTE_MS,
                parameters: parameters.to_bytes(),
            };
            let key = patient.keys.stream(&patient.chain).unwrap();
            let value = set.seal(key, &patient.chain, &mut rng_from_seed([9; 32]));
            world.append(vec![stream::Append::new(READINGS, patient.chain.id.0.to_vec(), set.set_ms, value)]).await;
        }
    }
    world.flush(&mut running, START_MS + 130 * MINUTE_MS).await;
    running.stop().await;
    let files = files(&world, &patient, &Subject::Patient).await;
    let found: Vec<_> = files.iter().map(|file| verify(file).unwrap()).collect();
    let told: Vec<_> = found
        .iter()
        .map(|found| (found.anomaly.change, (found.anomaly.start_ms - START_MS) / MINUTE_MS, found.parameters))
        .collect();
    assert_eq!(told, [(vitals::Change::Opened, 41, 1), (vitals::Change::Resolved, 41, 2)]);
    let mut without = files[0].clone();
    for filed in &mut without.blocks {
        filed.batches.retain(|batch| batch.category != phc::CATEGORY_PARAMETERS);
    }
    refused(&without, "category 252");
}
