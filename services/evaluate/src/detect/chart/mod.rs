//! A chart of one person, that says what it shows without a legend.

mod course;
mod nights;

use vitals::Detector;

use super::report::Report;

/// So many nights make a chart of nights.
const NIGHTS_MIN: usize = 3;

/// The chart as SVG: nights of heart rate where the profile looks at nights and there are some, else the course of each vital.
pub(crate) fn svg(report: &Report, detector: &Detector) -> String {
    let days = &report.watched.days;
    if detector.settings().drift.is_some() && days.nights().len() + days.daytimes().len() >= NIGHTS_MIN {
        nights::svg(report)
    } else {
        course::svg(report)
    }
}
