//! The streaming forest, the episode gate and the series forest, by what a caller sees.

use crate::cloud;
use iforest::IsolationForestError as Error;
use iforest::streaming::{EpisodeGate, SeriesForest, StreamingForest, StreamingForestParams};
use proptest::prelude::*;

fn params() -> StreamingForestParams {
    StreamingForestParams::new().trees(25).sample_size(128).memory_rows(500).seed(11)
}

fn learned(params: &StreamingForestParams, rows: &[[f64; 2]]) -> StreamingForest {
    let mut forest = params.forest(2).unwrap();
    rows.iter().for_each(|row| forest.learn(row).unwrap());
    forest
}

fn noise(rows: usize, seed: u64, shift: f64) -> Vec<[f64; 2]> {
    cloud(rows, seed).rows().into_iter().map(|row| [row[0] + shift, row[1]]).collect()
}

#[test]
fn an_outlier_scores_above_every_ordinary_row() {
    for seed in 0..5 {
        let forest = learned(&params().seed(seed), &noise(1_000, seed, 0.0));
        let highest = noise(300, seed + 50, 0.0).iter().map(|row| forest.score(row).unwrap()).fold(0.0, f64::max);
        let outlier = forest.score(&[9.0, -9.0]).unwrap();
        assert!(outlier > highest && outlier > 0.8, "seed {seed}: {outlier} against {highest}");
    }
}

#[test]
fn drift_is_followed_and_the_past_fades() {
    let mut forest = learned(&params(), &noise(2_000, 1, 0.0));
    let (before, after) = ([0.1, 0.2], [20.1, 0.2]);
    let ordinary = forest.score(&before).unwrap();
    let new = forest.score(&after).unwrap();
    assert!(new > 5.0 * ordinary, "{new} against {ordinary}");
    for row in noise(5_000, 2, 20.0) {
        forest.learn(&row).unwrap();
    }
    // Ten memories later nothing of the old level is left.
    assert!(forest.score(&after).unwrap() < 1.5 * ordinary);
    assert!(forest.score(&before).unwrap() > 0.8 * new);
}

#[test]
fn a_tree_holds_no_more_than_its_sample_however_long_the_stream() {
    let mut forest = params().forest(2).unwrap();
    let bytes = forest.most_bytes();
    assert!(bytes <= 25 * 128 * (24 * 4 + 68), "{bytes}");
    for (number, row) in noise(3_000, 4, 0.0).iter().enumerate() {
        forest.learn(row).unwrap();
        assert_eq!(forest.rows_held(), (number + 1).min(128));
    }
    assert_eq!((forest.learned(), forest.most_bytes()), (3_000, bytes));
}

#[test]
fn constant_input_is_never_new_and_anything_else_is() {
    let forest = learned(&params(), &[[7.0, 7.0]; 600]);
    assert!(forest.score(&[7.0, 7.0]).unwrap() < 0.15);
    assert_eq!(forest.score(&[7.0, 7.000_000_1]).unwrap(), 1.0);
    assert_eq!(forest.score(&[-1e9, 3.0]).unwrap(), 1.0);
}

#[test]
fn constant_columns_change_no_score_whatever_the_width() {
    let rows = noise(600, 8, 0.0);
    let scores = |width: usize| -> Vec<f64> {
        let mut forest = params().forest(width).unwrap();
        let mut wide = vec![7.0; width];
        rows.iter()
            .map(|row| {
                wide[..2].copy_from_slice(row);
                let score = forest.score(&wide).unwrap();
                forest.learn(&wide).unwrap();
                score
            })
            .collect()
    };
    let narrow = scores(2);
    for width in [3, 4, 5, 8, 9, 13] {
        assert_eq!(scores(width), narrow, "{width} features");
    }
}

#[test]
fn many_equal_rows_make_a_place_more_ordinary() {
    let mut rows = noise(300, 3, 0.0);
    let lonely = learned(&params(), &rows).score(&[4.0, 4.0]).unwrap();
    rows.extend([[4.0, 4.0]; 100]);
    let crowded = learned(&params(), &rows).score(&[4.0, 4.0]).unwrap();
    assert!(crowded < 0.5 * lonely, "{crowded} against {lonely}");
}

#[test]
fn nothing_learned_scores_zero_and_the_first_row_makes_all_others_new() {
    let mut forest = params().forest(2).unwrap();
    assert_eq!(forest.score(&[1.0, 2.0]).unwrap(), 0.0);
    forest.learn(&[1.0, 2.0]).unwrap();
    assert_eq!(forest.score(&[1.0, 2.5]).unwrap(), 1.0);
}

#[test]
fn what_cannot_be_scored_or_learned_is_refused_and_changes_nothing() {
    let mut forest = learned(&params(), &noise(200, 5, 0.0));
    let before = forest.score(&[0.3, 0.3]).unwrap();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(forest.learn(&[0.0, bad]), Err(Error::NotFinite { row: 200, feature: 1 })));
        assert!(matches!(forest.score(&[bad, 0.0]), Err(Error::NotFinite { row: 200, feature: 0 })));
    }
    assert!(matches!(forest.learn(&[0.0]), Err(Error::Features { expected: 2, got: 1 })));
    assert!(matches!(forest.score(&[0.0; 3]), Err(Error::Features { expected: 2, got: 3 })));
    assert_eq!((forest.learned(), forest.score(&[0.3, 0.3]).unwrap()), (200, before));
    assert!(matches!(params().trees(0).forest(2), Err(Error::Trees(0))));
    assert!(matches!(params().sample_size(1).forest(2), Err(Error::SampleSize(1))));
    assert!(matches!(params().forest(0), Err(Error::Shape { features: 0, .. })));
}

#[test]
fn the_largest_and_the_smallest_numbers_are_told_apart_without_overflow() {
    let tiny = f64::from_bits(1);
    let rows = [[f64::MAX, tiny], [-f64::MAX, 0.0], [0.0, -tiny], [1e-300, 1.0]];
    let forest = learned(&params(), &rows);
    for row in rows.iter().chain(&[[f64::MIN_POSITIVE, tiny], [-f64::MAX, f64::MAX]]) {
        let score = forest.score(row).unwrap();
        assert!(score > 0.0 && score <= 1.0, "{row:?}: {score}");
    }
    let subnormal = learned(&params(), &[[tiny, 0.0], [0.0, 0.0], [3.0 * tiny, tiny]]);
    assert!(subnormal.score(&[2.0 * tiny, 0.0]).unwrap() > 0.0);
}

/// The gate by its definition, looking back over everything.
fn gate_by_definition(scores: &[f64], quiet: usize, memory: usize) -> Vec<f64> {
    (0..scores.len())
        .map(|now| {
            let since = (1..=now).find(|back| scores[now - back] >= scores[now]).unwrap_or(now + 1);
            let passed = since.min(memory);
            if passed <= quiet { 0.0 } else { scores[now] * (passed as f64).ln() / (memory as f64).ln() }
        })
        .collect()
}

#[test]
fn an_episode_alerts_at_its_onset_and_only_where_it_grows() {
    let mut gate = EpisodeGate::new(10, 1_000);
    let mut scores = vec![0.1; 2_000];
    scores.extend([0.8, 0.8, 0.7, 0.9, 0.8]);
    let passed: Vec<f64> = scores.iter().map(|score| gate.pass(*score)).collect();
    // Ordinary rows repeat each other; the onset and the one peak above it count, in full after a thousand rows.
    assert!(passed[1..2_000].iter().all(|score| *score == 0.0));
    assert_eq!(passed[2_000..], [0.8, 0.0, 0.0, 0.9, 0.0]);
    assert_eq!(gate.pass(f64::NAN), 0.0);
    assert_eq!(EpisodeGate::new(10, 1_000).pass(0.9), 0.0, "nothing is known yet");
}

#[test]
fn a_spike_in_any_column_of_any_unit_tops_the_series() {
    for column in 0..2 {
        let mut series = SeriesForest::new(2, 5).unwrap();
        let scored: Vec<_> = (0..600)
            .map(|row| {
                let mut values = [f64::from(row % 24) * 1e6, f64::from(row * 7 % 11) * 1e-3];
                values[column] *= if row == 500 { 40.0 } else { 1.0 };
                series.push(&values).unwrap()
            })
            .collect();
        assert!(scored[..100].iter().all(|score| score.score == 0.0 && score.raw_score == 0.0), "warming up");
        let highest = (0..600).max_by(|a, b| scored[*a].score.total_cmp(&scored[*b].score)).unwrap();
        assert_eq!(highest, 500, "column {column}");
        assert!(scored.iter().all(|s| (0.0..=1.0).contains(&s.raw_score) && (0.0..=s.raw_score).contains(&s.score)));
    }
}

#[test]
fn a_series_looks_at_nothing_that_comes_later() {
    let values: Vec<f64> = cloud(900, 2).column(0).to_vec();
    let run = |changed_from: usize| {
        let mut series = SeriesForest::new(1, 9).unwrap();
        let value = |row: usize| if row < changed_from { values[row] } else { -50.0 * values[row] };
        (0..900).map(|row| series.push(&[value(row)]).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(run(900)[..600], run(600)[..600]);
    assert_ne!(run(900)[600..], run(600)[600..]);
}

#[test]
fn a_flat_series_stays_silent_and_a_bad_value_is_refused() {
    let mut series = SeriesForest::new(1, 1).unwrap();
    for row in 0..3_000 {
        let scored = series.push(&[45.0]).unwrap();
        assert!(scored.raw_score < 0.15 && (row < 101 || scored.score == 0.0), "row {row}: {scored:?}");
    }
    assert!(matches!(series.push(&[f64::NAN]), Err(Error::NotFinite { row: 3_000, feature: 0 })));
    assert!(matches!(series.push(&[1.0, 2.0]), Err(Error::Features { expected: 1, got: 2 })));
    assert_eq!(series.rows(), 3_000);
    assert!(matches!(SeriesForest::new(0, 1), Err(Error::Shape { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_seed_gives_the_same_scores_and_another_seed_others(seed in any::<u64>()) {
        let (rows, probe) = (noise(400, seed, 0.0), [0.9, -0.4]);
        let score = |seed: u64| learned(&params().seed(seed), &rows).score(&probe).unwrap();
        prop_assert_eq!(score(seed).to_bits(), score(seed).to_bits());
        prop_assert_ne!(score(seed), score(seed ^ 1));
    }

    #[test]
    fn scoring_changes_nothing(seed in any::<u64>()) {
        let rows = noise(300, seed, 0.0);
        let mut asked = params().forest(2).unwrap();
        for row in &rows {
            asked.score(&[row[1] * 3.0, row[0]]).unwrap();
            asked.learn(row).unwrap();
        }
        let quiet = learned(&params(), &rows);
        let copy = quiet.clone();
        for row in &rows {
            prop_assert_eq!(asked.score(row).unwrap(), quiet.score(row).unwrap());
            prop_assert_eq!(copy.score(row).unwrap(), quiet.score(row).unwrap());
        }
    }

    #[test]
    fn stretching_by_powers_of_two_changes_no_score(power in -30_i32..30, seed in any::<u64>()) {
        // Scaling by a power of two is exact, so every cut scales with the data.
        let scale = f64::from(power).exp2();
        let rows = noise(300, seed, 0.0);
        let scaled: Vec<[f64; 2]> = rows.iter().map(|row| row.map(|value| value * scale)).collect();
        let (one, other) = (learned(&params(), &rows), learned(&params(), &scaled));
        for row in noise(20, !seed, 0.5) {
            prop_assert_eq!(one.score(&row).unwrap(), other.score(&row.map(|value| value * scale)).unwrap());
        }
    }

    #[test]
    fn the_gate_does_what_its_definition_says(
        scores in proptest::collection::vec(prop_oneof![Just(0.0), Just(0.5), 0.0_f64..1.0], 1..300),
        quiet in 0_u32..20, memory in 21_u32..120
    ) {
        let mut gate = EpisodeGate::new(quiet, memory);
        let passed: Vec<f64> = scores.iter().map(|score| gate.pass(*score)).collect();
        for (row, (is, should)) in passed.iter().zip(gate_by_definition(&scores, quiet as usize, memory as usize)).enumerate() {
            prop_assert!((is - should).abs() < 1e-12, "row {}: {} against {}", row, is, should);
        }
    }
}
