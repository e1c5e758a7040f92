//! `caduceus detect`: recordings under the platform's own detector.

use evaluate::detect::{self, Options, Profile};

use crate::cli;
use crate::console::Working;
use crate::failure::Outcome;
use crate::platform::COHORT_SEED;

/// Runs the command.
pub(crate) fn run(arguments: cli::Detect) -> Outcome {
    let cli::Detect { recordings, profile, labels, mark, scores, chart, json } = arguments;
    let (files, columns) = recordings.split(mark);
    let options = Options {
        files,
        columns,
        profile: match profile {
            cli::Profile::Home => Profile::Home,
            cli::Profile::Bedside => Profile::Bedside,
        },
        cohort_seed: COHORT_SEED,
        labels,
        scores,
        chart,
        json,
    };
    let mut out = Vec::new();
    let working = Working::begin();
    let outcome = detect::run(&options, &mut out, &mut working.notes(), &mut |done, all| working.reach(done, all));
    working.end();
    // What was found before something failed is told too.
    crate::console::print(&String::from_utf8_lossy(&out));
    Ok(outcome?)
}
