//! No look-ahead: the scores of a recording that was cut are the first scores of the whole one.

use std::io::Read as _;

use evaluate::detect::Profile;
use proptest::prelude::*;

use crate::support::{Folder, plain, scores_of, shared, whole};

/// One row of a recording: heart rate, saturation, steps; some empty, some bad, some out of order.
fn row() -> impl Strategy<Value = String> {
    let heart_rate = prop_oneof![6 => (40_i64..180).prop_map(|bpm| bpm.to_string()), 1 => Just(String::new()), 1 => Just("x".to_owned()), 1 => Just("0".to_owned())];
    let spo2 = prop_oneof![4 => (70_i64..100).prop_map(|value| value.to_string()), 1 => Just(String::new())];
    (heart_rate, spo2, 0_u8..2, 0_i64..4, 0_u8..40).prop_map(|(heart_rate, spo2, steps, ahead, what)| match what {
        0 => "gap".to_owned(),
        1 => "one,two".to_owned(),
        _ => format!("{ahead},{heart_rate},{spo2},{steps}"),
    })
}

/// Rows become lines: times go on by one to four steps, with a gap here and there.
fn content(rows: &[String], step_s: i64) -> Vec<String> {
    let mut now_s = 1_600_000_000;
    rows.iter()
        .map(|row| {
            if row == "gap" {
                now_s += 40_000;
                return format!("{now_s},70,97,0");
            }
            let Some((ahead, rest)) = row.split_once(',').filter(|(ahead, _)| ahead.len() == 1) else {
                return row.clone();
            };
            now_s += (ahead.parse::<i64>().unwrap() - 1) * step_s;
            format!("{now_s},{rest}")
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn scores_of_a_cut_recording_are_the_first_scores_of_the_whole(
        rows in prop::collection::vec(row(), 2..120), share in 0.0_f64..1.0, home in any::<bool>()
    ) {
        let (profile, step_s) = if home { (Profile::Home, 60) } else { (Profile::Bedside, 1) };
        let lines = content(&rows, step_s);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place to cut")]
        let cut = (lines.len() as f64 * share) as usize;
        let folder = Folder::new();
        let header = "time,hr,spo2,steps\n";
        let file = |name: &str, lines: &[String]| folder.write(name, format!("{header}{}\n", lines.join("\n")));
        let detector = plain(profile);
        let all = scores_of(&detector, &file("a.csv", &lines));
        prop_assert_eq!(all.len(), lines.len(), "a row out for every row in");
        for (row, line) in all.iter().zip(&lines) {
            let same_time = line.split(',').next() == Some(row[0].as_str());
            prop_assert!(same_time || row[3] == "refused", "{:?} of {}", row, line);
        }
        let first = scores_of(&detector, &file("a.csv", &lines[..cut]));
        prop_assert_eq!(first.len(), cut);
        prop_assert_eq!(&all[..first.len()], first.as_slice());
    }
}

/// The same on a real person, forest included.
#[test]
fn a_real_person_cut_after_some_weeks_has_the_same_scores_so_far() {
    let Some(path) = shared("wearable/AS2MVDL_1min.csv.gz") else { return };
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let folder = Folder::new();
    let file = |rows: usize| folder.write("AS2MVDL_1min.csv", format!("{}\n", lines[..=rows].join("\n")));
    let (some, more) = (40_123, 61_000);
    let detector = whole(Profile::Home);
    let first = scores_of(detector, &file(some));
    let all = scores_of(detector, &file(more));
    assert_eq!((first.len(), all.len()), (some, more));
    assert!(all[..some] == first[..], "what was known at a row changed");
    let times = all.iter().zip(&lines[1..]);
    assert!(times.into_iter().all(|(row, line)| line.starts_with(&row[0]) && row[1] == "AS2MVDL"));
    assert!(all.iter().any(|row| row[3] == "ok") && all[0][3] == "warming-up");
}
