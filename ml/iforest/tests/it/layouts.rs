//! The two layouts give the same bits: one row at a time goes down the plain trees, a batch down the perfect ones.

use crate::{cloud, fit};
use iforest::{IsolationForest, IsolationForestParams};
use linfa::traits::{Fit, Predict};
use linfa::{DatasetBase, Float};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use proptest::prelude::*;
use std::fmt::Debug;

/// Scores of each row alone, and of all together in the batch layout, as bits.
fn both<F: Float>(forest: &IsolationForest<F>, data: ArrayView2<'_, F>) -> (Vec<u64>, Vec<u64>) {
    let alone = data.rows().into_iter().map(|row| forest.score(&row.to_vec()).unwrap().to_bits()).collect();
    assert!(forest.prepare_batch().is_some());
    let together = forest.scores(data).unwrap().into_iter().map(f64::to_bits).collect();
    (alone, together)
}

/// Values that make trouble: zeros of both signs, the smallest, the largest, and few distinct ones.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -3.0..3.0_f64,
        2 => (-2_i8..3).prop_map(f64::from),
        1 => Just(0.0), 1 => Just(-0.0),
        1 => prop::sample::select(vec![f64::MIN_POSITIVE, -f64::MIN_POSITIVE, 5e-324, -5e-324, 1e-40]),
        1 => prop::sample::select(vec![f64::MAX, f64::MIN, 1e300, -1e300, 3e38, -3e38]),
    ]
}

/// Fits on the first half of `values` and scores all of it, as `F`.
fn agree<F: Float + Debug>(
    values: &[f64],
    features: usize,
    trees: usize,
    sample: usize,
    seed: u64,
) -> Result<(), TestCaseError> {
    let rows = values.len() / features;
    let limit = F::max_value();
    let cell = |value: &f64| F::cast(*value).min(limit).max(-limit);
    let mut data =
        Array2::from_shape_vec((rows, features), values[..rows * features].iter().map(cell).collect()).unwrap();
    if features > 2 {
        // Constant where it was fitted, not where it is scored.
        data.column_mut(1).iter_mut().take(rows / 2).for_each(|value| *value = F::cast(2.5));
    }
    let training = data.slice_axis(Axis(0), Slice::from(..rows / 2)).to_owned();
    let params = IsolationForestParams::new().trees(trees).sample_size(sample).shrink_sample(true).seed(seed);
    let forest: IsolationForest<F> = params.fit(&DatasetBase::from(training)).unwrap();
    let (alone, together) = both(&forest, data.view());
    prop_assert_eq!(&alone, &together);
    let again = IsolationForest::<F>::from_bytes(&forest.to_bytes()).unwrap();
    prop_assert_eq!(together, both(&again, data.view()).1, "the layout follows from the bytes");
    let turned: Array2<F> = data.t().as_standard_layout().to_owned();
    prop_assert_eq!(alone, both(&forest, turned.t()).1, "column by column in memory");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_batch_scores_every_row_as_if_it_were_alone(
        values in proptest::collection::vec(value(), 40..1200), features in 1_usize..10,
        trees in 1_usize..20, sample in 2_usize..80, seed in any::<u64>(),
    ) {
        agree::<f64>(&values, features, trees, sample, seed)?;
        agree::<f32>(&values, features, trees, sample, seed)?;
    }

    #[test]
    fn the_order_of_the_rows_changes_no_score(seed in any::<u64>(), rows in 1_usize..700) {
        let data = cloud(rows + 64, 3);
        let forest = fit(&data, 20, 64, 3).unwrap();
        prop_assert!(forest.prepare_batch().is_some());
        let mut order: Vec<usize> = (0..data.nrows()).collect();
        order.sort_by_key(|row| (*row as u64 + 1).wrapping_mul(seed | 1).rotate_left(17));
        let scores = forest.scores(data.view()).unwrap();
        let shuffled = forest.scores(data.select(Axis(0), &order).view()).unwrap();
        for (place, row) in order.iter().enumerate() {
            prop_assert_eq!(shuffled[place].to_bits(), scores[*row].to_bits());
        }
    }
}

#[test]
fn both_layouts_agree_at_every_depth_that_has_one() {
    let data = cloud(5000, 5);
    for depth in 1..=12 {
        let forest = fit(&data, 3, 1 << depth, 8).unwrap();
        let (alone, together) = both(&forest, data.view());
        assert_eq!(alone, together, "depth {depth}");
    }
}

#[test]
fn a_thresholds_own_value_goes_left_in_both_layouts() {
    // Whole numbers: a cut falls on none, so the thresholds themselves are scored, and their neighbours.
    let forest = fit(&cloud(300, 5), 30, 128, 8).unwrap();
    let cuts: Vec<f64> = crate::brute::read(&forest.to_bytes())
        .iter()
        .flat_map(crate::brute::Tree::cuts)
        .filter(|(feature, _)| *feature == 0)
        .map(|(_, cut)| cut)
        .collect();
    assert!(cuts.len() > 200);
    let mut data = Array2::zeros((cuts.len() * 3, 4));
    for (mut rows, cut) in data.axis_chunks_iter_mut(Axis(0), 3).zip(&cuts) {
        rows[[0, 0]] = *cut;
        rows[[1, 0]] = cut.next_down();
        rows[[2, 0]] = cut.next_up();
    }
    let (alone, together) = both(&forest, data.view());
    assert_eq!(alone, together);
    let told_apart = alone.chunks(3).filter(|scores| scores[0] != scores[2]).count();
    assert!(told_apart > 20, "just above is elsewhere: {told_apart} of {}", cuts.len());
    assert!(alone.chunks(3).all(|scores| scores[0] == scores[1]), "just below is where the threshold is");
}

#[test]
fn equal_rows_make_trees_without_a_cut_in_both_layouts() {
    let forest = fit(&Array2::from_elem((64, 3), 5.0), 10, 32, 1).unwrap();
    let (alone, together) = both(&forest, cloud(40, 1).slice_axis(Axis(1), Slice::from(..3)));
    assert_eq!(alone, together);
    assert!(together.iter().all(|score| *score == 0.5_f64.to_bits()));
}

#[test]
fn forests_without_a_batch_layout_score_batches_row_by_row() {
    let deep = fit(&cloud(9000, 3), 2, 8192, 1).unwrap();
    assert_eq!(deep.prepare_batch(), None);
    let data = cloud(600, 4);
    let scores = deep.scores(data.view()).unwrap();
    assert!(data.rows().into_iter().zip(scores).all(|(row, score)| deep.score(&row.to_vec()).unwrap() == score));
    let wide = Array2::from_shape_fn((40, 257), |(row, column)| ((row * 31 + column * 17) % 23) as f64);
    let forest = fit(&wide, 5, 32, 1).unwrap();
    assert_eq!(forest.prepare_batch(), None);
    assert_eq!(forest.scores(wide.view()).unwrap()[7], forest.score(&wide.row(7).to_vec()).unwrap());
    let narrower = wide.slice_axis(Axis(1), Slice::from(..256)).to_owned();
    let (alone, together) = both(&fit(&narrower, 50, 32, 1).unwrap(), narrower.view());
    assert_eq!(alone, together);
}

#[test]
fn the_stated_memory_of_the_batch_layout_is_the_sum_of_its_parts() {
    // 100 trees of depth 8, 12 bytes a leaf, and 8 bytes a distinct threshold.
    let forest = fit(&cloud(2000, 3), 100, 256, 1).unwrap();
    let bytes = forest.prepare_batch().unwrap();
    assert!((307_200..307_200 + 8 * 25_500 + 200).contains(&bytes), "{bytes}");
}

#[test]
fn a_row_that_is_not_finite_spoils_no_other_row_of_its_batch() {
    let forest = fit(&cloud(300, 1), 20, 128, 1).unwrap();
    assert!(forest.prepare_batch().is_some());
    let mut data = cloud(300, 2);
    let clean = forest.scores(data.view()).unwrap();
    data[[17, 2]] = f64::NAN;
    data[[290, 0]] = f64::INFINITY;
    let mut scores = vec![0.0; 300];
    let error = forest.score_batch(data.view(), &mut scores).unwrap_err();
    assert!(matches!(error, iforest::IsolationForestError::NotFinite { row: 17, feature: 2 }), "{error}");
    for (row, (score, clean)) in scores.iter().zip(&clean).enumerate() {
        assert!(if row == 17 || row == 290 { score.is_nan() } else { score == clean }, "row {row}");
    }
    let predicted = forest.predict(&data);
    assert!(predicted.iter().zip(&scores).all(|(one, other)| one.to_bits() == other.to_bits()));
}

#[test]
fn batches_are_scored_alike_before_and_after_their_layout_is_made() {
    let data = cloud(300, 2);
    let forest = fit(&cloud(300, 1), 20, 128, 1).unwrap();
    let first = forest.scores(data.view()).unwrap();
    // It is made at the fourth time.
    for _ in 0..5 {
        assert_eq!(forest.scores(data.view()).unwrap(), first);
    }
    assert!(forest.prepare_batch().is_some());
    assert_eq!(forest.scores(data.view()).unwrap(), first);
}
