//! Labelled episodes that a simulation injects.

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// What happens to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IllnessKind {
    /// Heart rate + 11 /min, respiration + 3.5 /min, temperature + 1.3 °C, SpO2 − 1.8 points, HRV down by a third,
    /// rising over six hours: each stays inside the hard limits for adults.
    InfectionLikeDrift,
    /// SpO2 falls by 14 points within minutes.
    Desaturation,
    /// Heart rate at rest rises by 85 /min within minutes.
    Tachycardia,
}

/// A labelled episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Illness {
    /// Number of the person.
    pub patient: u32,
    /// First instant with an effect, UTC milliseconds.
    pub start_ms: i64,
    /// First instant without, UTC milliseconds.
    pub end_ms: i64,
    /// What it is.
    pub kind: IllnessKind,
}

/// Changes at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Effect {
    pub(crate) heart_rate: f64,
    pub(crate) respiration: f64,
    pub(crate) spo2: f64,
    pub(crate) temperature: f64,
    /// Factor − 1.
    pub(crate) hrv: f64,
    /// Keeps the person from walking.
    pub(crate) in_bed: bool,
}

impl Illness {
    fn ramp_ms(&self) -> i64 {
        match self.kind {
            IllnessKind::InfectionLikeDrift => 6 * HOUR_MS,
            IllnessKind::Desaturation | IllnessKind::Tachycardia => 3 * MINUTE_MS,
        }
    }

    /// Share of the full effect at an instant, 0 to 1: a ramp up at the start and down before the end.
    fn strength(&self, time_ms: i64) -> f64 {
        let rise = time_ms - self.start_ms;
        let fall = self.end_ms - time_ms;
        let ramp_ms = self.ramp_ms();
        #[expect(clippy::cast_precision_loss, reason = "clamped to the ramp")]
        let share = |span: i64| span.clamp(0, ramp_ms) as f64 / ramp_ms as f64;
        share(rise).min(share(fall))
    }

    pub(crate) fn effect(&self, time_ms: i64) -> Effect {
        let s = self.strength(time_ms);
        match self.kind {
            _ if s <= 0.0 => Effect::default(),
            IllnessKind::InfectionLikeDrift => Effect {
                heart_rate: 11.0 * s,
                respiration: 3.5 * s,
                spo2: -1.8 * s,
                temperature: 1.3 * s,
                hrv: -0.33 * s,
                in_bed: false,
            },
            IllnessKind::Desaturation => Effect {
                heart_rate: 14.0 * s,
                respiration: 5.0 * s,
                spo2: -14.0 * s,
                in_bed: true,
                ..Effect::default()
            },
            IllnessKind::Tachycardia => {
                Effect { heart_rate: 85.0 * s, hrv: -0.5 * s, in_bed: true, ..Effect::default() }
            }
        }
    }
}

impl Effect {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            heart_rate: self.heart_rate + other.heart_rate,
            respiration: self.respiration + other.respiration,
            spo2: self.spo2 + other.spo2,
            temperature: self.temperature + other.temperature,
            hrv: self.hrv + other.hrv,
            in_bed: self.in_bed || other.in_bed,
        }
    }
}
