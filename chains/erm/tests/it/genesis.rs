use erm::{Error, Genesis, MemoryStore, Role, State};
use proptest::prelude::*;

use crate::fixture::{founding, id, operator, party};

const FILE: &[u8] = include_bytes!("genesis.json");

fn refused(genesis: &Genesis) -> String {
    let text = genesis.to_json().unwrap();
    match Genesis::from_json(text.as_bytes()) {
        Err(Error::Genesis(reason)) => reason,
        other => panic!("accepted: {other:?}"),
    }
}

#[test]
fn the_file_is_its_own_re_encoding() {
    let genesis = Genesis::from_json(FILE).unwrap();
    assert_eq!(genesis, founding());
    assert_eq!(genesis.to_json().unwrap().as_bytes(), FILE);
}

#[test]
fn a_file_with_another_layout_is_refused_at_the_first_byte_that_differs() {
    let mut file = FILE.to_vec();
    file.push(b'\n');
    let error = Genesis::from_json(&file).unwrap_err().to_string();
    assert!(error.contains(&format!("byte {}", FILE.len())), "{error}");

    let compact = serde_json::to_vec(&founding()).unwrap();
    let error = Genesis::from_json(&compact).unwrap_err().to_string();
    assert!(error.contains("byte 1;"), "{error}");

    // "name" before "version": valid JSON, other order.
    let text = std::str::from_utf8(FILE).unwrap();
    let swapped = text.replacen(
        "  \"version\": 1,\n  \"name\": \"test network\",",
        "  \"name\": \"test network\",\n  \"version\": 1,",
        1,
    );
    assert_ne!(swapped, text);
    let error = Genesis::from_json(swapped.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("byte 5;"), "{error}");
}

#[test]
fn unknown_keys_are_refused() {
    let text = std::str::from_utf8(FILE).unwrap().replacen("\"version\": 1,", "\"version\": 1,\n  \"colour\": 1,", 1);
    let error = Genesis::from_json(text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("colour"), "{error}");
    let text = std::str::from_utf8(FILE).unwrap().replacen("\"threshold\": 2,", "\"threshold\": 2, \"n\": 3,", 1);
    assert!(Genesis::from_json(text.as_bytes()).unwrap_err().to_string().contains('n'));
}

#[test]
fn what_cannot_found_a_network_is_refused_with_its_reason() {
    type Change = fn(&mut Genesis);
    let cases: Vec<(&str, Change)> = vec![
        ("version", |g| g.version = 2),
        ("name", |g| g.name.clear()),
        ("name", |g| g.name = "a\nb".into()),
        ("time", |g| g.time_ms = -1),
        ("partitions", |g| g.partitions = 0),
        ("1 to 16 keys", |g| g.authority.keys.clear()),
        ("threshold", |g| g.authority.threshold = 0),
        ("threshold", |g| g.authority.threshold = 4),
        ("ascend, each once", |g| g.authority.keys.reverse()),
        ("weights ascend", |g| g.weights.reverse()),
        ("operators ascend", |g| g.operators.reverse()),
        ("operators ascend", |g| g.operators.push(g.operators[3].clone())),
        ("parties ascend", |g| g.parties.swap(0, 1)),
        ("not listed", |g| g.parties[0].operator = id("nobody")),
        ("same validator key", |g| g.operators[0].validator = g.operators[1].validator),
        ("block_transactions", |g| g.limits.block_transactions = 0),
        ("transaction_bytes", |g| g.limits.transaction_bytes = 1 << 30),
        ("block_bytes", |g| g.limits.block_bytes = 10),
        ("expiry_heights", |g| g.limits.expiry_heights = 0),
        ("beyond 64 bits", |g| g.parties[0].units = u64::MAX),
    ];
    for (reason, change) in cases {
        let mut genesis = founding();
        change(&mut genesis);
        let found = refused(&genesis);
        assert!(found.contains(reason), "{reason}: {found}");
        assert!(State::genesis(genesis, MemoryStore::default()).is_err(), "{reason}");
    }
}

fn with_units(changes: &[(&str, u64)]) -> Genesis {
    let mut genesis = founding();
    for (name, units) in changes {
        genesis.parties.iter_mut().find(|party| party.id == id(name)).unwrap().units = *units;
    }
    genesis
}

/// D9: clinical share > 1/2, and the two other invariants, each at its very edge.
#[test]
fn a_genesis_at_the_edge_of_an_invariant_is_refused_and_one_unit_inside_accepted() {
    assert!(founding().check().is_ok());
    // Hospital 2×12, doctors 2×13 = 50; others 50.
    let edge = [("city-hospital", 12), ("dr-adams", 6), ("dr-baker", 7), ("laboratory-one", 15), ("pharmacy-one", 15)];
    let genesis = with_units(&edge);
    assert!(refused(&genesis).contains("hospitals and doctors hold 50 of 100"));
    let genesis = with_units(&[edge[0], edge[1], ("dr-baker", 8), edge[3], edge[4]]);
    assert!(genesis.check().is_ok());

    // 2×15 of 90: exactly one third.
    let genesis = with_units(&[("insurer-one", 10)]);
    assert!(refused(&genesis).contains("operator hospital holds 30 of 90"));
    assert!(with_units(&[("insurer-one", 11)]).check().is_ok());

    // Two insurers of 20 each: 40 of 120 together, each alone well below.
    let mut genesis = founding();
    genesis.operators.push(operator("second-insurer"));
    genesis.operators.sort_by(|a, b| a.id.cmp(&b.id));
    genesis.parties.push(party("insurer-two", "second-insurer", Role::Insurer, 20));
    genesis.parties.push(party("village-hospital", "hospital", Role::Hospital, 0));
    genesis.parties.sort_by(|a, b| a.id.cmp(&b.id));
    for (name, units) in [("dr-adams", 8), ("dr-baker", 8), ("city-hospital", 18)] {
        genesis.parties.iter_mut().find(|party| party.id == id(name)).unwrap().units = units;
    }
    // hospital 36, doctors 32, services 22, insurers 20 + 24: 44 of 134.
    let insurer = genesis.parties.iter().position(|party| party.id == id("insurer-two")).unwrap();
    genesis.parties[insurer].units = 24;
    assert!(genesis.check().is_ok());
    genesis.parties[insurer].units = 25;
    assert!(refused(&genesis).contains("insurers hold 45 of 135"));
}

/// D9: units of all parties of one operator are added before an invariant is checked.
#[test]
fn an_operator_that_runs_an_insurer_counts_wholly_as_insurer() {
    let mut genesis = founding();
    genesis.parties.push(party("own-insurer", "hospital", Role::Insurer, 0));
    genesis.parties.sort_by(|a, b| a.id.cmp(&b.id));
    assert!(refused(&genesis).contains("hospitals and doctors hold 28 of 100"));
}

#[test]
fn the_validators_are_the_operators_with_their_weights() {
    let validators = founding().validators().unwrap();
    let weight = |name: &str| validators.weight(&operator(name).validator);
    assert_eq!(validators.total(), 100);
    assert_eq!(["hospital", "doctors", "services", "insurer"].map(weight), [Some(30), Some(28), Some(22), Some(20)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One byte changed anywhere: refused, or another network, never a panic.
    #[test]
    fn one_changed_byte_never_passes_for_the_same_genesis(offset in 0..FILE.len(), flip in 1u8..) {
        let mut file = FILE.to_vec();
        file[offset] ^= flip;
        if let Ok(genesis) = Genesis::from_json(&file) {
            prop_assert_ne!(genesis.network(), founding().network());
        }
    }
}
