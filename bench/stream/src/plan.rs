//! Which messages there are, in which order, and who is ill when.

/// 2023-11-15 09:00 UTC.
pub(crate) const START_MS: i64 = 1_700_038_800_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
/// One patient in so many has an episode.
const ILL_EVERY: u32 = 10;
/// An episode begins at the earliest so long after training.
const WELL_MINUTES: u32 = 10;
pub(crate) const EPISODE_MINUTES: u32 = 45;

/// A message a patient and minute, all patients in turn. They join one after the other over the first minutes, so that their
/// blocks are not all due in the same minute later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) patients: u32,
    training: u32,
    minutes: u32,
    /// `before[m]`: messages before minute `m`; one more than there are minutes.
    before: Vec<u64>,
}

impl Plan {
    /// Of `minutes` minutes, the first `joining` of which have a growing number of patients, and the first `training` of which
    /// are only learned from.
    pub(crate) fn new(patients: u32, joining: u32, training: u32, minutes: u32) -> Self {
        let mut before = vec![0];
        let mut sum = 0;
        for minute in 0..minutes {
            sum += u64::from(joined(patients, joining, minute));
            before.push(sum);
        }
        Self { patients, training, minutes, before }
    }

    pub(crate) fn minutes(&self) -> u32 {
        self.minutes
    }

    /// Patients who send in a minute: those with the lowest numbers.
    pub(crate) fn sending(&self, minute: u32) -> u32 {
        let at = minute as usize;
        let messages = self.before.get(at..at + 2).map_or(0, |pair| pair[1] - pair[0]);
        u32::try_from(messages).unwrap_or(self.patients)
    }

    /// The first minute of a patient.
    pub(crate) fn first_minute(&self, patient: u32) -> u32 {
        (0..self.minutes).find(|minute| self.sending(*minute) > patient).unwrap_or(self.minutes)
    }

    pub(crate) fn training_messages(&self) -> u64 {
        self.before.get(self.training as usize).copied().unwrap_or(0)
    }

    pub(crate) fn messages(&self) -> u64 {
        self.before.last().copied().unwrap_or(0)
    }

    /// Minute and patient of the n-th message.
    pub(crate) fn place(&self, message: u64) -> Option<(u32, u32)> {
        let minute = self.before.partition_point(|before| *before <= message).checked_sub(1)?;
        let within = message - self.before.get(minute)?;
        (message < self.messages()).then_some((u32::try_from(minute).ok()?, u32::try_from(within).ok()?))
    }

    /// First minute of a patient's episode and the one after its last; its number says which kind it is.
    pub(crate) fn episode(&self, patient: u32) -> Option<Episode> {
        let (number, ill) = (patient / ILL_EVERY, self.patients.div_ceil(ILL_EVERY));
        let earliest = self.training + WELL_MINUTES;
        let room = self.minutes.checked_sub(earliest + EPISODE_MINUTES)?;
        if !patient.is_multiple_of(ILL_EVERY) {
            return None;
        }
        // Spread evenly over the whole time, in an order that has nothing to do with the patients' own.
        let turn = u64::from(number) * 7_919 % u64::from(ill);
        let from = earliest + u32::try_from(turn * u64::from(room) / u64::from(ill)).unwrap_or(0);
        Some(Episode { number, from, to: from + EPISODE_MINUTES })
    }

    pub(crate) fn is_ill(&self, patient: u32, minute: u32) -> bool {
        self.episode(patient).is_some_and(|episode| (episode.from..episode.to).contains(&minute))
    }

    /// The minute of an instant.
    pub(crate) fn minute_of(&self, time_ms: i64) -> Option<u32> {
        u32::try_from((time_ms - START_MS).div_euclid(MINUTE_MS)).ok()
    }
}

/// A labelled episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Episode {
    pub(crate) number: u32,
    pub(crate) from: u32,
    pub(crate) to: u32,
}

fn joined(patients: u32, joining: u32, minute: u32) -> u32 {
    if minute >= joining {
        return patients;
    }
    let part = u64::from(patients) * u64::from(minute + 1) / u64::from(joining);
    u32::try_from(part).unwrap_or(patients)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_message_has_its_place_and_patients_join_one_after_the_other() {
        let plan = Plan::new(100, 4, 5, 10);
        assert_eq!([0, 1, 2, 3, 9].map(|minute| plan.sending(minute)), [25, 50, 75, 100, 100]);
        assert_eq!([0, 24, 25, 99].map(|patient| plan.first_minute(patient)), [0, 0, 1, 3]);
        assert_eq!((plan.training_messages(), plan.messages()), (350, 850));
        let mut message = 0;
        for minute in 0..10 {
            for patient in 0..plan.sending(minute) {
                assert_eq!(plan.place(message), Some((minute, patient)));
                message += 1;
            }
        }
        assert_eq!(plan.place(message), None);
    }

    #[test]
    fn a_tenth_of_the_patients_is_ill_once_after_training_and_before_the_end() {
        let plan = Plan::new(1_000, 60, 80, 300);
        let episodes: Vec<Episode> = (0..1_000).filter_map(|patient| plan.episode(patient)).collect();
        assert_eq!(episodes.len(), 100);
        assert!(episodes.iter().all(|episode| episode.from >= 90 && episode.to <= 300));
        let early = episodes.iter().filter(|episode| episode.from < 172).count();
        assert!((45..=55).contains(&early), "{early}");
        assert!(!plan.is_ill(3, 100));
        // Too short a time holds none.
        assert_eq!(Plan::new(1_000, 0, 80, 100).episode(0), None);
    }

    #[test]
    fn an_instant_is_in_the_minute_that_it_follows() {
        let plan = Plan::new(1, 0, 1, 2);
        assert_eq!(plan.minute_of(START_MS + 59_999), Some(0));
        assert_eq!(plan.minute_of(START_MS + 60_000), Some(1));
        assert_eq!(plan.minute_of(START_MS - 1), None);
    }
}
