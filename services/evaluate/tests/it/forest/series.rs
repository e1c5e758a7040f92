//! `forest stream`: every row comes out in its place, with scores that the future does not change.

use std::path::Path;

use evaluate::forest::{StreamOptions, stream};
use evaluate::{Error, Kind};
use proptest::prelude::*;

use crate::support::{Folder, shared};

fn run(file: &Path, out: &Path) -> Result<String, Error> {
    let mut told = Vec::new();
    stream(&StreamOptions { file: file.to_owned(), out: out.to_owned() }, &mut told, &mut |_, _| ())?;
    Ok(String::from_utf8(told).unwrap())
}

/// Lines of the written file.
fn streamed(content: &str) -> Vec<String> {
    let folder = Folder::new();
    let out = folder.path("out.csv");
    run(&folder.write("in.csv", content), &out).unwrap();
    std::fs::read_to_string(out).unwrap().lines().map(str::to_owned).collect()
}

/// The row as it stood, its score and its raw score.
fn parted(line: &str) -> (&str, f64, f64) {
    let (rest, raw) = line.rsplit_once(',').unwrap();
    let (row, score) = rest.rsplit_once(',').unwrap();
    (row, score.parse().unwrap(), raw.parse().unwrap())
}

/// A day of 24 rows over and over, with one spike.
fn daily(rows: usize, spike: usize) -> String {
    let value = |row: usize| if row == spike { 95 } else { (row * 7 + row / 24 % 3) % 24 };
    let rows: String = (0..rows).map(|row| format!("day {row},{}\n", value(row))).collect();
    format!("timestamp,value\n{rows}")
}

#[test]
fn every_row_comes_out_in_its_place_as_it_stood_with_two_scores_in_bounds() {
    let content = daily(400, 300);
    let written = streamed(&content);
    assert_eq!(written[0], "timestamp,value,score,raw_score");
    let rows: Vec<_> = written[1..].iter().map(|line| parted(line)).collect();
    assert_eq!(rows.iter().map(|(row, ..)| *row).collect::<Vec<_>>(), content.lines().skip(1).collect::<Vec<_>>());
    for (row, score, raw) in &rows {
        assert!((0.0..=1.0).contains(raw) && (0.0..=*raw).contains(score), "{row}: {score}, {raw}");
    }
    assert!(
        rows[..100].iter().all(|(_, score, raw)| (*score, *raw) == (0.0, 0.0)),
        "nothing is known of the first rows"
    );
    let highest = (0..rows.len()).max_by(|a, b| rows[*a].1.total_cmp(&rows[*b].1)).unwrap();
    assert_eq!(highest, 300);
}

#[test]
fn timestamps_quotes_and_line_ends_are_no_matter() {
    let plain = streamed(&daily(150, 120));
    let odd = daily(150, 120).replace("day ", "\"Mon, ").replace(",", "\",").replace("Mon\",", "Mon,");
    let odd = odd.replace("timestamp\"", "timestamp").replace('\n', "\r\n");
    let written = streamed(odd.trim_end());
    assert_eq!(written.len(), plain.len());
    assert!(written[1].starts_with("\"Mon, 0\",0,"), "{}", written[1]);
    for (odd, plain) in written.iter().zip(&plain).skip(1) {
        assert_eq!((parted(odd).1, parted(odd).2), (parted(plain).1, parted(plain).2));
    }
}

#[test]
fn of_several_columns_all_are_features_and_the_timestamp_may_stand_anywhere() {
    let value = |row: usize, at: usize| if row == at { 95 } else { row * 7 % 24 };
    let rows: String = (0..400).map(|row| format!("{},{row},{}\n", value(row, 200), value(row, 350))).collect();
    let written = streamed(&format!("a,Time,b\n{rows}"));
    let rows: Vec<_> = written[1..].iter().map(|line| parted(line)).collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| rows[*b].2.total_cmp(&rows[*a].2));
    // Had the time been a feature, every row would be new.
    order.truncate(2);
    order.sort_unstable();
    assert_eq!(order, [200, 350]);
}

#[test]
fn a_gzipped_series_gives_the_same_file() {
    let folder = Folder::new();
    let content = daily(130, 120);
    let (one, other) = (folder.path("1.csv"), folder.path("2.csv"));
    let told = run(&folder.write("in.csv", &content), &one).unwrap();
    run(&folder.gzip("in.csv.gz", &content), &other).unwrap();
    assert_eq!(std::fs::read(one).unwrap(), std::fs::read(other).unwrap());
    assert!(told.contains("1.csv: 130 rows; the highest score is 0.") && told.contains("in line 122\n"), "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// A score is known at its row: cutting off what follows, or another future, changes nothing before.
    #[test]
    fn the_past_does_not_hang_on_the_future(
        past in prop::collection::vec(-3_i32..4, 1..160),
        future in prop::collection::vec(-9_999_i32..9_999, 0..40),
    ) {
        let text = |values: &[i32]| {
            let rows: String = values.iter().enumerate().map(|(row, value)| format!("{row},{value}\n")).collect();
            format!("timestamp,value\n{rows}")
        };
        let alone = streamed(&text(&past));
        let whole = streamed(&text(&[past.as_slice(), &future].concat()));
        prop_assert_eq!(whole.len(), 1 + past.len() + future.len());
        prop_assert_eq!(&whole[..alone.len()], alone.as_slice());
    }
}

#[test]
fn what_cannot_be_scored_is_told_and_leaves_no_file() {
    let folder = Folder::new();
    let out = folder.path("out.csv");
    for (content, kind, expected) in [
        ("", Kind::Wrong, "there is nothing in it"),
        ("timestamp,value\n", Kind::Wrong, "there is no row"),
        ("timestamp\n1\n", Kind::Wrong, "a timestamp and at least one value are needed"),
        ("2015-02-26 21:42:53,104\n2015-02-26 21:47:53,100\n", Kind::Wrong, "line 1 is no header"),
        ("timestamp,value,score\n1,2,3\n", Kind::Wrong, "there is a column `score` already"),
        ("timestamp,value\n1,2\n2,\n", Kind::Wrong, "line 3, column value: empty"),
        ("timestamp,value\n1,2\n2,3,4\n", Kind::Wrong, "line 3, column 3: 3 cells"),
        ("timestamp,value\n1,nan\n", Kind::Wrong, "line 2, column value: `nan` is not finite"),
    ] {
        let error = run(&folder.write("in.csv", content), &out).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(expected), "{content:?}: {error}");
    }
    let file = folder.write("in.csv", "timestamp,value\n1,2\n");
    assert_eq!(run(&file, &file).unwrap_err().kind(), Kind::Usage, "what is read is not written over");
    assert_eq!(run(&file, &folder.path("out.csv.gz")).unwrap_err().kind(), Kind::Usage);
    assert_eq!(run(&file, &folder.path("none/out.csv")).unwrap_err().kind(), Kind::Environment);
    assert_eq!(run(&folder.path("absent"), &out).unwrap_err().kind(), Kind::Environment);
    let left = std::fs::read_dir(folder.path("")).unwrap().count();
    assert_eq!(left, 1, "the input alone is left");
}

#[test]
fn a_published_series_comes_out_row_by_row() {
    let Some(file) = shared("nab/realTweets/Twitter_volume_AAPL.csv.gz") else { return };
    let folder = Folder::new();
    let out = folder.path("out.csv");
    run(&file, &out).unwrap();
    let mut text = String::new();
    let packed = std::fs::File::open(&file).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed), &mut text).unwrap();
    let written = std::fs::read_to_string(&out).unwrap();
    assert_eq!(written.lines().count(), text.lines().count());
    for (row, line) in text.lines().zip(written.lines()).skip(1) {
        let (kept, score, raw) = parted(line);
        assert_eq!(kept, row);
        assert!((0.0..=1.0).contains(&raw) && (0.0..=raw).contains(&score), "{line}");
    }
}
