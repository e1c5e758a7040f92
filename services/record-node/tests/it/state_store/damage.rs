//! Whatever lies in the index's folder, the node comes up with the state of its blocks.

use std::path::{Path, PathBuf};

use ledger::Digest;
use record_node::ErmMachine;

use super::world::{Change, Home, Oracle, copy, follow, founding, varied};

const BLOCKS: usize = 12;

fn chain() -> Oracle {
    Oracle::grown(&varied(u8::try_from(BLOCKS).unwrap()))
}

#[test]
fn an_index_that_was_deleted_is_built_anew() {
    let oracle = chain();
    let home = Home::with(&oracle, BLOCKS);
    drop(home.open().unwrap());
    std::fs::remove_dir_all(home.index()).unwrap();
    let (machine, executed) = home.opened(100);
    assert_eq!(executed, (1..=BLOCKS as u64).collect::<Vec<_>>());
    oracle.compare(&machine).unwrap();
}

#[test]
fn an_index_that_is_behind_executes_what_it_lacks_and_nothing_else() {
    let oracle = chain();
    let home = Home::with(&oracle, 5);
    drop(home.open().unwrap());
    std::fs::remove_dir_all(home.data()).unwrap();
    oracle.write(&home.data(), BLOCKS);
    let (machine, executed) = home.opened(100);
    assert_eq!(executed, (6..=BLOCKS as u64).collect::<Vec<_>>());
    oracle.compare(&machine).unwrap();
}

#[test]
fn an_index_above_its_blocks_is_built_anew() {
    let oracle = chain();
    for left in [0, 1, 8] {
        let home = Home::with(&oracle, BLOCKS);
        drop(home.open().unwrap());
        std::fs::remove_dir_all(home.data()).unwrap();
        oracle.write(&home.data(), left);
        let (machine, executed) = home.opened(100);
        assert_eq!(executed, (1..=left as u64).collect::<Vec<_>>());
        assert_eq!(machine.state().head().height, left as u64);
        oracle.compare(&machine).unwrap();
    }
}

#[test]
fn an_index_of_other_blocks_of_the_same_network_is_built_anew() {
    let (oracle, mut other) = (chain(), Oracle::of(founding()));
    for n in 0..BLOCKS - 2 {
        other.grow(&[Change::Anchor(u8::try_from(n).unwrap())]);
    }
    let home = Home::with(&other, BLOCKS - 2);
    drop(home.open().unwrap());
    std::fs::remove_dir_all(home.data()).unwrap();
    oracle.write(&home.data(), BLOCKS);
    let (machine, executed) = home.opened(100);
    assert_eq!(executed.len(), BLOCKS);
    oracle.compare(&machine).unwrap();
}

#[test]
fn an_index_of_another_network_is_built_anew() {
    let elsewhere = erm::Genesis { name: "another network".into(), ..founding() };
    let mut other = Oracle::of(elsewhere.clone());
    other.grow(&[Change::Anchor(1)]);
    let oracle = chain();
    let home = Home::with(&other, 1);
    drop(ErmMachine::on_disk(elsewhere, &home.index(), &home.data()).unwrap());
    std::fs::remove_dir_all(home.data()).unwrap();
    oracle.write(&home.data(), BLOCKS);
    oracle.compare(&home.open().unwrap()).unwrap();
}

/// The database of the newest generation.
fn database(index: &Path) -> PathBuf {
    let folders = std::fs::read_dir(index).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    folders.max().unwrap()
}

#[test]
fn content_that_is_not_this_layouts_or_contradicts_the_blocks_is_built_anew() {
    let oracle = chain();
    let home = Home::with(&oracle, BLOCKS);
    drop(home.open().unwrap());
    let whole = home.dir.path().join("whole");
    copy(&home.index(), &whole);
    let owner = |version: u8, network: &Digest| [&[version], network.as_bytes().as_slice()].concat();
    let network = oracle.state.network();
    type Tamper<'a> = (&'a str, Box<dyn Fn(&sled::Db) + 'a>);
    let set = |key: &'static [u8], value: Vec<u8>| -> Box<dyn Fn(&sled::Db)> {
        Box::new(move |db| drop(db.insert(key, value.clone()).unwrap()))
    };
    let tampers: Vec<Tamper<'_>> = vec![
        ("another layout version", set(&[0], owner(2, &network))),
        ("another network", set(&[0], owner(1, &Digest([9; 32])))),
        ("no owner", Box::new(|db| drop(db.remove([0]).unwrap()))),
        ("an owner cut short", set(&[0], vec![1])),
        ("no head", Box::new(|db| drop(db.remove([1]).unwrap()))),
        ("a head cut short", set(&[1], vec![0; 7])),
        ("a head that does not decode", set(&[1], vec![0; 60])),
        ("nothing", Box::new(|db| db.clear().unwrap())),
        ("no nodes", Box::new(|db| remove_all(db, 2))),
        ("no values", Box::new(|db| remove_all(db, 3))),
        (
            "another state root",
            Box::new(|db| {
                let mut head = db.get([1]).unwrap().unwrap().to_vec();
                head[8 + 8 + 32 + 8] ^= 1;
                db.insert([1], head).unwrap();
            }),
        ),
    ];
    for (what, tamper) in tampers {
        std::fs::remove_dir_all(home.index()).unwrap();
        copy(&whole, &home.index());
        let db = sled::open(database(&home.index())).unwrap();
        tamper(&db);
        db.flush().unwrap();
        drop(db);
        let (machine, executed) = home.opened(100);
        assert_eq!(executed.len(), BLOCKS, "{what}: rebuilt");
        oracle.compare(&machine).unwrap();
        drop(machine);
        assert!(home.opened(100).1.is_empty(), "{what}: the rebuilt index holds");
    }
}

/// Not seen at the start, which reads no more than it needs: an error when it is met, and the next start is whole.
#[test]
fn a_lost_node_is_an_error_when_it_is_needed_and_the_next_start_rebuilds() {
    let oracle = chain();
    let home = Home::with(&oracle, BLOCKS);
    drop(home.open().unwrap());
    let db = sled::open(database(&home.index())).unwrap();
    let lost = db.scan_prefix([2]).keys().next().unwrap().unwrap();
    db.remove(lost).unwrap();
    drop(db);
    let (machine, executed) = home.opened(100);
    assert!(executed.is_empty());
    assert!(matches!(oracle.compare(&machine), Err(erm::Error::Store(_))));
    drop(machine);
    let (machine, executed) = home.opened(100);
    assert_eq!(executed.len(), BLOCKS);
    oracle.compare(&machine).unwrap();
    drop(machine);
    assert!(home.opened(100).1.is_empty(), "once is enough");
    let rebuilt = ErmMachine::rebuild(founding(), &home.index(), &home.data(), &mut |_, _| {}).unwrap();
    oracle.compare(&rebuilt).unwrap();
}

fn remove_all(db: &sled::Db, tag: u8) {
    for key in db.scan_prefix([tag]).keys() {
        db.remove(key.unwrap()).unwrap();
    }
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Flipped(usize),
    Cut(usize),
    Zeroed(usize),
    Missing,
}

impl Fault {
    fn of(length: usize) -> Vec<Self> {
        let mut faults = vec![Self::Missing, Self::Cut(0)];
        for place in
            [0, 1, 8, 64].into_iter().chain((1..12).map(|n| length / 12 * n + n * 7)).filter(|place| *place < length)
        {
            faults.extend([Self::Flipped(place), Self::Cut(place), Self::Zeroed(place)]);
        }
        faults
    }

    fn apply(self, file: &Path) {
        let mut bytes = std::fs::read(file).unwrap();
        match self {
            Self::Flipped(place) => bytes[place] ^= 0x10,
            Self::Cut(place) => bytes.truncate(place),
            Self::Zeroed(place) => {
                let end = bytes.len().min(place + 512);
                bytes[place..end].fill(0);
            }
            Self::Missing => return std::fs::remove_file(file).unwrap(),
        }
        std::fs::write(file, bytes).unwrap();
    }
}

/// sled reads most pages when they are asked for. Damage that shows only then is an error once, never a wrong value, and the next
/// start is whole again.
#[test]
fn every_file_of_the_index_may_be_flipped_cut_zeroed_or_missing() {
    let mut oracle = Oracle::grown(&varied(60));
    let home = Home::with(&oracle, 60);
    drop(home.open().unwrap());
    let whole = home.dir.path().join("whole");
    copy(&home.index(), &whole);
    let next = oracle.grow(&[Change::Anchor(1)]).clone();
    let mut paths = Vec::new();
    files(&whole, &mut paths);
    assert!(paths.len() >= 3, "{paths:?}");
    let (mut rebuilt, mut late, mut unharmed) = (0, 0, 0);
    for path in &paths {
        let length = usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap();
        for fault in Fault::of(length) {
            std::fs::remove_dir_all(home.index()).unwrap();
            copy(&whole, &home.index());
            fault.apply(&home.index().join(path.strip_prefix(&whole).unwrap()));
            let (mut machine, executed) = home.opened(100);
            assert_eq!(machine.state().head().height, 60, "{fault:?} of {}", path.display());
            assert_eq!(machine.state().head().state_root, oracle.root(60));
            let used = oracle.compare(&machine).map_err(|error| error.to_string());
            let used = used.and_then(|()| follow(&mut machine, &next).map_err(|refusal| refusal.to_string()));
            drop(machine);
            match used {
                Ok(()) if executed.is_empty() => unharmed += 1,
                Ok(()) => rebuilt += 1,
                Err(why) => {
                    late += 1;
                    let (machine, executed) = home.opened(100);
                    assert_eq!(executed.len(), 60, "rebuilt after: {why}");
                    oracle.compare(&machine).unwrap();
                }
            }
        }
    }
    println!("{} files: {rebuilt} faults seen at the start, {late} when used, {unharmed} harmless", paths.len());
    assert!(rebuilt > 0);
}
