//! Figures.

use std::time::{Duration, Instant};

use stream::kafka::KafkaLog;
use stream::{Append, Batch, Event, EventLog};

use super::{names, settings, shared_broker};

/// Figures for orientation, in the profile the tests are built with: run with `--ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures, shows nothing"]
async fn figures() {
    let Some(bootstrap) = tokio::task::block_in_place(|| shared_broker("figures")) else { return };
    let log = KafkaLog::connect(settings(&bootstrap, "figures")).await.unwrap();
    let (input, _) = names("figures");
    let mut writer = log.writer("figures").await.unwrap();
    let value = bytes::Bytes::from(vec![7_u8; 200]);
    let mut all = 0;
    for size in [1_usize, 100, 1_000] {
        let batches = 200;
        let mut took = Vec::new();
        for _ in 0..batches {
            let records = (0..size).map(|n| Append::new(&input, format!("key{n}"), 0, value.clone())).collect();
            let began = Instant::now();
            writer.commit(Batch::of(records)).await.unwrap();
            took.push(began.elapsed());
        }
        all += size * batches;
        took.sort();
        let total: Duration = took.iter().sum();
        eprintln!(
            "commit of {size} records of 200 B: p50 {:.1} ms, p99 {:.1} ms, {:.0} records/s",
            took[batches / 2].as_secs_f64() * 1e3,
            took[batches * 99 / 100].as_secs_f64() * 1e3,
            (size * batches) as f64 / total.as_secs_f64()
        );
    }
    let mut reader = log.reader("figures", &[&input]).await.unwrap();
    let (mut read, mut began) = (0, Instant::now());
    while read < all {
        match reader.next(10_000, Duration::from_secs(1)).await.unwrap() {
            Event::Records(records) => read += records.len(),
            Event::Assigned(_) => began = Instant::now(),
            Event::Revoked(_) | Event::Idle => {}
        }
    }
    eprintln!("read: {:.0} records/s", all as f64 / began.elapsed().as_secs_f64());
}
