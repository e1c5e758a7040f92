//! Of readers and scans: where they begin, go on and end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use stream::{Batch, Error, Event, Topic};

use super::{BOUND, Harness, PARTITIONS, TICK, after, all, append, fill, read, text};

pub(crate) async fn a_reader_resumes_at_the_committed_position(harness: &dyn Harness) {
    let log = harness.log().await;
    let mut writer = log.writer("resume").await.unwrap();
    fill(&mut *writer, &harness.input(), 60, 10).await;
    let mut reader = log.reader("resume", &[&harness.input()]).await.unwrap();
    let records = read(&mut *reader, 60).await;
    // Half of each partition is committed.
    let mut half = Vec::new();
    for partition in 0..PARTITIONS {
        let of: Vec<_> = records.iter().filter(|record| record.partition == partition).cloned().collect();
        half.extend(of[..of.len() / 2].to_vec());
    }
    writer.commit(Batch::default().moving(reader.membership(), after(&half))).await.unwrap();
    drop(reader);

    let mut reader = log.reader("resume", &[&harness.input()]).await.unwrap();
    let rest = read(&mut *reader, 60 - half.len()).await;
    let seen: BTreeSet<_> = half.iter().chain(&rest).map(text).collect();
    assert_eq!(rest.len() + half.len(), 60);
    assert_eq!(seen.len(), 60);
    // Another group starts at the beginning.
    let mut other = log.reader("resume-other", &[&harness.input()]).await.unwrap();
    assert_eq!(read(&mut *other, 60).await.len(), 60);
}

pub(crate) async fn a_reader_reads_again_from_where_it_is_told(harness: &dyn Harness) {
    let log = harness.log().await;
    let mut writer = log.writer("seek").await.unwrap();
    let records = (0..10).map(|n| append(&harness.input(), "k", &n.to_string()).in_partition(1)).collect();
    let places = writer.commit(Batch::of(records)).await.unwrap();
    let mut reader = log.reader("seek", &[&harness.input()]).await.unwrap();
    assert!(
        matches!(reader.seek(&harness.input(), 1, 0).await.unwrap_err(), Error::Invalid(_)),
        "nothing is assigned yet"
    );
    assert_eq!(read(&mut *reader, 10).await.len(), 10);
    reader.seek(&harness.input(), 1, places[7].offset).await.unwrap();
    let again: Vec<_> = read(&mut *reader, 3).await.iter().map(text).collect();
    assert_eq!(again, ["7", "8", "9"]);
    reader.seek(&harness.input(), 1, places[9].offset).await.unwrap();
    assert_eq!(read(&mut *reader, 1).await.iter().map(text).collect::<Vec<_>>(), ["9"]);
    assert_eq!(reader.committed(&harness.input(), 1).await.unwrap(), 0, "seeking moved the committed position");
}

pub(crate) async fn a_reader_may_be_told_where_to_start_as_soon_as_it_has_a_partition(harness: &dyn Harness) {
    let log = harness.log().await;
    let (input, output) = (harness.input(), harness.output());
    let mut writer = log.writer("start").await.unwrap();
    let records =
        |topic: &Topic| (0..8).map(|n| append(topic, "k", &n.to_string()).in_partition(n % 4)).collect::<Vec<_>>();
    let places = writer.commit(Batch::of([records(&input), records(&output)].concat())).await.unwrap();
    let mut reader = log.reader("start", &[&input, &output]).await.unwrap();
    let mut seen = Vec::new();
    let deadline = Instant::now() + BOUND;
    while seen.len() < 8 {
        assert!(Instant::now() < deadline, "{seen:?}");
        match reader.next(100, TICK).await.unwrap() {
            Event::Assigned(gained) => {
                for partition in gained {
                    let second = places
                        .iter()
                        .rfind(|at| at.topic == partition.topic && at.partition == partition.number)
                        .unwrap();
                    reader.seek(&second.topic, second.partition, second.offset).await.unwrap();
                }
            }
            Event::Records(records) => seen.extend(records.iter().map(|record| (record.topic.clone(), text(record)))),
            Event::Revoked(_) | Event::Idle => {}
        }
    }
    seen.sort();
    let expected = [&input, &output]
        .iter()
        .flat_map(|topic| (4..8).map(|n| ((*topic).clone(), n.to_string())))
        .collect::<Vec<_>>();
    assert_eq!(seen, expected);
}

pub(crate) async fn a_scan_of_a_compacted_topic_ends_with_the_last_of_each_key(harness: &dyn Harness) {
    let log = harness.log().await;
    let mut writer = log.writer("compacted").await.unwrap();
    for round in 0..20 {
        let states = (0..10)
            .map(|key| append(&harness.state(), &format!("k{key}"), &format!("{key} in round {}", round.max(key))));
        writer.commit(Batch::of(states.collect())).await.unwrap();
    }
    let mut last = BTreeMap::new();
    for record in all(&*log, &harness.state()).await.into_iter().flatten() {
        last.insert(String::from_utf8(record.key.to_vec()).unwrap(), text(&record));
    }
    let expected: BTreeMap<_, _> = (0..10).map(|key| (format!("k{key}"), format!("{key} in round 19"))).collect();
    assert_eq!(last, expected);
}

pub(crate) async fn a_scan_ends_where_the_log_ended_when_it_began(harness: &dyn Harness) {
    let log = harness.log().await;
    let input = harness.input();
    let mut writer = log.writer("scan").await.unwrap();
    let batch = |from: usize| {
        Batch::of((from..from + 10).map(|n| append(&input, "k", &n.to_string()).in_partition(2)).collect())
    };
    let places = writer.commit(batch(0)).await.unwrap();
    let mut scan = log.scan(&input, 2, places[4].offset).await.unwrap();
    writer.commit(batch(10)).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let records = scan.next(4).await.unwrap();
        assert!(records.len() <= 4);
        if records.is_empty() {
            break;
        }
        seen.extend(records.iter().map(text));
    }
    assert_eq!(seen, ["4", "5", "6", "7", "8", "9"]);
    assert!(scan.next(4).await.unwrap().is_empty(), "after its end a scan stays at its end");
    let end = log.end(&input, 2).await.unwrap();
    assert!(log.scan(&input, 2, end).await.unwrap().next(4).await.unwrap().is_empty());
    assert!(log.scan(&input, 1, 0).await.unwrap().next(4).await.unwrap().is_empty());
}

pub(crate) async fn what_does_not_exist_is_refused_by_name(harness: &dyn Harness) {
    let log = harness.log().await;
    let named = |error: Error| match error {
        Error::UnknownTopic { topic, remedy } => {
            assert!(topic == "nowhere" && remedy.contains(harness.input().as_str()), "{topic}: {remedy}")
        }
        other => panic!("{other}"),
    };
    named(log.partitions("nowhere").await.unwrap_err());
    named(log.reader("g", &["nowhere"]).await.err().unwrap());
    named(log.scan("nowhere", 0, 0).await.err().unwrap());
    assert!(matches!(log.scan(&harness.input(), PARTITIONS, 0).await.err().unwrap(), Error::Invalid(_)));
    assert!(matches!(log.reader("", &[&harness.input()]).await.err().unwrap(), Error::Invalid(_)));
    assert!(matches!(log.reader("g", &[]).await.err().unwrap(), Error::Invalid(_)));
    assert!(matches!(log.writer("").await.err().unwrap(), Error::Invalid(_)));
    assert_eq!(log.partitions(&harness.input()).await.unwrap(), PARTITIONS);
}
