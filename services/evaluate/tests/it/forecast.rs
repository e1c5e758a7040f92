//! `forecast` on recordings whose future is known. Capability D13.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_wrap)]

use std::path::PathBuf;

use evaluate::forecast::{self, Options, Profile, parse_limit};
use evaluate::{Error, Kind};
use recording::Columns;
use serde_json::Value;

use crate::support::{Folder, shared, values};

const STEP_S: i64 = 300;
const DAY_STEPS: i64 = 288;

fn options(file: PathBuf, limits: &[&str]) -> Options {
    let limits = limits.iter().map(|text| parse_limit(text).unwrap()).collect();
    Options { limits, ..Options::of(vec![file], Profile::Home) }
}

/// What it prints, and its remarks.
fn told(options: &Options) -> Result<(String, String), Error> {
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    forecast::run(options, &mut out, &mut notes, &mut |_, _| ())?;
    Ok((String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap()))
}

fn object(options: &Options) -> Value {
    let told = told(&Options { json: true, ..options.clone() }).unwrap().0;
    let mut values = values(&told);
    assert_eq!(values.len(), 1, "{told}");
    values.remove(0)
}

/// Repeatable chance (xorshift), uniform in [-1, 1).
fn chance(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(1_u32 << 31) - 1.0
    }
}

/// A value every five minutes, as a recording; none where a cell is to be empty.
fn recording(signal: &str, value: impl FnMut(i64) -> Option<f64>, steps: i64) -> String {
    let cell = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.1}"));
    let rows =
        (0..steps).map(value).enumerate().map(|(step, value)| format!("{},{}\n", step as i64 * STEP_S, cell(value)));
    format!("time,{signal}\n{}", rows.collect::<String>())
}

/// From 60 at midnight to 90 at noon, with some noise.
fn daily(mut noise: impl FnMut() -> f64) -> impl FnMut(i64) -> Option<f64> {
    move |step| {
        let angle = std::f64::consts::TAU * (step % DAY_STEPS) as f64 / DAY_STEPS as f64;
        Some(75.0 - angle.cos() * 15.0 + noise())
    }
}

/// D13: "will cross X in Y" with an interval that holds the truth, how well that was foretold before, and a chart of it.
#[test]
fn a_rising_heart_rate_crosses_its_limit_when_it_says() {
    let folder = Folder::new();
    // Ten days and four hours: it rises towards noon, and passes 80 in 3 h 18 min.
    let file = folder.write("rise.csv", recording("hr", daily(chance(1)), 10 * DAY_STEPS + 48));
    let chart = folder.path("rise.svg");
    let options = Options { chart: Some(chart.clone()), ..options(file, &["hr:above:80", "hr:above:180"]) };
    let (text, notes) = told(&options).unwrap();
    assert_eq!(notes, "");
    for expected in [
        "rise: 2928 rows, 0 refused",
        "foretold up to 6 h ahead",
        "heart rate will cross above 80 /min in 3 h",
        "better",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(
        text.contains("heart rate is not expected to cross above 180 /min within 6 h (0 %); it did after none of "),
        "{text}"
    );

    let object = object(&options);
    let vital = &object["vitals"][0];
    assert_eq!(
        (&vital["signal"], &vital["at_rest"], &vital["no_forecast"]),
        (&"heart_rate".into(), &false.into(), &Value::Null)
    );
    assert_eq!(
        (&vital["forecast"]["time"], &vital["forecast"]["reach_min"]),
        (&((10 * DAY_STEPS + 48) * STEP_S).into(), &360.into())
    );
    assert_eq!(vital["forecast"]["points"].as_array().unwrap().len(), 72);
    let crossing = &vital["limits"][0];
    assert_eq!((&crossing["state"], &crossing["tried"]), (&"within".into(), &true.into()), "{crossing}");
    let minutes = |value: &Value| value.as_f64().unwrap();
    let (early, late) = (minutes(&crossing["interval_min"][0]), minutes(&crossing["interval_min"][1]));
    assert!((minutes(&crossing["in_min"]) - 198.0).abs() < 30.0 && early < 198.0 && 198.0 < late, "{crossing}");
    let horizons = vital["backtest"]["horizons"].as_array().unwrap();
    assert_eq!(horizons.len(), 4);
    for horizon in horizons {
        assert!(minutes(&horizon["pinball"]) < minutes(&horizon["persistence_pinball"]), "{horizon}");
        // It errs on the wide side while the past is short.
        assert!(minutes(&horizon["coverage"]) > 0.7, "{horizon}");
    }
    assert!(
        minutes(&crossing["backtest"]["brier"]) < minutes(&crossing["backtest"]["persistence_brier"]),
        "{crossing}"
    );

    let svg = std::fs::read_to_string(&chart).unwrap();
    for expected in [
        "<title id=\"title\">rise: heart rate</title>",
        "Heart rate will cross above 80 /min in 3 h",
        "upper limit 80 /min",
        "class=\"ahead\"",
        "class=\"crossing\"",
        "crosses in about 3 h",
        ">now<",
        "4 of 5 in the band",
    ] {
        assert!(svg.contains(expected), "{expected}\n{svg}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "a place is no number");
}

#[test]
fn a_flat_series_is_expected_to_cross_nothing() {
    let folder = Folder::new();
    let mut noise = chance(2);
    let file = folder.write("flat.csv", recording("spo2", |_| Some(97.0 + noise()), 2 * DAY_STEPS));
    let object = object(&Options { profile: Profile::Bedside, ..options(file.clone(), &[]) });
    let limit = &object["vitals"][0]["limits"][0];
    assert_eq!(
        (&limit["side"], &limit["limit"], &limit["state"]),
        (&"below".into(), &88.0.into(), &"not_within".into()),
        "{object}"
    );
    assert_eq!((&limit["probability"], &limit["tried"]), (&0.0.into(), &false.into()));
    let text = told(&Options { profile: Profile::Bedside, ..options(file, &[]) }).unwrap().0;
    assert!(
        text.contains("oxygen saturation is not expected to cross below 88 % within 3 h (0 %); it did after none of "),
        "{text}"
    );
}

/// Where the last value is all that can be known, that is said, and no forecast is given.
#[test]
fn where_persistence_is_as_good_nothing_is_foretold() {
    let folder = Folder::new();
    let (mut step, mut place) = (chance(3), 120.0_f64);
    let walk = recording(
        "hr",
        |_| {
            place = (place + step()).clamp(50.0, 220.0);
            Some(place)
        },
        8 * DAY_STEPS,
    );
    let file = folder.write("walk.csv", walk);
    let object = object(&options(file.clone(), &["hr:above:130", "hr:below:30"]));
    let vital = &object["vitals"][0];
    assert_eq!(vital["forecast"], Value::Null);
    assert!(vital["no_forecast"].as_str().unwrap().contains("on this recording the last value foretells"), "{vital}");
    for limit in vital["limits"].as_array().unwrap() {
        let state = limit["state"].as_str().unwrap();
        assert!(["no_forecast", "already"].contains(&state) && limit.get("in_min").is_none(), "{limit}");
    }
    assert!(vital["backtest"]["horizons"][0]["forecasts"].as_u64().unwrap() > 100);
    let text = told(&options(file, &["hr:above:130"])).unwrap().0;
    assert!(text.contains("no better") && !text.contains("will cross"), "{text}");
}

#[test]
fn gaps_short_recordings_and_old_values_give_a_reason_and_no_forecast() {
    let folder = Folder::new();
    let why = |name: &str, content: String| {
        let object = object(&options(folder.write(name, content), &["hr:above:80"]));
        let vital = &object["vitals"][0];
        assert!(vital["forecast"].is_null() && vital["limits"][0]["state"] == "no_forecast", "{vital}");
        vital["no_forecast"].as_str().unwrap().to_owned()
    };
    let short = why("short.csv", recording("hr", daily(chance(4)), 100));
    assert_eq!(short, "heart rate: no forecast, 8 h 20 min of history; 36 h are needed");
    // Ten days, then five hours in which another device alone speaks.
    let mut value = daily(chance(5));
    let mut rows = "time,hr,spo2\n".to_owned();
    for step in 0..10 * DAY_STEPS + 60 {
        let hr = value(step).filter(|_| step < 10 * DAY_STEPS).map_or_else(String::new, |hr| format!("{hr:.1}"));
        rows += &format!("{},{hr},97\n", step * STEP_S);
    }
    let old = why("old.csv", rows);
    assert_eq!(old, "heart rate: no forecast, its last value is 5 h older than the end of the recording");
    // Worn an hour a day: nothing is ever known six hours on.
    let mut value = daily(chance(6));
    let gaps =
        why("gaps.csv", recording("hr", |step| value(step).filter(|_| step % DAY_STEPS < 12), 20 * DAY_STEPS + 6));
    assert_eq!(
        gaps,
        "heart rate: no forecast, too many gaps: of 0 past moments it is known what came after them, 32 are needed"
    );
    // Nights without values are gaps that do no harm.
    let mut value = daily(chance(7));
    let night = recording("hr", |step| value(step).filter(|_| step % DAY_STEPS > 72), 14 * DAY_STEPS + 120);
    let object = object(&options(folder.write("night.csv", night), &["hr:above:85"]));
    assert_eq!(object["vitals"][0]["forecast"]["reach_min"], 360, "{object}");
}

#[test]
fn where_there_are_steps_the_heart_rate_is_that_at_rest() {
    let folder = Folder::new();
    let mut value = daily(chance(8));
    let mut rows = "time,hr,steps\n".to_owned();
    for step in 0..10 * DAY_STEPS + 48 {
        // An hour's run each afternoon.
        let runs = (192..204).contains(&(step % DAY_STEPS));
        let hr = if runs { 150.0 } else { value(step).unwrap() };
        rows += &format!("{},{hr:.1},{}\n", step * STEP_S, if runs { 700 } else { 0 });
    }
    let object = object(&options(folder.write("run.csv", rows), &[]));
    let vital = &object["vitals"][0];
    assert_eq!(
        (object["vitals"].as_array().unwrap().len(), &vital["at_rest"]),
        (1, &true.into()),
        "steps are no vital"
    );
    // Twelve in the run, and two within twelve minutes of its last step.
    assert_eq!(vital["not_at_rest"], 10 * 14, "{vital}");
    let high = vital["limits"].as_array().unwrap().iter().find(|limit| limit["side"] == "above").unwrap();
    assert_eq!((&high["limit"], &high["state"]), (&130.0.into(), &"not_within".into()));
    assert_eq!(high["backtest"]["crossed"], 0, "{high}");
}

/// D13: no look-ahead, from file to figure: what comes in the last six hours changes no forecast that is judged six hours ahead.
#[test]
fn another_end_of_a_recording_changes_no_forecast_that_was_made_before() {
    let folder = Folder::new();
    let steps = 8 * DAY_STEPS;
    let with_end = |name: &str, end: f64| {
        let mut value = daily(chance(9));
        let content =
            recording("hr", |step| Some(value(step).unwrap() + if step < steps - 72 { 0.0 } else { end }), steps);
        object(&options(folder.write(name, content), &["hr:above:80"]))
    };
    let (one, other) = (with_end("one.csv", 0.0), with_end("other.csv", 40.0));
    let last = |object: &Value| object["vitals"][0]["backtest"]["horizons"][3].clone();
    let (one, other) = (last(&one), last(&other));
    for same in ["horizon_min", "forecasts", "width", "persistence_width"] {
        assert_eq!(one[same], other[same], "{same}");
    }
    assert!(one["horizon_min"] == 360 && one["pinball"].as_f64() < other["pinball"].as_f64());
}

#[test]
fn persons_of_one_file_are_followed_each_by_itself_and_a_limit_of_what_nobody_has_is_remarked() {
    let folder = Folder::new();
    let (mut one, mut other) = (daily(chance(10)), chance(11));
    let mut rows = "who,when,pulse\n".to_owned();
    for step in 0..3 * DAY_STEPS {
        rows += &format!("A,{0},{1:.1}\nB,{0},{2:.1}\n", step * STEP_S, one(step).unwrap(), 70.0 + other());
    }
    let file = folder.write("two.csv", rows);
    let columns = Columns {
        time: Some("when".into()),
        person: Some("who".into()),
        signals: vec![evaluate::detect::parse_mapping("hr=pulse").unwrap()],
        ..Columns::default()
    };
    let chart = folder.path("c.svg");
    let options = Options { columns, json: true, chart: Some(chart), ..options(file.clone(), &["spo2:below:90"]) };
    let (text, notes) = told(&options).unwrap();
    let persons: Vec<Value> = values(&text).iter().map(|object| object["person"].clone()).collect();
    assert_eq!(persons, ["A", "B"]);
    assert_eq!(notes.matches("has no spo2: nothing can be said of its limit").count(), 2, "{notes}");
    assert!(folder.path("c-A.svg").exists() && folder.path("c-B.svg").exists());
    let error = told(&Options { chart: Some(file), ..options.clone() }).unwrap_err();
    assert!(error.kind() == Kind::Usage && error.to_string().contains("name another file"), "{error}");
}

#[test]
fn cells_that_cannot_be_read_are_told_by_line_and_column_and_too_many_vitals_end_it() {
    let folder = Folder::new();
    let file = folder.write("bad.csv", "time,hr\n0,70\n60,x\nnever,70\n120,0\n");
    let (text, notes) = told(&options(file, &[])).unwrap();
    assert!(text.starts_with("bad: 4 rows, 3 refused\n"), "{text}");
    for expected in
        ["bad.csv, line 3, column hr: refused", "bad.csv, line 4, column time: refused", "bad.csv: 3 refused: "]
    {
        assert!(notes.contains(expected), "{expected}\n{notes}");
    }
    let rows: String = (0..600).map(|person| format!("0,70,P{person}\n")).collect();
    let file = folder.write("many.csv", format!("time,hr,who\n{rows}"));
    let columns = Columns { person: Some("who".into()), ..Columns::default() };
    let error = told(&Options { columns, ..options(file, &[]) }).unwrap_err().to_string();
    assert!(error.contains("many.csv, line 514, column who: more than 512 vitals"), "{error}");
    let empty = folder.write("empty.csv", "time,hr\n");
    assert!(told(&options(empty, &[])).unwrap().1.contains("empty.csv: no row"));
}

/// D13, on a real wrist: at rest at home, weeks foretell more than the last value; a day of quarters of an hour, which is what an
/// alert's chart holds, does not foretell crossings better.
#[test]
fn weeks_foretell_a_limit_better_than_persistence_and_a_chart_of_a_day_does_not() {
    let Some(file) = shared("wearable/A3OU183_1min.csv.gz") else { return };
    let crossing = |profile| {
        let object = object(&Options { profile, ..options(file.clone(), &["hr:above:90"]) });
        println!("{object}");
        let vital = &object["vitals"][0];
        assert_eq!(vital["at_rest"], true);
        let saved = vital["backtest"]["horizons"].as_array().unwrap().last().unwrap()["saved"].as_f64().unwrap();
        (saved, vital["limits"][0]["backtest"].clone())
    };
    let (weeks, crossings) = crossing(Profile::Home);
    let brier = |score: &Value, key: &str| score[key].as_f64().unwrap();
    assert!(weeks > 0.3 && crossings["skill"] == "better", "{crossings}");
    assert!(brier(&crossings, "brier") < 0.85 * brier(&crossings, "persistence_brier"), "{crossings}");
    let (day, crossings) = crossing(Profile::Day);
    assert!(day < 0.05 && brier(&crossings, "brier") > 0.95 * brier(&crossings, "persistence_brier"), "{crossings}");
}
