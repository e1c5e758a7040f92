//! What cannot be read: told by file, line and column, counted, and never a row less in what comes out.

use evaluate::Kind;
use evaluate::detect::{Options, Profile, parse_mapping};
use recording::Columns;

use crate::support::{Folder, detect, plain, scores, scores_of};

fn options(file: std::path::PathBuf) -> Options {
    Options::of(vec![file], Profile::Bedside)
}

#[test]
fn bad_cells_and_rows_are_told_by_line_and_column_and_each_row_comes_out_in_its_place() {
    let folder = Folder::new();
    let content = "time,HR,spo2\n0,70,97\n1,x,98\n2,0,0\nyesterday,70,97\n4,70\n5,,\n6,71,97\n";
    let file = folder.write("bed.csv", content);
    let out = folder.path("scores.csv");
    let options = Options { scores: Some(out.clone()), ..options(file) };
    let (told, notes) = detect(&plain(Profile::Bedside), &options).unwrap();
    let rows = scores(&out);
    let column = |at: usize| rows.iter().map(|row| row[at].as_str()).collect::<Vec<_>>();
    assert_eq!(column(0), ["0", "1", "2", "yesterday", "", "5", "6"], "times as they stand, in their order");
    assert_eq!(column(1), ["bed"; 7]);
    let refused: Vec<bool> = column(3).into_iter().map(|state| state == "refused").collect();
    assert_eq!(refused, [false, false, true, true, true, false, false], "{rows:?}");
    for expected in [
        "bed.csv, line 3, column HR: refused: value could not be read",
        "bed.csv, line 4, column HR: refused: heart_rate must lie between",
        "bed.csv, line 4, column spo2: refused: spo2 must lie between",
        "bed.csv, line 5, column time: refused: time could not be read",
        "bed.csv, line 6, column spo2: refused: the row could not be read; it needs as many cells",
        "bed.csv: 5 refused: HR malformed 1, HR out-of-range 1, spo2 malformed 1, spo2 out-of-range 1, time malformed 1",
    ] {
        assert!(notes.contains(expected), "{expected}\n{notes}");
    }
    let row = told.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(row, ["bed", "7", "5", "0", "0", "0"], "{told}");
}

#[test]
fn many_refusals_are_counted_and_only_the_first_are_told() {
    let folder = Folder::new();
    let rows: String = (0..500).map(|second| format!("{second},0\n")).collect();
    let file = folder.write("zeros.csv", format!("time,hr\n{rows}"));
    let (_, notes) = detect(&plain(Profile::Bedside), &options(file)).unwrap();
    assert_eq!(notes.lines().count(), 11, "{notes}");
    assert!(notes.ends_with("zeros.csv: 500 refused: hr out-of-range 500\n"), "{notes}");
}

#[test]
fn a_column_that_is_not_there_is_wrong_usage_and_a_header_without_time_is_a_wrong_file() {
    let folder = Folder::new();
    let file = folder.write("a.csv", "minute,HR\n0,70\n");
    let columns = |time: Option<&str>, person: Option<&str>, map: &[&str]| Columns {
        time: time.map(str::to_owned),
        person: person.map(str::to_owned),
        signals: map.iter().map(|text| parse_mapping(text).unwrap()).collect(),
        ..Columns::default()
    };
    for (columns, kind, expected) in [
        (columns(None, None, &[]), Kind::Wrong, "a.csv, line 1: no column `time`; there are: minute, HR"),
        (columns(Some("Minute"), None, &[]), Kind::Usage, "a.csv, line 1: 0 columns are named `Minute`"),
        (columns(Some("minute"), Some("who"), &[]), Kind::Usage, "a.csv, line 1: 0 columns are named `who`"),
        (
            columns(Some("minute"), None, &["spo2=SpO2"]),
            Kind::Usage,
            "0 columns are named `SpO2`; there are: minute, HR",
        ),
        (columns(Some("minute"), None, &["hr=HR", "8867-4=HR"]), Kind::Usage, "--map names heart_rate twice"),
    ] {
        let error = detect(&plain(Profile::Home), &Options { columns, ..options(file.clone()) }).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = detect(&plain(Profile::Home), &options(folder.path("absent.csv"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Environment);
}

#[test]
fn a_cut_gzip_stream_is_a_wrong_file_and_what_came_before_is_scored() {
    let folder = Folder::new();
    let rows: String = (0..5_000).map(|second| format!("{second},{}\n", 60 + second * 7_919 % 41)).collect();
    let whole = std::fs::read(folder.gzip("whole.csv.gz", format!("time,hr\n{rows}"))).unwrap();
    let file = folder.write("cut.csv.gz", &whole[..whole.len() / 2]);
    let out = folder.path("scores.csv");
    let options = Options { scores: Some(out.clone()), ..options(file) };
    let error = detect(&plain(Profile::Bedside), &options).unwrap_err();
    let rows = scores(&out);
    let expected = format!("cut.csv.gz, line {}: the gzip stream is cut off here", rows.len() + 2);
    assert!(error.kind() == Kind::Wrong && error.to_string().ends_with(&expected), "{error}");
    assert!(rows.len() > 1_000);
    let entire = scores_of(&plain(Profile::Bedside), &folder.path("whole.csv.gz"));
    assert!(entire.iter().zip(&rows).all(|(a, b)| (&a[0], &a[2], &a[3]) == (&b[0], &b[2], &b[3])));
}

#[test]
fn nothing_that_is_read_is_written_over() {
    let folder = Folder::new();
    let file = folder.write("a.csv", "time,hr\n0,70\n");
    for options in [
        Options { scores: Some(file.clone()), ..options(file.clone()) },
        Options { chart: Some(file.clone()), ..options(file.clone()) },
    ] {
        assert_eq!(detect(&plain(Profile::Home), &options).unwrap_err().kind(), Kind::Usage);
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"time,hr\n0,70\n");
}

#[test]
fn a_gzipped_recording_is_the_same_recording() {
    let folder = Folder::new();
    let content = crate::support::seconds("hr", (0..300).map(|second| 60 + second % 90));
    let detector = plain(Profile::Bedside);
    let packed = scores_of(&detector, &folder.gzip("p.csv.gz", &content));
    assert_eq!(packed, scores_of(&detector, &folder.write("p.csv", &content)));
    assert_eq!(packed.len(), 300);
}

#[test]
fn a_gap_and_an_absent_device_are_states_of_their_own() {
    let folder = Folder::new();
    let rows: String =
        (0..1_000).map(|minute| format!("{},{}\n", minute * 60, if minute < 30 { "70" } else { "" })).collect();
    let file = folder.write("gap.csv", format!("time,hr\n{rows}"));
    let states: Vec<String> = scores_of(&plain(Profile::Home), &file).into_iter().map(|row| row[3].clone()).collect();
    let count = |state: &str| states.iter().filter(|other| *other == state).count();
    // Half an hour is no gap yet, six hours are no absence.
    assert_eq!((count("warming-up"), count("gap"), count("offline")), (60, 330, 610), "{states:?}");
}
