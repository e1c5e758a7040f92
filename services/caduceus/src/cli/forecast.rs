//! What people type after `caduceus forecast`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use evaluate::forecast::{SignalLimit, parse_limit};

use super::recordings::Recordings;

#[derive(Debug, Args)]
pub(crate) struct Forecast {
    #[command(flatten)]
    pub(crate) recordings: Recordings,
    /// Whose recording it is; one set of numbers for everybody.
    #[arg(long, value_enum, default_value_t = Outlook::Home)]
    pub(crate) profile: Outlook,
    /// A limit, for example heart_rate:above:100; may be given again. The limits of a signal stand instead of the profile's.
    #[arg(long, value_name = "SIGNAL:above|below:VALUE", value_parser = parse_limit)]
    pub(crate) limit: Vec<SignalLimit>,
    /// Draws what was measured, the forecast, limits and when they are crossed; OUT-PERSON.svg where there are several persons.
    #[arg(long, value_name = "OUT.svg")]
    pub(crate) chart: Option<PathBuf>,
    /// One JSON object a line and person, instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Outlook {
    /// Six hours ahead, out of four weeks.
    Home,
    /// Three hours ahead, out of three days.
    Bedside,
    /// As at home, by what an alert's chart holds: three hours ahead, out of one day by the quarter of an hour.
    Day,
}
