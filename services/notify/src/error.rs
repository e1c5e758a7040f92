//! What can go wrong, sorted by what the caller can do about it.

/// The result of every operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is wrong: correct it.
    #[error("section [notify]: {0}")]
    Settings(String),
    /// Disk, secret file or directory failed.
    #[error(transparent)]
    Kit(#[from] kit::Error),
    /// The event log failed for good.
    #[error(transparent)]
    Log(#[from] stream::Error),
    /// A patient's keys could not be looked up; it is tried again.
    #[error("looking up a patient's stream key: {0}")]
    Keys(String),
    /// A mail could not be composed; this is a fault of the program or of an address.
    #[error("composing a mail: {0}")]
    Compose(String),
}

impl Error {
    /// Whether the same may go well a little later.
    pub fn is_passing(&self) -> bool {
        use stream::Error as Log;
        match self {
            Self::Keys(_) => true,
            Self::Log(error) => matches!(
                error,
                Log::Rebalanced { .. }
                    | Log::Unsettled { .. }
                    | Log::Unreachable { .. }
                    | Log::Unavailable { .. }
                    | Log::Broker { .. }
            ),
            Self::Settings(_) | Self::Kit(_) | Self::Compose(_) => false,
        }
    }
}
