use erm::{
    Asker, Category, Consent, ConsentAct, DataGroup, Decision, Evidence, Grantee, Key, Mode, Payload, Purpose, Query,
    Reason, Refusal, Release, Role, decide, matrix,
};

use crate::fixture::{Chain, START_MS, TODAY, grant, id, key, to_party};

const RECORDS: Category = Category::RECORDS;
const LATER_MS: i64 = START_MS + 1_000_000;

fn with_patient() -> Chain {
    let mut chain = Chain::new();
    let payload = chain.registration("anna", "city-hospital");
    let signed = chain.by("city-hospital", payload);
    chain.commit(&[signed]).unwrap();
    chain
}

fn query(asker: &str, category: Category, purpose: Purpose) -> Query {
    Query {
        patient: key("anna").public(),
        asker: Asker::Party(id(asker)),
        category,
        purpose,
        mode: Mode::Read,
        service_day: Some(TODAY),
        now_ms: LATER_MS,
    }
}

impl Chain {
    fn say(&mut self, consent: Consent) {
        let signed = self.by_patient("anna", consent);
        self.commit(&[signed]).unwrap();
    }

    fn answer(&self, query: &Query) -> Decision {
        let ours = self.state.view().decide(query).unwrap();
        // E14: any node gives the same decision at the same height.
        assert_eq!(self.other.view().decide(query).unwrap(), ours);
        ours
    }

    fn reason(&self, query: &Query) -> Reason {
        let decision = self.answer(query);
        assert_eq!(decision.permitted, matches!(decision.reason, Reason::Own | Reason::Granted));
        decision.reason
    }
}

/// D15, E9: nothing is permitted until granted; a revocation binds the next request after its block.
#[test]
fn nothing_is_permitted_until_granted_and_nothing_after_the_revocation() {
    let mut chain = with_patient();
    let insurer = query("insurer-one", RECORDS, Purpose::Claim);
    assert_eq!(chain.reason(&insurer), Reason::NoGrant);
    let consent = grant(to_party("insurer-one"), RECORDS, Purpose::Claim);
    chain.say(consent.clone());
    assert_eq!(chain.reason(&insurer), Reason::Granted);
    let granted_at = chain.state.head().height;
    chain.say(Consent { decision: ConsentAct::Revoke, ..consent.clone() });
    assert_eq!(chain.reason(&insurer), Reason::NoGrant);
    // E14: at the height before, the answer is still what it was.
    assert_eq!(chain.state.at(granted_at).unwrap().decide(&insurer).unwrap().reason, Reason::Granted);
    chain.say(Consent { decision: ConsentAct::Deny, ..consent });
    assert_eq!(chain.reason(&insurer), Reason::Denied);
}

/// E10: a grant is for its category; E16: a quote is no claim.
#[test]
fn a_grant_is_for_its_category_purpose_and_grantee_only() {
    let mut chain = with_patient();
    chain.say(grant(to_party("insurer-one"), RECORDS, Purpose::Claim));
    assert_eq!(chain.reason(&query("insurer-one", RECORDS, Purpose::Claim)), Reason::Granted);
    assert_eq!(chain.reason(&query("insurer-one", Category::IMAGES, Purpose::Claim)), Reason::NoGrant);
    assert_eq!(chain.reason(&query("insurer-one", Category(1), Purpose::Claim)), Reason::NoGrant);
    assert_eq!(chain.reason(&query("insurer-one", RECORDS, Purpose::Quote)), Reason::NoGrant);
    assert_eq!(chain.reason(&query("dr-adams", RECORDS, Purpose::Claim)), Reason::NoGrant);
    let other_patient = Query { patient: key("berta").public(), ..query("insurer-one", RECORDS, Purpose::Claim) };
    assert_eq!(chain.reason(&other_patient), Reason::PatientUnknown);
    assert_eq!(chain.reason(&query("insurer-one", Category(70), Purpose::Claim)), Reason::NoGrant, "no such category");
}

/// E10: read, or read-write.
#[test]
fn a_grant_to_read_is_none_to_write() {
    let mut chain = with_patient();
    let read = query("dr-adams", RECORDS, Purpose::Treatment);
    let write = Query { mode: Mode::ReadWrite, ..read.clone() };
    let consent = grant(to_party("dr-adams"), RECORDS, Purpose::Treatment);
    chain.say(consent.clone());
    assert_eq!((chain.reason(&read), chain.reason(&write)), (Reason::Granted, Reason::ReadOnly));
    chain.say(Consent { mode: Mode::ReadWrite, ..consent.clone() });
    assert_eq!((chain.reason(&read), chain.reason(&write)), (Reason::Granted, Reason::Granted));
    // A denial of writing to all doctors leaves reading.
    let all =
        Consent { grantee: Grantee::Role(Role::Doctor), decision: ConsentAct::Deny, mode: Mode::ReadWrite, ..consent };
    chain.say(all);
    assert_eq!((chain.reason(&read), chain.reason(&write)), (Reason::Granted, Reason::Denied));
}

/// E9: deny wins over grant, whichever of the two is for the role.
#[test]
fn a_denial_wins_over_any_grant() {
    let doctors = Grantee::Role(Role::Doctor);
    for (granted, denied) in [(to_party("dr-adams"), doctors.clone()), (doctors, to_party("dr-adams"))] {
        let mut chain = with_patient();
        let asked = query("dr-adams", RECORDS, Purpose::Treatment);
        chain.say(grant(granted, RECORDS, Purpose::Treatment));
        assert_eq!(chain.reason(&asked), Reason::Granted);
        chain.say(Consent { decision: ConsentAct::Deny, ..grant(denied, RECORDS, Purpose::Treatment) });
        assert_eq!(chain.reason(&asked), Reason::Denied);
    }
}

/// E9: a grant to a role is for its members, while they are in good standing.
#[test]
fn a_grant_to_a_role_is_for_its_active_members() {
    let mut chain = with_patient();
    chain.say(grant(Grantee::Role(Role::Imaging), RECORDS, Purpose::Treatment));
    let asked = query("imaging-one", RECORDS, Purpose::Treatment);
    assert_eq!(chain.reason(&asked), Reason::Granted);
    assert_eq!(chain.reason(&query("dr-adams", RECORDS, Purpose::Treatment)), Reason::NoGrant);
    assert_eq!(chain.reason(&query("nobody", RECORDS, Purpose::Treatment)), Reason::NoMember);
    let suspend = chain.decide(vec![erm::Act::Suspend(id("imaging-one"))]);
    chain.commit(&[suspend]).unwrap();
    assert_eq!(chain.reason(&asked), Reason::NoMember);
}

/// E11: a grant ends at its date.
#[test]
fn a_grant_ends_at_its_expiry_to_the_millisecond() {
    let mut chain = with_patient();
    let consent = grant(to_party("dr-adams"), RECORDS, Purpose::Treatment);
    chain.say(Consent { expires_ms: Some(LATER_MS), ..consent });
    let at = |now_ms| Query { now_ms, ..query("dr-adams", RECORDS, Purpose::Treatment) };
    assert_eq!(chain.reason(&at(LATER_MS - 1)), Reason::Granted);
    assert_eq!(chain.reason(&at(LATER_MS)), Reason::Expired);
}

/// E11: the treatment is finished: who holds the grant ends it.
#[test]
fn a_finished_treatment_ends_the_grant() {
    let mut chain = with_patient();
    let release = Release { patient: key("anna").public(), category: RECORDS, purpose: Purpose::Treatment };
    let early = chain.by("dr-adams", Payload::Release(release.clone()));
    assert_eq!(chain.refusal(&early), Refusal::GrantUnknown);
    chain.say(grant(to_party("dr-adams"), RECORDS, Purpose::Treatment));
    let asked = query("dr-adams", RECORDS, Purpose::Treatment);
    assert_eq!(chain.reason(&asked), Reason::Granted);

    let foreign = chain.by("dr-baker", Payload::Release(release.clone()));
    assert_eq!(chain.refusal(&foreign), Refusal::GrantUnknown, "nobody ends another's grant");
    let signed = chain.by("dr-adams", Payload::Release(release.clone()));
    chain.commit(&[signed]).unwrap();
    assert_eq!(chain.reason(&asked), Reason::NoGrant);
    let again = chain.by("dr-adams", Payload::Release(release.clone()));
    assert_eq!(chain.refusal(&again), Refusal::GrantUnknown);

    // A denial cannot be released by the one it is against.
    let denial = grant(to_party("dr-adams"), RECORDS, Purpose::Treatment);
    chain.say(Consent { decision: ConsentAct::Deny, ..denial });
    let signed = chain.by("dr-adams", Payload::Release(release));
    assert_eq!(chain.refusal(&signed), Refusal::GrantUnknown);
    assert_eq!(chain.reason(&asked), Reason::Denied);
}

/// E11: service days bound what a grant covers; an unknown day is covered by none that has bounds.
#[test]
fn service_days_bound_a_grant_and_a_denial() {
    let on = |service_day| Query { service_day, ..query("insurer-one", RECORDS, Purpose::Claim) };
    let days = |decision| Consent {
        decision,
        service_from_day: Some(TODAY - 1),
        service_to_day: Some(TODAY),
        ..grant(to_party("insurer-one"), RECORDS, Purpose::Claim)
    };
    let mut chain = with_patient();
    chain.say(days(ConsentAct::Grant));
    let asked = [Some(TODAY - 2), Some(TODAY - 1), Some(TODAY), Some(TODAY + 1), None].map(on);
    use Reason::{Denied, Granted, OtherDays};
    assert_eq!(asked.clone().map(|query| chain.reason(&query)), [OtherDays, Granted, Granted, OtherDays, OtherDays]);

    chain.say(days(ConsentAct::Deny));
    chain.say(grant(Grantee::Role(Role::Insurer), RECORDS, Purpose::Claim));
    assert_eq!(asked.map(|query| chain.reason(&query)), [Granted, Denied, Denied, Granted, Denied]);
}

/// E15: the operation matrix, 3 kinds of data × 3 kinds of askers, query and update, with every grant given.
#[test]
fn the_operation_matrix_holds_whatever_is_granted() {
    let mut chain = with_patient();
    let data = [Category::PERSONAL, RECORDS, Category::INSURANCE];
    for category in data {
        for name in ["dr-adams", "insurer-one"] {
            let all = Consent { mode: Mode::ReadWrite, ..grant(to_party(name), category, Purpose::Treatment) };
            chain.say(all);
        }
    }
    // (query, update) for user, provider, insurer.
    let expected = [
        [(true, true), (true, false), (true, false)],
        [(true, false), (true, true), (true, false)],
        [(true, false), (true, false), (true, true)],
    ];
    let askers = [Asker::Patient(key("anna").public()), Asker::Party(id("dr-adams")), Asker::Party(id("insurer-one"))];
    for (category, row) in data.into_iter().zip(expected) {
        for (asker, (may_query, may_update)) in askers.iter().zip(row) {
            let query = Query { asker: asker.clone(), ..query("dr-adams", category, Purpose::Treatment) };
            let update = Query { mode: Mode::ReadWrite, ..query.clone() };
            assert_eq!(chain.answer(&query).permitted, may_query, "{asker:?} queries {category:?}");
            assert_eq!(chain.answer(&update).permitted, may_update, "{asker:?} updates {category:?}");
        }
    }
    assert!(!matrix(Some(Role::Regulator), false, DataGroup::MedicalHistory, Mode::ReadWrite));
    // What doctors set for the detector is theirs to update, as a prescription is; numbers without a meaning are nobody's.
    assert_eq!(Category::PARAMETERS.group(), Category::PRESCRIPTIONS.group());
    assert_eq!([251, 253, 254].map(|number| Category(number).group()), [None; 3]);
    assert!(!matrix(None, false, DataGroup::Personal, Mode::Read));
}

#[test]
fn a_patient_sees_the_own_data_and_nobody_elses() {
    let chain = with_patient();
    let own = Query { asker: Asker::Patient(key("anna").public()), ..query("dr-adams", RECORDS, Purpose::Treatment) };
    assert_eq!(chain.reason(&own), Reason::Own);
    let other = Query { asker: Asker::Patient(key("berta").public()), ..own };
    assert_eq!(chain.reason(&other), Reason::NoGrant);
}

/// E14: the decision's evidence, proved against the state root, gives the same answer without the state.
#[test]
fn whoever_has_the_proofs_of_the_evidence_decides_the_same() {
    let mut chain = with_patient();
    chain.say(grant(to_party("insurer-one"), RECORDS, Purpose::Claim));
    let root = chain.state.head().state_root;
    for query in [query("insurer-one", RECORDS, Purpose::Claim), query("insurer-one", RECORDS, Purpose::Quote)] {
        let decision = chain.answer(&query);
        assert_eq!(decision.evidence.len(), 4);
        let mut values = Vec::new();
        for key in &decision.evidence {
            let (value, proof) = chain.state.view().prove(key).unwrap();
            proof.verify(&chain.network, &root, key, value.as_deref()).unwrap();
            values.push(value);
        }
        fn of<T: borsh::BorshSerialize + borsh::BorshDeserialize>(value: &Option<Vec<u8>>) -> Option<T> {
            value.as_ref().map(|bytes| ledger::decode("value", bytes).unwrap())
        }
        let evidence = Evidence {
            patient: of(&values[0]),
            party: of(&values[1]),
            for_party: of(&values[2]),
            for_role: of(&values[3]),
        };
        assert_eq!(query.keys(evidence.party.as_ref()), decision.evidence);
        assert_eq!(decide(&query, &evidence), decision);
    }
}

#[test]
fn a_record_of_another_party_is_no_evidence() {
    let chain = with_patient();
    let asked = query("dr-adams", RECORDS, Purpose::Treatment);
    let mut evidence = chain.state.view().evidence(&asked).unwrap();
    evidence.party = chain.state.view().party(&id("dr-baker")).unwrap();
    assert_eq!(decide(&asked, &evidence).reason, Reason::NoMember);
}

/// B7: who is not registered has no consents; and consents are the patient's own.
#[test]
fn only_the_registered_patient_consents() {
    let mut chain = with_patient();
    let consent = grant(to_party("dr-adams"), RECORDS, Purpose::Treatment);
    let unknown = chain.by_patient("berta", consent.clone());
    assert_eq!(chain.refusal(&unknown), Refusal::PatientUnknown);

    let sender = erm::Sender::Patient(key("anna").public());
    let body = chain.body(sender, Payload::Consent(consent.clone()));
    let forged = chain.signed_by(body, &key("dr-adams"));
    assert_eq!(chain.refusal(&forged), Refusal::Signature("the sender"));

    let nonsense = [
        Consent { category: Category(0), ..consent.clone() },
        Consent { service_from_day: Some(2), service_to_day: Some(1), ..consent },
    ];
    for consent in nonsense {
        let signed = chain.by_patient("anna", consent);
        assert_eq!(chain.refusal(&signed).code(), 3);
    }
}

#[test]
fn the_state_names_the_keys_under_which_consents_stand() {
    let mut chain = with_patient();
    chain.say(grant(to_party("dr-adams"), RECORDS, Purpose::Treatment));
    let consent = Key::Consent {
        patient: key("anna").public(),
        grantee: to_party("dr-adams"),
        category: RECORDS,
        purpose: Purpose::Treatment,
    };
    let record = chain.state.view().consent(&consent).unwrap().unwrap();
    assert_eq!((record.height, record.released), (2, false));
    assert_eq!(chain.state.view().consent(&Key::Patient(key("anna").public())).unwrap(), None);
}
