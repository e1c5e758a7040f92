//! `caduceus`: the one binary. It wires the services together; what they do is in their own crates.

mod check;
mod cli;
mod console;
mod custody;
mod demo;
mod failure;
mod home;
mod network;
mod replay;
mod platform;
mod record;
mod record_chain;
mod rings;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Command, Verify};
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
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Verify(Verify::Receipt { file, genesis, checkpoint }) => verify::receipt(&file, &genesis, checkpoint.as_deref()),
        Command::Check(arguments) => check::run(&arguments),
        _ => Err(failure::Failure::usage("not here yet")),
    }
}
