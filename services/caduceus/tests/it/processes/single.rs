//! One process on the embedded log, and everything that is refused before anything runs.

use super::network::Network;
use super::process::{Process, done, run};

#[test]
fn the_example_configuration_is_accepted_as_it_is_and_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("example.toml");
    std::fs::write(&file, done(&["config", "example"])).unwrap();
    // Every key is known and every value good; what is missing is the network that it names.
    let (output, _, error) = run(&["run", "monitor", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("genesis.json") && error.contains("caduceus found --data-dir data"), "{error}");
}

#[test]
fn what_is_wrong_in_the_configuration_is_named_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    let wrong = [
        ("[monitor]\nblock_record = 7\n", "block_records"),
        ("[monitors]\n", "monitor"),
        ("[log]\nkind = \"kafak\"\n", "kafka"),
        ("[log]\nsession_ms = 5\n", "session_ms"),
        ("[record_chain]\nnodes = [\"ftp://a\"]\n", "http://host:port"),
        ("[health]\nlisten = \"0.0.0.0:9464\"\n", "open_to_network"),
        ("[log\n", "c.toml"),
    ];
    for (text, hint) in wrong {
        std::fs::write(&file, text).unwrap();
        let (output, _, error) = run(&["run", "monitor", "notify", "portal", "--config", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{text}: {error}");
        assert!(error.contains(hint), "{text}: {error}");
    }
    let (output, _, error) = run(&["run", "monitor", "--config", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains("nowhere.toml"), "{error}");
    let (output, _, _) = run(&["run", "--config", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_network_is_founded_once_and_a_patient_enrolled_once() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::found(dir.path().join("d"), None);
    let (output, _, error) = run(&["found", "--data-dir", network.dir.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("another folder"), "{error}");

    let (first, said) = network.enrol("ada");
    assert!(said.contains("opened now") && said.contains("not registered"), "{said}");
    let (second, said) = network.enrol("ada");
    assert!(said.contains("was open already"), "{said}");
    assert_eq!(first.chain, second.chain);
    let (output, _, error) = run(&["enrol", "--patient", "a b", "--config", network.config().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{error}");
    let (output, _, error) = run(&["token", "--patient", "bob", "--config", network.config().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("caduceus enrol --patient bob"), "{error}");
}

#[test]
fn one_process_serves_an_embedded_log_and_a_second_is_told_which_setting_to_change() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::found(dir.path().join("d"), None);
    let mut first = Process::start("first", &["monitor", "notify"], &network.config(), &[]);
    first.ready();
    assert_eq!(first.get("/livez").unwrap().0, 200);
    let (status, conditions) = first.get("/readyz").unwrap();
    assert_eq!(status, 200);
    for condition in ["event log answers", "monitor", "mail"] {
        assert!(conditions.contains(condition), "{conditions}");
    }
    assert_eq!(first.get("/metrics").unwrap().0, 200);

    let (status, said) = Process::start("second", &["notify"], &network.config(), &[]).exit();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("[log]") && said.contains("kind = \"kafka\"") && said.contains("/log"), "{said}");
    // The same with exactly the same settings, port of health included.
    let (output, _, error) = run(&["run", "notify", "--config", network.config().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("[log]"), "{error}");

    first.terminate();
    // The directory is free again.
    let mut third = Process::start("third", &["notify"], &network.config(), &[]);
    third.ready();
    third.terminate();
}

#[test]
fn a_broker_that_is_not_there_a_port_that_is_taken_and_a_stranger_operator_end_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::found(dir.path().join("d"), Some("127.0.0.1:1"));
    let (status, said) = Process::start("unreachable", &["monitor"], &network.config(), &[]).exit();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("127.0.0.1:1") && said.contains("check the address"), "{said}");

    let operator = network.operators().remove(0);
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let api_taken = [("CADUCEUS_RECORD_NODE__API_LISTEN", address.as_str())];
    let (status, said) = Process::start("taken", &["record-node"], &network.node_config(&operator), &api_taken).exit();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("[record_node] api_listen") && said.contains(&address), "{said}");

    let stranger = [("CADUCEUS_RECORD_NODE__OPERATOR", "stranger")];
    let (status, said) =
        Process::start("stranger", &["record-node"], &network.node_config(&operator), &stranger).exit();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("stranger") && said.contains(&operator), "{said}");
}
