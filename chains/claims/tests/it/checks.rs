use claims::disclosure::{disclosed, needed};
use claims::event::{Fields, field};
use claims::{
    Claim, Claimed, Code, Coding, Day, Event, Evidence, Identifier, Item, Kind, Money, Rules, Slot, Value, Verdict,
    check, schema, verdict,
};
use ledger::Digest;
use proptest::prelude::*;

pub(crate) fn identifier(value: &str) -> Identifier {
    Identifier { system: "urn:test".into(), value: value.into() }
}

pub(crate) fn code(code: &str) -> Coding {
    Coding { system: "urn:codes".into(), code: code.into() }
}

pub(crate) fn euros(minor: i64) -> Money {
    Money { minor, currency: "EUR".parse().unwrap() }
}

pub(crate) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn today() -> Day {
    day("2026-03-10")
}

fn item(sequence: u32, name: &str, minor: i64) -> Item {
    Item { sequence, kind: Kind::Record, code: code(name), day: today(), quantity_milli: 1_000, amount: euros(minor) }
}

fn claim(items: Vec<Item>) -> Claim {
    Claim {
        id: identifier("claim"),
        insurer: "insurer-a".into(),
        provider: "hospital-a".into(),
        patient: identifier("patient"),
        practitioner: Some(identifier("dr-a")),
        encounter_day: None,
        created: today(),
        items,
    }
}

fn event(n: u8, fields: Fields) -> Event {
    Event { key: Digest([n; 32]), signed_by: "hospital-a".into(), numbers: fields.keys().copied().collect(), fields }
}

fn encounter(from: Day, to: Option<Day>) -> Event {
    let mut fields = Fields::from([
        (field::DOCUMENT, Value::Text("Encounter".into())),
        (field::FROM, Value::Day(from)),
        (field::PRACTITIONER, Value::Identifier(identifier("dr-a"))),
    ]);
    to.map(|to| fields.insert(field::TO, Value::Day(to)));
    event(1, fields)
}

fn procedure(n: u8, document: &str, name: &str, minor: Option<i64>, by: &str) -> Event {
    let mut fields = Fields::from([
        (field::DOCUMENT, Value::Text(document.into())),
        (field::PRACTITIONER, Value::Identifier(identifier(by))),
        (field::LINE + field::LINE_CODE, Value::Code(code(name))),
        (field::LINE + field::LINE_QUANTITY, Value::QuantityMilli(1_000)),
    ]);
    minor.map(|minor| fields.insert(field::LINE + field::LINE_AMOUNT, Value::Money(euros(minor))));
    event(n, fields)
}

fn evidence(events: Vec<Event>, claimed: Vec<Claimed>) -> Evidence {
    let slot = Slot { day: today(), kind: Kind::Record, absent: Digest([99; 32]), events };
    Evidence {
        consent: true,
        identifier: Some(identifier("patient")),
        standing: vec![(today(), true)],
        slots: vec![slot],
        claimed,
    }
}

fn usual() -> Vec<Event> {
    vec![encounter(today(), Some(today())), procedure(2, "Procedure", "1200", Some(5_000), "dr-a")]
}

fn claimed(name: &str, shift: i32, times: u8) -> Claimed {
    let present = (0..times).map(|n| Digest([200 + n; 32])).collect();
    Claimed { day: today().plus(shift), kind: Kind::Record, code: code(name), present }
}

fn codes(claim: &Claim, evidence: &Evidence) -> Vec<Code> {
    check(claim, evidence, &Rules::default()).into_iter().map(|finding| finding.code).collect()
}

fn verdict_of(claim: &Claim, evidence: &Evidence) -> Verdict {
    let sequences: Vec<u32> = claim.items.iter().map(|item| item.sequence).collect();
    verdict(&sequences, &check(claim, evidence, &Rules::default()))
}

#[test]
fn a_documented_line_matches() {
    let claim = claim(vec![item(1, "1200", 5_000)]);
    assert_eq!(codes(&claim, &evidence(usual(), vec![])), []);
    assert_eq!(verdict_of(&claim, &evidence(usual(), vec![])), Verdict::Match);
}

#[test]
fn each_check_finds_what_it_is_for() {
    let one = claim(vec![item(1, "1200", 5_000)]);
    let with = |events| evidence(events, vec![]);
    // 2
    let other = Evidence { identifier: Some(identifier("other")), ..with(usual()) };
    assert_eq!(codes(&one, &other), [Code::PatientDiffers]);
    // 5
    assert_eq!(codes(&one, &with(vec![])), [Code::NotFound]);
    assert_eq!(codes(&one, &with(usual().split_off(1))), [Code::EncounterMissing]);
    let yesterday = today().plus(-1);
    let closed = vec![encounter(yesterday, Some(yesterday)), usual().remove(1)];
    assert_eq!(codes(&one, &with(closed)), [Code::EncounterPeriod]);
    let lasting = vec![encounter(yesterday, None), usual().remove(1)];
    assert_eq!(codes(&one, &with(lasting)), []);
    // 6
    let other = vec![usual().remove(0), procedure(2, "Procedure", "1300", Some(5_000), "dr-a")];
    assert_eq!(codes(&one, &with(other)), [Code::NotDocumented]);
    // 7
    let by_another = vec![usual().remove(0), procedure(2, "Procedure", "1200", Some(5_000), "dr-b")];
    assert_eq!(codes(&one, &with(by_another)), [Code::ProviderDiffers]);
    let suspended = Evidence { standing: vec![(today(), false)], ..with(usual()) };
    assert_eq!(codes(&one, &suspended), [Code::ProviderStanding]);
    assert_eq!(codes(&one, &Evidence { standing: vec![], ..with(usual()) }), [Code::ProviderStanding]);
    // 9
    assert_eq!(codes(&claim(vec![item(1, "1200", 5_001)]), &with(usual())), [Code::AmountDiffers]);
    let unbilled = vec![usual().remove(0), procedure(2, "Procedure", "1200", None, "dr-a")];
    assert_eq!(codes(&one, &with(unbilled)), [Code::BillMissing]);
    // 10
    assert_eq!(codes(&one, &evidence(usual(), vec![claimed("1200", 0, 1)])), [Code::Duplicate]);
    assert_eq!(codes(&one, &evidence(usual(), vec![claimed("1200", 1, 1)])), [Code::NearDuplicate]);
    assert_eq!(codes(&one, &evidence(usual(), vec![claimed("1300", 0, 1)])), []);
}

#[test]
fn as_many_services_may_be_claimed_as_are_documented_and_a_bill_is_no_service() {
    let twice = claim(vec![item(1, "1200", 5_000), item(2, "1200", 5_000)]);
    let mut two = usual();
    two.push(procedure(3, "Procedure", "1200", Some(5_000), "dr-a"));
    assert_eq!(codes(&twice, &evidence(two.clone(), vec![])), []);
    assert_eq!(
        verdict_of(&twice, &evidence(usual(), vec![])),
        Verdict::Partial,
        "the second has no service of its own"
    );
    assert_eq!(verdict_of(&twice, &evidence(two, vec![claimed("1200", 0, 2)])), Verdict::Duplicate);
    let mut billed = usual();
    billed.push(procedure(3, "Invoice", "1200", Some(5_000), "dr-a"));
    assert_eq!(verdict_of(&twice, &evidence(billed, vec![])), Verdict::Partial, "the bill documents no second service");
}

#[test]
fn a_tolerance_and_a_mapped_code_are_settings() {
    let claim = claim(vec![item(1, "A", 5_100)]);
    let rules = Rules { amount_tolerance_minor: 100, code_map: vec![(code("A"), code("1200"))] };
    assert_eq!(check(&claim, &evidence(usual(), vec![]), &rules), []);
    let strict = Rules { amount_tolerance_minor: 99, ..rules };
    assert_eq!(check(&claim, &evidence(usual(), vec![]), &strict).len(), 1);
}

#[test]
fn a_claim_that_contradicts_itself_is_named_by_place() {
    let good = claim(vec![item(1, "1200", 5_000)]);
    assert_eq!(schema(&good, today()), []);
    let change = |change: &dyn Fn(&mut Claim)| {
        let mut claim = good.clone();
        change(&mut claim);
        schema(&claim, today()).iter().map(|finding| finding.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(change(&|c| c.items.clear()), ["Claim.item"]);
    assert_eq!(change(&|c| c.items = vec![item(1, "x", 1); 101]).first().map(String::as_str), Some("Claim.item"));
    assert_eq!(change(&|c| c.items.push(item(1, "x", 1))), ["Claim.item[1].sequence"]);
    assert_eq!(change(&|c| c.items[0].sequence = 0), ["Claim.item[0].sequence"]);
    assert_eq!(change(&|c| c.items[0].quantity_milli = 0), ["Claim.item[0].quantity"]);
    assert_eq!(change(&|c| c.items[0].amount.minor = -1), ["Claim.item[0].net"]);
    assert_eq!(change(&|c| c.items[0].code.code.clear()), ["Claim.item[0].productOrService"]);
    assert_eq!(change(&|c| c.items[0].day = today().plus(9)), ["Claim.item[0].serviced"]);
    assert_eq!(change(&|c| c.insurer = "Insurer A".into()), ["Claim.insurer"]);
    assert_eq!(change(&|c| c.provider.clear()), ["Claim.provider"]);
    assert_eq!(change(&|c| c.patient.value.clear()), ["Claim.patient.identifier"]);
    assert_eq!(change(&|c| c.id.value = "x".repeat(257)), ["Claim.identifier"]);
}

#[test]
fn only_what_the_findings_stand_on_is_opened() {
    let mut events = usual();
    events.push(procedure(3, "Procedure", "secret", Some(9_999), "dr-c"));
    let full = evidence(events, vec![]);
    let fine = claim(vec![item(1, "1200", 5_000)]);
    let open = needed(&fine, &full, &Rules::default(), &[]);
    assert!(!open.contains_key(&Digest([3; 32])), "another procedure of the day stays closed");
    assert!(!open[&Digest([2; 32])].contains(&(field::LINE + field::LINE_QUANTITY)));
    let wrong = claim(vec![item(1, "1400", 5_000)]);
    let findings = check(&wrong, &full, &Rules::default());
    let open = needed(&wrong, &full, &Rules::default(), &findings);
    let third = open[&Digest([3; 32])].iter().copied().collect::<Vec<_>>();
    assert_eq!(third, [field::LINE + field::LINE_CODE], "that 1400 is not among them needs their codes and no more");
}

fn arbitrary_event(n: u8) -> impl Strategy<Value = Event> {
    let procedure =
        (0..3usize, 0..3usize, prop::option::of(0..3i64), 0..2usize).prop_map(move |(document, name, amount, by)| {
            let document = ["Procedure", "Invoice", "DiagnosticReport"][document];
            procedure(n, document, ["a", "b", "c"][name], amount, ["dr-a", "dr-b"][by])
        });
    let encounter = (-2..2i32, prop::option::of(0..3i32)).prop_map(move |(from, length)| {
        let from = today().plus(from);
        Event { key: Digest([n; 32]), ..encounter(from, length.map(|length| from.plus(length))) }
    });
    prop_oneof![procedure, encounter]
}

fn arbitrary() -> impl Strategy<Value = (Claim, Evidence)> {
    let events = (0..4usize)
        .prop_flat_map(|count| (0..count).map(|n| arbitrary_event(u8::try_from(n).unwrap() + 1)).collect::<Vec<_>>());
    let items = prop::collection::vec((0..3usize, 0..3i64), 1..4).prop_map(|items| {
        let item = |(n, (name, amount)): (usize, &(usize, i64))| {
            item(u32::try_from(n).unwrap() + 1, ["a", "b", "c"][*name], *amount)
        };
        items.iter().enumerate().map(item).collect::<Vec<_>>()
    });
    let claims = prop::collection::vec((0..3usize, -1..2i32, 0..3u8), 0..3).prop_map(|claims| {
        claims.iter().map(|(name, shift, times)| claimed(["a", "b", "c"][*name], *shift, *times)).collect()
    });
    (items, events, claims, prop::bool::weighted(0.9))
        .prop_map(|(items, events, claims, consent)| (claim(items), Evidence { consent, ..evidence(events, claims) }))
}

proptest! {
    /// What is opened suffices: the verifier, who sees only that, comes to the same findings.
    #[test]
    fn the_opened_fields_give_the_same_findings_as_all_fields((claim, full) in arbitrary()) {
        let rules = Rules::default();
        let findings = check(&claim, &full, &rules);
        let open = needed(&claim, &full, &rules, &findings);
        prop_assert_eq!(check(&claim, &disclosed(&full, &open), &rules), findings);
    }

    /// Without consent the answer does not depend on anything else (uniform refusal).
    #[test]
    fn without_consent_every_answer_is_the_same((claim, full) in arbitrary()) {
        let refused = Evidence { consent: false, ..full };
        let nothing = Evidence { consent: false, identifier: None, standing: vec![], slots: vec![], claimed: vec![] };
        prop_assert_eq!(check(&claim, &refused, &Rules::default()), check(&claim, &nothing, &Rules::default()));
        prop_assert_eq!(verdict_of(&claim, &refused), Verdict::ConsentMissing);
    }
}
