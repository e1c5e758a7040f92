/// What goes wrong in the portal itself; what is wrong with a request is an [`Outcome`](crate::Outcome).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The event log does not take or give records now: try again; nothing was acknowledged.
    #[error("event log: {0}")]
    Log(#[from] stream::Error),
    /// The record chain does not answer or refuses.
    #[error(transparent)]
    Chain(#[from] crate::ChainError),
    /// Files or blobs cannot be written or read: look at the disk.
    #[error("{doing}: {reason}")]
    Storage {
        /// What was being done.
        doing: String,
        /// What the system said.
        reason: String,
    },
    /// A key is not held here: look at the keystore.
    #[error("{0} is not held here")]
    NoKey(String),
    /// The part that does this has ended; start the process anew.
    #[error("{0} has ended; start the process anew")]
    Ended(&'static str),
    /// The call itself is wrong; the message says how.
    #[error("refused: {0}")]
    Invalid(String),
}

impl Error {
    pub(crate) fn storage(doing: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Storage { doing: doing.into(), reason: reason.to_string() }
    }
}
