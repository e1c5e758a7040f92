//! `cargo xtask kafka`: a real broker on loopback for trying things by hand.

use std::io::Read as _;

use testkit::kafka::{Broker, VERSION};

/// Fetches the broker where it is not there yet, so that tests need not.
pub(crate) fn fetch() -> anyhow::Result<()> {
    let jars = testkit::kafka::fetch()?;
    eprintln!("Apache Kafka {VERSION} is in {}", jars.display());
    Ok(())
}

/// Runs a broker until standard input ends. Its data goes with it.
pub(crate) fn run() -> anyhow::Result<()> {
    let broker = Broker::start(&[])?;
    eprintln!("Apache Kafka {VERSION} serves at {}; it ends with standard input (Ctrl-D)", broker.bootstrap());
    std::io::stdin().lock().read_to_end(&mut Vec::new())?;
    Ok(())
}
