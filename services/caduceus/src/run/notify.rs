//! The role `notify`.

use std::sync::Arc;

use notify::{Notifier, Settings};
use stream::EventLog;

use super::of_kit;
use super::process::Process;
use crate::failure::{Failure, Outcome};
use crate::network::Service;
use crate::rings::Rings;

/// Starts the notifier; it waits out passing trouble of the log itself.
pub(super) fn start(process: &Process, log: &Arc<dyn EventLog>) -> Outcome {
    let settings: Settings = process.config.section().map_err(of_kit)?;
    let network = &process.network;
    let rings = Rings::new(network.home.dir(), network.id, network.service(Service::Notifier)?.wrap);
    let notifier =
        Notifier::new(log.clone(), Arc::new(rings), process.clock.clone(), network.id, &settings).map_err(refused)?;
    let notifier = notifier.reporting_to(&process.health);
    let shutdown = process.shutdown.clone();
    process.part("the notifier", async move {
        notifier.run(shutdown).await.map_err(|error| match error {
            notify::Error::Log(stream::Error::Fenced { .. }) => Failure::environment(format_args!(
                "another notifier is named {:?} too; give each its own name in [notify]: {error}",
                settings.name
            )),
            other => Failure::environment(format_args!("the notifier: {other}")),
        })
    });
    Ok(())
}

fn refused(error: notify::Error) -> Failure {
    match error {
        notify::Error::Settings(_) => Failure::usage(error),
        notify::Error::Kit(error) => of_kit(error),
        other => Failure::environment(other),
    }
}
