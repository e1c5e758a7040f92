use claims::{Code, Receipt, Verdict, verify};
use erm::{Checkpoint, CheckpointValidator, ConsentAct};

use crate::checks::day;
use crate::world::{NOON_MS, World, claim, encounter_facts, procedure_facts};

fn verified(world: &World, receipt: &Receipt) -> claims::Verified {
    let json = receipt.to_json().unwrap();
    let again = Receipt::from_json(json.as_bytes()).unwrap();
    assert!(again == *receipt);
    verify(&again, &world.genesis, None).unwrap()
}

/// D11, E6: verdict, reasons and proof in one file that is verified without a network.
#[test]
fn a_matching_claim_gives_a_receipt_that_verifies_offline() {
    let mut world = World::usual();
    let receipt = world.look(&claim("c1", &[("1200", 5_000)]));
    let verified = verified(&world, &receipt);
    assert_eq!(verified.verdict, Verdict::Match);
    assert_eq!(verified.network, world.network);
    assert!(verified.trust_root.starts_with("genesis of test"), "{}", verified.trust_root);
    assert!(verified.recomputed.iter().any(|line| line.contains("consent")));
    assert!(verified.attested_by.iter().any(|attested| attested.by == "hospital-a"));
}

#[test]
fn every_verdict_has_a_receipt_that_verifies() {
    let mut world = World::usual();
    let mismatch = world.look(&claim("c", &[("1200", 5_001)]));
    assert_eq!(verified(&world, &mismatch).verdict, Verdict::Mismatch);
    assert_eq!(mismatch.content.findings[0].code, Code::AmountDiffers);
    let undocumented = world.look(&claim("c", &[("1400", 5_000)]));
    assert_eq!(undocumented.content.findings[0].code, Code::NotDocumented);
    assert_eq!(verified(&world, &undocumented).verdict, Verdict::Mismatch);
    let partial = world.look(&claim("c", &[("1200", 5_000), ("1400", 5_000)]));
    assert_eq!(verified(&world, &partial).verdict, Verdict::Partial);
    let mut nothing = claim("c", &[("1200", 5_000)]);
    nothing.items[0].day = day("2026-03-09");
    nothing.encounter_day = None;
    let nothing = world.look(&nothing);
    assert_eq!(verified(&world, &nothing).verdict, Verdict::NotFound);
    assert!(nothing.content.findings[0].evidence.len() == 1, "the absent key is named");
}

/// E17: claim and response stand on the record chain; the second claim of the same service is a duplicate.
#[test]
fn a_submitted_claim_is_recorded_and_the_second_is_a_duplicate() {
    let mut world = World::usual();
    let first = world.submit(&claim("c1", &[("1200", 5_000)]));
    assert_eq!(verified(&world, &first).verdict, Verdict::Match);
    assert!(verified(&world, &first).recomputed.iter().any(|line| line.contains("recorded at height")));
    let second = world.submit(&claim("c2", &[("1200", 5_000)]));
    assert_eq!(verified(&world, &second).verdict, Verdict::Duplicate);
    // A wrong line uses nothing up: mended, it matches.
    world.record(procedure_facts(&world, "1300", 700));
    assert_eq!(world.submit(&claim("c3", &[("1300", 800)])).content.verdict, Verdict::Mismatch);
    assert_eq!(world.submit(&claim("c4", &[("1300", 700)])).content.verdict, Verdict::Match);
}

#[test]
fn a_receipt_survives_changes_of_the_validators_before_and_after() {
    let mut world = World::usual();
    world.stake("doctors-a", 29);
    let receipt = world.submit(&claim("c1", &[("1200", 5_000)]));
    assert_eq!(receipt.content.history.len(), 1);
    verified(&world, &receipt);
    let answer = world.answer(&claim("c2", &[("1200", 5_000)]), &claims::Rules::default(), NOON_MS + 1_000).unwrap();
    assert_eq!(answer.verdict, Verdict::Duplicate);
    let content =
        claims::Content { operation: claims::Operation::Submit, ..world.content(&claim("c2", &[("1200", 5_000)])) };
    world.stake("doctors-a", 28);
    let content = world.record_claim(content, answer.fingerprints);
    assert_eq!(content.history.len(), 2);
    let receipt = content.sign(&crate::world::signer(crate::world::HOSPITAL), &mut world.rng);
    verified(&world, &receipt);
}

/// A checkpoint replaces the genesis as the root of trust; one that is above the receipt cannot vouch for it.
#[test]
fn a_pinned_checkpoint_is_the_trust_root() {
    let mut world = World::usual();
    let pinned = world.finality.header.clone();
    let validators =
        world.state.validators().iter().map(|(key, weight)| CheckpointValidator { key: *key, weight: *weight });
    let checkpoint = Checkpoint {
        network: world.network,
        height: pinned.height,
        block: pinned.hash(&world.network),
        next_validators: validators.collect(),
    };
    let before = world.look(&claim("c1", &[("1200", 5_000)]));
    world.record(encounter_facts(&world));
    let after = world.look(&claim("c1", &[("1200", 5_000)]));
    assert!(verify(&after, &world.genesis, Some(&checkpoint)).unwrap().trust_root.contains("checkpoint"));
    assert!(verify(&before, &world.genesis, Some(&checkpoint)).is_err(), "it is not above the checkpoint");
    let mut foreign = checkpoint;
    foreign.next_validators[0].weight += 1;
    assert!(verify(&after, &world.genesis, Some(&foreign)).is_err());
}

/// E9: what was revoked, denied or has expired permits nothing any more.
#[test]
fn without_consent_in_force_there_is_no_answer() {
    let one = claim("c1", &[("1200", 5_000)]);
    let mut world = World::usual();
    world.consent(ConsentAct::Revoke, None);
    assert!(world.answer(&one, &claims::Rules::default(), NOON_MS + 1_000).is_none());
    world.consent(ConsentAct::Grant, Some(NOON_MS + 500));
    assert!(world.answer(&one, &claims::Rules::default(), NOON_MS + 499).is_some());
    assert!(world.answer(&one, &claims::Rules::default(), NOON_MS + 500).is_none());
    world.consent(ConsentAct::Deny, None);
    assert!(world.answer(&one, &claims::Rules::default(), NOON_MS + 1_000).is_none());
}

/// The receipt keeps closed what the findings do not need.
#[test]
fn an_unrelated_document_of_the_same_day_stays_closed() {
    let mut world = World::usual();
    world.record(procedure_facts(&world, "secret", 9_900));
    let receipt = world.look(&claim("c1", &[("1200", 5_000)]));
    verified(&world, &receipt);
    assert!(!receipt.to_json().unwrap().contains("secret"));
    assert!(!receipt.to_json().unwrap().contains("another name"), "nor are other identifiers shown");
}

/// What an offline verification costs, printed with `--nocapture`; bounded generously.
#[test]
fn a_receipt_of_ten_lines_verifies_in_milliseconds() {
    let mut world = World::usual();
    let names: Vec<String> = (0..10).map(|n| format!("code {n}")).collect();
    for name in &names {
        world.record(procedure_facts(&world, name, 100));
    }
    let lines: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 100)).collect();
    let receipt = world.submit(&claim("c1", &lines));
    let bytes = receipt.to_json().unwrap();
    let start = std::time::Instant::now();
    let read = Receipt::from_json(bytes.as_bytes()).unwrap();
    assert_eq!(verify(&read, &world.genesis, None).unwrap().verdict, Verdict::Match);
    let took = start.elapsed();
    #[expect(clippy::print_stdout, reason = "the figure is what the test is run for")]
    {
        println!("a receipt of ten lines: {} bytes, verified in {took:?}", bytes.len());
    }
    assert!(took < std::time::Duration::from_secs(2), "{took:?}");
}
