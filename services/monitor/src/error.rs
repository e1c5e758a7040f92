/// What ends a monitor. Everything that was not committed is done again by whoever goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that cannot work: change it.
    #[error("setting refused: {0}")]
    Setting(String),
    /// The event log failed for good, or another monitor of the same name was started.
    #[error("the event log: {0}")]
    Log(#[from] stream::Error),
    /// Blobs could not be stored or read.
    #[error("the blob store: {0}")]
    Blobs(#[from] store::Error),
    /// The source of keys failed; a key that is not there is no failure.
    #[error("keys of chain {chain} could not be fetched ({reason}); mend the source of keys and start again")]
    Keys {
        /// The chain.
        chain: ledger::Digest,
        /// What went wrong.
        reason: String,
    },
    /// A chain could not be continued.
    #[error(transparent)]
    Chain(#[from] phc::Error),
    /// What lies in the log is not what a monitor wrote: restore the log from a copy.
    #[error(
        "the state of chain {chain} at offset {offset} of partition {partition} is unreadable ({reason}); restore the log from a copy"
    )]
    State {
        /// The chain.
        chain: ledger::Digest,
        /// Partition of `monitor.state`.
        partition: u32,
        /// Offset there.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// An alert does not follow from what its file holds: refuse the file.
    #[error("the alert does not hold: {0}")]
    Alert(String),
    /// An anchor could not be submitted.
    #[error("anchor not submitted: {0}")]
    Anchor(String),
}

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
