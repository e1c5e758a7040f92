//! Weeks at home: heart rate at rest by night, what is usual, alerts and the onset of an illness.

use std::collections::BTreeMap;

use crate::calendar::{date, short_date};
use crate::detect::days::LEARNING_DAYS;
use crate::detect::evaluation::FOUND_DAYS;
use crate::detect::reasons::route_words;
use crate::detect::report::Report;
use crate::detect::rivals;
use crate::draw::{Rows, Scale, Svg, ticks, width_of};
use vitals::Route;

const WIDTH: f64 = 1_120.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 960.0;
const TOP: f64 = 176.0;
const BOTTOM: f64 = 470.0;
const LABEL_ROWS: usize = 4;
const LABEL_HEIGHT: f64 = 16.0;
/// The band is so many robust standard deviations wide on either side.
const BAND_SIGMAS: f64 = 2.0;

/// What a value is the value of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Night,
    Day,
}

impl By {
    fn word(self) -> &'static str {
        if self == Self::Night { "night" } else { "day" }
    }

    fn mark(self) -> &'static str {
        if self == Self::Night { "a night's mean (0 to 7 o'clock, no steps)" } else { "a day's median (no steps)" }
    }
}

/// Draws the nights; the days, of somebody who wears nothing at night.
#[expect(clippy::cast_precision_loss, reason = "days")]
pub(super) fn svg(report: &Report) -> String {
    let (nights, daytimes) = (report.watched.days.nights(), report.watched.days.daytimes());
    let (by, other, nights, daytimes) = if nights.len() * 2 < daytimes.len() {
        (By::Day, By::Night, daytimes, nights)
    } else {
        (By::Night, By::Day, nights, daytimes)
    };
    let nights = &nights;
    let (first, last) = report.watched.days.span().unwrap_or((0, 1));
    let only_days: Vec<(i64, f64)> =
        daytimes.iter().filter(|(day, _)| !nights.contains_key(day)).map(|(day, value)| (*day, *value)).collect();
    let usual: Vec<(i64, rivals::UsualNight)> =
        (first..=last).filter_map(|day| Some((day, rivals::usual(nights, day)?))).collect();
    let shown = nights.values().copied().chain(only_days.iter().map(|(_, value)| *value)).chain(
        usual.iter().flat_map(|(_, of)| [-1.0, 1.0].map(|side| of.median_bpm + side * BAND_SIGMAS * of.sigma_bpm)),
    );
    let (low, high) =
        shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let range = (low - 1.0, high + 1.0);
    let x = Scale::new((first as f64, (last + 1) as f64), (LEFT, RIGHT));
    let y = Scale::new(range, (BOTTOM, TOP));
    // A night ends at seven, a day at midnight.
    let at = |day: i64| x.at(day as f64 + if by == By::Night { 7.0 / 24.0 } else { 0.5 });

    let person = &report.watched.person;
    let title = format!("{person}: heart rate at rest by {}, {} to {}", by.word(), date(first), date(last));
    let told = told(report);
    let mut svg = Svg::new(WIDTH, HEIGHT, &title, &format!("{told} {}", description(report)));
    svg.text("title", "start", (LEFT, 30.0), &title);
    svg.text("small", "start", (LEFT, 52.0), &told);

    let learned = x.at((first + LEARNING_DAYS).min(last + 1) as f64);
    svg.rect("learning", (LEFT, TOP), (learned - LEFT, BOTTOM - TOP));
    if learned - LEFT > width_of("learning,") {
        let middle = (LEFT + learned) / 2.0;
        svg.text("small", "middle", (middle, BOTTOM - 24.0), "learning,");
        svg.text("small", "middle", (middle, BOTTOM - 8.0), "14 days");
    }
    for tick in ticks(range, 6.0) {
        svg.line("grid", (LEFT, y.at(tick)), (RIGHT, y.at(tick)));
        svg.text("", "end", (LEFT - 8.0, y.at(tick) + 4.0), &format!("{tick}"));
    }
    svg.text("small", "start", (LEFT - 48.0, TOP - 12.0), "beats/min");
    draw_usual(&mut svg, &usual, by, &at, &y);
    draw_values(&mut svg, nights, &only_days, [by, other], &at, &y);
    draw_axis(&mut svg, (first, last), &x);
    draw_onset(&mut svg, report, (first, last), &x);
    draw_alerts(&mut svg, report, &x);
    svg.finish()
}

/// One line of what matters.
fn told(report: &Report) -> String {
    let days = |count: i64| if count == 1 { "1 day".to_owned() } else { format!("{count} days") };
    let count = |of: usize| days(i64::try_from(of).unwrap_or(i64::MAX));
    let verdict = match &report.verdicts {
        None => String::new(),
        Some(verdicts) => match verdicts.own.lead_days {
            Some(lead) if lead > 0 => format!(" The illness was found {} before its first symptoms.", days(lead)),
            Some(0) => " The illness was found on the day of its first symptoms.".to_owned(),
            Some(lead) => format!(" The illness was found {} after its first symptoms.", days(-lead)),
            None => " The illness was not found.".to_owned(),
        },
    };
    let (alerts, monitored) = (count(report.alert_days.len()), count(report.monitored.len()));
    format!("Alerts on {alerts}; {monitored} monitored.{verdict}")
}

fn description(report: &Report) -> String {
    let alerts: Vec<String> = report.alert_days.iter().map(|day| date(*day)).collect();
    let onset = report.onset.map_or_else(String::new, |onset| format!(" Symptoms began on {}.", date(onset.day)));
    format!("Alert days: {}.{onset}", if alerts.is_empty() { "none".to_owned() } else { alerts.join(", ") })
}

fn draw_usual(svg: &mut Svg, usual: &[(i64, rivals::UsualNight)], by: By, at: &impl Fn(i64) -> f64, y: &Scale) {
    for run in usual.chunk_by(|a, b| b.0 == a.0 + 1) {
        let edge = |side: f64| {
            run.iter().map(move |(day, of)| (at(*day), y.at(of.median_bpm + side * BAND_SIGMAS * of.sigma_bpm)))
        };
        let around: Vec<(f64, f64)> = edge(1.0).chain(edge(-1.0).collect::<Vec<_>>().into_iter().rev()).collect();
        svg.area("band", &around);
        let middle: Vec<(f64, f64)> = run.iter().map(|(day, of)| (at(*day), y.at(of.median_bpm))).collect();
        svg.path("median", &middle);
    }
    if let Some((day, of)) = usual.last() {
        let (x, top) = (at(*day) + 10.0, y.at(of.median_bpm));
        svg.text("usualtext", "start", (x, top - 2.0), "usual range");
        svg.text("small", "start", (x, top + 14.0), "of the 28 days");
        svg.text("small", "start", (x, top + 29.0), &format!("before each {}", by.word()));
    }
}

fn draw_values(
    svg: &mut Svg,
    nights: &BTreeMap<i64, f64>,
    only_days: &[(i64, f64)],
    [by, other]: [By; 2],
    at: &impl Fn(i64) -> f64,
    y: &Scale,
) {
    let points: Vec<(i64, (f64, f64))> = nights.iter().map(|(day, value)| (*day, (at(*day), y.at(*value)))).collect();
    for run in points.chunk_by(|a, b| b.0 == a.0 + 1) {
        svg.path("value", &run.iter().map(|(_, point)| *point).collect::<Vec<_>>());
    }
    for (_, point) in &points {
        svg.dot("dot", *point, 3.2);
    }
    for (day, value) in only_days {
        let (x, y) = (at(*day), y.at(*value));
        svg.rect("hollow", (x - 3.5, y - 3.5), (7.0, 7.0));
    }
    // What the marks are, beside one of them each, below the axis of days.
    let text_y = BOTTOM + 74.0;
    let mut text_x = LEFT + 6.0;
    if !points.is_empty() {
        svg.dot("dot", (text_x, text_y - 4.0), 3.2);
        let text = by.mark();
        svg.text("small", "start", (text_x + 10.0, text_y), text);
        text_x += width_of(text) + 40.0;
    }
    if !only_days.is_empty() {
        svg.rect("hollow", (text_x - 3.5, text_y - 7.5), (7.0, 7.0));
        svg.text(
            "small",
            "start",
            (text_x + 10.0, text_y),
            &format!("{}, where the {} gave too little", other.mark(), by.word()),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "days")]
fn draw_axis(svg: &mut Svg, (first, last): (i64, i64), x: &Scale) {
    svg.line("grid", (LEFT, BOTTOM), (RIGHT, BOTTOM));
    let span = last - first + 1;
    let step = [1, 2, 7, 14, 28, 91, 182, 364].into_iter().find(|step| span / step <= 13).unwrap_or(span / 10);
    for day in (first..=last).step_by(usize::try_from(step).unwrap_or(1).max(1)) {
        let place = x.at(day as f64);
        svg.line("grid", (place, BOTTOM), (place, BOTTOM + 6.0));
        svg.text("", "middle", (place, BOTTOM + 38.0), &short_date(day));
    }
    let years = [first, last].map(|day| date(day).get(..4).unwrap_or_default().to_owned());
    let years = if years[0] == years[1] { years[0].clone() } else { years.join(" to ") };
    svg.text("small", "start", (RIGHT + 14.0, BOTTOM + 38.0), &format!("date, {years}"));
}

#[expect(clippy::cast_precision_loss, reason = "days")]
fn draw_onset(svg: &mut Svg, report: &Report, (first, last): (i64, i64), x: &Scale) {
    let Some(onset) = report.onset.filter(|onset| (first..=last).contains(&onset.day)) else { return };
    let place = x.at(onset.day as f64);
    svg.line("onset", (place, TOP - 24.0), (place, BOTTOM));
    svg.text("onsettext", "middle", (place, TOP - 30.0), &format!("first symptoms {}", short_date(onset.day)));
    let (from, to) = (
        x.at((onset.day + FOUND_DAYS.start()).max(first) as f64),
        x.at((onset.day + FOUND_DAYS.end() + 1).min(last + 1) as f64),
    );
    let y = TOP - 6.0;
    svg.line("onset", (from, y), (to, y));
    svg.line("onset", (from, y - 4.0), (from, y + 4.0));
    svg.line("onset", (to, y - 4.0), (to, y + 4.0));
    svg.text("small", "start", (to + 6.0, y - 2.0), "an alert here finds it");
}

/// A mark a run of alert-days under the axis, a line up to the values, a label above.
#[expect(clippy::cast_precision_loss, reason = "days")]
fn draw_alerts(svg: &mut Svg, report: &Report, x: &Scale) {
    let days: Vec<i64> = report.alert_days.iter().copied().collect();
    let mut rows = Rows::new(LABEL_ROWS);
    for run in days.chunk_by(|a, b| *b == a + 1) {
        let (Some(from), Some(to)) = (run.first(), run.last()) else { continue };
        let (left, right) = (x.at(*from as f64), x.at((to + 1) as f64));
        let place = (left + right) / 2.0;
        svg.rect("alertspan", (left, TOP), (right - left, BOTTOM - TOP));
        svg.triangle((place, BOTTOM + 8.0));
        let routes = report.watched.alerts.all().iter().filter(|alert| {
            let days = alert.days();
            days.start() <= to && from <= days.end()
        });
        let mut words: Vec<&str> =
            routes.map(|alert| alert.route).filter(|route| *route != Route::Drift).map(route_words).collect();
        words.sort_unstable();
        words.dedup();
        let mut label = match from == to {
            true => format!("alert {}", short_date(*from)),
            false => format!("alert {} to {}", short_date(*from), short_date(*to)),
        };
        if !words.is_empty() {
            label = format!("{label}: {}", words.join(", "));
        }
        let width = width_of(&label);
        let begin = (place - width / 2.0).clamp(4.0, WIDTH - width - 4.0);
        if let Some(row) = rows.place(begin, begin + width + 8.0) {
            let label_y = TOP - 50.0 - LABEL_HEIGHT * row as f64;
            svg.line("alertline", (place, label_y + 4.0), (place, TOP));
            svg.text("alerttext", "middle", (begin + width / 2.0, label_y), &label);
        }
    }
}
