//! A log that fails in the ways that the contract allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use stream::{EmbeddedLog, Error};
use testkit::log::{Fate, FaultyLog};

use crate::world::*;

/// Fails some commits, and counts them: one in six is refused as unavailable, as rebalanced, or is made and not known to be made.
fn failing(log: EmbeddedLog, failed: Arc<AtomicU32>) -> FaultyLog {
    let commits = AtomicU32::new(0);
    FaultyLog::new(log, move || {
        let unsettled = || Error::Unsettled { writer: "monitor-1".into(), reason: "the connection was lost".into() };
        let fate = match commits.fetch_add(1, Ordering::SeqCst) % 18 {
            2 => Fate::Refused(Error::Unavailable { reason: "a broker is away".into() }),
            8 => Fate::Refused(Error::Rebalanced { group: "monitor".into(), reason: "as they say".into() }),
            13 => Fate::Lost(unsettled()),
            16 => Fate::Refused(unsettled()),
            _ => return Fate::Made,
        };
        failed.fetch_add(1, Ordering::SeqCst);
        fate
    })
}

async fn run(seed: u8, faulty: bool) -> (phc::ContentDigests, usize, u32) {
    let mut world = World::new(seed).await;
    let patient = world.enrol().await;
    let failed = Arc::new(AtomicU32::new(0));
    if faulty {
        world.over = Arc::new(failing(world.log.clone(), failed.clone()));
    }
    let mut running = world.start();
    for hour in 0..32 {
        let mut appends = Vec::new();
        for at in hour * 60..hour * 60 + 60 {
            let batch = minute(0, at);
            appends.push(world.sealed(&patient, &batch));
        }
        appends.extend(ticks(START_MS + (hour * 60 + 59) * MINUTE_MS, false));
        world.append(appends).await;
    }
    world.flush(&mut running, START_MS + 32 * 60 * MINUTE_MS).await;
    running.stop().await;
    (world.content(&patient).await, world.alerts(&patient).await.len(), failed.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_and_unsettled_commits_lose_and_repeat_nothing() {
    let (expected, alerts, _) = run(70, false).await;
    let (content, alerts_then, failed) = run(70, true).await;
    assert!(failed >= 4, "only {failed} commits failed");
    assert_eq!((content, alerts_then), (expected, alerts));
    assert!(content.anomalies > 0 && content.scores > 0);
}
