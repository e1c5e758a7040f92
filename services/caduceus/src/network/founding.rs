//! Founding the demo's network: four operators, so that any one may be lost.

use erm::{Authority, Genesis, Limits, Operator, Party, Role, RoleWeight};
use kit::keystore::Cost;
use kit::{Keystore, Passphrase};
use ledger::KeyPair;
use rand_core::OsRng;
use record_node::Identity;

use super::{Network, Service, generate, id};
use crate::failure::{OrFail as _, Outcome};
use crate::home::Home;

/// A party of the demo's network.
struct Seat {
    party: &'static str,
    operator: &'static str,
    role: Role,
    units: u64,
}

/// Who validates claims in the demo.
pub(crate) const INSURER: &str = "mutual-insurer";
/// Whose signature is on the anchors of the personal chains and on patients' registrations. A party of its own, because a party's
/// transactions are counted one by one and the hospital's portal sends its own.
pub(crate) const ANCHORING_PARTY: &str = "general-hospital-registry";

/// Partitions of every topic; pinned in the genesis because it decides where a patient's records lie.
const PARTITIONS: u32 = 8;

/// Hospital 30, doctors 28, laboratory and pharmacy 22, insurer 20: clinical share 58 %, no operator a third.
fn seats() -> [Seat; 7] {
    let seat = |party, operator, role, units| Seat { party, operator, role, units };
    [
        seat("general-hospital", "hospital", Role::Hospital, 30),
        seat(ANCHORING_PARTY, "hospital", Role::Hospital, 0),
        seat("dr-hale", "doctors", Role::Doctor, 14),
        seat("dr-okafor", "doctors", Role::Doctor, 14),
        seat("city-laboratory", "diagnostics", Role::Laboratory, 11),
        seat("corner-pharmacy", "diagnostics", Role::Pharmacy, 11),
        seat(INSURER, "insurer", Role::Insurer, 20),
    ]
}

/// Makes keys, writes the genesis and the key store. Nothing that exists is overwritten.
pub(super) fn found(home: &Home, time_ms: i64) -> Outcome<Network> {
    for folder in [home.dir().to_owned(), home.dir().join("keystore"), home.key_rings(), home.mail(), home.receipts()] {
        std::fs::create_dir_all(&folder).or_environment(format_args!("{} cannot be made", folder.display()))?;
    }
    let passphrase = if home.passphrase().exists() {
        Passphrase::from_file(&home.passphrase()).or_environment("the key store cannot be opened")?
    } else {
        let fresh = Passphrase::random(&mut OsRng);
        fresh.write_new(&home.passphrase()).or_environment("the key store's passphrase cannot be kept")?;
        fresh
    };
    let mut keys = Keystore::open_or_create(&home.keystore(), &passphrase, Cost::RANDOM_PASSPHRASE, &mut OsRng)
        .or_environment("the key store cannot be made")?;

    let authority =
        KeyPair::from_seed(keys.get_or_generate("authority", &mut OsRng).or_environment("a key cannot be kept")?);
    keys.get_or_generate("portal/own", &mut OsRng).or_environment("a key cannot be kept")?;
    for service in [Service::Ingest, Service::Monitor, Service::Notifier] {
        generate(&mut keys, service.name())?;
    }
    let mut parties = Vec::new();
    let mut operators = std::collections::BTreeMap::new();
    for seat in seats() {
        let own = generate(&mut keys, &format!("party/{}", seat.party))?;
        let seed = keys
            .get_or_generate(&format!("operator/{}/validator", seat.operator), &mut OsRng)
            .or_environment("a key cannot be kept")?;
        operators.insert(seat.operator, Identity::from_seed(seed).validator());
        parties.push(Party {
            id: id(seat.party)?,
            operator: id(seat.operator)?,
            role: seat.role,
            signer: own.signer.public(),
            vrf: own.vrf.public(),
            wrap: own.wrap.public(),
            units: seat.units,
        });
    }
    parties.sort_by(|one, other| one.id.cmp(&other.id));
    let genesis = Genesis {
        version: 1,
        name: "Caduceus demo".into(),
        time_ms,
        partitions: PARTITIONS,
        authority: Authority { threshold: 1, keys: vec![authority.public()] },
        weights: Role::ALL.into_iter().map(|role| RoleWeight { role, weight: 1 }).collect(),
        operators: operators
            .into_iter()
            .map(|(name, validator)| Ok(Operator { id: id(name)?, validator }))
            .collect::<Outcome<_>>()?,
        parties,
        limits: Limits::default(),
    };
    genesis.check().or_usage("the demo's genesis is refused")?;
    // Keys first: a genesis without its keys would be a network that nobody can run.
    keys.save(&mut OsRng).or_environment("the key store cannot be written")?;
    let json = genesis.to_json().or_usage("the demo's genesis does not encode")?;
    kit::write_atomic(&home.genesis(), json.as_bytes(), 0o644).or_environment("the genesis cannot be written")?;
    Network::assemble(home, genesis, keys)
}
