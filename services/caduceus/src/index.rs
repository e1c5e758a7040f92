//! `caduceus index rebuild`: the index of a data directory, made anew from the logs. Nothing is lost with it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;

use erm::{Genesis, Id};
use indicatif::{ProgressBar, ProgressStyle};
use record_node::{ErmMachine, SledStore, StoredBlocks};

use crate::failure::{Failure, Outcome};
use crate::home::Home;
use crate::network::read_genesis;

/// Runs the command.
pub(crate) fn rebuild(data_dir: &Path) -> Outcome {
    let home = Home::at(data_dir);
    if !home.dir().is_dir() {
        return Err(Failure::environment(format_args!("{} is no folder: name a data directory", home.dir().display())));
    }
    let begun = Instant::now();
    let genesis = read_genesis(&home.genesis())?;
    let nodes = nodes(&home, &genesis);
    // Held to the end: no node starts meanwhile.
    let _held = nodes
        .iter()
        .map(|(operator, data)| StoredBlocks::open(data).map_err(|error| failure(operator, error)))
        .collect::<Outcome<Vec<_>>>()?;
    remove_strangers(&home)?;
    let mut told = Vec::new();
    for (operator, data) in &nodes {
        let machine = rebuild_one(&home, &genesis, operator, data)?;
        let head = machine.state().head();
        told.push(format!("{operator} at height {}, state root {}", head.height, head.state_root));
    }
    let seconds = begun.elapsed().as_secs_f64();
    crate::console::line(match told.as_slice() {
        [] => format!("{}: no record node has blocks here; the index is empty", home.dir().display()),
        _ => format!("rebuilt the index of {} record nodes in {seconds:.1} s: {}", told.len(), told.join("; ")),
    });
    Ok(())
}

/// Removes what is nobody's index. A folder with a lock is one: a node's content is thrown away under that lock, and other parts
/// look after their own whenever they open it.
fn remove_strangers(home: &Home) -> Outcome {
    let folder = home.index();
    let failed =
        |error: std::io::Error| Failure::environment(format_args!("{} cannot be emptied: {error}", folder.display()));
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let is_dir = path.is_dir() && !path.is_symlink();
        if is_dir && path.join("lock").exists() {
            continue;
        }
        if is_dir { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) }.map_err(failed)?;
    }
    Ok(())
}

/// The operators whose record nodes have blocks in the data directory.
fn nodes(home: &Home, genesis: &Genesis) -> Vec<(Id, PathBuf)> {
    let all = genesis.operators.iter().map(|operator| (operator.id.clone(), home.record(operator.id.as_str())));
    all.filter(|(_, data)| StoredBlocks::dir(data).is_dir()).collect()
}

fn rebuild_one(home: &Home, genesis: &Genesis, operator: &Id, data: &Path) -> Outcome<ErmMachine<SledStore>> {
    let style =
        ProgressStyle::with_template("{msg:24} {bar:44.cyan/black} {pos}/{len} blocks  {elapsed} elapsed, {eta} left");
    let bar = ProgressBar::new(0)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(operator.to_string());
    let index = home.index_of(operator, data);
    let mut progress = |height, end| {
        bar.set_length(end);
        bar.set_position(height);
    };
    let machine = ErmMachine::rebuild(genesis.clone(), &index, data, &mut progress);
    bar.finish_and_clear();
    machine.map_err(|error| failure(operator, error))
}

fn failure(operator: &Id, error: record_node::Error) -> Failure {
    use record_node::Error;
    let told = format!("the index is not rebuilt: the record node of {operator}: {error}");
    match error {
        Error::Corrupt { .. } | Error::Diverged { .. } | Error::Store(store::Error::Corrupt { .. }) => {
            Failure::wrong(told)
        }
        _ => Failure::environment(told),
    }
}
