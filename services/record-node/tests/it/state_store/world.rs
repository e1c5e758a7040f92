//! A chain made without a network: blocks in a block log, as a node writes them, and the state after each in memory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use erm::{
    Act, AnchorHeads, Authority, Block, Body, Category, Consent, ConsentAct, Genesis, Grantee, Id, Key, Limits,
    MembershipDecision, MemoryStore, Meta, Mode, NodeStore, Operator, Party, PatientRegistration, Payload, Purpose,
    Role, RoleWeight, Sender, State,
};
use ledger::{CommitCertificate, Digest, KeyPair, VrfKeyPair, VrfOutput, WrapSecretKey, rng_from_seed, sha256};
use proptest::prelude::*;
use record_node::{ErmMachine, Error, SledStore, StateMachine as _};
use store::{LogId, Record, SegmentLog, Settings};
use tempfile::TempDir;

use crate::network::{WEIGHTS, identity};

pub type Machine = ErmMachine<SledStore>;

pub fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub fn key(name: &str) -> KeyPair {
    KeyPair::from_seed(&sha256(name.as_bytes()).0)
}

pub fn founding() -> Genesis {
    let operators = ["a-hospital", "b-doctors", "c-services", "d-insurer"];
    let roles = [Role::Hospital, Role::Doctor, Role::Laboratory, Role::Insurer];
    let party = |(operator, role): (&str, Role), units: u64| Party {
        id: id(operator),
        operator: id(operator),
        role,
        signer: key(operator).public(),
        vrf: VrfKeyPair::from_seed(&sha256(operator.as_bytes()).0).public(),
        wrap: WrapSecretKey::from_seed(&sha256(operator.as_bytes()).0).public(),
        units,
    };
    Genesis {
        version: 1,
        name: "state store".into(),
        time_ms: 1_767_225_600_000,
        partitions: 8,
        authority: Authority { threshold: 1, keys: vec![key("authority").public()] },
        weights: Role::ALL.into_iter().map(|role| RoleWeight { role, weight: 1 }).collect(),
        operators: operators
            .iter()
            .enumerate()
            .map(|(i, name)| Operator { id: id(name), validator: identity(i).validator() })
            .collect(),
        parties: operators.into_iter().zip(roles).zip(WEIGHTS).map(|(who, units)| party(who, units)).collect(),
        limits: Limits::default(),
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Change {
    Anchor(u8),
    Register(u8),
    Consent(u8, u8),
    Stake(u8),
}

/// Blocks of changes, empty ones among them.
pub fn changes() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let any = prop_oneof![
        any::<u8>().prop_map(Change::Anchor),
        (0u8..4).prop_map(Change::Register),
        (0u8..4, 0u8..4).prop_map(|(patient, category)| Change::Consent(patient, category)),
        (24u8..29).prop_map(Change::Stake),
    ];
    prop::collection::vec(prop::collection::vec(any, 0..4), 1..12)
}

/// Every kind of change, a few blocks of them.
pub fn varied(blocks: u8) -> Vec<Vec<Change>> {
    let of = |n: u8| match n % 5 {
        0 => vec![Change::Register(n), Change::Anchor(n)],
        1 => vec![Change::Consent(n - 1, n), Change::Consent(n - 1, n + 1)],
        2 => vec![Change::Stake(24 + (n / 5) % 4)],
        3 => vec![],
        _ => vec![Change::Consent((n / 5) * 5, 1), Change::Anchor(n)],
    };
    (0..blocks).map(of).collect()
}

/// Signs a change for the state at hand; `ahead` transactions of the block are before it.
fn transaction<S: NodeStore>(state: &State<S>, change: Change, before: &[Sender]) -> (Sender, Vec<u8>) {
    let network = state.network();
    let rng = &mut rng_from_seed([u8::try_from(before.len()).unwrap(); 32]);
    let hospital = Sender::Party(id("a-hospital"));
    let sender = match change {
        Change::Anchor(_) | Change::Register(_) => hospital,
        Change::Consent(patient, _) => Sender::Patient(key(&format!("patient {patient}")).public()),
        Change::Stake(_) => Sender::Authority,
    };
    let ahead = before.iter().filter(|other| **other == sender).count() as u64;
    let sequence = state.view().sequence(&sender).unwrap() + ahead;
    let (payload, signer) = match change {
        Change::Anchor(n) => {
            let previous = state.view().anchor(&id("a-hospital")).unwrap().map_or(Digest::ZERO, |last| last.anchor);
            (Payload::Anchor(AnchorHeads { previous, root: sha256(&[n]), chains: 1 }), key("a-hospital"))
        }
        Change::Register(patient) => {
            let patient = key(&format!("patient {patient}"));
            let wrap = WrapSecretKey::from_seed(&patient.public().0).public();
            let identity = sha256(&patient.public().0);
            let registration = PatientRegistration::sign(&network, &patient, wrap, identity, &id("a-hospital"), rng);
            (Payload::Patient(registration), key("a-hospital"))
        }
        Change::Consent(patient, category) => {
            let consent = Consent {
                grantee: Grantee::Party(id("b-doctors")),
                category: Category(1 + category),
                purpose: Purpose::Treatment,
                decision: if sequence.is_multiple_of(2) { ConsentAct::Grant } else { ConsentAct::Revoke },
                mode: Mode::Read,
                service_from_day: None,
                service_to_day: None,
                expires_ms: None,
            };
            (Payload::Consent(consent), key(&format!("patient {patient}")))
        }
        Change::Stake(units) => {
            let decision =
                MembershipDecision { sequence, acts: vec![Act::Stake { party: id("b-doctors"), units: units.into() }] };
            (Payload::Membership(decision.sign(&network, &[key("authority")], rng)), key("authority"))
        }
    };
    let body = Body { sender: sender.clone(), sequence, expiry_height: state.head().height + 100, payload };
    (sender, body.sign(&network, &signer, rng).encode())
}

/// The next block: of those changes that the rules allow.
pub fn propose<S: NodeStore>(state: &State<S>, changes: &[Change]) -> erm::Proposal {
    let (mut senders, mut encoded) = (Vec::new(), Vec::new());
    for change in changes {
        let (sender, bytes) = transaction(state, *change, &senders);
        senders.push(sender);
        encoded.push(bytes);
    }
    state.propose(state.head().time_ms + 1_000, &encoded, &Limits::default()).unwrap()
}

/// The block log of a node that is stopped; appends as the node does.
pub struct BlockLog(SegmentLog);

impl BlockLog {
    pub fn open(data_dir: &Path) -> Self {
        let settings = Settings { segment_bytes: 1 << 16, ..Settings::default() };
        Self(SegmentLog::open(&data_dir.join("blocks"), LogId([7; 16]), settings).unwrap().log)
    }

    pub fn append(&self, network: &Digest, block: &Block) {
        let certificate = CommitCertificate {
            height: block.header.height,
            round: 0,
            block: block.hash(network),
            signatures: Vec::new(),
        };
        self.0.append(&[Record::new(1, &block.encode()), Record::new(2, &ledger::encode(&certificate))]).unwrap();
    }
}

/// A chain in memory, with all blocks.
pub struct Oracle {
    pub state: State<MemoryStore>,
    pub blocks: Vec<Block>,
    keys: BTreeSet<Key>,
}

impl Oracle {
    pub fn of(genesis: Genesis) -> Self {
        let absent = Key::Event(VrfOutput(sha256(b"absent")));
        let keys =
            BTreeSet::from([Key::Meta(Meta::Clock), Key::Meta(Meta::Operators), Key::Party(id("b-doctors")), absent]);
        Self { state: State::genesis(genesis, MemoryStore::default()).unwrap(), blocks: Vec::new(), keys }
    }

    pub fn grown(changes: &[Vec<Change>]) -> Self {
        let mut oracle = Self::of(founding());
        for changes in changes {
            oracle.grow(changes);
        }
        oracle
    }

    pub fn grow(&mut self, changes: &[Change]) -> &Block {
        let erm::Proposal { block, executed, .. } = propose(&self.state, changes);
        self.keys.extend(executed.outcomes().iter().flat_map(|outcome| outcome.keys.clone()));
        self.state.apply(executed).unwrap();
        self.blocks.push(block);
        self.blocks.last().unwrap()
    }

    /// Writes the first blocks as a node's block log.
    pub fn write(&self, data_dir: &Path, blocks: usize) {
        let log = BlockLog::open(data_dir);
        for block in &self.blocks[..blocks] {
            log.append(&self.state.network(), block);
        }
    }

    /// The state root after a height above 0.
    pub fn root(&self, height: u64) -> Digest {
        self.blocks[usize::try_from(height).unwrap() - 1].header.state_root
    }

    /// Same root, values and proofs at every height that the machine keeps. An error is the machine's own.
    pub fn compare(&self, machine: &Machine) -> Result<(), erm::Error> {
        let (state, network) = (machine.state(), self.state.network());
        for height in state.store().oldest()?..=state.head().height {
            let (own, other) = (state.at(height)?, self.state.at(height).unwrap());
            let root = own.root()?;
            assert_eq!(root, other.root().unwrap(), "root of height {height}");
            assert_eq!(state.validators_at(height)?, self.state.validators_at(height).unwrap());
            for key in &self.keys {
                let value = own.get(key)?;
                assert_eq!(value, other.get(key).unwrap(), "{key:?} at height {height}");
                let (proven, proof) = own.prove(key)?;
                assert_eq!((&proven, &proof), (&value, &other.prove(key).unwrap().1), "{key:?} at height {height}");
                proof.verify(&network, &root, key, value.as_deref()).unwrap();
            }
        }
        Ok(())
    }
}

/// A node's folders.
pub struct Home {
    pub dir: TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// With the first blocks of a chain.
    pub fn with(oracle: &Oracle, blocks: usize) -> Self {
        let home = Self::new();
        oracle.write(&home.data(), blocks);
        home
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("node")
    }

    pub fn index(&self) -> PathBuf {
        self.dir.path().join("index")
    }

    pub fn open(&self) -> Result<Machine, Error> {
        ErmMachine::on_disk(founding(), &self.index(), &self.data())
    }

    /// Opens, and says which heights were executed.
    pub fn opened(&self, kept_heights: u64) -> (Machine, Vec<u64>) {
        let mut executed = Vec::new();
        let machine =
            ErmMachine::on_disk_with(founding(), &self.index(), &self.data(), kept_heights, &mut |height, _| {
                executed.push(height)
            })
            .unwrap();
        (machine, executed)
    }
}

/// Executes and commits a block, as the node does.
pub fn follow(machine: &mut Machine, block: &Block) -> Result<(), record_node::Refusal> {
    let executed = machine.validate(&block.encode(), &|_| false)?;
    machine.commit(executed)
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
