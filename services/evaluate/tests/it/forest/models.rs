//! `forest fit`, `score` and `explain`: forests as files.

use std::path::{Path, PathBuf};

use evaluate::forest::{ExplainOptions, Model, Which, explain};
use evaluate::{Error, Kind};
use serde_json::Value;

use super::{fit, score, with_an_outlier};
use crate::support::{Folder, values};

fn fitted(folder: &Folder) -> (PathBuf, PathBuf) {
    let (file, model) = (folder.write("a.csv", with_an_outlier()), folder.path("a.model"));
    fit(&file, &model, Some("label"), 1).unwrap();
    (file, model)
}

fn explained(file: &Path, model: &Path, which: Which, json: bool) -> Result<String, Error> {
    let options = ExplainOptions { file: file.to_owned(), model: model.to_owned(), which, json };
    let mut out = Vec::new();
    explain(&options, &mut out, &mut |_, _| ())?;
    Ok(String::from_utf8(out).unwrap())
}

/// Scores at the ends of the rows.
fn scores(written: &str) -> Vec<f64> {
    written.lines().skip(1).map(|line| line.rsplit_once(',').unwrap().1.parse().unwrap()).collect()
}

#[test]
fn equal_tables_and_seeds_give_equal_files_and_another_seed_another_one() {
    let folder = Folder::new();
    let (file, model) = fitted(&folder);
    let (again, other) = (folder.path("again"), folder.path("other"));
    let told = fit(&file, &again, Some("label"), 1).unwrap();
    fit(&file, &other, Some("label"), 2).unwrap();
    let read = |path: &Path| std::fs::read(path).unwrap();
    assert_eq!(read(&model), read(&again));
    assert_ne!(read(&model), read(&other));
    let known = Model::from_bytes(&read(&model)).unwrap();
    assert_eq!((known.columns().join(","), known.left_out()), ("x,y".into(), Some("label")));
    let hash: String = known.forest().hash().iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(told.contains("20 trees on 128 rows each of 301, 2 features, seed 1") && told.contains(&hash), "{told}");
}

#[test]
fn scores_are_the_forests_own_bit_for_bit_whatever_the_order_of_the_columns() {
    let folder = Folder::new();
    let (file, model) = fitted(&folder);
    let written = score(&file, &model, None).unwrap();
    assert!(written.starts_with("x,y,label,score\n0,0.5,0,"), "the label may be there, and is copied: {written:.40}");
    let found = scores(&written);
    let forest = Model::from_bytes(&std::fs::read(&model).unwrap()).unwrap();
    for (row, found) in (0..300_u16).zip(&found) {
        let values = [f64::from(row % 17), f64::from(row % 7) + 0.5];
        assert_eq!(forest.forest().score(&values).unwrap().to_bits(), found.to_bits());
    }
    assert!(found[..300].iter().all(|score| *score < found[300]));
    let turned: String = with_an_outlier()
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .map(|cells| format!("{},{}\n", cells[1], cells[0]))
        .collect();
    let turned = score(&folder.write("turned.csv", turned), &model, None).unwrap();
    assert!(turned.starts_with("y,x,score\n") && scores(&turned) == found);
}

#[test]
fn long_tables_are_scored_row_by_row_in_their_order_and_written_whole() {
    let folder = Folder::new();
    let (_, model) = fitted(&folder);
    let rows: String = (0..9_000).map(|row| format!("{},{row}\n", row % 19)).collect();
    let long = folder.write("long.csv", format!("x,y\n{rows}"));
    let out = folder.write("out.csv", "old");
    assert!(score(&long, &model, Some(&out)).unwrap().ends_with("out.csv: 9000 rows\n"));
    let written = std::fs::read_to_string(&out).unwrap();
    for (row, line) in written.lines().skip(1).enumerate() {
        assert!(line.starts_with(&format!("{},{row},0.", row % 19)), "row {row}: {line}");
    }
    assert_eq!(written.lines().count(), 9_001);
    // A bad cell far down: what was written before stays.
    let bad = folder.write("bad.csv", format!("x,y\n{rows}x,1\n"));
    let error = score(&bad, &model, Some(&out)).unwrap_err();
    assert!(error.to_string().contains("bad.csv, line 9002, column x"), "{error}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), written);
}

#[test]
fn a_model_is_refused_on_a_table_of_other_columns() {
    let folder = Folder::new();
    let (_, model) = fitted(&folder);
    for (content, expected) in [
        ("x\n1\n", "the columns are not those of the model: y missing"),
        ("x,y,z\n1,2,3\n", "the columns are not those of the model: z unknown to it"),
        ("x,z,label\n1,2,3\n", "y missing; z unknown to it"),
        ("X,Y\n1,2\n", "x, y missing; X, Y unknown to it"),
        ("x,y\n", "there is no row"),
        ("x,y,score\n1,2,3\n", "there is a column `score` already"),
    ] {
        let file = folder.write("other.csv", content);
        let error = score(&file, &model, None).unwrap_err();
        assert!(error.kind() == Kind::Wrong && error.to_string().contains(expected), "{content:?}: {error}");
    }
}

#[test]
fn models_that_are_damaged_foreign_or_absent_are_refused() {
    let folder = Folder::new();
    let (file, model) = fitted(&folder);
    let mut bytes = std::fs::read(&model).unwrap();
    let bare = folder.write("bare", Model::from_bytes(&bytes).unwrap().forest().to_bytes());
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = folder.write("damaged", bytes);
    for (model, kind, expected) in [
        (&damaged, Kind::Wrong, "damaged: it is damaged"),
        (&bare, Kind::Wrong, "without its columns' names"),
        (&file, Kind::Wrong, "it is no model of `caduceus forest fit`"),
        (&folder.path("absent"), Kind::Environment, "absent: "),
    ] {
        for error in [score(&file, model, None).unwrap_err(), explained(&file, model, Which::Row(1), true).unwrap_err()]
        {
            assert!(error.kind() == kind && error.to_string().contains(expected), "{error}");
        }
    }
}

#[test]
fn a_fit_that_fails_leaves_the_model_that_was_there_and_no_file_is_written_over_its_input() {
    let folder = Folder::new();
    let (file, model) = fitted(&folder);
    let before = std::fs::read(&model).unwrap();
    let bad = folder.write("bad.csv", "x,y\n1,2\n3,x\n");
    assert!(
        fit(&bad, &model, None, 1).unwrap_err().to_string().contains("bad.csv, line 3, column y: `x` is no number")
    );
    assert_eq!(std::fs::read(&model).unwrap(), before);
    for error in [fit(&file, &file, None, 1), score(&file, &model, Some(&model)), score(&file, &model, Some(&file))] {
        let error = error.unwrap_err();
        assert!(error.kind() == Kind::Usage && error.to_string().contains("is read"), "{error}");
    }
    assert_eq!(std::fs::read(&model).unwrap(), before);
    assert_eq!(fit(&file, &folder.path("none/m"), None, 1).unwrap_err().kind(), Kind::Environment);
    // Over an older model, on purpose.
    fit(&file, &model, None, 1).unwrap();
    assert_ne!(std::fs::read(&model).unwrap(), before);
}

#[test]
fn contributions_sum_to_the_score_less_the_expected_one_and_name_the_column() {
    let folder = Folder::new();
    let (file, model) = fitted(&folder);
    let found = scores(&score(&file, &model, None).unwrap());
    let rows = values(&explained(&file, &model, Which::Top(301), true).unwrap());
    assert_eq!(rows.len(), 301);
    let number = |value: &Value| value.as_f64().unwrap();
    for row in &rows {
        let shares: f64 = row["contributions"].as_object().unwrap().values().map(number).sum();
        assert!((number(&row["score"]) - number(&row["expected"]) - shares).abs() < 1e-12, "{row}");
        let at = usize::try_from(row["row"].as_u64().unwrap()).unwrap();
        assert_eq!(row["line"].as_u64().unwrap(), at as u64 + 1);
        // Reading JSON here may round the last bit.
        assert!((number(&row["score"]) - found[at - 1]).abs() < 1e-15, "{row}");
    }
    assert!(rows.windows(2).all(|pair| number(&pair[0]["score"]) >= number(&pair[1]["score"])));
    let top = &rows[0];
    assert_eq!((&top["row"], &top["values"]["x"]), (&301.into(), &90.0.into()));
    assert!(number(&top["contributions"]["x"]) > 10.0 * number(&top["contributions"]["y"]).abs(), "{top}");

    assert_eq!(values(&explained(&file, &model, Which::Row(301), true).unwrap()), rows[..1]);
    let text = explained(&file, &model, Which::Row(301), false).unwrap();
    let cells: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(text.starts_with("row 301 (line 302): score 0."), "{text}");
    assert_eq!(
        (cells[1].as_slice(), cells[2][..2].as_ref()),
        (&["column", "value", "contribution"][..], &["x", "90"][..])
    );
    assert!(cells[2][2].starts_with("+0.") && cells[3][..2] == ["y", "3.5"], "{text}");
}

#[test]
fn rows_that_are_not_there_are_wrong_usage() {
    let folder = Folder::new();
    let (file, model) = fitted(&folder);
    for (which, expected) in [
        (Which::Row(0), "counted from 1"),
        (Which::Row(302), "a.csv has 301 rows; there is no row 302"),
        (Which::Top(0), "the top 0 rows"),
    ] {
        let error = explained(&file, &model, which, false).unwrap_err();
        assert!(error.kind() == Kind::Usage && error.to_string().contains(expected), "{error}");
    }
    assert_eq!(values(&explained(&file, &model, Which::Top(1_000), true).unwrap()).len(), 301);
}
