//! The chart of a mail: 24 hours of one signal with the own usual range, the limit, the start of the episode and now.
//! Every mark carries words: colour alone says nothing.

use vitals::{Side, Signal};

use crate::canvas::{Align, Canvas, Colour, TEXT_HEIGHT};
use crate::trend::Trend;
use crate::words;

/// Twice the width at which phones show it, so that it is sharp there.
pub(crate) const WIDTH: u32 = 800;
pub(crate) const HEIGHT: u32 = 520;

const INK: Colour = Colour(26, 36, 48);
const QUIET: Colour = Colour(80, 96, 110);
const GRID: Colour = Colour(226, 231, 236);
pub(crate) const BAND: Colour = Colour(214, 231, 246);
const BAND_INK: Colour = Colour(31, 84, 140);
pub(crate) const LIMIT: Colour = Colour(178, 34, 34);
pub(crate) const SIGNAL: Colour = Colour(16, 62, 118);

const TOP: f32 = 84.0;
const BOTTOM: f32 = 430.0;
const LEFT: f32 = 96.0;
/// Right of it stands the current value.
const RIGHT: f32 = 706.0;
const EDGE: f32 = 784.0;
/// Readings further apart than this are not joined.
const GAP_MS: i64 = 30 * 60_000;

/// Draws the chart; `None` only where a picture cannot be made at all.
pub(crate) fn draw(trend: &Trend) -> Option<Vec<u8>> {
    let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
    let scale = Scale::of(trend);
    heading(&mut canvas, trend);
    usual_range(&mut canvas, trend, &scale);
    value_axis(&mut canvas, trend, &scale);
    time_axis(&mut canvas, trend, &scale);
    limit(&mut canvas, trend, &scale);
    start(&mut canvas, trend, &scale);
    signal(&mut canvas, trend, &scale);
    canvas.png()
}

/// From time and value to pixels.
struct Scale {
    from_ms: i64,
    to_ms: i64,
    low: i64,
    high: i64,
    step: i64,
}

impl Scale {
    fn of(trend: &Trend) -> Self {
        let shown = trend.points.iter().map(|(_, value)| *value);
        let shown = shown
            .chain(trend.usual.into_iter().flat_map(|(low, high)| [low, high]))
            .chain(trend.limit.map(|(_, limit)| limit));
        let (low, high) = shown.fold((i64::MAX, i64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let step = step_for(high.saturating_sub(low).max(least_span(trend.signal)));
        // A little air above and below, to whole steps.
        let air = step / 4;
        let low = low.saturating_sub(air).div_euclid(step).saturating_mul(step);
        let high = high.saturating_add(air).div_euclid(step).saturating_add(1).saturating_mul(step);
        Self { from_ms: trend.from_ms, to_ms: trend.to_ms, low, high, step }
    }

    fn x(&self, time_ms: i64) -> f32 {
        LEFT + share(time_ms, self.from_ms, self.to_ms) * (RIGHT - LEFT)
    }

    fn y(&self, value: i64) -> f32 {
        BOTTOM - share(value, self.low, self.high) * (BOTTOM - TOP)
    }
}

/// Where a value lies between two others, 0 to 1.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "pixels need no more")]
fn share(value: i64, low: i64, high: i64) -> f32 {
    let span = high.saturating_sub(low).max(1);
    (value.saturating_sub(low) as f64 / span as f64).clamp(0.0, 1.0) as f32
}

/// The least span of the value axis, thousandths, so that noise is not blown up to a mountain range.
fn least_span(signal: Signal) -> i64 {
    match signal {
        Signal::Temperature | Signal::BatteryVoltage => 2_000,
        _ => 10_000,
    }
}

/// A round step (1, 2, 5 × a power of ten) that gives four to eight lines.
fn step_for(span: i64) -> i64 {
    let mut step: i64 = 100;
    for factor in [2, 5, 10].iter().cycle() {
        if span / step <= 6 {
            break;
        }
        // 100 · 2, · 5, · 10, then the next power.
        let power = 10_i64.pow(step.ilog10());
        step = match factor {
            10 => power.saturating_mul(10),
            factor => power.saturating_mul(*factor),
        };
    }
    step
}

fn heading(canvas: &mut Canvas, trend: &Trend) {
    let title = format!("{}, {}", words::label(trend.signal), words::unit(trend.signal));
    canvas.text(&title, 16.0, 12.0, Align::Left, true, INK);
    if let Some((low, high)) = trend.usual {
        let text = format!("own usual now {}-{}", words::number(trend.signal, low), words::number(trend.signal, high));
        canvas.area(16.0, 48.0, 40.0, 68.0, BAND);
        canvas.line(&[(16.0, 48.0), (40.0, 48.0), (40.0, 68.0), (16.0, 68.0), (16.0, 48.0)], 1.0, 0.0, BAND_INK);
        canvas.text(&text, 50.0, 46.0, Align::Left, false, BAND_INK);
    }
    if let Some((_, limit)) = trend.limit {
        let text = format!("limit {}", words::number(trend.signal, limit));
        let left = EDGE - Canvas::width_of(&text, false);
        canvas.line(&[(left - 46.0, 58.0), (left - 10.0, 58.0)], 3.0, 7.0, LIMIT);
        canvas.text(&text, EDGE, 46.0, Align::Right, false, LIMIT);
    }
}

fn usual_range(canvas: &mut Canvas, trend: &Trend, scale: &Scale) {
    if let Some((low, high)) = trend.usual {
        let (top, bottom) = (scale.y(high), scale.y(low));
        canvas.area(LEFT, top, RIGHT, bottom.max(top + 2.0), BAND);
    }
}

fn value_axis(canvas: &mut Canvas, trend: &Trend, scale: &Scale) {
    // `step_for` gives at most a dozen lines; the bound holds whatever the numbers are.
    for line in 0..=24 {
        let value = scale.low.saturating_add(scale.step.saturating_mul(line));
        if value > scale.high {
            break;
        }
        let y = scale.y(value);
        canvas.line(&[(LEFT, y), (RIGHT, y)], 1.0, 0.0, GRID);
        canvas.text(
            &words::number(trend.signal, value),
            LEFT - 10.0,
            y - TEXT_HEIGHT / 2.0,
            Align::Right,
            false,
            QUIET,
        );
    }
}

fn time_axis(canvas: &mut Canvas, trend: &Trend, scale: &Scale) {
    canvas.line(&[(LEFT, BOTTOM), (RIGHT, BOTTOM)], 2.0, 0.0, QUIET);
    // Whole local hours that four divides; walked in absolute time, so that a change to summer time shows as it is.
    let quarter_ms = 15 * 60_000;
    let first = trend.from_ms.div_euclid(quarter_ms).saturating_mul(quarter_ms);
    for quarter in 0..=24 * 4 {
        let time = first.saturating_add(quarter * quarter_ms);
        let local = words::zoned(time, &trend.zone);
        if (trend.from_ms..=trend.to_ms).contains(&time) && local.hour() % 4 == 0 && local.minute() == 0 {
            let x = scale.x(time);
            canvas.line(&[(x, TOP), (x, BOTTOM)], 1.0, 0.0, GRID);
            canvas.line(&[(x, BOTTOM), (x, BOTTOM + 7.0)], 2.0, 0.0, QUIET);
            if RIGHT - x >= 58.0 {
                canvas.text(&words::clock(time, &trend.zone), x, BOTTOM + 10.0, Align::Middle, false, QUIET);
            }
        }
    }
    canvas.line(&[(RIGHT, TOP), (RIGHT, BOTTOM + 7.0)], 2.0, 0.0, QUIET);
    canvas.text("now", RIGHT, BOTTOM + 10.0, Align::Middle, true, INK);
    let local = words::zoned(trend.to_ms, &trend.zone);
    let caption = format!("local time, UTC{}; now is {}", local.strftime("%:z"), local.strftime("%-d %b %Y, %H:%M"));
    canvas.text(&caption, (LEFT + RIGHT) / 2.0, BOTTOM + 46.0, Align::Middle, false, QUIET);
}

fn limit(canvas: &mut Canvas, trend: &Trend, scale: &Scale) {
    if let Some((side, limit)) = trend.limit {
        let y = scale.y(limit);
        canvas.line(&[(LEFT, y), (RIGHT, y)], 3.0, 9.0, LIMIT);
        let (text, at) = match side {
            Side::Above => ("upper limit", y - TEXT_HEIGHT - 3.0),
            Side::Below => ("lower limit", y + 3.0),
        };
        canvas.text(text, LEFT + 10.0, at, Align::Left, false, LIMIT);
    }
}

fn start(canvas: &mut Canvas, trend: &Trend, scale: &Scale) {
    if trend.start_ms <= trend.from_ms {
        canvas.tag("began before", LEFT + 8.0, TOP - 4.0, Align::Left, true, INK);
        return;
    }
    let x = scale.x(trend.start_ms);
    canvas.line(&[(x, TOP), (x, BOTTOM)], 2.5, 4.0, INK);
    let text = format!("began {}", words::clock(trend.start_ms, &trend.zone));
    if x - Canvas::width_of(&text, true) - 12.0 > LEFT {
        canvas.tag(&text, x - 8.0, TOP - 4.0, Align::Right, true, INK);
    } else {
        canvas.tag(&text, x + 8.0, TOP - 4.0, Align::Left, true, INK);
    }
}

fn signal(canvas: &mut Canvas, trend: &Trend, scale: &Scale) {
    let joined = |pair: &[(i64, i64)]| matches!(pair, [a, b] if b.0.saturating_sub(a.0) <= GAP_MS);
    let mut run: Vec<(f32, f32)> = Vec::new();
    for (at, (time, value)) in trend.points.iter().enumerate() {
        let position = (scale.x(*time), scale.y(*value));
        if at > 0 && !trend.points.get(at - 1..=at).is_some_and(joined) {
            finish(canvas, &mut run);
        }
        run.push(position);
    }
    finish(canvas, &mut run);
    if let Some((time, value)) = trend.points.last() {
        let (x, y) = (scale.x(*time), scale.y(*value));
        canvas.dot(x, y, 9.0, Colour(255, 255, 255));
        canvas.dot(x, y, 7.0, SIGNAL);
        let text = words::number(trend.signal, *value);
        canvas.tag(&text, RIGHT + 14.0, y - TEXT_HEIGHT / 2.0, Align::Left, true, SIGNAL);
    }
}

/// Draws a run of joined readings; a single one as a dot.
fn finish(canvas: &mut Canvas, run: &mut Vec<(f32, f32)>) {
    match run.as_slice() {
        [] => {}
        [(x, y)] => canvas.dot(*x, *y, 2.5, SIGNAL),
        points => canvas.line(points, 2.5, 0.0, SIGNAL),
    }
    run.clear();
}
