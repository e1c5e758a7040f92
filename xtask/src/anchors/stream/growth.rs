//! Ours by number of patients, at the same number of messages and blocks.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::broker::{Broker, Times};
use super::pipeline::fresh;
use super::report::{Growth, Point, Round};
use super::turns;
use crate::anchors::machine::OverAll;
use crate::anchors::peer::Peer;
use crate::anchors::proc;
use crate::anchors::table::number;

const PATIENTS: [u32; 5] = [10, 100, 1_000, 10_000, 100_000];
/// So that each of the most patients has one block: ten messages each.
const MESSAGES: u64 = 1_000_000;
/// After it the forest scores each patient's messages, and its next message begins a block.
const TRAINING_MINUTES: u32 = 30;
const PIPELINE: &str = "ours-growth";

/// Each number of patients on a broker of its own, where it is wanted. A number that fails is left out with its reason.
pub(super) fn measure(program: &Path, folder: &Path, wanted: bool) -> Growth {
    let mut settings = String::new();
    let mut point = |patients| {
        eprintln!("xtask: growth: {patients} patients, {MESSAGES} messages; a minute or two");
        match at(patients, program, folder, &mut settings) {
            Ok((round, peak_mib)) => {
                eprintln!("xtask: growth: {patients} patients: {} µs of CPU a message", number(round.cpu_us()));
                Point { patients, round: Some(round), peak_mib, left_out: None }
            }
            Err(error) => {
                eprintln!("xtask: growth: {patients} patients are left out: {error:#}");
                Point { patients, round: None, peak_mib: None, left_out: Some(format!("{error:#}")) }
            }
        }
    };
    let points = if wanted { PATIENTS.map(&mut point).into() } else { Vec::new() };
    Growth { settings, points }
}

fn at(patients: u32, program: &Path, folder: &Path, settings: &mut String) -> Result<(Round, Option<f64>)> {
    let mut broker = Broker::start(program, patients, &[], &folder.join(format!("growth-{patients}-broker.log")))?;
    let blobs = folder.join("growth-blobs");
    let mut command = Command::new(program);
    command.args([PIPELINE, broker.bootstrap(), &patients.to_string()]).arg(fresh(&blobs)?);
    let mut ours = Peer::start(command, &folder.join(format!("growth-{patients}.log")))?;
    let hello: Value = ours.ask("hello")?;
    hello.get("settings").and_then(Value::as_str).unwrap_or_default().clone_into(settings);
    let _: Value = ours.ask(&format!("open {patients}"))?;
    let minutes = u32::try_from(MESSAGES / u64::from(patients)).context("minutes")?;
    let times = Times { joining: 0, training: TRAINING_MINUTES, all: TRAINING_MINUTES + minutes };
    let filled = broker.fill(times, false)?;
    ensure!(filled.messages - filled.training == MESSAGES, "{} messages were written", filled.messages);
    let _: Value = ours.ask(&format!("train readings {}", filled.training))?;
    let round = turns::run(&mut ours, &broker, "readings", MESSAGES, &mut OverAll::default())?;
    let peak_mib = proc::peak_mib(ours.pid());
    drop(ours);
    fresh(&blobs)?;
    Ok((round, peak_mib))
}
