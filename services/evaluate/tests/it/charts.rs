//! Charts: one a person, with words for those who do not see them.

use evaluate::detect::{Options, Profile};

use crate::support::{Folder, detect, plain, seconds};

#[test]
fn one_person_has_the_file_that_was_named_and_several_have_one_each() {
    let folder = Folder::new();
    let content = seconds("spo2", (0..400).map(|second| if second > 300 { 80 } else { 97 }));
    let (one, other) = (folder.write("a<b.csv", &content), folder.write("c d.csv", &content));
    let chart = folder.path("out.svg");
    let options = |files| Options { chart: Some(chart.clone()), ..Options::of(files, Profile::Bedside) };
    let detector = plain(Profile::Bedside);
    detect(&detector, &options(vec![one.clone()])).unwrap();
    let svg = std::fs::read_to_string(&chart).unwrap();
    for expected in [
        "role=\"img\" aria-labelledby=\"title description\"",
        "<title id=\"title\">a&lt;b: oxygen saturation</title>",
        "1 alert in 400 rows, the first at 313",
        "oxygen saturation, %",
        "minutes since the first row",
        "critical alert: oxygen saturation, limit crossed",
        "measured",
        "own usual range",
    ] {
        assert!(svg.contains(expected), "{expected}\n{svg}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "a place is no number");
    std::fs::remove_file(&chart).unwrap();
    detect(&detector, &options(vec![one.clone(), other, one])).unwrap();
    for name in ["out-a_b.svg", "out-c_d.svg", "out-a_b-2.svg"] {
        assert!(folder.path(name).exists(), "{name}");
    }
    assert!(!chart.exists());
}

#[test]
fn weeks_at_home_show_nights_the_usual_range_alerts_and_the_onset_in_words() {
    let folder = Folder::new();
    let mut content = "time,hr\n".to_owned();
    for day in 1..=40_i64 {
        let date = if day <= 31 { format!("2021-01-{day:02}") } else { format!("2021-02-{:02}", day - 31) };
        let bpm = if day < 34 { 60 + day % 3 } else { 72 };
        for minute in 0..120 {
            content += &format!("{date} 0{}:{:02}:00,{}\n", minute / 60, minute % 60, bpm + minute % 2);
        }
    }
    let file = folder.write("P_1min.csv", content);
    let (labels, chart) = (folder.write("onset.csv", "pid,onset\nP,2021-02-05\n"), folder.path("p.svg"));
    let options =
        Options { chart: Some(chart.clone()), labels: Some(labels), ..Options::of(vec![file], Profile::Home) };
    let (told, _) = detect(&plain(Profile::Home), &options).unwrap();
    assert!(told.contains("found 1 of 1"), "{told}");
    let svg = std::fs::read_to_string(&chart).unwrap();
    for expected in [
        "P: heart rate at rest by night, 2021-01-01 to 2021-02-09",
        "The illness was found 1 day before its first symptoms.",
        "Symptoms began on 2021-02-05.",
        "first symptoms 5 Feb",
        "alert 4 Feb",
        "usual range",
        "beats/min",
        "learning,",
        "date, 2021",
    ] {
        assert!(svg.contains(expected), "{expected}\n{svg}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn a_recording_without_anything_to_show_is_still_a_chart() {
    let folder = Folder::new();
    let file = folder.write("e.csv", "time,hr\n0,\n");
    let chart = folder.path("e.svg");
    for profile in [Profile::Home, Profile::Bedside] {
        let options = Options { chart: Some(chart.clone()), ..Options::of(vec![file.clone()], profile) };
        detect(&plain(profile), &options).unwrap();
        let svg = std::fs::read_to_string(&chart).unwrap();
        assert!(svg.contains("No alert in 1 rows.") && !svg.contains("NaN"), "{svg}");
    }
}
