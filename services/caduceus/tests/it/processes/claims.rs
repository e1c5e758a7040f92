//! Clinical events, consents and claims through a portal in its own process, which is killed, as is a validator.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use phc::{AccessRequest, open_topic_value};
use stream::EventLog;
use stream::topics::ACCESS_REQUESTS;

use super::desk::{Desk, SUBMIT, VERIFY, issue};
use super::fhir::{self, DOCTOR, HOSPITAL, INSURER, LABORATORY, PHARMACY, day};
use super::http::Answer;
use super::network::{Network, Patient, records};
use super::process::{Process, promptly, run, until};
use super::whole::start_portal;

const CODE: &str = "consultation";
const AMOUNT: &str = "85.00";
/// Claims that are answered while a validator is away, at least.
const CLAIMS_MEANWHILE: f64 = 3.0;

type Nodes = BTreeMap<String, Process>;

/// Everything that is claimed here; gives the portal that runs at the end.
pub(super) fn each_claim_has_one_answer(
    network: &Network,
    nodes: &mut Nodes,
    portal: Process,
    ada: &Patient,
    ben: &Patient,
) -> Process {
    let desk = Desk::new(network, &[ada, ben]);
    let seen = day(0);
    nothing_is_said_without_consent(&desk, ada, ben, &seen);
    only_members_with_good_tokens_are_let_in(network, &desk, ada, &seen);
    let claim = fhir::claim("claim-1", &ada.name, &seen, CODE, AMOUNT);
    let looked = desk.claim(VERIFY, Some("look-1"), &claim).unwrap();
    let first = each_kind_of_answer(&desk, ada, ben, &seen);
    receipts_hold_and_forged_ones_do_not(&desk, &first);

    portal.kill_9();
    let portal = start_portal(network);
    let again = |key: &str, path: &str| desk.claim(path, Some(key), &claim).unwrap();
    assert_eq!(again("key-1", SUBMIT).body, first.body, "the same key, after a restart");
    assert_eq!(again("look-1", VERIFY).body, looked.body, "also of a look at the record, which has changed meanwhile");
    assert_eq!(desk.verdict(&looked), "match");
    let other = fhir::claim("claim-9", &ada.name, &seen, CODE, AMOUNT);
    let reused = desk.claim(SUBMIT, Some("key-1"), &other).unwrap();
    assert_eq!(issue(&reused), (422, "idempotency-key".into()));
    the_receipt_is_given_again_to_its_insurer_only(&desk, &first);

    let portal = a_claim_cut_off_is_no_duplicate_of_itself(network, &desk, nodes, portal, ada);
    claims_go_on_without_a_validator(network, &desk, nodes, ada);
    desk.consent(ada, "record", "inactive");
    assert_eq!(
        issue(&again("key-1", SUBMIT)),
        (403, "consent-missing".into()),
        "what was revoked is not answered again"
    );
    portal
}

/// Events of every kind are recorded; who has no consent hears the same, whatever there is.
fn nothing_is_said_without_consent(desk: &Desk<'_>, ada: &Patient, ben: &Patient, seen: &str) {
    let name = ada.name.as_str();
    let ask = |name: &str| desk.claim(VERIFY, None, &fhir::claim("claim-0", name, seen, CODE, AMOUNT)).unwrap();
    let before = ask(name);
    assert_eq!(issue(&before), (403, "consent-missing".into()));
    let visit = desk.visit(ada, seen, CODE, AMOUNT);
    desk.event(DOCTOR, &fhir::prescription(name, seen, "amoxicillin-500"));
    desk.event(PHARMACY, &fhir::dispense(name, seen, "amoxicillin-500", "12.40"));
    desk.event(LABORATORY, &fhir::report(name, seen));
    desk.event(HOSPITAL, &fhir::image(name, seen));
    let foreign = desk.post("/fhir/Encounter", PHARMACY, &fhir::encounter(name, seen));
    assert_eq!(issue(&foreign), (403, "role".into()), "a pharmacy records no visits");
    for name in [name, ben.name.as_str(), "nobody"] {
        let answer = ask(name);
        assert_eq!((answer.status, &answer.body), (before.status, &before.body), "{name}");
    }
    for record in &visit {
        assert_eq!(desk.get(record, name).status, 200, "the patient's own");
        assert_eq!(desk.get(record, PHARMACY).status, 403);
    }
    for category in ["record", "pharmacy-bill"] {
        desk.consent(ada, category, "active");
    }
}

/// Deny by default: no token, an expired one, one of another network, an altered one; and good ones of those who may not claim.
fn only_members_with_good_tokens_are_let_in(network: &Network, desk: &Desk<'_>, ada: &Patient, seen: &str) {
    let dir = tempfile::tempdir().unwrap();
    let stranger = Network::found(dir.path().join("d"), None);
    let expired = network.any_token(&["--party", INSURER, "--hours", "0"]);
    let forged = stranger.any_token(&["--party", INSURER]);
    let good = desk.token(INSURER);
    let altered = format!("{}{}{}", &good[..60], if &good[60..61] == "A" { "B" } else { "A" }, &good[61..]);
    let claim = fhir::claim("claim-0", &ada.name, seen, CODE, AMOUNT).to_string();
    for path in [SUBMIT, VERIFY, "/fhir/Encounter", "/fhir/Consent"] {
        let refused = |token: &str| issue(&desk.call("POST", path, token, None, &claim).unwrap());
        assert_eq!(refused(&expired), (401, "token-expired".into()), "{path}");
        assert_eq!(refused(&forged), (401, "token-signature".into()), "{path}");
        assert_eq!(refused(&altered).0, 401, "{path}");
        assert_eq!(refused("").0, 401, "{path}");
    }
    let device = network.token(ada, "watch");
    for token in [device.as_str(), desk.token(&ada.name), desk.token(HOSPITAL)] {
        let answer = desk.call("POST", SUBMIT, token, None, &claim).unwrap();
        assert_eq!(issue(&answer), (403, "role".into()));
    }
}

/// Match, duplicate, mismatch, not found, refused; gives the answer to the first claim, whose key is `key-1`.
fn each_kind_of_answer(desk: &Desk<'_>, ada: &Patient, ben: &Patient, seen: &str) -> Answer {
    let claim = |id: &str, day: &str| fhir::claim(id, &ada.name, day, CODE, AMOUNT);
    let submit = |key: &str, claim: &serde_json::Value| desk.claim(SUBMIT, Some(key), claim).unwrap();
    let first = submit("key-1", &claim("claim-1", seen));
    assert_eq!(desk.verdict(&first), "match");
    assert_eq!(desk.verdict(&submit("key-2", &claim("claim-2", seen))), "duplicate");
    let pharmacy = |id: &str, amount| fhir::pharmacy_claim(id, &ada.name, seen, "amoxicillin-500", amount);
    assert_eq!(desk.verdict(&submit("key-3", &pharmacy("claim-3", "21.40"))), "mismatch");
    assert_eq!(desk.verdict(&submit("key-4", &claim("claim-4", &day(1)))), "not-found");
    assert_eq!(desk.verdict(&submit("key-5", &pharmacy("claim-5", "12.40"))), "match");
    let refused = submit("key-6", &fhir::claim("claim-6", &ben.name, seen, CODE, AMOUNT));
    assert_eq!(issue(&refused), (403, "consent-missing".into()));

    // Looks record nothing, and see the past as it was.
    let now = claim("claim-7", seen);
    assert_eq!(desk.verdict(&desk.claim(VERIFY, None, &now).unwrap()), "duplicate");
    let response = first.json();
    let parts = response["extension"][0]["extension"].as_array().unwrap();
    let height = &parts.iter().find(|part| part["url"] == "height").unwrap()["valueDecimal"];
    let then = desk.claim(&format!("{VERIFY}?as-of={height}"), None, &now).unwrap();
    assert_eq!(desk.verdict(&then), "match");
    let never = desk.claim(&format!("{VERIFY}?as-of=1000000"), None, &now).unwrap();
    assert_eq!(never.status, 404, "{}", never.body);
    first
}

fn receipts_hold_and_forged_ones_do_not(desk: &Desk<'_>, answer: &Answer) {
    let file = desk.keep(answer);
    let honest = std::fs::read_to_string(&file).unwrap();
    for (from, to) in [("\"match\"", "\"not-found\""), ("8500", "8400"), (INSURER, "general-insurer")] {
        let forged = honest.replace(from, to);
        assert_ne!(forged, honest, "{from} is not in the receipt");
        let path = format!("{file}.forged");
        std::fs::write(&path, forged).unwrap();
        let (output, _, error) = run(&["verify", "receipt", &path, "--genesis", &desk.genesis()]);
        assert_eq!(output.status.code(), Some(1), "{from}: {error}");
    }
}

fn the_receipt_is_given_again_to_its_insurer_only(desk: &Desk<'_>, answer: &Answer) {
    let path = answer.header("content-location").unwrap();
    let again = desk.get(path, INSURER);
    assert_eq!(again.status, 200);
    assert_eq!(again.body, std::fs::read_to_string(desk.keep(answer)).unwrap());
    assert_eq!(desk.get(path, HOSPITAL).status, 404);
}

/// The portal dies between sending a claim to the record chain and answering, at two moments of it.
fn a_claim_cut_off_is_no_duplicate_of_itself(
    network: &Network,
    desk: &Desk<'_>,
    nodes: &Nodes,
    mut portal: Process,
    ada: &Patient,
) -> Process {
    let kept = || std::fs::read_dir(network.dir.join("portal/answers")).unwrap().count();
    let node = nodes.values().next_back().unwrap();
    for number in [1, 2] {
        let (seen, key) = (day(0), format!("cut-{number}"));
        desk.visit(ada, &seen, &key, AMOUNT);
        let claim = fhir::claim(&key, &ada.name, &seen, &key, AMOUNT);
        let (kept_before, height_before) = (kept(), node.height());
        let (back, cut) = std::thread::scope(|scope| {
            let sending = scope.spawn(|| desk.claim(SUBMIT, Some(&key), &claim));
            if number == 1 {
                promptly("the claim to be on its way", || kept() > kept_before);
            } else {
                promptly("a block after the claim", || node.height() > height_before);
            }
            portal.kill_9();
            let cut = sending.join().unwrap();
            (start_portal(network), cut)
        });
        portal = back;
        let answer = desk.claim(SUBMIT, Some(&key), &claim).unwrap();
        assert_eq!(desk.verdict(&answer), "match", "{key}");
        if let Some(cut) = cut.ok().filter(|cut| cut.status == 200) {
            assert_eq!(cut.body, answer.body, "{key}: it was answered before");
        }
        assert_eq!(desk.claim(SUBMIT, Some(&key), &claim).unwrap().body, answer.body, "{key}");
        // And it stands there once, as the next one hears.
        let next = fhir::claim(&format!("next-{number}"), &ada.name, &seen, &key, AMOUNT);
        assert_eq!(desk.verdict(&desk.claim(SUBMIT, None, &next).unwrap()), "duplicate", "{key}");
    }
    portal
}

/// The validator that everybody asks first is lost under load; it comes back and catches up.
fn claims_go_on_without_a_validator(network: &Network, desk: &Desk<'_>, nodes: &mut Nodes, ada: &Patient) {
    let operators = network.operators();
    let (lost, other) = (&operators[0], &operators[1]);
    let enough = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        let claiming = scope.spawn(|| {
            let mut answers = Vec::new();
            while !enough.load(Ordering::Relaxed) {
                let id = format!("meanwhile-{}", answers.len());
                let claim = fhir::claim(&id, &ada.name, &day(1), CODE, AMOUNT);
                answers.push(desk.claim(SUBMIT, Some(&id), &claim).unwrap());
            }
            answers
        });
        let before = nodes[other].height();
        until("claims to be decided", || (nodes[other].height() > before).then_some(()));
        nodes.remove(lost).unwrap().kill_9();
        let before = nodes[other].height();
        until("claims to be decided without it", || {
            (claiming.is_finished() || nodes[other].height() >= before + CLAIMS_MEANWHILE).then_some(())
        });
        enough.store(true, Ordering::Relaxed);
        claiming.join().unwrap()
    });
    for answer in &answers {
        assert_eq!(answer.status, 200, "none is turned away: {}", answer.body);
    }
    assert_eq!(desk.verdict(answers.last().unwrap()), "not-found");
    let seen = day(0);
    desk.visit(ada, &seen, "without-one", AMOUNT);
    let claim = fhir::claim("without-one", &ada.name, &seen, "without-one", AMOUNT);
    assert_eq!(desk.verdict(&desk.claim(SUBMIT, Some("without-one"), &claim).unwrap()), "match");

    let mut back = network.start_node(lost);
    back.ready();
    until("the validator to catch up", || (back.height() >= nodes[other].height()).then_some(()));
    nodes.insert(lost.clone(), back);
}

/// What was asked about a patient, as it stands on the log.
pub(super) async fn asked(network: &Network, log: &dyn EventLog, patient: &Patient) -> Vec<AccessRequest> {
    assert_eq!(patient.chain.network, network.id);
    let key = patient.keys.stream(&patient.chain).unwrap();
    let all = records(log, &ACCESS_REQUESTS, patient.partition).await;
    let own = all.into_iter().filter(|(owner, _)| **owner == patient.chain.id.0);
    own.map(|(_, value)| open_topic_value(key, &patient.chain, &ACCESS_REQUESTS, "request", &value).unwrap()).collect()
}

/// Permitted or not, the patient can see who asked.
pub(super) fn every_request_was_written_down(asked: &[AccessRequest]) {
    let by = |who: &str, permitted| {
        asked.iter().filter(|request| request.receiver == who && request.permitted == permitted).count()
    };
    // Before the consent and after its end; the claims that were counted above, those cut off and meanwhile beside.
    assert!(by(INSURER, false) >= 3, "{asked:?}");
    assert!(by(INSURER, true) >= 20, "{asked:?}");
    assert_eq!(by(PHARMACY, false), 2, "{asked:?}");
    assert!(by(HOSPITAL, true) >= 8, "{asked:?}");
}
