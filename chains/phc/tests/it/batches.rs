//! Batches: sealed, opened, proved, and small.

use ledger::Digest;
use phc::*;
use proptest::prelude::*;

use crate::rows::some_record;
use crate::sample::*;

/// Capability D6: one altered byte, and the error names the batch.
#[test]
fn an_altered_byte_names_the_batch() {
    let mut sample = Sample::new();
    let (block, blobs) = sample.append(full(), 600_000);
    let categories: Vec<u8> = block.header.batches.iter().map(|entry| entry.category).collect();
    assert_eq!(categories, [1, 2, CATEGORY_ACCESS, CATEGORY_SCORES]);
    for (blob, category) in blobs.iter().zip(categories) {
        assert_eq!(
            sample.open(&block, category, blob).unwrap().records().len() as u32,
            block.header.batch(category).unwrap().count
        );
        for at in 0..blob.len() {
            let mut altered = blob.clone();
            altered[at] ^= 1;
            let found = sample.open(&block, category, &altered).err().unwrap();
            assert!(matches!(found, Error::Batch { height: 1, category: named, .. } if named == category), "{found}");
        }
        assert!(check_blob(&sample.chain, &block.header, category, &blob[1..]).is_err());
        check_blob(&sample.chain, &block.header, category, blob).unwrap();
    }
    assert!(matches!(sample.open(&block, 2, &blobs[0]), Err(Error::Batch { category: 2, .. })), "swapped");
    assert!(matches!(sample.open(&block, 9, &blobs[0]), Err(Error::NoKey { .. })));
}

/// A writer that seals other records than it commits to is found out by whoever opens the batch.
#[test]
fn content_that_is_not_what_the_root_commits_to_is_refused() {
    let mut sample = Sample::new();
    let (block, blobs) = sample.append(full(), 600_000);
    let monitor = sample.monitor.clone();
    let changes: [fn(&mut Block); 2] =
        [|block| block.header.batches[0].root = Digest([1; 32]), |block| block.header.batches[0].count -= 1];
    for change in changes {
        let mut changed = block.clone();
        change(&mut changed);
        let changed = sample.signed(changed, &monitor);
        assert!(matches!(sample.open(&changed, 1, &blobs[0]), Err(Error::Batch { category: 1, .. })));
    }
}

#[test]
fn the_detail_of_an_anomaly_opens_and_any_other_is_refused() {
    let mut sample = Sample::new();
    let mut builder = full();
    builder.anomaly(b"another".to_vec(), 500_000, 0).unwrap();
    let (block, blobs) = sample.append(builder, 600_000);
    let key = sample.keys.get(&sample.chain, Scope::Category(CATEGORY_ANOMALIES)).unwrap();
    let details = &blobs[4..];
    assert_eq!(open_anomaly(&sample.chain, key, &block, 0, &details[0]).unwrap(), b"an anomaly");
    assert_eq!(open_anomaly(&sample.chain, key, &block, 1, &details[1]).unwrap(), b"another");
    let found = open_anomaly(&sample.chain, key, &block, 1, &details[0]).unwrap_err();
    assert!(matches!(found, Error::Anomaly { height: 1, index: 1, .. }), "{found}");
    assert!(open_anomaly(&sample.chain, key, &block, 2, &details[1]).is_err());
    let wrong = sample.keys.stream(&sample.chain).unwrap();
    assert!(open_anomaly(&sample.chain, wrong, &block, 0, &details[0]).is_err());
}

/// Capabilities E4, E5: a proof for any record, and for that record only.
#[test]
fn a_proof_shows_its_record_and_no_other() {
    let mut sample = Sample::new();
    let (block, blobs) = sample.append(full(), 600_000);
    let batch = sample.open(&block, 1, &blobs[0]).unwrap();
    let proof = RecordProof::decode(&batch.prove(&block, 4).unwrap().encode()).unwrap();
    let proved = proof.verify().unwrap();
    assert_eq!((proved.block, proved.height, proved.writer), (sample.head.hash, 1, sample.monitor.public()));
    let Records::Readings(records) = batch.records() else { panic!("readings") };
    assert_eq!(proof.record, ledger::encode(&records[4]));
    let other = batch.prove(&block, 5).unwrap();
    let changes: Vec<(&str, Box<dyn Fn(&mut RecordProof)>)> = vec![
        ("record", Box::new(|proof| proof.record[20] ^= 1)),
        ("another record", Box::new(|proof| proof.record = ledger::encode(&records[5]))),
        ("another leaf", Box::new(move |proof| proof.inclusion = other.inclusion.clone())),
        ("salt", Box::new(|proof| proof.salt.0[0] ^= 1)),
        ("index", Box::new(|proof| proof.inclusion.index += 1)),
        ("size", Box::new(|proof| proof.inclusion.size += 1)),
        ("category", Box::new(|proof| proof.category = 2)),
        ("chain", Box::new(|proof| proof.chain.id.0[0] ^= 1)),
        ("header", Box::new(|proof| proof.header.time_ms += 1)),
        ("signature", Box::new(|proof| proof.signature.0[0] ^= 1)),
    ];
    for (what, change) in changes {
        let mut changed = proof.clone();
        change(&mut changed);
        assert!(changed.verify().is_err(), "{what}");
    }
    assert!(batch.prove(&block, 10).is_err());
    let (later, _) = sample.append(full(), 600_001);
    assert!(batch.prove(&later, 4).is_err());
}

/// Capability D17: who wrote it, and that the patient named the writer, without the rest of the chain.
#[test]
fn the_patients_own_signature_backs_the_writer_of_a_proved_record() {
    let mut sample = Sample::new();
    let (block, blobs) = sample.append(full(), 600_000);
    let proof = sample.open(&block, 1, &blobs[0]).unwrap().prove(&block, 0).unwrap();
    let authority = Authority { opening: sample.first.body.opening.clone().unwrap(), directives: vec![] };
    authority.verify(&proof).unwrap();
    let mut forged = proof.clone();
    forged.header.writer = sample.stranger.public();
    forged.signature = sample.stranger.sign(&forged.header.hash(&sample.chain), &mut sample.rng);
    assert!(forged.verify().is_ok() && authority.verify(&forged).is_err());
    let mut changed = authority.clone();
    changed.opening.0.writers[0].signer = sample.stranger.public();
    assert!(changed.verify(&forged).is_err());
    let directive = Directive { sequence: 0, time_ms: 0, act: Act::ReplaceWriters(vec![]) };
    let signature = directive.sign(&sample.chain, &sample.patient, &mut sample.rng);
    let replaced = Authority { directives: vec![(directive, signature)], ..authority };
    assert!(replaced.verify(&proof).is_err());
}

#[test]
fn a_day_of_minutes_of_one_device_costs_about_a_byte_a_reading() {
    let mut sample = Sample::new();
    let mut builder = BlockBuilder::default();
    for at in 0..1_440i64 {
        let value = 60 + (at * 7919 % 9) - 4;
        builder.reading(1, &record(at as u64, 1, at * 60_000, value * 1_000), 0);
    }
    let (block, blobs) = sample.append(builder, 90_000_000 / 10);
    assert_eq!(block.header.batches[0].count, 1_440);
    assert!(blobs[0].len() < 1_440 * 3 / 2, "{} bytes", blobs[0].len());
}

#[test]
fn a_record_twice_and_a_category_of_no_readings_are_refused() {
    let mut sample = Sample::new();
    let mut twice = BlockBuilder::default();
    twice.reading(1, &record(1, 1, 0, 1), 0);
    twice.reading(1, &record(1, 1, 0, 2), 0);
    let place = sample.place(600_000);
    assert!(twice.cut(&sample.chain, &sample.keys, place, &mut sample.rng).is_err());
    let mut own = BlockBuilder::default();
    own.reading(CATEGORY_SCORES, &record(1, 1, 0, 1), 0);
    assert!(own.cut(&sample.chain, &sample.keys, place, &mut sample.rng).is_err());
    let mut keyless = BlockBuilder::default();
    keyless.reading(3, &record(1, 1, 0, 1), 0);
    assert!(matches!(keyless.cut(&sample.chain, &sample.keys, place, &mut sample.rng), Err(Error::NoKey { .. })));
}

#[test]
fn a_block_is_due_by_count_by_age_and_by_an_anomaly() {
    let limits = Limits { records: 3, age_ms: 1_000 };
    let mut builder = BlockBuilder::default();
    assert!(builder.is_empty() && !builder.due(&limits, i64::MAX));
    builder.reading(1, &record(0, 1, 0, 0), 5_000);
    assert!(!builder.due(&limits, 5_999) && builder.due(&limits, 6_000));
    builder.score(Score { time_ms: 0, score_micro: 0 }, 5_100);
    assert!(!builder.due(&limits, 5_999));
    builder.access(request(), 5_100);
    assert!(builder.due(&limits, 5_100));
    let mut builder = BlockBuilder::default();
    assert_eq!(builder.anomaly(vec![1], 0, 0).unwrap(), 0);
    assert!(builder.due(&limits, 0));
    assert!(builder.anomaly(vec![0; ANOMALY_BYTES_MAX + 1], 0, 0).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Block boundaries, keys and salts do not show in the digests of the content; a changed value does.
    #[test]
    fn content_digests_hang_on_the_content_alone(
        mut records in proptest::collection::vec(some_record(), 2..40),
        cuts in proptest::collection::vec(0..40usize, 0..4),
        scores in proptest::collection::vec((any::<i64>(), any::<i64>()), 1..10),
    ) {
        let mut seen = std::collections::BTreeSet::new();
        records.retain(|record| seen.insert((record.device.clone(), record.sequence)));
        let digests = |cuts: &[usize], records: &[Record]| {
            let mut sample = Sample::new();
            let mut contents = Contents::default();
            let mut builder = BlockBuilder::default();
            let scores: Vec<Score> = scores.iter().map(|(time_ms, score_micro)| Score { time_ms: *time_ms, score_micro: *score_micro }).collect();
            let mut all_scores = scores.iter();
            for (at, record) in records.iter().enumerate() {
                builder.reading(1, record, 0);
                all_scores.by_ref().take(1).for_each(|score| builder.score(*score, 0));
                if cuts.contains(&at) || at + 1 == records.len() {
                    all_scores.by_ref().take(if at + 1 == records.len() { usize::MAX } else { 0 }).for_each(|score| builder.score(*score, 0));
                    let (block, blobs) = sample.append(std::mem::take(&mut builder), 600_000);
                    for (entry, blob) in block.header.batches.iter().zip(&blobs) {
                        contents.records(sample.open(&block, entry.category, blob).unwrap().records());
                    }
                }
            }
            contents.finish()
        };
        let whole = digests(&[], &records);
        prop_assert_eq!(whole, digests(&cuts, &records));
        let mut changed = records.clone();
        changed[0].reading.value_milli = changed[0].reading.value_milli.wrapping_add(1);
        prop_assert_ne!(whole.content_sha256, digests(&cuts, &changed).content_sha256);
        records[0].received_ms = records[0].received_ms.wrapping_add(1);
        prop_assert_eq!(whole, digests(&cuts, &records));
    }
}
