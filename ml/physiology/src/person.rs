//! What makes one simulated person: levels, habits and sensors, drawn once.

use crate::chance::Chance;

/// A healthy adult's levels and habits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Person {
    /// Heart rate awake at rest, /min.
    pub(crate) heart_rate: f64,
    /// Respiration at rest, /min.
    pub(crate) respiration: f64,
    /// SpO2, %.
    pub(crate) spo2: f64,
    /// Temperature, °C.
    pub(crate) temperature: f64,
    /// SDNN at rest, ms.
    pub(crate) hrv: f64,
    /// Basal energy, kcal/min.
    pub(crate) energy: f64,
    pub(crate) systolic: f64,
    pub(crate) diastolic: f64,
    /// Minute of the day at which the person gets up, and goes to bed (may exceed 1440).
    pub(crate) wake_minute: f64,
    pub(crate) bed_minute: f64,
    /// Walks begun per waking minute.
    pub(crate) walks_per_minute: f64,
    /// Beats per minute that a hundred steps a minute add.
    pub(crate) effort: f64,
    /// Minute of the day at which medicine is taken; none where negative.
    pub(crate) medicine_minute: f64,
}

impl Person {
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        Self {
            heart_rate: chance.between(58.0, 76.0),
            respiration: chance.between(13.0, 16.5),
            spo2: chance.between(96.3, 98.2),
            temperature: chance.between(36.4, 36.9),
            hrv: chance.between(38.0, 75.0),
            energy: chance.between(0.95, 1.35),
            systolic: chance.between(108.0, 134.0),
            diastolic: chance.between(66.0, 82.0),
            wake_minute: chance.between(370.0, 470.0),
            bed_minute: chance.between(1_330.0, 1_430.0),
            walks_per_minute: chance.between(0.012, 0.03),
            effort: chance.between(35.0, 55.0),
            medicine_minute: if chance.happens(0.5) { chance.between(460.0, 540.0) } else { -1.0 },
        }
    }
}

/// How one day differs from the others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Day {
    pub(crate) heart_rate: f64,
    pub(crate) respiration: f64,
    pub(crate) spo2: f64,
    pub(crate) temperature: f64,
    pub(crate) hrv: f64,
    pub(crate) wake_minute: f64,
    pub(crate) bed_minute: f64,
    /// Factor on walks.
    pub(crate) activity: f64,
}

impl Day {
    pub(crate) fn draw(chance: &mut Chance, person: &Person) -> Self {
        Self {
            heart_rate: 1.3 * chance.normal(),
            respiration: 0.3 * chance.normal(),
            spo2: 0.15 * chance.normal(),
            temperature: 0.06 * chance.normal(),
            hrv: 0.06 * chance.normal(),
            wake_minute: person.wake_minute + 18.0 * chance.normal(),
            bed_minute: person.bed_minute + 18.0 * chance.normal(),
            activity: chance.between(0.5, 1.5),
        }
    }
}
