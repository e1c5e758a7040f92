//! `forest evaluate` on files small enough to compute by hand.

use evaluate::Kind;
use evaluate::forest::{EvaluateOptions, Growth};

use super::{evaluate, evaluate_options, object, per_seed, with_an_outlier};
use crate::support::Folder;

#[test]
fn a_clear_outlier_is_found_by_every_seed_and_the_object_has_every_key_in_its_order() {
    let folder = Folder::new();
    let object = object(&folder.write("a.csv", with_an_outlier()), 4);
    let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
    let expected = ["rows", "features", "anomalies", "auroc", "average_precision", "fit_ms", "score_us_per_row"];
    assert_eq!(keys, expected);
    assert_eq!((&object["rows"], &object["features"], &object["anomalies"]), (&301.into(), &2.into(), &1.into()));
    assert_eq!(per_seed(&object, "auroc"), [1.0; 4]);
    assert_eq!(per_seed(&object, "average_precision"), [1.0; 4]);
    assert!(object["fit_ms"].as_f64().unwrap() > 0.0 && object["score_us_per_row"].as_f64().unwrap() > 0.0);
}

/// Rows that are equal get equal scores, whatever the seed: 100 is the highest, and the ten zeros are one tie.
#[test]
fn ties_count_half_and_are_one_threshold() {
    let folder = Folder::new();
    let zeros = |labelled: usize| (0..10).map(|row| format!("0,{}\n", u8::from(row < labelled))).collect::<String>();
    let file = folder.write("ties.csv", format!("v,label\n{}100,0\n", zeros(2)));
    let found = object(&file, 3);
    for area in per_seed(&found, "auroc") {
        // Each of two anomalies: behind the 100, half of eight zeros, of nine.
        assert!((area - 4.0 / 9.0).abs() < 1e-15, "{area}");
    }
    for area in per_seed(&found, "average_precision") {
        assert!((area - 2.0 / 11.0).abs() < 1e-15, "{area}");
    }
    // The 100 and one zero are anomalies: precision 1 for one half, 2 of 11 for the other.
    let file = folder.write("half.csv", format!("label,v\n1,100\n{}", "0,0\n".repeat(9) + "1,0\n"));
    let found = object(&file, 3);
    for (area, precision) in per_seed(&found, "auroc").into_iter().zip(per_seed(&found, "average_precision")) {
        assert!((area - (9.0 + 4.5) / 18.0).abs() < 1e-15, "{area}");
        assert!((precision - (0.5 + 0.5 * 2.0 / 11.0)).abs() < 1e-15, "{precision}");
    }
    // Nothing to tell apart at all.
    let file = folder.write("flat.csv", "v,label\n5,1\n5,0\n5,0\n5,0\n");
    let found = object(&file, 1);
    assert_eq!((per_seed(&found, "auroc"), per_seed(&found, "average_precision")), (vec![0.5], vec![0.25]));
}

#[test]
fn seeds_are_one_to_n_and_a_seed_says_the_same_however_many_there_are() {
    let folder = Folder::new();
    let rows: String = (0..200).map(|row| format!("{},{},{}\n", row * 7 % 31, row * 11 % 23, row % 9 / 8)).collect();
    let file = folder.write("a.csv", format!("x,y,label\n{rows}"));
    let [three, five] = [3, 5].map(|seeds| per_seed(&object(&file, seeds), "auroc"));
    assert_eq!((three.len(), five.len(), &five[..3]), (3, 5, three.as_slice()));
    assert!(five.windows(2).any(|pair| pair[0] != pair[1]), "all seeds are one: {five:?}");
}

#[test]
fn gzip_a_byte_order_mark_blanks_quotes_and_the_order_of_columns_change_nothing() {
    let folder = Folder::new();
    let content = with_an_outlier();
    let plain = object(&folder.write("a.csv", &content), 2);
    let marked = format!("\u{feff}{}\n\n", content.replace('\n', "\r\n").replace("90,3.5,1", " 90 ,\"3.5\",1.0"));
    for file in [folder.gzip("a.csv.gz", &content), folder.write("b.csv", marked)] {
        let found = object(&file, 2);
        for key in ["rows", "anomalies", "auroc", "average_precision"] {
            assert_eq!(found[key], plain[key], "{key} of {}", file.display());
        }
    }
}

#[test]
fn the_table_for_people_says_what_was_measured() {
    let folder = Folder::new();
    let file = folder.write("a.csv", with_an_outlier());
    let text = |seeds| evaluate(&EvaluateOptions { json: false, ..evaluate_options(&file, seeds) }).unwrap();
    let told = text(3);
    for expected in [
        "a.csv: 301 rows, 2 features, 1 anomaly (0.3 %)",
        "100 trees on 256 rows each; mean ± sd of seeds 1 to 3",
        "AUROC              1.000 ± 0.000",
        "average precision  1.000 ± 0.000",
        " ms\n",
        " µs a row\n",
    ] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
    assert!(text(1).contains("seed 1\nAUROC              1.000\n"));
    let small = folder.write("b.csv", "v,label\n1,0\n2,0\n9,1\n");
    let told = evaluate(&EvaluateOptions { json: false, ..evaluate_options(&small, 1) }).unwrap();
    assert!(told.contains("100 trees on 3 rows each"), "ψ is lowered to the rows there are: {told}");
}

#[test]
fn settings_out_of_bounds_are_wrong_usage_before_anything_is_read() {
    let absent = Folder::new().path("absent.csv");
    let options = evaluate_options(&absent, 10);
    for (options, expected) in [
        (EvaluateOptions { seeds: 0, ..options.clone() }, "0 seeds"),
        (EvaluateOptions { growth: Growth { trees: 0, sample: 256 }, ..options.clone() }, "0 trees"),
        (EvaluateOptions { growth: Growth { trees: 100, sample: 1 }, ..options.clone() }, "sub-sample of 1 rows"),
    ] {
        let error = evaluate(&options).unwrap_err();
        assert!(error.kind() == Kind::Usage && error.to_string().contains(expected), "{error}");
    }
    assert_eq!(evaluate(&options).unwrap_err().kind(), Kind::Environment);
}
