#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::cast_possible_truncation)]

use super::super::bounds::LANES;
use super::*;
use crate::average_path_length;
use crate::random::{below, of_tree};
use proptest::prelude::*;

/// Where a new row would come to rest, and with which probability.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rest {
    /// Cut off from a node at `depth`, 0 at the root.
    CutOff { depth: u32 },
    /// Equal to the `rows` rows of a leaf at `depth`.
    Equal { depth: u32, rows: u32 },
}

impl CutTree {
    /// Whether it holds a row equal to `row`.
    pub(in crate::streaming) fn holds(&self, row: &[Quad]) -> bool {
        let mut equal = false;
        self.rests(row, |_, rest| equal |= matches!(rest, Rest::Equal { .. }));
        equal
    }

    /// Every place where a random insertion of `row` could come to rest, with its probability, from the root down as
    /// it is defined; they add up to one.
    fn rests(&self, row: &[Quad], mut rest: impl FnMut(f64, Rest)) {
        if self.root == NONE {
            return;
        }
        let (mut at, mut depth, mut probability) = (self.root, 0, 1.0);
        while at & LEAF == 0 {
            let node = &self.inner[at as usize];
            let outside = outside(row, self.sides::<0>(at));
            if outside > 0.0 {
                let cut_off = outside / (node.range + outside);
                rest(probability * cut_off, Rest::CutOff { depth });
                probability *= 1.0 - cut_off;
            }
            depth += 1;
            at = if row.as_flattened()[node.feature as usize] <= node.cut { node.left } else { node.right };
        }
        let rows = self.leaves[(at & !LEAF) as usize].rows;
        let equal = self.point(at) == row;
        rest(probability, if equal { Rest::Equal { depth, rows } } else { Rest::CutOff { depth } });
    }
}

impl AsRef<CutTree> for CutTree {
    fn as_ref(&self) -> &CutTree {
        self
    }
}

/// A row of two values.
fn quad(row: [f64; 2]) -> [Quad; 1] {
    [[row[0], row[1], 0.0, 0.0]]
}

/// Rows below a node, with every promise of the structure checked on the way.
fn check(tree: &CutTree, at: u32, parent: u32) -> Vec<Vec<f64>> {
    assert_eq!(tree.parent(at), parent);
    if at & LEAF != 0 {
        let rows = tree.leaves[(at & !LEAF) as usize].rows;
        assert!(rows > 0);
        return vec![tree.point(at).as_flattened().to_vec(); rows as usize];
    }
    let node = tree.inner[at as usize];
    let (left, right) = (check(tree, node.left, at), check(tree, node.right, at));
    let feature = node.feature as usize;
    assert!(left.iter().all(|row| row[feature] <= node.cut), "left of the cut");
    assert!(right.iter().all(|row| row[feature] > node.cut), "right of the cut");
    let rows = [left, right].concat();
    let mut range = 0.0;
    for dimension in 0..tree.quads * LANES {
        let (low, high) = tree.side::<0>(at, dimension as u32);
        let values = rows.iter().map(|row| row[dimension]);
        assert_eq!(low, values.clone().fold(f64::INFINITY, f64::min), "the box is tight");
        assert_eq!(high, values.fold(f64::NEG_INFINITY, f64::max), "the box is tight");
        range += high - low;
    }
    assert_eq!(node.range, range);
    rows
}

fn in_quads(row: &[i8]) -> Vec<Quad> {
    row.as_chunks::<LANES>().0.iter().map(|quad| quad.map(f64::from)).collect()
}

fn sorted(mut rows: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    rows.sort_by(|a, b| a.partial_cmp(b).unwrap());
    rows
}

fn grown(rows: &[[f64; 2]], seed: u64) -> CutTree {
    let (mut tree, mut rng) = (CutTree::new(1), of_tree(seed, 0));
    for row in rows {
        tree.insert::<1>(&quad(*row), &mut rng);
    }
    tree
}

fn level_of(tree: &CutTree, LeafId(leaf): LeafId) -> u32 {
    let (mut at, mut level) = (tree.leaves[leaf as usize].parent, 0);
    while at != NONE {
        (at, level) = (tree.inner[at as usize].parent, level + 1);
    }
    level
}

#[test]
fn a_row_beyond_two_others_is_cut_off_by_the_share_of_its_distance() {
    let tree = grown(&[[0.0, 5.0], [1.0, 5.0]], 3);
    let mut rests = Vec::new();
    tree.rests(&quad([3.0, 5.0]), |probability, rest| rests.push((probability, rest)));
    // 2 of the 3 that the widened box spans; otherwise the cut between the two holds and leaves it alone with 1.0.
    assert_eq!(rests[0], (2.0 / 3.0, Rest::CutOff { depth: 0 }));
    assert_eq!(rests[1].1, Rest::CutOff { depth: 1 });
    assert!((rests[1].0 - 1.0 / 3.0).abs() < 1e-15);
    rests.clear();
    tree.rests(&quad([1.0, 5.0]), |probability, rest| rests.push((probability, rest)));
    assert_eq!(rests, [(1.0, Rest::Equal { depth: 1, rows: 1 })]);
}

#[test]
fn virtual_insertion_is_the_mean_over_random_insertions() {
    let rows = [[0.0, 0.0], [1.0, 0.3], [0.2, 2.0], [0.7, 0.9], [0.7, 0.9], [5.0, 1.0], [0.1, 0.1]];
    for (seed, probe) in [(1, [0.5, 0.5]), (2, [9.0, 1.0]), (3, [-0.1, 2.5]), (4, [0.7, 0.9]), (5, [0.9, 0.2])] {
        let tree = grown(&rows, seed);
        let (mut expected, mut squares) = (0.0, 0.0);
        tree.rests(&quad(probe), |probability, rest| {
            let level = match rest {
                Rest::CutOff { depth } => f64::from(depth + 1),
                Rest::Equal { depth, .. } => f64::from(depth),
            };
            expected += probability * level;
            squares += probability * level * level;
        });
        let trials = 20_000;
        let mut rng = of_tree(seed, 99);
        let sum: u64 = (0..trials)
            .map(|_| {
                let mut copy = tree.clone();
                let leaf = copy.insert::<1>(&quad(probe), &mut rng);
                u64::from(level_of(&copy, leaf))
            })
            .sum();
        let mean = sum as f64 / f64::from(trials);
        let sd = ((squares - expected * expected).max(0.0) / f64::from(trials)).sqrt();
        assert!((mean - expected).abs() <= 5.0 * sd + 1e-9, "{probe:?}: {mean} against {expected} ± {sd}");
    }
}

#[test]
fn a_tree_that_rows_came_and_went_through_is_distributed_as_one_grown_anew() {
    // Of the rows 0, 1, 3 the first cut falls between 1 and 3 two times in three.
    let trees = 12_000;
    let (mut beyond_one, mut depth_of_zero) = (0_u32, [0_u32; 2]);
    for seed in 0..trees {
        let (mut tree, mut rng) = (CutTree::new(1), of_tree(seed, 0));
        let guests = [tree.insert::<1>(&quad([10.0, 0.0]), &mut rng), tree.insert::<1>(&quad([0.5, 0.0]), &mut rng)];
        let zero = tree.insert::<1>(&quad([0.0, 0.0]), &mut rng);
        tree.insert::<1>(&quad([3.0, 0.0]), &mut rng);
        let late = tree.insert::<1>(&quad([-7.0, 0.0]), &mut rng);
        tree.insert::<1>(&quad([1.0, 0.0]), &mut rng);
        for guest in [guests[0], late, guests[1]] {
            tree.remove::<1>(guest);
        }
        beyond_one += u32::from(tree.inner[tree.root as usize].cut >= 1.0);
        depth_of_zero[level_of(&tree, zero) as usize - 1] += 1;
    }
    let share = |count: u32| f64::from(count) / trees as f64;
    let sd = (2.0_f64 / 9.0 / trees as f64).sqrt();
    assert!((share(beyond_one) - 2.0 / 3.0).abs() < 5.0 * sd, "{}", share(beyond_one));
    assert!((share(depth_of_zero[1]) - 2.0 / 3.0).abs() < 5.0 * sd, "{depth_of_zero:?}");
}

#[test]
fn cuts_choose_a_feature_in_proportion_to_its_range() {
    let trees = 8_000;
    let wide: u32 = (0..trees)
        .map(|seed| {
            let tree = grown(&[[0.0, 0.0], [9.0, 1.0]], seed);
            u32::from(tree.inner[tree.root as usize].feature == 0)
        })
        .sum();
    let (share, sd) = (f64::from(wide) / trees as f64, (0.09_f64 / trees as f64).sqrt());
    assert!((share - 0.9).abs() < 5.0 * sd, "{share}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn boxes_stay_tight_and_cuts_divide_whatever_goes_in_and_out(
        steps in proptest::collection::vec((any::<bool>(), prop_oneof![0_u8..4, 0_u8..255], 0_u8..6), 1..200),
        seed in any::<u64>()
    ) {
        let (mut tree, mut rng) = (CutTree::new(1), of_tree(seed, 0));
        let mut held: Vec<(LeafId, Vec<f64>)> = Vec::new();
        let mut most = 0;
        for (out, x, y) in steps {
            if out && !held.is_empty() {
                let (leaf, _) = held.swap_remove(below(&mut rng, held.len()));
                tree.remove::<1>(leaf);
            } else {
                let row = quad([f64::from(x), f64::from(y) * 1e-310]);
                held.push((tree.insert::<1>(&row, &mut rng), row.as_flattened().to_vec()));
            }
            most = most.max(held.len());
            let rows = if tree.root == NONE { Vec::new() } else { check(&tree, tree.root, NONE) };
            prop_assert_eq!(sorted(rows), sorted(held.iter().map(|(_, row)| row.clone()).collect()));
        }
        prop_assert!(tree.leaves.len() <= most && tree.inner.len() <= most, "freed places are used again");
    }

    #[test]
    fn the_places_of_rest_add_up_to_one(
        rows in proptest::collection::vec((-1e3_f64..1e3, prop_oneof![Just(0.0), -1e300..1e300_f64]), 1..60),
        probe in (-2e3_f64..2e3, prop_oneof![Just(0.0), -1e300..1e300_f64]), seed in any::<u64>()
    ) {
        let rows: Vec<[f64; 2]> = rows.into_iter().map(|(x, y)| [x, y]).collect();
        let tree = grown(&rows, seed);
        let mut sum = 0.0;
        tree.rests(&quad([probe.0, probe.1]), |probability, _| sum += probability);
        prop_assert!((sum - 1.0).abs() < 1e-12, "{}", sum);
    }

    #[test]
    fn many_trees_side_by_side_score_as_each_by_the_definition(
        (quads, rows, probe) in (1_usize..4).prop_flat_map(|quads| {
            let row = move || proptest::collection::vec(prop_oneof![3 => -9_i8..9, 1 => Just(0)], quads * LANES);
            (Just(quads), proptest::collection::vec(row(), 1..40), row())
        }),
        trees in 1..TOGETHER, learned in any::<bool>(), seed in any::<u64>()
    ) {
        let rows: Vec<Vec<Quad>> = rows.iter().map(|row| in_quads(row)).collect();
        let probe = if learned { rows[0].clone() } else { in_quads(&probe) };
        // Trees of different sizes, an empty one among them.
        let trees: Vec<CutTree> = (0..trees)
            .map(|number| {
                let (mut tree, mut rng) = (CutTree::new(quads), of_tree(seed, number));
                for row in rows.iter().take(number * 3) {
                    match quads {
                        1 => tree.insert::<1>(row, &mut rng),
                        2 => tree.insert::<2>(row, &mut rng),
                        _ => tree.insert::<0>(row, &mut rng),
                    };
                }
                tree
            })
            .collect();
        let mut defined = 0.0;
        for tree in &trees {
            tree.rests(&probe, |probability, rest| {
                defined += probability / match rest {
                    Rest::CutOff { depth } => 1.0 + f64::from(depth),
                    Rest::Equal { depth, rows } => 1.0 + f64::from(depth) + average_path_length(rows as usize),
                };
            });
        }
        let sum = reciprocal_levels::<0, _>(&trees, &probe);
        prop_assert!((sum - defined).abs() < 1e-12 * trees.len() as f64, "{} against {}", sum, defined);
        let fixed = match quads {
            1 => reciprocal_levels::<1, _>(&trees, &probe),
            2 => reciprocal_levels::<2, _>(&trees, &probe),
            _ => sum,
        };
        prop_assert_eq!(fixed.to_bits(), sum.to_bits());
    }
}
