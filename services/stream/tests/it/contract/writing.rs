//! Of writers: what is committed is there, whole and in order; what is refused is not.

use std::collections::{BTreeMap, BTreeSet};

use stream::{Append, Batch, CloudEvent, Error, Topic};

use super::{Harness, PARTITIONS, after, all, append, count, fill, read, text};

/// D1: order per device is kept.
pub(crate) async fn records_of_a_key_keep_their_order(harness: &dyn Harness) {
    let log = harness.log().await;
    let mut writer = log.writer("order").await.unwrap();
    fill(&mut *writer, &harness.input(), 500, 23).await;
    let mut last: BTreeMap<Vec<u8>, (u32, i64)> = BTreeMap::new();
    let mut seen = 0;
    for record in all(&*log, &harness.input()).await.into_iter().flatten() {
        let n: i64 = text(&record).parse().unwrap();
        let (partition, before) =
            last.insert(record.key.to_vec(), (record.partition, n)).unwrap_or((record.partition, -1));
        assert_eq!(partition, record.partition, "a key moved to another partition");
        assert!(before < n, "{before} came before {n}");
        assert_eq!(record.partition, stream::partition_of(&record.key, PARTITIONS));
        seen += 1;
    }
    assert_eq!(seen, 500);
    assert!(
        last.values().map(|(partition, _)| partition).collect::<BTreeSet<_>>().len() > 1,
        "the keys use one partition only"
    );
}

pub(crate) async fn a_record_comes_back_as_it_was_written(harness: &dyn Harness) {
    let log = harness.log().await;
    let event = CloudEvent {
        id: "1",
        source: "/test",
        kind: "caduceus.test.v1",
        time: "1969-12-31T23:59:59Z",
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    };
    let full = Append::new(harness.input(), vec![0_u8, 255, 1], -1000, vec![7_u8; 5])
        .with_headers(event.headers().unwrap())
        .in_partition(3);
    let bare = Append::new(harness.input(), Vec::new(), i64::from(u32::MAX) * 1000, Vec::new()).in_partition(3);
    let mut writer = log.writer("fidelity").await.unwrap();
    let places = writer.commit(Batch::of(vec![full.clone(), bare.clone()])).await.unwrap();
    let records = all(&*log, &harness.input()).await.swap_remove(3);
    assert_eq!(records.len(), 2);
    for ((record, written), place) in records.iter().zip([&full, &bare]).zip(&places) {
        assert_eq!(
            (&record.key, &record.value, record.time_ms, &record.headers),
            (&written.key, &written.value, written.time_ms, &written.headers)
        );
        assert_eq!((&record.topic, record.partition, record.offset), (&place.topic, place.partition, place.offset));
    }
    assert_eq!(CloudEvent::from_headers(&records[0].headers), Some(event));
    assert!(records[1].headers.is_empty());
    assert_eq!(log.end(&harness.input(), 0).await.unwrap(), 0);
    assert!(log.end(&harness.input(), 3).await.unwrap() > records[1].offset);
}

pub(crate) async fn a_batch_moves_several_topics_and_the_read_position_in_one_step(harness: &dyn Harness) {
    let log = harness.log().await;
    let mut writer = log.writer("several").await.unwrap();
    fill(&mut *writer, &harness.input(), 40, 40).await;
    let mut reader = log.reader("several", &[&harness.input()]).await.unwrap();
    let records = read(&mut *reader, 40).await;
    assert_eq!(reader.committed(&harness.input(), records[0].partition).await.unwrap(), 0);

    let mut out: Vec<_> = (0..20).map(|n| append(&harness.output(), &format!("k{n}"), "out")).collect();
    out.push(append(&harness.input(), "k", "in again"));
    let positions = after(&records);
    writer.commit(Batch::of(out).moving(reader.membership(), positions.clone())).await.unwrap();
    assert_eq!(count(&*log, &harness.output()).await, 20);
    assert_eq!(count(&*log, &harness.input()).await, 41);
    for position in positions {
        assert_eq!(reader.committed(&position.topic, position.partition).await.unwrap(), position.offset);
    }
    // A batch may move the position alone.
    let again = read(&mut *reader, 1).await;
    writer.commit(Batch::default().moving(reader.membership(), after(&again))).await.unwrap();
    assert_eq!(reader.committed(&again[0].topic, again[0].partition).await.unwrap(), again[0].offset + 1);
}

pub(crate) async fn nothing_of_a_refused_batch_is_visible_and_the_writer_goes_on(harness: &dyn Harness) {
    let log = harness.log().await;
    let mut writer = log.writer("refused").await.unwrap();
    fill(&mut *writer, &harness.input(), 10, 10).await;
    let mut reader = log.reader("refused", &[&harness.input()]).await.unwrap();
    let records = read(&mut *reader, 10).await;
    let good = || append(&harness.output(), "k", "good");
    let limit = harness.max_record_bytes();

    let large = Append::new(harness.output(), "k", 0, vec![0; limit + 1]);
    let batch = Batch::of(vec![good(), large]).moving(reader.membership(), after(&records));
    match writer.commit(batch).await.unwrap_err() {
        Error::TooLarge { topic, bytes, limit } => {
            assert_eq!(topic, harness.output().as_str());
            assert!(bytes > limit);
        }
        other => panic!("{other}"),
    }
    let unknown = append(&Topic::named("no-such-topic"), "k", "x");
    match writer
        .commit(Batch::of(vec![good(), unknown]).moving(reader.membership(), after(&records)))
        .await
        .unwrap_err()
    {
        Error::UnknownTopic { topic, .. } => assert_eq!(topic, "no-such-topic"),
        other => panic!("{other}"),
    }
    let nowhere = good().in_partition(PARTITIONS);
    assert!(matches!(writer.commit(Batch::of(vec![good(), nowhere])).await.unwrap_err(), Error::Invalid(_)));

    assert_eq!(count(&*log, &harness.output()).await, 0);
    for position in after(&records) {
        assert_eq!(reader.committed(&position.topic, position.partition).await.unwrap(), 0);
    }
    writer.commit(Batch::of(vec![good()]).moving(reader.membership(), after(&records))).await.unwrap();
    assert_eq!(count(&*log, &harness.output()).await, 1);
}

pub(crate) async fn a_replaced_writer_is_fenced(harness: &dyn Harness) {
    let log = harness.log().await;
    let mut first = log.writer("one").await.unwrap();
    let mut bystander = log.writer("two").await.unwrap();
    first.commit(Batch::of(vec![append(&harness.output(), "k", "first")])).await.unwrap();
    let mut second = log.writer("one").await.unwrap();
    for _ in 0..2 {
        match first.commit(Batch::of(vec![append(&harness.output(), "k", "late")])).await.unwrap_err() {
            Error::Fenced { writer } => assert_eq!(writer, "one"),
            other => panic!("{other}"),
        }
    }
    second.commit(Batch::of(vec![append(&harness.output(), "k", "second")])).await.unwrap();
    bystander.commit(Batch::of(vec![append(&harness.output(), "k", "bystander")])).await.unwrap();
    let values: Vec<_> = all(&*log, &harness.output()).await.iter().flatten().map(text).collect();
    assert_eq!(values, ["first", "second", "bystander"]);
}
