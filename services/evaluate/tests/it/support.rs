//! Files to read and to write, and the command on them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use evaluate::Error;
use evaluate::detect::{self, Options, Profile};
use serde_json::Value;
use vitals::{Detector, Settings};

/// A folder of files.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    pub(crate) fn gzip(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(content.as_ref()).unwrap();
        self.write(name, gz.finish().unwrap())
    }
}

/// The platform's detector, forest included.
pub(crate) fn whole(profile: Profile) -> &'static Detector {
    static BOTH: OnceLock<[Detector; 2]> = OnceLock::new();
    let both = BOTH.get_or_init(|| {
        let cohort = physiology::reference_cohort(1).unwrap();
        [Settings::home(), Settings::bedside()].map(|settings| Detector::new(cohort.clone(), settings).unwrap())
    });
    let [home, bedside] = both;
    if profile == Profile::Home { home } else { bedside }
}

/// The same without a forest: it is there at once.
pub(crate) fn plain(profile: Profile) -> Detector {
    let settings = if profile == Profile::Home { Settings::home() } else { Settings::bedside() };
    Detector::without_forest(settings).unwrap()
}

/// Runs the command: what it prints, and its remarks.
pub(crate) fn detect(detector: &Detector, options: &Options) -> Result<(String, String), Error> {
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    detect::run_with(detector, options, &mut out, &mut notes, &mut |_, _| ())?;
    Ok((String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap()))
}

/// Runs the command on files without a forest; objects of the persons.
pub(crate) fn objects(profile: Profile, files: &[&Path]) -> Vec<Value> {
    let files = files.iter().map(|file| file.to_path_buf()).collect();
    let options = Options { json: true, ..Options::of(files, profile) };
    values(&detect(&plain(profile), &options).unwrap().0)
}

pub(crate) fn values(told: &str) -> Vec<Value> {
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Rows of a file of scores, without its header: time, person, score, state.
pub(crate) fn scores(path: &Path) -> Vec<[String; 4]> {
    let text = std::fs::read_to_string(path).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    assert_eq!(header, "time,person,score,state");
    let cells = |row: &str| -> [String; 4] {
        let cells: Vec<String> = row.split(',').map(str::to_owned).collect();
        cells.try_into().unwrap()
    };
    rows.lines().map(cells).collect()
}

/// Scores of one file.
pub(crate) fn scores_of(detector: &Detector, file: &Path) -> Vec<[String; 4]> {
    let folder = Folder::new();
    let out = folder.path("scores.csv");
    let options = Options { scores: Some(out.clone()), ..Options::of(vec![file.to_owned()], Profile::Home) };
    detect(detector, &options).unwrap();
    scores(&out)
}

/// A file of the shared data; `None`, and a word about it, where it is absent.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    let there = path.exists();
    if !there {
        println!("skipped {name}: {} is not here", path.display());
    }
    there.then_some(path)
}

/// Seconds of one vital as a recording.
pub(crate) fn seconds(signal: &str, values: impl IntoIterator<Item = i64>) -> String {
    let rows: String = (0..).zip(values).map(|(second, value)| format!("{second},{value}\n")).collect();
    format!("time,{signal}\n{rows}")
}
