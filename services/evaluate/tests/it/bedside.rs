//! Real intensive-care records: zeros for "not measured", several columns of one signal, minutes as plain numbers.

use evaluate::Kind;
use evaluate::detect::{Options, Profile, parse_mapping};
use recording::Columns;

use crate::support::{Folder, detect, plain, scores, shared, values};

#[test]
fn a_record_with_zeros_runs_to_its_end_and_says_what_it_refused() {
    let Some(file) = shared("bedside/mimic2_s00001_numerics_1min.csv") else { return };
    let folder = Folder::new();
    let (out, text) = (folder.path("s.csv"), std::fs::read_to_string(&file).unwrap());
    let columns = Columns { time: Some("minute".into()), ..Columns::default() };
    let options = Options {
        columns: columns.clone(),
        json: true,
        scores: Some(out.clone()),
        chart: Some(folder.path("c.svg")),
        ..Options::of(vec![file], Profile::Bedside)
    };
    let detector = plain(Profile::Bedside);
    // HR and PULSE are both heart rates: which one is meant has to be said.
    let error = detect(&detector, &options).unwrap_err();
    assert!(error.kind() == Kind::Wrong && error.to_string().contains("line 1: two columns are"), "{error}");
    let signals = ["heart_rate=HR", "systolic=ABPSys", "diastolic=ABPDias"].map(|text| parse_mapping(text).unwrap());
    let options = Options { columns: Columns { signals: signals.to_vec(), ..columns }, ..options };
    let (told, notes) = detect(&detector, &options).unwrap();
    let rows = scores(&out);
    let times: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert!(rows.iter().map(|row| row[0].as_str()).eq(times));
    let cells = text.lines().skip(1).filter_map(|line| line.split(',').nth(1)?.parse::<f64>().ok());
    let zeros = cells.filter(|bpm| *bpm < 20.0).count();
    assert!(zeros > 0 && notes.contains(&format!("HR out-of-range {zeros}")), "{zeros}: {notes}");
    let object = &values(&told)[0];
    println!("{} rows, {} alerts", rows.len(), object["alerts"].as_array().unwrap().len());
    assert!(object["alerts"].as_array().unwrap().iter().all(|alert| alert["end"].is_u64()), "{object}");
}
