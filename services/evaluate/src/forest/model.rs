//! A forest as a file, with the names of the columns that it knows.
//!
//! `"IFTABLE" ‖ version u8 = 1 ‖ columns u32 ‖ per column: bytes u32, UTF-8 ‖ left out u32 (0 or 1) ‖ where 1: bytes u32, UTF-8 ‖`
//! the forest's own file ([`IsolationForest::to_bytes`]) `‖ SHA-256 of everything before it`; little-endian.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use iforest::{IsolationForest, MAX_FEATURES};
use sha2::{Digest as _, Sha256};

use super::table::{Table, listed};
use super::whole::WholeFile;
use crate::Error;

const MAGIC: &[u8; 7] = b"IFTABLE";
const VERSION: u8 = 1;
const HASH_BYTES: usize = 32;
/// No model is larger.
const MODEL_BYTES_MAX: u64 = 1 << 30;

/// A forest and the columns that it was grown on.
///
/// ```
/// use evaluate::forest::Model;
/// assert!(Model::from_bytes(b"IFTABLE").unwrap_err().contains("breaks off"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    columns: Vec<String>,
    left_out: Option<String>,
    forest: IsolationForest<f64>,
}

impl Model {
    /// A forest with the names of its features in their order, and of the column that was left out.
    ///
    /// # Errors
    /// [`Error::Usage`] where there are not as many names as features.
    pub fn new(columns: Vec<String>, left_out: Option<String>, forest: IsolationForest<f64>) -> Result<Self, Error> {
        if columns.len() != forest.features() {
            let (names, features) = (columns.len(), forest.features());
            return Err(Error::Usage(format!("{names} names given where the forest has {features} features")));
        }
        Ok(Self { columns, left_out, forest })
    }

    /// The names of the features, in the forest's order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The column that was left out, the label.
    #[must_use]
    pub fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// The forest.
    #[must_use]
    pub fn forest(&self) -> &IsolationForest<f64> {
        &self.forest
    }

    /// The file: canonical bytes, equal for equal models.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [MAGIC.as_slice(), &[VERSION]].concat();
        put_names(&mut bytes, &self.columns);
        put_names(&mut bytes, self.left_out.as_slice());
        bytes.extend(self.forest.to_bytes());
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    ///
    /// # Errors
    /// What is wrong with the bytes, in words. Never panics, and allocates no more than a small multiple of their length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let rest = match bytes.strip_prefix(MAGIC) {
            Some(rest) => rest,
            None if bytes.starts_with(b"IFOREST") => {
                return Err(
                    "it is a forest without its columns' names; `caduceus forest fit` makes one with them".into()
                );
            }
            None => return Err("it is no model of `caduceus forest fit`".into()),
        };
        let (version, rest) = rest.split_first().ok_or(BREAKS_OFF)?;
        if *version != VERSION {
            return Err(format!(
                "it has version {version} where this release reads {VERSION}; fit it again or use the release that wrote it"
            ));
        }
        let (hashed, stated) = bytes.split_last_chunk::<HASH_BYTES>().ok_or(BREAKS_OFF)?;
        if Sha256::digest(hashed).as_slice() != stated {
            return Err(DAMAGED.into());
        }
        let rest = rest.get(..rest.len().saturating_sub(HASH_BYTES)).ok_or(BREAKS_OFF)?;
        let (columns, rest) = take_names(rest, MAX_FEATURES)?;
        let (mut left_out, forest) = take_names(rest, 1)?;
        let forest = IsolationForest::from_bytes(forest).map_err(|error| error.to_string())?;
        let mut names: Vec<&String> = columns.iter().chain(&left_out).collect();
        names.sort_unstable();
        if columns.len() != forest.features() || names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err("its columns are not the forest's; fit it again".into());
        }
        Ok(Self { columns, left_out: left_out.pop(), forest })
    }

    /// Writes the file, whole or not at all; one that is there is replaced.
    pub(crate) fn write(&self, path: &Path, read: &[&Path]) -> Result<(), Error> {
        let bytes = self.to_bytes();
        if bytes.len() as u64 > MODEL_BYTES_MAX {
            let (size, most) = (bytes.len() >> 20, MODEL_BYTES_MAX >> 20);
            return Err(Error::Usage(format!(
                "a model of {size} MiB, at most {most}: take fewer trees or rows a tree"
            )));
        }
        let mut file = WholeFile::create(path, read)?;
        file.bytes(&bytes)?;
        file.finish()
    }

    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |what: String| Error::Model { file: path.to_owned(), what };
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MODEL_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(Error::of_file(path))?;
        if bytes.len() as u64 > MODEL_BYTES_MAX {
            return Err(wrong(format!("more than {} MiB, which no model has", MODEL_BYTES_MAX >> 20)));
        }
        Self::from_bytes(&bytes).map_err(wrong)
    }

    /// Where the model's columns stand in a table, in the forest's order. The order in the table does not matter, and the
    /// column that was left out may be there; no other may, and none may be missing.
    pub(crate) fn places(&self, table: &Table) -> Result<Vec<usize>, Error> {
        let place = |name: &String| table.header().iter().position(|other| other == name);
        let places: Vec<usize> = self.columns.iter().filter_map(place).collect();
        let missing: Vec<String> = self.columns.iter().filter(|name| place(name).is_none()).cloned().collect();
        let known = |name: &&String| self.columns.contains(name) || self.left_out.as_ref() == Some(*name);
        let unknown: Vec<String> = table.header().iter().filter(|name| !known(name)).cloned().collect();
        let mut what = Vec::new();
        if !missing.is_empty() {
            what.push(format!("{} missing", listed(&missing)));
        }
        if !unknown.is_empty() {
            what.push(format!("{} unknown to it", listed(&unknown)));
        }
        if what.is_empty() {
            return Ok(places);
        }
        Err(table.wrong(format!("the columns are not those of the model: {}", what.join("; "))))
    }
}

const BREAKS_OFF: &str = "it breaks off; copy it again from where it was made";
const DAMAGED: &str = "it is damaged or breaks off: its hash is another; copy it again from where it was made";

fn put_names(bytes: &mut Vec<u8>, names: &[String]) {
    // Both are bounded far below u32::MAX: by a forest's features, and by a line of a table.
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
    bytes.extend_from_slice(&number(names.len()));
    for name in names {
        bytes.extend_from_slice(&number(name.len()));
        bytes.extend_from_slice(name.as_bytes());
    }
}

fn take_names(bytes: &[u8], most: usize) -> Result<(Vec<String>, &[u8]), String> {
    let (count, mut rest) = take_number(bytes)?;
    if count > most {
        return Err(format!("it states {count} columns where at most {most} are possible"));
    }
    let mut names = Vec::new();
    for _ in 0..count {
        let (length, after) = take_number(rest)?;
        let (name, after) = after.split_at_checked(length).ok_or(BREAKS_OFF)?;
        names.push(std::str::from_utf8(name).map_err(|_| "a column's name is no UTF-8 text")?.to_owned());
        rest = after;
    }
    Ok((names, rest))
}

fn take_number(bytes: &[u8]) -> Result<(usize, &[u8]), String> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or(BREAKS_OFF)?;
    Ok((usize::try_from(u32::from_le_bytes(*number)).unwrap_or(usize::MAX), rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::super::Growth;
    use super::*;
    use linfa::DatasetBase;
    use linfa::traits::Fit as _;
    use ndarray::Array2;
    use proptest::prelude::*;

    fn model() -> Model {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let data = Array2::from_shape_fn((40, 2), |(row, column)| (row * (column + 3) % 11) as f64);
        let growth = Growth { trees: 3, sample: 16 };
        let forest = growth.params(5).unwrap().fit(&DatasetBase::from(data)).unwrap();
        Model::new(vec!["größe".into(), "b".into()], Some("label".into()), forest).unwrap()
    }

    #[test]
    fn a_model_comes_back_whole() {
        let model = model();
        let bytes = model.to_bytes();
        let read = Model::from_bytes(&bytes).unwrap();
        assert_eq!((&read, read.to_bytes(), read.left_out()), (&model, bytes, Some("label")));
    }

    /// The vector of the formats' page, put together by another program: head, the forest's file, hash.
    #[test]
    fn the_bytes_are_those_that_are_documented() {
        let hex = "49465441424c450101000000010000007801000000050000006c6162656c\
             49464f52455354023500000000000000080100000002000000050000000000000001000000030000000000000\
             0b09f81e4f406cd3fffffffff01000000ffffffff01000000485564cb274a9294790cd62f7dcf54611011aa83\
             a46fb31d5be68f44bdacb15b7973cef5a675d96c9e0e4e9430888aadfdba10a1d7948cf6583705a56420b5b9";
        let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        let file: Vec<u8> = digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        let model = Model::from_bytes(&file).unwrap();
        assert_eq!((model.columns(), model.left_out()), (&["x".to_owned()][..], Some("label")));
        assert_eq!((model.forest().seed(), model.forest().sample_size()), (5, 2));
        assert_eq!(model.to_bytes(), file);
    }

    #[test]
    fn no_byte_of_a_model_can_be_changed_and_none_cut_off() {
        let bytes = model().to_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Model::from_bytes(&changed).is_err(), "byte {at}");
            assert!(Model::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(Model::from_bytes(&[bytes, vec![0]].concat()).is_err());
    }

    #[test]
    fn a_forest_without_names_and_another_version_are_told_apart_from_damage() {
        let model = model();
        assert!(Model::from_bytes(&model.forest().to_bytes()).unwrap_err().contains("without its columns"));
        let mut next = model.to_bytes();
        next[7] = 2;
        assert!(Model::from_bytes(&next).unwrap_err().contains("version 2"));
    }

    /// Hashes keep nobody out who computes them anew.
    #[test]
    fn names_that_do_not_fit_the_forest_are_refused_though_the_hash_is_right() {
        let model = model();
        let rehashed = |columns: &[&str], left_out: &[&str]| {
            let mut bytes = [MAGIC.as_slice(), &[VERSION]].concat();
            for names in [columns, left_out] {
                put_names(&mut bytes, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
            }
            bytes.extend(model.forest().to_bytes());
            let hash = Sha256::digest(&bytes);
            bytes.extend_from_slice(&hash);
            Model::from_bytes(&bytes)
        };
        assert!(rehashed(&["a", "b"], &[]).is_ok());
        for (columns, left_out) in [
            (&["a"][..], &[][..]),
            (&["a", "b", "c"], &[]),
            (&["a", "a"], &[]),
            (&["a", "b"], &["a"]),
            (&["a", "b"], &["c", "d"]),
        ] {
            assert!(rehashed(columns, left_out).is_err(), "{columns:?} {left_out:?}");
        }
        assert!(matches!(Model::new(vec!["a".into()], None, model.forest().clone()), Err(Error::Usage(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(content in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut bytes = [MAGIC.as_slice(), &[VERSION], content.as_slice()].concat();
            let hash = Sha256::digest(&bytes);
            bytes.extend_from_slice(&hash);
            prop_assert!(Model::from_bytes(&bytes).is_err());
        }
    }
}
