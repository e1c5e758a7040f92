//! Key rings, and values sealed for topics.

use ledger::{Chain, DataKey, Digest, WrapSecretKey};
use phc::messages::*;
use phc::*;

use crate::sample::*;

/// Capability E10: a key of one category opens that category only.
#[test]
fn a_grantee_opens_the_scopes_that_were_granted_and_nobody_elses() {
    let mut sample = Sample::new();
    let (doctor, other) = (WrapSecretKey::from_seed(&[21; 32]), WrapSecretKey::from_seed(&[22; 32]));
    let mut ring = KeyRing::new(&sample.chain);
    ring.grant_all(&sample.chain, &sample.keys, &sample.wrap.public(), &mut sample.rng).unwrap();
    let scope = Scope::Category(1);
    let key = sample.keys.get(&sample.chain, scope).unwrap().clone();
    ring.grant(&sample.chain, scope, &key, &doctor.public(), &mut sample.rng).unwrap();
    ring.grant(&sample.chain, scope, &key, &doctor.public(), &mut sample.rng).unwrap();
    let ring = KeyRing::decode(&ring.encode()).unwrap();
    assert_eq!(ring.entries.len(), sample.keys.scopes().count() + 1);
    let held = ring.open(&sample.chain, &doctor).unwrap();
    assert_eq!(held.scopes().collect::<Vec<_>>(), [scope]);
    assert!(held.get(&sample.chain, scope).unwrap() == &key);
    assert!(matches!(held.stream(&sample.chain), Err(Error::NoKey { .. })));
    assert_eq!(ring.open(&sample.chain, &other).unwrap().scopes().count(), 0);
    assert_eq!(ring.open(&sample.chain, &sample.wrap).unwrap().scopes().count(), sample.keys.scopes().count());
    // A wrap is bound to its chain and its scope.
    let elsewhere = Chain { id: Digest([1; 32]), ..sample.chain };
    assert!(ring.open(&elsewhere, &doctor).is_err());
    let mut moved = ring.clone();
    let place = moved.entries.iter().position(|entry| entry.grantee == doctor.public()).unwrap();
    moved.entries[place].scope = Scope::Category(2);
    assert!(moved.open(&sample.chain, &doctor).is_err());
    let mut revoked = ring.clone();
    assert!(revoked.revoke(&doctor.public()) && !revoked.revoke(&doctor.public()));
    assert_eq!(revoked.open(&sample.chain, &doctor).unwrap().scopes().count(), 0);
    let mut disorder = ring;
    disorder.entries.swap(0, 1);
    assert!(KeyRing::decode(&disorder.encode()).is_err());
}

#[test]
fn a_value_opens_for_its_topic_and_patient_only() {
    let mut sample = Sample::new();
    let key = DataKey::from_bytes([4; 32]);
    let tick = Tick { time_ms: 5, flush: false };
    let sealed = seal_topic_value(&key, &sample.chain, READINGS, &tick, &mut sample.rng);
    assert_eq!(open_topic_value::<Tick>(&key, &sample.chain, READINGS, "tick", &sealed).unwrap(), tick);
    assert!(open_topic_value::<Tick>(&key, &sample.chain, ALERTS, "tick", &sealed).is_err());
    let other = Chain { id: Digest([1; 32]), ..sample.chain };
    assert!(open_topic_value::<Tick>(&key, &other, READINGS, "tick", &sealed).is_err());
    assert!(open_topic_value::<ReadingBatch>(&key, &sample.chain, READINGS, "batch", &sealed).is_err());
}

#[test]
fn rejections_come_back_sealed_or_as_they_stood() {
    let mut sample = Sample::new();
    let key = DataKey::from_bytes([4; 32]);
    let rejected = Rejected { device: "watch".into(), reason: "conflict".into(), received_ms: 1, line: vec![1, 2] };
    let sealed =
        RejectedValue::decode(&RejectedValue::sealed(&key, &sample.chain, &rejected, &mut sample.rng)).unwrap();
    assert_eq!(sealed.open(&key, &sample.chain).unwrap(), Some(rejected));
    let unopened = RejectedValue::decode(&RejectedValue::unopened("no-key", READINGS, b"sealed")).unwrap();
    assert_eq!(unopened.open(&key, &sample.chain).unwrap(), None);
}

#[test]
fn batches_beyond_their_bounds_are_refused() {
    let reading = record(0, 1, 0, 0).reading;
    let good = ReadingBatch {
        device: "watch".into(),
        subject: Subject::Patient,
        first_sequence: 0,
        received_ms: 0,
        raw: None,
        readings: vec![reading],
    };
    good.check().unwrap();
    let bad = [
        ReadingBatch { device: String::new(), ..good.clone() },
        ReadingBatch { device: "x".repeat(NAME_BYTES_MAX + 1), ..good.clone() },
        ReadingBatch { subject: Subject::Location(String::new()), ..good.clone() },
        ReadingBatch { readings: vec![], ..good.clone() },
        ReadingBatch { readings: vec![reading; BATCH_READINGS_MAX + 1], ..good.clone() },
        ReadingBatch { first_sequence: u64::MAX, ..good },
    ];
    assert!(bad.iter().all(|batch| batch.check().is_err()));
}
