//! `votes.wal`: the engine's write-ahead log (Malachite's format, version 1), read without the engine, which would cut it.
//!
//! Its checksums cover the bodies of entries only. What stands around them is held against what it says about itself:
//! the height in the header against the entries', lengths against those inside.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain, PublicKey, Signature, Vote, VoteKind};

use super::Walked;
use crate::wire::{Consensus, Polka, ProposedValue};

/// `version u32 ‖ height u64`, big-endian.
const HEADER_BYTES: usize = 12;
/// `compressed u8 ‖ length u64 ‖ CRC32 u32`, big-endian; the checksum is of the body.
const ENTRY_HEADER_BYTES: usize = 13;
/// Before the message of an entry: its kind, and the length of the message.
const MESSAGE_AT: usize = 9;
/// A whole entry of a timeout: its kind, the step, the round.
const TIMEOUT_BYTES: usize = 10;

const CONSENSUS: u8 = 1;
const TIMEOUT: u8 = 2;
const PROPOSED_VALUE: u8 = 4;
const POLKA: u8 = 8;

/// Checks every byte of the file. `decided`: height of the node's last block.
pub(super) fn walk(bytes: &[u8], network: &Digest, decided: u64) -> Walked {
    if bytes.is_empty() {
        return Ok(None);
    }
    let short = || (0, "it ends inside its header; the node does not start with it".to_owned());
    let version = u32::from_be_bytes(array(bytes, 0).ok_or_else(short)?);
    let height = u64::from_be_bytes(array(bytes, 4).ok_or_else(short)?);
    if version != 1 {
        return Err((0, format!("its version is {version}, version 1 is known")));
    }
    let other = |said: u64| {
        let hint = "if the process was killed while it went on to the next block, the node mends this when it starts";
        (4, format!("it is for height {height}, an entry for {said}: one of the two was changed ({hint})"))
    };
    let (mut at, mut told) = (HEADER_BYTES, false);
    while at < bytes.len() {
        if bytes.get(at).is_some_and(|compressed| *compressed != 0) {
            return Err((at, "an entry is marked as compressed; none is written so".into()));
        }
        let (Some(length), Some(checksum)) = (array(bytes, at + 1), array(bytes, at + 9)) else {
            return Ok(Some(at));
        };
        let (length, checksum) = (u64::from_be_bytes(length), u32::from_be_bytes(checksum));
        let rest = bytes.get(at + ENTRY_HEADER_BYTES..).unwrap_or_default();
        let body = match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
            Some(body) => body,
            None if is_cut_off(rest, length) => return Ok(Some(at)),
            None => return Err((at + 1, format!("an entry of {length} bytes runs past the end of the file"))),
        };
        if crc32fast::hash(body) != checksum {
            return Err((at, "the checksum of an entry does not match".into()));
        }
        let said = entry(body, network).map_err(|reason| (at + ENTRY_HEADER_BYTES, reason))?;
        if let Some(said) = said {
            if said != height {
                return Err(other(said));
            }
            told = true;
        }
        at += ENTRY_HEADER_BYTES + body.len();
    }
    let next = decided.saturating_add(1);
    if height > next || (!told && height < decided) {
        return Err((4, format!("it is for height {height}; the node's blocks end at {decided}")));
    }
    Ok(None)
}

/// Whether the rest of a file is the beginning of an entry of this length: an append that was interrupted. An entry tells its
/// length twice, so one whose length was changed is told from it.
fn is_cut_off(rest: &[u8], length: u64) -> bool {
    match (rest.first(), array(rest, 1)) {
        (Some(&TIMEOUT), _) => rest.len() < TIMEOUT_BYTES && length == TIMEOUT_BYTES as u64,
        (Some(_), Some(inner)) => u64::from_be_bytes(inner).checked_add(MESSAGE_AT as u64) == Some(length),
        _ => true,
    }
}

/// Reads an entry and verifies what is signed in it. The height that it is about, where it says one.
fn entry(body: &[u8], network: &Digest) -> Result<Option<u64>, String> {
    let kind = body.first().ok_or("an entry is empty")?;
    if *kind == TIMEOUT {
        let known = body.get(1).is_some_and(|step| matches!(step, 1 | 2 | 3 | 7));
        return if known && body.len() == TIMEOUT_BYTES { Ok(None) } else { Err("a timeout is malformed".into()) };
    }
    let length: [u8; 8] = array(body, 1).ok_or("an entry ends before its message")?;
    let message = body.get(MESSAGE_AT..).unwrap_or_default();
    if u64::from_be_bytes(length) != message.len() as u64 {
        return Err("the message of an entry has another length than the entry says".into());
    }
    match *kind {
        CONSENSUS => match decode("consensus message", message)? {
            Consensus::Vote(vote, signature) => {
                signed(&vote.validator, &vote.digest(network), &signature, "vote")?;
                Ok(Some(vote.height))
            }
            Consensus::Proposal { height, round, block, valid_round, proposer, signature } => {
                let content = &(0u8, height, round, block, valid_round, proposer);
                let digest = Chain::record(*network).digest_of(Domain::Proposal, content);
                signed(&proposer, &digest, &signature, "proposal")?;
                Ok(Some(height))
            }
        },
        PROPOSED_VALUE => Ok(Some(decode::<ProposedValue>("proposed value", message)?.height)),
        POLKA => {
            let Polka { height, round, block, signatures } = decode("polka certificate", message)?;
            for (validator, signature) in signatures {
                let vote = Vote { kind: VoteKind::Prevote, height, round, block: Some(block), validator };
                signed(&validator, &vote.digest(network), &signature, "vote of a polka certificate")?;
            }
            Ok(Some(height))
        }
        other => Err(format!("no entry is of kind {other}")),
    }
}

fn decode<T: BorshSerialize + BorshDeserialize>(what: &'static str, bytes: &[u8]) -> Result<T, String> {
    ledger::decode(what, bytes).map_err(|error| error.to_string())
}

fn signed(key: &PublicKey, digest: &Digest, signature: &Signature, what: &str) -> Result<(), String> {
    key.verify(digest, signature).map_err(|_| format!("the signature of a {what} of {key} does not verify"))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use ledger::KeyPair;
    use rand_core::OsRng;

    use super::*;

    const NETWORK: Digest = Digest([7; 32]);

    fn framed(body: &[u8]) -> Vec<u8> {
        let mut entry = vec![0];
        entry.extend((body.len() as u64).to_be_bytes());
        entry.extend(crc32fast::hash(body).to_be_bytes());
        entry.extend(body);
        entry
    }

    fn message<T: BorshSerialize>(kind: u8, value: &T) -> Vec<u8> {
        let bytes = ledger::encode(value);
        [&[kind][..], &(bytes.len() as u64).to_be_bytes(), &bytes].concat()
    }

    fn vote(height: u64, network: &Digest) -> Vec<u8> {
        let key = KeyPair::from_seed(&[3; 32]);
        let vote = Vote { kind: VoteKind::Precommit, height, round: 0, block: None, validator: key.public() };
        let signature = key.sign(&vote.digest(network), &mut OsRng);
        message(CONSENSUS, &Consensus::Vote(vote, signature))
    }

    fn polka(height: u64) -> Vec<u8> {
        let key = KeyPair::from_seed(&[4; 32]);
        let block = Digest([9; 32]);
        let vote = Vote { kind: VoteKind::Prevote, height, round: 2, block: Some(block), validator: key.public() };
        let signatures = vec![(key.public(), key.sign(&vote.digest(&NETWORK), &mut OsRng))];
        message(POLKA, &Polka { height, round: 2, block, signatures })
    }

    fn timeout() -> Vec<u8> {
        [&[TIMEOUT, 3][..], &0i64.to_be_bytes()].concat()
    }

    fn file(height: u64, entries: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = 1u32.to_be_bytes().to_vec();
        bytes.extend(height.to_be_bytes());
        bytes.extend(entries.iter().flat_map(|entry| framed(entry)));
        bytes
    }

    #[test]
    fn a_file_as_the_engine_leaves_it_is_right_while_its_height_is_decided_and_before() {
        let bytes = file(5, &[timeout(), vote(5, &NETWORK), polka(5)]);
        for decided in [4, 5, 9] {
            assert_eq!(walk(&bytes, &NETWORK, decided), Ok(None), "blocks to {decided}");
        }
        assert!(walk(&bytes, &NETWORK, 3).is_err(), "two heights ahead of the blocks");
        assert_eq!(walk(&file(5, &[]), &NETWORK, 4), Ok(None));
        assert_eq!(walk(&[], &NETWORK, 0), Ok(None), "made and not written yet");
    }

    #[test]
    fn every_flipped_bit_is_named_at_or_before_its_place() {
        let bytes = file(6, &[timeout(), vote(6, &NETWORK), polka(6), timeout()]);
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                let found = walk(&changed, &NETWORK, 6);
                assert!(found.is_err_and(|(at, _)| at <= place), "bit {bit} of byte {place} was changed");
            }
        }
    }

    #[test]
    fn an_append_that_was_interrupted_at_any_byte_is_no_damage() {
        let first = vote(6, &NETWORK);
        let whole = file(6, std::slice::from_ref(&first)).len();
        for last in [vote(6, &NETWORK), polka(6), timeout()] {
            let bytes = file(6, &[first.clone(), last]);
            for cut in whole + 1..bytes.len() {
                assert_eq!(walk(&bytes[..cut], &NETWORK, 5), Ok(Some(whole)), "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_vote_under_another_network_and_bytes_behind_a_message_are_refused_though_checksums_match() {
        let foreign = file(6, &[vote(6, &Digest([8; 32]))]);
        assert!(walk(&foreign, &NETWORK, 5).unwrap_err().1.contains("does not verify"));
        let mut longer = vote(6, &NETWORK);
        longer.push(0);
        assert!(walk(&file(6, &[longer]), &NETWORK, 5).is_err());
        for malformed in [vec![], vec![3], vec![TIMEOUT, 4, 0, 0, 0, 0, 0, 0, 0, 0], vec![TIMEOUT, 1]] {
            assert!(walk(&file(6, std::slice::from_ref(&malformed)), &NETWORK, 5).is_err(), "{malformed:?}");
        }
    }
}
