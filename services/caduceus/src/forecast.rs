//! `caduceus forecast`: when a vital will cross its limit.

use evaluate::forecast::{self, Options, Profile};

use crate::cli;
use crate::console::Working;
use crate::failure::Outcome;

/// Runs the command.
pub(crate) fn run(arguments: cli::Forecast) -> Outcome {
    let cli::Forecast { recordings, profile, limit: limits, chart, json } = arguments;
    let profile = match profile {
        cli::Outlook::Home => Profile::Home,
        cli::Outlook::Bedside => Profile::Bedside,
        cli::Outlook::Day => Profile::Day,
    };
    let (files, columns) = recordings.split(None);
    let options = Options { files, columns, profile, limits, chart, json };
    let mut out = Vec::new();
    let working = Working::begin();
    let outcome = forecast::run(&options, &mut out, &mut working.notes(), &mut |done, all| working.reach(done, all));
    working.end();
    // What was foretold before something failed is told too.
    crate::console::print(&String::from_utf8_lossy(&out));
    Ok(outcome?)
}
