//! What a mail says, as sections of lines. Text and HTML are two spellings of this one content.

use jiff::tz::TimeZone;
use ledger::{Chain, Digest};
use vitals::news2::{self, News2};
use vitals::{Anomaly, Contribution, Route, Severity, Side};

use crate::names::{PatientRef, episode_short};
use crate::outbox::{Entry, Step};
use crate::settings::{Content, Settings};
use crate::trend::Trend;
use crate::words;

/// A titled group of lines.
pub(crate) struct Part {
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<String>,
}

/// A mail's content.
pub(crate) struct Notice {
    pub(crate) severity: Severity,
    pub(crate) subject: String,
    pub(crate) headline: String,
    /// Before the trend.
    pub(crate) first: Vec<Part>,
    /// The last 24 hours; only in full content and where there are readings.
    pub(crate) trend: Option<Trend>,
    /// After the trend.
    pub(crate) rest: Vec<Part>,
    /// The page about the episode, where there is a portal.
    pub(crate) link: Option<String>,
    pub(crate) footer: &'static str,
}

const FOOTER: &str = "Screening notice by software, no diagnosis. E-mail is no life-critical channel: in an emergency call the emergency number.";

impl Notice {
    pub(crate) fn of(chain: &Chain, entry: &Entry, anomaly: &Anomaly, settings: &Settings, zone: &TimeZone) -> Self {
        let reference = PatientRef::of(chain);
        let severity = words::capitals(anomaly.severity);
        let review = words::minutes(settings.response_minutes(anomaly.severity));
        let episode = episode_short(anomaly.episode);
        let short = reference.short();
        let (subject, headline) = match entry.step {
            Step::Opened => (
                format!("[{severity}] Patient ref {short} · review within {review} · episode {episode}"),
                format!("{severity} · Patient ref {short} · review within {review}"),
            ),
            Step::Resolved => (
                format!("[RESOLVED] Patient ref {short} · was {} · episode {episode}", anomaly.severity.name()),
                format!("RESOLVED · Patient ref {short} · was {}", anomaly.severity.name()),
            ),
        };
        let full = settings.content == Content::Full;
        let trend = full.then(|| Trend::of(anomaly, &entry.alert.chart, zone)).flatten();
        let first = if full {
            full_parts(anomaly, entry, trend.as_ref(), &review, zone)
        } else {
            minimal_parts(anomaly, entry, &review, zone)
        };
        let link = settings
            .base_url
            .as_ref()
            .map(|base| format!("{}/episodes/{}", base.trim_end_matches('/'), anomaly.episode));
        let rest = closing_parts(&reference, entry, anomaly, settings, link.as_deref());
        Self { severity: anomaly.severity, subject, headline, first, trend, rest, link, footer: FOOTER }
    }
}

fn minimal_parts(anomaly: &Anomaly, entry: &Entry, review: &str, zone: &TimeZone) -> Vec<Part> {
    let what = match entry.step {
        Step::Opened => {
            format!("A new {} episode; noticed {}.", anomaly.severity.name(), words::time(anomaly.time_ms, zone))
        }
        Step::Resolved => format!("The episode has ended; noticed {}.", words::time(anomaly.time_ms, zone)),
    };
    let so_what = match entry.step {
        Step::Opened => format!("Review within {review}."),
        Step::Resolved => "Nothing more is sent about this episode.".to_owned(),
    };
    vec![Part { title: "What", lines: vec![what] }, Part { title: "So what", lines: vec![so_what] }]
}

fn full_parts(anomaly: &Anomaly, entry: &Entry, trend: Option<&Trend>, review: &str, zone: &TimeZone) -> Vec<Part> {
    vec![
        Part { title: "What", lines: what(anomaly, entry.step, zone) },
        Part { title: "How sure", lines: how_sure(anomaly, trend) },
        Part { title: "Why", lines: why(anomaly) },
        Part { title: "So what", lines: so_what(anomaly, entry.step, review) },
    ]
}

fn what(anomaly: &Anomaly, step: Step, zone: &TimeZone) -> Vec<String> {
    let (signal, mut lines) = (anomaly.signal, Vec::new());
    let name = words::label(signal);
    lines.push(match (anomaly.route, anomaly.value_milli) {
        (Route::Silence, _) => format!("No reading of any device; last heard: {}.", words::label_inside(signal)),
        (_, Some(now)) => format!("{name} {}", words::value(signal, now)),
        (_, None) => format!("{name}: no current value"),
    });
    if let Some(usual) = anomaly.usual {
        let (low, high) = words::usual_range(usual);
        let range = format!("{} to {}", words::number(signal, low), words::value(signal, high));
        let of = if anomaly.route == Route::Drift { "of the last four weeks" } else { "at this hour" };
        lines.push(format!("own usual {of} {} (range {range})", words::value(signal, usual.median_milli)));
    }
    if let Some(limit) = anomaly.limit {
        let side = match limit.side {
            Side::Below => "lower",
            Side::Above => "upper",
        };
        lines.push(format!("{side} limit {}", words::value(signal, limit.limit_milli)));
    }
    let lasted = words::duration(anomaly.time_ms.saturating_sub(anomaly.start_ms));
    lines.push(match step {
        Step::Opened => format!("since {}, for {lasted}", words::time(anomaly.start_ms, zone)),
        Step::Resolved => {
            format!("from {} to {}, {lasted}", words::time(anomaly.start_ms, zone), words::time(anomaly.time_ms, zone))
        }
    });
    lines
}

fn how_sure(anomaly: &Anomaly, trend: Option<&Trend>) -> Vec<String> {
    let held = anomaly.persisted;
    let mut lines = Vec::new();
    match anomaly.route {
        Route::Silence => {}
        Route::Drift => lines.push(format!("resting heart rate of {} nights or days added up", held.held)),
        _ => {
            let unit = if matches!(anomaly.route, Route::Forest | Route::News2) { "windows" } else { "minutes" };
            lines.push(format!(
                "condition held in {} of the last {} {unit} with data; {} needed",
                held.held, held.of, held.needed
            ));
        }
    }
    if let (Some(score), Some(threshold)) = (anomaly.score_micro, anomaly.threshold_micro) {
        lines.push(match anomaly.route {
            Route::Drift => {
                format!("sum of deviations {} SD, alarm above {}", words::micro(score), words::micro(threshold))
            }
            _ => format!("score {} of 1, counts above {}", words::micro(score), words::micro(threshold)),
        });
    }
    lines.push(match trend {
        Some(trend) => format!("signal: readings in {} of the last 24 hours", trend.hours_with_data),
        None => "signal: no readings in the last 24 hours".to_owned(),
    });
    if matches!(anomaly.route, Route::Forest | Route::News2) {
        let missing: Vec<_> = anomaly.missing.iter().map(|signal| words::label_inside(*signal)).collect();
        lines.push(if missing.is_empty() {
            "missing: nothing".to_owned()
        } else {
            format!("missing: {}", missing.join(", "))
        });
    }
    lines
}

fn why(anomaly: &Anomaly) -> Vec<String> {
    match anomaly.route {
        Route::Silence => vec!["nothing was received for longer than allowed".to_owned()],
        Route::Forest => anomaly.contributions.iter().take(3).map(contribution).collect(),
        Route::Drift => anomaly.contributions.iter().take(1).map(deviation).collect(),
        Route::News2 => anomaly.news2.iter().flat_map(points).collect(),
        Route::HardLimit | Route::Environment => {
            let side = anomaly.limit.map_or("outside the", |limit| match limit.side {
                Side::Below => "below the lower",
                Side::Above => "above the upper",
            });
            vec![format!("{} stayed {side} limit", words::label_inside(anomaly.signal))]
        }
    }
}

/// `▲ +0.081 heart rate, 6.2 SD above the own usual`.
fn contribution(share: &Contribution) -> String {
    let (mark, text) = deviating(share);
    format!("{mark} {} {text}", words::micro_signed(share.share_micro))
}

/// `▲ heart rate, 6.2 SD above the own usual`.
fn deviation(share: &Contribution) -> String {
    let (mark, text) = deviating(share);
    format!("{mark} {text}")
}

fn deviating(share: &Contribution) -> (&'static str, String) {
    let (mark, side) = if share.deviation_milli < 0 { ("▼", "below") } else { ("▲", "above") };
    let tenths = share.deviation_milli.unsigned_abs().saturating_add(50) / 100;
    let name = words::label_inside(share.signal);
    (mark, format!("{name}, {}.{} SD {side} the own usual", tenths / 10, tenths % 10))
}

/// The signs with points, the most first: `respiration, 3 of 3 points`.
fn points(score: &News2) -> Vec<String> {
    let mut with: Vec<_> =
        news2::INPUTS.into_iter().zip(score.points).filter_map(|(s, points)| Some((s, points?))).collect();
    with.retain(|(_, points)| *points > 0);
    with.sort_by_key(|(_, points)| std::cmp::Reverse(*points));
    with.into_iter().map(|(signal, points)| format!("{}, {points} of 3 points", words::label_inside(signal))).collect()
}

fn so_what(anomaly: &Anomaly, step: Step, review: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(score) = &anomaly.news2 {
        let name = if score.is_complete() { "NEWS2 (RCP 2017)" } else { "early warning (NEWS2 chart, RCP 2017)" };
        lines.push(format!("{name}: {score}"));
    } else if let Some(points) = anomaly.value_milli.and_then(|value| news2::points_of(anomaly.signal, value)) {
        // A lower bound and said to be one: a total needs all seven inputs, present and fresh.
        lines.push(format!("early warning (NEWS2 chart, RCP 2017): {points} of 3 points from this sign alone; six inputs not looked at, so no total"));
    }
    lines.push(match step {
        Step::Opened => format!("severity {}: review within {review}", anomaly.severity.name()),
        Step::Resolved => "back within bounds; nothing more is sent about this episode".to_owned(),
    });
    lines
}

fn closing_parts(
    reference: &PatientRef,
    entry: &Entry,
    anomaly: &Anomaly,
    settings: &Settings,
    link: Option<&str>,
) -> Vec<Part> {
    let doing = match (link, entry.step) {
        (Some(_), Step::Opened) => vec![
            "Acknowledge, mark as not useful, snooze with a reason, or open the record on this page, after signing in:"
                .to_owned(),
        ],
        (Some(_), Step::Resolved) => vec!["Open the record on this page, after signing in:".to_owned()],
        (None, _) => vec!["Open the record where the data lie: caduceus check --data-dir DIR".to_owned()],
    };
    let told = vec![settings.recipients.join(", "), "next: nobody, escalation is not set up".to_owned()];
    let alert = &entry.alert;
    let verify = vec![
        format!("patient ref {} · episode {}", reference.long(), anomaly.episode),
        format!("personal chain block {} entry {}", alert.height, alert.entry),
        format!("block hash {}", alert.block),
        format!("model hash {}", Digest(anomaly.model)),
        "caduceus check --data-dir DIR verifies them".to_owned(),
    ];
    vec![
        Part { title: "Do", lines: doing },
        Part { title: "Told", lines: told },
        Part { title: "Verify", lines: verify },
    ]
}
