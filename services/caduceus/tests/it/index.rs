//! `D/index` can be deleted at any time, and `caduceus index rebuild` makes it anew.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::{
    Ran, Running, caduceus, check, copy, csv, days, digests, file, files, replay, replay_arguments, temporary, text,
};

fn rebuild(data: &Path) -> Ran {
    caduceus(&["index", "rebuild", "--data-dir", &text(data)])
}

/// A data directory with a small recording in it.
fn replayed() -> (TempDir, PathBuf, PathBuf) {
    let dir = temporary();
    let data = dir.path().join("data");
    let recording = file(dir.path(), "two days.csv", csv(&days(2, 5)));
    replay(&recording, "ada", &data).exits(0);
    assert!(!files(&data.join("index")).is_empty(), "replay keeps an index");
    (dir, data, recording)
}

#[test]
fn with_the_index_deleted_damaged_or_of_another_directory_everything_goes_on() {
    let (_dir, data, recording) = replayed();
    let before = check(&data);

    std::fs::remove_dir_all(data.join("index")).unwrap();
    assert_eq!(check(&data), before, "what is checked does not rest on the index");
    replay(&recording, "ada", &data).exits(0);
    assert_eq!(digests(&check(&data), "ada"), digests(&before, "ada"));

    for path in files(&data.join("index")) {
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.iter_mut().step_by(97).for_each(|byte| *byte ^= 0x55);
        std::fs::write(&path, bytes).unwrap();
    }
    replay(&recording, "ada", &data).exits(0);
    assert_eq!(digests(&check(&data), "ada"), digests(&before, "ada"));

    let (_other, elsewhere, _) = replayed();
    std::fs::remove_dir_all(data.join("index")).unwrap();
    std::fs::rename(elsewhere.join("index"), data.join("index")).unwrap();
    replay(&recording, "ada", &data).exits(0);
    assert_eq!(digests(&check(&data), "ada"), digests(&before, "ada"));
}

#[test]
fn a_rebuild_makes_the_index_of_every_node_anew_and_says_so() {
    let (_dir, data, recording) = replayed();
    let (height, root) = {
        let report = check(&data);
        (
            report["record_chain"]["height"].as_u64().unwrap(),
            report["record_chain"]["state_root"].as_str().unwrap().to_owned(),
        )
    };
    std::fs::write(data.join("index/a stray file"), "stray").unwrap();
    let other = data.join("index/another part's");
    std::fs::create_dir(&other).unwrap();
    file(&other, "lock", "");
    let ran = rebuild(&data).exits(0);
    let told = ran.stdout.lines().last().unwrap();
    assert!(told.contains("rebuilt the index of 4 record nodes"), "{told}");
    assert!(told.contains(&format!("at height {height}, state root {root}")), "{told}");
    assert!(!data.join("index/a stray file").exists());
    assert!(other.exists(), "it may be in use by a process that has no blocks open");
    assert_eq!(std::fs::read_dir(data.join("index")).unwrap().count(), 5);
    check(&data);
    replay(&recording, "ada", &data).exits(0);
}

#[test]
fn a_rebuild_is_refused_while_a_process_has_the_directory_and_where_there_is_none() {
    let (dir, data, _) = replayed();
    let again = file(dir.path(), "again.csv", csv(&days(2, 6)));
    let mut arguments = replay_arguments(&again, "bea", &data);
    arguments.extend(["--speed".into(), "60".into()]);
    let keys = || std::fs::read(data.join("keystore/keys")).unwrap();
    let before = keys();
    let mut running = Running::start(&arguments);
    // It makes the patient's keys once all of its parts run.
    assert!(running.wait_until(|| keys() != before), "the recording was over before");
    rebuild(&data).exits(3).says("is in use by another process");
    assert!(running.kill());
    rebuild(&data).exits(0);
    check(&data);

    rebuild(&dir.path().join("nothing here")).exits(3).says("name a data directory");
}

#[test]
fn blocks_that_are_damaged_are_named_and_no_index_is_made_of_them() {
    let (_dir, data, _) = replayed();
    let copied = copy(&data);
    let blocks = files(&copied.path().join("record"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "segment"))
        .unwrap();
    let mut bytes = std::fs::read(&blocks).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&blocks, bytes).unwrap();
    rebuild(copied.path()).exits(1).says("segment");
}
