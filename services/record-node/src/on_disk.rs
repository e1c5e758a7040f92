//! The record chain over its index on disk, brought to the end of the node's blocks.

use std::path::Path;

use erm::{Block, Genesis, NodeStore as _, State};
use ledger::Digest;
use store::segment_log::ReadOnlyLog;

use crate::blocks::{BLOCKS_DIR, contents};
use crate::sled_store::{Folder, KEPT_HEIGHTS, SledStore};
use crate::{ErmMachine, Error};

/// Told the height that is reached and the height of the last block.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

impl ErmMachine<SledStore> {
    /// The chain of a genesis with its state in the folder `index`, at the last block of the node whose data directory
    /// is `data_dir`. What the index lacks is executed from the blocks.
    ///
    /// The blocks are the truth: an index that is missing, damaged, of another network or layout, or of other blocks is
    /// thrown away with a warning and made anew.
    ///
    /// # Errors
    /// [`Error::Config`] for a genesis that founds no network; [`Error::Store`] where a node has the blocks or the index
    /// open, or the block log is damaged; [`Error::Corrupt`], [`Error::Diverged`] for blocks that are not this chain's;
    /// [`Error::Io`] for the disk. Never because of what the index holds.
    pub fn on_disk(genesis: Genesis, index: &Path, data_dir: &Path) -> Result<Self, Error> {
        Self::on_disk_with(genesis, index, data_dir, KEPT_HEIGHTS, &mut |_, _| {})
    }

    /// [`on_disk`](Self::on_disk), with the number of heights behind the head that stay provable, and the progress told.
    ///
    /// # Errors
    /// As [`on_disk`](Self::on_disk).
    pub fn on_disk_with(
        genesis: Genesis,
        index: &Path,
        data_dir: &Path,
        kept_heights: u64,
        progress: &mut Progress<'_>,
    ) -> Result<Self, Error> {
        let (blocks, folder) = hold(&genesis, index, data_dir)?;
        match SledStore::existing(&folder, &genesis.network(), kept_heights)? {
            None => {}
            Some(found) => {
                match found.map_err(|damage| damage.to_string()).and_then(|store| resume(&genesis, store, &blocks)) {
                    Err(reason) => warn(index, &reason),
                    Ok(mut state) => match blocks.execute(&mut state, progress) {
                        Ok(()) => return Ok(Self { state }),
                        // The blocks cannot be read: the index is not at fault.
                        Err(error @ (Error::Store(_) | Error::Io { .. } | Error::Corrupt { .. })) => return Err(error),
                        Err(error) => warn(index, &error.to_string()),
                    },
                }
            }
        }
        build(genesis, &folder, &blocks, kept_heights, progress)
    }

    /// Throws the index away, whatever it holds, and builds it from the blocks.
    ///
    /// # Errors
    /// As [`on_disk`](Self::on_disk).
    pub fn rebuild(
        genesis: Genesis,
        index: &Path,
        data_dir: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<Self, Error> {
        let (blocks, folder) = hold(&genesis, index, data_dir)?;
        build(genesis, &folder, &blocks, KEPT_HEIGHTS, progress)
    }

    /// Blocks that changed who decides the next one, up to a height: their heights and the sets after them, lowest first.
    ///
    /// # Errors
    /// [`erm::Error::Store`] where the index cannot be read.
    pub fn validator_changes(&self, through: u64) -> Result<Vec<(u64, ledger::ValidatorSet)>, erm::Error> {
        self.state.store().validator_changes(through)
    }
}

/// Keeps other processes away from blocks and index.
fn hold(genesis: &Genesis, index: &Path, data_dir: &Path) -> Result<(Blocks, Folder), Error> {
    genesis.check().map_err(|error| Error::Config { key: "genesis", reason: error.to_string() })?;
    let blocks = Blocks::open(data_dir)?;
    Ok((blocks, Folder::hold(index)?))
}

fn build(
    genesis: Genesis,
    folder: &Folder,
    blocks: &Blocks,
    kept_heights: u64,
    progress: &mut Progress<'_>,
) -> Result<ErmMachine<SledStore>, Error> {
    let store = SledStore::fresh(folder, &genesis.network(), kept_heights)?;
    let mut state = State::genesis(genesis, store).map_err(|error| disk(folder.dir(), &error))?;
    blocks.execute(&mut state, progress)?;
    Ok(ErmMachine { state })
}

fn warn(index: &Path, reason: &str) {
    tracing::warn!(dir = %index.display(), reason, "the index of the record chain is thrown away and rebuilt from the blocks");
}

fn disk(index: &Path, error: &erm::Error) -> Error {
    Error::Io { path: index.to_owned(), source: std::io::Error::other(error.to_string()) }
}

/// The state that a store holds, where it is the state after one of the blocks.
fn resume(genesis: &Genesis, store: SledStore, blocks: &Blocks) -> Result<State<SledStore>, String> {
    if store.head().map_err(|error| error.to_string())?.is_none() {
        return Err("it holds no head".into());
    }
    let state = State::open(genesis.clone(), store).map_err(|error| error.to_string())?;
    let head = state.head();
    if head.height > blocks.height() {
        return Err(format!("it stands at height {}, the blocks end at {}", head.height, blocks.height()));
    }
    let expected = match head.height {
        0 => (state.network(), head.state_root),
        height => blocks.header(height, &state.network()).map_err(|error| error.to_string())?,
    };
    if (head.block, head.state_root) != expected {
        return Err(format!("its block of height {} is not the one in the log", head.height));
    }
    Ok(state)
}

/// The blocks of a node that is not running.
struct Blocks {
    dir: std::path::PathBuf,
    /// None where no block was ever decided.
    log: Option<ReadOnlyLog>,
}

impl Blocks {
    fn open(data_dir: &Path) -> Result<Self, Error> {
        let dir = data_dir.join(BLOCKS_DIR);
        match ReadOnlyLog::open(&dir, store::Settings::default()) {
            Ok(log) => Ok(Self { dir, log: Some(log) }),
            Err(store::Error::NotFound { .. }) => Ok(Self { dir, log: None }),
            Err(error) => Err(error.into()),
        }
    }

    /// Height of the last block: unit `n` holds height `n + 1`.
    fn height(&self) -> u64 {
        self.log.as_ref().map_or(0, |log| log.end().sequence)
    }

    /// Hash and state root of the block of a height.
    fn header(&self, height: u64, network: &Digest) -> Result<(Digest, Digest), Error> {
        let missing = || Error::Corrupt { path: self.dir.clone(), reason: format!("block {height} is not there") };
        let mut reader = self.log.as_ref().ok_or_else(missing)?.reader_from(height.saturating_sub(1))?;
        let unit = reader.next_unit()?.ok_or_else(missing)?;
        let (block, _) = contents(&self.dir, height, &unit)?;
        let block = Block::decode(&block).map_err(|error| self.corrupt(height, &error))?;
        Ok((block.hash(network), block.header.state_root))
    }

    fn corrupt(&self, height: u64, error: &dyn std::fmt::Display) -> Error {
        Error::Corrupt { path: self.dir.clone(), reason: format!("block {height}: {error}") }
    }

    /// Executes every block above the state's head.
    fn execute(&self, state: &mut State<SledStore>, progress: &mut Progress<'_>) -> Result<(), Error> {
        let Some(log) = &self.log else { return Ok(()) };
        let (network, end) = (state.network(), self.height());
        let mut reader = log.reader_from(state.head().height)?;
        while let Some(unit) = reader.next_unit()? {
            let height = unit.position.sequence.saturating_add(1);
            let (bytes, certificate) = contents(&self.dir, height, &unit)?;
            let block = Block::decode(&bytes).map_err(|error| self.corrupt(height, &error))?;
            if block.hash(&network) != certificate.block {
                return Err(self.corrupt(height, &"it does not hash to what its certificate names"));
            }
            let diverged =
                |error: erm::Error| Error::Diverged { height, block: certificate.block, reason: error.to_string() };
            // A quorum checked the signatures when it decided.
            let executed = state.validate_with(&block, &|_| true).map_err(diverged)?;
            state.apply(executed).map_err(diverged)?;
            progress(height, end);
        }
        Ok(())
    }
}
