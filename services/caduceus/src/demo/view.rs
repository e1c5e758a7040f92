//! How the demo is watched: a live view in a terminal, or one line a second.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::facts::{Facts, iso};
use super::people::{END_MS, LIVE_MS, START_MS};

/// One of the two.
pub(crate) enum View {
    Live(Box<Live>),
    Lines { last: Option<Instant> },
}

/// The live view: a bar over the simulated time and a line for each part of the system.
pub(crate) struct Live {
    _all: MultiProgress,
    time: ProgressBar,
    stream: ProgressBar,
    alerts: ProgressBar,
    personal: ProgressBar,
    record: ProgressBar,
    claims: ProgressBar,
}

impl View {
    pub(crate) fn new(headless: bool) -> Self {
        if headless { Self::Lines { last: None } } else { Self::Live(Box::new(Live::new())) }
    }

    /// Shows the facts; lines come once a second, whatever is called how often.
    pub(crate) fn show(&mut self, facts: &Facts) {
        match self {
            Self::Live(live) => live.show(facts),
            Self::Lines { last } => {
                if last.is_none_or(|last| last.elapsed() >= Duration::from_secs(1)) {
                    *last = Some(Instant::now());
                    crate::console::line(facts.line());
                }
            }
        }
    }

    /// Leaves the last state standing.
    pub(crate) fn finish(&mut self, facts: &Facts) {
        match self {
            Self::Live(live) => live.finish(facts),
            Self::Lines { .. } => crate::console::line(facts.line()),
        }
    }
}

impl Live {
    fn new() -> Self {
        let all = MultiProgress::new();
        let span = u64::try_from(END_MS - START_MS).unwrap_or(1);
        let time = all.add(ProgressBar::new(span).with_style(style("{prefix:>16}  {bar:44.cyan/black} {msg}")));
        time.set_prefix("simulated time");
        let line = |name: &'static str| {
            let line = all.add(ProgressBar::new(0).with_style(style("{prefix:>16}  {msg}")));
            line.set_prefix(name);
            line
        };
        let (stream, alerts, personal) = (line("stream"), line("alerts"), line("personal chains"));
        let (record, claims) = (line("record chain"), line("claims"));
        Self { _all: all, time, stream, alerts, personal, record, claims }
    }

    fn show(&self, facts: &Facts) {
        self.time.set_position(u64::try_from(facts.time_ms - START_MS).unwrap_or(0));
        let part = if facts.time_ms < LIVE_MS { "backfill" } else { facts.scene.as_str() };
        self.time.set_message(format!("{}  {part}", iso(facts.time_ms)));
        self.stream.set_message(format!("{} readings, {:.0} a second", facts.readings, facts.readings_per_second));
        self.alerts.set_message(format!(
            "{} anomalies, {} episodes open, {} mails",
            facts.anomalies, facts.open_episodes, facts.mails
        ));
        self.personal.set_message(format!("{} blocks, {} chains anchored", facts.blocks, facts.anchored));
        self.record.set_message(format!(
            "height {}, {} transactions, stake online {} of {}",
            facts.height, facts.transactions, facts.weight_online, facts.weight_total
        ));
        let verdicts: Vec<_> = facts.verdicts.iter().map(|(verdict, count)| format!("{verdict} {count}")).collect();
        self.claims.set_message(if verdicts.is_empty() { "none yet".to_owned() } else { verdicts.join(", ") });
    }

    fn finish(&self, facts: &Facts) {
        self.show(facts);
        for line in [&self.time, &self.stream, &self.alerts, &self.personal, &self.record, &self.claims] {
            line.abandon();
        }
    }
}

/// A template that is written here; one that does not parse shows the default instead of failing.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
