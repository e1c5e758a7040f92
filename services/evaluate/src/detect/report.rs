//! What is reported of one person.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::evaluation::Verdict;
use super::labels::Onset;
use super::rivals;
use super::watched::Watched;
use crate::auroc;

/// One person of one recording, and how the detector did.
pub(crate) struct Report {
    /// The recording.
    pub(crate) file: PathBuf,
    /// What was seen.
    pub(crate) watched: Watched,
    /// When the person fell ill, where that is known.
    pub(crate) onset: Option<Onset>,
    /// Days on which somebody was alerted.
    pub(crate) alert_days: BTreeSet<i64>,
    /// Days that were monitored.
    pub(crate) monitored: BTreeSet<i64>,
    /// How the detector did, and the two rules beside it, where the onset is known.
    pub(crate) verdicts: Option<Verdicts>,
    /// How well scores separate marked moments, where there are marks.
    pub(crate) area: Option<Area>,
}

/// Three methods on the same data.
pub(crate) struct Verdicts {
    /// The detector.
    pub(crate) own: Verdict,
    /// One night more than 1.5 robust standard deviations above the median of 28 days.
    pub(crate) z_above: Verdict,
    /// Two nights in a row at least 4 beats a minute above it.
    pub(crate) two_nights: Verdict,
}

/// Areas under the receiver operating characteristic.
pub(crate) struct Area {
    /// Over all moments.
    pub(crate) plain: Option<f64>,
    /// Against the rest beside each run.
    pub(crate) balanced: Option<f64>,
}

impl Report {
    /// Evaluates a person.
    pub(crate) fn of(file: &Path, watched: Watched, onset: Option<Onset>) -> Self {
        let (alert_days, monitored) = (watched.alerts.days(), watched.days.monitored());
        let verdicts = onset.map(|onset| {
            let nights = watched.days.nights();
            let verdict = |days: &BTreeSet<i64>| Verdict::of(days, &monitored, &onset);
            Verdicts {
                own: verdict(&alert_days),
                z_above: verdict(&rivals::z_above(&nights)),
                two_nights: verdict(&rivals::two_nights(&nights)),
            }
        });
        let area = (!watched.scored.is_empty())
            .then(|| Area { plain: auroc::of_all(&watched.scored), balanced: auroc::balanced(&watched.scored) });
        Self { file: file.to_owned(), watched, onset, alert_days, monitored, verdicts, area }
    }
}
