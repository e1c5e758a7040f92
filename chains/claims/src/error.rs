/// Why something of a claim, an event or a receipt is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value is not what its type allows: correct the request.
    #[error("{what} is refused: {reason}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// An opened field does not belong to the commitment that the record chain holds: do not trust it.
    #[error("field {field} does not open the commitment that the record chain holds")]
    NotCommitted {
        /// The field's number.
        field: u16,
    },
    /// The state cannot be read now: try again.
    #[error("the record chain's state cannot be read: {reason}")]
    State {
        /// What the state said.
        reason: String,
    },
    /// What is kept here does not fit the record chain: look at the keystore and the documents.
    #[error("the keys or documents here do not fit the record chain: {reason}")]
    Custody {
        /// What does not fit.
        reason: String,
    },
    /// The receipt file is no canonical receipt: ask for it again.
    #[error("the receipt does not read: {reason}")]
    Unreadable {
        /// What is wrong, with the place in the file where there is one.
        reason: String,
    },
    /// A part of the receipt is not true: refuse the whole receipt.
    #[error("receipt refused at {part}: {reason}")]
    Refused {
        /// Which part.
        part: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    pub(crate) fn refused(part: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Refused { part: part.into(), reason: reason.to_string() }
    }
}
