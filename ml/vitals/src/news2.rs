//! The National Early Warning Score 2 (NEWS2). © Royal College of Physicians 2017; reproduced with acknowledgement, and not
//! altered. Studied in adults in hospital only.
//!
//! ```
//! use vitals::news2::{Band, News2, Scale};
//! use vitals::Signal;
//!
//! let mut inputs = [None; 7];
//! for (signal, value_milli) in [(Signal::Respiration, 22_000), (Signal::Spo2, 93_000), (Signal::HeartRate, 112_000)] {
//!     inputs[News2::input(signal).unwrap()] = Some(value_milli);
//! }
//! let score = News2::of(&inputs, Scale::One);
//! // Four inputs are missing: 6 is a lower bound, not the score.
//! assert_eq!((score.total(), score.is_complete(), score.band()), (6, false, Band::Medium));
//! assert_eq!(score.to_string(), "at least 6 (4 of 7 inputs missing)");
//! ```

use crate::{Signal, milli};
use borsh::{BorshDeserialize, BorshSerialize};

/// Which scale oxygen saturation is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// For everybody.
    One,
    /// For hypercapnic respiratory failure; only where a clinician has set it.
    Two,
}

/// The inputs, in the order of the chart.
pub const INPUTS: [Signal; 7] = [
    Signal::Respiration,
    Signal::Spo2,
    Signal::SupplementalOxygen,
    Signal::Systolic,
    Signal::HeartRate,
    Signal::Consciousness,
    Signal::Temperature,
];

/// The clinical risk that the chart names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// 0 to 4, no single 3.
    Low,
    /// A single 3: urgent review.
    LowMedium,
    /// 5 or 6: urgent, within an hour.
    Medium,
    /// 7 or more: emergency, within half an hour.
    High,
}

/// Points by input; of a missing one there are none. It is the score only where all seven are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct News2 {
    /// In the order of [`INPUTS`].
    pub points: [Option<u8>; 7],
}

impl News2 {
    /// Place of a signal among the inputs.
    #[must_use]
    pub fn input(signal: Signal) -> Option<usize> {
        INPUTS.iter().position(|input| *input == signal)
    }

    /// Points of values in thousandths, in the order of [`INPUTS`]; give `None` for what is missing or no longer fresh.
    /// On scale 2, saturation above 92 % has points only on oxygen: without that input it has none.
    #[must_use]
    pub fn of(values_milli: &[Option<i64>; 7], scale: Scale) -> Self {
        let oxygen = values_milli.get(2).copied().flatten().map(|value| value >= milli::ONE);
        let mut points = [None; 7];
        for ((place, signal), value) in points.iter_mut().zip(INPUTS).zip(values_milli) {
            *place = value.and_then(|value| match (signal, scale) {
                (Signal::Spo2, Scale::Two) => spo2_scale2(whole(value), oxygen),
                _ => points_of(signal, value),
            });
        }
        Self { points }
    }

    /// Sum of the points: the score where it [is complete](Self::is_complete), else a lower bound of it.
    #[must_use]
    pub fn total(&self) -> u8 {
        self.points.iter().flatten().sum()
    }

    /// Whether all seven inputs are there. Never call [`Self::total`] the NEWS2 where they are not.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.points.iter().all(Option::is_some)
    }

    /// The band of what is known; a missing input can only raise it.
    #[must_use]
    pub fn band(&self) -> Band {
        match self.total() {
            7.. => Band::High,
            5..=6 => Band::Medium,
            _ if self.points.contains(&Some(3)) => Band::LowMedium,
            _ => Band::Low,
        }
    }

    /// The inputs that are missing, in the order of the chart.
    pub fn missing(&self) -> impl Iterator<Item = Signal> + '_ {
        INPUTS.into_iter().zip(&self.points).filter(|(_, points)| points.is_none()).map(|(signal, _)| signal)
    }

    /// The input with most points, the first of several.
    #[must_use]
    pub fn leading(&self) -> Option<Signal> {
        let with = INPUTS.into_iter().zip(self.points).filter_map(|(signal, points)| Some((signal, points?)));
        with.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(signal, _)| signal)
    }
}

impl std::fmt::Display for News2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_complete() {
            return write!(f, "{}", self.total());
        }
        write!(f, "at least {} ({} of 7 inputs missing)", self.total(), self.missing().count())
    }
}

/// Points of one value, 0 to 3; `None` for what is no input. Oxygen saturation by scale 1.
#[must_use]
pub fn points_of(signal: Signal, value_milli: i64) -> Option<u8> {
    let tenths = value_milli.saturating_add(50).div_euclid(100);
    let whole = whole(value_milli);
    Some(match signal {
        Signal::Respiration => match whole {
            ..=8 => 3,
            9..=11 => 1,
            12..=20 => 0,
            21..=24 => 2,
            25.. => 3,
        },
        Signal::Spo2 => match whole {
            ..=91 => 3,
            92..=93 => 2,
            94..=95 => 1,
            96.. => 0,
        },
        Signal::SupplementalOxygen => {
            if value_milli >= milli::ONE {
                2
            } else {
                0
            }
        }
        Signal::Systolic => match whole {
            ..=90 => 3,
            91..=100 => 2,
            101..=110 => 1,
            111..=219 => 0,
            220.. => 3,
        },
        Signal::HeartRate => match whole {
            ..=40 => 3,
            41..=50 => 1,
            51..=90 => 0,
            91..=110 => 1,
            111..=130 => 2,
            131.. => 3,
        },
        Signal::Consciousness => {
            if value_milli >= milli::ONE {
                3
            } else {
                0
            }
        }
        Signal::Temperature => match tenths {
            ..=350 => 3,
            351..=360 => 1,
            361..=380 => 0,
            381..=390 => 1,
            391.. => 2,
        },
        _ => return None,
    })
}

fn spo2_scale2(whole: i64, oxygen: Option<bool>) -> Option<u8> {
    Some(match (whole, oxygen) {
        (..=83, _) => 3,
        (84..=85, _) => 2,
        (86..=87, _) => 1,
        (88..=92, _) | (93.., Some(false)) => 0,
        (93.., None) => return None,
        (93..=94, Some(true)) => 1,
        (95..=96, Some(true)) => 2,
        (97.., Some(true)) => 3,
    })
}

fn whole(value_milli: i64) -> i64 {
    value_milli.saturating_add(milli::ONE / 2).div_euclid(milli::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal::{
        Consciousness, HeartRate, Respiration, Spo2, Steps, SupplementalOxygen, Systolic, Temperature,
    };

    /// Every boundary of the chart (RCP 2017), both sides.
    #[test]
    fn points_change_exactly_at_the_boundaries_of_the_chart() {
        for (signal, steps) in [
            (Respiration, &[(8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)][..]),
            (Spo2, &[(91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)]),
            (SupplementalOxygen, &[(0, 0), (1, 2)]),
            (Systolic, &[(90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)]),
            (
                HeartRate,
                &[(40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3)],
            ),
            (Consciousness, &[(0, 0), (1, 3)]),
        ] {
            for (value, expected) in steps {
                assert_eq!(points_of(signal, value * 1_000), Some(*expected), "{signal} {value}");
            }
        }
        for (tenths, expected) in [(350, 3), (351, 1), (360, 1), (361, 0), (380, 0), (381, 1), (390, 1), (391, 2)] {
            assert_eq!(points_of(Temperature, tenths * 100), Some(expected), "{tenths}");
        }
        assert_eq!(points_of(Steps, 1_000), None);
    }

    #[test]
    fn scale_2_judges_high_saturation_only_on_oxygen() {
        let points = |percent: i64, oxygen: Option<i64>| {
            let mut inputs = [None; 7];
            (inputs[1], inputs[2]) = (Some(percent * 1_000), oxygen.map(|oxygen| oxygen * 1_000));
            News2::of(&inputs, Scale::Two).points[1]
        };
        for (percent, expected) in [(83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (92, 0), (93, 0), (97, 0)] {
            assert_eq!(points(percent, Some(0)), Some(expected), "{percent} on air");
        }
        for (percent, expected) in [(83, 3), (87, 1), (92, 0), (93, 1), (94, 1), (95, 2), (96, 2), (97, 3), (100, 3)] {
            assert_eq!(points(percent, Some(1)), Some(expected), "{percent} on oxygen");
        }
        assert_eq!((points(92, None), points(93, None)), (Some(0), None), "whether on oxygen is not known");
    }

    #[test]
    fn a_total_is_a_score_only_with_all_seven_and_bands_follow_the_chart() {
        let of = |points: [u8; 7]| News2 { points: points.map(Some) };
        for (points, total, band) in [
            ([0; 7], 0, Band::Low),
            ([1, 1, 0, 1, 1, 0, 0], 4, Band::Low),
            ([3, 0, 0, 0, 0, 0, 0], 3, Band::LowMedium),
            ([1, 1, 2, 1, 0, 0, 0], 5, Band::Medium),
            ([3, 3, 0, 0, 0, 0, 0], 6, Band::Medium),
            ([2, 2, 2, 1, 0, 0, 0], 7, Band::High),
            ([3, 3, 2, 3, 3, 3, 3], 20, Band::High),
        ] {
            let score = of(points);
            assert_eq!((score.total(), score.band(), score.is_complete()), (total, band, true), "{points:?}");
            assert_eq!(score.to_string(), total.to_string());
        }
        let mut partial = of([2, 2, 0, 1, 0, 0, 0]);
        partial.points[6] = None;
        assert_eq!(
            (partial.is_complete(), partial.to_string().as_str()),
            (false, "at least 5 (1 of 7 inputs missing)")
        );
        assert_eq!((partial.leading(), partial.missing().collect::<Vec<_>>()), (Some(Respiration), vec![Temperature]));
        assert_eq!(News2::default().leading(), None);
    }
}
