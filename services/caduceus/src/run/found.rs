//! `caduceus found`: a network for trying things out, with every key on this machine and files that `run` takes.

use std::path::{Path, PathBuf};

use kit::{Clock as _, Port, SystemClock};
use record_node::Identity;

use crate::cli;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::home::Home;
use crate::network::Network;
use crate::record::free_ports;

/// An operator's node: where it listens.
struct Seat {
    operator: String,
    node_id: String,
    peers_port: u16,
    api_port: u16,
    health_port: u16,
}

/// Runs the command. A folder that holds a network already is left as it is.
pub(crate) fn found(arguments: &cli::Found) -> Outcome {
    let dir = absolute(&arguments.data_dir)?;
    let home = Home::at(&dir);
    if home.genesis().exists() {
        return Err(Failure::usage(format_args!(
            "{} is there already: a network is founded once; choose another folder",
            home.genesis().display()
        )));
    }
    let network = Network::open_or_found(&home, SystemClock.now_ms())?;
    // All at once, so that each is another.
    let ports = free_ports(2 + network.genesis.operators.len() * 3)?;
    let [portal_port, health_port, of_nodes @ ..] = &ports[..] else {
        return Err(Failure::environment("no port is free on loopback"));
    };
    let seats = seats(&network, of_nodes)?;
    let main = home.dir().join("caduceus.toml");
    write(&main, &main_file(&home, arguments.kafka.as_deref(), &seats, portal_port.number(), health_port.number()))?;
    let mut lines = format!("network {}\n\n", network.id);
    for seat in &seats {
        let file = home.dir().join(format!("record-node-{}.toml", seat.operator));
        write(&file, &node_file(&home, seat, &seats))?;
        lines += &format!("caduceus run record-node --config {}\n", file.display());
    }
    lines += &format!("caduceus enrol --patient NAME --config {}\n", main.display());
    let roles: &[&str] =
        if arguments.kafka.is_some() { &["monitor", "notify", "portal"] } else { &["monitor notify portal"] };
    for (number, role) in roles.iter().enumerate() {
        // One file for all: only the port of health differs between processes.
        let port = if number == 0 { "" } else { "CADUCEUS_HEALTH__LISTEN=127.0.0.1:0 " };
        lines += &format!("{port}caduceus run {role} --config {}\n", main.display());
    }
    lines += &format!(
        "\nEvery key of every party lies in {}, the passphrase beside it: for trying things out, and for nothing else.\n",
        home.keystore().display()
    );
    crate::console::print(&lines);
    Ok(())
}

/// Three ports an operator.
fn seats(network: &Network, ports: &[Port]) -> Outcome<Vec<Seat>> {
    let operators = &network.genesis.operators;
    operators
        .iter()
        .zip(ports.chunks_exact(3))
        .map(|(operator, ports)| {
            let [peers_port, api_port, health_port] = ports else {
                return Err(Failure::environment("no port is free on loopback"));
            };
            let identity = Identity::from_seed(&network.validator_seed(&operator.id)?);
            Ok(Seat {
                operator: operator.id.to_string(),
                node_id: identity.node_id(),
                peers_port: peers_port.number(),
                api_port: api_port.number(),
                health_port: health_port.number(),
            })
        })
        .collect()
}

fn main_file(home: &Home, kafka: Option<&str>, seats: &[Seat], portal_port: u16, health_port: u16) -> String {
    let nodes: Vec<_> = seats.iter().map(|seat| quoted(&format!("http://127.0.0.1:{}", seat.api_port))).collect();
    let log = match kafka {
        Some(brokers) => format!(
            "kind = \"kafka\"\nbrokers = {}\ncreate_topics = true\n# One broker for trying things out: a lost one loses data.\nallow_single_broker = true\n",
            quoted(brokers)
        ),
        None => format!("kind = \"embedded\"\ndir = {}\n", shown(&home.log())),
    };
    format!(
        "# Made by `caduceus found`; `caduceus config example` explains every key.\n\n\
         [network]\ndir = {}\n\n[log]\n{log}\n[blobs]\ndir = {}\n\n[notify]\nmail_dir = {}\n\n\
         [record_chain]\nnodes = [{}]\n\n[portal]\nlisten = \"127.0.0.1:{portal_port}\"\ndir = {}\n\n[health]\nlisten = \"127.0.0.1:{health_port}\"\n",
        shown(home.dir()),
        shown(&home.blobs()),
        shown(&home.mail()),
        nodes.join(", "),
        shown(&home.dir().join("portal")),
    )
}

fn node_file(home: &Home, seat: &Seat, seats: &[Seat]) -> String {
    let peers: Vec<_> = seats
        .iter()
        .map(|peer| format!("    {},\n", quoted(&format!("{}@127.0.0.1:{}", peer.node_id, peer.peers_port))))
        .collect();
    format!(
        "# Made by `caduceus found`; `caduceus config example` explains every key.\n\n\
         [network]\ndir = {}\n\n[record_node]\noperator = {}\ndata_dir = {}\nlisten = \"127.0.0.1:{}\"\napi_listen = \"127.0.0.1:{}\"\npeers = [\n{}]\n\n\
         [health]\nlisten = \"127.0.0.1:{}\"\n",
        shown(home.dir()),
        quoted(&seat.operator),
        shown(&home.record(&seat.operator)),
        seat.peers_port,
        seat.api_port,
        peers.concat(),
        seat.health_port,
    )
}

/// A text in TOML's spelling.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn shown(path: &Path) -> String {
    quoted(&path.display().to_string())
}

fn write(path: &Path, text: &str) -> Outcome {
    kit::write_atomic(path, text.as_bytes(), 0o644).map_err(super::of_kit)
}

/// The files are used from anywhere, so they name absolute paths.
fn absolute(dir: &Path) -> Outcome<PathBuf> {
    std::fs::create_dir_all(dir).or_environment(format_args!("{} cannot be made", dir.display()))?;
    dir.canonicalize().or_environment(format_args!("{}", dir.display()))
}
