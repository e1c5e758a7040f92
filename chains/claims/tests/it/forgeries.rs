//! Whatever is changed in a receipt is refused with a reason: by anybody, and where it can be computed, by the very
//! member who signs.

use claims::event::field;
use claims::{Content, Error, Receipt, Rules, Value, Verdict, verify};
use erm::ConsentAct;
use serde_json::Value as Json;

use crate::checks::identifier;
use crate::world::{HOSPITAL, NOON_MS, World, claim, encounter_facts, procedure_facts, signer};

/// Every place in a JSON document, as a path of keys and positions.
fn places(value: &Json, here: &[String], all: &mut Vec<Vec<String>>) {
    all.push(here.to_vec());
    let below = |key: String| [here, &[key]].concat();
    match value {
        Json::Object(map) => map.iter().for_each(|(key, value)| places(value, &below(key.clone()), all)),
        Json::Array(items) => items.iter().enumerate().for_each(|(n, value)| places(value, &below(n.to_string()), all)),
        _ => {}
    }
}

fn at<'a>(value: &'a mut Json, path: &[String]) -> &'a mut Json {
    path.iter().fold(value, |value, key| match value {
        Json::Array(items) => &mut items[key.parse::<usize>().unwrap()],
        value => &mut value[key.as_str()],
    })
}

/// Every way to alter the value at a place.
fn altered(value: &Json) -> Vec<Json> {
    match value {
        Json::Null => vec![Json::from("00"), Json::from(0)],
        Json::Bool(flag) => vec![Json::from(!flag)],
        Json::Number(number) => {
            number.as_i64().map(|n| vec![Json::from(n + 1), Json::from(n - 1), Json::Null]).unwrap()
        }
        Json::String(text) => {
            let flip = |position: usize| {
                let flipped = |c: char| {
                    if c == '0' {
                        '1'
                    } else if c == 'a' {
                        'b'
                    } else {
                        '0'
                    }
                };
                let chars = text.chars().enumerate();
                Json::from(chars.map(|(n, c)| if n == position { flipped(c) } else { c }).collect::<String>())
            };
            let mut all =
                vec![Json::from(format!("{text}0")), Json::from(text.to_uppercase()), Json::from(""), Json::Null];
            let count = text.chars().count();
            all.extend([0, count / 2, count.saturating_sub(1)].into_iter().filter(|n| *n < count).map(flip));
            all
        }
        Json::Array(items) => {
            let mut all = Vec::new();
            for position in 0..items.len() {
                let mut fewer = items.clone();
                fewer.remove(position);
                all.push(Json::from(fewer));
                let mut more = items.clone();
                more.insert(position, items[position].clone());
                all.push(Json::from(more));
            }
            let mut reversed = items.clone();
            reversed.reverse();
            all.push(Json::from(reversed));
            all
        }
        Json::Object(map) => {
            let mut all = Vec::new();
            for key in map.keys() {
                let mut fewer = map.clone();
                fewer.remove(key);
                all.push(Json::from(fewer));
                let mut moved = map.clone();
                let value = moved.shift_remove(key).unwrap();
                moved.insert(key.clone(), value);
                all.push(Json::from(moved));
            }
            let mut more = map.clone();
            more.insert("more".into(), Json::from(1));
            all.push(Json::from(more));
            all
        }
    }
}

/// The generic one: every leaf of a receipt's JSON altered, every part removed, added, doubled or reordered.
#[test]
fn any_change_anywhere_in_the_file_is_refused_with_a_reason() {
    let mut world = World::usual();
    world.stake("doctors-a", 29);
    let receipt = world.submit(&claim("c1", &[("1200", 5_000), ("1400", 1)]));
    let text = receipt.to_json().unwrap();
    verify(&Receipt::from_json(text.as_bytes()).unwrap(), &world.genesis, None).unwrap();
    let original: Json = serde_json::from_str(&text).unwrap();
    let mut all = Vec::new();
    places(&original, &[], &mut all);
    assert!(all.len() > 200, "{} places", all.len());
    let mut tried = 0;
    for path in all {
        for change in altered(at(&mut original.clone(), &path)) {
            let mut forged = original.clone();
            *at(&mut forged, &path) = change;
            let forged = serde_json::to_string_pretty(&forged).unwrap() + "\n";
            if forged == text {
                continue;
            }
            let refused = match Receipt::from_json(forged.as_bytes()) {
                Ok(receipt) => verify(&receipt, &world.genesis, None).unwrap_err(),
                Err(error) => error,
            };
            assert!(
                matches!(refused, Error::Unreadable { .. } | Error::Refused { .. } | Error::NotCommitted { .. }),
                "{refused:?}"
            );
            tried += 1;
        }
    }
    assert!(tried > 1_000, "{tried} forgeries");
    for spelled in [text.trim_end().to_owned(), format!("{text}\n"), format!(" {text}"), text.replace("  ", " ")] {
        assert!(Receipt::from_json(spelled.as_bytes()).is_err(), "another spelling of the same");
    }
    assert!(Receipt::from_json(b"").is_err());
}

/// Refused although the portal's member signed it.
fn refused_part(world: &mut World, content: &Content, change: impl FnOnce(&mut Content)) -> String {
    let mut content = content.clone();
    change(&mut content);
    let receipt = content.sign(&signer(HOSPITAL), &mut world.rng);
    match verify(&receipt, &world.genesis, None) {
        Err(Error::Refused { part, .. }) => part,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_portal_itself_cannot_alter_verdict_findings_or_evidence() {
    let mut world = World::usual();
    let good = world.content(&claim("c1", &[("1200", 5_001)]));
    let w = &mut world;
    assert_eq!(good.verdict, Verdict::Mismatch);
    assert_eq!(refused_part(w, &good, |c| c.verdict = Verdict::Match), "verdict");
    assert_eq!(refused_part(w, &good, |c| c.findings.clear()), "findings");
    assert_eq!(refused_part(w, &good, |c| c.findings[0].found = "50.01 EUR".into()), "findings");
    assert_eq!(refused_part(w, &good, |c| c.findings.push(c.findings[0].clone())), "findings");
    assert_eq!(refused_part(w, &good, |c| c.claim.items[0].amount.minor = 5_000), "findings");
    assert_eq!(
        refused_part(w, &good, |c| c.rules = Rules { amount_tolerance_minor: 1, ..Rules::default() }),
        "findings"
    );
    assert_eq!(refused_part(w, &good, |c| c.evidence.events.clear()), "evidence.events");
    assert_eq!(refused_part(w, &good, |c| c.evidence.events.reverse()), "evidence.events");
    assert_eq!(refused_part(w, &good, |c| c.evidence.fingerprints.clear()), "evidence.fingerprints");
    assert_eq!(refused_part(w, &good, |c| c.evidence.state.reverse()), "evidence.state");
    assert_eq!(refused_part(w, &good, |c| _ = c.evidence.state.remove(0)), "evidence.state");
    assert_eq!(refused_part(w, &good, |c| c.evidence.state[0].value = None), "evidence.state[0]");
    let other = world.content(&claim("c2", &[("1200", 5_000)]));
    let w = &mut world;
    assert_eq!(refused_part(w, &good, |c| c.evidence.identifier.identifier = identifier("another name")), "identifier");
    assert_eq!(refused_part(w, &good, |c| c.evidence.patient = signer("other").public()), "evidence.state");
    assert_eq!(refused_part(w, &good, |c| c.portal = crate::world::id("doctors-a")), "evidence.state");
    assert_eq!(refused_part(w, &good, |c| c.version = 2), "version");
    assert_eq!(refused_part(w, &good, |c| c.as_of_ms = NOON_MS - 1), "as_of_ms");
    assert_eq!(refused_part(w, &good, |c| c.operation = claims::Operation::Submit), "recorded");
    drop(other);
}

/// "There is no such thing" must not rest on looking away.
#[test]
fn what_a_finding_stands_on_cannot_be_kept_closed() {
    let mut world = World::usual();
    let undocumented = world.content(&claim("c1", &[("1400", 5_000)]));
    let w = &mut world;
    let close_codes = |content: &mut Content| {
        for event in &mut content.evidence.events {
            event.opened.retain(|opened| opened.number < field::LINE);
        }
        content.findings[0].found = "none".into();
    };
    assert_eq!(refused_part(w, &undocumented, close_codes), "evidence.events.opened");
    let amount = world.content(&claim("c1", &[("1200", 5_001)]));
    let w = &mut world;
    let lie = |content: &mut Content| {
        let opened = content.evidence.events.iter_mut().flat_map(|event| &mut event.opened);
        opened.filter(|opened| matches!(opened.value, Value::Money(_))).for_each(|opened| {
            opened.value = Value::Money(crate::checks::euros(5_001));
        });
    };
    assert_eq!(refused_part(w, &amount, lie), "evidence.events.opened");
}

#[test]
fn too_few_doubled_or_foreign_validators_make_no_block_final() {
    let mut world = World::usual();
    let good = world.content(&claim("c1", &[("1200", 5_000)]));
    let header = good.block.header.clone();
    // 58 of 100 is not more than two thirds; 80 is.
    let few = world.certify(&header, &["hospital", "doctors"]);
    let enough = world.certify(&header, &["hospital", "doctors", "services"]);
    let all = world.certify(&header, &["hospital", "doctors", "services", "insurer"]);
    let foreign = world.certify(&header, &["hospital", "doctors", "services", "stranger"]);
    let w = &mut world;
    assert_eq!(refused_part(w, &good, |c| c.block.certificate = few.clone()), "block");
    assert_eq!(refused_part(w, &good, |c| c.block.certificate = foreign), "block");
    let mut doubled = few;
    doubled.signatures.push(doubled.signatures[1]);
    doubled.signatures.sort_by_key(|(key, _)| *key);
    assert_eq!(refused_part(w, &good, |c| c.block.certificate = doubled), "block");
    let mut one_bad = all;
    one_bad.signatures[0].1 = one_bad.signatures[1].1;
    assert_eq!(refused_part(w, &good, |c| c.block.certificate = one_bad), "block", "even where the others suffice");
    let receipt = Content { block: claims::Finality { header, certificate: enough }, ..good.clone() };
    let receipt = receipt.sign(&signer(HOSPITAL), &mut world.rng);
    verify(&receipt, &world.genesis, None).unwrap();
    let elsewhere = World::founded("elsewhere");
    assert!(verify(&receipt, &elsewhere.genesis, None).unwrap_err().to_string().contains("another network"));
}

#[test]
fn a_changed_validator_set_cannot_be_left_out_or_made_up() {
    let mut world = World::usual();
    world.stake("doctors-a", 29);
    world.record(encounter_facts(&world));
    let good = world.content(&claim("c1", &[("1200", 5_000)]));
    let w = &mut world;
    assert_eq!(refused_part(w, &good, |c| c.history.clear()), "block");
    assert_eq!(refused_part(w, &good, |c| c.history.push(c.history[0].clone())), "history");
    let made_up = |content: &mut Content| {
        let set = vec![(crate::world::validator("stranger").public(), 1)];
        content.history[0].next = ledger::ValidatorSet::new(set).unwrap();
    };
    assert_eq!(refused_part(w, &good, made_up), "block");
}

#[test]
fn proofs_of_one_claim_do_not_serve_another() {
    let mut world = World::usual();
    world.record(procedure_facts(&world, "1300", 700));
    let one = world.submit(&claim("c1", &[("1200", 5_000)])).content;
    let two = world.submit(&claim("c2", &[("1300", 700)])).content;
    let w = &mut world;
    assert_eq!(refused_part(w, &one, |c| c.evidence = two.evidence.clone()), "evidence.state[0]", "of another block");
    assert_eq!(refused_part(w, &one, |c| c.recorded = two.recorded.clone()), "recorded.entry");
    let part = refused_part(w, &one, |c| c.claim = two.claim.clone());
    assert!(part.starts_with("evidence"), "what was shown for the other claim belongs to nothing here: {part}");
    assert_eq!(refused_part(w, &one, |c| c.claim_salt = two.claim_salt.clone()), "recorded.entry");
    assert_eq!(refused_part(w, &one, |c| c.response_salt = two.response_salt.clone()), "recorded.entry");
    let block = |c: &mut Content| (c.evidence, c.block) = (two.evidence.clone(), two.block.clone());
    let part = refused_part(w, &one, block);
    assert!(part.starts_with("evidence"), "all of another claim's evidence: {part}");
    assert_eq!(refused_part(w, &one, |c| c.recorded.as_mut().unwrap().block = c.block.clone()), "recorded");
}

/// A consent that was in force once does not serve a later question.
#[test]
fn a_stale_consent_is_refused() {
    let mut world = World::usual();
    world.consent(ConsentAct::Grant, Some(NOON_MS + 5_000));
    let good = world.content(&claim("c1", &[("1200", 5_000)]));
    let w = &mut world;
    assert_eq!(refused_part(w, &good, |c| c.as_of_ms = NOON_MS + 5_000), "consent");
    assert_eq!(refused_part(w, &good, |c| c.claim.insurer = "doctors-a".into()), "evidence.state", "another asker's");
    world.consent(ConsentAct::Revoke, None);
    let later = world.finality.clone();
    let part = refused_part(&mut world, &good, |c| c.block = later);
    assert!(part.starts_with("evidence.state"), "the old proofs do not fit the state after the revocation: {part}");
}

#[test]
fn only_the_portals_own_key_signs() {
    let mut world = World::usual();
    let content = world.content(&claim("c1", &[("1200", 5_000)]));
    let forged = content.clone().sign(&signer("doctors-a"), &mut world.rng);
    assert!(verify(&forged, &world.genesis, None).unwrap_err().to_string().contains("signature"));
    let other = Content { portal: crate::world::id("hospital-x"), ..content };
    let forged = other.sign(&signer("hospital-x"), &mut world.rng);
    assert!(verify(&forged, &world.genesis, None).is_err());
}
