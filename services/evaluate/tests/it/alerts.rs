//! Alerts in the recording's own clock.

use evaluate::detect::Profile;
use serde_json::{Value, json};

use crate::support::{Folder, objects, seconds};

fn fallen(from: usize, to: usize, all: usize) -> impl Iterator<Item = i64> {
    (0..all).map(move |at| if (from..to).contains(&at) { 80 } else { 97 })
}

fn alerts(profile: Profile, content: &str) -> Vec<Value> {
    let folder = Folder::new();
    let file = folder.write("p.csv", content);
    objects(profile, &[&file])[0]["alerts"].as_array().unwrap().clone()
}

#[test]
fn seconds_stay_numbers_and_an_open_alert_ends_with_the_last_reading() {
    let told = alerts(Profile::Bedside, &seconds("spo2", fallen(20, 60, 60)));
    assert_eq!(told.len(), 1, "{told:?}");
    let alert = &told[0];
    // Twelve of fifteen seconds below 88, the last of them from second 31 to 32.
    assert_eq!((&alert["start"], &alert["end"]), (&json!(32), &json!(59)));
    assert_eq!((&alert["severity"], &alert["route"]), (&json!("critical"), &json!("hard-limit")));
    assert_eq!(alert["signals"], json!(["spo2"]));
    assert_eq!(
        alert["reasons"],
        json!(["oxygen saturation 80 %, below the limit of 88 %, in 12 of 15 steps (12 needed)"])
    );
    let score = alert["score"].as_f64().unwrap();
    assert!((0.5..=1.0).contains(&score), "{score}");
    let keys: Vec<&String> = alert.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["start", "end", "severity", "route", "signals", "score", "reasons"]);
}

#[test]
fn clocks_are_written_as_the_recording_writes_them() {
    for (spelled, expected) in [
        (("2020-09-27 23:", ""), "2020-09-27 23:24:00"),
        (("2020-09-27T23:", "Z"), "2020-09-27T23:24:00Z"),
        (("2020-09-27T23:", "+02:00"), "2020-09-27T23:24:00+02:00"),
    ] {
        let rows: String = (0..50)
            .zip(fallen(20, 30, 50))
            .map(|(minute, value)| format!("{}{minute:02}:00{},{value}\n", spelled.0, spelled.1))
            .collect();
        let told = alerts(Profile::Home, &format!("time,spo2\n{rows}"));
        assert_eq!(told.len(), 1, "{told:?}");
        // Three of five minutes below, known when the third is over.
        let start = told[0]["start"].as_str().unwrap();
        assert_eq!(start, expected.replace(":24:", ":23:"), "{told:?}");
        assert!(told[0]["end"].as_str().unwrap() > start);
    }
}

#[test]
fn an_alarm_that_is_known_at_the_end_of_a_day_falls_on_that_day() {
    // Worn by day only: quiet weeks, then a heart that is ten faster from 1 February on.
    let mut content = "time,hr\n".to_owned();
    for day in 1..=33_i64 {
        let date = if day <= 31 { format!("2021-01-{day:02}") } else { format!("2021-02-{:02}", day - 31) };
        let bpm = if day <= 31 { 60 + day % 3 } else { 72 };
        for minute in 0..240 {
            content += &format!("{date}T{:02}:{:02}:00+01:00,{}\n", 9 + minute / 60, minute % 60, bpm + minute % 2);
        }
    }
    let told = alerts(Profile::Home, &content);
    let spans: Vec<(&str, &str)> =
        told.iter().map(|alert| (alert["start"].as_str().unwrap(), alert["end"].as_str().unwrap())).collect();
    // Capped at four standard deviations less a half, two days make an alarm; the second is the recording's last day.
    assert_eq!(spans, [("2021-02-02T23:59:59+01:00", "2021-02-02T23:59:59+01:00")]);
    assert_eq!((&told[0]["route"], &told[0]["signals"]), (&json!("drift"), &json!(["heart_rate"])));
    let reason = told[0]["reasons"][0].as_str().unwrap();
    assert!(
        reason.starts_with("at rest, by day: heart rate 72.5 /min, usual of the 28 days before 61.5 /min"),
        "{reason}"
    );
}
