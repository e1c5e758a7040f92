//! `caduceus forest …` as people run it: what it prints, and its exit codes.

use crate::support::{caduceus, file, temporary, text};

/// 60 ordinary rows and one far away.
fn table() -> String {
    let rows: String = (0..60).map(|row| format!("{},{},0\n", row % 17, row % 7)).collect();
    format!("x,y,label\n{rows}90,3,1\n")
}

#[test]
fn a_forest_is_evaluated_fitted_applied_and_explained() {
    let dir = temporary();
    let (table, model) = (text(&file(dir.path(), "a.csv", table())), text(&dir.path().join("a.model")));
    let ran = caduceus(&["forest", "evaluate", &table, "--label", "label", "--seeds", "2", "--trees", "20", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&ran.exits(0).stdout).unwrap();
    assert_eq!((&found["rows"], &found["auroc"]), (&61.into(), &serde_json::json!([1.0, 1.0])));

    caduceus(&["forest", "fit", &table, "--model", &model, "--label", "label", "--trees", "20"]).exits(0);
    let scored = caduceus(&["forest", "score", &table, "--model", &model]).exits(0).stdout;
    assert!(scored.starts_with("x,y,label,score\n0,0,0,0.") && scored.lines().count() == 62, "{scored}");
    let told = caduceus(&["forest", "explain", &table, "--model", &model, "--row", "61"]).exits(0).stdout;
    assert!(told.starts_with("row 61 (line 62): score 0."), "{told}");
    let top = caduceus(&["forest", "explain", &table, "--model", &model, "--top", "3", "--json"]).exits(0).stdout;
    assert!(top.lines().count() == 3 && top.starts_with(r#"{"row":61,"line":62,"score":0."#), "{top}");
}

#[test]
fn a_series_is_streamed_into_a_file() {
    let dir = temporary();
    let rows: String = (0..120).map(|row| format!("2020-01-01 00:00:{row},{}\n", row % 5)).collect();
    let series = text(&file(dir.path(), "a.csv", format!("timestamp,value\n{rows}")));
    let out = dir.path().join("out.csv");
    caduceus(&["forest", "stream", &series, "--out", &text(&out)]).exits(0);
    let written = std::fs::read_to_string(out).unwrap();
    assert!(written.starts_with("timestamp,value,score,raw_score\n2020-01-01 00:00:0,0,0,0\n"), "{written:.80}");
    assert_eq!(written.lines().count(), 121);
}

#[test]
fn a_wrong_table_is_exit_1_a_wrong_question_2_and_a_file_that_is_absent_3() {
    let dir = temporary();
    let good = text(&file(dir.path(), "a.csv", table()));
    let bad = text(&file(dir.path(), "bad.csv", "x,label\n1,0\noops,1\n"));
    let evaluate = |arguments: &[&str]| caduceus(&[&["forest", "evaluate"], arguments].concat());
    evaluate(&[&bad, "--label", "label"]).exits(1).says("bad.csv, line 3, column x: `oops` is no number");
    evaluate(&[&good, "--label", "mark"]).exits(2).says("there are: x, y, label");
    evaluate(&[&good]).exits(2).says("--label");
    evaluate(&[&good, "--label", "label", "--seeds", "0"]).exits(2).says("0 seeds");
    evaluate(&[&text(&dir.path().join("absent.csv")), "--label", "label"]).exits(3).says("absent.csv");
    let explain = caduceus(&["forest", "explain", &good, "--model", &bad, "--row", "1", "--top", "2"]);
    explain.exits(2).says("--top");
    caduceus(&["forest", "score", &good, "--model", &bad]).exits(1).says("it is no model of `caduceus forest fit`");
}
