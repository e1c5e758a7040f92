//! The other way: the oldest tree replaced. Range-uniform cuts, depth at most 64, scored by the expected depth of a virtual
//! insertion, score = 2^(−mean(E / c(n))).

use crate::Follower;
use iforest::average_path_length;
use std::collections::VecDeque;

/// 50 trees from the 100th point on; every 10 points the oldest gives way to one on at most 512 of the last `memory` rows.
pub(crate) fn replaced(memory: usize, seed: u64) -> Follower {
    let (mut past, mut trees) = (VecDeque::new(), VecDeque::new());
    let (mut random, mut learned) = (Random(seed), 0_usize);
    Box::new(move |row| {
        let score = trees.iter().map(|tree: &Tree| tree.share(row)).sum::<f64>() / trees.len().max(1) as f64;
        if past.len() == memory {
            past.pop_front();
        }
        past.push_back(row.to_vec());
        learned += 1;
        let fresh = if learned == 100 { 50 } else { usize::from(learned > 100 && learned % 10 == 0) };
        for _ in 0..fresh {
            if trees.len() == 50 {
                trees.pop_front();
            }
            trees.push_back(Tree::grow(&past, &mut random));
        }
        if learned > 100 { (-score).exp2() } else { 0.0 }
    })
}

struct Node {
    low: Vec<f64>,
    high: Vec<f64>,
    size: usize,
    /// Feature, cut, left and right; none in a leaf.
    cut: Option<(usize, f64, usize, usize)>,
}

struct Tree(Vec<Node>);

impl Tree {
    fn grow(past: &VecDeque<Vec<f64>>, random: &mut Random) -> Self {
        let mut order: Vec<usize> = (0..past.len()).collect();
        let size = past.len().min(512);
        for at in 0..size {
            order.swap(at, at + random.below(past.len() - at));
        }
        let mut rows: Vec<&[f64]> = order[..size].iter().map(|at| past[*at].as_slice()).collect();
        let mut tree = Self(Vec::new());
        tree.node(&mut rows, 0, random);
        tree
    }

    fn node(&mut self, rows: &mut [&[f64]], depth: usize, random: &mut Random) -> usize {
        let end = |feature: usize, of: fn(f64, f64) -> f64| rows.iter().map(|row| row[feature]).reduce(of).unwrap();
        let low: Vec<f64> = (0..rows[0].len()).map(|feature| end(feature, f64::min)).collect();
        let high: Vec<f64> = (0..rows[0].len()).map(|feature| end(feature, f64::max)).collect();
        let open: Vec<usize> = (0..low.len()).filter(|feature| low[*feature] < high[*feature]).collect();
        let at = self.0.len();
        self.0.push(Node { low: low.clone(), high: high.clone(), size: rows.len(), cut: None });
        if depth < 64 && !open.is_empty() {
            let feature = open[random.below(open.len())];
            let (from, to) = (low[feature], high[feature]);
            let drawn = from + random.unit() * (to - from);
            let cut = if drawn < to { drawn } else { from };
            rows.sort_unstable_by_key(|row| row[feature] > cut);
            let (left, right) = rows.split_at_mut(rows.partition_point(|row| row[feature] <= cut));
            let (left, right) = (self.node(left, depth + 1, random), self.node(right, depth + 1, random));
            self.0[at].cut = Some((feature, cut, left, right));
        }
        at
    }

    /// Expected depth of a virtual insertion over c(n).
    fn share(&self, row: &[f64]) -> f64 {
        let (mut at, mut expected, mut left, mut depth) = (0, 0.0, 1.0, 0.0);
        while let Node { low, high, cut: Some((feature, cut, below, above)), .. } = &self.0[at] {
            let (mut outside, mut range) = (0.0, 0.0);
            for (value, (low, high)) in row.iter().zip(low.iter().zip(high)) {
                outside += (low - value).max(value - high).max(0.0);
                range += high - low;
            }
            let cut_off = outside / (range + outside);
            expected += left * cut_off * (depth + 1.0);
            left *= 1.0 - cut_off;
            depth += 1.0;
            at = if row[*feature] <= *cut { *below } else { *above };
        }
        (expected + left * (depth + average_path_length(self.0[at].size))) / average_path_length(self.0[0].size)
    }
}

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.unit() * bound as f64) as usize
    }
}
