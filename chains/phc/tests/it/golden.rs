//! Golden vectors of `docs/formats.md`, sections 2.1 and 3. A change here is a new format version.

use ledger::{BlobRef, Chain, DataKey, Digest, Signature, WrapPublicKey, WrappedKey, encode, sha256};
use phc::messages::*;
use phc::*;

use crate::sample::*;

/// Short bytes are compared in hex, long ones by their SHA-256.
fn shown(bytes: &[u8]) -> String {
    if bytes.len() <= 80 { bytes.iter().map(|byte| format!("{byte:02x}")).collect() } else { sha256(bytes).to_string() }
}

fn check(vectors: &[(&str, Vec<u8>, &str)]) {
    let wrong: Vec<String> = vectors
        .iter()
        .filter(|(_, bytes, expected)| shown(bytes) != *expected)
        .map(|(name, bytes, _)| format!("{name}: {}", shown(bytes)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn place() -> BlobRef {
    BlobRef { pack: Digest([1; 32]), offset: 2, length: 3, digest: Digest([4; 32]) }
}

#[test]
fn values_of_topics() {
    let reading = Reading {
        signal: 1,
        value_milli: 72_000,
        time_ms: 60_000,
        offset_minutes: Some(-90),
        provenance: Provenance::Manual,
    };
    let batch = ReadingBatch {
        device: "watch".into(),
        subject: Subject::Location("bed".into()),
        first_sequence: 7,
        received_ms: 60_400,
        raw: Some(place()),
        readings: vec![reading],
    };
    let rejected = Rejected { device: "watch".into(), reason: "conflict".into(), received_ms: 1, line: vec![1, 2] };
    let alert = Alert {
        anomaly: vec![1, 2, 3],
        alerting: true,
        height: 5,
        block: Digest([6; 32]),
        entry: 1,
        chart: vec![(1, 2)],
    };
    let key = DataKey::from_bytes([5; 32]);
    let chain = Chain { network: NETWORK, id: Digest([9; 32]) };
    let sealed = seal_topic_value(
        &key,
        &chain,
        READINGS,
        &Tick { time_ms: 1, flush: true },
        &mut ledger::rng_from_seed([2; 32]),
    );
    check(&[
        ("reading", encode(&reading), "0100401901000000000060ea00000000000001a6ff01"),
        ("batch", encode(&batch), "a41e1ea7d7a4242c78178c91f0cdc1421eaf8d795a591e6e78860fcb07c74996"),
        ("tick", encode(&Tick { time_ms: 60_000, flush: true }), "60ea00000000000001"),
        ("rejected", encode(&rejected), "05000000776174636808000000636f6e666c6963740100000000000000020000000102"),
        (
            "unopened",
            RejectedValue::unopened("no-key", READINGS, &[9]),
            "01060000006e6f2d6b65790800000072656164696e67730100000009",
        ),
        ("sealed rejection", encode(&RejectedValue::Sealed(vec![8])), "000100000008"),
        (
            "alert",
            encode(&alert),
            "030000000102030105000000000000000606060606060606060606060606060606060606060606060606060606060606010000000100000001000000000000000200000000000000",
        ),
        ("request", encode(&request()), "6b1823cd065e6cd3090adb26adb6f484c0f75e8334e78ae71a91181d4a1d040b"),
        (
            "sealed value",
            sealed,
            "f5ad92ad0bcc165cf5a131541273264d3b2586635b305bd26ea289feebcb76537bf2086ba0ec80a6c3a6671a20c0c5d877",
        ),
    ]);
}

#[test]
fn openings_directives_and_blocks() {
    let mut sample = Sample::new();
    let directive = Directive { sequence: 1, time_ms: 2, act: Act::ReplaceWriters(sample.opening().writers) };
    let (mut block, _) = sample.append(full(), 600_000);
    block.signature = Signature([9; 64]);
    let mut first = sample.first.clone();
    first.signature = Signature([9; 64]);
    first.body.opening.as_mut().unwrap().1 = Signature([8; 64]);
    check(&[
        ("opening", encode(&sample.opening()), "208e41753ab1f04d05415ec55819922a6b0ef207491c530669c9b0648dabfecf"),
        ("chain id", sample.chain.id.0.to_vec(), "b53220665fc5c2f1941c51c79d7c8ea2b457ee3182291f67671380ba15e3dfa1"),
        (
            "opening's digest",
            sample.opening().digest(NETWORK).0.to_vec(),
            "f4921d8698268c11c5262d001fb7bd0f10bc542d1d271a9a278dd741d9a2b5bf",
        ),
        ("first block", first.encode(), "cdfd02d565cf357ebe7f5e8634cfdee9a343534e3765dbebe2aaab065a504174"),
        (
            "first hash",
            first.hash(&sample.chain).0.to_vec(),
            "b73f87ec670519fb9a0cdfad63aedfdf9e9b397c919a2aa80490e96312291599",
        ),
        ("directive", encode(&directive), "0bfd7deb8147148c8f9b60291a778c0bc7b9d18cb5c8d57347e51e5096fdd4bc"),
        (
            "directive's digest",
            sample.chain.digest_of(ledger::Domain::PhcDirective, &directive).0.to_vec(),
            "29284523007fcb63d27e2b6035a0b9ebd03e55433c2662119ec5a6d090d97ef6",
        ),
        ("block", block.encode(), "eaab672038294f0ed553b38c3ec5797d6008ae6ebdda50698d34e5bc088dd942"),
        (
            "hash",
            block.hash(&sample.chain).0.to_vec(),
            "0be4e2a3f4e931789aada845732713be6e7058d569e38fc1f1674ce90a65fa3c",
        ),
    ]);
}

#[test]
fn packed_batches() {
    let mut sample = Sample::new();
    let mut builder = full();
    let mut odd = record(99, 3, 30_000, -1);
    odd.subject = Subject::Location("bed".into());
    odd.raw = Some(place());
    odd.reading.offset_minutes = None;
    builder.reading(1, &odd, 0);
    let (block, blobs) = sample.append(builder, 600_000);
    let packed = |category: u8, blob: &[u8]| {
        let context = [b"batch".as_slice(), &1u64.to_le_bytes(), &[category]].concat();
        let key =
            batch_key(sample.keys.get(&sample.chain, Scope::Category(category)).unwrap(), &sample.chain, 1, category);
        key.open(&sample.chain, &context, blob).unwrap()
    };
    // Without version, seed and kind, which are random or said.
    let rest = |category, at: usize| packed(category, &blobs[at])[34..].to_vec();
    let heads: Vec<u8> = [(1, 0), (2, 1), (CATEGORY_ACCESS, 2), (CATEGORY_SCORES, 3)]
        .iter()
        .flat_map(|(category, at)| {
            let packed = packed(*category, &blobs[*at]);
            [packed[0], packed[33]]
        })
        .collect();
    check(&[
        ("versions and kinds", heads, "0100010001020101"),
        ("category 1", rest(1, 0), "5a178f15cbdc53f67ed00594c041810e4e20bb9b2c49ee359802fc2877e0693d"),
        (
            "category 2",
            rest(2, 1),
            "010577617463680000010000013c0001140a0000c0a9070007a0069f06000700090202000700000008",
        ),
        ("scores", rest(CATEGORY_SCORES, 3), "030000c0cf24000080ea30010202"),
        (
            "root",
            block.header.batches[0].root.0.to_vec(),
            "ae5376a2177b0e3d353b65719589ab7e3c79f07131a062254dfb96a455b33086",
        ),
        ("blob", sha256(&blobs[0]).0.to_vec(), "3f60ee792942f0cb07a98bebbe59bd89548b19897921042dcb9d8052cafccca5"),
        ("detail", sha256(&blobs[4]).0.to_vec(), "3e3719a6e8d19a9836d0ce9f0c81adae180346888c3e268389316aa65c31b7aa"),
        (
            "commitment",
            block.body.anomalies[0].commitment.0.to_vec(),
            "4ee9d905b4c34f98a999f8f6430c93891266820c52794e6142bff1aeb18c9b05",
        ),
    ]);
    assert_eq!(rest(CATEGORY_ACCESS, 2), encode(&vec![request()]));
}

/// Two signals of one watch in each of three minutes, sent together.
#[test]
fn rows_of_readings() {
    let mut sample = Sample::new();
    let mut builder = BlockBuilder::default();
    for minute in 0..3 {
        for (signal, value_milli) in [(3, 14_000 + minute * 500), (1, 60_000)] {
            builder.reading(
                1,
                &record(40 + 2 * minute as u64 + u64::from(signal == 1), signal, minute * 60_000, value_milli),
                0,
            );
        }
    }
    let (block, blobs) = sample.append(builder, 600_000);
    let batch = sample.open(&block, 1, &blobs[0]).unwrap();
    let context = [b"batch".as_slice(), &1u64.to_le_bytes(), &[1]].concat();
    let key = batch_key(sample.keys.get(&sample.chain, Scope::Category(1)).unwrap(), &sample.chain, 1, 1);
    check(&[
        (
            "row",
            batch.records().encoded(1).unwrap(),
            "0500000077617463680060ea000000000000013c0000f0eb000000000000000200000001002b0000000000000060ea00000000000003002a00000000000000a438000000000000",
        ),
        (
            "packed",
            key.open(&sample.chain, &context, &blobs[0]).unwrap()[34..].to_vec(),
            "010577617463680000010000013c00020103030000c0a9070000a0069f0600000002524d0000c0a90700000103040000e0da01f4030202",
        ),
        (
            "root",
            block.header.batches[0].root.0.to_vec(),
            "1416dd6096ae8d533db49265e6bb2197dfc81748c641b83be7d154fd6b997b3b",
        ),
    ]);
}

#[test]
fn key_rings_anchors_and_digests_of_content() {
    let chain = Chain { network: NETWORK, id: Digest([9; 32]) };
    let wrapped = WrappedKey { encapsulated: [1; 32], ciphertext: [2; 48] };
    let entry = |scope| KeyEntry { scope, grantee: WrapPublicKey([3; 32]), wrapped: wrapped.clone() };
    let ring = KeyRing {
        chain: chain.id,
        entries: vec![entry(Scope::Stream), entry(Scope::Category(1)), entry(Scope::Blind)],
    };
    let leaves =
        AnchorLeaves::new(vec![AnchorLeaf { blinded: Digest([2; 32]), height: 3, head: Digest([4; 32]) }]).unwrap();
    let anchor = AnchorRecord {
        party: "hospital-1".into(),
        previous: Digest([1; 32]),
        root: leaves.root(),
        chains: 1,
        time_ms: 5,
        leaves: place(),
    };
    let mut contents = Contents::default();
    let mut room = record(3, 100, 0, 21_000);
    room.subject = Subject::Location("bed".into());
    contents.reading(&record(1, 1, 60_000, 72_000));
    contents.reading(&room);
    contents.score(&Score { time_ms: 300_000, score_micro: 512_345 });
    contents.anomaly(b"an anomaly");
    let digests = contents.finish();
    check(&[
        ("ring", ring.encode(), "fe38f930684b3ba5710347a651e2b1eb258fe1d1fda38ae19f679495a03cc5c6"),
        (
            "scopes",
            [Scope::Stream, Scope::Category(7), Scope::Blind].iter().flat_map(Scope::bytes).collect(),
            "73747265616d63617465676f727907626c696e64",
        ),
        (
            "leaves",
            leaves.encode(),
            "01000000020202020202020202020202020202020202020202020202020202020202020203000000000000000404040404040404040404040404040404040404040404040404040404040404",
        ),
        ("anchor record", encode(&anchor), "f9857e7b8d0a57d6b4ef4af57539736449fc408bd1254104f2c004aad1caa9d4"),
        (
            "anchor",
            anchor.anchor(NETWORK).0.to_vec(),
            "e0cadcb3b901d2f34354d7fb0261c8c1f5629c8c85c5e10a5a9b3a515139a88f",
        ),
        (
            "blinded id",
            blinded_id(&chain, &DataKey::from_bytes([5; 32])).0.to_vec(),
            "72b849a55b9549ff0fe514d165cf7c15e88e2cac68719b5a38dd5e6c1f681203",
        ),
        (
            "content",
            digests.content_sha256.0.to_vec(),
            "da5d4610c3bb5c7c4777d276bd9ebffc61007153c2d069e37ad2f62eec7d73bb",
        ),
        (
            "scores",
            digests.scores_sha256.0.to_vec(),
            "088b603542fdfc16ac7e10076daf9e9a6397cde7c17ffa5fc0bb3397a9336ccc",
        ),
        (
            "anomalies",
            digests.anomalies_sha256.0.to_vec(),
            "87926ca517ecab28ada69e46efd3c7559260a94eeafb7cbba8e447207775ea80",
        ),
    ]);
}
