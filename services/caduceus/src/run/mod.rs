//! `caduceus run`, `config example`, `found`, `enrol`: the parts as processes of their own.

mod config;
mod custody;
mod enrol;
mod event_log;
mod found;
mod monitor;
mod notify;
mod portal;
mod process;
mod reach;
mod record_node;
mod token;

use std::path::Path;

use kit::Configuration;

pub(crate) use enrol::enrol;
pub(crate) use found::found;
pub(crate) use process::run;
pub(crate) use token::token;

use crate::failure::{Failure, Outcome};

/// Prints a file with every key.
pub(crate) fn example() -> Outcome {
    crate::console::print(&kit::config::example(&config::sections().map_err(of_kit)?));
    Ok(())
}

/// The configuration, known to hold known keys and good values only.
fn load(file: &Path) -> Outcome<Configuration> {
    let read = Configuration::load(Some(file), &config::sections().map_err(of_kit)?).map_err(of_kit)?;
    config::check(&read).map_err(of_kit)?;
    Ok(read)
}

/// The errors of `kit` know their exit code.
fn of_kit(error: kit::Error) -> Failure {
    match error.exit_code() {
        1 => Failure::wrong(error),
        2 => Failure::usage(error),
        _ => Failure::environment(error),
    }
}
