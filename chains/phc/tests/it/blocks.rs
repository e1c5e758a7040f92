//! Following a chain: everything that is changed is noticed.

use ledger::{Digest, KeyPair};
use phc::*;

use crate::sample::*;

fn chain_of(sample: &mut Sample, length: i64) -> Vec<Block> {
    let mut blocks = vec![sample.first.clone()];
    for at in 0..length {
        blocks.push(sample.append(full(), 600_000 + at).0);
    }
    blocks
}

fn verify(blocks: &[Block]) -> Result<ChainState, Error> {
    let mut verifier = ChainVerifier::open(NETWORK, &blocks[0])?;
    blocks[1..].iter().try_for_each(|block| verifier.push(block))?;
    verifier.finish()
}

#[test]
fn a_chain_verifies_from_its_bytes_and_ends_where_it_ends() {
    let mut sample = Sample::new();
    let blocks = chain_of(&mut sample, 3);
    let decoded: Vec<_> = blocks.iter().map(|block| Block::decode(&block.encode()).unwrap()).collect();
    assert_eq!(verify(&decoded).unwrap(), sample.head);
    let mut bytes = blocks[1].encode();
    bytes.push(0);
    assert!(Block::decode(&bytes).is_err());
    assert!(Block::decode(&bytes[..100]).is_err());
}

/// Every field of the header and the body, changed, breaks the chain at that block; even where the writer itself signs again, what
/// contradicts the block before or the body is refused.
#[test]
fn every_changed_field_of_header_and_body_is_refused_at_its_height() {
    let mut sample = Sample::new();
    let blocks = chain_of(&mut sample, 2);
    let changes: Vec<(&str, fn(&mut Block))> = vec![
        ("height", |block| block.header.height += 1),
        ("parent", |block| block.header.parent.0[0] ^= 1),
        ("writer", |block| block.header.writer.0[0] ^= 1),
        ("time", |block| block.header.time_ms += 1),
        ("span partition", |block| block.header.span.partition += 1),
        ("span from", |block| block.header.span.from += 1),
        ("span through", |block| block.header.span.through += 1),
        ("events from", |block| block.header.events.from_ms -= 1),
        ("events to", |block| block.header.events.to_ms += 1),
        ("model", |block| block.header.model.0[0] ^= 1),
        ("batch category", |block| block.header.batches[0].category = 0),
        ("batch root", |block| block.header.batches[0].root.0[0] ^= 1),
        ("batch count", |block| block.header.batches[0].count += 1),
        ("blob pack", |block| block.header.batches[0].blob.pack.0[0] ^= 1),
        ("blob offset", |block| block.header.batches[0].blob.offset += 1),
        ("blob length", |block| block.header.batches[0].blob.length += 1),
        ("blob digest", |block| block.header.batches[0].blob.digest.0[0] ^= 1),
        ("batch removed", |block| block.header.batches.truncate(1)),
        ("anomalies root", |block| block.header.anomalies_root.0[0] ^= 1),
        ("anomalies", |block| block.header.anomalies += 1),
        ("directives root", |block| block.header.directives_root.0[0] ^= 1),
        ("directives", |block| block.header.directives += 1),
        ("anomaly commitment", |block| block.body.anomalies[0].commitment.0[0] ^= 1),
        ("anomaly detail", |block| block.body.anomalies[0].detail.offset += 1),
        ("anomaly removed", |block| block.body.anomalies.clear()),
        ("signature", |block| block.signature.0[0] ^= 1),
    ];
    for (what, change) in changes {
        let mut changed = blocks.clone();
        change(&mut changed[1]);
        let error = verify(&changed).expect_err(what);
        let height = if what == "height" { 2 } else { 1 };
        assert!(matches!(error, Error::Block { height: at, .. } if at == height || at == 2), "{what}: {error}");
    }
    let mut opened_again = blocks.clone();
    opened_again[1].body.opening = blocks[0].body.opening.clone();
    assert!(verify(&opened_again).is_err());
}

#[test]
fn what_a_named_writer_signs_must_still_follow_the_rules() {
    let mut sample = Sample::new();
    sample.append(full(), 600_000);
    let (good, _) = sample.block(full(), 600_001);
    let monitor = sample.monitor.clone();
    let changes: Vec<(&str, fn(&mut Block))> = vec![
        ("time goes back", |block| block.header.time_ms = 599_999),
        ("another parent", |block| block.header.parent = Digest([1; 32])),
        ("height skipped", |block| block.header.height += 1),
        ("a gap in the span", |block| block.header.span.from += 1),
        ("an overlap of the span", |block| block.header.span.from -= 1),
        ("a span that ends before it begins", |block| block.header.span.through = block.header.span.from - 1),
        ("another partition", |block| block.header.span.partition += 1),
        ("an interval that ends before it begins", |block| block.header.events.from_ms = block.header.events.to_ms + 1),
        ("categories out of order", |block| block.header.batches.swap(0, 1)),
        ("a category twice", |block| block.header.batches[1].category = block.header.batches[0].category),
        ("an empty batch", |block| block.header.batches[0].count = 0),
        ("a huge batch", |block| block.header.batches[0].count = BATCH_RECORDS_MAX + 1),
        ("more anomalies than there are", |block| block.header.anomalies += 1),
    ];
    for (what, change) in changes {
        let mut block = good.clone();
        change(&mut block);
        let block = sample.signed(block, &monitor);
        assert!(sample.head.clone().advance(&sample.chain, &block).is_err(), "{what}");
    }
    sample.head.clone().advance(&sample.chain, &good).unwrap();
}

#[test]
fn swapped_left_out_and_repeated_blocks_are_refused() {
    let mut sample = Sample::new();
    let blocks = chain_of(&mut sample, 3);
    for order in [vec![0, 2, 1, 3], vec![0, 2, 3], vec![0, 1, 1, 2], vec![1, 2, 3]] {
        let reordered: Vec<_> = order.iter().map(|at| blocks[*at].clone()).collect();
        assert!(verify(&reordered).is_err(), "{order:?}");
    }
}

#[test]
fn a_bad_signature_among_many_names_its_height() {
    let mut sample = Sample::new();
    let mut blocks = chain_of(&mut sample, 300);
    let other = KeyPair::from_seed(&[99; 32]);
    blocks[270].signature = other.sign(&blocks[270].hash(&sample.chain), &mut sample.rng);
    assert!(matches!(verify(&blocks), Err(Error::Block { height: 270, .. })));
    blocks[17].signature = blocks[18].signature;
    assert!(matches!(verify(&blocks), Err(Error::Block { height: 17, .. })));
}

#[test]
fn a_block_of_one_chain_is_none_of_another() {
    let mut sample = Sample::new();
    let (block, _) = sample.block(full(), 600_000);
    let mut opening = sample.opening();
    opening.nonce = [4; 32];
    let other = Block::open(opening, NETWORK, &sample.patient, &mut sample.rng).unwrap();
    let mut verifier = ChainVerifier::open(NETWORK, &other).unwrap();
    assert!(verifier.push(&block).and_then(|()| verifier.settle()).is_err());
}

#[test]
fn a_draft_is_finished_with_the_places_of_its_own_blobs_and_by_its_writer_only() {
    let mut sample = Sample::new();
    let draft = |sample: &mut Sample| {
        let place = sample.place(600_000);
        full().cut(&sample.chain, &sample.keys, place, &mut sample.rng).unwrap()
    };
    let one = draft(&mut sample);
    let blobs: Vec<Vec<u8>> = one.blobs().map(<[u8]>::to_vec).collect();
    let mut wrong = places(&blobs);
    wrong.swap(0, 1);
    assert!(one.finish(sample.head.hash, &wrong, &sample.monitor, &mut sample.rng).is_err());
    let two = draft(&mut sample);
    assert!(
        two.finish(sample.head.hash, &places(&blobs), &sample.monitor, &mut sample.rng).is_err(),
        "blobs of another draft"
    );
    let three = draft(&mut sample);
    let own = places(&three.blobs().map(<[u8]>::to_vec).collect::<Vec<_>>());
    assert!(three.finish(sample.head.hash, &own, &sample.stranger, &mut sample.rng).is_err());
    let four = draft(&mut sample);
    assert!(four.finish(sample.head.hash, &[], &sample.monitor, &mut sample.rng).is_err());
}
