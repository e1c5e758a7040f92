//! Appending to the log against the bare floor: a preallocated file, `write_at` and `fdatasync` of the same bytes.
//!
//! Interleaved rounds (A B A B …) in one run; prints JSON with the median and spread of the ratio log ÷ bare
//! (throughput, so 1.0 is "as fast as the bare file"). Run it on an idle machine:
//! `cargo run --release -p store --example append_ratio -- [DIR]`.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

use store::segment_log::{LogId, Record, SegmentLog, Settings};

const ROUNDS: usize = 12;
/// Record bytes in a batch, and batches in a round: each round stays within one 64 MiB segment.
const SIZES: [(usize, usize); 4] = [(256, 200), (4 << 10, 200), (64 << 10, 100), (1 << 20, 20)];

fn main() {
    let base = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let mut results = Vec::new();
    for (record_bytes, batches) in SIZES {
        let payload: Vec<u8> = (0..record_bytes).map(|place| u8::try_from(place % 251).unwrap()).collect();
        let (mut log_us, mut bare_us, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let dir = base.join(format!("append_ratio_{}_{record_bytes}_{round}", std::process::id()));
            std::fs::create_dir_all(&dir).unwrap();
            // Who goes first changes from round to round.
            let (log, bare) = if round % 2 == 0 {
                let log = time_log(&dir.join("log"), &payload, batches);
                (log, time_bare(&dir.join("bare"), &payload, batches))
            } else {
                let bare = time_bare(&dir.join("bare"), &payload, batches);
                (time_log(&dir.join("log"), &payload, batches), bare)
            };
            std::fs::remove_dir_all(&dir).unwrap();
            log_us.push(log);
            bare_us.push(bare);
            ratios.push(bare / log);
        }
        results.push(format!(
            r#"    {{"record_bytes": {record_bytes}, "batches_per_round": {batches}, "log_us_per_append": {}, "bare_us_per_append": {}, "ratio": {}}}"#,
            spread(&mut log_us),
            spread(&mut bare_us),
            spread(&mut ratios)
        ));
    }
    println!(
        "{{\n  \"measured\": \"append to the log against bare preallocated file + fdatasync\",\n  \"rounds\": {ROUNDS}, \"os\": \"{} {}\", \"profile\": \"{}\",\n  \"results\": [\n{}\n  ]\n}}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        if cfg!(debug_assertions) { "dev" } else { "release" },
        results.join(",\n")
    );
}

/// Microseconds per append; the first append, which begins the segment, is not counted.
fn time_log(dir: &Path, payload: &[u8], batches: usize) -> f64 {
    let log = SegmentLog::open(dir, LogId([1; 16]), Settings::default()).unwrap().log;
    log.append(&[Record::new(0, payload)]).unwrap();
    let start = Instant::now();
    for _ in 0..batches {
        log.append(&[Record::new(0, payload)]).unwrap();
    }
    let us = start.elapsed().as_secs_f64() * 1e6;
    assert_eq!(log.counts().barriers, batches as u64 + 1);
    us / batches as f64
}

fn time_bare(path: &Path, payload: &[u8], batches: usize) -> f64 {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).unwrap();
    fs4::FileExt::allocate(&file, Settings::default().segment_bytes).unwrap();
    file.sync_all().unwrap();
    let mut offset = 0;
    let mut append = || {
        file.write_all_at(payload, offset).unwrap();
        file.sync_data().unwrap();
        offset += payload.len() as u64;
    };
    append();
    let start = Instant::now();
    (0..batches).for_each(|_| append());
    start.elapsed().as_secs_f64() * 1e6 / batches as f64
}

fn spread(values: &mut [f64]) -> String {
    values.sort_by(f64::total_cmp);
    let at = |tenths: usize| values[(values.len() - 1) * tenths / 10];
    format!(r#"{{"median": {:.3}, "p10": {:.3}, "p90": {:.3}}}"#, at(5), at(1), at(9))
}
