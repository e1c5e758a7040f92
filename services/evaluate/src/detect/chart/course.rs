//! Hours at a monitor: each vital with what is usual, and alerts over all of them.

use crate::calendar::{DAY_MS, local_ms};
use crate::detect::alerts::Alert;
use crate::detect::course::{Course, Point};
use crate::detect::reasons::route_words;
use crate::detect::report::Report;
use crate::detect::watched::CHARTED;
use crate::draw::{Rows, Scale, Svg, float, milli, rounded, ticks, width_of};
use crate::words::{per, words};

const WIDTH: f64 = 1_120.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 960.0;
const TOP: f64 = 140.0;
const PANEL: f64 = 150.0;
const SPACE: f64 = 34.0;
const LABEL_ROWS: usize = 4;
const LABEL_HEIGHT: f64 = 16.0;
/// Shown as the usual range: so many median absolute deviations on either side (two standard deviations).
const BAND_SPREADS: f64 = 2.965;
/// A line is broken where so many spans have no value.
const BROKEN_SPANS: i64 = 20;
const MINUTE_MS: i64 = 60_000;

/// Draws the courses of a person.
pub(super) fn svg(report: &Report) -> String {
    let watched = &report.watched;
    let panels: Vec<_> =
        CHARTED.into_iter().filter_map(|signal| Some((signal, watched.courses.get(&signal)?))).collect();
    #[expect(clippy::cast_precision_loss, reason = "at most five")]
    let bottom = TOP + (PANEL + SPACE) * panels.len().max(1) as f64 - SPACE;
    let (first_ms, last_ms) = watched.span_ms.unwrap_or((0, 1));
    let alerts = watched.alerts.all();

    let names: Vec<&str> = panels.iter().map(|(signal, _)| words(*signal)).collect();
    let title = format!("{}: {}", watched.person, if names.is_empty() { "no vital".into() } else { names.join(", ") });
    let told = told(report, alerts);
    let mut svg = Svg::new(WIDTH, bottom + 70.0, &title, &told);
    svg.text("title", "start", (LEFT, 30.0), &title);
    svg.text("small", "start", (LEFT, 52.0), &told);

    let x = Scale::new((float(first_ms), float(last_ms)), (LEFT, RIGHT));
    let mut top = TOP;
    for (signal, course) in panels {
        draw_panel(&mut svg, &format!("{}, {}", words(signal), per(signal)), course, &x, top);
        top += PANEL + SPACE;
    }
    draw_alerts(&mut svg, alerts, &x, bottom);
    draw_axis(&mut svg, report, (first_ms, last_ms), &x, bottom);
    svg.finish()
}

fn told(report: &Report, alerts: &[Alert]) -> String {
    if alerts.is_empty() {
        return format!("No alert in {} rows.", report.watched.rows);
    }
    let time = |alert: &Alert| match report.watched.spelling {
        Some(spelling) => spelling.write(alert.start_ms, alert.offset_minutes),
        None => (alert.start_ms / 1_000).to_string(),
    };
    let count = if alerts.len() == 1 { "1 alert".to_owned() } else { format!("{} alerts", alerts.len()) };
    let first = alerts.first().map_or_else(String::new, |alert| {
        format!(", the first at {}: {}, {}", time(alert), alert.severity.name(), route_words(alert.route))
    });
    format!("{count} in {} rows{first}.", report.watched.rows)
}

fn draw_panel(svg: &mut Svg, name: &str, course: &Course, x: &Scale, top: f64) {
    let points = course.points();
    let usual = |point: &Point| {
        let usual = point.usual?;
        Some((milli(usual.median_milli), milli(usual.spread_milli) * BAND_SPREADS))
    };
    let values = points.iter().flat_map(|point| {
        let around = usual(point).map(|(median, band)| [median - band, median + band]);
        std::iter::once(milli(point.mean_milli())).chain(around.into_iter().flatten())
    });
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let edge = ((high - low) * 0.05).max(0.5);
    let range = (low - edge, high + edge);
    let y = Scale::new(range, (top + PANEL, top));
    for tick in ticks(range, 4.0) {
        svg.line("grid", (LEFT, y.at(tick)), (RIGHT, y.at(tick)));
        svg.text("", "end", (LEFT - 8.0, y.at(tick) + 4.0), &rounded(tick));
    }
    svg.text("onsettext", "start", (LEFT, top - 6.0), name);

    let broken_ms = course.span_ms().saturating_mul(BROKEN_SPANS).max(MINUTE_MS);
    for run in points.chunk_by(|a, b| b.from_ms - a.from_ms <= broken_ms) {
        let known: Vec<(f64, f64, f64)> = run
            .iter()
            .filter_map(|point| usual(point).map(|(median, band)| (x.at(float(point.from_ms)), median, band)))
            .collect();
        let over = known.iter().map(|(place, median, band)| (*place, y.at(median + band)));
        let under = known.iter().rev().map(|(place, median, band)| (*place, y.at(median - band)));
        svg.area("band", &over.chain(under).collect::<Vec<_>>());
        let middle: Vec<(f64, f64)> = known.iter().map(|(place, median, _)| (*place, y.at(*median))).collect();
        svg.path("median", &middle);
    }
    for run in points.chunk_by(|a, b| b.from_ms - a.from_ms <= broken_ms) {
        let line: Vec<(f64, f64)> =
            run.iter().map(|point| (x.at(float(point.from_ms)), y.at(milli(point.mean_milli())))).collect();
        match line.as_slice() {
            [one] => svg.dot("dot", *one, 2.0),
            line => svg.path("value", line),
        }
    }
    let label = |point: &Point| (RIGHT + 12.0, y.at(milli(point.mean_milli())));
    let measured = points.last().map(label);
    let known = points.iter().rev().find_map(usual).map(|(median, _)| y.at(median));
    if let Some((place, at)) = measured {
        // Labels of two lines that end near each other are moved apart.
        let known_at = known.map(|known| if (known - at).abs() < 16.0 { at + 16.0 } else { known });
        svg.text("", "start", (place, at + 4.0), "measured");
        if let Some(known_at) = known_at {
            svg.text("usualtext", "start", (place, known_at + 4.0), "own usual range");
        }
    }
}

/// A shade over all panels, a mark below, and a label above where there is room.
fn draw_alerts(svg: &mut Svg, alerts: &[Alert], x: &Scale, bottom: f64) {
    let mut rows = Rows::new(LABEL_ROWS);
    for alert in alerts {
        let (left, right) = (x.at(float(alert.start_ms)), x.at(float(alert.end_ms())));
        svg.rect("alertspan", (left, TOP), ((right - left).max(2.0), bottom - TOP));
        svg.triangle((left, bottom + 4.0));
        let signal = alert.signals.first().map_or("", |signal| words(*signal));
        let label = format!("{} alert: {signal}, {}", alert.severity.name(), route_words(alert.route));
        let width = width_of(&label);
        let begin = left.min(WIDTH - width - 4.0);
        if let Some(row) = rows.place(begin, begin + width + 8.0) {
            #[expect(clippy::cast_precision_loss, reason = "at most four")]
            let label_y = TOP - 24.0 - LABEL_HEIGHT * row as f64;
            svg.line("alertline", (left, label_y + 4.0), (left, TOP));
            svg.text("alerttext", "start", (begin, label_y), &label);
        }
    }
}

fn draw_axis(svg: &mut Svg, report: &Report, (first_ms, last_ms): (i64, i64), x: &Scale, bottom: f64) {
    svg.line("grid", (LEFT, bottom), (RIGHT, bottom));
    let span_ms = last_ms.saturating_sub(first_ms).max(1);
    let steps = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1_440, 2_880, 7_200, 14_400];
    let step_ms = steps.into_iter().map(|minutes| minutes * MINUTE_MS).find(|step_ms| span_ms / step_ms <= 12);
    let step_ms = step_ms.unwrap_or(span_ms / 8).max(1);
    let clock = report.watched.spelling.filter(|spelling| !spelling.is_number());
    let offset = report.watched.alerts.all().first().and_then(|alert| alert.offset_minutes);
    // On a clock ticks stand at round times; else they count from the first row.
    let to_round_ms = if clock.is_some() { -local_ms(first_ms, offset).rem_euclid(step_ms) } else { 0 };
    let mut at_ms = first_ms.saturating_add(to_round_ms.rem_euclid(step_ms));
    while at_ms <= last_ms {
        let place = x.at(float(at_ms));
        svg.line("grid", (place, bottom), (place, bottom + 6.0));
        let minutes = local_ms(at_ms, offset).rem_euclid(DAY_MS) / MINUTE_MS;
        let text = match clock {
            Some(_) => format!("{:02}:{:02}", minutes / 60, minutes % 60),
            None => (at_ms.saturating_sub(first_ms) / MINUTE_MS).to_string(),
        };
        svg.text("", "middle", (place, bottom + 32.0), &text);
        at_ms = at_ms.saturating_add(step_ms);
    }
    let axis = match clock {
        Some(spelling) => format!("time of day, from {}", spelling.write(first_ms, offset)),
        None => format!("minutes since the first row ({} s since 1970)", first_ms / 1_000),
    };
    svg.text("small", "start", (LEFT, bottom + 56.0), &axis);
}
