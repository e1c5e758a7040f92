//! The model file (`docs/formats.md`, section 11).

use crate::{cloud, fit};
use iforest::{IsolationForest, IsolationForestError, IsolationForestParams};
use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::array;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The frame, by hand: so content can be changed under a right hash.
fn sealed(content: &[u8]) -> Vec<u8> {
    let mut bytes = b"IFOREST\x02".to_vec();
    bytes.extend((content.len() as u64).to_le_bytes());
    bytes.extend(content);
    let hash = Sha256::digest(&bytes);
    bytes.extend(hash);
    bytes
}

fn content(bytes: &[u8]) -> Vec<u8> {
    bytes[16..bytes.len() - 32].to_vec()
}

fn reason(bytes: &[u8]) -> String {
    IsolationForest::<f64>::from_bytes(bytes).unwrap_err().to_string()
}

/// The golden vector: one tree with one cut between 0 and 1, field by field.
#[test]
fn a_model_file_has_the_bytes_that_the_format_states() {
    let forest = fit(&array![[0.0], [1.0]], 1, 2, 5).unwrap();
    let bytes = forest.to_bytes();
    let cut = forest.to_bytes()[16 + 21 + 4 + 4..][..8].to_vec();
    let fields = [
        "08".to_owned(),
        "01000000".to_owned(),
        "02000000".to_owned(),
        "0500000000000000".to_owned(),
        "01000000".to_owned(),
        "03000000".to_owned(),
        format!("00000000{}", hex(&cut)),
        "ffffffff01000000".to_owned(),
        "ffffffff01000000".to_owned(),
    ];
    let content: Vec<u8> = fields
        .concat()
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    assert_eq!(hex(&bytes), hex(&sealed(&content)));
    assert_eq!(hex(&bytes), GOLDEN_FILE);
    assert_eq!(hex(&forest.hash()), GOLDEN_FILE[GOLDEN_FILE.len() - 64..]);
    let threshold = f64::from_le_bytes(cut.try_into().unwrap());
    assert!((0.0..1.0).contains(&threshold));
}
const GOLDEN_FILE: &str = concat!(
    "49464f524553540235000000000000000801000000020000000500000000000000010000000300000000000000b09f81e4f4",
    "06cd3fffffffff01000000ffffffff01000000485564cb274a9294790cd62f7dcf54611011aa83a46fb31d5be68f44bdacb1",
    "5b"
);

/// The hash covers every byte, so a change of the generator, of the growth or of the file shows.
#[test]
fn the_model_of_a_seed_has_the_same_bytes_and_scores_on_every_machine() {
    let data = cloud(400, 12);
    let forest = fit(&data, 25, 128, 12).unwrap();
    let score = forest.score(&[1.4, -1.4, 140.0, 7.0]).unwrap();
    assert_eq!(hex(&forest.hash()), GOLDEN_HASH);
    assert_eq!(score.to_bits(), GOLDEN_SCORE);
}
const GOLDEN_HASH: &str = "f896d42fa717c756aa4497f895d6af16ee3da3350f841fd8a5eaa97b2c24fe43";
const GOLDEN_SCORE: u64 = 0x3fe7_4fdf_2524_f4f6;

#[test]
fn a_forest_reads_back_as_it_was() {
    let data = cloud(400, 2);
    let forest = fit(&data, 25, 128, 2).unwrap();
    let again = IsolationForest::<f64>::from_bytes(&forest.to_bytes()).unwrap();
    assert_eq!(again, forest);
    assert_eq!(again.hash(), forest.hash());
    assert_eq!(again.scores(data.view()).unwrap(), forest.scores(data.view()).unwrap());
    assert_eq!((again.trees(), again.sample_size(), again.features(), again.seed()), (25, 128, 4, 2));
}

#[test]
fn the_batch_layout_leaves_no_trace_in_the_bytes() {
    let forest = fit(&cloud(400, 2), 25, 128, 2).unwrap();
    let before = forest.to_bytes();
    assert!(forest.prepare_batch().is_some());
    assert_eq!(forest.to_bytes(), before);
    assert_eq!(IsolationForest::<f64>::from_bytes(&before).unwrap(), forest);
}

#[test]
fn the_float_type_is_part_of_the_bytes() {
    let data = cloud(100, 2);
    let narrow =
        IsolationForestParams::new().trees(3).sample_size(32).fit(&DatasetBase::from(data.mapv(|v| v as f32))).unwrap();
    assert_eq!(IsolationForest::<f32>::from_bytes(&narrow.to_bytes()).unwrap(), narrow);
    assert!(reason(&narrow.to_bytes()).contains("another float type"));
}

#[test]
fn truncated_files_are_refused_and_say_how_much_is_there() {
    let bytes = fit(&cloud(60, 2), 3, 16, 2).unwrap().to_bytes();
    for length in 0..bytes.len() {
        match IsolationForest::<f64>::from_bytes(&bytes[..length]) {
            Err(IsolationForestError::Truncated { length: found, expected }) => {
                assert_eq!(found, length);
                assert_eq!(expected, if length < 16 { 16 } else { bytes.len() });
            }
            other => panic!("{length} bytes: {other:?}"),
        }
    }
}

#[test]
fn lengthened_files_are_refused_and_the_offset_is_named() {
    let bytes = fit(&cloud(60, 2), 3, 16, 2).unwrap().to_bytes();
    let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    assert!(
        matches!(IsolationForest::<f64>::from_bytes(&longer), Err(IsolationForestError::Bytes { offset, .. }) if offset == bytes.len())
    );
}

#[test]
fn another_version_and_another_kind_of_file_are_told_apart_from_damage() {
    let mut bytes = fit(&cloud(60, 2), 3, 16, 2).unwrap().to_bytes();
    bytes[7] = 1;
    assert!(matches!(
        IsolationForest::<f64>::from_bytes(&bytes),
        Err(IsolationForestError::Version { found: 1, supported: 2 })
    ));
    bytes[0] = b'i';
    assert!(reason(&bytes).contains("not the file of an isolation forest"));
    assert!(reason(b"PK\x03\x04").contains("not the file of an isolation forest"));
}

#[test]
fn a_wrong_hash_is_shown_beside_the_right_one() {
    let mut bytes = fit(&cloud(60, 2), 3, 16, 2).unwrap().to_bytes();
    let last = bytes.len() - 1;
    let right: [u8; 32] = bytes[last - 31..].try_into().unwrap();
    bytes[last] ^= 1;
    match IsolationForest::<f64>::from_bytes(&bytes) {
        Err(IsolationForestError::Hash { stated, computed }) => {
            assert_eq!(computed, right);
            assert_ne!(stated, right);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn contents_that_no_forest_has_are_refused_though_their_hash_is_right() {
    let bytes = fit(&cloud(60, 2), 3, 16, 2).unwrap().to_bytes();
    let whole = content(&bytes);
    assert_eq!(sealed(&whole), bytes);
    let changed = |at: usize, with: &[u8]| {
        let mut content = whole.clone();
        content[at..at + with.len()].copy_from_slice(with);
        reason(&sealed(&content))
    };
    let number = |value: u32| value.to_le_bytes();
    // Offsets: width 0, features 1, ψ 5, seed 9, trees 17; first tree: count 21, root's feature 25, threshold 29.
    assert!(changed(1, &number(0)).contains("number of features"));
    assert!(changed(5, &number(1)).contains("sub-sample size"));
    assert!(changed(17, &number(2)).contains("after the last tree"));
    assert!(changed(17, &number(4)).contains("end too early"));
    assert!(changed(21, &number(1)).contains("a tree ends too early"));
    assert!(changed(21, &number(40)).contains("number of nodes"));
    assert!(changed(25, &number(4)).contains("does not have"));
    assert!(changed(29, &f64::NAN.to_le_bytes()).contains("not a finite number"));
    assert!(changed(29, &(-0.0_f64).to_le_bytes()).contains("−0"));
    let root_is_a_leaf = [&whole[..21], &number(1), &number(u32::MAX), &number(15)].concat();
    assert!(reason(&sealed(&root_is_a_leaf)).contains("do not hold the sub-sample"));
    // ψ = 16 allows four cuts one below the other.
    let cut = [&number(0)[..], &1.0_f64.to_le_bytes()].concat();
    let deep = [&whole[..21], &number(11), &cut, &cut, &cut, &cut, &cut].concat();
    assert!(reason(&sealed(&deep)).contains("higher than its limit"));
}

#[test]
fn a_stated_size_beyond_the_bytes_is_refused_without_allocating_it() {
    let mut content = content(&fit(&cloud(60, 2), 1, 16, 2).unwrap().to_bytes());
    // The sub-sample's size: now 2^24, with as many nodes stated.
    content[5..9].copy_from_slice(&(1_u32 << 24).to_le_bytes());
    content[21..25].copy_from_slice(&((1_u32 << 25) - 1).to_le_bytes());
    assert!(IsolationForest::<f64>::from_bytes(&sealed(&content)).is_err());
    let mut bytes = sealed(&content);
    bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(IsolationForest::<f64>::from_bytes(&bytes), Err(IsolationForestError::Truncated { .. })));
}

proptest! {
    #[test]
    fn a_flipped_byte_is_refused_wherever_it_is(at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let mut bytes = fit(&cloud(60, 2), 3, 16, 2).unwrap().to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(IsolationForest::<f64>::from_bytes(&bytes).is_err());
    }

    #[test]
    fn changed_contents_are_refused_or_are_another_model(at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let bytes = fit(&cloud(60, 2), 3, 16, 2).unwrap().to_bytes();
        let mut content = content(&bytes);
        let at = at.index(content.len());
        content[at] ^= flip;
        let changed = sealed(&content);
        if let Ok(forest) = IsolationForest::<f64>::from_bytes(&changed) {
            prop_assert_eq!(forest.to_bytes(), changed, "one model has one encoding");
            prop_assert!(forest.score(&[0.0; 4]).is_ok_and(|score| score > 0.0 && score <= 1.0) || forest.features() != 4);
        }
    }

    #[test]
    fn any_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(IsolationForest::<f64>::from_bytes(&bytes).is_err());
        let _ = IsolationForest::<f64>::from_bytes(&sealed(&[&[8][..], &bytes].concat()));
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
