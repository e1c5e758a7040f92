//! Alerts computed again from files: of whole runs, however readings came, and of files that were changed.

use ledger::{BlobRef, Chain, Digest, KeyPair, WrapSecretKey, encode, rng_from_seed, sha256};
use monitor::{Arrived, Recomputed, arrival, recompute};
use phc::messages::READINGS;
use phc::{
    AlertFile, Arrival, Block, BlockBuilder, CATEGORY_ANOMALIES, ChainState, EarlyTick, FiledBlock, LateReading,
    Opening, PatientKeys, Place, ReadingBatch, Role, Scope, Span, Subject, Tick, Writer, filed, open_anomaly_and_salt,
    open_topic_value,
};
use stream::EventLog as _;
use vitals::{Anomaly, Detector, PatientState, Route, Settings, Signal};

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

/// Through the bytes, as whoever gets the file does.
fn verify(file: &AlertFile) -> monitor::Result<Recomputed> {
    let file = AlertFile::decode(&file.encode())?;
    let on_chain = file.verify(&NETWORK)?;
    recompute(&file, &on_chain.chain)
}

#[track_caller]
fn refused(file: &AlertFile, reason: &str) {
    let error = verify(file).unwrap_err().to_string();
    assert!(error.contains(reason), "`{reason}` is not in: {error}");
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

/// A chain made by hand, of one writer who may put anything into it.
struct Made {
    chain: Chain,
    file: AlertFile,
}

/// Forty minutes of a low saturation in three blocks, the alert in the last one. `change` may alter what the writer enters: the readings,
/// or the anomaly's bytes.
fn made(settings: &Settings, model: Digest, change: impl Fn(&mut Vec<phc::Reading>, &mut Vec<u8>)) -> Made {
    let mut rng = rng_from_seed([3; 32]);
    let (patient, writer) = (KeyPair::from_seed(&[1; 32]), KeyPair::from_seed(&[2; 32]));
    let wrap = WrapSecretKey::from_seed(&[4; 32]).public();
    let writers = vec![Writer { role: Role::Monitor, signer: writer.public(), wrap, until_ms: None }];
    let opening = Opening { patient: patient.public(), wrap, nonce: [5; 32], time_ms: START_MS, writers };
    let first = Block::open(opening, NETWORK, &patient, &mut rng).unwrap();
    let (chain, mut head) = ChainState::open(NETWORK, &first).unwrap();
    let keys = PatientKeys::generate(vitals::Category::ALL.map(vitals::Category::id), &mut rng);

    let low = |at: i64| reading(Signal::Spo2, at, if at < 30 { 96_000 } else { 80_000 });
    let mut readings: Vec<phc::Reading> = (0..40).map(low).collect();
    let mut anomaly = said(settings, &readings);
    change(&mut readings, &mut anomaly);

    let (mut blocks, mut salt) = (vec![FiledBlock::new(&chain, &keys, first, []).unwrap()], None);
    let mut sequence = 0;
    for (height, part) in (1..).zip(readings.chunks(16)) {
        let mut builder = BlockBuilder::default();
        for one in part {
            let now_ms = one.time_ms;
            let record = phc::Record {
                device: "watch".into(),
                subject: Subject::Patient,
                sequence,
                reading: *one,
                received_ms: now_ms,
                raw: None,
            };
            builder.reading(1, &record, now_ms);
            sequence += 1;
        }
        let last = head.height + 1 == readings.chunks(16).len() as u64;
        if last {
            builder.anomaly(anomaly.clone(), START_MS, START_MS).unwrap();
        }
        let span = Span { partition: 0, from: height - 1, through: height };
        let place = Place { height, writer: writer.public(), time_ms: START_MS + 50 * MINUTE_MS, span, model };
        let draft = builder.cut(&chain, &keys, place, &mut rng).unwrap();
        let blobs: Vec<Vec<u8>> = draft.blobs().map(<[u8]>::to_vec).collect();
        let places: Vec<BlobRef> = blobs
            .iter()
            .map(|blob| BlobRef { pack: Digest::ZERO, offset: 0, length: blob.len() as u32, digest: sha256(blob) })
            .collect();
        let block = draft.finish(head.hash, &places, &writer, &mut rng).unwrap();
        head.advance(&chain, &block).unwrap();
        if last {
            let key = keys.get(&chain, Scope::Category(CATEGORY_ANOMALIES)).unwrap();
            salt = Some(open_anomaly_and_salt(&chain, key, &block, 0, blobs.last().unwrap()).unwrap().0);
        }
        blocks.push(FiledBlock::new(&chain, &keys, block, blobs).unwrap());
    }
    let file = AlertFile {
        network: NETWORK,
        blocks,
        entry: 0,
        salt: salt.unwrap(),
        anomaly,
        subject: Subject::Patient,
        settings: encode(settings),
        model: Vec::new(),
        arrival: Arrival::default(),
    };
    Made { chain, file }
}

/// The first anomaly of these readings.
fn said(settings: &Settings, readings: &[phc::Reading]) -> Vec<u8> {
    let detector = Detector::without_forest(settings.clone()).unwrap();
    let mut state = PatientState::new([0; 16]);
    let observe = |reading: &phc::Reading| {
        let own = ledger::decode::<vitals::Reading>("reading", &encode(reading)).unwrap();
        detector.observe(&mut state, &own).anomalies
    };
    let all: Vec<Anomaly> = readings.iter().flat_map(observe).collect();
    encode(&all[0])
}

fn honest() -> AlertFile {
    made(&Settings::home(), Digest::ZERO, |_, _| ()).file
}

/// D12: a writer who signs everything anew is found out all the same: the readings do not give the anomaly, and the reason says what
/// differs.
#[test]
fn what_does_not_follow_from_the_readings_is_refused_by_what_differs() {
    let home = Settings::home();
    assert_eq!(verify(&honest()).unwrap().readings, 40);

    let other_value = made(&home, Digest::ZERO, |readings, _| readings[5].value_milli = 95_000);
    refused(&other_value.file, "window");
    let early_value = made(&home, Digest::ZERO, |readings, _| readings[32].value_milli = 84_000);
    refused(&early_value.file, "value_milli is Some(80000), computed Some(84000)");
    let left_out = made(&home, Digest::ZERO, |readings, _| {
        readings.remove(10);
    });
    refused(&left_out.file, "window");
    let never_low = made(&home, Digest::ZERO, |readings, _| {
        readings.iter_mut().for_each(|reading| reading.value_milli = 97_000);
    });
    refused(&never_low.file, "no anomaly at all");
    let worse = made(&home, Digest::ZERO, |_, bytes| {
        let mut anomaly: Anomaly = ledger::decode("anomaly", bytes).unwrap();
        anomaly.severity = vitals::Severity::Advisory;
        *bytes = encode(&anomaly);
    });
    refused(&worse.file, "severity is Advisory, computed Critical");
    let elsewhere = made(&home, Digest::ZERO, |_, bytes| {
        let mut anomaly: Anomaly = ledger::decode("anomaly", bytes).unwrap();
        (anomaly.episode.0[0], anomaly.time_ms) = (0, 7);
        *bytes = encode(&anomaly);
    });
    refused(&elsewhere.file, "none of that episode or moment");
    let nonsense = made(&home, Digest::ZERO, |_, bytes| bytes.truncate(20));
    refused(&nonsense.file, "anomaly");

    let settings = |settings: Settings| AlertFile { settings: encode(&settings), ..honest() };
    refused(&settings(Settings { relearn_days: 15, ..home.clone() }), "settings");
    refused(&settings(Settings { step_ms: 7, ..home.clone() }), "step_ms must divide an hour");
    refused(&AlertFile { settings: vec![1, 2, 3], ..honest() }, "settings");

    let model = detector().cohort().unwrap().to_bytes().to_vec();
    refused(&AlertFile { model: model.clone(), ..honest() }, "cohort model");
    let under_another = made(&home, sha256(&model), |_, _| ());
    refused(&AlertFile { model, ..under_another.file }, "the cohort model");
    // Settings under which every reading is an anomaly are not followed to the end of a long chain.
    let eager = Settings {
        limits: vec![vitals::Limit::new(Signal::Spo2, Some(200), None, 0, 1, 1, vitals::Severity::Urgent)],
        ..home.clone()
    };
    refused(&settings(eager), "more anomalies than the chain holds up to block 1");
    let garbage = made(&home, sha256(&[1, 2, 3]), |_, _| ());
    refused(&AlertFile { model: vec![1, 2, 3], ..garbage.file }, "model");
}

/// E4, D6: what was changed in the file itself is refused by the part that it is in.
#[test]
fn what_was_changed_in_a_file_is_refused_by_its_part() {
    let file = honest();
    let changed = |change: &dyn Fn(&mut AlertFile)| {
        let mut changed = file.clone();
        change(&mut changed);
        changed
    };
    refused(&changed(&|file| file.anomaly[30] ^= 1), "not what block 3 commits to");
    refused(&changed(&|file| file.salt.0[0] ^= 1), "not what block 3 commits to");
    refused(&changed(&|file| file.entry = 1), "has no anomaly 1");
    refused(&changed(&|file| file.network.0[0] ^= 1), "another network");
    refused(&changed(&|file| file.blocks[2].block.header.time_ms += 1), "block");
    refused(&changed(&|file| file.blocks[3].block.signature.0[5] ^= 1), "signature");
    refused(&changed(&|file| file.blocks[0].block.body.opening.as_mut().unwrap().1.0[5] ^= 1), "signature");
    refused(&changed(&|file| file.blocks[1].batches[0].sealed[40] ^= 1), "category 1 in block 1");
    refused(&changed(&|file| file.blocks[1].batches[0].key[0] ^= 1), "category 1 in block 1");
    refused(&changed(&|file| file.blocks[1].batches.clear()), "category 1 of block 1 is left out");
    refused(&changed(&|file| file.blocks[1].batches[0].category = 9), "category 1 of block 1 is left out");
    let twice = |file: &mut AlertFile| {
        let batch = file.blocks[1].batches[0].clone();
        file.blocks[1].batches.push(batch);
    };
    refused(&changed(&twice), "block 1 has no batch");
    refused(&changed(&|file| drop(file.blocks.remove(2))), "does not follow height 1");
    refused(&changed(&|file| drop(file.blocks.pop())), "has no anomaly 0");
    refused(&changed(&|file| drop(file.blocks.remove(0))), "opening");
    refused(&changed(&|file| file.blocks.clear()), "no block");
    refused(&changed(&|file| file.subject = Subject::Location("ward".into())), "no anomaly at all");

    // What is said of the order of arrival has to be true, and to matter.
    let late = |height, sequence| LateReading { height, device: "watch".into(), sequence };
    refused(&changed(&|file| file.arrival.late = vec![late(1, 99)]), "no reading 99 of watch");
    refused(&changed(&|file| file.arrival.late = vec![late(1, 5)]), "window");
    refused(&changed(&|file| file.arrival.late = vec![late(2, 20), late(1, 5)]), "do not ascend");
    let tick = |height, minute: i64| EarlyTick {
        height,
        before_ms: START_MS + minute * MINUTE_MS,
        time_ms: START_MS + 49 * MINUTE_MS,
    };
    refused(&changed(&|file| file.arrival.ticks = vec![tick(1, 7)]), "readings");
    refused(&changed(&|file| file.arrival.ticks = vec![tick(1, 60)]), "came after its tick");
    refused(&changed(&|file| file.arrival.ticks = vec![tick(2, 20), tick(1, 7)]), "do not ascend");
}

/// Every byte is covered, and no hostile file does more than fail.
#[test]
fn no_changed_or_cut_byte_of_a_file_passes() {
    let Made { chain, file } = made(&Settings::home(), Digest::ZERO, |_, _| ());
    let bytes = file.encode();
    assert_eq!(AlertFile::decode(&bytes).unwrap().verify(&NETWORK).unwrap().chain, chain);
    let holds = |bytes: &[u8]| {
        let file = AlertFile::decode(bytes).ok()?;
        let on_chain = file.verify(&NETWORK).ok()?;
        recompute(&file, &on_chain.chain).ok()
    };
    assert!(holds(&bytes).is_some());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(holds(&changed).is_none(), "byte {at} of {}", bytes.len());
    }
    for length in (0..bytes.len()).step_by(7) {
        assert!(holds(&bytes[..length]).is_none(), "cut at {length}");
    }
    assert!(holds(&[bytes.clone(), vec![0]].concat()).is_none());
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
