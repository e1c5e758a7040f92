//! What can go wrong, sorted by what the caller can do about it.

use std::path::PathBuf;

/// The result of every operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. Unless a variant says otherwise, nothing of the refused batch is or ever becomes visible.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another writer of the same name was opened later. Stop: whoever opened it goes on in this one's place.
    #[error("writer {writer:?} was replaced by a later writer of the same name; stop this one, the later one goes on")]
    Fenced {
        /// The name both writers were opened with.
        writer: String,
    },
    /// The read position was moved by a member of the group that no longer owns the partition. Drop the open work,
    /// call [`Reader::next`](crate::Reader::next) to learn what is still assigned, and go on from the committed position.
    #[error(
        "group {group:?} has been rebalanced since this batch was prepared ({reason}); drop its work and read on from the committed position"
    )]
    Rebalanced {
        /// The group.
        group: String,
        /// What showed it.
        reason: String,
    },
    /// It is not known whether the batch was committed (the connection was lost at the last step). Open the writer again by
    /// the same name, which settles it, and go on from the committed position.
    #[error(
        "it is not known whether the last batch of writer {writer:?} was committed ({reason}); open the writer again and go on from the committed position"
    )]
    Unsettled {
        /// The writer.
        writer: String,
        /// What the log said.
        reason: String,
    },
    /// The topic is not declared here, or the broker does not have it.
    #[error("topic {topic:?} is unknown: {remedy}")]
    UnknownTopic {
        /// The topic asked for.
        topic: String,
        /// What to do about it.
        remedy: String,
    },
    /// The topic has another partition count than the network's configuration pins.
    #[error(
        "topic {topic:?} has {found} partitions, but the configuration pins {expected}: keys would land elsewhere; correct the setting, or move the data to a topic with {expected} partitions"
    )]
    PartitionCount {
        /// The topic.
        topic: String,
        /// What the configuration pins.
        expected: u32,
        /// What the log has.
        found: u32,
    },
    /// The broker would acknowledge with fewer copies than durability needs.
    #[error(
        "{subject} has {setting} = {found}, at least {needed} is needed for an acknowledged record to survive a lost broker; raise it, or set allow_single_broker = true where losing data is acceptable"
    )]
    TooLittleReplication {
        /// The topic or broker looked at.
        subject: String,
        /// The Kafka setting.
        setting: &'static str,
        /// Its value.
        found: i64,
        /// What is needed.
        needed: i64,
    },
    /// The broker could not be reached within the bound. Check the address and that it runs; then try again.
    #[error(
        "no answer from the event log at {address} within {seconds} s ({reason}); check the address and that the broker runs"
    )]
    Unreachable {
        /// The configured addresses.
        address: String,
        /// How long it was tried, in seconds.
        seconds: u64,
        /// The last thing the client library reported.
        reason: String,
    },
    /// The broker refused these credentials or this operation. Correct them; trying again does not help.
    #[error("the event log refused access ({reason}); check the credentials and the access rules of this user")]
    Denied {
        /// What was refused.
        reason: String,
    },
    /// A record or a batch is larger than the log takes.
    #[error("a record or batch for topic {topic:?} has {bytes} bytes, the limit is {limit}; split it")]
    TooLarge {
        /// The topic of the record, or of the batch's first record.
        topic: String,
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The call itself is wrong; the message says how.
    #[error("refused: {0}")]
    Invalid(String),
    /// Another process or handle has this directory open.
    #[error("{path} is in use by another process; one process a directory: stop the other or choose another directory")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Bytes on disk are not what was written. Nothing was changed; restore the file from a copy.
    #[error("{path} is damaged at byte {position}: {reason}; nothing was changed, restore it from a copy")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in it, in bytes.
        position: u64,
        /// What is wrong.
        reason: String,
    },
    /// A passing trouble of the broker. Nothing was committed; the same call may be made again.
    #[error("the event log could not take this now ({reason}); nothing was committed, try again")]
    Unavailable {
        /// What the log said.
        reason: String,
    },
    /// The log was closed.
    #[error("the event log is closed")]
    Closed,
    /// The disk or the operating system failed; the log takes no more.
    #[error("{doing}: {reason}")]
    Storage {
        /// What was being done, and where.
        doing: String,
        /// What the system said.
        reason: String,
    },
    /// The client library reported something that none of the above covers.
    #[error("{doing}: {reason}")]
    Broker {
        /// What was being done.
        doing: String,
        /// What the library said.
        reason: String,
    },
}
