//! `caduceus`: the one binary. It wires the services together; what they do is in their own crates.

mod alert;
mod check;
mod cli;
mod console;
mod custody;
mod demo;
mod detect;
mod export;
mod failure;
mod forecast;
mod forest;
mod home;
mod index;
mod network;
mod parameters;
mod platform;
mod record;
mod record_api;
mod record_chain;
mod replay;
mod rings;
mod run;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Command, Config, Index, Verify};
use failure::Outcome;

fn main() -> ExitCode {
    match run(cli::Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("caduceus: {failure}");
            failure.exit_code()
        }
    }
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Detect(arguments) => detect::run(arguments),
        Command::Forecast(arguments) => forecast::run(arguments),
        Command::Forest(command) => forest::run(command),
        Command::Verify(Verify::Receipt { file, genesis, checkpoint }) => {
            verify::receipt(&file, &genesis, checkpoint.as_deref())
        }
        Command::Verify(Verify::Record { file, genesis }) => verify::record(&file, &genesis),
        Command::Verify(Verify::Alert { file, genesis }) => verify::alert::run(&file, &genesis),
        Command::Record(arguments) => export::run(&arguments),
        Command::Alert(arguments) => alert::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Config(Config::Example) => run::example(),
        Command::Found(arguments) => run::found(&arguments),
        Command::Enrol(arguments) => run::enrol(&arguments),
        Command::Token(arguments) => run::token(&arguments),
        Command::Index(Index::Rebuild { data_dir }) => index::rebuild(&data_dir),
    }
}
