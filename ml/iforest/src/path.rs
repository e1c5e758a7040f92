//! Path lengths of unsuccessful searches (Liu, Ting, Zhou 2008, equation 1).

/// Euler's constant, as Liu et al. use it.
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

/// Average path length of an unsuccessful search in a binary search tree of `size` nodes:
/// c(n) = 2 (ln(n − 1) + γ) − 2 (n − 1) / n, with c(2) = 1 and c(n) = 0 below.
///
/// ```
/// assert_eq!(iforest::average_path_length(1), 0.0);
/// assert_eq!(iforest::average_path_length(2), 1.0);
/// assert!((iforest::average_path_length(256) - 10.2448).abs() < 1e-4);
/// ```
#[must_use]
pub fn average_path_length(size: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "sizes are below 2^53")]
    let n = size as f64;
    match size {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => 2.0 * (libm::log(n - 1.0) + EULER_GAMMA) - 2.0 * (n - 1.0) / n,
    }
}

/// ⌈log2 ψ⌉, the height at which growth stops.
pub(crate) fn height_limit(sample_size: usize) -> u32 {
    usize::BITS - sample_size.saturating_sub(1).leading_zeros()
}

/// Score 2^(−path / c(ψ)) in (0, 1) of the sum of the path lengths in `trees` trees.
pub(crate) fn score_of(path_sum: f64, trees: f64, normaliser: f64) -> f64 {
    libm::exp2(-(path_sum / trees) / normaliser)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_height_limit_is_the_binary_logarithm_rounded_up() {
        for (sample, height) in [(2, 1), (3, 2), (4, 2), (5, 3), (255, 8), (256, 8), (257, 9)] {
            assert_eq!(height_limit(sample), height, "{sample}");
        }
    }
}
