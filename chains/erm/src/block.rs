//! Blocks of the record chain.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain, root_of};

use crate::genesis::BLOCK_BYTES_MAX;
use crate::{Error, Refusal};

/// What a block is named by and what validators vote on.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// From 1.
    pub height: u64,
    /// Hash of the block before; the network id for height 1.
    pub parent: Digest,
    /// Later than the parent's.
    pub time_ms: i64,
    /// RFC 6962 over the encoded transactions.
    pub transactions_root: Digest,
    /// Root of the state after this block.
    pub state_root: Digest,
    /// Digest of the validator set that decides this block.
    pub validators: Digest,
    /// Digest of the validator set that decides the next.
    pub next_validators: Digest,
}

/// A header and the encoded, signed transactions that it covers.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// Each the encoding of a [`Signed`](crate::Signed).
    pub transactions: Vec<Vec<u8>>,
}

impl Header {
    /// `digest(ErmBlock, header)`.
    pub fn hash(&self, network: &Digest) -> Digest {
        Chain::record(*network).digest_of(Domain::ErmBlock, self)
    }
}

impl Block {
    /// The header's hash.
    pub fn hash(&self, network: &Digest) -> Digest {
        self.header.hash(network)
    }

    /// Root over the transactions that it holds, whatever the header says.
    pub fn transactions_root(&self) -> Digest {
        root_of(&self.transactions)
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        ledger::encode(self)
    }

    /// Decodes the one canonical encoding, of bounded size.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        // Header, lengths of up to 65,536 transactions and the transactions.
        if bytes.len() > BLOCK_BYTES_MAX as usize + (1 << 20) {
            return Err(Refusal::BlockTooLarge.into());
        }
        Ok(ledger::decode("block", bytes)?)
    }
}
