//! A record's proof: a file that anyone checks without a network (capabilities E4, E5).

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, InclusionProof, PublicKey, Salt, Signature, decode, encode};

use crate::{Act, Directive, Error, Header, Opening, may_append};

/// Shows that a record is in a batch of a block that a writer signed.
///
/// It opens one record: the salt tells nothing of its neighbours.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordProof {
    /// Network and chain.
    pub chain: Chain,
    /// The batch's category.
    pub category: u8,
    /// The record's salt.
    pub salt: Salt,
    /// The record's canonical bytes.
    pub record: Vec<u8>,
    /// From the record's commitment to the batch's root.
    pub inclusion: InclusionProof,
    /// The block's header.
    pub header: Header,
    /// The writer's signature over the header's hash.
    pub signature: Signature,
}

/// What a proof shows once it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proved {
    /// Hash of the block.
    pub block: Digest,
    /// Height of the block.
    pub height: u64,
    /// Who signed it. That the patient named this writer is shown by [`Authority`].
    pub writer: PublicKey,
}

impl RecordProof {
    /// Checks everything within: commitment, inclusion, count, signature.
    pub fn verify(&self) -> Result<Proved, Error> {
        let refuse = |reason: &str| Error::Proof(reason.into());
        let entry =
            self.header.batch(self.category).ok_or_else(|| refuse("the block has no batch of this category"))?;
        if self.inclusion.size != u64::from(entry.count) {
            return Err(refuse("it is for a batch of another size"));
        }
        let commitment = self.salt.commit(&self.chain, &self.record);
        self.inclusion
            .verify(&commitment.0, &entry.root)
            .map_err(|_| refuse("the record is not in the batch that the block commits to"))?;
        let block = self.header.hash(&self.chain);
        self.header
            .writer
            .verify(&block, &self.signature)
            .map_err(|_| refuse("the block is not signed by its writer"))?;
        Ok(Proved { block, height: self.header.height, writer: self.header.writer })
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Decodes canonical bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Ok(decode("proof of a record", bytes)?)
    }
}

/// The patient's own signatures on who may write: the opening and the directives up to some block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Authority {
    /// The opening and the patient's signature.
    pub opening: (Opening, Signature),
    /// Directives in the order of their sequence.
    pub directives: Vec<(Directive, Signature)>,
}

impl Authority {
    /// Checks that the patient of this chain named the signer of a proved block. That no later directive
    /// was left out is not visible here; the whole chain shows it.
    pub fn verify(&self, proof: &RecordProof) -> Result<(), Error> {
        let (opening, signature) = &self.opening;
        if opening.chain(proof.chain.network) != proof.chain {
            return Err(Error::Proof("the opening is that of another chain".into()));
        }
        opening.verify(proof.chain.network, signature)?;
        let mut writers = &opening.writers;
        for ((directive, signature), due) in self.directives.iter().zip(0u64..) {
            if directive.sequence != due {
                return Err(Error::Proof(format!("directive {due} is missing")));
            }
            directive.verify(&proof.chain, &opening.patient, signature).map_err(Error::Proof)?;
            let Act::ReplaceWriters(named) = &directive.act;
            writers = named;
        }
        if !may_append(writers, &proof.header.writer, proof.header.time_ms) {
            return Err(Error::Proof("the patient has not named the block's writer".into()));
        }
        Ok(())
    }
}
