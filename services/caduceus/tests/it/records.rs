//! `caduceus record` and `caduceus verify record`: a record leaves as a file and is verified from it alone.

use serde_json::Value;

use crate::support::{START_S, caduceus, csv, days, file, replay, temporary, text};

/// D12, E4, E5, E6: the files of a record and of the alerts of a replayed recording hold offline, an alert computed again to the byte;
/// whatever is changed in them is refused with its reason.
#[test]
fn records_and_alerts_are_exported_and_verified_offline_and_changed_ones_are_refused() {
    let dir = temporary();
    let data = dir.path().join("data");
    let minutes = days(2, 1);
    replay(&file(dir.path(), "two days.csv", csv(&minutes)), "ada", &data).exits(0);
    let minute = minutes[777];
    let out = dir.path().join("record.json");
    let export = |time: &str, signal: &str| {
        caduceus(&[
            "record",
            "--data-dir",
            &text(&data),
            "--patient",
            "ada",
            "--time",
            time,
            "--signal",
            signal,
            "--out",
            &text(&out),
        ])
    };
    export(&minute.time_s.to_string(), "heart_rate").exits(0);
    let genesis = text(&data.join("genesis.json"));
    let verify = |path: &std::path::Path| caduceus(&["verify", "record", &text(path), "--genesis", &genesis]);
    let told = verify(&out).exits(0).stdout;
    let value = match minute.heart_rate_tenths % 10 {
        0 => format!("{}", minute.heart_rate_tenths / 10),
        tenths => format!("{}.{tenths}", minute.heart_rate_tenths / 10),
    };
    assert!(told.contains(&format!("heart_rate {value} /min at 2024-03-01T12:57:00")), "{told}");
    for part in ["the record holds", "computed ", "attested by ", "trust root "] {
        assert!(told.contains(part), "{part}: {told}");
    }

    // The index is no part of it, and the same record is the same file.
    let first = std::fs::read(&out).unwrap();
    let _gone = std::fs::remove_dir_all(data.join("index"));
    export(&minute.time_s.to_string(), "heart_rate").exits(0);
    assert_eq!(std::fs::read(&out).unwrap(), first);

    let original: Value = serde_json::from_slice(&first).unwrap();
    let flip = |text: &str| {
        if let Some(rest) = text.strip_prefix('0') { format!("1{rest}") } else { format!("0{}", &text[1..]) }
    };
    for (key, reason) in [
        ("network", "another network"),
        ("chain", "not in the batch"),
        ("salt", "not in the batch"),
        ("record", "not in the batch"),
        ("signature", "not signed by its writer"),
        ("opening_signature", "patient's signature"),
    ] {
        let mut changed = original.clone();
        changed[key] = flip(original[key].as_str().unwrap()).into();
        let path = file(dir.path(), "changed.json", serde_json::to_string_pretty(&changed).unwrap() + "\n");
        verify(&path).exits(1).says(reason);
    }
    verify(&file(dir.path(), "respelled.json", original.to_string())).exits(1).says("canonical");
    verify(&file(dir.path(), "garbage.json", "{")).exits(1);

    // Of another network.
    let other = dir.path().join("other");
    replay(&file(dir.path(), "other.csv", csv(&minutes[..30])), "eve", &other).exits(0);
    caduceus(&["verify", "record", &text(&out), "--genesis", &text(&other.join("genesis.json"))])
        .exits(1)
        .says("another network");

    export(&(START_S - 60).to_string(), "heart_rate").exits(1).says("in any block");
    export(&(minute.time_s + 1).to_string(), "heart_rate").exits(1);
    export("noon", "heart_rate").exits(2).says("RFC 3339");
    export(&minute.time_s.to_string(), "mood").exits(2);

    crate::alerts::are_exported_and_computed_again(dir.path(), &data, &other);
}
