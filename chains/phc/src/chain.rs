//! Following a personal chain: what the next block must be, and the check that it is.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, PublicKey, Signature, verify_batch};

use crate::block::{ANOMALIES_MAX, BATCH_RECORDS_MAX, DIRECTIVES_MAX};
use crate::{Act, Block, Error, Header, Span, Writer, may_append};

/// Signatures that are checked together.
const SIGNATURES_PER_BATCH: usize = 256;

/// Everything that decides which block may come next.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ChainState {
    /// The patient.
    pub patient: PublicKey,
    /// Who may write now.
    pub writers: Vec<Writer>,
    /// Sequence of the next directive.
    pub next_directive: u64,
    /// Height of the last block.
    pub height: u64,
    /// Hash of the last block.
    pub hash: Digest,
    /// Time of the last block, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Span of the last block.
    pub span: Span,
}

impl ChainState {
    /// Verifies a chain's first block, signatures included.
    pub fn open(network: Digest, block: &Block) -> Result<(Chain, Self), Error> {
        let Some((opening, signature)) = &block.body.opening else {
            return Err(Error::Opening { chain: Digest::ZERO, reason: "the first block carries no opening".into() });
        };
        let chain = opening.chain(network);
        let refuse = |reason: &str| Err(Error::Opening { chain: chain.id, reason: reason.into() });
        opening.verify(network, signature)?;
        if block.header != Header::of_opening(opening, network) {
            return refuse("its header is not the one of this opening");
        }
        if !block.body.anomalies.is_empty() || !block.body.directives.is_empty() {
            return refuse("it carries more than an opening");
        }
        let hash = block.hash(&chain);
        if opening.patient.verify(&hash, &block.signature).is_err() {
            return refuse("the block is not signed by the patient");
        }
        let state = Self {
            patient: opening.patient,
            writers: opening.writers.clone(),
            next_directive: 0,
            height: 0,
            hash,
            time_ms: opening.time_ms,
            span: block.header.span,
        };
        Ok((chain, state))
    }

    /// Moves on by one block after checking everything but the writer's signature, which is handed back
    /// with its key and digest, so that many can be checked at once with [`ledger::verify_batch`].
    pub fn advance(&mut self, chain: &Chain, block: &Block) -> Result<(PublicKey, Digest, Signature), Error> {
        let header = &block.header;
        let refuse = |reason: String| Err(Error::Block { chain: chain.id, height: header.height, reason });
        if self.height.checked_add(1) != Some(header.height) {
            return refuse(format!("it does not follow height {}", self.height));
        }
        if header.parent != self.hash {
            return refuse(format!("its parent is {}, the block before is {}", header.parent, self.hash));
        }
        if header.time_ms < self.time_ms {
            return refuse("its time goes back".into());
        }
        if !may_append(&self.writers, &header.writer, header.time_ms) {
            return refuse(format!("the patient has not named {} to append at its time", header.writer));
        }
        if let Err(reason) = self.check_span(header).and_then(|()| check_content(block)) {
            return refuse(reason);
        }
        let mut writers = None;
        let mut next_directive = self.next_directive;
        for (directive, signature) in &block.body.directives {
            if directive.sequence != next_directive {
                return refuse(format!("directive {} stands where {next_directive} is due", directive.sequence));
            }
            if let Err(reason) = directive.verify(chain, &self.patient, signature) {
                return refuse(reason);
            }
            let Act::ReplaceWriters(named) = &directive.act;
            writers = Some(named.clone());
            next_directive = next_directive.saturating_add(1);
        }
        let hash = header.hash(chain);
        if let Some(writers) = writers {
            self.writers = writers;
        }
        self.next_directive = next_directive;
        self.height = header.height;
        self.hash = hash;
        self.time_ms = header.time_ms;
        self.span = header.span;
        Ok((header.writer, hash, block.signature))
    }

    fn check_span(&self, header: &Header) -> Result<(), String> {
        let span = header.span;
        if span.from > span.through {
            return Err("its span ends before it begins".into());
        }
        if span.from != self.span.through || (self.height > 0 && span.partition != self.span.partition) {
            return Err(format!(
                "its span begins at {} of partition {}, the block before covers through {} of partition {}",
                span.from, span.partition, self.span.through, self.span.partition
            ));
        }
        if header.events.from_ms > header.events.to_ms {
            return Err("its interval ends before it begins".into());
        }
        Ok(())
    }
}

fn check_content(block: &Block) -> Result<(), String> {
    let (header, body) = (&block.header, &block.body);
    if body.opening.is_some() {
        return Err("only the first block carries an opening".into());
    }
    if header.batches.windows(2).any(|pair| pair[0].category >= pair[1].category) {
        return Err("its batches are not ascending by category".into());
    }
    if header.batches.iter().any(|entry| entry.count == 0 || entry.count > BATCH_RECORDS_MAX) {
        return Err(format!("a batch holds none or more than {BATCH_RECORDS_MAX} records"));
    }
    if body.anomalies.len() > ANOMALIES_MAX || body.directives.len() > DIRECTIVES_MAX {
        return Err("it holds more entries than a block may".into());
    }
    if body.anomalies.len() != header.anomalies as usize || body.anomalies_root() != header.anomalies_root {
        return Err("its anomalies are not those that its header commits to".into());
    }
    if body.directives.len() != header.directives as usize || body.directives_root() != header.directives_root {
        return Err("its directives are not those that its header commits to".into());
    }
    Ok(())
}

/// Verifies a whole chain, block by block; writers' signatures are checked 256 at a time.
///
/// ```
/// # use ledger::{Digest, KeyPair, WrapSecretKey};
/// # let mut rng = ledger::rng_from_seed([1; 32]);
/// # let network = Digest([9; 32]);
/// let patient = KeyPair::generate(&mut rng);
/// let wrap = WrapSecretKey::generate(&mut rng).public();
/// let opening = phc::Opening { patient: patient.public(), wrap, nonce: [3; 32], time_ms: 0, writers: vec![] };
/// let first = phc::Block::open(opening, network, &patient, &mut rng).unwrap();
/// let verifier = phc::ChainVerifier::open(network, &first).unwrap();
/// assert_eq!(verifier.finish().unwrap().height, 0);
/// ```
pub struct ChainVerifier {
    chain: Chain,
    state: ChainState,
    first_unsettled: u64,
    unsettled: Vec<(PublicKey, Digest, Signature)>,
}

impl ChainVerifier {
    /// Begins with the chain's first block.
    pub fn open(network: Digest, block: &Block) -> Result<Self, Error> {
        let (chain, state) = ChainState::open(network, block)?;
        Ok(Self { chain, state, first_unsettled: 1, unsettled: Vec::new() })
    }

    /// The chain.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Where the chain stands; the last signatures may still be unchecked.
    pub fn state(&self) -> &ChainState {
        &self.state
    }

    /// Takes the next block. An error may be about an earlier one, whose signature was still unchecked: it
    /// names the height.
    pub fn push(&mut self, block: &Block) -> Result<(), Error> {
        let item = self.state.advance(&self.chain, block)?;
        self.unsettled.push(item);
        if self.unsettled.len() >= SIGNATURES_PER_BATCH {
            self.settle()?;
        }
        Ok(())
    }

    /// Checks the signatures of all blocks that were taken.
    pub fn settle(&mut self) -> Result<(), Error> {
        if let Err(error) = verify_batch(&self.unsettled) {
            let ledger::Error::InvalidInBatch { positions } = error else {
                return Err(error.into());
            };
            let height = positions.first().map_or(0, |position| self.first_unsettled.saturating_add(*position as u64));
            return Err(Error::Block {
                chain: self.chain.id,
                height,
                reason: "its writer's signature does not verify".into(),
            });
        }
        self.first_unsettled = self.first_unsettled.saturating_add(self.unsettled.len() as u64);
        self.unsettled.clear();
        Ok(())
    }

    /// Checks what is left and says where the chain stands.
    pub fn finish(mut self) -> Result<ChainState, Error> {
        self.settle()?;
        Ok(self.state)
    }
}
