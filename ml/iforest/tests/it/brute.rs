//! Contributions against an enumeration of all paths, on trees read from the documented bytes alone.

use crate::{cloud, fit};
use iforest::average_path_length;
use proptest::prelude::*;

/// A tree as the format describes it.
pub(crate) enum Tree {
    Leaf(u32),
    Cut { feature: usize, threshold: f64, left: Box<Tree>, right: Box<Tree> },
}

/// A way from the root to a leaf: cuts with the side taken, and the leaf's size.
struct Path {
    steps: Vec<(usize, f64, bool)>,
    size: f64,
}

impl Path {
    fn length(&self) -> f64 {
        self.steps.len() as f64 + average_path_length(self.size as usize)
    }
}

impl Tree {
    pub(crate) fn cuts(&self) -> Vec<(usize, f64)> {
        match self {
            Tree::Leaf(_) => Vec::new(),
            Tree::Cut { feature, threshold, left, right } => {
                [vec![(*feature, *threshold)], left.cuts(), right.cuts()].concat()
            }
        }
    }

    fn paths(&self, above: &[(usize, f64, bool)], paths: &mut Vec<Path>) {
        match self {
            Tree::Leaf(size) => paths.push(Path { steps: above.to_vec(), size: f64::from(*size) }),
            Tree::Cut { feature, threshold, left, right } => {
                left.paths(&[above, &[(*feature, *threshold, true)]].concat(), paths);
                right.paths(&[above, &[(*feature, *threshold, false)]].concat(), paths);
            }
        }
    }
}

/// Reads the trees of an `f64` model file.
pub(crate) fn read(bytes: &[u8]) -> Vec<Tree> {
    fn number(bytes: &mut &[u8]) -> u32 {
        let (head, rest) = bytes.split_first_chunk::<4>().unwrap();
        *bytes = rest;
        u32::from_le_bytes(*head)
    }
    fn tree(bytes: &mut &[u8]) -> Tree {
        match number(bytes) {
            u32::MAX => Tree::Leaf(number(bytes)),
            feature => {
                let (head, rest) = bytes.split_first_chunk::<8>().unwrap();
                *bytes = rest;
                let (left, right) = (Box::new(tree(bytes)), Box::new(tree(bytes)));
                Tree::Cut { feature: feature as usize, threshold: f64::from_le_bytes(*head), left, right }
            }
        }
    }
    // Frame 16, width 1, features 4, ψ 4, seed 8.
    let mut bytes = &bytes[33..bytes.len() - 32];
    let trees = number(&mut bytes);
    (0..trees)
        .map(|_| {
            number(&mut bytes);
            tree(&mut bytes)
        })
        .collect()
}

/// Mean path length of the training rows that share the first `depth` steps of `path`.
fn mean_below(paths: &[Path], path: &Path, depth: usize) -> f64 {
    let below = paths.iter().filter(|other| other.steps.len() >= depth && other.steps[..depth] == path.steps[..depth]);
    let (rows, sum) =
        below.fold((0.0, 0.0), |(rows, sum), other| (rows + other.size, sum + other.size * other.length()));
    sum / rows
}

/// Score, expected score and contributions by enumeration.
fn by_enumeration(trees: &[Tree], sample: usize, row: &[f64]) -> (f64, f64, Vec<f64>) {
    let mut changes = vec![0.0; row.len()];
    let (mut length, mut expected) = (0.0, 0.0);
    for tree in trees {
        let mut paths = Vec::new();
        tree.paths(&[], &mut paths);
        let holds = |path: &&Path| path.steps.iter().all(|(feature, cut, left)| (row[*feature] <= *cut) == *left);
        let mut fitting = paths.iter().filter(holds);
        let path = fitting.next().unwrap();
        assert!(fitting.next().is_none(), "a row has one way down");
        for (depth, (feature, ..)) in path.steps.iter().enumerate() {
            changes[*feature] += mean_below(&paths, path, depth + 1) - mean_below(&paths, path, depth);
        }
        length += path.length();
        expected += mean_below(&paths, path, 0);
    }
    let score = |length: f64| (-length / trees.len() as f64 / average_path_length(sample)).exp2();
    let scale = (score(length) - score(expected)) / (length - expected);
    (score(length), score(expected), changes.iter().map(|change| change * scale).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn contributions_are_those_of_an_enumeration_of_all_paths(
        seed in any::<u64>(), sample in 2_usize..90, trees in 1_usize..12,
        probe in proptest::array::uniform4(-3.0..3.0_f64), stretch in prop::sample::select(vec![1.0, 1.0, 50.0])
    ) {
        let forest = fit(&cloud(90, seed), trees, sample, seed).unwrap();
        let row = probe.map(|value| value * stretch);
        let (score, expected, brute) = by_enumeration(&read(&forest.to_bytes()), sample, &row);
        let mut shares = [0.0; 4];
        let why = forest.contributions(&row, &mut shares).unwrap();
        prop_assert!((why.score - score).abs() < 1e-12 && (why.expected - expected).abs() < 1e-12);
        // The enumeration divides two differences, so it is only as exact as they are large.
        prop_assume!((score - expected).abs() > 1e-6);
        for (share, brute) in shares.iter().zip(brute) {
            prop_assert!((share - brute).abs() < 1e-8, "{:?}", (share, brute));
        }
    }
}

#[test]
fn features_that_outweigh_each_other_keep_their_contributions() {
    // Among many rows, one whose path is as long as expected, to rounding, though both features moved it.
    let data = cloud(256, 3);
    let forest = fit(&data, 20, 64, 3).unwrap();
    let mut shares = [0.0; 4];
    let mut balanced = 0;
    for row in data.rows() {
        let why = forest.contributions(&row.to_vec(), &mut shares).unwrap();
        let total: f64 = shares.iter().sum();
        assert!((why.expected + total - why.score).abs() < 1e-13);
        let largest = shares.iter().fold(0.0, |most: f64, share| most.max(share.abs()));
        if total.abs() < largest / 20.0 {
            balanced += 1;
            // A share is worth what a like change of the path is worth anywhere near: half an edge at most 0.1.
            assert!(largest > 1e-4 && largest < 0.5, "{shares:?}");
        }
    }
    assert!(balanced > 0);
}
