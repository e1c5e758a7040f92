//! A record's file: what it shows, and everything that makes it fail.

use ledger::{KeyPair, encode};
use phc::*;
use serde_json::Value;

use crate::sample::{NETWORK, Sample, full, record};

/// The file of one record of a block in the middle of a chain whose writers the patient has named anew once.
fn sample_file() -> (Sample, RecordFile) {
    let mut sample = Sample::new();
    let replaced = Directive { sequence: 0, time_ms: 600_000, act: Act::ReplaceWriters(sample.opening().writers) };
    let signature = replaced.sign(&sample.chain, &sample.patient, &mut sample.rng);
    let mut builder = full();
    builder.directive(replaced.clone(), signature, 600_000).unwrap();
    sample.append(builder, 700_000);
    let file = file_of(&mut sample, vec![(replaced, signature)], 1, 3);
    (sample, file)
}

fn file_of(
    sample: &mut Sample,
    directives: Vec<(Directive, ledger::Signature)>,
    category: u8,
    index: u64,
) -> RecordFile {
    let (block, blobs) = sample.block(full(), 800_000);
    let at = block.header.batches.iter().position(|entry| entry.category == category).unwrap();
    let proof = sample.open(&block, category, &blobs[at]).unwrap().prove(&block, index).unwrap();
    RecordFile { proof, authority: Authority { opening: sample.first.body.opening.clone().unwrap(), directives } }
}

fn reason(result: Result<VerifiedRecord, Error>) -> String {
    result.unwrap_err().to_string()
}

/// E4, E5, E6.
#[test]
fn a_record_leaves_as_a_file_and_is_verified_from_it_alone() {
    let (sample, file) = sample_file();
    let text = file.to_json().unwrap();
    let read = RecordFile::from_json(text.as_bytes()).unwrap();
    assert!(read == file);
    let verified = read.verify(&NETWORK).unwrap();
    assert_eq!((verified.height, verified.category, verified.patient), (2, 1, sample.patient.public()));
    let RecordContent::Readings(row) = &verified.content else { panic!("readings") };
    assert_eq!(row.values, [RowValue { signal: 1, sequence: 6, value_milli: 63_000 }]);
    assert!(verified.attested_by.iter().any(|(what, _)| what.contains("no other block")));
}

/// Every batch of a block has its content: readings, scores, requests.
#[test]
fn a_file_says_what_kind_of_record_it_is() {
    let mut sample = Sample::new();
    let access = file_of(&mut sample, Vec::new(), CATEGORY_ACCESS, 0).verify(&NETWORK).unwrap();
    assert!(matches!(access.content, RecordContent::Access(_)));
    let score = file_of(&mut sample, Vec::new(), CATEGORY_SCORES, 2).verify(&NETWORK).unwrap();
    assert!(matches!(score.content, RecordContent::Score(score) if score.score_micro == 400_002));
}

fn set() -> ParametersRecord {
    let set = ParametersSet { by: "doctors-a".into(), set_ms: 700_000, parameters: vec![1, 0, 0, 0, 0, 0, 0, 0] };
    ParametersRecord { set, after_ms: Some(650_000) }
}

/// D13, E4: what a doctor set stands in a batch of its own and leaves with its proof; it opens with the key of anomalies.
#[test]
fn what_a_doctor_set_is_a_record_like_any_other() {
    let mut sample = Sample::new();
    let mut builder = full();
    let second = ParametersRecord { after_ms: None, ..set() };
    builder.parameters(set(), 700_000);
    builder.parameters(second.clone(), 700_000);
    assert_eq!(builder.records(), 26);
    let (block, blobs) = sample.block(builder, 800_000);
    let categories: Vec<u8> = block.header.batches.iter().map(|entry| entry.category).collect();
    assert_eq!(categories, [1, 2, CATEGORY_PARAMETERS, CATEGORY_ACCESS, CATEGORY_SCORES]);
    assert_eq!(Scope::of_batch(CATEGORY_PARAMETERS), Scope::Category(CATEGORY_ANOMALIES));
    assert_eq!(Scope::of_batch(CATEGORY_ACCESS), Scope::Category(CATEGORY_ACCESS));
    let key = sample.keys.get(&sample.chain, Scope::of_batch(CATEGORY_PARAMETERS)).unwrap();
    let opened = OpenedBatch::open(&sample.chain, key, &block.header, CATEGORY_PARAMETERS, &blobs[2]).unwrap();
    assert_eq!(*opened.records(), Records::Parameters(vec![set(), second]));
    let other = sample.keys.get(&sample.chain, Scope::Category(CATEGORY_ACCESS)).unwrap();
    assert!(OpenedBatch::open(&sample.chain, other, &block.header, CATEGORY_PARAMETERS, &blobs[2]).is_err());

    let authority = Authority { opening: sample.first.body.opening.clone().unwrap(), directives: Vec::new() };
    let file = RecordFile { proof: opened.prove(&block, 0).unwrap(), authority };
    let read = RecordFile::from_json(file.to_json().unwrap().as_bytes()).unwrap();
    assert_eq!(read.verify(&NETWORK).unwrap().content, RecordContent::Parameters(set()));
    for changed in [
        ParametersRecord { after_ms: Some(650_001), ..set() },
        ParametersRecord { set: ParametersSet { by: "doctors-b".into(), ..set().set }, ..set() },
    ] {
        let mut file = file.clone();
        file.proof.record = encode(&changed);
        assert!(reason(file.verify(&NETWORK)).contains("not in the batch"));
    }
    // Nobody puts what is out of bounds on a chain, or readings where parameters belong.
    let mut builder = full();
    builder.parameters(ParametersRecord { set: ParametersSet { by: String::new(), ..set().set }, ..set() }, 0);
    let place = sample.place(900_000);
    assert!(builder.cut(&sample.chain, &sample.keys, place, &mut sample.rng).is_err());
    let mut builder = BlockBuilder::default();
    builder.reading(CATEGORY_PARAMETERS, &record(1, 1, 0, 1), 0);
    assert!(builder.cut(&sample.chain, &sample.keys, place, &mut sample.rng).is_err());
}

/// Every place of the JSON that holds a value, as a path of keys and numbers.
fn leaves(value: &Value, path: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), into)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| leaves(value, &format!("{path}/{at}"), into))
        }
        _ => into.push(path.to_owned()),
    }
}

fn refused(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    match RecordFile::from_json(text.as_bytes()).map(|file| file.verify(&NETWORK)) {
        Ok(Ok(_)) => panic!("accepted: {text}"),
        Ok(Err(error)) | Err(error) => error.to_string(),
    }
}

/// Numbers become other numbers; of hex, each digit in turn.
#[test]
fn no_leaf_of_a_file_can_be_changed() {
    let (_, file) = sample_file();
    let value: Value = serde_json::from_str(&file.to_json().unwrap()).unwrap();
    let mut paths = Vec::new();
    leaves(&value, "", &mut paths);
    assert!(paths.len() >= 16, "{paths:?}");
    let mut tried = 0;
    for path in &paths {
        match value.pointer(path).unwrap() {
            Value::Number(number) => {
                let number = number.as_u64().unwrap();
                for other in
                    [number + 1, number ^ 1, number.saturating_sub(1), 250].into_iter().filter(|other| *other != number)
                {
                    let mut changed = value.clone();
                    *changed.pointer_mut(path).unwrap() = other.into();
                    assert!(!refused(&changed).is_empty());
                    tried += 1;
                }
            }
            Value::String(text) => {
                let step = (text.len() / 40).max(1);
                for at in (0..text.len()).step_by(step).chain([text.len() - 1]) {
                    let mut bytes = text.clone().into_bytes();
                    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
                    let mut changed = value.clone();
                    *changed.pointer_mut(path).unwrap() = String::from_utf8(bytes).unwrap().into();
                    assert!(!refused(&changed).is_empty(), "{path} at {at}");
                    tried += 1;
                }
            }
            other => panic!("{path}: {other}"),
        }
    }
    assert!(tried > 400, "{tried}");
}

#[test]
fn a_member_more_or_less_and_another_spelling_are_refused() {
    let (_, file) = sample_file();
    let text = file.to_json().unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    for key in value.as_object().unwrap().keys() {
        let mut less = value.clone();
        less.as_object_mut().unwrap().remove(key);
        assert!(refused(&less).contains("missing field"), "{key}");
    }
    let mut more = value.clone();
    more.as_object_mut().unwrap().insert("note".into(), "x".into());
    assert!(refused(&more).contains("unknown field"));
    let mut none = value.clone();
    none["directives"] = Value::Array(Vec::new());
    assert!(
        RecordFile::from_json((serde_json::to_string_pretty(&none).unwrap() + "\n").as_bytes())
            .unwrap()
            .verify(&NETWORK)
            .is_ok()
    );
    let mut twice = value.clone();
    twice["directives"] = Value::Array(vec![value["directives"][0].clone(), value["directives"][0].clone()]);
    assert!(refused(&twice).contains("directive 1 is missing"));
    for other in [
        text.trim_end().to_owned(),
        text.clone() + "\n",
        text.replace("  ", "\t"),
        value.to_string(),
        text.replacen("\"a", "\"A", 1),
    ] {
        if other != text {
            assert!(RecordFile::from_json(other.as_bytes()).is_err(), "{other}");
        }
    }
    assert!(
        RecordFile::from_json(&vec![b' '; RECORD_FILE_BYTES_MAX + 1]).err().unwrap().to_string().contains("at most")
    );
    assert!(RecordFile::from_json(b"").is_err());
}

#[test]
fn a_proof_moved_to_another_record_chain_or_network_is_refused() {
    let (mut sample, file) = sample_file();
    let neighbour = file_of(&mut sample, Vec::new(), 1, 4);
    let mut moved = file.clone();
    moved.proof.record.clone_from(&neighbour.proof.record);
    assert!(reason(moved.verify(&NETWORK)).contains("not in the batch"));
    let mut salted = moved.clone();
    salted.proof.salt = neighbour.proof.salt.clone();
    assert!(reason(salted.verify(&NETWORK)).contains("not in the batch"));

    let mut rng = ledger::rng_from_seed([9; 32]);
    let other = Opening { nonce: [4; 32], ..sample.opening() };
    let signature = other.sign(NETWORK, &sample.patient, &mut rng).unwrap();
    let mut foreign = file.clone();
    foreign.authority = Authority { opening: (other, signature), directives: Vec::new() };
    assert!(reason(foreign.verify(&NETWORK)).contains("another chain"));
    assert!(reason(file.verify(&ledger::Digest([8; 32]))).contains("another network"));
}

/// D4: only the patient's own signature names who may write.
#[test]
fn a_writer_that_the_patient_has_not_named_is_refused() {
    let (mut sample, file) = sample_file();
    let mut stranger = file.clone();
    stranger.proof.header.writer = sample.stranger.public();
    let block = stranger.proof.header.hash(&sample.chain);
    stranger.proof.signature = sample.stranger.sign(&block, &mut sample.rng);
    assert!(stranger.proof.verify().is_ok(), "the block itself is whole");
    assert!(reason(stranger.verify(&NETWORK)).contains("not named"));

    // An opening that names the stranger, signed by somebody else than the patient.
    let mut opening = sample.opening();
    opening.writers[0].signer = sample.stranger.public();
    let forged = KeyPair::from_seed(&[77; 32]).sign(&opening.digest(NETWORK), &mut sample.rng);
    stranger.authority = Authority { opening: (opening, forged), directives: Vec::new() };
    assert!(reason(stranger.verify(&NETWORK)).contains("patient's signature"));

    let dismissed = Directive { sequence: 1, time_ms: 650_000, act: Act::ReplaceWriters(Vec::new()) };
    let signature = dismissed.sign(&sample.chain, &sample.patient, &mut sample.rng);
    let mut after = file;
    after.authority.directives.push((dismissed, signature));
    assert!(reason(after.verify(&NETWORK)).contains("not named"));
}

/// A record whose bytes are no row of readings is refused although the block commits to them.
#[test]
fn a_committed_record_that_does_not_decode_is_refused() {
    let (mut sample, file) = sample_file();
    let row: Row = ledger::decode("row", &file.proof.record).unwrap();
    let [first, second] = [1, 2].map(|signal| RowValue { signal, sequence: 6, value_milli: 0 });
    for (record, expected) in [
        (encode(&7u8), "row of readings"),
        (encode(&Row { values: vec![], ..row.clone() }), "1 to 1024 values"),
        (encode(&Row { values: vec![second, first], ..row.clone() }), "out of order"),
        (encode(&Row { values: vec![first, first], ..row.clone() }), "stands twice"),
        (encode(&Row { values: vec![first; ROW_VALUES_MAX + 1], ..row.clone() }), "1 to 1024 values"),
    ] {
        let mut file = file.clone();
        file.proof.record = record;
        let commitment = file.proof.salt.commit(&sample.chain, &file.proof.record);
        let tree = ledger::MerkleTree::new(&[commitment.0]);
        file.proof.inclusion = tree.prove(0).unwrap();
        let entry = &mut file.proof.header.batches[0];
        (entry.root, entry.count) = (tree.root(), 1);
        file.proof.signature = sample.monitor.sign(&file.proof.header.hash(&sample.chain), &mut sample.rng);
        assert!(reason(file.verify(&NETWORK)).contains(expected), "{expected}");
    }
}
