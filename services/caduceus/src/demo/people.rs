//! The simulated people of the demo: who they are, what happens to them, and their readings hour by hour.

use physiology::{Illness, IllnessKind, PatientStream, Plan};
use vitals::Reading;

pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;
/// Monday, 2 March 2026, 00:00 UTC: fixed, so that the same seed gives the same run.
pub(crate) const START_MS: i64 = 1_772_409_600_000;
/// The baseline needs 14 days; one more shows that it holds.
pub(crate) const BACKFILL_DAYS: i64 = 15;
/// Simulated days after the backfill.
pub(crate) const LIVE_DAYS: i64 = 3;
/// How many people are simulated.
pub(crate) const PEOPLE: u32 = 6;

/// When the live part begins.
pub(crate) const LIVE_MS: i64 = START_MS + BACKFILL_DAYS * DAY_MS;
/// When the story ends.
pub(crate) const END_MS: i64 = LIVE_MS + LIVE_DAYS * DAY_MS;

/// A simulated person with the part of the readings that was not sent yet.
pub(crate) struct Person {
    pub(crate) name: String,
    stream: std::iter::Peekable<PatientStream>,
    /// Sequence of the device's next reading.
    pub(crate) next_sequence: u64,
}

/// The labelled episodes: what is there to be found.
pub(crate) fn illnesses() -> Vec<Illness> {
    let ill = |patient, kind, from_hours: i64, hours: f64| {
        let start_ms = LIVE_MS + from_hours * HOUR_MS;
        #[expect(clippy::cast_possible_truncation, reason = "a few hours")]
        let end_ms = start_ms + (hours * HOUR_MS as f64) as i64;
        Illness { patient, start_ms, end_ms, kind }
    };
    vec![
        // Every value stays inside the hard limits: only the forest can find it.
        ill(1, IllnessKind::InfectionLikeDrift, 4, 46.0),
        ill(2, IllnessKind::Desaturation, 14, 0.5),
        ill(4, IllnessKind::Tachycardia, 30, 0.75),
    ]
}

/// The people of a seed.
pub(crate) fn people(seed: u64) -> Vec<Person> {
    let plan = Plan { seed, start_ms: START_MS, end_ms: END_MS, offset_minutes: 60, interval_minutes: 1 };
    let illnesses = illnesses();
    (0..PEOPLE)
        .map(|number| Person {
            name: format!("patient-{}", number + 1),
            stream: PatientStream::new(plan, number, &illnesses).peekable(),
            next_sequence: 0,
        })
        .collect()
}

impl Person {
    /// The device's readings before an instant that were not taken yet.
    pub(crate) fn until(&mut self, end_ms: i64) -> Vec<Reading> {
        let mut taken = Vec::new();
        while let Some(reading) = self.stream.next_if(|reading| reading.time_ms < end_ms) {
            taken.push(reading);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_people_however_their_readings_are_cut() {
        let (mut whole, mut cut) = (people(7), people(7));
        let all = whole[1].until(START_MS + DAY_MS);
        let mut pieces = Vec::new();
        for minute in 1..=24 * 60 {
            pieces.extend(cut[1].until(START_MS + minute * 60_000));
        }
        assert!(all.len() > 24 * 60 && all == pieces);
        assert_ne!(people(8)[1].until(START_MS + DAY_MS), all);
    }

    #[test]
    fn every_labelled_episode_lies_in_the_live_part() {
        for illness in illnesses() {
            assert!(illness.start_ms >= LIVE_MS && illness.end_ms < END_MS && illness.patient < PEOPLE);
        }
    }
}
