//! The sealed detail of an anomaly, and the entry that commits to it.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, DataKey, Digest, Salt, decode, encode, sha256};
use rand_core::{CryptoRng, RngCore};

use crate::{Block, CATEGORY_ANOMALIES, Error, PatientKeys, Scope};

/// Most bytes of an anomaly.
pub const ANOMALY_BYTES_MAX: usize = 64 * 1024;

/// What is sealed.
#[derive(BorshSerialize, BorshDeserialize)]
struct Detail {
    salt: Salt,
    anomaly: Vec<u8>,
}

/// `"anomaly" ‖ height u64 ‖ index u32`: path of a detail's key below the key of category 253, and its context.
fn path(height: u64, index: u32) -> Vec<u8> {
    [b"anomaly".as_slice(), &height.to_le_bytes(), &index.to_le_bytes()].concat()
}

/// Commits to an anomaly and seals its detail.
pub(crate) fn seal(
    chain: &Chain,
    keys: &PatientKeys,
    height: u64,
    index: u32,
    anomaly: &[u8],
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<(Digest, Vec<u8>), Error> {
    let path = path(height, index);
    let key = keys.get(chain, Scope::Category(CATEGORY_ANOMALIES))?.derive(chain, &path);
    let salt = Salt::generate(rng);
    let commitment = salt.commit(chain, anomaly);
    Ok((commitment, key.seal(chain, &path, &encode(&Detail { salt, anomaly: anomaly.to_vec() }), rng)))
}

/// Opens the detail of a block's anomaly with the key of category 253 and checks it against its entry.
/// Returns the anomaly's canonical bytes.
pub fn open_anomaly(
    chain: &Chain,
    category_key: &DataKey,
    block: &Block,
    index: u32,
    sealed: &[u8],
) -> Result<Vec<u8>, Error> {
    open_anomaly_and_salt(chain, category_key, block, index, sealed).map(|(_, anomaly)| anomaly)
}

/// The same, with the salt of the commitment: for whoever shows the anomaly to others.
pub fn open_anomaly_and_salt(
    chain: &Chain,
    category_key: &DataKey,
    block: &Block,
    index: u32,
    sealed: &[u8],
) -> Result<(Salt, Vec<u8>), Error> {
    let height = block.header.height;
    let refuse = |reason: &str| Error::Anomaly { chain: chain.id, height, index, reason: reason.into() };
    let entry = block.body.anomalies.get(index as usize).ok_or_else(|| refuse("the block has none"))?;
    check_anomaly_blob(chain, block, index, sealed)?;
    let path = path(height, index);
    let plain = category_key
        .derive(chain, &path)
        .open(chain, &path, sealed)
        .map_err(|_| refuse("its detail does not open with this key"))?;
    let detail: Detail = decode("detail of an anomaly", &plain).map_err(|_| refuse("its detail does not decode"))?;
    if detail.salt.commit(chain, &detail.anomaly) != entry.commitment {
        return Err(refuse("its detail is not the one that the block commits to"));
    }
    Ok((detail.salt, detail.anomaly))
}

/// Checks a detail's blob against the block without any key: its length and digest.
pub fn check_anomaly_blob(chain: &Chain, block: &Block, index: u32, sealed: &[u8]) -> Result<(), Error> {
    let refuse =
        |reason: &str| Error::Anomaly { chain: chain.id, height: block.header.height, index, reason: reason.into() };
    let entry = block.body.anomalies.get(index as usize).ok_or_else(|| refuse("the block has none"))?;
    if sealed.len() != entry.detail.length as usize || sha256(sealed) != entry.detail.digest {
        return Err(refuse("its blob is not the one that the block commits to"));
    }
    Ok(())
}
