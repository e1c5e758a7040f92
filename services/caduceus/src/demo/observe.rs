//! Looks at every part, for the view and the summary.

use std::collections::BTreeMap;
use std::time::Instant;

use erm::Block;

use super::facts::Facts;
use super::story::Story;
use crate::failure::{OrFail as _, Outcome};
use crate::platform::Platform;

/// What has to be remembered between two looks.
pub(crate) struct Observer {
    counted_height: u64,
    transactions: u64,
    last: Instant,
    last_readings: u64,
    rate: f64,
}

/// Seconds between two measurements of the rate.
const RATE_SECONDS: f64 = 0.5;

impl Observer {
    pub(crate) fn new(_platform: &Platform) -> Self {
        Self { counted_height: 0, transactions: 0, last: Instant::now(), last_readings: 0, rate: 0.0 }
    }

    /// Counts the transactions of the blocks that are new.
    pub(crate) async fn count_blocks(&mut self, platform: &Platform) -> Outcome {
        let node = platform.record.node();
        while self.counted_height < node.height() {
            self.counted_height += 1;
            if let Some((bytes, _)) = node.block(self.counted_height).await.or_environment("the record chain")? {
                self.transactions +=
                    Block::decode(&bytes).or_environment("the record chain")?.transactions.len() as u64;
            }
        }
        Ok(())
    }

    /// Everything as it is now.
    pub(crate) fn look(&mut self, platform: &Platform, time_ms: i64, story: &Story) -> Facts {
        let monitor = platform.monitor.borrow().clone();
        let notifier = platform.notifier.borrow().clone();
        let seconds = self.last.elapsed().as_secs_f64();
        if seconds >= RATE_SECONDS {
            #[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
            let readings = monitor.readings.saturating_sub(self.last_readings) as f64;
            self.rate = readings / seconds;
            (self.last, self.last_readings) = (Instant::now(), monitor.readings);
        }
        let mut verdicts = BTreeMap::new();
        for claim in story.claims() {
            *verdicts.entry(claim.verdict.clone()).or_insert(0) += 1;
        }
        let (weight_online, weight_total) = platform.record.node().power_online();
        Facts {
            time_ms,
            readings: monitor.readings,
            readings_per_second: self.rate,
            anomalies: monitor.anomalies,
            open_episodes: notifier.open_episodes as u64,
            mails: notifier.sent,
            blocks: monitor.blocks,
            anchored: platform.anchored(),
            height: platform.record.node().height(),
            weight_online,
            weight_total,
            transactions: self.transactions,
            verdicts,
            scene: story.scene().to_owned(),
        }
    }
}
