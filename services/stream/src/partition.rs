//! Which partition a key belongs to: murmur2 as Kafka's own clients compute it (librdkafka's `murmur2_random`), so that any
//! producer of any language puts a patient's records where ours does. Pinned: changing it would scatter a patient over partitions.

/// The partition of a key among `partitions` (at least 1).
///
/// ```
/// assert_eq!(stream::partition_of(b"patient-1", 8), stream::partition_of(b"patient-1", 8));
/// ```
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff).checked_rem(partitions).unwrap_or(0)
}

/// 32-bit `MurmurHash2` with Kafka's seed (Austin Appleby, 2008; `org.apache.kafka.common.utils.Utils.murmur2`).
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    // Kafka takes the length as a 32-bit integer; keys here are bounded far below that.
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut last = [0; 4];
        last[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u32::from_le_bytes(last)).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors that Apache Kafka's own `UtilsTest.testMurmur2` pins.
    #[test]
    fn murmur2_equals_kafkas_golden_vectors() {
        let golden: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, hash) in golden {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn keys_spread_over_all_partitions_and_stay_in_range() {
        let mut hits = [0_u32; 8];
        for patient in 0..8000 {
            hits[partition_of(format!("patient-{patient}").as_bytes(), 8) as usize] += 1;
        }
        assert!(hits.iter().all(|&n| (800..1200).contains(&n)), "{hits:?}");
        assert_eq!(partition_of(b"x", 1), 0);
    }
}
