//! References that go into mails: blinded, stable, and never a name.

use ledger::{Chain, Domain};
use vitals::EpisodeId;

use crate::outbox::{Key, Step};

/// Crockford's base 32: no I, L, O, U, so that it can be read aloud.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The reference of a patient in mails, such as `7K3Q`, long `7K3Q-9DXM-T2`: derived from the personal chain's id by a hash,
/// so it is stable and says nothing to whoever does not know the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientRef(String);

impl PatientRef {
    /// The reference of a personal chain.
    pub fn of(chain: &Chain) -> Self {
        let digest = chain.digest(Domain::Episode, b"patient reference");
        Self(digest.0.iter().take(10).map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
    }

    /// Four letters: enough to tell open mails apart.
    pub fn short(&self) -> &str {
        &self.0[..4]
    }

    /// Ten letters in groups: enough to tell all patients of a clinic apart.
    pub fn long(&self) -> String {
        format!("{}-{}-{}", &self.0[..4], &self.0[4..8], &self.0[8..])
    }
}

impl std::fmt::Display for PatientRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.long())
    }
}

/// The first four hex digits of an episode, as in subjects: `4F2A`.
pub(crate) fn episode_short(episode: EpisodeId) -> String {
    episode.to_string()[..4].to_uppercase()
}

/// The `Message-ID` of a step, without angle brackets: the same whenever and by whomever it is sent.
pub(crate) fn message_id(chain: &Chain, key: &Key, domain: &str) -> String {
    let digest = chain.digest_of(Domain::Episode, &(key.episode, key.step)).to_string();
    format!("{}.{}@{domain}", &digest[..32], key.step.name())
}

/// The file name of a step's mail: sorts by time, and the same step has the same name.
pub(crate) fn file_name(chain: &Chain, key: &Key, queued_ms: i64) -> String {
    let instant = jiff::Timestamp::from_millisecond(queued_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let order = match key.step {
        Step::Opened => 1,
        Step::Resolved => 2,
    };
    let time = instant.strftime("%Y%m%dT%H%M%S.%3fZ");
    format!("{time}-{}-{}-{order}-{}.eml", PatientRef::of(chain).short(), key.episode, key.step.name())
}
