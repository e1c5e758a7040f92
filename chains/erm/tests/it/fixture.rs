//! A small network with all roles, and a chain that two nodes keep: whatever is committed in a test is proposed by
//! one and validated by the other.

use std::collections::BTreeMap;

use erm::{
    Authority, Block, Body, BreakGlass, Category, ClinicalEvent, Consent, ConsentAct, Error, EventKind, Genesis,
    Grantee, Header, Id, Limits, Membership, MembershipDecision, MemoryStore, Mode, Operator, Party,
    PatientRegistration, Payload, Proposal, Purpose, Refusal, Role, RoleWeight, Sender, Signed, State, Visit,
    event_input,
};
use ledger::{
    CommitCertificate, Digest, KeyPair, SeededRng, Vote, VoteKind, VrfKeyPair, WrapPublicKey, WrapSecretKey,
    rng_from_seed, sha256,
};

pub const START_MS: i64 = 1_767_225_600_000; // 2026-01-01
pub const TODAY: i32 = 20_454; // the same day
pub const AUTHORITY: [&str; 3] = ["authority one", "authority two", "authority three"];

pub fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub fn key(name: &str) -> KeyPair {
    KeyPair::from_seed(&sha256(name.as_bytes()).0)
}

pub fn vrf(name: &str) -> VrfKeyPair {
    VrfKeyPair::from_seed(&sha256(format!("vrf {name}").as_bytes()).0)
}

pub fn wrap(name: &str) -> WrapPublicKey {
    WrapSecretKey::from_seed(&sha256(format!("wrap {name}").as_bytes()).0).public()
}

pub fn rng() -> SeededRng {
    rng_from_seed([9; 32])
}

pub fn validator(operator: &str) -> KeyPair {
    key(&format!("validator {operator}"))
}

pub fn party(name: &str, operator: &str, role: Role, units: u64) -> Party {
    Party {
        id: id(name),
        operator: id(operator),
        role,
        signer: key(name).public(),
        vrf: vrf(name).public(),
        wrap: wrap(name),
        units,
    }
}

pub fn operator(name: &str) -> Operator {
    Operator { id: id(name), validator: validator(name).public() }
}

/// Hospital 30, doctors 28, laboratory and pharmacy 22, insurer 20; the other roles without stake.
pub fn founding() -> Genesis {
    let mut keys: Vec<_> = AUTHORITY.iter().map(|name| key(name).public()).collect();
    keys.sort_unstable();
    let weight = |role: Role| RoleWeight { role, weight: if role.is_clinical() { 2 } else { 1 } };
    let mut parties = vec![
        party("city-hospital", "hospital", Role::Hospital, 15),
        party("dr-adams", "doctors", Role::Doctor, 7),
        party("dr-baker", "doctors", Role::Doctor, 7),
        party("laboratory-one", "services", Role::Laboratory, 12),
        party("pharmacy-one", "services", Role::Pharmacy, 10),
        party("imaging-one", "services", Role::Imaging, 0),
        party("research-one", "services", Role::Research, 0),
        party("regulator-one", "services", Role::Regulator, 0),
        party("patient-union", "services", Role::Patient, 0),
        party("insurer-one", "insurer", Role::Insurer, 20),
    ];
    parties.sort_by(|a, b| a.id.cmp(&b.id));
    Genesis {
        version: 1,
        name: "test network".into(),
        time_ms: START_MS,
        partitions: 8,
        authority: Authority { threshold: 2, keys },
        weights: Role::ALL.into_iter().map(weight).collect(),
        operators: ["doctors", "hospital", "insurer", "services"].map(operator).to_vec(),
        parties,
        limits: Limits::default(),
    }
}

pub struct Chain {
    pub state: State<MemoryStore>,
    pub other: State<MemoryStore>,
    pub headers: Vec<Header>,
    pub blocks: Vec<Block>,
    pub network: Digest,
    pub rng: SeededRng,
    pending: BTreeMap<Sender, u64>,
}

impl Chain {
    pub fn new() -> Self {
        Self::of(founding())
    }

    pub fn of(genesis: Genesis) -> Self {
        let state = State::genesis(genesis.clone(), MemoryStore::default()).unwrap();
        let other = State::genesis(genesis, MemoryStore::default()).unwrap();
        let network = state.network();
        Self { state, other, headers: vec![], blocks: vec![], network, rng: rng(), pending: BTreeMap::new() }
    }

    /// The next body of a sender; sequences count on within a block.
    pub fn body(&mut self, sender: Sender, payload: Payload) -> Body {
        let next = self.state.view().sequence(&sender).unwrap();
        let offset = self.pending.entry(sender.clone()).or_default();
        let sequence = next + *offset;
        *offset += 1;
        Body { sender, sequence, expiry_height: self.state.head().height + 100, payload }
    }

    pub fn signed_by(&mut self, body: Body, key: &KeyPair) -> Signed {
        body.sign(&self.network, key, &mut self.rng)
    }

    pub fn by(&mut self, name: &str, payload: Payload) -> Signed {
        let body = self.body(Sender::Party(id(name)), payload);
        self.signed_by(body, &key(name))
    }

    pub fn by_patient(&mut self, name: &str, consent: Consent) -> Signed {
        let patient = key(name);
        let body = self.body(Sender::Patient(patient.public()), Payload::Consent(consent));
        self.signed_by(body, &patient)
    }

    pub fn decision(&mut self, acts: Vec<erm::Act>) -> MembershipDecision {
        let next = self.state.view().sequence(&Sender::Authority).unwrap();
        let sequence = next + self.pending.get(&Sender::Authority).copied().unwrap_or(0);
        MembershipDecision { sequence, acts }
    }

    pub fn membership(&mut self, membership: Membership) -> Signed {
        let first = membership.signatures[0].0;
        let key =
            AUTHORITY.iter().map(|name| key(name)).find(|key| key.public() == first).unwrap_or_else(|| key("stranger"));
        let body = self.body(Sender::Authority, Payload::Membership(membership));
        self.signed_by(body, &key)
    }

    pub fn decide(&mut self, acts: Vec<erm::Act>) -> Signed {
        let decision = self.decision(acts);
        let signed = decision.sign(&self.network, &[key(AUTHORITY[0]), key(AUTHORITY[1])], &mut self.rng);
        self.membership(signed)
    }

    pub fn registration(&mut self, patient: &str, by: &str) -> Payload {
        let identity = sha256(patient.as_bytes());
        let registration =
            PatientRegistration::sign(&self.network, &key(patient), wrap(patient), identity, &id(by), &mut self.rng);
        Payload::Patient(registration)
    }

    /// An event with the patient's signature.
    pub fn visit(&mut self, by: &str, patient: &str, kind: EventKind, n: u32) -> ClinicalEvent {
        let mut event = bare_event(&self.network, by, patient, kind, n);
        let secret = sha256(format!("{patient} {n}").as_bytes()).0;
        let one_time = key(patient).one_time(&ledger::Chain::record(self.network), &secret);
        event = event.sign_visit(&self.network, &id(by), &one_time, &mut self.rng);
        event
    }

    pub fn propose(&self, transactions: &[Signed]) -> Result<Proposal, Error> {
        let encoded: Vec<_> = transactions.iter().map(Signed::encode).collect();
        self.state.propose(self.state.head().time_ms + 1_000, &encoded, &Limits::default())
    }

    /// Commits all of the transactions in one block, or says which refusal met the first that was dropped.
    pub fn commit(&mut self, transactions: &[Signed]) -> Result<(), Refusal> {
        self.pending.clear();
        let mut proposal = self.propose(transactions).unwrap();
        if !proposal.dropped.is_empty() {
            return Err(proposal.dropped.remove(0).1);
        }
        let block = Block::decode(&proposal.block.encode()).unwrap();
        let executed = self.other.validate(&block).unwrap();
        self.other.apply(executed).unwrap();
        self.state.apply(proposal.executed).unwrap();
        assert_eq!(self.state.head(), self.other.head());
        self.headers.push(block.header.clone());
        self.blocks.push(block);
        Ok(())
    }

    /// The refusal that a transaction meets at admission and in a block; both must say the same.
    pub fn refusal(&mut self, signed: &Signed) -> Refusal {
        self.pending.clear();
        let admitted = match self.state.admit(signed) {
            Err(Error::Refused(refusal)) => refusal,
            other => panic!("admitted: {other:?}"),
        };
        let proposal = self.propose(std::slice::from_ref(signed)).unwrap();
        assert_eq!(proposal.dropped, vec![(0, admitted.clone())]);
        assert!(proposal.block.transactions.is_empty());
        let error = self.state.execute(self.state.head().time_ms + 1, &[signed.encode()]).unwrap_err();
        let expected = Refusal::Transaction { position: 0, refusal: Box::new(admitted.clone()) };
        assert_eq!(error.refusal(), Some(&expected));
        admitted
    }
}

pub fn bare_event(network: &Digest, by: &str, patient: &str, kind: EventKind, n: u32) -> ClinicalEvent {
    let input = event_input(network, &key(patient).public(), TODAY, kind, n);
    ClinicalEvent {
        key: vrf(by).output(&input),
        kind,
        fields: vec![(1, sha256(b"date")), (2, sha256(b"code")), (7, sha256(b"amount"))],
        document: sha256(b"ciphertext"),
        document_bytes: 10_000,
        visit: Visit::None,
    }
}

pub fn emergency(mut event: ClinicalEvent) -> ClinicalEvent {
    event.visit = Visit::BreakGlass { reason: BreakGlass::Emergency };
    event
}

pub fn grant(grantee: Grantee, category: Category, purpose: Purpose) -> Consent {
    Consent {
        grantee,
        category,
        purpose,
        decision: ConsentAct::Grant,
        mode: Mode::Read,
        service_from_day: None,
        service_to_day: None,
        expires_ms: None,
    }
}

pub fn to_party(name: &str) -> Grantee {
    Grantee::Party(id(name))
}

/// Precommits of these operators for a header.
pub fn certificate(network: &Digest, header: &Header, round: u32, signers: &[KeyPair]) -> CommitCertificate {
    let block = header.hash(network);
    let mut rng = rng();
    let mut signatures: Vec<_> = signers
        .iter()
        .map(|key| {
            let vote = Vote {
                kind: VoteKind::Precommit,
                height: header.height,
                round,
                block: Some(block),
                validator: key.public(),
            };
            (key.public(), key.sign(&vote.digest(network), &mut rng))
        })
        .collect();
    signatures.sort_by_key(|(key, _)| *key);
    CommitCertificate { height: header.height, round, block, signatures }
}
