//! A small network that really executes blocks: one state machine, all validators signing.

use std::collections::BTreeMap;

use claims::event::Fields;
use claims::{
    Answer, Claim, Content, Document, Facts, Finality, Gathering, Identity, Item, Kind, Line, Operation, Proven,
    Receipt, Recorded, Rules, Step,
};
use erm::{
    Act, Authority, Body, Category, ClinicalEvent, Consent, ConsentAct, Genesis, Grantee, Header, Id, Key, Limits,
    MembershipDecision, MemoryStore, Mode, Operator, Party, PatientRegistration, Payload, Purpose, RecordClaim, Role,
    RoleWeight, Sender, SetChange, State, Visit,
};
use ledger::{
    CommitCertificate, Digest, KeyPair, Salt, SaltSeed, SeededRng, Vote, VoteKind, VrfKeyPair, VrfOutput,
    WrapSecretKey, rng_from_seed, sha256,
};

use crate::checks::{code, day, euros, identifier};

/// 2026-03-10, noon.
pub(crate) const NOON_MS: i64 = 1_773_144_000_000;
pub(crate) const HOSPITAL: &str = "hospital-a";
pub(crate) const INSURER: &str = "insurer-a";
const PARTIES: [(&str, &str, Role, u64); 5] = [
    ("doctors-a", "doctors", Role::Doctor, 28),
    (HOSPITAL, "hospital", Role::Hospital, 30),
    (INSURER, "insurer", Role::Insurer, 20),
    ("laboratory-a", "services", Role::Laboratory, 11),
    ("pharmacy-a", "services", Role::Pharmacy, 11),
];
const OPERATORS: [&str; 4] = ["doctors", "hospital", "insurer", "services"];

pub(crate) struct World {
    pub(crate) genesis: Genesis,
    pub(crate) network: Digest,
    pub(crate) state: State<MemoryStore>,
    pub(crate) rng: SeededRng,
    pub(crate) documents: BTreeMap<VrfOutput, Document>,
    pub(crate) finality: Finality,
    pub(crate) history: Vec<SetChange>,
    pub(crate) identity: Identity,
    pub(crate) patient: KeyPair,
    sequences: BTreeMap<Sender, u64>,
}

fn seed(of: &str, what: &str) -> [u8; 32] {
    sha256(format!("{of}/{what}").as_bytes()).0
}

pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub(crate) fn signer(party: &str) -> KeyPair {
    KeyPair::from_seed(&seed(party, "signer"))
}

pub(crate) fn vrf(party: &str) -> VrfKeyPair {
    VrfKeyPair::from_seed(&seed(party, "vrf"))
}

pub(crate) fn validator(operator: &str) -> KeyPair {
    KeyPair::from_seed(&seed(operator, "validator"))
}

fn genesis(name: &str) -> Genesis {
    let party = |(party, operator, role, units): &(&str, &str, Role, u64)| Party {
        id: id(party),
        operator: id(operator),
        role: *role,
        signer: signer(party).public(),
        vrf: vrf(party).public(),
        wrap: WrapSecretKey::from_seed(&seed(party, "wrap")).public(),
        units: *units,
    };
    let operator = |operator: &&str| Operator { id: id(operator), validator: validator(operator).public() };
    Genesis {
        version: 1,
        name: name.into(),
        time_ms: NOON_MS - 30 * 86_400_000,
        partitions: 4,
        authority: Authority { threshold: 1, keys: vec![signer("authority").public()] },
        weights: Role::ALL.map(|role| RoleWeight { role, weight: 1 }).to_vec(),
        operators: OPERATORS.iter().map(operator).collect(),
        parties: PARTIES.iter().map(party).collect(),
        limits: Limits::default(),
    }
}

impl World {
    /// A patient with an encounter and a procedure of 50.00 EUR on 2026-03-10, and consent for the insurer.
    pub(crate) fn usual() -> Self {
        let mut world = Self::founded("test");
        world.register();
        world.consent(ConsentAct::Grant, None);
        world.record(encounter_facts(&world));
        world.record(procedure_facts(&world, "1200", 5_000));
        world
    }

    pub(crate) fn founded(name: &str) -> Self {
        let genesis = genesis(name);
        let mut rng = rng_from_seed([9; 32]);
        let identity =
            Identity::new(SaltSeed::generate(&mut rng), vec![identifier("patient"), identifier("another name")]);
        let network = genesis.network();
        let state = State::genesis(genesis.clone(), MemoryStore::default()).unwrap();
        // Replaced by the first block.
        let header = Header {
            height: 0,
            parent: network,
            time_ms: 0,
            transactions_root: network,
            state_root: network,
            validators: network,
            next_validators: network,
        };
        let certificate = CommitCertificate { height: 0, round: 0, block: network, signatures: vec![] };
        Self {
            genesis,
            network,
            state,
            rng,
            documents: BTreeMap::new(),
            finality: Finality { header, certificate },
            history: vec![],
            identity,
            patient: KeyPair::from_seed(&seed("patient", "signer")),
            sequences: BTreeMap::new(),
        }
    }

    /// Executes one block with one transaction; the block is final.
    pub(crate) fn commit(&mut self, sender: Sender, key: &KeyPair, payload: Payload) {
        let sequence = self.sequences.entry(sender.clone()).or_default();
        let body = Body { sender, sequence: *sequence, expiry_height: self.state.head().height + 100, payload };
        *sequence += 1;
        let signed = body.sign(&self.network, key, &mut self.rng).encode();
        let time_ms = (self.state.head().time_ms + 1).max(NOON_MS);
        let before = self.state.validators().clone();
        let proposal = self.state.propose(time_ms, &[signed], &Limits::default()).unwrap();
        assert!(proposal.dropped.is_empty(), "{:?}", proposal.dropped);
        let header = proposal.block.header.clone();
        self.state.apply(proposal.executed).unwrap();
        let certificate = self.certify(&header, &OPERATORS);
        self.finality = Finality { header: header.clone(), certificate: certificate.clone() };
        if before != *self.state.validators() {
            self.history.push(SetChange { header, certificate, next: self.state.validators().clone() });
        }
    }

    pub(crate) fn certify(&mut self, header: &Header, operators: &[&str]) -> CommitCertificate {
        let block = header.hash(&self.network);
        let mut signatures: Vec<_> = operators
            .iter()
            .map(|operator| {
                let key = validator(operator);
                let kind = VoteKind::Precommit;
                let vote = Vote { kind, height: header.height, round: 0, block: Some(block), validator: key.public() };
                (key.public(), key.sign(&vote.digest(&self.network), &mut self.rng))
            })
            .collect();
        signatures.sort_by_key(|(key, _)| *key);
        CommitCertificate { height: header.height, round: 0, block, signatures }
    }

    pub(crate) fn register(&mut self) {
        let wrap = WrapSecretKey::from_seed(&seed("patient", "wrap")).public();
        let identity = self.identity.commitment(&self.network);
        let by = id(HOSPITAL);
        let registration = PatientRegistration::sign(&self.network, &self.patient, wrap, identity, &by, &mut self.rng);
        self.commit(Sender::Party(by), &signer(HOSPITAL), Payload::Patient(registration));
    }

    pub(crate) fn consent(&mut self, decision: ConsentAct, expires_ms: Option<i64>) {
        let consent = Consent {
            grantee: Grantee::Party(id(INSURER)),
            category: Category::RECORDS,
            purpose: Purpose::Claim,
            decision,
            mode: Mode::Read,
            service_from_day: None,
            service_to_day: None,
            expires_ms,
        };
        let key = self.patient.clone();
        self.commit(Sender::Patient(key.public()), &key, Payload::Consent(consent));
    }

    pub(crate) fn record(&mut self, facts: Facts) {
        let fields: Fields = facts.fields().unwrap();
        let document =
            Document { kind: facts.kind, seed: SaltSeed::generate(&mut self.rng), fields, content: b"{}".to_vec() };
        let facility = facts.facility.clone();
        let name =
            |n| vrf(&facility).output(&erm::event_input(&self.network, &facts.patient, facts.day.0, facts.kind, n));
        let key = (0..).map(name).find(|key| !self.documents.contains_key(key)).unwrap();
        let event = ClinicalEvent {
            key,
            kind: facts.kind,
            fields: document.commitments(&self.network),
            document: sha256(&document.to_bytes()),
            document_bytes: 1,
            visit: Visit::None,
        };
        let one_time = self.patient.one_time(&ledger::Chain::record(self.network), &[3; 32]);
        let event = event.sign_visit(&self.network, &id(&facility), &one_time, &mut self.rng);
        self.commit(Sender::Party(id(&facility)), &signer(&facility), Payload::Event(event));
        self.documents.insert(key, document);
    }

    pub(crate) fn stake(&mut self, party: &str, units: u64) {
        let sequence = self.sequences.get(&Sender::Authority).copied().unwrap_or(0);
        let decision = MembershipDecision { sequence, acts: vec![Act::Stake { party: id(party), units }] };
        let membership = decision.sign(&self.network, &[signer("authority")], &mut self.rng);
        self.commit(Sender::Authority, &signer("authority"), Payload::Membership(membership));
    }

    /// Answers as a portal does; `None`: consent is missing.
    pub(crate) fn answer(&mut self, claim: &Claim, rules: &Rules, as_of_ms: i64) -> Option<Answer> {
        let identifier = self.identity.open(&self.network, &claim.patient).unwrap();
        let (portal, provider) = (id(HOSPITAL), vrf(&claim.provider));
        let view = self.state.view();
        let patient = (self.patient.public(), identifier);
        let mut gathering =
            Gathering::new(self.network, &portal, claim, rules, as_of_ms, patient, Some(&provider), &view);
        let mut rng = self.rng.clone();
        loop {
            match gathering.step(&mut rng).unwrap() {
                Step::Refused => return None,
                Step::Answer(answer) => return Some(*answer),
                Step::Documents(wanted) => {
                    for (key, _) in wanted {
                        gathering.supply(key, self.documents[&key].clone());
                    }
                }
            }
        }
    }

    /// A receipt for a look.
    pub(crate) fn look(&mut self, claim: &Claim) -> Receipt {
        let content = self.content(claim);
        content.sign(&signer(HOSPITAL), &mut self.rng)
    }

    pub(crate) fn content(&mut self, claim: &Claim) -> Content {
        let (rules, as_of_ms) = (Rules::default(), NOON_MS + 1_000);
        let answer = self.answer(claim, &rules, as_of_ms).unwrap();
        self.content_of(claim, answer)
    }

    fn content_of(&mut self, claim: &Claim, answer: Answer) -> Content {
        Content {
            version: 1,
            network: self.network,
            portal: id(HOSPITAL),
            operation: Operation::Verify,
            idempotency_key: None,
            as_of_ms: NOON_MS + 1_000,
            verdict: answer.verdict,
            findings: answer.findings,
            claim: claim.clone(),
            claim_salt: Salt::generate(&mut self.rng),
            response_salt: Salt::generate(&mut self.rng),
            rules: Rules::default(),
            evidence: answer.proofs,
            block: self.finality.clone(),
            recorded: None,
            history: self.history.clone(),
        }
    }

    /// A receipt for a submitted claim: both commitments are on the chain.
    pub(crate) fn submit(&mut self, claim: &Claim) -> Receipt {
        let answer = self.answer(claim, &Rules::default(), NOON_MS + 1_000).unwrap();
        let fingerprints = answer.fingerprints.clone();
        let content = Content {
            operation: Operation::Submit,
            idempotency_key: Some("key 1".into()),
            ..self.content_of(claim, answer)
        };
        self.record_claim(content, fingerprints).sign(&signer(HOSPITAL), &mut self.rng)
    }

    pub(crate) fn record_claim(&mut self, content: Content, fingerprints: Vec<VrfOutput>) -> Content {
        let (claim, response) = (content.claim_commitment(), content.response_commitment());
        let payload = Payload::Claim(RecordClaim { claim, response, fingerprints });
        self.commit(Sender::Party(id(HOSPITAL)), &signer(HOSPITAL), payload);
        let (value, proof) = self.state.view().prove(&Key::Claim(claim)).unwrap();
        let entry = Proven { key: Key::Claim(claim), value, proof };
        Content {
            recorded: Some(Recorded { block: self.finality.clone(), entry }),
            history: self.history.clone(),
            ..content
        }
    }
}

pub(crate) fn encounter_facts(world: &World) -> Facts {
    Facts {
        kind: Kind::Record,
        patient: world.patient.public(),
        day: day("2026-03-10"),
        facility: HOSPITAL.into(),
        document: "Encounter".into(),
        practitioner: Some(identifier("dr-a")),
        period: Some((day("2026-03-10"), Some(day("2026-03-10")))),
        encounter: None,
        prescription: None,
        total: None,
        study: None,
        lines: vec![],
    }
}

pub(crate) fn procedure_facts(world: &World, name: &str, minor: i64) -> Facts {
    let line = Line { codes: vec![code(name)], quantity_milli: Some(1_000), amount: Some(euros(minor)) };
    Facts { document: "Procedure".into(), period: None, lines: vec![line], ..encounter_facts(world) }
}

pub(crate) fn claim(number: &str, lines: &[(&str, i64)]) -> Claim {
    let item = |(sequence, (name, minor)): (u32, &(&str, i64))| Item {
        sequence,
        kind: Kind::Record,
        code: code(name),
        day: day("2026-03-10"),
        quantity_milli: 1_000,
        amount: euros(*minor),
    };
    Claim {
        id: identifier(number),
        insurer: INSURER.into(),
        provider: HOSPITAL.into(),
        patient: identifier("patient"),
        practitioner: Some(identifier("dr-a")),
        encounter_day: None,
        created: day("2026-03-10"),
        items: (1..).zip(lines).map(item).collect(),
    }
}
