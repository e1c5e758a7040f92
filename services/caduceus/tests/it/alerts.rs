//! `caduceus alert` and `caduceus verify alert`: an alert leaves as a file and is computed again from it alone; on the data
//! directory that `records` makes.

use std::path::Path;

use crate::support::{caduceus, file, text};

/// Exports and verifies alerts of a data directory with two days of `ada`; `other` is one of another network.
pub(crate) fn are_exported_and_computed_again(dir: &Path, data: &Path, other: &Path) {
    let out = dir.join("an.alert");
    let alert = |rest: &[&str]| {
        let known = ["alert", "--data-dir", &text(data), "--patient", "ada"].map(str::to_owned);
        caduceus(&[known.to_vec(), rest.iter().map(ToString::to_string).collect()].concat())
    };

    // The hour at 190 beats a minute, opened and resolved.
    let listed = alert(&["--list"]).exits(0).stdout;
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines.len() >= 2 && lines[0].contains("opened") && lines[1].contains("resolved"), "{listed}");
    assert!(lines[0].contains("critical") && lines[0].contains("hard-limit heart_rate"), "{listed}");
    let entry = lines[0].split_whitespace().next().unwrap();
    let episode = lines[0].split("episode ").nth(1).unwrap().split(' ').next().unwrap();

    let exported = alert(&["--episode", episode, "--out", &text(&out)]).exits(0).stdout;
    assert!(exported.contains("verify it: caduceus verify alert"), "{exported}");
    let genesis = text(&data.join("genesis.json"));
    let verify = |path: &Path| caduceus(&["verify", "alert", &text(path), "--genesis", &genesis]);
    let told = verify(&out).exits(0).stdout;
    for part in [
        "the alert holds",
        "critical, opened: hard-limit on heart_rate",
        "limit above 130 /min",
        &format!("episode       {episode}"),
        "computed      what the detector says of the",
        "no doctor had set parameters",
        "attested by ",
        "trust root ",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("order of arrival"), "the order of blocks suffices: {told}");

    // The same place is the same file; the last alert is another one, with all readings up to there.
    let first = std::fs::read(&out).unwrap();
    let again = dir.join("again.alert");
    alert(&["--entry", entry, "--out", &text(&again)]).exits(0);
    assert_eq!(std::fs::read(&again).unwrap(), first);
    alert(&["--out", &text(&again)]).exits(0);
    assert!(verify(&again).exits(0).stdout.contains("resolved"));
    let later = std::fs::read(&again).unwrap();
    assert!(later.len() > first.len());

    // A byte of the file's beginning, middle and end; what is cut off, or of another network.
    let changed = |at: usize, name: &str| {
        let mut bytes = first.clone();
        bytes[at] ^= 1;
        verify(&file(dir, name, bytes)).exits(1)
    };
    changed(0, "magic.alert").says("does not begin like one");
    changed(8, "version.alert").says("version 0 is unknown");
    changed(20, "network.alert").says("another network");
    changed(first.len() / 2, "middle.alert").says("refused");
    for at in [first.len() / 4, first.len() * 3 / 4, first.len() - 30] {
        changed(at, "changed.alert");
    }
    verify(&file(dir, "cut.alert", &first[..first.len() - 1])).exits(1).says("file of an alert");
    verify(&file(dir, "none.alert", "")).exits(1);
    verify(&dir.join("nothing")).exits(3);
    caduceus(&["verify", "alert", &text(&out), "--genesis", &text(&other.join("genesis.json"))])
        .exits(1)
        .says("another network");

    alert(&["--episode", "0011223344556677", "--out", &text(&out)]).exits(1).says("--list shows all");
    alert(&["--entry", "999.0", "--out", &text(&out)]).exits(1).says("--list shows all");
    alert(&["--episode", "abc", "--out", &text(&out)]).exits(2).says("16 hexadecimal digits");
    alert(&["--entry", "1", "--out", &text(&out)]).exits(2).says("HEIGHT.ENTRY");
    alert(&["--entry", entry, "--cohort-seed", "1", "--out", &text(&out)]).exits(1).says("cohort model");
}
