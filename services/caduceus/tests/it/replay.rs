//! `caduceus replay` and `check`, from outside: counts, forms of input, refusals, exit codes.

use std::path::Path;

use crate::support::{
    Digests, Running, START_S, caduceus, check, check_any, counts, csv, days, digests, file, files, gzip,
    real_recording, replay, replay_arguments, temporary, text,
};

/// Replays a content into a fresh data directory; what `check` then reports.
#[track_caller]
fn digests_of(name: &str, content: impl AsRef<[u8]>) -> Digests {
    let dir = temporary();
    let data = dir.path().join("data");
    replay(&file(dir.path(), name, content), "ada", &data).exits(0);
    digests(&check(&data), "ada")
}

/// D1, E4, E7: every reading is in a block, every block under an anchor.
#[test]
fn every_reading_of_a_recording_ends_in_anchored_blocks_and_a_second_run_adds_none() {
    let dir = temporary();
    let data = dir.path().join("data");
    let minutes = days(4, 1);
    let recording = file(dir.path(), "four days.csv", csv(&minutes));
    let readings = minutes.len() as u64 * 2;

    let first = replay(&recording, "ada", &data).exits(0);
    assert_eq!(counts(&first), (readings, 0, 0));
    let report = check(&data);
    let after_first = digests(&report, "ada");
    assert_eq!(after_first.readings, readings);
    assert!(after_first.anomalies >= 1, "an hour at 190 beats a minute in bed is found: {report}");
    let mails = files(&data.join("mail"));
    assert!(mails.len() >= 2, "the episode's opening and its end are told: {mails:?}");
    assert_eq!(
        report["patients"]["ada"]["anchored_height"].as_u64().unwrap() + 1,
        report["patients"]["ada"]["blocks"].as_u64().unwrap()
    );
    assert_eq!(report["record_chain"]["nodes"], 4);
    assert!(report["anchors"].as_u64().unwrap() >= 1);

    let again = replay(&recording, "ada", &data).exits(0);
    assert_eq!(counts(&again), (0, readings, 0), "all of it is held already");
    assert_eq!(digests(&check(&data), "ada"), after_first);
    assert_eq!(files(&data.join("mail")), mails, "nobody is told twice");
}

#[test]
fn a_recording_that_grew_goes_on_where_the_last_run_stopped() {
    let dir = temporary();
    let data = dir.path().join("data");
    let minutes = days(4, 2);
    let half = minutes.len() / 2;
    let recording = file(dir.path(), "grows.csv", csv(&minutes[..half]));
    replay(&recording, "ada", &data).exits(0);
    file(dir.path(), "grows.csv", csv(&minutes));
    let grown = replay(&recording, "ada", &data).exits(0);
    assert_eq!(counts(&grown), (half as u64 * 2, half as u64 * 2, 0));
    let whole = digests_of("whole.csv", csv(&minutes));
    let grown = digests(&check(&data), "ada");
    assert_eq!((grown.readings, grown.content), (whole.readings, whole.content));
}

#[test]
fn the_digests_do_not_hang_on_keys_compression_header_names_or_notation_of_time() {
    let minutes = days(3, 3);
    let plain = csv(&minutes);
    let expected = digests_of("plain.csv", &plain);
    assert_eq!(digests_of("packed.csv.gz", gzip(&plain)), expected, "gzip");
    assert_eq!(digests_of("packed by content.csv", gzip(&plain)), expected, "gzip is told by its bytes, not its name");
    assert_eq!(
        digests_of("long names.csv", plain.replacen("time,hr,steps", "TIME, Heart Rate ,Steps", 1)),
        expected,
        "names"
    );
    assert_eq!(digests_of("crlf.csv", plain.replace('\n', "\r\n")), expected, "line ends");

    let civil = |separator: &str, zone: &str| {
        let mut out = String::from("steps,mood,time,heart_rate\n");
        for minute in &minutes {
            let time = jiff::Timestamp::from_second(minute.time_s)
                .unwrap()
                .to_zoned(jiff::tz::TimeZone::UTC)
                .strftime(&format!("%Y-%m-%d{separator}%H:%M:%S{zone}"))
                .to_string();
            out += &format!(
                "{},fine,{time},{}.{}\n",
                minute.steps,
                minute.heart_rate_tenths / 10,
                minute.heart_rate_tenths % 10
            );
        }
        out
    };
    // Another order of columns is another numbering of readings, and a known offset is part of what was measured.
    let (spaced, joined) = (digests_of("a.csv", civil(" ", "")), digests_of("b.csv", civil("T", "")));
    assert_eq!(spaced, joined);
    assert_eq!((spaced.readings, spaced.anomalies), (expected.readings, expected.anomalies));
    let (offset, zulu) = (digests_of("c.csv", civil("T", "+00:00")), digests_of("d.csv", civil("T", "Z")));
    assert_eq!(offset.readings, expected.readings);
    assert_ne!(offset.content, spaced.content, "an unknown offset is not +00:00");
    // RFC 9557, section 2.2: Z says the instant and nothing about the local clock.
    assert_eq!(zulu.readings, expected.readings);
}

#[test]
fn a_gzip_file_that_is_cut_off_is_named_with_its_line_and_everything_before_is_kept() {
    let dir = temporary();
    let data = dir.path().join("data");
    let minutes = days(4, 4);
    let whole = gzip(&csv(&minutes));
    let recording = file(dir.path(), "recording.csv.gz", &whole[..whole.len() * 3 / 4]);
    let cut = replay(&recording, "ada", &data).exits(1).says("recording.csv.gz, line ").says("is cut off here");
    let (taken, held, refused) = counts(&cut);
    let line: u64 = cut.stderr.split("line ").nth(1).unwrap().split(':').next().unwrap().parse().unwrap();
    // The header is line 1, every line before the named one has two values.
    assert_eq!((taken, held, refused), ((line - 2) * 2, 0, 0), "{}", cut.stderr);
    assert!(taken > minutes.len() as u64);
    assert_eq!(digests(&check(&data), "ada").readings, taken, "all of it is in blocks");

    file(dir.path(), "recording.csv.gz", &whole);
    let ran = replay(&recording, "ada", &data).exits(0);
    assert_eq!(counts(&ran), (minutes.len() as u64 * 2 - taken, taken, 0));
    assert_eq!(digests(&check(&data), "ada"), digests_of("recording.csv.gz", whole));
}

#[test]
fn what_is_no_recording_is_refused_with_exit_1_before_anything_is_made() {
    let dir = temporary();
    let data = dir.path().join("data");
    for (name, content, expected) in [
        ("no time.csv", "when,hr\n1709251200,70\n", "no column `time`"),
        ("no signal.csv", "time,colour\n1709251200,red\n", "no column is named by a signal"),
        ("twice.csv", "time,hr,pulse\n1709251200,70,71\n", "two columns are heart_rate"),
        ("no row.csv", "time,hr\n", "no row has a time"),
        ("empty.csv", "", "no column `time`"),
        ("no moment.csv", "time,hr\nyesterday,70\n", "no row has a time"),
        ("no row to read.csv", "time,hr\n1709251200\n1709251200,70,3\n", "no row has a time"),
        ("open.csv", "time,\"hr\n1709251200,70\n", "line 1: column 2: its quoted name is not closed"),
    ] {
        replay(&file(dir.path(), name, content), "ada", &data).exits(1).says(name).says(expected);
    }
    for (name, content, expected) in [
        ("bytes.csv", &[0x1f, 0x8b, 8, 0, 0][..], "line 1: the gzip stream is cut off here"),
        ("no gzip.csv", &[0x1f, 0x8b, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0], "line 1: the gzip stream is damaged here"),
        ("latin.csv", b"time,hr,\xe9tat\n1709251200,70,1\n", "line 1: column 3: its name is no UTF-8 text"),
    ] {
        replay(&file(dir.path(), name, content), "ada", &data).exits(1).says(name).says(expected);
    }
    assert!(!data.exists(), "a file that does not decode founds no network");
}

#[test]
fn wrong_usage_is_exit_2_and_a_file_that_is_not_there_exit_3() {
    let dir = temporary();
    let (data, recording) = (dir.path().join("data"), file(dir.path(), "a.csv", "time,hr\n1709251200,70\n"));
    for patient in ["Ada Lovelace", "../ada", "", "änne", &"a".repeat(65), "a/b"] {
        replay(&recording, patient, &data).exits(2).says("1 to 64 letters, digits");
    }
    assert!(!data.exists(), "a name that cannot be founds no network");
    for speed in ["0", "-1", "NaN", "inf", "fast"] {
        let mut arguments = replay_arguments(&recording, "ada", &data);
        arguments.push(format!("--speed={speed}"));
        caduceus(&arguments).exits(2).says("--speed");
    }
    caduceus(&["replay", "--colour"]).exits(2).says("--colour");
    caduceus(&["check"]).exits(2).says("--data-dir");
    caduceus(&["heal"]).exits(2).says("heal");
    caduceus::<&str>(&[]).exits(2);

    replay(&dir.path().join("missing.csv"), "ada", &data).exits(3).says("missing.csv");
    caduceus(&["check", "--data-dir", &text(&dir.path().join("nowhere"))]).exits(3).says("nowhere");
    caduceus(&["check", "--data-dir", &text(dir.path())]).exits(3).says("genesis.json");
    let blocked = file(dir.path(), "a file", "in the way");
    replay(&recording, "ada", &blocked).exits(3).says("a file");
}

/// E: a refusal is counted and kept, sealed, and stops nothing.
#[test]
fn cells_that_are_no_readings_are_counted_and_kept_sealed_and_the_rest_is_taken_in() {
    let dir = temporary();
    let data = dir.path().join("data");
    let mut content = String::from("time,hr,steps\n");
    let bad = ["301.5", "abc", "-7", "19.999", "1e3", "NaN", "inf", "", "999999999999999999999999"];
    for (minute, cell) in (0..).zip(bad.iter().chain(std::iter::repeat_n(&"71.5", 200))) {
        content += &format!("{},{cell},3\n", START_S + minute * 60);
    }
    content += &format!("yesterday,71.5,3\n{},71.5,2.5\n{},70,4\n", START_S + 86_400, START_S + 86_460);
    let ran = replay(&file(dir.path(), "mixed.csv", content), "ada", &data).exits(0);
    let refused = bad.len() as u64 - 1 + 2 + 1;
    assert_eq!(
        counts(&ran),
        (200 + 209 + 1 + 2, 0, refused),
        "an empty cell is nothing, a cell without a time is refused"
    );
    for line in
        ["line 2, column heart_rate", "line 3, column heart_rate", "line 211, column steps", "line 212, column steps"]
    {
        assert!(ran.stderr.contains(line), "{line}: {}", ran.stderr);
    }
    assert!(
        !ran.stderr.contains("301.5") && !ran.stderr.contains("19.999"),
        "values are no matter for a log: {}",
        ran.stderr
    );
    assert_eq!(digests(&check(&data), "ada").readings, 412);

    let kept = crate::custody::rejected(&data, "ada");
    assert_eq!(kept.len() as u64, refused, "{kept:?}");
    for cell in bad.iter().filter(|cell| !cell.is_empty()) {
        assert!(
            kept.iter()
                .any(|rejected| String::from_utf8_lossy(&rejected.line).ends_with(&format!("heart_rate={cell}"))),
            "{cell} is kept"
        );
    }
    assert!(kept.iter().any(|rejected| rejected.reason == "malformed" && rejected.line == b"time=yesterday, steps=3"));
    assert!(kept.iter().any(|rejected| rejected.reason == "out-of-range"));
}

/// E: a row that cannot be read is one refusal, and the rows after it are taken in.
#[test]
fn rows_of_another_width_or_encoding_or_with_an_open_quote_are_counted_kept_and_named_and_end_nothing() {
    let dir = temporary();
    let data = dir.path().join("data");
    let row = |minute: i64, rest: &[u8]| [format!("{},", START_S + minute * 60).as_bytes(), rest, b"\n"].concat();
    let content: Vec<Vec<u8>> = vec![
        b"time,hr,note,steps\n".to_vec(),
        row(0, b"70,,3"),
        row(1, b"71,"),
        row(2, b"72,,3,4,5"),
        row(3, b"\"73,,3"),
        row(4, b"7\n"),
        row(5, b"\xb7\xff,\xe9,4"),
        b"\xffnow,74,,3\n".to_vec(),
        row(7, b"75,\"a note, of two\nlines\",5"),
        row(8, b"76,\xe9,6"),
    ];
    let ran = replay(&file(dir.path(), "rows.csv", content.concat()), "ada", &data).exits(0);
    // Accepted: 2 of the first minute, the steps of minute 5, 2 each of minutes 7 and 8. Refused: four rows, the rate of
    // minute 5, and both values of the row without a time.
    assert_eq!(counts(&ran), (7, 0, 7), "{}\n{}", ran.stdout, ran.stderr);
    for named in [
        "rows.csv, line 3, column steps: refused and kept: the row could not be read",
        "rows.csv, line 4, column 5: refused and kept: the row could not be read",
        "rows.csv, line 5, column hr: refused and kept",
        "rows.csv, line 6, column note: refused and kept",
        "rows.csv, line 8, column heart_rate: refused and kept: value could not be read",
        "rows.csv, line 9, column heart_rate: refused and kept: time could not be read",
        "rows.csv, line 9, column steps: refused and kept: time could not be read",
    ] {
        assert!(ran.stderr.contains(named), "{named}: {}", ran.stderr);
    }
    assert_eq!(digests(&check(&data), "ada").readings, 7);
    let kept: Vec<_> =
        crate::custody::rejected(&data, "ada").into_iter().map(|kept| (kept.reason, kept.line)).collect();
    let lines = |lines: &[&[u8]]| lines.iter().map(|line| ("malformed".to_owned(), line.to_vec())).collect::<Vec<_>>();
    let trimmed = |row: Vec<u8>| row.trim_ascii_end().to_vec();
    assert_eq!(
        kept,
        lines(&[
            &trimmed(row(1, b"71,")),
            &trimmed(row(2, b"72,,3,4,5")),
            &trimmed(row(3, b"\"73,,3")),
            &trimmed(row(4, b"7")),
            &[format!("time={}, heart_rate=", START_S + 300).as_bytes(), b"\xb7\xff"].concat(),
            b"time=\xffnow, heart_rate=74",
            b"time=\xffnow, steps=3",
        ])
    );
}

/// E3: a recording may be sent again and again.
#[test]
fn what_is_refused_is_kept_once_however_often_a_recording_is_replayed_and_grows() {
    let dir = temporary();
    let data = dir.path().join("data");
    let mut content = String::from("time,hr\n");
    let mut add = |cells: &[&str]| {
        for cell in cells {
            let minute = i64::try_from(content.lines().count()).unwrap();
            content += &format!("{},{cell}\n", START_S + minute * 60);
        }
        content.clone()
    };
    // What is refused comes first, between, twice over, and after everything that is accepted.
    let begun = add(&["bad", "70", "71", "1e3", "72", "999", "worse", "7,3", "7,3"]);
    let recording = file(dir.path(), "grows.csv", &begun);
    let lines = || {
        let mut lines: Vec<_> = crate::custody::rejected(&data, "ada").into_iter().map(|kept| kept.line).collect();
        lines.sort();
        lines
    };
    assert_eq!(counts(&replay(&recording, "ada", &data).exits(0)), (3, 0, 6));
    let kept = lines();
    assert_eq!(kept.len(), 6);
    for _ in 0..3 {
        let again = replay(&recording, "ada", &data).exits(0);
        assert_eq!(counts(&again), (0, 9, 0), "{}", again.stderr);
        assert!(!again.stderr.contains("refused and kept"), "{}", again.stderr);
        assert_eq!(lines(), kept);
    }
    let grown = add(&["73", "worst", "74", "bad again"]);
    file(dir.path(), "grows.csv", &grown);
    assert_eq!(counts(&replay(&recording, "ada", &data).exits(0)), (2, 9, 2));
    assert_eq!(counts(&replay(&recording, "ada", &data).exits(0)), (0, 13, 0));
    assert_eq!(lines().len(), 8);
    assert_eq!(digests(&check(&data), "ada").readings, 5);
}

/// A recording whose every cell is refused moves nothing forward, and is refused once all the same.
#[test]
fn a_recording_of_nothing_but_refusals_is_kept_once() {
    let dir = temporary();
    let data = dir.path().join("data");
    let recording = file(dir.path(), "all bad.csv", format!("time,hr\n{START_S},x\n{START_S},x\n{},y\n", START_S + 60));
    assert_eq!(counts(&replay(&recording, "ada", &data).exits(0)), (0, 0, 3));
    assert_eq!(counts(&replay(&recording, "ada", &data).exits(0)), (0, 3, 0));
    assert_eq!(crate::custody::rejected(&data, "ada").len(), 3, "the same line twice in the file is kept twice");
}

#[test]
fn a_data_directory_in_use_is_exit_3_for_a_second_run_and_for_check() {
    let dir = temporary();
    let data = dir.path().join("data");
    let recording = file(dir.path(), "slow.csv", csv(&days(2, 5)));
    let mut arguments = replay_arguments(&recording, "ada", &data);
    arguments.extend(["--speed".into(), "60".into()]);
    let mut slow = Running::start(&arguments);
    // A ring of keys is made after the log is open.
    assert!(slow.wait_until(|| !files(&data.join("keys")).is_empty()));
    replay(&recording, "ada", &data).exits(3).says("in use");
    let (ran, _) = check_any(&data);
    ran.exits(3).says("in use");
    assert!(slow.wait_until(|| true), "the first run is not disturbed");
    assert!(slow.kill());
    replay(&recording, "ada", &data).exits(0);
    assert_eq!(digests(&check(&data), "ada").readings, 2 * 1_440 * 2);
}

/// Two people in one data directory, the second from years before the first: neither touches the other.
#[test]
fn a_second_patient_from_another_time_is_replayed_beside_the_first() {
    let dir = temporary();
    let data = dir.path().join("data");
    let late = days(3, 6);
    let early: Vec<_> = days(3, 7)
        .into_iter()
        .map(|minute| crate::support::Minute { time_s: minute.time_s - 700 * 86_400, ..minute })
        .collect();
    let (late, early) = (csv(&late), csv(&early));
    replay(&file(dir.path(), "late.csv", &late), "ada", &data).exits(0);
    replay(&file(dir.path(), "early.csv", &early), "grace", &data).exits(0);
    let report = check(&data);
    assert_eq!(digests(&report, "ada"), digests_of("late.csv", late));
    // What is found so long after it happened alerts nobody, and is found all the same.
    assert_eq!(digests(&report, "grace"), digests_of("early.csv", early));
}

/// D1, E4: the real recording, where it is at hand.
#[test]
fn a_real_recording_of_91_days_is_whole_in_the_chain() {
    let Some(recording) = real_recording() else {
        println!("skipped: a_real_recording_of_91_days_is_whole_in_the_chain: the shared data is not here");
        return;
    };
    let dir = temporary();
    let ran = replay(&recording, "AS2MVDL", dir.path()).exits(0);
    let expected = values_in(&recording);
    assert_eq!(counts(&ran), (expected, 0, 0));
    assert_eq!(digests(&check(dir.path()), "AS2MVDL").readings, expected);
}

/// Cells with a value, counted without the project's own reader.
fn values_in(recording: &Path) -> u64 {
    let mut content = String::new();
    std::io::Read::read_to_string(
        &mut flate2::read::MultiGzDecoder::new(std::fs::File::open(recording).unwrap()),
        &mut content,
    )
    .unwrap();
    content.lines().skip(1).map(|line| line.split(',').skip(1).filter(|cell| !cell.is_empty()).count() as u64).sum()
}
