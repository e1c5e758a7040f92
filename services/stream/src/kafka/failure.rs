//! librdkafka's errors in this crate's words, and what its clients report besides.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::Error;

/// Errors that pass while a broker restarts, a leader moves or a connection is made again.
pub(super) fn passes(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::TimedOutQueue
            | Code::MessageTimedOut
            | Code::NetworkException
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::WaitingForCoordinator
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::UnstableOffsetCommit
            | Code::OffsetNotAvailable
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::KafkaStorageError
            | Code::PollExceeded
            | Code::AssignmentLost
            | Code::Retry
            // A broker that just came back does not know all of its topics yet.
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
    )
}

fn denied(code: Code) -> bool {
    matches!(
        code,
        Code::Authentication
            | Code::SSL
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::IllegalSASLState
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
    )
}

/// Whether a later writer of the same name took over.
pub(super) fn fenced(code: Code) -> bool {
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

/// Whether the group went on without this member.
pub(super) fn rebalanced(code: Code) -> bool {
    matches!(
        code,
        Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::RebalanceInProgress
            | Code::FencedInstanceId
            | Code::FencedMemberEpoch
            | Code::StaleMemberEpoch
    )
}

/// An error outside a transaction.
pub(super) fn named(doing: &str, error: &KafkaError) -> Error {
    match error.rdkafka_error_code() {
        Some(code) if denied(code) => Error::Denied { reason: error.to_string() },
        Some(code) if passes(code) => Error::Unavailable { reason: error.to_string() },
        _ => Error::Broker { doing: doing.to_owned(), reason: error.to_string() },
    }
}

/// What a client heard from its connections: the reason behind a call that just times out.
#[derive(Debug)]
pub(super) struct Heard {
    last: Mutex<Option<(Code, String)>>,
    refused: Mutex<Option<String>>,
    count: Arc<AtomicU64>,
}

impl Heard {
    /// Counts trouble there.
    pub(super) fn counting(count: &Arc<AtomicU64>) -> Self {
        Self { last: Mutex::default(), refused: Mutex::default(), count: count.clone() }
    }

    pub(super) fn error(&self, error: &KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        self.count.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%error, reason, "the connection to the broker reports trouble");
        if denied(code) {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
        // That all brokers are down says less than what came before it.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if code != Code::AllBrokersDown || last.is_none() {
            *last = Some((code, reason.to_owned()));
        }
    }

    /// The broker refused the credentials.
    pub(super) fn refused(&self) -> Option<Error> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        refused.map(|reason| Error::Denied { reason })
    }

    /// A call timed out: why, as far as it was heard.
    pub(super) fn unreachable(&self, address: &str, waited: Duration) -> Error {
        if let Some(refused) = self.refused() {
            return refused;
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reason = last.map_or_else(|| "nothing was heard at all".to_owned(), |(_, reason)| reason);
        Error::Unreachable { address: address.to_owned(), seconds: waited.as_secs(), reason }
    }
}

/// librdkafka's own words, at our levels.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        // Lost connections are reported as errors there; here they are waited out.
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
            tracing::warn!(target: "librdkafka", facility, "{message}")
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            tracing::debug!(target: "librdkafka", facility, "{message}");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_refusal_is_told_apart_from_silence() {
        let count = Arc::default();
        let heard = Heard::counting(&count);
        let address = "127.0.0.1:1";
        let silent = heard.unreachable(address, Duration::from_secs(3));
        assert!(
            matches!(&silent, Error::Unreachable { address: named, seconds: 3, .. } if named == address),
            "{silent}"
        );
        heard.error(&KafkaError::Global(Code::BrokerTransportFailure), "Connect failed: Connection refused");
        heard.error(&KafkaError::Global(Code::AllBrokersDown), "1/1 brokers are down");
        assert!(heard.unreachable(address, Duration::from_secs(3)).to_string().contains("Connection refused"));
        heard.error(&KafkaError::Global(Code::Authentication), "SASL authentication error: wrong password");
        heard.error(&KafkaError::Global(Code::AllBrokersDown), "1/1 brokers are down");
        assert!(
            matches!(heard.unreachable(address, Duration::from_secs(3)), Error::Denied { reason } if reason.contains("wrong password"))
        );
        assert_eq!(count.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn no_error_is_both_passing_and_final() {
        for code in [Code::Authentication, Code::ProducerFenced, Code::IllegalGeneration, Code::MessageSizeTooLarge] {
            assert!(!passes(code), "{code:?}");
        }
    }
}
