//! What is foretold, drawn: the hours before, the band of the hours to come, limits, and when they will be crossed.

use forecast::When;
use vitals::Side;

use super::sentences::{name, sentence, silence, span};
use super::told::{Ahead, Answer, AtLimit, Outlook, Vital};
use crate::calendar::{DAY_MS, local_ms};
use crate::draw::{Scale, Svg, float, milli, rounded, ticks, width_of};
use crate::words::{amount, per};

const WIDTH: f64 = 1_120.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 920.0;
const TOP: f64 = 74.0;
const HEADING: f64 = 26.0;
const LINE: f64 = 17.0;
const PLOT: f64 = 170.0;
/// Below a plot stand its times.
const AXIS: f64 = 46.0;
const HOUR_MS: i64 = 3_600_000;
/// Letters of a sentence in one line.
const LETTERS: usize = 150;

/// Draws all vitals of a person that have values.
pub(crate) fn svg(outlook: &Outlook) -> String {
    let drawn: Vec<(&Vital, Vec<String>)> =
        outlook.vitals.iter().filter(|vital| vital.history.len() > 1).map(|vital| (vital, told(vital))).collect();
    let height = |said: &[String]| HEADING + LINE * lines(said.len()) + PLOT + AXIS;
    let bottom = TOP + drawn.iter().map(|(_, lines)| height(lines)).sum::<f64>();
    let names: Vec<String> = drawn.iter().map(|(vital, _)| name(vital)).collect();
    let title = format!("{}: {}", outlook.person, if names.is_empty() { "no vital".into() } else { names.join(", ") });
    let all: Vec<&str> = drawn.iter().flat_map(|(_, lines)| lines.iter().map(String::as_str)).collect();
    let mut svg = Svg::new(WIDTH, bottom.max(TOP + 40.0), &title, &all.join(" "));
    svg.text("title", "start", (LEFT, 30.0), &title);
    let lead = "Measured up to \"now\"; then the range within which four of five courses of this person stayed after moments like it.";
    svg.text("small", "start", (LEFT, 52.0), lead);
    let mut top = TOP;
    for (vital, lines) in &drawn {
        draw_vital(&mut svg, outlook, vital, lines, top);
        top += height(lines);
    }
    svg.finish()
}

/// The sentences of a vital, in lines.
fn told(vital: &Vital) -> Vec<String> {
    let silence = vital.ahead.as_ref().err().map(|why| silence(vital, why));
    let sentences = silence.into_iter().chain(vital.limits.iter().filter_map(|at| sentence(vital, at)));
    sentences.flat_map(|sentence| folded(&format!("{}.", capital(&sentence)))).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn folded(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let used = lines.last().map_or(0, |line| line.chars().count());
        if used > 0 && used + 1 + word.chars().count() > LETTERS {
            lines.push(format!("   {word}"));
        } else if let Some(line) = lines.last_mut() {
            *line += if used > 0 { " " } else { "" };
            *line += word;
        }
    }
    lines
}

fn draw_vital(svg: &mut Svg, outlook: &Outlook, vital: &Vital, lines: &[String], top: f64) {
    svg.text("onsettext", "start", (LEFT, top + 14.0), &format!("{}, {}", capital(&name(vital)), per(vital.signal)));
    let mut plot = top + HEADING;
    for line in lines {
        svg.text("", "start", (LEFT, plot + 8.0), line);
        plot += LINE;
    }
    let Some((begin_ms, last_ms)) = vital.history.first().zip(vital.history.last()).map(|(a, b)| (a.0, b.0)) else {
        return;
    };
    let made_ms = last_ms.saturating_add(vital.step_ms);
    let reach_ms = vital.ahead.as_ref().map_or(0, |ahead| ahead.reach_ms);
    // A quarter of the width is for what comes, whether anything is foretold or not.
    let end_ms = made_ms.saturating_add(reach_ms.max((made_ms - begin_ms) / 4));
    let x = Scale::new((float(begin_ms), float(end_ms)), (LEFT, RIGHT));
    let y = Scale::new(range(vital), (plot + PLOT, plot));
    for tick in ticks(range(vital), 4.0) {
        svg.line("grid", (LEFT, y.at(tick)), (RIGHT, y.at(tick)));
        svg.text("", "end", (LEFT - 8.0, y.at(tick) + 4.0), &rounded(tick));
    }
    if let Ok(ahead) = &vital.ahead {
        draw_ahead(svg, ahead, &x, &y);
    }
    for run in vital.history.chunk_by(|a, b| b.0 - a.0 <= 3 * vital.step_ms) {
        let middle = |from_ms: i64| x.at(float(from_ms.saturating_add(vital.step_ms / 2)));
        let line: Vec<(f64, f64)> = run.iter().map(|(from_ms, mean)| (middle(*from_ms), y.at(milli(*mean)))).collect();
        match line.as_slice() {
            [one] => svg.dot("dot", *one, 2.0),
            line => svg.path("value", line),
        }
    }
    draw_limits(svg, vital, made_ms, &x, &y);
    svg.line("now", (x.at(float(made_ms)), plot - 4.0), (x.at(float(made_ms)), plot + PLOT));
    draw_axis(svg, outlook, (begin_ms, made_ms, end_ms), &x, plot + PLOT);
}

/// The band from the last value on, and its middle.
fn draw_ahead(svg: &mut Svg, ahead: &Ahead, x: &Scale, y: &Scale) {
    let begin = (x.at(float(ahead.made_ms)), y.at(milli(ahead.last_milli)));
    let place = |in_ms: i64, value: i64| (x.at(float(ahead.made_ms.saturating_add(in_ms))), y.at(milli(value)));
    let over = ahead.points.iter().map(|point| place(point.in_ms, point.high_milli));
    let under = ahead.points.iter().rev().map(|point| place(point.in_ms, point.low_milli));
    svg.area("ahead", &std::iter::once(begin).chain(over).chain(under).collect::<Vec<_>>());
    let middle = ahead.points.iter().map(|point| place(point.in_ms, point.median_milli));
    svg.path("middle", &std::iter::once(begin).chain(middle).collect::<Vec<_>>());
    if let Some(last) = ahead.points.last() {
        let (left, at) = place(last.in_ms, last.median_milli);
        svg.text("aheadtext", "start", (left.max(RIGHT) + 10.0, at + 4.0), "forecast: middle,");
        svg.text("aheadtext", "start", (left.max(RIGHT) + 10.0, at + 20.0), "4 of 5 in the band");
    }
}

/// Limits as broken lines, and on each the time within which four of five courses cross it.
fn draw_limits(svg: &mut Svg, vital: &Vital, made_ms: i64, x: &Scale, y: &Scale) {
    for at in &vital.limits {
        let level = y.at(milli(at.limit.limit_milli));
        svg.line("limit", (LEFT, level), (RIGHT, level));
        let side = if at.limit.side == Side::Above { "upper" } else { "lower" };
        let limit = format!("{side} limit {}", amount(vital.signal, at.limit.limit_milli));
        svg.text("alerttext", "start", (LEFT + 6.0, level - 6.0), &limit);
        if let Some((from_ms, to_ms, label)) = interval(at) {
            let left = x.at(float(made_ms.saturating_add(from_ms)));
            let right = x.at(float(made_ms.saturating_add(to_ms)));
            svg.rect("crossing", (left, level - 7.0), ((right - left).max(3.0), 14.0));
            let begin = left.min(WIDTH - width_of(&label) - 6.0);
            let beside = if at.limit.side == Side::Above { -12.0 } else { 24.0 };
            svg.text("alerttext", "start", (begin, level + beside), &label);
        }
    }
}

/// Begin and end of the interval of a crossing, and what it is called.
fn interval(at: &AtLimit) -> Option<(i64, i64, String)> {
    let Answer::Foretold(crossing, _) = &at.answer else { return None };
    let When::Within { earliest_ms, in_ms, latest_ms } = crossing.when else { return None };
    let label = match in_ms {
        Some(in_ms) => format!("crosses in about {}", span((in_ms + 150_000) / 300_000 * 300_000)),
        None => format!("may cross: {} %", (i64::from(crossing.probability_milli) + 5) / 10),
    };
    Some((earliest_ms, latest_ms.unwrap_or(crossing.horizon_ms), label))
}

fn draw_axis(svg: &mut Svg, outlook: &Outlook, (begin_ms, made_ms, end_ms): (i64, i64, i64), x: &Scale, bottom: f64) {
    svg.line("grid", (LEFT, bottom), (RIGHT, bottom));
    let now = x.at(float(made_ms));
    svg.text("onsettext", "middle", (now, bottom + 16.0), "now");
    let span_ms = end_ms.saturating_sub(begin_ms);
    let step_ms = [1, 2, 3, 6, 12, 24].into_iter().map(|hours| hours * HOUR_MS).find(|step_ms| span_ms / step_ms <= 12);
    let step_ms = step_ms.unwrap_or(DAY_MS);
    let clock = outlook.spelling.is_some_and(|spelling| !spelling.is_number());
    // On a clock ticks stand at round times; else they count from now.
    let round_ms = if clock { local_ms(begin_ms, outlook.offset_minutes) } else { begin_ms - made_ms };
    let mut at_ms = begin_ms.saturating_add((-round_ms).rem_euclid(step_ms));
    while at_ms <= end_ms {
        let place = x.at(float(at_ms));
        svg.line("grid", (place, bottom), (place, bottom + 5.0));
        if (place - now).abs() > 34.0 {
            let minutes = local_ms(at_ms, outlook.offset_minutes).rem_euclid(DAY_MS) / 60_000;
            let hours = (at_ms - made_ms) / HOUR_MS;
            let text = if clock { format!("{:02}:{:02}", minutes / 60, minutes % 60) } else { format!("{hours:+} h") };
            svg.text("", "middle", (place, bottom + 16.0), &text);
        }
        at_ms = at_ms.saturating_add(step_ms);
    }
    svg.text("small", "start", (RIGHT + 10.0, bottom - PLOT + 10.0), &format!("now: {}", outlook.time(made_ms)));
}

/// What the vertical axis has to hold.
fn range(vital: &Vital) -> (f64, f64) {
    let ahead = vital.ahead.as_ref().ok();
    let band = ahead.into_iter().flat_map(|ahead| &ahead.points).flat_map(|point| [point.low_milli, point.high_milli]);
    let limits = vital.limits.iter().map(|at| at.limit.limit_milli);
    let values = vital.history.iter().map(|(_, mean)| *mean).chain(band).chain(limits).map(milli);
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    // Room for the words at a limit.
    let air = ((high - low) * 0.14).max(0.5);
    (low - air, high + air)
}

#[expect(clippy::cast_precision_loss, reason = "a number of lines")]
fn lines(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_is_broken_between_words() {
        let lines = folded(&"word ".repeat(75));
        assert!(lines.len() == 3 && lines.iter().all(|line| line.chars().count() <= LETTERS + 3), "{lines:?}");
        assert_eq!(capital("heart rate"), "Heart rate");
    }
}
