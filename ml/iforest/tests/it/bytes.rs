use crate::{cloud, fit};
use iforest::{IsolationForest, IsolationForestError, IsolationForestParams};
use linfa::DatasetBase;
use linfa::traits::Fit;
use proptest::prelude::*;

/// FNV-1a, so that a change of any byte shows.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_model_of_a_seed_has_the_same_bytes_and_scores_on_every_machine() {
    let data = cloud(400, 12);
    let forest = fit(&data, 25, 128, 12).unwrap();
    let score = forest.score(&[1.4, -1.4, 140.0, 7.0]).unwrap();
    println!("bytes {:#018x}, score {:#018x}", checksum(&forest.to_bytes()), score.to_bits());
    assert_eq!(checksum(&forest.to_bytes()), GOLDEN_BYTES);
    assert_eq!(score.to_bits(), GOLDEN_SCORE);
}
const GOLDEN_BYTES: u64 = 0xe8f3_8bb2_2bc4_4992;
const GOLDEN_SCORE: u64 = 0x3fe7_4fdf_2524_f4f6;

#[test]
fn a_forest_reads_back_as_it_was() {
    let data = cloud(400, 2);
    let forest = fit(&data, 25, 128, 2).unwrap();
    let again = IsolationForest::<f64>::from_bytes(&forest.to_bytes()).unwrap();
    assert_eq!(again, forest);
    assert_eq!(again.scores(data.view()).unwrap(), forest.scores(data.view()).unwrap());
    assert_eq!((again.trees(), again.sample_size(), again.features(), again.seed()), (25, 128, 4, 2));
}

#[test]
fn the_float_type_is_part_of_the_bytes() {
    let data = cloud(100, 2);
    let narrow =
        IsolationForestParams::new().trees(3).sample_size(32).fit(&DatasetBase::from(data.mapv(|v| v as f32))).unwrap();
    assert_eq!(IsolationForest::<f32>::from_bytes(&narrow.to_bytes()).unwrap(), narrow);
    assert!(IsolationForest::<f64>::from_bytes(&narrow.to_bytes()).is_err());
}

#[test]
fn truncated_and_lengthened_bytes_are_refused_and_the_offset_is_named() {
    let bytes = fit(&cloud(60, 2), 3, 16, 2).unwrap().to_bytes();
    for length in 0..bytes.len() {
        match IsolationForest::<f64>::from_bytes(&bytes[..length]) {
            Err(IsolationForestError::Bytes { offset, .. }) => assert!(offset <= length),
            other => panic!("{length} bytes: {other:?}"),
        }
    }
    let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    assert!(
        matches!(IsolationForest::<f64>::from_bytes(&longer), Err(IsolationForestError::Bytes { offset, .. }) if offset == bytes.len())
    );
}

#[test]
fn a_stated_size_beyond_the_bytes_is_refused_without_allocating_it() {
    let mut bytes = fit(&cloud(60, 2), 1, 16, 2).unwrap().to_bytes();
    // The sub-sample's size: now 2^24, with as many nodes stated.
    bytes[13..17].copy_from_slice(&(1_u32 << 24).to_le_bytes());
    bytes[29..33].copy_from_slice(&(1_u32 << 25).to_le_bytes());
    assert!(IsolationForest::<f64>::from_bytes(&bytes).is_err());
}

proptest! {
    #[test]
    fn flipped_bytes_are_refused_or_are_another_model(at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let mut bytes = fit(&cloud(60, 2), 3, 16, 2).unwrap().to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(forest) = IsolationForest::<f64>::from_bytes(&bytes) {
            prop_assert_eq!(forest.to_bytes(), bytes, "one model has one encoding");
            prop_assert!(forest.score(&[0.0; 4]).is_ok_and(|score| score > 0.0 && score <= 1.0) || forest.features() != 4);
        }
    }

    #[test]
    fn any_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut framed = b"IFOREST\x01\x08".to_vec();
        framed.extend(&bytes);
        prop_assert!(IsolationForest::<f64>::from_bytes(&bytes).is_err());
        let _ = IsolationForest::<f64>::from_bytes(&framed);
    }
}

/// Run with `--features serde`.
#[cfg(feature = "serde")]
#[test]
fn serde_carries_the_canonical_bytes_and_checks_them() {
    let forest = fit(&cloud(60, 2), 3, 16, 2).unwrap();
    let text = serde_json::to_string(&forest).unwrap();
    assert_eq!(serde_json::from_str::<Vec<u8>>(&text).unwrap(), forest.to_bytes());
    assert_eq!(serde_json::from_str::<IsolationForest<f64>>(&text).unwrap(), forest);
    assert!(serde_json::from_str::<IsolationForest<f64>>(&text.replacen("73", "74", 1)).is_err());
}
