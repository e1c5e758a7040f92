//! Speed of fitting and scoring on one core, as one line of JSON.
//!
//! `cargo run --release -p iforest --example speed [ROUNDS]`: 100 trees × 256 rows, 8 features, 65,536 rows. Every
//! round measures a fit, a batch and single rows one after the other, so that what else the machine does hits all alike.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

use iforest::{IsolationForest, IsolationForestParams};
use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::Array2;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Instant;

const ROWS: usize = 65_536;
const FEATURES: usize = 8;
/// Rows scored one at a time in a round.
const SINGLE_ROWS: usize = 4_096;
/// Fits in a round.
const FITS: usize = 5;

fn main() {
    let rounds = std::env::args().nth(1).map_or(12, |rounds| rounds.parse().unwrap());
    let data = DatasetBase::from(cloud());
    let params = IsolationForestParams::new().seed(1);
    let forest: IsolationForest<f64> = params.fit(&data).unwrap();
    let rows: Vec<Vec<f64>> = data.records.rows().into_iter().take(SINGLE_ROWS).map(|row| row.to_vec()).collect();
    let mut scores = vec![0.0; ROWS];

    let started = Instant::now();
    let layout_bytes = forest.prepare_batch();
    let layout_ms = started.elapsed().as_secs_f64() * 1e3;

    let (mut fit_ms, mut batch_us, mut single_us) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let started = Instant::now();
        for _ in 0..FITS {
            black_box(params.fit(black_box(&data)).unwrap());
        }
        fit_ms.push(started.elapsed().as_secs_f64() * 1e3 / FITS as f64);

        let started = Instant::now();
        forest.score_batch(black_box(data.records.view()), &mut scores).unwrap();
        batch_us.push(started.elapsed().as_secs_f64() * 1e6 / ROWS as f64);

        let started = Instant::now();
        let mut sum = 0.0;
        for row in &rows {
            sum += forest.score(black_box(row)).unwrap();
        }
        single_us.push(started.elapsed().as_secs_f64() * 1e6 / SINGLE_ROWS as f64);
        let together: f64 = scores.iter().take(SINGLE_ROWS).sum();
        assert_eq!(sum.to_bits(), together.to_bits(), "the layouts disagree");
    }
    let report = json!({
        "crate": concat!("iforest ", env!("CARGO_PKG_VERSION")),
        "threads": if cfg!(feature = "parallel") { "all cores" } else { "1" },
        "trees": forest.trees(), "sample": forest.sample_size(), "features": FEATURES, "rows": ROWS, "rounds": rounds,
        "model_bytes": forest.to_bytes().len(), "layout_bytes": layout_bytes, "layout_ms": layout_ms,
        "fit_ms": summary(fit_ms), "batch_us_per_row": summary(batch_us), "single_us_per_row": summary(single_us),
    });
    println!("{report}");
}

/// Sums of uniforms, a few rows far out.
fn cloud() -> Array2<f64> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut unit = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    Array2::from_shape_fn((ROWS, FEATURES), |(row, _)| {
        let stretch = if row % 200 == 0 { 4.0 } else { 1.0 };
        (unit() + unit() + unit() + unit() - 2.0) * stretch
    })
}

/// Median, least and greatest, and all rounds in order.
fn summary(mut values: Vec<f64>) -> Value {
    let rounds = values.clone();
    values.sort_unstable_by(f64::total_cmp);
    json!({ "median": values.get(values.len() / 2), "min": values.first(), "max": values.last(), "rounds": rounds })
}
