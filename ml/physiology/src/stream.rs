//! One person's readings, minute by minute.

use crate::chance::Chance;
use crate::illness::{Effect, Illness};
use crate::person::{Day, Person};
use vitals::{Provenance, Reading, Signal};

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 1_440;
/// Most readings of one minute.
const ROOM: usize = 16;

/// What to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The seed; persons differ by their numbers.
    pub seed: u64,
    /// First minute, UTC milliseconds (rounded down to a whole minute).
    pub start_ms: i64,
    /// End, exclusive, UTC milliseconds.
    pub end_ms: i64,
    /// Offset of the persons' clocks from UTC, minutes.
    pub offset_minutes: i16,
    /// One set of readings every so many minutes; sensor noise shrinks as if they were means. At least 1.
    pub interval_minutes: u16,
}

/// Readings of one person in the order of time. No reading allocates.
pub struct PatientStream {
    plan: Plan,
    person: Person,
    chance: Chance,
    day: Day,
    day_number: i64,
    minute: i64,
    end_minute: i64,
    noise: f64,
    /// Slow wander of heart rate, respiration and temperature, in units of their spread.
    wander: [f64; 3],
    /// Steps per minute of the walk that goes on, and minutes left of it.
    walk: (f64, i64),
    effort: f64,
    /// Minutes left with the band off the wrist.
    off_wrist: i64,
    illnesses: Vec<Illness>,
    buffer: [Option<Reading>; ROOM],
    filled: usize,
    next: usize,
}

impl PatientStream {
    /// Person `patient` of the plan; only illnesses with that number count.
    #[must_use]
    pub fn new(plan: Plan, patient: u32, illnesses: &[Illness]) -> Self {
        let interval = plan.interval_minutes.max(1);
        let person = Person::draw(&mut Chance::new(plan.seed, 1, u64::from(patient)));
        Self {
            plan: Plan { interval_minutes: interval, ..plan },
            person,
            chance: Chance::new(plan.seed, 2, u64::from(patient)),
            day: Day::default(),
            day_number: i64::MIN,
            minute: plan.start_ms.div_euclid(MINUTE_MS),
            end_minute: plan.end_ms.div_euclid(MINUTE_MS),
            noise: 1.0 / libm::sqrt(f64::from(interval)),
            wander: [0.0; 3],
            walk: (0.0, 0),
            effort: 0.0,
            off_wrist: 0,
            illnesses: illnesses.iter().filter(|illness| illness.patient == patient).copied().collect(),
            buffer: [None; ROOM],
            filled: 0,
            next: 0,
        }
    }

    /// Fills the buffer with the readings of the next interval.
    fn advance(&mut self) {
        let interval = i64::from(self.plan.interval_minutes);
        let minute = self.minute;
        self.minute += interval;
        (self.filled, self.next) = (0, 0);
        let local = minute + i64::from(self.plan.offset_minutes);
        if local.div_euclid(DAY_MINUTES) != self.day_number {
            self.day_number = local.div_euclid(DAY_MINUTES);
            self.day = Day::draw(&mut self.chance, &self.person);
        }
        let of_day = as_f64(local.rem_euclid(DAY_MINUTES));
        let effect = self
            .illnesses
            .iter()
            .map(|illness| illness.effect(minute * MINUTE_MS))
            .fold(Effect::default(), Effect::plus);
        let asleep = self.asleep(of_day);
        let steps = self.walk(asleep || effect.in_bed, interval);
        self.drift(interval);
        self.entries(minute, of_day, interval);
        if self.worn(interval) {
            self.measure(minute, of_day, asleep, steps, &effect);
        }
    }

    fn asleep(&self, of_day: f64) -> bool {
        let bed = self.day.bed_minute;
        of_day < self.day.wake_minute || of_day >= bed
    }

    /// Steps of the interval.
    fn walk(&mut self, resting: bool, interval: i64) -> f64 {
        let rate = self.person.walks_per_minute * self.day.activity * as_f64(interval);
        if self.walk.1 <= 0 && !resting && self.chance.happens(rate) {
            // Rounded down to whole minutes.
            let minutes = 3 + whole(self.chance.unit() * self.chance.unit() * 40.0);
            self.walk = (self.chance.between(25.0, 118.0), minutes);
        }
        let pace = if self.walk.1 > 0 && !resting { self.walk.0 } else { 0.0 };
        let minutes = self.walk.1.min(interval).max(0);
        self.walk.1 -= interval;
        let target = pace / 100.0;
        for _ in 0..interval {
            // The heart follows within minutes, up faster than down.
            self.effort += (target - self.effort) * if target > self.effort { 0.4 } else { 0.22 };
        }
        if pace > 0.0 { libm::round(pace * as_f64(minutes) * self.chance.between(0.9, 1.1)) } else { 0.0 }
    }

    fn drift(&mut self, interval: i64) {
        // First-order with a time constant of 90 minutes and unit spread.
        let keep = 1.0 - as_f64(interval) / 90.0;
        let fresh = libm::sqrt(1.0 - keep * keep);
        for wander in &mut self.wander {
            *wander = *wander * keep + fresh * self.chance.normal();
        }
    }

    fn worn(&mut self, interval: i64) -> bool {
        if self.off_wrist > 0 {
            self.off_wrist -= interval;
            return false;
        }
        if self.chance.happens(0.0006 * as_f64(interval)) {
            self.off_wrist = 10 + whole(self.chance.unit() * 80.0);
        }
        true
    }

    /// What the person enters: medicine, and blood pressure measured in the morning.
    fn entries(&mut self, minute: i64, of_day: f64, interval: i64) {
        let due = |at: f64| of_day <= at && at < of_day + as_f64(interval);
        if due(self.person.medicine_minute) {
            self.push(minute, 2, Signal::MedicationIntake, 1.0, 1.0, Provenance::Manual);
        }
        if due(self.person.wake_minute + 25.0) {
            let swing = self.chance.normal();
            let (systolic, diastolic) = (self.person.systolic + 6.0 * swing, self.person.diastolic + 4.0 * swing);
            self.push(minute, 3, Signal::Systolic, systolic, 1.0, Provenance::Device);
            self.push(minute, 3, Signal::Diastolic, diastolic, 1.0, Provenance::Device);
        }
    }

    fn measure(&mut self, minute: i64, of_day: f64, asleep: bool, steps: f64, effect: &Effect) {
        let Self { person, day, noise, wander, effort, .. } = *self;
        // Lowest at about four in the morning.
        let circadian = libm::cos((of_day - 1_000.0) * (2.0 * core::f64::consts::PI / 1_440.0));
        let sleep = if asleep { 1.0 } else { 0.0 };
        let mut noise_of = |spread: f64| spread * noise * self.chance.normal();

        let heart_rate = person.heart_rate + day.heart_rate + 2.0 * circadian - 7.0 * sleep
            + 1.6 * wander[0]
            + person.effort * effort
            + effect.heart_rate
            + noise_of(1.8);
        let respiration = person.respiration + day.respiration + 0.4 * circadian - 1.2 * sleep
            + 0.35 * wander[1]
            + 7.0 * effort
            + effect.respiration
            + noise_of(0.7);
        let spo2 = person.spo2 + day.spo2 - 0.4 * sleep + effect.spo2 + noise_of(0.6);
        let temperature = person.temperature
            + day.temperature
            + 0.28 * circadian
            + 0.06 * wander[2]
            + 0.2 * effort
            + effect.temperature
            + noise_of(0.05);
        let hrv_factor = 1.0 + day.hrv + 0.2 * sleep - 0.45 * effort.min(1.5) + effect.hrv + noise_of(0.12);
        let stage = if !asleep {
            0.0
        } else {
            // Cycles of 90 minutes: light, deep, light, REM.
            match whole(of_day / 22.5) % 4 {
                1 => 2.0,
                3 => 3.0,
                _ => 1.0,
            }
        };

        use Provenance::Device;
        self.push(minute, 5, Signal::HeartRate, heart_rate.clamp(30.0, 210.0), 1.0, Device);
        self.push(minute, 10, Signal::Respiration, respiration.clamp(5.0, 60.0), 10.0, Device);
        self.push(minute, 15, Signal::Spo2, spo2.clamp(60.0, 100.0), 1.0, Device);
        self.push(minute, 20, Signal::Temperature, temperature.clamp(34.0, 42.0), 100.0, Device);
        self.push(minute, 25, Signal::HrvSdnn, (person.hrv * hrv_factor.max(0.15)).clamp(5.0, 250.0), 10.0, Device);
        self.push(minute, 50, Signal::Steps, steps, 1.0, Device);
        let energy = person.energy * f64::from(self.plan.interval_minutes) + 0.04 * steps;
        self.push(minute, 52, Signal::Calories, energy, 10.0, Device);
        if asleep {
            self.push(minute, 55, Signal::SleepStage, stage, 1.0, Device);
        }
    }

    /// Adds a reading, resolved to `1 / steps_per_unit`; one in a hundred is lost on the way.
    fn push(
        &mut self,
        minute: i64,
        second: i64,
        signal: Signal,
        value: f64,
        steps_per_unit: f64,
        provenance: Provenance,
    ) {
        if provenance == Provenance::Device && self.chance.happens(0.01) {
            return;
        }
        let value_milli = vitals::milli::from_f64(libm::round(value * steps_per_unit) / steps_per_unit);
        let place = self.buffer.get_mut(self.filled);
        if let (Some(value_milli), Some(place)) = (value_milli, place) {
            *place = Some(Reading {
                signal,
                value_milli,
                time_ms: minute * MINUTE_MS + second * 1_000,
                offset_minutes: Some(self.plan.offset_minutes),
                provenance,
            });
            self.filled += 1;
        }
    }
}

impl Iterator for PatientStream {
    type Item = Reading;

    fn next(&mut self) -> Option<Reading> {
        while self.next >= self.filled {
            if self.minute >= self.end_minute {
                return None;
            }
            self.advance();
        }
        let reading = self.buffer.get(self.next).copied().flatten();
        self.next += 1;
        reading
    }
}

/// Minutes and days are far below 2^53.
fn as_f64(minutes: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    let value = minutes as f64;
    value
}

/// The whole part of a small number.
fn whole(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "callers pass numbers below 10 000")]
    let whole = libm::floor(value) as i64;
    whole
}
