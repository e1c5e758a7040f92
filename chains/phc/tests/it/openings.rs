//! Capability D4: the chain is the patient's.

use ledger::Digest;
use phc::*;

use crate::sample::*;

#[test]
fn an_operators_key_alone_opens_nothing() {
    let mut sample = Sample::new();
    // It cannot sign the patient's opening.
    let opening = sample.opening();
    let refused = Block::open(opening.clone(), NETWORK, &sample.stranger, &mut sample.rng).unwrap_err();
    assert!(matches!(refused, Error::Opening { .. }), "{refused}");
    // It can open a chain of its own, but that is another chain.
    let own = Opening { patient: sample.stranger.public(), ..opening.clone() };
    assert_ne!(own.chain(NETWORK), sample.chain);
    // A block that it signs with the patient's opening in it does not open the chain.
    let mut block = sample.first.clone();
    block.body.opening = Some((opening, sample.stranger.sign(&sample.opening().digest(NETWORK), &mut sample.rng)));
    assert!(matches!(ChainState::open(NETWORK, &block), Err(Error::Opening { .. })));
    let block = sample.first.clone();
    let stranger = sample.stranger.clone();
    let block = sample.signed(block, &stranger);
    assert!(matches!(ChainState::open(NETWORK, &block), Err(Error::Opening { .. })));
}

#[test]
fn an_opening_changed_after_it_was_signed_opens_nothing() {
    let sample = Sample::new();
    let changes: [fn(&mut Opening); 5] = [
        |opening| opening.patient.0[0] ^= 1,
        |opening| opening.wrap.0[0] ^= 1,
        |opening| opening.nonce[0] ^= 1,
        |opening| opening.time_ms += 1,
        |opening| opening.writers.clear(),
    ];
    for change in changes {
        let mut block = sample.first.clone();
        let (opening, _) = block.body.opening.as_mut().unwrap();
        change(opening);
        assert!(ChainState::open(NETWORK, &block).is_err());
    }
    assert!(ChainState::open(Digest([6; 32]), &sample.first).is_err(), "another network");
    let mut block = sample.first.clone();
    block.header.time_ms += 1;
    assert!(ChainState::open(NETWORK, &block).is_err());
    let mut block = sample.first.clone();
    block.body.opening = None;
    assert!(ChainState::open(NETWORK, &block).is_err());
}

#[test]
fn too_many_writers_or_one_twice_are_refused() {
    let mut sample = Sample::new();
    let writer = sample.opening().writers[0].clone();
    let mut twice = sample.opening();
    twice.writers.push(Writer { until_ms: None, ..writer.clone() });
    assert!(twice.sign(NETWORK, &sample.patient, &mut sample.rng).is_err());
    let mut many = sample.opening();
    many.writers =
        (0..=WRITERS_MAX as u8).map(|at| Writer { signer: ledger::PublicKey([at; 32]), ..writer.clone() }).collect();
    assert!(many.sign(NETWORK, &sample.patient, &mut sample.rng).is_err());
}

#[test]
fn a_writer_that_was_not_named_has_another_role_or_has_expired_is_refused() {
    let refused = |sample: &mut Sample, time_ms: i64| {
        let (block, _) = sample.block(full(), time_ms);
        sample.head.clone().advance(&sample.chain, &block).unwrap_err().to_string()
    };
    let mut nobody = Sample::with_writers(|_, _| vec![]);
    assert!(refused(&mut nobody, 600_000).contains("not named"));
    let mut ingest =
        Sample::with_writers(|signer, wrap| vec![Writer { role: Role::Ingest, signer, wrap, until_ms: None }]);
    assert!(refused(&mut ingest, 600_000).contains("not named"));
    let mut expired = Sample::new();
    assert!(refused(&mut expired, 10_000_000).contains("not named"));
    let (block, _) = expired.block(full(), 9_999_999);
    expired.head.advance(&expired.chain.clone(), &block).unwrap();
}

#[test]
fn the_patients_directive_replaces_the_writers_from_the_next_block_on() {
    let mut sample = Sample::new();
    let wrap = sample.wrap.public();
    let act = Act::ReplaceWriters(vec![Writer {
        role: Role::Monitor,
        signer: sample.stranger.public(),
        wrap,
        until_ms: None,
    }]);
    let directive = Directive { sequence: 0, time_ms: 2_000, act };
    let signature = directive.sign(&sample.chain, &sample.patient, &mut sample.rng);
    // Signed by anybody else it does not count, out of turn neither.
    let forged = directive.sign(&sample.chain, &sample.monitor, &mut sample.rng);
    let later = Directive { sequence: 1, ..directive.clone() };
    let later_signature = later.sign(&sample.chain, &sample.patient, &mut sample.rng);
    for (directive, signature) in [(directive.clone(), forged), (later, later_signature)] {
        let mut builder = BlockBuilder::default();
        builder.directive(directive, signature, 0).unwrap();
        let (block, _) = sample.block(builder, 3_000);
        assert!(sample.head.clone().advance(&sample.chain, &block).is_err());
    }
    let mut builder = BlockBuilder::default();
    builder.directive(directive, signature, 0).unwrap();
    sample.append(builder, 3_000);
    let (block, _) = sample.block(full(), 4_000);
    assert!(sample.head.clone().advance(&sample.chain, &block).is_err(), "the former writer");
    sample.monitor = sample.stranger.clone();
    sample.append(full(), 4_000);
}
