use crate::{cloud, fit};
use iforest::{IsolationForestError as Error, IsolationForestParams, average_path_length};
use linfa::traits::{Fit, Predict};
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array1, Array2, Axis, ShapeBuilder, array};
use proptest::prelude::*;

#[test]
fn an_obvious_outlier_scores_above_every_inlier() {
    for seed in 0..10 {
        let mut data = cloud(500, seed);
        data.row_mut(123).assign(&array![9.0, -9.0, 900.0, 7.0]);
        let scores = fit(&data, 100, 256, seed).unwrap().scores(data.view()).unwrap();
        let highest = scores.iter().enumerate().filter(|(row, _)| *row != 123).map(|(_, s)| *s).fold(0.0, f64::max);
        assert!(scores[123] > highest, "seed {seed}: {} against {highest}", scores[123]);
        assert!(scores[123] > 0.6 && scores.iter().filter(|s| **s < 0.5).count() > 250);
    }
}

#[test]
fn equal_rows_are_one_leaf_and_score_one_half() {
    let data = Array2::from_elem((64, 3), 5.0);
    let forest = fit(&data, 10, 32, 1).unwrap();
    assert_eq!(forest.path_length(&[5.0, 5.0, 5.0]).unwrap(), average_path_length(32));
    assert_eq!(forest.score(&[1.0, 2.0, 3.0]).unwrap(), 0.5);
}

#[test]
fn a_constant_column_is_never_cut() {
    let data = cloud(300, 4);
    let forest = fit(&data, 50, 128, 4).unwrap();
    let mut shares = [0.0; 4];
    forest.contributions(&[3.0, -3.0, 300.0, 1e9], &mut shares).unwrap();
    assert_eq!(shares[3], 0.0);
    assert_eq!(forest.score(&[0.1, 0.1, 10.0, 1e9]).unwrap(), forest.score(&[0.1, 0.1, 10.0, 7.0]).unwrap());
}

#[test]
fn two_rows_are_told_apart_by_one_cut() {
    let forest = fit(&array![[0.0], [1.0]], 20, 2, 3).unwrap();
    assert_eq!(forest.path_length(&[0.0]).unwrap(), 1.0);
    assert_eq!(forest.score(&[1.0]).unwrap(), 0.5);
}

#[test]
fn huge_and_adjacent_values_are_cut_between() {
    let next = f64::from_bits(1.0_f64.to_bits() + 1);
    let data = array![[f64::MAX, 1.0], [-f64::MAX, next], [0.0, 1.0], [f64::MIN_POSITIVE, next]];
    let forest = fit(&data, 200, 4, 3).unwrap();
    let scores = forest.scores(data.view()).unwrap();
    assert!(scores.iter().all(|score| (0.0..1.0).contains(score)));
    // Nothing shares a leaf where growth could tell it apart: two levels give at most four leaves.
    assert!(forest.path_length(&[f64::MAX, 1.0]).unwrap() <= 2.0 + average_path_length(2));
}

#[test]
fn what_cannot_be_fitted_is_an_error_that_says_why() {
    let data = cloud(100, 1);
    assert!(matches!(fit(&data, 0, 32, 1), Err(Error::Trees(0))));
    assert!(matches!(fit(&data, 10, 1, 1), Err(Error::SampleSize(1))));
    assert!(matches!(fit(&data, 10, 101, 1), Err(Error::TooFewRows { sample: 101, rows: 100 })));
    assert!(matches!(fit(&Array2::zeros((0, 3)), 10, 2, 1), Err(Error::Shape { rows: 0, features: 3 })));
    assert!(matches!(fit(&Array2::zeros((3, 0)), 10, 2, 1), Err(Error::Shape { rows: 3, features: 0 })));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut data = cloud(100, 1);
        data[[40, 2]] = bad;
        assert!(matches!(fit(&data, 10, 32, 1), Err(Error::NotFinite { row: 40, feature: 2 })));
    }
    assert!(IsolationForestParams::new().trees(0).check().is_err());
}

#[test]
fn a_sub_sample_larger_than_the_data_is_an_error_unless_it_may_shrink() {
    let data = cloud(100, 1);
    let params = IsolationForestParams::new().trees(10).seed(4);
    let error = params.fit(&DatasetBase::from(data.clone())).unwrap_err();
    assert!(matches!(error, Error::TooFewRows { sample: 256, rows: 100 }));
    assert!(error.to_string().contains("shrink_sample"));
    let shrunk = params.clone().shrink_sample(true).fit(&DatasetBase::from(data.clone())).unwrap();
    assert_eq!(shrunk, fit(&data, 10, 100, 4).unwrap(), "as if ψ had been the number of rows");
    let enough = params.clone().sample_size(100).shrink_sample(true).fit(&DatasetBase::from(data.clone())).unwrap();
    assert_eq!(enough, shrunk);
    let one = params.shrink_sample(true).fit(&DatasetBase::from(array![[1.0]]));
    assert!(matches!(one, Err(Error::TooFewRows { sample: 2, rows: 1 })));
}

#[test]
fn a_row_repeated_often_is_one_leaf_of_that_size() {
    // 60 equal rows and 4 others: no cut tells the 60 apart, and their leaf counts as a tree of its size.
    let mut data = Array2::from_elem((64, 2), 1.0);
    for row in 0..4 {
        data[[row, 0]] = 100.0 * (row as f64 + 1.0);
        data[[row, 1]] = -50.0 * (row as f64 + 1.0);
    }
    let forest = fit(&data, 40, 64, 2).unwrap();
    let equal = forest.path_length(&[1.0, 1.0]).unwrap();
    assert!(equal >= 1.0 + average_path_length(60) && equal <= 4.0 + average_path_length(60), "{equal}");
    assert!(forest.path_length(&[400.0, -200.0]).unwrap() <= 4.0);
}

#[test]
fn beyond_the_outermost_training_value_further_out_makes_no_difference() {
    let data = cloud(300, 4);
    let forest = fit(&data, 50, 128, 4).unwrap();
    let far = [1.5, -1.5, 150.0, 7.0];
    for feature in 0..4 {
        let mut further = far;
        further[feature] *= 1e6;
        assert_eq!(forest.score(&further).unwrap(), forest.score(&far).unwrap(), "feature {feature}");
    }
}

#[test]
fn a_forest_on_all_rows_does_not_depend_on_their_order_nor_on_the_sign_of_zero() {
    let mut data = cloud(128, 4);
    data[[5, 0]] = 0.0;
    data[[6, 0]] = -0.0;
    data.column_mut(3).indexed_iter_mut().for_each(|(row, value)| *value = if row % 2 == 0 { 0.0 } else { -0.0 });
    let order: Vec<usize> = (0..128).map(|row| row * 37 % 128).collect();
    let (one, other) = (fit(&data, 30, 128, 4).unwrap(), fit(&data.select(Axis(0), &order), 30, 128, 4).unwrap());
    assert_eq!(one.to_bytes(), other.to_bytes());
    assert_eq!(one.score(&[0.0, 0.0, 0.0, 0.0]).unwrap(), one.score(&[-0.0, -0.0, -0.0, -0.0]).unwrap());
}

#[test]
fn what_cannot_be_scored_is_an_error_or_nan() {
    let forest = fit(&cloud(100, 1), 10, 32, 1).unwrap();
    assert!(matches!(forest.score(&[1.0]), Err(Error::Features { expected: 4, got: 1 })));
    assert!(matches!(forest.score(&[1.0, f64::NAN, 1.0, 1.0]), Err(Error::NotFinite { feature: 1, .. })));
    assert!(matches!(forest.contributions(&[1.0; 4], &mut [0.0; 3]), Err(Error::Features { got: 3, .. })));
    assert!(matches!(forest.scores(Array2::zeros((2, 3)).view()), Err(Error::Features { expected: 4, got: 3 })));
    let places = forest.score_batch(cloud(3, 2).view(), &mut [0.0; 2]);
    assert!(matches!(places, Err(Error::Places { rows: 3, places: 2 })));
    assert_eq!(forest.scores(Array2::zeros((0, 4)).view()).unwrap(), Vec::<f64>::new());
    let mut rows = cloud(3, 2);
    rows[[1, 0]] = f64::NAN;
    assert!(matches!(forest.scores(rows.view()), Err(Error::NotFinite { row: 1, feature: 0 })));
    let predicted = forest.predict(&rows);
    assert!(predicted[1].is_nan() && predicted[0] > 0.0 && predicted[2] > 0.0);
    assert!(forest.predict(&Array2::zeros((2, 3))).iter().all(|score: &f64| score.is_nan()));
}

#[test]
fn rows_of_a_column_major_array_score_the_same() {
    let data = cloud(200, 6);
    let forest = fit(&data, 20, 64, 6).unwrap();
    let mut columns = Array2::zeros((200, 4).f());
    columns.assign(&data);
    assert_eq!(forest.predict(&columns), forest.predict(&data));
    assert_eq!(fit(&columns, 20, 64, 6).unwrap(), forest);
    let turned = data.t().to_owned();
    let scores: Array1<f64> = forest.predict(&turned.t().to_owned());
    assert_eq!(scores[10], forest.score(&data.row(10).to_vec()).unwrap());
}

#[test]
fn single_precision_works_as_well() {
    let mut data = cloud(300, 8).mapv(|v| v as f32);
    data.row_mut(9).assign(&array![9.0, -9.0, 900.0, 7.0]);
    let forest = IsolationForestParams::new().sample_size(64).seed(8).fit(&DatasetBase::from(data.clone())).unwrap();
    let scores = forest.predict(&data);
    assert!(scores.iter().enumerate().all(|(row, score)| row == 9 || *score < scores[9]));
}

#[test]
fn every_tree_of_a_larger_forest_begins_as_the_smaller_one() {
    let data = cloud(300, 3);
    let (small, large) = (fit(&data, 5, 64, 3).unwrap(), fit(&data, 6, 64, 3).unwrap());
    let row = [0.2, -0.4, 20.0, 7.0];
    let last = large.path_length(&row).unwrap() * 6.0 - small.path_length(&row).unwrap() * 5.0;
    assert!((1.0..20.0).contains(&last), "one more tree adds one path: {last}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn scores_lie_between_zero_and_one_and_shares_add_up(
        values in proptest::collection::vec(prop_oneof![-1e3_f64..1e3, Just(0.0), -1e300..1e300_f64], 60..240),
        seed in any::<u64>(), sample in 2_usize..20, probe in proptest::array::uniform3(-1e301_f64..1e301)
    ) {
        let rows = values.len() / 3;
        let data = Array2::from_shape_vec((rows, 3), values[..rows * 3].to_vec()).unwrap();
        let forest = fit(&data, 15, sample, seed).unwrap();
        for score in forest.scores(data.view()).unwrap() {
            prop_assert!(score > 0.0 && score < 1.0, "{}", score);
        }
        let mut shares = [0.0; 3];
        let why = forest.contributions(&probe, &mut shares).unwrap();
        prop_assert_eq!(why.score, forest.score(&probe).unwrap());
        prop_assert!((why.expected + shares.iter().sum::<f64>() - why.score).abs() < 1e-9);
    }

    #[test]
    fn the_longer_the_path_the_lower_the_score_and_the_path_has_its_bounds(seed in any::<u64>(), sample in 2_usize..100) {
        let data = cloud(200, seed);
        let forest = fit(&data, 10, sample, seed).unwrap();
        let mut rows: Vec<(f64, f64)> = data
            .rows()
            .into_iter()
            .map(|row| (forest.path_length(&row.to_vec()).unwrap(), forest.score(&row.to_vec()).unwrap()))
            .collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        prop_assert!(rows.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        let height = f64::from(usize::BITS - (sample - 1).leading_zeros());
        prop_assert!(rows[0].0 >= 1.0 && rows[199].0 <= height + average_path_length(sample));
    }

    #[test]
    fn the_same_seed_gives_the_same_forest_and_another_seed_another(seed in any::<u64>()) {
        let data = cloud(120, 5);
        let forest = fit(&data, 10, 32, seed).unwrap();
        prop_assert_eq!(forest.to_bytes(), fit(&data, 10, 32, seed).unwrap().to_bytes());
        prop_assert_ne!(forest.to_bytes(), fit(&data, 10, 32, seed ^ 1).unwrap().to_bytes());
    }

    #[test]
    fn moving_and_stretching_by_powers_of_two_changes_no_score(shift in -4_i32..5, seed in any::<u64>()) {
        // Scaling by a power of two is exact, so every cut scales with the data.
        let scale = f64::from(shift).exp2();
        let data = cloud(150, 9);
        let scaled = &data * scale;
        let (one, other) = (fit(&data, 10, 64, seed).unwrap(), fit(&scaled, 10, 64, seed).unwrap());
        prop_assert_eq!(one.scores(data.view()).unwrap(), other.scores(scaled.view()).unwrap());
    }
}
