//! Eight signals a minute from the simulator of bodies, of people who lie in bed.
//!
//! The peers' features know nothing of walking: by day each of their alerts is about somebody who gets up, and no label says
//! whether a pipeline works. So the bodies are taken from the small hours of one night after the other.

use physiology::{Illness, IllnessKind, PatientStream};
use vitals::{Reading, Signal};

use crate::plan::{Episode, MINUTE_MS, Plan};

const SEED: u64 = 20_231_115;
/// In the order of a message.
pub(crate) const SIGNALS: [Signal; 8] = [
    Signal::HeartRate,
    Signal::Respiration,
    Signal::Spo2,
    Signal::Temperature,
    Signal::HrvSdnn,
    Signal::Systolic,
    Signal::Diastolic,
    Signal::Steps,
];
const HEART_RATE: usize = 0;
const SYSTOLIC: usize = 5;
const DIASTOLIC: usize = 6;
const STEPS: usize = 7;

/// Thousandths of each signal's unit.
pub(crate) type Values = [i64; 8];

/// Minutes of a simulated night that are used, and the minute of the day at which they begin.
const NIGHT_MINUTES: u32 = 240;
const NIGHT_BEGINS: u32 = 60;
const DAY_MINUTES: u32 = 1_440;

/// The simulator's instant of a minute of the plan: of so many minutes of one night after the other.
fn simulated_ms(minute: u32) -> i64 {
    let (night, within) = (minute / NIGHT_MINUTES, minute % NIGHT_MINUTES);
    i64::from(night * DAY_MINUTES + NIGHT_BEGINS + within) * MINUTE_MS
}

/// One patient's body. What the simulator leaves out in a minute (a reading in a hundred is lost, the band is off the wrist
/// now and then) stays as it was, but for steps; blood pressure, which it gives once a day, follows the heart rate.
pub(crate) struct Body {
    stream: PatientStream,
    next: Option<Reading>,
    last: Values,
    patient: u32,
    usual: [i64; 2],
}

impl Body {
    pub(crate) fn new(plan: &Plan, patient: u32) -> Self {
        let own = physiology::Plan {
            seed: SEED,
            start_ms: simulated_ms(plan.first_minute(patient)),
            end_ms: simulated_ms(plan.minutes()) + MINUTE_MS,
            offset_minutes: 0,
            interval_minutes: 1,
        };
        let illnesses = plan.episode(patient).map_or_else(Vec::new, |episode| nights(patient, episode));
        let mut stream = PatientStream::new(own, patient, &illnesses);
        let next = stream.next();
        let usual = [110_000 + noise(patient, 0, 1) * 20, 68_000 + noise(patient, 0, 2) * 12];
        Self { stream, next, last: [68_000, 15_000, 97_000, 36_600, 50_000, 0, 0, 0], patient, usual }
    }

    /// The values of a minute; minutes are asked for in their order.
    pub(crate) fn values(&mut self, minute: u32) -> Values {
        let end_ms = simulated_ms(minute) + MINUTE_MS;
        self.last[STEPS] = 0;
        while let Some(reading) = self.next.filter(|reading| reading.time_ms < end_ms) {
            let place = SIGNALS.iter().position(|signal| *signal == reading.signal);
            if let Some(place) = place.filter(|place| ![SYSTOLIC, DIASTOLIC].contains(place)) {
                self.last[place] = reading.value_milli;
            }
            self.next = self.stream.next();
        }
        let beyond = self.last[HEART_RATE] - 68_000;
        for (place, usual, share) in [(SYSTOLIC, self.usual[0], 4), (DIASTOLIC, self.usual[1], 8)] {
            let around = (noise(self.patient, minute, place as u64) - 500) * 6;
            let level = (usual + beyond / share + around).clamp(60_000, 190_000);
            self.last[place] = level / 1_000 * 1_000;
        }
        self.last
    }
}

/// An episode in the simulator's time: what goes on into the next night is an illness in each.
fn nights(patient: u32, Episode { number, from, to }: Episode) -> Vec<Illness> {
    let kind = if number.is_multiple_of(2) { IllnessKind::Desaturation } else { IllnessKind::Tachycardia };
    let seam = (from / NIGHT_MINUTES + 1) * NIGHT_MINUTES;
    let parts = [(from, to.min(seam)), (seam, to)].into_iter().filter(|(from, to)| from < to);
    let illness = |(from, to): (u32, u32)| {
        let (start_ms, end_ms) = (simulated_ms(from), simulated_ms(to - 1) + MINUTE_MS);
        Illness { patient, start_ms, end_ms, kind }
    };
    parts.map(illness).collect()
}

/// A repeatable number from 0 to 1000 (SplitMix64's mixing; Steele, Lea, Flood 2014).
fn noise(patient: u32, minute: u32, what: u64) -> i64 {
    let mut z = (u64::from(patient) << 32 | u64::from(minute)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ what;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    i64::try_from((z ^ z >> 31) % 1_001).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_repeatable_plausible_and_change_when_they_fall_ill() {
        let plan = Plan::new(20, 0, 20, 120);
        let episode = plan.episode(0);
        let (mut body, mut again) = (Body::new(&plan, 0), Body::new(&plan, 0));
        let (mut lowest_well, mut lowest_ill) = (100_000, 100_000);
        for minute in 0..120 {
            let values = body.values(minute);
            assert_eq!(values, again.values(minute));
            for (signal, value_milli) in SIGNALS.into_iter().zip(values) {
                let reading = Reading {
                    signal,
                    value_milli,
                    time_ms: 0,
                    offset_minutes: Some(0),
                    provenance: vitals::Provenance::Device,
                };
                assert!(reading.check_value().is_ok(), "{signal:?} {value_milli}");
                assert!(signal != Signal::Steps || value_milli == 0, "somebody is up");
            }
            let lowest = if plan.is_ill(0, minute) { &mut lowest_ill } else { &mut lowest_well };
            *lowest = values[2].min(*lowest);
        }
        assert!(episode.is_some() && lowest_ill < 88_000 && lowest_well > 92_000, "{lowest_ill} {lowest_well}");
    }

    #[test]
    fn an_episode_over_two_nights_is_as_long_as_it_is() {
        let minutes = |from: u32, to: u32| {
            let parts = nights(0, Episode { number: 0, from, to });
            parts.iter().map(|part| (part.end_ms - part.start_ms) / MINUTE_MS).collect::<Vec<_>>()
        };
        assert_eq!(minutes(230, 275), [10, 35]);
        assert_eq!(minutes(195, 240), [45]);
        assert_eq!(minutes(240, 285), [45]);
    }
}
