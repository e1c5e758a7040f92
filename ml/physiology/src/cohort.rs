//! The reference cohort: a model that every installation can make again from its seed.

use crate::{PatientStream, Plan};
use iforest::IsolationForestParams;
use vitals::{CohortModel, Detector, PatientState, Settings, VitalsError};

/// Healthy persons of the reference population.
const PERSONS: u32 = 24;
/// Days of each; the warm-up's are not trained on.
const DAYS: i64 = 21;
const DAY_MS: i64 = 86_400_000;
/// 2024-01-01 00:00 UTC.
const START_MS: i64 = 1_704_067_200_000;

/// Trains the cohort forest on healthy simulated persons, through the detector's own features.
///
/// The same seed gives the same model, byte for byte. 100 trees on 256 windows each.
///
/// # Errors
/// [`VitalsError`] where the settings or the training fail, which the tests rule out.
pub fn reference_cohort(seed: u64) -> Result<CohortModel, VitalsError> {
    let settings = Settings::default();
    let detector = Detector::without_forest(settings.clone())?;
    let plan = Plan {
        seed,
        start_ms: START_MS,
        end_ms: START_MS + DAYS * DAY_MS,
        offset_minutes: 0,
        interval_minutes: u16::try_from(settings.window_ms / 60_000).unwrap_or(5),
    };
    let trained_from_ms = START_MS + i64::from(settings.warm_up_days) * DAY_MS;
    let mut windows = Vec::new();
    for patient in 0..PERSONS {
        let mut state = PatientState::new([0; 16]);
        for reading in PatientStream::new(plan, patient, &[]) {
            detector.collect(&mut state, &reading, &mut windows);
        }
    }
    windows.retain(|window| window.from_ms >= trained_from_ms && window.present != 0);
    let origin = format!("physiology 1: {PERSONS} healthy persons, {DAYS} days, seed {seed}");
    CohortModel::train(&windows, &origin, &IsolationForestParams::new().seed(seed))
}
