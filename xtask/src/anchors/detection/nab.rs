//! The Numenta benchmark: every labelled series streamed, then scored by the benchmark's rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::root;
use super::product::{self, Product};
use super::report::{Nab, NabScore, Part};

const SCORER: &str = "bench/nab/nab_score.py";

pub(super) struct Files {
    windows: PathBuf,
    /// The name in the labels, and the file.
    series: Vec<(String, PathBuf)>,
}

impl Files {
    pub(super) fn find(folder: &Path) -> Result<Part<Self>> {
        let windows = folder.join("windows.json");
        if !windows.is_file() {
            return Ok(Part::absent("the Numenta benchmark", "there is no nab/windows.json"));
        }
        let text = fs::read_to_string(&windows).with_context(|| format!("reading {}", windows.display()))?;
        let labels: BTreeMap<String, IgnoredAny> = serde_json::from_str(&text)
            .with_context(|| format!("{}: no object of files and their windows", windows.display()))?;
        let mut series = Vec::new();
        for name in labels.into_keys() {
            // The names say where outputs are written.
            let inside = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
            ensure!(inside, "{}: `{name}` leads out of the folder", windows.display());
            let found =
                [name.clone(), format!("{name}.gz")].map(|name| folder.join(name)).into_iter().find(|f| f.is_file());
            series.extend(found.map(|file| (name, file)));
        }
        if series.is_empty() {
            return Ok(Part::absent("the Numenta benchmark", "nab/ has none of the files that its windows.json names"));
        }
        Ok(Part::There(Self { windows, series }))
    }
}

/// As the scorer says it.
#[derive(Deserialize)]
struct Told {
    profile: String,
    files: u32,
    absent: Vec<String>,
    columns: Columns,
}

#[derive(Deserialize)]
struct Columns {
    score: NabScore,
    raw_score: NabScore,
}

pub(super) fn measure(product: &Product, files: &Files, outputs: &Path) -> Result<Nab> {
    // The scorer takes what lies there: nothing of an earlier run may.
    if outputs.exists() {
        fs::remove_dir_all(outputs).with_context(|| format!("emptying {}", outputs.display()))?;
    }
    for (at, (name, file)) in files.series.iter().enumerate() {
        eprintln!("xtask: Numenta benchmark {} of {}: {name}", at + 1, files.series.len());
        let out = outputs.join(name);
        let folder = out.parent().unwrap_or(outputs);
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        let (forest, stream, to) = (Path::new("forest"), Path::new("stream"), Path::new("--out"));
        product.run(&[forest, stream, file, to, &out])?;
    }
    let told = score(files, outputs)?;
    ensure!(
        usize::try_from(told.files).is_ok_and(|scored| scored == files.series.len()),
        "{SCORER} scored {} files of the {} that were streamed",
        told.files,
        files.series.len()
    );
    let commands = format!(
        "caduceus forest stream DIR/nab/FILE --out OUT/FILE; python3 -B {SCORER} OUT --windows DIR/nab/windows.json --allow-absent"
    );
    let Columns { score: gated, raw_score: ungated } = told.columns;
    Ok(Nab { commands, profile: told.profile, files: told.files, absent: told.absent, gated, ungated })
}

fn score(files: &Files, outputs: &Path) -> Result<Told> {
    let mut command = Command::new("python3");
    command.arg("-B").arg(root().join(SCORER)).arg(outputs).arg("--windows").arg(&files.windows).arg("--allow-absent");
    let shown = product::line("python3", &command.get_args().collect::<Vec<_>>());
    eprintln!("xtask: {shown}");
    product::read(&product::output_of(command, &shown)?, &shown)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    /// A folder with these files; gone when dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn with(name: &str, files: &[(&str, &str)]) -> Self {
            let folder = std::env::temp_dir().join(format!("xtask-nab-{name}-{}", std::process::id()));
            for (name, text) in files {
                let path = folder.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn labelled_series_are_taken_plain_or_packed_and_the_rest_is_left_to_the_scorer_to_name() {
        let windows = r#"{"g/a.csv": [], "g/b.csv": [["2020-01-01 00:00:00", "2020-01-02 00:00:00"]], "g/c.csv": []}"#;
        let folder =
            Folder::with("found", &[("windows.json", windows), ("g/a.csv", ""), ("g/b.csv.gz", ""), ("g/d.csv", "")]);
        let Part::There(files) = Files::find(&folder.0).unwrap() else { panic!("not found") };
        let [a, b] = ["g/a.csv", "g/b.csv.gz"].map(|name| folder.0.join(name));
        assert_eq!(files.series, [("g/a.csv".to_owned(), a), ("g/b.csv".to_owned(), b)]);
    }

    #[test]
    fn labels_that_lead_out_of_the_folder_are_refused() {
        let folder = Folder::with("outside", &[("windows.json", r#"{"../a.csv": []}"#)]);
        let error = Files::find(&folder.0).err().unwrap().to_string();
        assert!(error.contains("windows.json: `../a.csv` leads out"), "{error}");
    }

    #[test]
    fn labels_without_any_of_their_files_are_absent() {
        let folder = Folder::with("absent", &[("windows.json", r#"{"a.csv": []}"#)]);
        let Part::Absent(absent) = Files::find(&folder.0).unwrap() else { panic!("found") };
        assert!(absent.why.contains("none of the files"), "{}", absent.why);
    }
}
