use erm::{
    Action, AnchorHeads, BreakGlass, Category, EventKind, Payload, Purpose, RecordClaim, Refusal, Release, Role,
    Sender, Visit, may,
};
use ledger::{Digest, sha256};

use crate::fixture::{Chain, bare_event, grant, id, key, to_party};

const NAMES: [(Role, &str); 9] = [
    (Role::Hospital, "city-hospital"),
    (Role::Doctor, "dr-adams"),
    (Role::Pharmacy, "pharmacy-one"),
    (Role::Laboratory, "laboratory-one"),
    (Role::Imaging, "imaging-one"),
    (Role::Research, "research-one"),
    (Role::Insurer, "insurer-one"),
    (Role::Regulator, "regulator-one"),
    (Role::Patient, "patient-union"),
];

/// Written out by hand, one column per action in the order of `Action::ALL`:
/// register, record, bill, report, prescription, image, claim, anchor, release.
const MATRIX: [(Role, [u8; 9]); 9] = [
    (Role::Hospital, [1, 1, 1, 1, 1, 1, 1, 1, 1]),
    (Role::Doctor, [1, 1, 0, 0, 1, 0, 1, 1, 1]),
    (Role::Pharmacy, [1, 0, 1, 0, 0, 0, 1, 1, 1]),
    (Role::Laboratory, [1, 0, 0, 1, 0, 0, 1, 1, 1]),
    (Role::Imaging, [1, 0, 0, 0, 0, 1, 1, 1, 1]),
    (Role::Research, [0, 0, 0, 0, 0, 0, 0, 0, 1]),
    (Role::Insurer, [0, 0, 0, 0, 0, 0, 1, 0, 1]),
    (Role::Regulator, [0, 0, 0, 0, 0, 0, 0, 0, 1]),
    (Role::Patient, [0, 0, 0, 0, 0, 0, 0, 0, 1]),
];

fn payload(chain: &mut Chain, by: &str, action: Action) -> Payload {
    match action {
        Action::RegisterPatient => chain.registration(&format!("new patient of {by}"), by),
        Action::Record(EventKind::Record) => Payload::Event(chain.visit(by, "anna", EventKind::Record, 0)),
        Action::Record(kind) => Payload::Event(bare_event(&chain.network, by, "anna", kind, 0)),
        Action::Claim => Payload::Claim(RecordClaim {
            claim: sha256(by.as_bytes()),
            response: sha256(b"response"),
            fingerprints: vec![],
        }),
        Action::Anchor => Payload::Anchor(AnchorHeads { previous: Digest::ZERO, root: sha256(b"heads"), chains: 1 }),
        Action::Release => Payload::Release(Release {
            patient: key("anna").public(),
            category: Category::RECORDS,
            purpose: Purpose::Treatment,
        }),
    }
}

/// D10: the roles exist, and each may do what the matrix says and nothing else, at admission and in a block.
#[test]
fn every_role_may_do_what_the_matrix_says_and_nothing_else() {
    let mut chain = Chain::new();
    let registration = chain.registration("anna", "city-hospital");
    let signed = chain.by("city-hospital", registration);
    chain.commit(&[signed]).unwrap();
    let grants: Vec<_> = NAMES
        .iter()
        .map(|(_, name)| chain.by_patient("anna", grant(to_party(name), Category::RECORDS, Purpose::Treatment)))
        .collect();
    chain.commit(&grants).unwrap();

    for ((role, name), (row, allowed)) in NAMES.into_iter().zip(MATRIX) {
        assert_eq!(role, row);
        for (action, allowed) in Action::ALL.into_iter().zip(allowed) {
            assert_eq!(may(role, action), allowed == 1, "{role:?} {action:?}");
            let payload = payload(&mut chain, name, action);
            let signed = chain.by(name, payload);
            if allowed == 1 {
                chain.commit(&[signed]).unwrap_or_else(|refusal| panic!("{role:?} {action:?}: {refusal}"));
            } else {
                assert_eq!(chain.refusal(&signed), Refusal::RoleMayNot { role, action });
            }
        }
    }
}

/// D10: who is no party may not do what parties may, nor parties what the authority and patients may.
#[test]
fn only_parties_record_only_patients_consent_and_only_the_authority_admits() {
    let mut chain = Chain::new();
    let patient = key("anna");
    let consent = Payload::Consent(grant(to_party("dr-adams"), Category::RECORDS, Purpose::Treatment));
    let suspension = chain.decide(vec![erm::Act::Suspend(id("imaging-one"))]).body.payload;
    let others: Vec<Payload> =
        Action::ALL.into_iter().map(|action| payload(&mut chain, "city-hospital", action)).collect();

    let by_party = [consent.clone(), suspension.clone()];
    for payload in by_party {
        let signed = chain.by("city-hospital", payload);
        assert_eq!(chain.refusal(&signed), Refusal::SenderMayNot);
    }
    for payload in others.iter().cloned().chain([suspension]) {
        let body = chain.body(Sender::Patient(patient.public()), payload);
        let signed = chain.signed_by(body, &patient);
        assert_eq!(chain.refusal(&signed), Refusal::SenderMayNot);
    }
    for payload in others.into_iter().chain([consent]) {
        let body = chain.body(Sender::Authority, payload);
        let signed = chain.signed_by(body, &key(crate::fixture::AUTHORITY[0]));
        assert_eq!(chain.refusal(&signed), Refusal::SenderMayNot);
    }
}

/// B4: breaking the glass is for hospitals and doctors.
#[test]
fn a_pharmacy_breaks_no_glass() {
    let mut chain = Chain::new();
    let mut event = bare_event(&chain.network, "pharmacy-one", "anna", EventKind::PharmacyBill, 0);
    event.visit = Visit::BreakGlass { reason: BreakGlass::Incapacity };
    let signed = chain.by("pharmacy-one", Payload::Event(event));
    assert_eq!(chain.refusal(&signed), Refusal::VisitUnsigned);
}
