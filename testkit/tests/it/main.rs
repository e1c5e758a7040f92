//! The helpers themselves: a broker that starts, dies, comes back and is gone at the end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::TcpStream;
use std::path::PathBuf;

#[test]
fn a_broker_keeps_its_address_over_a_kill_and_is_gone_when_dropped() {
    let Some(mut broker) =
        testkit::kafka::broker_for("a_broker_keeps_its_address_over_a_kill_and_is_gone_when_dropped", &[]).unwrap()
    else {
        return;
    };
    let address = broker.bootstrap();
    TcpStream::connect(&address).unwrap();
    let first = broker.pid().unwrap();

    broker.kill_9().unwrap();
    assert_eq!(broker.pid(), None);
    assert!(TcpStream::connect(&address).is_err(), "a killed broker still answers");
    assert!(broker.kill_9().is_err());

    broker.restart().unwrap();
    let second = broker.pid().unwrap();
    assert_ne!(first, second);
    assert_eq!(broker.bootstrap(), address);
    TcpStream::connect(&address).unwrap();
    assert!(broker.restart().is_err(), "one that runs is not started twice");

    drop(broker);
    assert!(!PathBuf::from(format!("/proc/{second}")).exists());
    assert!(TcpStream::connect(&address).is_err());
}

mod smtp;
