//! `caduceus forest …`: the isolation forest alone, on tables of numbers.

use std::io::{ErrorKind, Write as _};

use evaluate::Error;
use evaluate::forest::{self, EvaluateOptions, ExplainOptions, FitOptions, Growth, ScoreOptions, StreamOptions, Which};

use crate::cli;
use crate::console::Working;
use crate::failure::Outcome;

/// Runs the command.
pub(crate) fn run(command: cli::Forest) -> Outcome {
    let working = Working::begin();
    let mut progress = |done, all| working.reach(done, all);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let outcome = match command {
        cli::Forest::Evaluate(cli::Evaluate { file, label, growth, seeds, json }) => {
            let options = EvaluateOptions { file, label, growth: growth_of(&growth), seeds, json };
            forest::evaluate(&options, &mut out, &mut progress)
        }
        cli::Forest::Stream(cli::Stream { file, out: to }) => {
            forest::stream(&StreamOptions { file, out: to }, &mut out, &mut progress)
        }
        cli::Forest::Fit(cli::Fit { file, model, label, growth, seed }) => {
            let options = FitOptions { file, model, label, growth: growth_of(&growth), seed };
            forest::fit(&options, &mut out, &mut progress)
        }
        cli::Forest::Score(cli::Score { file, model, out: to }) => {
            forest::score(&ScoreOptions { file, model, out: to }, &mut out, &mut progress)
        }
        cli::Forest::Explain(cli::Explain { file, model, row, top, json }) => {
            let which = row.map_or(Which::Top(top), Which::Row);
            forest::explain(&ExplainOptions { file, model, which, json }, &mut out, &mut progress)
        }
    };
    working.end();
    let outcome = outcome.and_then(|()| out.flush().map_err(Error::Output));
    outcome.or_else(told)
}

fn growth_of(growth: &cli::Growth) -> Growth {
    Growth { trees: growth.trees, sample: growth.sample }
}

/// A reader that went away (`caduceus forest score … | head`, or `--out /dev/stdout`) is no failure.
fn told(error: Error) -> Outcome {
    match error {
        Error::Output(source) | Error::File { source, .. } if source.kind() == ErrorKind::BrokenPipe => Ok(()),
        error => Err(error.into()),
    }
}
