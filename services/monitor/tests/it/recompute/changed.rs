//! Of chains made by hand and of files that were changed: what does not follow is refused.

use ledger::{BlobRef, Chain, Digest, KeyPair, WrapSecretKey, encode, rng_from_seed, sha256};
use monitor::recompute;
use phc::{
    AlertFile, Arrival, Block, BlockBuilder, CATEGORY_ANOMALIES, ChainState, EarlyTick, FiledBlock, LateReading,
    Opening, PatientKeys, Place, Role, Scope, Span, Subject, Writer, open_anomaly_and_salt,
};
use vitals::{Anomaly, Detector, PatientState, Settings, Signal};

use super::{refused, verify};
use crate::world::*;

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
