//! The two profiles: one set of settings for everybody at home, and one for everybody at the bedside.

use crate::settings::{BaselineSettings, DriftSettings, News2Settings, QualitySettings};
use crate::{Gate, Limit, Settings, Severity, Signal};

const SECOND_MS: u32 = 1_000;
const MINUTE_MS: u32 = 60 * SECOND_MS;
const HOUR_MS: u32 = 60 * MINUTE_MS;

/// The room's limits, the same in both profiles.
const ROOM: [Limit; 4] = [
    Limit::new(Signal::RoomTemperature, Some(15), Some(32), 500, 5, 10, Severity::Advisory),
    Limit::new(Signal::Humidity, Some(15), Some(80), 2_000, 5, 10, Severity::Advisory),
    Limit::new(Signal::Co2, None, Some(2_000), 100_000, 5, 10, Severity::Advisory),
    Limit::new(Signal::Noise, None, Some(85), 2_000, 5, 10, Severity::Advisory),
];

impl Settings {
    /// Adults at home: a reading a minute or so, usual values by hour of the day over weeks.
    #[must_use]
    pub fn home() -> Self {
        use Severity::{Critical, Technical, Urgent};
        let body = [
            Limit {
                gate: Gate::HighAtRest,
                ..Limit::new(Signal::HeartRate, Some(35), Some(130), 3_000, 5, 6, Critical)
            },
            Limit::new(Signal::RestingHeartRate, Some(35), Some(130), 3_000, 1, 1, Critical),
            Limit::new(Signal::Respiration, Some(8), Some(30), 1_000, 4, 6, Critical),
            Limit::new(Signal::Spo2, Some(88), None, 1_000, 3, 5, Critical),
            Limit::new(Signal::Temperature, Some(35), Some(40), 200, 3, 5, Critical),
            Limit::new(Signal::Systolic, Some(85), Some(200), 5_000, 1, 1, Urgent),
            Limit::new(Signal::Diastolic, Some(45), Some(120), 3_000, 1, 1, Urgent),
            Limit::new(Signal::Glucose, Some(54), Some(350), 5_000, 1, 1, Urgent),
            Limit::new(Signal::PacedRate, Some(40), Some(140), 2_000, 3, 5, Critical),
            Limit { low_milli: Some(2_600), ..Limit::new(Signal::BatteryVoltage, None, None, 50, 3, 5, Technical) },
        ];
        Self {
            step_ms: MINUTE_MS,
            lateness_ms: 2 * MINUTE_MS,
            window_ms: 5 * MINUTE_MS,
            rest_ms: 12 * MINUTE_MS,
            gap_ms: 30 * MINUTE_MS,
            offline_ms: 6 * HOUR_MS,
            silence_ms: 0,
            alert_age_ms: 24 * HOUR_MS,
            restate_ms: 12 * HOUR_MS,
            quality: QualitySettings {
                flat_steps: 180,
                agree: 3,
                heart_rate_milli: 120_000,
                respiration_milli: 40_000,
                spo2_milli: 40_000,
                temperature_milli: 5_000,
                pressure_milli: 120_000,
            },
            // Four weeks of windows.
            baseline: BaselineSettings {
                by_hour: true,
                enough_windows: 36,
                learning_windows: 4_032,
                hour_memory_windows: 336,
                memory_windows: 4_032,
            },
            warm_up_days: 14,
            forest_k: 10,
            forest_n: 12,
            alerts_per_week_milli: 100,
            corroboration_milli: 2_000,
            alone_milli: 3_500,
            fast_alone_k: 45,
            fast_alone_n: 60,
            relearn_days: 14,
            drift: Some(DriftSettings {
                night_until_hour: 7,
                night_minutes: 60,
                day_minutes: 120,
                values: 10,
                floor_milli: 1_000,
                cap_milli: 4_000,
                slack_milli: 500,
                alarm_milli: 4_000,
                forget_days: 7,
                resolve_days: 7,
            }),
            news2: None,
            severity_of_steps: false,
            limits: body.into_iter().chain(ROOM).collect(),
        }
    }

    /// Adults at a monitor: a reading a second, usual values learned in the first three minutes and then
    /// followed so slowly (a day's memory) that a change of minutes or hours is not learned away.
    #[must_use]
    pub fn bedside() -> Self {
        use Severity::{Critical, Technical, Urgent};
        let body = [
            Limit::new(Signal::HeartRate, Some(40), Some(130), 3_000, 12, 15, Critical),
            Limit::new(Signal::Respiration, Some(8), Some(30), 1_000, 24, 30, Critical),
            Limit::new(Signal::Spo2, Some(88), None, 1_000, 12, 15, Critical),
            Limit::new(Signal::Temperature, Some(35), Some(40), 200, 3, 5, Critical),
            Limit::new(Signal::Systolic, Some(85), Some(200), 5_000, 1, 1, Urgent),
            Limit::new(Signal::Diastolic, Some(45), Some(120), 3_000, 1, 1, Urgent),
            Limit::new(Signal::Glucose, Some(54), Some(350), 5_000, 1, 1, Urgent),
            Limit::new(Signal::PacedRate, Some(40), Some(140), 2_000, 12, 15, Critical),
            Limit { low_milli: Some(2_600), ..Limit::new(Signal::BatteryVoltage, None, None, 50, 3, 5, Technical) },
        ];
        Self {
            step_ms: SECOND_MS,
            lateness_ms: 2 * SECOND_MS,
            window_ms: 10 * SECOND_MS,
            rest_ms: 12 * MINUTE_MS,
            gap_ms: 2 * MINUTE_MS,
            offline_ms: 5 * MINUTE_MS,
            silence_ms: 5 * MINUTE_MS,
            alert_age_ms: HOUR_MS,
            restate_ms: 30 * MINUTE_MS,
            quality: QualitySettings {
                flat_steps: 300,
                agree: 3,
                heart_rate_milli: 60_000,
                respiration_milli: 30_000,
                spo2_milli: 20_000,
                temperature_milli: 2_000,
                pressure_milli: 60_000,
            },
            baseline: BaselineSettings {
                by_hour: false,
                enough_windows: 18,
                learning_windows: 18,
                hour_memory_windows: 8_640,
                memory_windows: 8_640,
            },
            warm_up_days: 0,
            forest_k: 10,
            forest_n: 12,
            // One a day.
            alerts_per_week_milli: 7_000,
            corroboration_milli: 2_000,
            alone_milli: 3_500,
            // Who lies at a monitor does not exercise.
            fast_alone_k: 0,
            fast_alone_n: 0,
            relearn_days: 1,
            drift: None,
            news2: Some(News2Settings { k: 12, n: 18, fresh_ms: 2 * MINUTE_MS, spot_ms: 4 * HOUR_MS }),
            severity_of_steps: true,
            limits: body.into_iter().chain(ROOM).collect(),
        }
    }
}
