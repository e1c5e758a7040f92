//! Rows, the leaves of readings: made in one way only, and nothing moves between them.

use std::collections::BTreeSet;

use ledger::{BatchCommitments, BlobRef, Digest, SaltSeed, encode, root_of};
use phc::*;
use proptest::prelude::*;

use crate::sample::*;

pub fn some_record() -> impl Strategy<Value = Record> {
    let small = (0..3u8, 0..3u16, -5..5i64, any::<u64>(), prop_oneof![any::<i64>(), -9_000..9_000i64]);
    let rest = (any::<Option<i16>>(), any::<bool>(), any::<bool>(), any::<i64>(), proptest::option::of(0..3u8));
    (small, rest).prop_map(
        |((device, signal, minute, sequence, value_milli), (offset_minutes, manual, room, received_ms, raw))| Record {
            device: format!("device-{device}"),
            subject: if room { Subject::Location("ward-3".into()) } else { Subject::Patient },
            sequence,
            reading: Reading {
                signal,
                value_milli,
                time_ms: minute * 60_000,
                offset_minutes,
                provenance: if manual { Provenance::Manual } else { Provenance::Device },
            },
            received_ms,
            raw: raw.map(|pack| BlobRef {
                pack: Digest([pack; 32]),
                offset: u64::from(pack),
                length: 1,
                digest: Digest([9; 32]),
            }),
        },
    )
}

/// Three vitals of one watch at each of four minutes, in one message each.
fn watch() -> BlockBuilder {
    let mut builder = BlockBuilder::default();
    for minute in 0..4 {
        for signal in [3, 1, 2] {
            let sequence = 10 * minute + u64::from(signal);
            builder.reading(1, &record(sequence, signal, minute as i64 * 60_000, 60_000 + i64::from(signal)), 0);
        }
    }
    builder
}

fn rows(records: &Records) -> &[Row] {
    let Records::Readings(rows) = records else { panic!("readings") };
    rows
}

#[test]
fn what_a_device_measured_at_one_moment_is_one_leaf() {
    let mut sample = Sample::new();
    let (block, blobs) = sample.append(watch(), 600_000);
    assert_eq!(block.header.batches[0].count, 4);
    let batch = sample.open(&block, 1, &blobs[0]).unwrap();
    for (minute, row) in (0..).zip(rows(batch.records())) {
        let value = |signal: u16| RowValue {
            signal,
            sequence: 10 * minute + u64::from(signal),
            value_milli: 60_000 + i64::from(signal),
        };
        assert_eq!(row.values, [value(1), value(2), value(3)]);
        let records: Vec<Record> = row.records().map(Record::from).collect();
        assert_eq!(records[1], record(10 * minute + 2, 2, minute as i64 * 60_000, 60_002));
    }
}

/// What was received at another time, with another offset, by hand, with another payload, of another subject or by another device
/// has a row of its own.
#[test]
fn readings_that_differ_in_more_than_signal_and_value_lie_in_rows_of_their_own() {
    let one = record(1, 1, 0, 1);
    let changes: [fn(&mut Record); 7] = [
        |record| record.reading.time_ms += 1,
        |record| record.received_ms += 1,
        |record| record.reading.offset_minutes = None,
        |record| record.reading.provenance = Provenance::Manual,
        |record| record.subject = Subject::Location("bed".into()),
        |record| record.device = "ring".into(),
        |record| record.raw = Some(BlobRef { pack: Digest([1; 32]), offset: 0, length: 1, digest: Digest([2; 32]) }),
    ];
    for change in changes {
        let mut other = record(2, 2, 0, 2);
        change(&mut other);
        let mut sample = Sample::new();
        let mut builder = BlockBuilder::default();
        builder.reading(1, &one, 0);
        builder.reading(1, &other, 0);
        let (block, blobs) = sample.append(builder, 600_000);
        let batch = sample.open(&block, 1, &blobs[0]).unwrap();
        let both: Vec<Record> = rows(batch.records()).iter().flat_map(Row::records).map(Record::from).collect();
        assert_eq!(block.header.batches[0].count, 2, "{other:?}");
        assert!(both.contains(&one) && both.contains(&other));
    }
}

#[test]
fn more_values_of_one_moment_than_a_row_holds_fill_rows_one_after_the_other() {
    let mut sample = Sample::new();
    let mut builder = BlockBuilder::default();
    // The last ones come first, so that rows as they come are not rows as they lie.
    for sequence in (0..2_500).rev() {
        builder.reading(1, &record(sequence, 1, 0, 1), 0);
    }
    let (block, blobs) = sample.append(builder, 600_000);
    let batch = sample.open(&block, 1, &blobs[0]).unwrap();
    let rows = rows(batch.records());
    assert_eq!(rows.iter().map(|row| row.values.len()).collect::<Vec<_>>(), [1_024, 1_024, 452]);
    let sequences = rows.iter().flat_map(|row| &row.values).map(|value| value.sequence);
    assert!(sequences.eq(0..2_500));
}

/// The same (device, signal, sequence) of one moment, in one row or in two.
#[test]
fn a_reading_twice_is_refused_also_across_rows() {
    for received_ms in [400, 401] {
        let mut sample = Sample::new();
        let mut builder = BlockBuilder::default();
        builder.reading(1, &record(1, 1, 0, 1), 0);
        builder.reading(1, &Record { received_ms, ..record(1, 1, 0, 2) }, 0);
        let place = sample.place(600_000);
        let refused = builder.cut(&sample.chain, &sample.keys, place, &mut sample.rng).err().unwrap().to_string();
        assert!(refused.contains("twice"), "{refused}");
    }
}

#[test]
fn an_origin_of_another_builder_is_refused() {
    let mut builder = BlockBuilder::default();
    let origin = builder.origin("watch", &Subject::Patient, 400, None);
    let reading = record(1, 1, 0, 1).reading;
    builder.reading_of(1, origin, 1, &reading, 0).unwrap();
    assert!(BlockBuilder::default().reading_of(1, origin, 1, &reading, 0).is_err());
    assert_eq!(builder.records(), 1);
}

/// Ways to make other leaves of the same readings.
fn other_leaves() -> Vec<(&'static str, fn(&mut Vec<Row>))> {
    vec![
        ("a reading moved to another row", |rows| {
            let value = rows[0].values.remove(2);
            rows[1].values.push(value);
        }),
        ("a row split", |rows| {
            let values = rows[1].values.split_off(1);
            let row = Row { values, ..rows[1].clone() };
            rows.insert(2, row);
        }),
        ("two rows merged", |rows| {
            let row = rows.remove(1);
            rows[0].values.extend(row.values);
        }),
        ("rows in another order", |rows| rows.swap(1, 2)),
        ("values in another order", |rows| rows[0].values.swap(0, 1)),
        ("a row left out", |rows| {
            rows.pop();
        }),
        ("a reading left out", |rows| {
            rows[0].values.pop();
        }),
        ("a row twice", |rows| rows.insert(1, rows[0].clone())),
    ]
}

/// A writer that commits to the same readings in other leaves is found out by whoever opens the batch.
#[test]
fn a_root_over_other_rows_of_the_same_readings_is_refused() {
    let mut sample = Sample::new();
    let (block, blobs) = sample.append(watch(), 600_000);
    let monitor = sample.monitor.clone();
    let context = [b"batch".as_slice(), &1u64.to_le_bytes(), &[1]].concat();
    let key = batch_key(sample.keys.get(&sample.chain, Scope::Category(1)).unwrap(), &sample.chain, 1, 1);
    let packed = key.open(&sample.chain, &context, &blobs[0]).unwrap();
    let seed = SaltSeed(packed[1..33].try_into().unwrap());
    let honest = rows(sample.open(&block, 1, &blobs[0]).unwrap().records()).to_vec();
    let committed = |sample: &mut Sample, rows: &[Row]| {
        let commitments = BatchCommitments::new(&sample.chain, &seed);
        let leaves: Vec<_> = (0..).zip(rows).map(|(at, row)| commitments.commit(at, &encode(row)).0).collect();
        let mut changed = block.clone();
        (changed.header.batches[0].root, changed.header.batches[0].count) = (root_of(&leaves), rows.len() as u32);
        let changed = sample.signed(changed, &monitor);
        sample.open(&changed, 1, &blobs[0]).map(|_| ())
    };
    committed(&mut sample, &honest).unwrap();
    for (what, change) in other_leaves() {
        let mut rows = honest.clone();
        change(&mut rows);
        let found = committed(&mut sample, &rows);
        assert!(matches!(found, Err(Error::Batch { category: 1, .. })), "{what}: {found:?}");
    }
}

/// Capabilities E4, E5: what a proof shows is the row that was committed to, whole.
#[test]
fn a_proof_of_a_row_shows_no_other_row() {
    let mut sample = Sample::new();
    let (block, blobs) = sample.append(watch(), 600_000);
    let batch = sample.open(&block, 1, &blobs[0]).unwrap();
    let honest = rows(batch.records()).to_vec();
    for (what, change) in other_leaves() {
        let mut rows = honest.clone();
        change(&mut rows);
        for (index, (other, _)) in (0..).zip(rows.iter().zip(&honest)).filter(|(_, (other, row))| other != row) {
            let mut proof = batch.prove(&block, index).unwrap();
            proof.record = encode(other);
            assert!(proof.verify().is_err(), "{what}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// In whatever order they came: every reading is in one row, no two rows could be one, and each has a proof.
    #[test]
    fn any_readings_come_back_in_rows_and_each_row_has_a_proof(
        mut records in proptest::collection::vec(some_record(), 1..60), at_once in any::<bool>()
    ) {
        let mut seen = BTreeSet::new();
        records.retain(|record| seen.insert((record.device.clone(), record.sequence)));
        if at_once {
            records.iter_mut().for_each(|record| record.received_ms = 5);
        }
        let mut sample = Sample::new();
        let mut builder = BlockBuilder::default();
        records.iter().for_each(|record| builder.reading(1, record, 0));
        let (block, blobs) = sample.append(builder, 600_000);
        let batch = sample.open(&block, 1, &blobs[0]).unwrap();
        let rows = rows(batch.records());
        let mut back: Vec<Record> = rows.iter().flat_map(Row::records).map(Record::from).collect();
        let name = |record: &Record| (record.device.clone(), record.sequence);
        back.sort_by_key(name);
        records.sort_by_key(name);
        prop_assert_eq!(&back, &records);
        let heads: Vec<Row> = rows.iter().map(|row| Row { values: vec![], ..row.clone() }).collect();
        prop_assert!(heads.iter().enumerate().all(|(at, head)| !heads[..at].contains(head)));
        prop_assert!(rows.windows(2).all(|pair| pair[0].time_ms <= pair[1].time_ms));
        prop_assert!(rows.iter().all(|row| row.check().is_ok()));
        let all: Vec<u64> = (0..rows.len() as u64).collect();
        for (proof, row) in batch.prove_all(&block, &all).unwrap().iter().zip(rows) {
            prop_assert!(proof.verify().is_ok());
            prop_assert_eq!(&proof.record, &encode(row));
        }
    }
}
