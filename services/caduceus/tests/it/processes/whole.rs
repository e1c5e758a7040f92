//! The whole path, every part a process of its own over a real Kafka broker: readings to mails, clinical events to receipts.

use std::time::Duration;

use super::network::{COHORT_SEED, Network, Patient};
use super::process::Process;
use super::{claims, mails};

/// Also used when it is started again.
pub(super) fn start_portal(network: &Network) -> Process {
    // Time is told by the readings alone.
    let mut portal =
        Process::start("portal", &["portal"], &network.config(), &[("CADUCEUS_PORTAL__TICK_SECONDS", "0")]);
    portal.ready();
    portal
}

/// B4, D7, D8, D11, D14, D15, E9, E17, A10: while people fall ill and are mailed about, events, consents and claims go through the
/// same portal. Portal, notifiers and a validator are killed; every claim has one answer, every step of an episode one mail.
#[test]
fn every_claim_has_one_answer_and_every_step_of_an_episode_one_mail_whatever_is_killed() {
    let Some(broker) = testkit::kafka::broker_for("every_claim_has_one_answer", &[]).unwrap() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let network = Network::found(dir.path().join("d"), Some(&broker.bootstrap()));
    let mut nodes = network.start_nodes();
    let patients: Vec<Patient> = ["ada", "ben", "cleo", "dan"].map(|name| network.enrol(name).0).into();
    let cohort = COHORT_SEED.to_string();
    let mut monitor =
        Process::start("monitor", &["monitor"], &network.config(), &[("CADUCEUS_MONITOR__COHORT_SEED", &cohort)]);
    let portal = start_portal(&network);
    monitor.ready();
    let log = runtime.block_on(network.log(&broker.bootstrap()));

    let portal = std::thread::scope(|scope| {
        let mailed = scope.spawn(|| mails::each_step_is_mailed_once(&network, &runtime, &log, &patients));
        let portal = claims::each_claim_has_one_answer(&network, &mut nodes, portal, &patients[0], &patients[1]);
        mailed.join().unwrap();
        portal
    });
    let asked = runtime.block_on(claims::asked(&network, &log, &patients[0]));
    claims::every_request_was_written_down(&asked);

    for process in [monitor, portal].into_iter().chain(nodes.into_values()) {
        process.terminate();
    }
    runtime.shutdown_timeout(Duration::from_secs(1));
}
