//! The founding document of a network.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain, PublicKey, ValidatorSet, VrfPublicKey, WrapPublicKey};
use serde::{Deserialize, Serialize};

use crate::{Error, Id, Role, Roster};

/// Most bytes of a genesis file.
pub const GENESIS_BYTES_MAX: usize = 16 << 20;
/// Most keys of an authority policy.
pub const AUTHORITY_KEYS_MAX: usize = 16;
/// Hard bound of a transaction, whatever a genesis says.
pub const TRANSACTION_BYTES_MAX: u32 = 256 << 10;
/// Hard bound of a block's transactions, whatever a genesis says.
pub const BLOCK_BYTES_MAX: u32 = 8 << 20;

/// Who founds the network, who weighs what and what is allowed. Its digest is the network id.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Version of this format: 1.
    pub version: u8,
    /// For people: 1 to 64 characters.
    pub name: String,
    /// Time of the state at height 0, milliseconds since 1970.
    pub time_ms: i64,
    /// Partitions of the topics of readings, the same at every member.
    pub partitions: u32,
    /// Whose signatures admit and change members.
    pub authority: Authority,
    /// Weight of one unit per role, ascending by role; a role that is missing weighs nothing.
    pub weights: Vec<RoleWeight>,
    /// Ascending by id.
    pub operators: Vec<Operator>,
    /// Ascending by id.
    pub parties: Vec<Party>,
    /// What a block may hold.
    pub limits: Limits,
}

/// An m-of-n policy.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Signatures that are needed: 1 to the number of keys.
    pub threshold: u8,
    /// Ascending, each once.
    pub keys: Vec<PublicKey>,
}

/// Weight of one unit in the hands of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleWeight {
    /// The role.
    pub role: Role,
    /// Weight per unit.
    pub weight: u32,
}

/// Who runs parties and votes with the sum of their weight.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Its name.
    pub id: Id,
    /// The key that signs its votes.
    pub validator: PublicKey,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its name.
    pub id: Id,
    /// Who runs it.
    pub operator: Id,
    /// What it is.
    pub role: Role,
    /// Signs its transactions.
    pub signer: PublicKey,
    /// Names its events and claim lines.
    pub vrf: VrfPublicKey,
    /// What data keys for it are wrapped for.
    pub wrap: WrapPublicKey,
    /// Bonded units.
    pub units: u64,
}

/// Bounds of blocks and transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most transactions of a block.
    pub block_transactions: u32,
    /// Most bytes of a block's transactions.
    pub block_bytes: u32,
    /// Most bytes of one transaction.
    pub transaction_bytes: u32,
    /// How many heights ahead a transaction's expiry may lie.
    pub expiry_heights: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { block_transactions: 4_096, block_bytes: 2 << 20, transaction_bytes: 64 << 10, expiry_heights: 10_000 }
    }
}

impl Authority {
    /// Threshold within the keys, keys ascending and each once.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.keys.is_empty() || self.keys.len() > AUTHORITY_KEYS_MAX {
            return Err("an authority policy has 1 to 16 keys");
        }
        if self.threshold == 0 || usize::from(self.threshold) > self.keys.len() {
            return Err("an authority policy's threshold is 1 to its number of keys");
        }
        if self.keys.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err("an authority policy's keys ascend, each once");
        }
        Ok(())
    }
}

impl Genesis {
    /// The network id: `digest(Genesis, borsh(genesis))` with network and chain zero.
    pub fn network(&self) -> Digest {
        Chain::record(Digest::ZERO).digest_of(Domain::Genesis, self)
    }

    /// The validators of height 1. Fails where the genesis breaks an invariant of the stake.
    pub fn validators(&self) -> Result<ValidatorSet, Error> {
        Roster::founding(self).validators().map_err(|error| Error::Genesis(error.to_string()))
    }

    /// The file: two-space indented, keys in the order of the structure, one final newline.
    pub fn to_json(&self) -> Result<String, Error> {
        let mut text = serde_json::to_string_pretty(self).map_err(|error| Error::Genesis(error.to_string()))?;
        text.push('\n');
        Ok(text)
    }

    /// Reads and checks a file; one that differs from its own re-encoding in any byte is refused.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        let refuse = |reason: String| Err(Error::Genesis(reason));
        if bytes.len() > GENESIS_BYTES_MAX {
            return refuse(format!("the file has {} bytes; at most {GENESIS_BYTES_MAX} are allowed", bytes.len()));
        }
        let genesis: Self = match serde_json::from_slice(bytes) {
            Ok(genesis) => genesis,
            Err(error) => return refuse(error.to_string()),
        };
        let again = genesis.to_json()?;
        if again.as_bytes() != bytes {
            let offset = again.bytes().zip(bytes.iter().copied()).take_while(|(ours, theirs)| ours == theirs).count();
            return refuse(format!(
                "the file is not in its canonical form: it first differs at byte {offset}; write it again with this program"
            ));
        }
        genesis.check()?;
        Ok(genesis)
    }

    /// Checks everything that a genesis must hold.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |reason: &str| Err(Error::Genesis(reason.into()));
        if self.version != 1 {
            return refuse("its version is not 1");
        }
        if self.name.is_empty() || self.name.chars().count() > 64 || self.name.chars().any(char::is_control) {
            return refuse("its name is 1 to 64 characters without control characters");
        }
        if self.time_ms < 0 {
            return refuse("its time is before 1970");
        }
        if self.partitions == 0 || self.partitions > 4_096 {
            return refuse("partitions are 1 to 4096");
        }
        self.authority.check().or_else(refuse)?;
        if self.weights.windows(2).any(|pair| pair[0].role >= pair[1].role) {
            return refuse("weights ascend by role, each role once");
        }
        if self.operators.windows(2).any(|pair| pair[0].id >= pair[1].id) {
            return refuse("operators ascend by id, each once");
        }
        if self.parties.windows(2).any(|pair| pair[0].id >= pair[1].id) {
            return refuse("parties ascend by id, each once");
        }
        let operators: BTreeSet<&Id> = self.operators.iter().map(|operator| &operator.id).collect();
        if let Some(party) = self.parties.iter().find(|party| !operators.contains(&party.operator)) {
            return refuse(&format!("party {} names operator {}, which is not listed", party.id, party.operator));
        }
        let keys: BTreeSet<&PublicKey> = self.operators.iter().map(|operator| &operator.validator).collect();
        if keys.len() != self.operators.len() {
            return refuse("two operators have the same validator key");
        }
        self.limits.check().or_else(refuse)?;
        self.validators().map(|_| ())
    }
}

impl Limits {
    fn check(&self) -> Result<(), &'static str> {
        if self.block_transactions == 0 || self.block_transactions > 65_536 {
            return Err("limits: block_transactions is 1 to 65536");
        }
        if self.transaction_bytes < 4_096 || self.transaction_bytes > TRANSACTION_BYTES_MAX {
            return Err("limits: transaction_bytes is 4096 to 262144");
        }
        if self.block_bytes < self.transaction_bytes || self.block_bytes > BLOCK_BYTES_MAX {
            return Err("limits: block_bytes is transaction_bytes to 8388608");
        }
        if self.expiry_heights == 0 {
            return Err("limits: expiry_heights is at least 1");
        }
        Ok(())
    }
}
