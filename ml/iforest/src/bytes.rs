//! The model file: little-endian, written and read by hand, one form per model.
//!
//! In the frame of [`crate::file`]: u8 width of the float in bytes · u32 features · u32 ψ · u64 seed · u32 trees ·
//! per tree: u32 nodes, then the nodes in preorder: u32 feature and f64 threshold, or u32 `0xffffffff` and
//! u32 size for a leaf. Right children, path lengths and the batch layout follow from that.

use crate::path::height_limit;
use crate::trees::{Node, Trees};
use crate::{IsolationForest, IsolationForestError, MAX_FEATURES, MAX_SAMPLE, MAX_TREES, file};
use linfa::Float;

/// Marks a leaf where a feature would stand.
const LEAF: u32 = u32::MAX;

impl<F: Float> IsolationForest<F> {
    /// The model file: canonical bytes, equal for equal models on every machine, with their hash at the end.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        file::frame(32 + self.trees.nodes.len() * 12, |bytes| {
            bytes.push(float_width::<F>());
            bytes.extend_from_slice(&number(self.features));
            bytes.extend_from_slice(&number(self.sample_size));
            bytes.extend_from_slice(&self.seed.to_le_bytes());
            bytes.extend_from_slice(&number(self.trees()));
            for tree in self.trees.iter() {
                bytes.extend_from_slice(&number(tree.nodes.len()));
                for (node, size) in tree.nodes.iter().zip(tree.sizes) {
                    if node.is_leaf() {
                        bytes.extend_from_slice(&LEAF.to_le_bytes());
                        bytes.extend_from_slice(&size.to_le_bytes());
                    } else {
                        bytes.extend_from_slice(&node.feature.to_le_bytes());
                        bytes.extend_from_slice(&node.threshold.to_f64().unwrap_or(0.0).to_bits().to_le_bytes());
                    }
                }
            }
        })
    }

    /// SHA-256 that ends the model file: it names the model.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.to_bytes().last_chunk().copied().unwrap_or_default()
    }

    /// Reads what [`Self::to_bytes`] wrote, and nothing else.
    ///
    /// # Errors
    /// [`IsolationForestError::Version`], [`IsolationForestError::Truncated`], [`IsolationForestError::Hash`], or
    /// [`IsolationForestError::Bytes`] with the offset and what is wrong there. Never panics, and
    /// allocates no more than a small multiple of the input's length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IsolationForestError> {
        let content = file::content(bytes)?;
        let mut reader = Reader { bytes: content, at: 0 };
        if reader.take::<1>()? != [float_width::<F>()] {
            return Err(reader.wrong("the model has another float type"));
        }
        let features = reader.number(1, MAX_FEATURES, "number of features out of bounds")?;
        let sample_size = reader.number(2, MAX_SAMPLE, "sub-sample size out of bounds")?;
        let seed = u64::from_le_bytes(reader.take()?);
        let count = reader.number(1, MAX_TREES, "number of trees out of bounds")?;
        let mut trees = Trees::new();
        for _ in 0..count {
            reader.tree(features, sample_size, &mut trees)?;
        }
        if reader.at != content.len() {
            return Err(reader.wrong("bytes after the last tree"));
        }
        Ok(Self::assemble(features, sample_size, seed, trees))
    }
}

fn number(value: usize) -> [u8; 4] {
    // All numbers are bounded far below u32::MAX by the parameters' checks.
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

fn float_width<F>() -> u8 {
    u8::try_from(size_of::<F>()).unwrap_or(u8::MAX)
}

struct Reader<'a> {
    /// The content of the file.
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self, reason: &'static str) -> IsolationForestError {
        IsolationForestError::Bytes { offset: file::HEAD + self.at, reason }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], IsolationForestError> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let taken = *taken.ok_or_else(|| self.wrong("the bytes end too early"))?;
        self.at += N;
        Ok(taken)
    }

    fn number(&mut self, low: usize, high: usize, reason: &'static str) -> Result<usize, IsolationForestError> {
        let value = usize::try_from(u32::from_le_bytes(self.take()?)).unwrap_or(usize::MAX);
        if (low..=high).contains(&value) { Ok(value) } else { Err(self.wrong(reason)) }
    }

    /// One tree, with its shape checked: preorder closes exactly at the stated count, leaves hold ψ rows in
    /// all, no node lies below the height limit.
    fn tree<F: Float>(
        &mut self,
        features: usize,
        sample_size: usize,
        trees: &mut Trees<F>,
    ) -> Result<(), IsolationForestError> {
        let count = self.number(1, 2 * sample_size - 1, "number of nodes out of bounds")?;
        let limit = height_limit(sample_size);
        let mut rows = 0_usize;
        // Places still to be filled: depth, and whose right child it is.
        let mut open: Vec<(u32, Option<usize>)> = vec![(0, None)];
        for _ in 0..count {
            let Some((depth, parent)) = open.pop() else {
                return Err(self.wrong("a tree has nodes after its end"));
            };
            let at = trees.nodes.len();
            if let Some((parent, node)) = parent.and_then(|parent| Some((parent, trees.nodes.get_mut(parent)?))) {
                node.skip = u32::try_from(at - parent).unwrap_or(u32::MAX);
            }
            let feature = u32::from_le_bytes(self.take()?);
            if feature == LEAF {
                let size = self.number(1, sample_size, "a leaf's size is out of bounds")?;
                rows += size;
                trees.nodes.push(Node::leaf());
                trees.sizes.push(u32::try_from(size).unwrap_or(u32::MAX));
                continue;
            }
            if feature as usize >= features {
                return Err(self.wrong("a cut names a feature that the model does not have"));
            }
            if depth >= limit {
                return Err(self.wrong("a tree is higher than its limit"));
            }
            trees.nodes.push(Node::cut(feature, self.threshold()?));
            trees.sizes.push(0);
            open.push((depth + 1, Some(at)));
            open.push((depth + 1, None));
        }
        if !open.is_empty() {
            return Err(self.wrong("a tree ends too early"));
        }
        if rows != sample_size {
            return Err(self.wrong("the leaves of a tree do not hold the sub-sample"));
        }
        trees.close();
        Ok(())
    }

    fn threshold<F: Float>(&mut self) -> Result<F, IsolationForestError> {
        let wide = f64::from_bits(u64::from_le_bytes(self.take()?));
        let threshold = F::cast(wide);
        // Also refuses what an f32 model cannot hold exactly.
        if !wide.is_finite() || threshold.to_f64().map(f64::to_bits) != Some(wide.to_bits()) {
            return Err(self.wrong("a threshold is not a finite number of the model's float type"));
        }
        if wide == 0.0 && wide.is_sign_negative() {
            return Err(self.wrong("a threshold of −0, which is written as 0"));
        }
        Ok(threshold)
    }
}

#[cfg(feature = "serde")]
mod serde_support {
    use super::{Float, IsolationForest};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Serialises as the canonical bytes.
    impl<F: Float> Serialize for IsolationForest<F> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.to_bytes())
        }
    }

    /// Reads the canonical bytes, with every check of [`IsolationForest::from_bytes`].
    impl<'de, F: Float> Deserialize<'de> for IsolationForest<F> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let bytes = Vec::<u8>::deserialize(deserializer)?;
            Self::from_bytes(&bytes).map_err(D::Error::custom)
        }
    }
}
