//! `caduceus forecast` from outside: what it prints, what it draws, and its exit codes.

use std::path::Path;
use std::process::{Command, Output};

fn forecast(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caduceus"));
    command.arg("forecast").args(arguments).current_dir(folder).output().unwrap()
}

/// D13: a recording in, "will cross X in Y" with an interval out; whose fault it is where there is none.
#[test]
fn a_recording_gives_a_crossing_with_its_interval_and_exit_codes_say_whose_fault_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).unwrap();
    // From 60 at midnight to 90 at noon, for ten days and four hours: 80 is passed 3 h 18 min later.
    let hr = |step: i32| 75.0 - (f64::from(step % 288) * std::f64::consts::TAU / 288.0).cos() * 15.0;
    let noise = |step: i32| f64::from(step * 7_919 % 11) / 10.0 - 0.5;
    let rows: String = (0..2_928).map(|step| format!("B7,{},{:.2}\n", step * 300, hr(step) + noise(step))).collect();
    write("ward.csv", &format!("bed,second,ECG rate\n{rows}"));
    let columns = ["ward.csv", "--person", "bed", "--time", "second", "--map", "hr=ECG rate", "--limit", "hr:above:80"];
    let done = forecast(&[&columns[..], &["--json", "--chart", "c.svg"]].concat(), folder.path());
    let told = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let object: serde_json::Value = serde_json::from_str(told.trim_end()).unwrap();
    assert_eq!((&object["file"], &object["person"]), (&"ward.csv".into(), &"B7".into()));
    let limit = &object["vitals"][0]["limits"][0];
    let minutes = |value: &serde_json::Value| value.as_f64().unwrap();
    assert!((minutes(&limit["in_min"]) - 198.0).abs() < 30.0, "{limit}");
    assert!(minutes(&limit["interval_min"][0]) <= 198.0 && 198.0 <= minutes(&limit["interval_min"][1]), "{limit}");
    assert!(std::fs::read_to_string(folder.path().join("c.svg")).unwrap().starts_with("<svg "));
    let text = String::from_utf8(forecast(&columns, folder.path()).stdout).unwrap();
    assert!(text.contains("heart rate will cross above 80 /min in 3 h") && text.contains("(80 % between "), "{text}");

    write("broken.csv", "second,hr\n1,70\n");
    for (arguments, code, expected) in [
        (&["broken.csv"][..], 1, "broken.csv, line 1: no column `time`; there are: second, hr"),
        (&["broken.csv", "--time", "when"], 2, "0 columns are named `when`"),
        (&["ward.csv", "--limit", "mood:above:3"], 2, "no signal is called `mood`"),
        (&["ward.csv", "--limit", "hr:over:100"], 2, "above or below is needed"),
        (&["ward.csv", "--limit", "hr:above:fast"], 2, "`fast` is no number"),
        (&["ward.csv", "--limit", "hr:above:900"], 2, "must lie between"),
        (&[], 2, "FILE"),
        (&["absent.csv"], 3, "absent.csv cannot be read"),
    ] {
        let failed = forecast(arguments, folder.path());
        let said = String::from_utf8(failed.stderr).unwrap();
        assert!(failed.status.code() == Some(code) && said.contains(expected), "{arguments:?}: {said}");
    }
}
