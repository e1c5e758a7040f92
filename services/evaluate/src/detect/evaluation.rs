//! Whether an illness was found, how early, and how often somebody was alerted who was well.

use std::collections::BTreeSet;

use super::labels::Onset;

/// Found = an alert-day from so many days before the onset …
const FOUND_BEFORE_DAYS: i64 = 14;
/// … to so many after.
const FOUND_AFTER_DAYS: i64 = 7;
/// Well are days that lie further before the onset than this …
const WELL_BEFORE_DAYS: i64 = 21;
/// … or further after the recovery than this.
const WELL_AFTER_DAYS: i64 = 14;

/// The first and the last day on which an alert finds the illness, relative to the onset.
pub(crate) const FOUND_DAYS: std::ops::RangeInclusive<i64> = -FOUND_BEFORE_DAYS..=FOUND_AFTER_DAYS;

/// What one method reached on one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Days from the first alert-day that finds the illness to the onset: negative where it came after the onset.
    pub(crate) lead_days: Option<i64>,
    /// Alert-days on which the person was well and monitored.
    pub(crate) false_days: u64,
    /// Monitored days on which the person was well.
    pub(crate) well_days: u64,
}

impl Verdict {
    /// Holds alert-days against an onset.
    pub(crate) fn of(alert_days: &BTreeSet<i64>, monitored: &BTreeSet<i64>, onset: &Onset) -> Self {
        let relative = |day: &i64| day.saturating_sub(onset.day);
        let first = alert_days.iter().map(relative).find(|day| FOUND_DAYS.contains(day));
        let is_well = |day: &&i64| {
            let day = relative(day);
            day < -WELL_BEFORE_DAYS || day > onset.recovered_after_days + WELL_AFTER_DAYS
        };
        let well: BTreeSet<i64> = monitored.iter().filter(is_well).copied().collect();
        Self {
            lead_days: first.map(|day| -day),
            false_days: alert_days.intersection(&well).count() as u64,
            well_days: well.len() as u64,
        }
    }

    /// Whether the illness was found.
    pub(crate) fn found(&self) -> bool {
        self.lead_days.is_some()
    }
}

/// Over persons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    /// Persons with a label.
    pub(crate) persons: u64,
    /// Of them found.
    pub(crate) found: u64,
    /// Sums over them.
    pub(crate) false_days: u64,
    pub(crate) well_days: u64,
}

impl Total {
    /// Adds a person.
    pub(crate) fn add(&mut self, verdict: &Verdict) {
        self.persons += 1;
        self.found += u64::from(verdict.found());
        self.false_days += verdict.false_days;
        self.well_days += verdict.well_days;
    }
}

/// False alert-days per 30 monitored days; none where nobody was monitored while well.
#[expect(clippy::cast_precision_loss, reason = "numbers of days")]
pub(crate) fn per_30(false_days: u64, well_days: u64) -> Option<f64> {
    (well_days > 0).then(|| false_days as f64 * 30.0 / well_days as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONSET: Onset = Onset { day: 1_000, recovered_after_days: 20 };

    fn verdict(alerts: &[i64]) -> Verdict {
        let days = |all: &[i64]| all.iter().map(|day| ONSET.day + day).collect::<BTreeSet<i64>>();
        Verdict::of(&days(alerts), &days(&(-40..=60).collect::<Vec<_>>()), &ONSET)
    }

    #[test]
    fn it_is_found_from_a_fortnight_before_to_a_week_after_and_the_first_day_gives_the_lead() {
        for (alerts, lead) in [
            (&[-15][..], None),
            (&[-14], Some(14)),
            (&[-15, -3, 2], Some(3)),
            (&[7], Some(-7)),
            (&[8], None),
            (&[0], Some(0)),
        ] {
            assert_eq!(verdict(alerts).lead_days, lead, "{alerts:?}");
        }
    }

    #[test]
    fn only_days_well_before_the_onset_and_well_after_the_recovery_are_false() {
        let well = verdict(&[]).well_days;
        // -40 to -22, and 35 to 60.
        assert_eq!(well, 19 + 26);
        for (day, wrong) in [(-41, 0), (-40, 1), (-22, 1), (-21, 0), (0, 0), (34, 0), (35, 1), (60, 1), (61, 0)] {
            assert_eq!(verdict(&[day]).false_days, wrong, "day {day}");
        }
        assert_eq!(per_30(3, 45), Some(2.0));
        assert_eq!(per_30(0, 0), None);
    }

    #[test]
    fn persons_add_up() {
        let mut total = Total::default();
        total.add(&verdict(&[-30, -3]));
        total.add(&verdict(&[-29, -28]));
        assert_eq!(total, Total { persons: 2, found: 1, false_days: 3, well_days: 90 });
    }
}
