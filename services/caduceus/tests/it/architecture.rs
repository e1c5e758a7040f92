//! The rules of the layout, held against `cargo metadata` and the sources: imports point down only, and effects are
//! under `services/` only.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Crates that nothing under `chains/` or `ml/` may reach, at any depth: runtimes, sockets, brokers, disks.
const EFFECTS: [&str; 14] = [
    "async-std",
    "axum",
    "hyper",
    "lettre",
    "mio",
    "object_store",
    "rdkafka",
    "reqwest",
    "sled",
    "smol",
    "socket2",
    "tokio",
    "tracing-subscriber",
    "arc-malachitebft-app-channel",
];

/// Paths of the standard library that are effects: clocks, files, sockets, threads, processes, environment.
const EFFECT_PATHS: [&str; 11] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "std::time::Instant",
    "std::time::SystemTime",
    "SystemTime::now",
    "Instant::now",
    "OsRng",
    "println!",
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(vec!["--locked".into()])
        .exec()
        .unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// `chains/erm` → ("chains", "erm").
fn house(metadata: &Metadata, package: &cargo_metadata::Package) -> (String, String) {
    let path = package.manifest_path.parent().unwrap().strip_prefix(&metadata.workspace_root).unwrap();
    let mut parts = path.iter();
    let first = parts.next().unwrap().to_owned();
    (first.clone(), parts.next().map_or(first, str::to_owned))
}

/// Which crates of the workspace a crate may import.
fn allowed(group: &str, name: &str) -> BTreeSet<&'static str> {
    let pure = ["ledger", "phc", "erm", "claims", "iforest", "vitals", "physiology", "forecast"];
    let services = ["kit", "store", "stream", "monitor", "notify", "portal", "record-node", "recording", "evaluate"];
    let below: &[&str] = match (group, name) {
        (_, "ledger" | "iforest") => &[],
        (_, "phc") => &["ledger", "vitals"],
        (_, "erm") => &["ledger"],
        (_, "claims") => &["erm", "ledger"],
        (_, "vitals") => &["iforest"],
        (_, "physiology") => &["iforest", "vitals"],
        (_, "forecast") => &["vitals"],
        (_, "recording") => &["vitals"],
        (_, "kit") => &["ledger"],
        (_, "store") => &["ledger"],
        (_, "stream") => &["ledger", "kit", "store"],
        (_, "testkit") => &["kit", "stream"],
        // Above everything, and nothing above them: the binary, and programs that measure, which also start real parts.
        ("services", "caduceus") => return pure.into_iter().chain(services).collect(),
        ("bench", _) => return pure.into_iter().chain(services).chain(["testkit"]).collect(),
        // Files in, files out: no part of the running platform.
        ("services", "evaluate") => return pure.into_iter().chain(["recording"]).collect(),
        ("services", _) => return pure.into_iter().chain(["kit", "store", "stream"]).collect(),
        _ => &[],
    };
    below.iter().copied().collect()
}

#[test]
fn imports_point_down_only_and_services_do_not_import_each_other() {
    let metadata = metadata();
    let own: BTreeMap<&str, _> = metadata.workspace_packages().into_iter().map(|p| (p.name.as_str(), p)).collect();
    let mut wrong = Vec::new();
    for (name, package) in &own {
        let (group, _) = house(&metadata, package);
        let allowed = allowed(&group, name);
        for dependency in package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development) {
            if own.contains_key(dependency.name.as_str()) && !allowed.contains(dependency.name.as_str()) {
                wrong.push(format!("{name} imports {}", dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(own.contains_key("erm") && own.contains_key("monitor"), "the rule was held against nothing");
}

#[test]
fn nothing_pure_reaches_a_runtime_a_socket_a_broker_or_a_disk() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: HashMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let names: HashMap<&PackageId, &str> = metadata.packages.iter().map(|p| (&p.id, p.name.as_str())).collect();
    for package in metadata.workspace_packages() {
        if !["chains", "ml"].contains(&house(&metadata, package).0.as_str()) {
            continue;
        }
        let (mut seen, mut open) = (BTreeSet::new(), vec![&package.id]);
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            assert!(!EFFECTS.contains(&names[id]), "{} reaches {}", package.name, names[id]);
            let normal =
                nodes[id].deps.iter().filter(|d| d.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            open.extend(normal.map(|dependency| &dependency.pkg));
        }
        assert!(seen.len() > 1 || package.dependencies.is_empty(), "{} was not walked", package.name);
    }
}

#[test]
fn pure_sources_name_no_effect() {
    let mut files = Vec::new();
    for house in ["chains", "ml"] {
        for entry in std::fs::read_dir(root().join(house)).unwrap() {
            sources(&entry.unwrap().path().join("src"), &mut files);
        }
    }
    assert!(files.len() > 20, "only {} sources were found", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // Tests at a file's end may print.
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for effect in EFFECT_PATHS {
                if line.contains(effect) {
                    wrong.push(format!("{}:{}: {effect}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Under `ml/` results must be the same bits on every machine, which the platform's transcendental functions are not.
#[test]
fn nothing_under_ml_calls_the_platforms_transcendental_functions() {
    let functions =
        ["exp", "ln", "log2", "log10", "powf", "sin", "cos", "tan", "tanh", "exp2", "ln_1p", "exp_m1", "cbrt", "atan2"];
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join("ml")).unwrap() {
        sources(&entry.unwrap().path().join("src"), &mut files);
    }
    let mut wrong = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if functions.iter().any(|name| line.contains(&format!(".{name}("))) {
                wrong.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(!files.is_empty());
    assert!(wrong.is_empty(), "use libm: {wrong:#?}");
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}
