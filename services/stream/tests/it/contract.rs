//! The laws. Each is a function over a [`Harness`]; a module for each implementation runs them all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use stream::{
    Append, Batch, CloudEvent, Error, Event, EventLog, Partition, Position, Reader, Record, Retention, Topic,
    TopicSpec, Topics, Writer,
};

pub(crate) const PARTITIONS: u32 = 4;
/// Nothing that is awaited takes this long unless it is broken.
pub(crate) const BOUND: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(50);

/// A log with two topics of its own, `input` and `output`, and one, `other`, for what the law does not look at.
#[async_trait]
pub(crate) trait Harness: Send + Sync {
    /// A handle on the log; every call gives one to the same log.
    async fn log(&self) -> Box<dyn EventLog>;
    fn input(&self) -> Topic;
    fn output(&self) -> Topic;
    /// A compacted topic.
    fn state(&self) -> Topic;
    /// The largest record that the log takes, in bytes.
    fn max_record_bytes(&self) -> usize;
}

pub(crate) fn topics(names: &[&Topic], compacted: &Topic) -> Topics {
    let spec = |name: &Topic, retention| TopicSpec { name: name.clone(), partitions: PARTITIONS, retention };
    let kept = names.iter().map(|name| spec(name, Retention::Forever));
    Topics::of(kept.chain([spec(compacted, Retention::Compact)])).unwrap()
}

/// Runs each law as a test of its own.
macro_rules! laws {
    ($harness:expr) => {
        $crate::contract::laws!(@ $harness;
            records_of_a_key_keep_their_order,
            a_record_comes_back_as_it_was_written,
            a_batch_moves_several_topics_and_the_read_position_in_one_step,
            nothing_of_a_refused_batch_is_visible_and_the_writer_goes_on,
            a_replaced_writer_is_fenced,
            a_reader_resumes_at_the_committed_position,
            a_reader_reads_again_from_where_it_is_told,
            a_reader_may_be_told_where_to_start_as_soon_as_it_has_a_partition,
            a_scan_of_a_compacted_topic_ends_with_the_last_of_each_key,
            two_readers_share_the_partitions_and_the_one_left_takes_all,
            a_partition_that_was_lost_cannot_be_committed,
            co_partitioned_topics_move_together,
            a_scan_ends_where_the_log_ended_when_it_began,
            what_does_not_exist_is_refused_by_name,
            a_record_is_copied_exactly_once_however_often_the_copier_changes,
        );
    };
    (@ $harness:expr; $($law:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $law() {
            if let Some(harness) = $harness(stringify!($law)).await {
                crate::contract::$law(&harness).await;
            }
        })*
    };
}
pub(crate) use laws;

// ---- steps -------------------------------------------------------------------------------------------------------------

pub(crate) fn text(record: &Record) -> String {
    String::from_utf8(record.value.to_vec()).unwrap()
}

pub(crate) fn append(topic: &Topic, key: &str, value: &str) -> Append {
    Append::new(topic, key.to_owned(), 1_700_000_000_000, value.to_owned())
}

/// Appends `count` records `KEY-N` over a few keys, in batches of `size`.
pub(crate) async fn fill(writer: &mut dyn Writer, topic: &Topic, count: usize, size: usize) {
    for from in (0..count).step_by(size) {
        let records =
            (from..count.min(from + size)).map(|n| append(topic, &format!("key{}", n % 7), &format!("{n}"))).collect();
        writer.commit(Batch::of(records)).await.unwrap();
    }
}

/// Everything in a topic, by partition.
pub(crate) async fn all(log: &dyn EventLog, topic: &Topic) -> Vec<Vec<Record>> {
    let mut out = Vec::new();
    for partition in 0..log.partitions(topic).await.unwrap() {
        let mut scan = log.scan(topic, partition, 0).await.unwrap();
        let mut records = Vec::new();
        loop {
            let more = scan.next(100).await.unwrap();
            if more.is_empty() {
                break;
            }
            records.extend(more);
        }
        out.push(records);
    }
    out
}

pub(crate) async fn count(log: &dyn EventLog, topic: &Topic) -> usize {
    all(log, topic).await.iter().map(Vec::len).sum()
}

/// The positions after the last of these records, by partition.
pub(crate) fn after(records: &[Record]) -> Vec<Position> {
    let last: BTreeMap<_, _> =
        records.iter().map(|record| ((record.topic.clone(), record.partition), record.next_position())).collect();
    last.into_values().collect()
}

/// Reads until `count` records came.
async fn read(reader: &mut dyn Reader, count: usize) -> Vec<Record> {
    let deadline = Instant::now() + BOUND;
    let mut out = Vec::new();
    while out.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} records came", out.len());
        if let Event::Records(records) = reader.next(1000, TICK).await.unwrap() {
            out.extend(records);
        }
    }
    out
}

/// Which partitions each of these readers holds, kept by watching their events.
#[derive(Default)]
struct Holding(Vec<BTreeSet<Partition>>);

impl Holding {
    /// Lets all readers run until `settled` says so. Fails when a partition is held twice.
    async fn until(&mut self, readers: &mut [Box<dyn Reader>], settled: impl Fn(&[BTreeSet<Partition>]) -> bool) {
        self.0.resize(readers.len(), BTreeSet::new());
        let deadline = Instant::now() + BOUND;
        while !settled(&self.0) {
            assert!(Instant::now() < deadline, "the group did not settle: {:?}", self.0);
            for (reader, held) in readers.iter_mut().zip(&mut self.0) {
                match reader.next(1, TICK).await.unwrap() {
                    Event::Assigned(more) => held.extend(more),
                    Event::Revoked(gone) => held.retain(|partition| !gone.contains(partition)),
                    Event::Records(_) | Event::Idle => {}
                }
            }
            let twice = self.0.iter().map(BTreeSet::len).sum::<usize>()
                - self.0.iter().flatten().collect::<BTreeSet<_>>().len();
            assert_eq!(twice, 0, "a partition is held twice: {:?}", self.0);
        }
    }
}

// ---- laws --------------------------------------------------------------------------------------------------------------

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

pub(crate) async fn two_readers_share_the_partitions_and_the_one_left_takes_all(harness: &dyn Harness) {
    let log = harness.log().await;
    let input = harness.input();
    let mut readers = vec![log.reader("share", &[&input]).await.unwrap()];
    let mut holding = Holding::default();
    holding.until(&mut readers, |held| held[0].len() == 4).await;
    readers.push(log.reader("share", &[&input]).await.unwrap());
    holding.until(&mut readers, |held| held[0].len() == 2 && held[1].len() == 2).await;
    readers.remove(0);
    holding.0.remove(0);
    holding.until(&mut readers, |held| held[0].len() == 4).await;
}

pub(crate) async fn a_partition_that_was_lost_cannot_be_committed(harness: &dyn Harness) {
    let log = harness.log().await;
    let input = harness.input();
    let mut writer = log.writer("lost").await.unwrap();
    fill(&mut *writer, &input, 100, 50).await;
    let mut first = log.reader("lost", &[&input]).await.unwrap();
    let records = read(&mut *first, 100).await;
    let stale = first.membership();
    let mut readers = vec![first, log.reader("lost", &[&input]).await.unwrap()];
    let mut holding = Holding(vec![(0..PARTITIONS).map(|number| Partition { topic: input.clone(), number }).collect()]);
    holding.until(&mut readers, |held| held[1].len() == 2).await;

    let lost: Vec<_> = after(&records)
        .into_iter()
        .filter(|at| holding.0[1].iter().any(|partition| partition.number == at.partition))
        .collect();
    assert!(!lost.is_empty());
    let late = Batch::of(vec![append(&harness.output(), "k", "late")]).moving(stale, lost.clone());
    match writer.commit(late).await.unwrap_err() {
        Error::Rebalanced { group, .. } => assert_eq!(group, "lost"),
        other => panic!("{other}"),
    }
    assert_eq!(count(&*log, &harness.output()).await, 0);
    // What was read and could not be committed comes again from the committed position, in what is still held.
    let kept = readers[0].assigned();
    assert_eq!(kept.iter().cloned().collect::<BTreeSet<_>>(), holding.0[0]);
    readers[0].rewind().await.unwrap();
    let expected = records.iter().filter(|record| kept.iter().any(|own| own.number == record.partition)).count();
    assert_eq!(read(&mut *readers[0], expected).await.len(), expected);
    // Who holds the others now may commit them.
    writer
        .commit(Batch::of(vec![append(&harness.output(), "k", "mine")]).moving(readers[1].membership(), lost))
        .await
        .unwrap();
    assert_eq!(count(&*log, &harness.output()).await, 1);
}

pub(crate) async fn co_partitioned_topics_move_together(harness: &dyn Harness) {
    let log = harness.log().await;
    let (input, output) = (harness.input(), harness.output());
    let mut readers = Vec::new();
    for _ in 0..2 {
        readers.push(log.reader("together", &[&input, &output]).await.unwrap());
    }
    let mut holding = Holding::default();
    holding.until(&mut readers, |held| held.iter().all(|of| of.len() == 4)).await;
    for held in &holding.0 {
        let of = |topic: &Topic| {
            held.iter()
                .filter(|partition| partition.topic == *topic)
                .map(|partition| partition.number)
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(of(&input), of(&output));
    }
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

/// Readers that come and go copy `input` to `output`; in the end every record is there once, in order per key.
pub(crate) async fn a_record_is_copied_exactly_once_however_often_the_copier_changes(harness: &dyn Harness) {
    const RECORDS: usize = 600;
    let log = harness.log().await;
    let (input, output) = (harness.input(), harness.output());
    let mut source = log.writer("source").await.unwrap();
    fill(&mut *source, &input, RECORDS, 50).await;
    let mut lives = 0;
    while count(&*log, &output).await < RECORDS {
        // Two copiers at a time, each with few batches to live; names repeat, so that a later one replaces an earlier one.
        let mut copiers = tokio::task::JoinSet::new();
        for place in 0..2 {
            let (log, input, output) = (harness.log().await, input.clone(), output.clone());
            copiers
                .spawn(async move { crate::copier::copy(&*log, &format!("copier-{place}"), &input, &output, 3).await });
        }
        while let Some(ended) = copiers.join_next().await {
            ended.unwrap();
        }
        lives += 2;
        assert!(lives < 200, "the copiers do not get on");
    }
    crate::copier::assert_copied_once(&*log, &input, &output).await;
}
