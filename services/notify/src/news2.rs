//! Points of single vital signs in the National Early Warning Score 2. NEWS2 is © Royal College of Physicians 2017; reproduced
//! with acknowledgement. One sign's points are a lower bound of the score, never the score: that needs all seven inputs.

use vitals::{Signal, milli};

/// The points of a value, 0 to 3; `None` for what is no input of NEWS2. Oxygen saturation by scale 1.
pub(crate) fn points(signal: Signal, value_milli: i64) -> Option<u8> {
    let tenths = value_milli.saturating_add(50).div_euclid(100);
    let whole = value_milli.saturating_add(milli::ONE / 2).div_euclid(milli::ONE);
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

#[cfg(test)]
mod tests {
    use super::points;
    use vitals::Signal::{HeartRate, Respiration, Spo2, Steps, Systolic, Temperature};

    /// Every boundary of the chart (RCP 2017), both sides.
    #[test]
    fn points_change_exactly_at_the_boundaries_of_the_chart() {
        for (signal, steps) in [
            (Respiration, &[(8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)][..]),
            (Spo2, &[(91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)]),
            (Systolic, &[(90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)]),
            (
                HeartRate,
                &[(40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3)],
            ),
        ] {
            for (value, expected) in steps {
                assert_eq!(points(signal, value * 1_000), Some(*expected), "{signal} {value}");
            }
        }
        for (tenths, expected) in [(350, 3), (351, 1), (360, 1), (361, 0), (380, 0), (381, 1), (390, 1), (391, 2)] {
            assert_eq!(points(Temperature, tenths * 100), Some(expected), "{tenths}");
        }
        assert_eq!(points(Steps, 1_000), None);
    }
}
