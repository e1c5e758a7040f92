//! Files of alerts: their bytes, and what is refused before any batch is opened.

use ledger::{Digest, encode, sha256};
use phc::*;
use proptest::prelude::*;

use crate::sample::{NETWORK, Sample, full, record};

/// Three blocks, an anomaly in the second and in the third.
fn file(sample: &mut Sample) -> AlertFile {
    let mut filed_blocks = vec![FiledBlock::new(&sample.chain, &sample.keys, sample.first.clone(), []).unwrap()];
    let mut last = None;
    for time_ms in [600_000, 700_000] {
        let mut builder = full();
        builder.reading(2, &record(100, 20, time_ms, 0), 0);
        let (block, blobs) = sample.append(builder, time_ms);
        let sealed = filed(&block.header).map(|category| {
            let entry = block.header.batch(category).unwrap();
            blobs.iter().find(|blob| sha256(blob) == entry.blob.digest).unwrap().clone()
        });
        filed_blocks.push(FiledBlock::new(&sample.chain, &sample.keys, block.clone(), sealed).unwrap());
        let key = sample.keys.get(&sample.chain, Scope::Category(CATEGORY_ANOMALIES)).unwrap();
        last = Some(open_anomaly_and_salt(&sample.chain, key, &block, 0, blobs.last().unwrap()).unwrap());
    }
    let (salt, anomaly) = last.unwrap();
    let mut file = AlertFile {
        network: NETWORK,
        blocks: filed_blocks,
        entry: 0,
        salt,
        anomaly,
        subject: Subject::Patient,
        settings: b"settings".to_vec(),
        model: Vec::new(),
        arrival: Arrival {
            late: vec![LateReading { height: 1, device: "watch".into(), sequence: 3 }],
            ticks: vec![EarlyTick { height: 1, before_ms: 60_000, time_ms: 120_000 }],
        },
    };
    // The sample's blocks name a model of this digest.
    file.model = b"model".to_vec();
    file
}

fn sample() -> (Sample, AlertFile) {
    let mut sample = Sample::with_model(sha256(b"model"));
    let file = file(&mut sample);
    (sample, file)
}

/// E4, E5: the chain within is followed from the patient's signature to the anomaly's commitment.
#[test]
fn a_file_shows_where_its_anomaly_stands_and_opens_every_batch_but_scores_and_access() {
    let (sample, file) = sample();
    let on_chain = file.verify(&NETWORK).unwrap();
    assert_eq!((on_chain.chain, on_chain.height, on_chain.block), (sample.chain, 2, sample.head.hash));
    assert_eq!((on_chain.patient, on_chain.writer), (sample.patient.public(), sample.monitor.public()));
    let categories: Vec<u8> = file.blocks[1].batches.iter().map(|batch| batch.category).collect();
    assert_eq!(categories, [1, 2]);
    let all: Vec<u8> = file.blocks[1].block.header.batches.iter().map(|entry| entry.category).collect();
    assert_eq!(all, [1, 2, CATEGORY_ACCESS, CATEGORY_SCORES]);
    assert_eq!(file.blocks[1].open(&sample.chain, 0).unwrap().records().len(), 10);
    assert!(file.blocks[1].open(&sample.chain, 2).is_err());
    // The key of one batch opens no other.
    let mut other = file.blocks[1].clone();
    other.batches[1].key = other.batches[0].key;
    assert!(other.open(&sample.chain, 1).err().unwrap().to_string().contains("does not open"));
}

/// Golden vector of `docs/formats.md`, section 3.10.
#[test]
fn a_file_has_the_bytes_that_are_written_down() {
    let (_, file) = sample();
    let bytes = file.encode();
    assert_eq!(bytes[..10], *b"CADALERT\x01\x00");
    assert_eq!(bytes[10..], encode(&file));
    let arrival = [
        "01000000",
        "0100000000000000",
        "050000007761746368",
        "0300000000000000",
        "01000000",
        "0100000000000000",
        "60ea000000000000",
        "c0d4010000000000",
    ]
    .concat();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let end = ["00", "08000000", "73657474696e6773", "05000000", "6d6f64656c", &arrival].concat();
    assert!(hex.ends_with(&end), "{}", &hex[hex.len() - end.len()..]);
    assert!(AlertFile::decode(&bytes).unwrap() == file);
}

#[test]
fn what_is_no_file_of_this_version_is_refused() {
    let (_, file) = sample();
    let bytes = file.encode();
    let refused = |bytes: &[u8]| AlertFile::decode(bytes).err().unwrap().to_string();
    assert!(refused(&[]).contains("does not begin like one"));
    assert!(refused(b"CADALERT\x01").contains("does not begin like one"));
    assert!(refused(&[b"CADALERT\x02\x00".as_slice(), &bytes[10..]].concat()).contains("version 2"));
    assert!(refused(&vec![0; ALERT_FILE_BYTES_MAX + 1]).contains("at most"));
    assert!(refused(&[bytes.as_slice(), &[0]].concat()).contains("file of an alert"));
    // A length that no memory could hold is not believed.
    let huge = [b"CADALERT\x01\x00".as_slice(), &NETWORK.0, &u32::MAX.to_le_bytes()].concat();
    assert!(refused(&huge).contains("file of an alert"));
}

#[test]
fn a_chain_that_does_not_carry_the_anomaly_is_refused_by_what_is_wrong() {
    let (_, file) = sample();
    let refused = |change: &dyn Fn(&mut AlertFile)| {
        let mut changed = file.clone();
        change(&mut changed);
        changed.verify(&NETWORK).unwrap_err().to_string()
    };
    assert!(file.verify(&Digest([1; 32])).is_err());
    for (reason, change) in [
        ("not what block 2 commits to", (&|file: &mut AlertFile| file.anomaly.push(0)) as &dyn Fn(&mut AlertFile)),
        ("not what block 2 commits to", &|file| file.salt.0[31] ^= 1),
        ("not what block 1 commits to", &|file| drop(file.blocks.pop())),
        ("has no anomaly 1", &|file| file.entry = 1),
        ("does not follow height 0", &|file| drop(file.blocks.remove(1))),
        ("signature", &|file| file.blocks[2].block.signature.0[0] ^= 1),
        ("its parent is", &|file| file.blocks[1].block.header.span.through += 1),
        ("anomalies are not those", &|file| file.blocks[1].block.body.anomalies.clear()),
        ("category 2 of block 1 is left out", &|file| drop(file.blocks[1].batches.pop())),
        ("category 1 of block 2 is left out", &|file| file.blocks[2].batches.swap(0, 1)),
        ("under the cohort model", &|file| file.model.clear()),
        ("under the cohort model", &|file| file.model.push(0)),
        ("late readings do not ascend", &|file| {
            file.arrival.late = [file.arrival.late.clone(), file.arrival.late.clone()].concat()
        }),
        ("ticks do not ascend", &|file| {
            file.arrival.ticks = [file.arrival.ticks.clone(), file.arrival.ticks.clone()].concat()
        }),
    ] {
        let told = refused(change);
        assert!(told.contains(reason), "`{reason}` is not in: {told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_a_file_that_encodes_to_them_or_are_refused(
        cut in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..64), whole in any::<bool>()
    ) {
        let (_, file) = sample();
        let good = file.encode();
        let head = &good[..if whole { 10 } else { cut.index(good.len()) }];
        let bytes = [head, &bytes].concat();
        if let Ok(file) = AlertFile::decode(&bytes) {
            prop_assert_eq!(file.encode(), bytes);
        }
    }
}
