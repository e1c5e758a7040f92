use claims::event::{FIELDS_MAX, field};
use claims::{Document, Error, Facts, Identity, Kind, Line, Value};
use ledger::{Digest, KeyPair, SaltSeed, rng_from_seed};

use crate::checks::{code, day, euros, identifier};

const NETWORK: Digest = Digest([1; 32]);

fn facts() -> Facts {
    let line = Line { codes: vec![code("1200"), code("A")], quantity_milli: Some(2_000), amount: Some(euros(5_000)) };
    Facts {
        kind: Kind::Record,
        patient: KeyPair::from_seed(&[7; 32]).public(),
        day: day("2026-03-10"),
        facility: "hospital-a".into(),
        document: "Procedure".into(),
        practitioner: Some(identifier("dr-a")),
        period: Some((day("2026-03-09"), Some(day("2026-03-11")))),
        encounter: Some("e1".into()),
        prescription: None,
        total: Some(euros(5_000)),
        study: None,
        lines: vec![line.clone(), Line { codes: vec![code("1300")], quantity_milli: None, amount: None }],
    }
}

fn document() -> Document {
    let seed = SaltSeed::generate(&mut rng_from_seed([3; 32]));
    Document { kind: Kind::Record, seed, fields: facts().fields().unwrap(), content: b"{}".to_vec() }
}

/// D7, B5: a field opens its own commitment and no other; the commitments alone say nothing of the content.
#[test]
fn a_field_opens_its_own_commitment_and_no_other() {
    let document = document();
    let commitments = document.commitments(&NETWORK);
    assert!(commitments.windows(2).all(|pair| pair[0].0 < pair[1].0));
    let opened = document.open(&NETWORK, [field::DAY, field::LINE + field::LINE_CODE, field::STUDY]);
    assert_eq!(opened.len(), 2, "the field that the event does not have is left out");
    for mut field in opened {
        field.verify(&NETWORK, &commitments).unwrap();
        assert!(field.verify(&Digest([2; 32]), &commitments).is_err(), "of another network");
        let salt = field.salt.clone();
        field.salt.0[0] ^= 1;
        assert!(field.verify(&NETWORK, &commitments).is_err());
        field.salt = salt;
        field.number += 1;
        assert!(field.verify(&NETWORK, &commitments).is_err(), "under another number");
        field.number -= 1;
        field.value = Value::Text("other".into());
        assert_eq!(field.verify(&NETWORK, &commitments), Err(Error::NotCommitted { field: field.number }));
    }
}

#[test]
fn a_document_reads_back_and_altered_bytes_are_refused() {
    let document = document();
    let bytes = document.to_bytes();
    assert!(Document::from_bytes(&bytes).unwrap() == document);
    assert!(Document::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    assert!(Document::from_bytes(&[bytes.clone(), vec![0]].concat()).is_err());
    assert!(Document::from_bytes(&[&[2], &bytes[1..]].concat()).is_err(), "unknown version");
    assert!(Document::from_bytes(&[]).is_err());
}

#[test]
fn lines_come_back_from_their_fields() {
    let fields = facts().fields().unwrap();
    let lines: Vec<Line> = claims::event::lines(&fields).into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, facts().lines);
}

/// D7: each kind has a schema; what does not fit it is refused by the field's number.
#[test]
fn what_a_kind_does_not_know_or_lacks_is_refused() {
    let refused = |change: &dyn Fn(&mut Facts)| {
        let mut facts = facts();
        change(&mut facts);
        facts.fields().unwrap_err().to_string()
    };
    assert!(refused(&|f| f.lines.clear()).contains("missing"));
    assert!(refused(&|f| f.kind = Kind::Image).contains("field 11 is missing"));
    assert!(refused(&|f| f.lines[0].codes.clear()).contains("no code"));
    assert!(refused(&|f| f.lines = vec![f.lines[0].clone(); 65]).contains("64 lines"));
    assert!(refused(&|f| f.lines = vec![f.lines[0].clone(); 20]).contains(&format!("{FIELDS_MAX} are allowed")));
    assert!(refused(&|f| f.encounter = Some("x".repeat(257))).contains("field 8"));
    assert!(refused(&|f| f.lines[0].quantity_milli = Some(0)).contains("field 258"));
    assert!(refused(&|f| f.period = Some((day("2026-03-10"), Some(day("2026-03-09"))))).contains("ends before"));
    assert!(refused(&|f| f.document = String::new()).contains("field 4"));
    let mut fields = facts().fields().unwrap();
    fields.insert(99, Value::Text("x".into()));
    assert!(claims::event::check_fields(Kind::Record, &fields).is_err(), "an unknown number");
}

#[test]
fn one_identifier_is_shown_without_the_others() {
    let seed = SaltSeed::generate(&mut rng_from_seed([4; 32]));
    let identity = Identity::new(seed, vec![identifier("b"), identifier("a"), identifier("c"), identifier("a")]);
    assert_eq!(identity.identifiers().len(), 3);
    let commitment = identity.commitment(&NETWORK);
    for name in ["a", "b", "c"] {
        let mut opened = identity.open(&NETWORK, &identifier(name)).unwrap();
        opened.verify(&NETWORK, &commitment).unwrap();
        opened.identifier = identifier("x");
        assert!(opened.verify(&NETWORK, &commitment).is_err());
    }
    assert!(identity.open(&NETWORK, &identifier("d")).is_none());
}
