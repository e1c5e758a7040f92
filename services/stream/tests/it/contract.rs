//! The laws. Each is a function over a [`Harness`]; a module for each implementation runs them all.

mod reading;
mod sharing;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use stream::{
    Append, Batch, Event, EventLog, Partition, Position, Reader, Record, Retention, Topic, TopicSpec, Topics, Writer,
};

pub(crate) const PARTITIONS: u32 = 4;
/// Nothing that is awaited takes this long unless it is broken, on a busy machine neither.
pub(crate) const BOUND: Duration = Duration::from_secs(180);
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
pub(crate) use reading::*;
pub(crate) use sharing::*;
pub(crate) use writing::*;

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
