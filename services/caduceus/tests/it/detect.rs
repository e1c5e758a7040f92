//! `caduceus detect` from outside: what it prints, what it writes, and its exit codes.

use std::path::Path;
use std::process::{Command, Output};

fn detect(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caduceus"));
    command.arg("detect").args(arguments).current_dir(folder).output().unwrap()
}

/// D12: a recording in, alerts and a score a row out; whose fault it is where there are none.
#[test]
fn a_recording_gives_alerts_scores_and_a_chart_and_exit_codes_say_whose_fault_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).unwrap();
    let rows: String = (0..400).map(|s| format!("B7,{s},{}\n", if s < 300 { 97 } else { 80 })).collect();
    write("ward.csv", &format!("bed,second,SaO2 [%]\n{rows}"));
    let columns = ["ward.csv", "--person", "bed", "--time", "second", "--map", "spo2=SaO2 [%]", "--profile", "bedside"];
    let files = ["--json", "--scores", "s.csv", "--chart", "c.svg"];
    let done = detect(&[&columns[..], &files].concat(), folder.path());
    let told = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let object: serde_json::Value = serde_json::from_str(told.trim_end()).unwrap();
    assert_eq!((&object["file"], &object["person"]), (&"ward.csv".into(), &"B7".into()));
    let alerts = object["alerts"].as_array().unwrap();
    assert!(alerts.iter().any(|alert| alert["route"] == "hard-limit" && alert["end"] == 399), "{told}");
    let scores = std::fs::read_to_string(folder.path().join("s.csv")).unwrap();
    assert_eq!((scores.lines().count(), scores.lines().next()), (401, Some("time,person,score,state")));
    assert!(std::fs::read_to_string(folder.path().join("c.svg")).unwrap().starts_with("<svg "));

    write("broken.csv", "second,hr\n1,70\n");
    for (arguments, code, expected) in [
        (&["broken.csv"][..], 1, "broken.csv, line 1: no column `time`; there are: second, hr"),
        (&["broken.csv", "--time", "when"], 2, "0 columns are named `when`"),
        (&["broken.csv", "--map", "mood=hr"], 2, "no signal is called `mood`"),
        (&[], 2, "FILE"),
        (&["absent.csv"], 3, "absent.csv cannot be read"),
    ] {
        let failed = detect(arguments, folder.path());
        let said = String::from_utf8(failed.stderr).unwrap();
        assert!(failed.status.code() == Some(code) && said.contains(expected), "{arguments:?}: {said}");
    }
}
