//! `undecided`: the proposed blocks that a node kept before it voted, with what their proposers signed.

use ledger::{Chain, Digest, Domain, Signature};

use super::Walked;
use crate::undecided::{FIXED_BYTES, FRAME_BYTES, Undecided};

/// Blocks that came by sync have a certificate and no signature of a proposer.
const UNSIGNED: Signature = Signature([0; 64]);

/// Checks every byte of the file.
pub(super) fn walk(bytes: &[u8], network: &Digest) -> Walked {
    let mut at = 0;
    while at < bytes.len() {
        let Some((frame, rest)) = bytes.get(at..).and_then(|rest| rest.split_at_checked(FRAME_BYTES)) else {
            return Ok(Some(at));
        };
        let (length, digest) = frame.split_at(4);
        let length = u32::from_le_bytes(length.try_into().unwrap_or_default()) as usize;
        let Some(body) = rest.get(..length) else {
            let reason = format!("a record of {length} bytes runs past the end of the file");
            return if is_cut_off(rest, length) { Ok(Some(at)) } else { Err((at, reason)) };
        };
        if digest != ledger::sha256(body).as_bytes() {
            return Err((at, "a record has another digest than its frame says".into()));
        }
        record(body, network).map_err(|reason| (at + FRAME_BYTES, reason))?;
        at += FRAME_BYTES + length;
    }
    Ok(None)
}

/// Whether the rest of a file is the beginning of a record of this length: a write that was interrupted. A record tells its
/// length twice, so one whose length was changed is told from it.
fn is_cut_off(rest: &[u8], length: usize) -> bool {
    let inner = rest.get(FIXED_BYTES - 4..FIXED_BYTES).and_then(|inner| inner.try_into().ok());
    inner.is_none_or(|inner| (u32::from_le_bytes(inner) as usize).checked_add(FIXED_BYTES) == Some(length))
}

fn record(body: &[u8], network: &Digest) -> Result<(), String> {
    let record: Undecided = ledger::decode("undecided block", body).map_err(|error| error.to_string())?;
    if record.signature == UNSIGNED {
        return Ok(());
    }
    let block_bytes = u32::try_from(record.block.len()).unwrap_or(u32::MAX);
    // The opening of the block's stream: the second of the two things that are signed as proposals.
    let content = (1u8, record.height, record.round, record.hash, block_bytes, record.proposer);
    let digest = Chain::record(*network).digest_of(Domain::Proposal, &content);
    let verified = record.proposer.verify(&digest, &record.signature);
    verified.map_err(|_| format!("the signature of {} on block {} does not verify", record.proposer, record.hash))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use ledger::KeyPair;
    use rand_core::OsRng;

    use super::*;

    const NETWORK: Digest = Digest([7; 32]);

    /// A file as the store writes it.
    fn file(records: &[Undecided]) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("undecided");
        let mut store = crate::undecided::UndecidedStore::open(&path, 0).unwrap();
        for record in records {
            store.insert(record.clone()).unwrap();
        }
        std::fs::read(path).unwrap()
    }

    fn proposed(height: u64, network: &Digest) -> Undecided {
        let key = KeyPair::from_seed(&[5; 32]);
        let (hash, block) = (Digest([1; 32]), vec![9; 70]);
        let content = (1u8, height, 3u32, hash, 70u32, key.public());
        let signature = key.sign(&Chain::record(*network).digest_of(Domain::Proposal, &content), &mut OsRng);
        Undecided { height, round: 3, hash, proposer: key.public(), signature, block }
    }

    fn synced(height: u64) -> Undecided {
        Undecided { signature: UNSIGNED, ..proposed(height, &NETWORK) }
    }

    #[test]
    fn every_flipped_bit_is_named_at_or_before_its_place() {
        let bytes = file(&[proposed(1, &NETWORK), synced(2), proposed(3, &NETWORK)]);
        assert_eq!(walk(&bytes, &NETWORK), Ok(None));
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                let found = walk(&changed, &NETWORK);
                assert!(found.is_err_and(|(at, _)| at <= place), "bit {bit} of byte {place} was changed");
            }
        }
    }

    #[test]
    fn a_write_that_was_interrupted_at_any_byte_is_no_damage() {
        let whole = file(&[proposed(1, &NETWORK)]).len();
        let bytes = file(&[proposed(1, &NETWORK), synced(2)]);
        for cut in whole + 1..bytes.len() {
            assert_eq!(walk(&bytes[..cut], &NETWORK), Ok(Some(whole)), "cut at {cut}");
        }
        assert_eq!(walk(&[], &NETWORK), Ok(None));
    }

    #[test]
    fn a_block_that_its_proposer_signed_for_another_network_is_refused() {
        let (at, reason) = walk(&file(&[proposed(1, &Digest([8; 32]))]), &NETWORK).unwrap_err();
        assert!(at == FRAME_BYTES && reason.contains("does not verify"), "{at}: {reason}");
    }
}
