//! Two ways to follow drift, on the same streams: rows exchanged within trees, as the crate has it, and the oldest tree
//! replaced by one that is grown on rows of the past.
//!
//! `cargo run --release -p iforest --example drift` prints the cost a point and how well both tell anomalies before and
//! after the stream moves. `… --example drift NAB_DIR OUT_DIR` scores the Numenta benchmark's files instead, for
//! `bench/nab/nab_score.py OUT_DIR/WAY --windows NAB_DIR/windows.json --allow-absent`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

mod replaced;

use iforest::streaming::{EpisodeGate, StreamingForest, StreamingForestParams};
use replaced::{Random, replaced};
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::{fs, path::Path, time::Instant};

const FEATURES: usize = 8;
/// The stream moves from this row on.
const MOVES: usize = 8_000;
/// Windows of rows, of which the first is before the move.
const WINDOWS: [(usize, usize); 5] =
    [(4_000, 8_000), (8_000, 8_250), (8_250, 9_000), (9_000, 11_000), (11_000, 16_000)];
const SEEDS: u32 = 5;
/// Scores a row, then learns it.
type Follower = Box<dyn FnMut(&[f64]) -> f64>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [data, out] => nab(Path::new(data), Path::new(out)),
        _ => synthetic(),
    }
}

/// The crate's forest: 50 × 256, or for series as `SeriesForest` has it.
fn exchanged(trees: usize, sample: usize, memory: u64, features: usize, seed: u64) -> Follower {
    let params = StreamingForestParams::new().trees(trees).sample_size(sample).memory_rows(memory).seed(seed);
    let mut forest: StreamingForest = params.forest(features).unwrap();
    Box::new(move |row| {
        let score = forest.score(row).unwrap();
        forest.learn(row).unwrap();
        score
    })
}

type Ways = [(&'static str, fn(usize, u64) -> Follower); 3];

fn synthetic() {
    let ways: Ways = [
        ("rows exchanged, 50 × 256", |features, seed| exchanged(50, 256, 2_560, features, seed)),
        ("oldest tree replaced, all the past", |_, seed| replaced(usize::MAX, seed)),
        ("oldest tree replaced, last 2,560 rows", |_, seed| replaced(2_560, seed)),
    ];
    println!("per window of rows {WINDOWS:?}: AUROC, ordinary rows above 99 % of those before the move");
    for (name, jump) in [("jump by 4 standard deviations", Some(4.0)), ("drift by 1 in 1,000 rows", None)] {
        let mut told = [([(0.0, 0.0); 5], 0); 3];
        for seed in 1..=u64::from(SEEDS) {
            let stream = stream(seed, jump);
            // In turns, so that what else the machine does hits all alike.
            for ((_, make), (windows, nanos)) in ways.iter().zip(&mut told) {
                let mut follower = make(FEATURES, seed);
                let begin = Instant::now();
                let scored: Vec<(f64, bool)> = stream.iter().map(|(row, odd)| (follower(row), *odd)).collect();
                *nanos += begin.elapsed().as_nanos();
                let usual = usual(&scored[WINDOWS[0].0..WINDOWS[0].1]);
                for ((auroc, above), (from, to)) in windows.iter_mut().zip(WINDOWS) {
                    let (odd, even): (Vec<_>, Vec<_>) = scored[from..to].iter().partition(|(_, odd)| *odd);
                    let won = odd.iter().map(|(score, _)| even.iter().filter(|(other, _)| score > other).count());
                    *auroc += won.sum::<usize>() as f64 / (odd.len() * even.len()) as f64 / f64::from(SEEDS);
                    let high = even.iter().filter(|(score, _)| *score > usual).count();
                    *above += high as f64 / even.len() as f64 / f64::from(SEEDS);
                }
            }
        }
        for ((way, _), (windows, nanos)) in ways.iter().zip(told) {
            let windows = windows.map(|(auroc, above)| format!("{auroc:.3} {:.0} %", 100.0 * above)).join(", ");
            let us = nanos as f64 / 1e3 / (f64::from(SEEDS) * WINDOWS[4].1 as f64);
            println!("{name}; {way}: {us:.1} µs a point; {windows}");
        }
    }
}

/// Rows of which one in 20 is anomalous: far out in any direction from where the others are.
fn stream(seed: u64, jump: Option<f64>) -> Vec<([f64; FEATURES], bool)> {
    let mut random = Random(seed);
    let row = |number: usize| {
        let slow = number.saturating_sub(MOVES) as f64 / 1_000.0;
        let centre = if number < MOVES { 0.0 } else { jump.unwrap_or(slow) };
        if random.below(20) == 0 {
            return ([0.0; FEATURES].map(|_| centre + 12.0 * random.unit() - 6.0), true);
        }
        let mut bell = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        let shared = bell();
        ([0.0; FEATURES].map(|_| centre + 0.6 * shared + 0.8 * bell()), false)
    };
    (0..WINDOWS[4].1).map(row).collect()
}

/// What 99 % of the ordinary rows score at most.
fn usual(scored: &[(f64, bool)]) -> f64 {
    let mut ordinary: Vec<f64> = scored.iter().filter(|(_, odd)| !odd).map(|(score, _)| *score).collect();
    ordinary.sort_unstable_by(f64::total_cmp);
    ordinary[ordinary.len() * 99 / 100]
}

/// The features and the gate of `SeriesForest` before each way.
fn nab(data: &Path, out: &Path) {
    let ways: Ways = [
        ("exchanged", |features, seed| exchanged(40, 2_048, 8_192, features, seed)),
        ("replaced-all", |_, seed| replaced(usize::MAX, seed)),
        ("replaced-8192", |_, seed| replaced(8_192, seed)),
    ];
    for group in fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in fs::read_dir(&group).unwrap().map(|entry| entry.unwrap().path()) {
            let mut text = String::new();
            flate2::read::MultiGzDecoder::new(fs::File::open(&file).unwrap()).read_to_string(&mut text).unwrap();
            for (way, make) in &ways {
                let folder = out.join(way).join(group.file_name().unwrap());
                fs::create_dir_all(&folder).unwrap();
                let mut written = fs::File::create(folder.join(file.file_stem().unwrap())).unwrap();
                let (mut follower, mut gate) = (make(4, 1), EpisodeGate::new(50, 2_048));
                let mut recent = VecDeque::new();
                let mut lines = String::from("timestamp,score,raw_score\n");
                for (number, line) in text.lines().skip(1).enumerate() {
                    let (time, value) = line.split_once(',').unwrap();
                    let value: f64 = value.trim().parse().unwrap();
                    recent.truncate(23);
                    recent.push_front(value);
                    let low = recent.iter().copied().fold(value, f64::min);
                    let high = recent.iter().copied().fold(value, f64::max);
                    let mean = low + recent.iter().rev().map(|past| past - low).sum::<f64>() / recent.len() as f64;
                    let scored = follower(&[value, low, high, mean]);
                    let raw = if number < 100 { 0.0 } else { scored };
                    lines += &format!("{time},{},{raw}\n", gate.pass(raw));
                }
                written.write_all(lines.as_bytes()).unwrap();
            }
        }
    }
}
