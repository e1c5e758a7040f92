//! Tables that cannot be used: told by file, line and column.

use evaluate::Kind;
use evaluate::forest::EvaluateOptions;

use super::{evaluate, evaluate_options, fit};
use crate::support::Folder;

#[test]
fn what_is_wrong_with_a_table_is_told_by_line_and_column() {
    let folder = Folder::new();
    for (content, expected) in [
        ("", "a.csv: there is nothing in it"),
        ("\n \n", "a.csv: there is nothing in it"),
        ("x,label\n", "a.csv: 0 rows, and a forest needs at least two"),
        ("x,label\n1,1\n", "a.csv: 1 row, and a forest needs at least two"),
        ("label\n0\n1\n", "a.csv: there is no column but the label"),
        ("x,label\n1,0\n,1\n", "a.csv, line 3, column x: empty; a number is needed"),
        ("x,label\n1,0\n\n \nhigh,1\n", "a.csv, line 5, column x: `high` is no number"),
        ("x,label\nNaN,0\n2,1\n", "a.csv, line 2, column x: `NaN` is not finite"),
        ("x,label\n1,0\n-inf,1\n", "a.csv, line 3, column x: `-inf` is not finite"),
        ("x,label\n1e999,0\n", "a.csv, line 2, column x: `1e999` is not finite"),
        ("x,label\n1,0\n2,2\n", "a.csv, line 3, column label: `2` is no label; it is 0, or 1 for an anomaly"),
        ("x,label\n1,0\n2,yes\n", "a.csv, line 3, column label: `yes` is no label"),
        ("x,label\n1,0\n2,\n", "a.csv, line 3, column label: empty; a label is 0, or 1"),
        ("x,label\n1,0\n2,0\n", "a.csv: no row is an anomaly: column label has no 1"),
        ("x,label\n1,1\n2,1\n", "a.csv: every row is an anomaly: column label has no 0"),
        ("x,y,label\n1,2,0\n1,2\n", "a.csv, line 3, column label: 2 cells, and the header has 3"),
        ("x,label\n1,0\n1,0,3\n", "a.csv, line 3, column 3: 3 cells, and the header has 2"),
        ("x,label\n1,0\n\"1,0\n", "a.csv, line 3: a quoted cell is not closed on its line"),
        ("x,,label\n1,2,0\n", "a.csv, line 1: column 2 has no name"),
        ("x,label,x\n1,0,2\n", "a.csv, line 1: two columns are named `x`"),
    ] {
        let error = evaluate(&evaluate_options(&folder.write("a.csv", content), 1)).unwrap_err();
        assert!(error.kind() == Kind::Wrong && error.to_string().contains(expected), "{content:?}: {error}");
    }
    let error = evaluate(&evaluate_options(&folder.write("a.csv", b"x,label\n1,0\n\xff,1\n"), 1)).unwrap_err();
    assert!(error.to_string().contains("a.csv, line 3, column x: `\u{fffd}` is no number"), "{error}");
    let error = evaluate(&evaluate_options(&folder.write("a.csv", b"\xff,label\n1,0\n"), 1)).unwrap_err();
    assert!(error.to_string().contains("a.csv, line 1: column 1: no UTF-8 text"), "{error}");
}

#[test]
fn a_long_cell_is_shown_in_part_and_a_line_without_end_is_refused() {
    let folder = Folder::new();
    let error = evaluate(&evaluate_options(&folder.write("a.csv", format!("x,label\n{},0\n", "z".repeat(5_000))), 1));
    assert!(error.unwrap_err().to_string().len() < 300);
    let endless = folder.gzip("b.csv.gz", format!("x,label\n{}", "1".repeat(5 << 20)));
    let error = evaluate(&evaluate_options(&endless, 1)).unwrap_err();
    assert!(error.kind() == Kind::Wrong && error.to_string().contains("line 2: the line is longer"), "{error}");
}

#[test]
fn a_column_that_is_not_there_is_wrong_usage_and_what_there_is_is_listed() {
    let folder = Folder::new();
    let file = folder.write("a.csv", "x,y\n1,2\n3,4\n");
    let options = EvaluateOptions { label: "anomaly".into(), ..evaluate_options(&file, 1) };
    for error in [evaluate(&options).unwrap_err(), fit(&file, &folder.path("m"), Some("anomaly"), 1).unwrap_err()] {
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains("are named `anomaly`; there are: x, y"), "{error}");
    }
}

#[test]
fn a_gzip_file_that_breaks_off_is_wrong_and_one_that_is_absent_or_a_folder_is_the_environments() {
    let folder = Folder::new();
    let rows: String = (0..20_000).map(|row| format!("{},0\n", row * 7_919 % 10_007)).collect();
    let whole = std::fs::read(folder.gzip("whole.csv.gz", format!("x,label\n{rows}1,1\n"))).unwrap();
    let cut = folder.write("cut.csv.gz", &whole[..whole.len() / 2]);
    let error = evaluate(&evaluate_options(&cut, 1)).unwrap_err();
    assert!(error.kind() == Kind::Wrong && error.to_string().contains("breaks off"), "{error}");
    let mut flipped = whole;
    let last = flipped.len() - 5;
    flipped[last] ^= 0xff;
    let error = evaluate(&evaluate_options(&folder.write("flipped.csv.gz", flipped), 1)).unwrap_err();
    assert!(error.kind() == Kind::Wrong && error.to_string().contains("damaged"), "{error}");
    for path in [folder.path("absent.csv"), folder.path("")] {
        let error = evaluate(&evaluate_options(&path, 1)).unwrap_err();
        assert_eq!(error.kind(), Kind::Environment, "{error}");
    }
}
