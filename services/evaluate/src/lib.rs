//! Commands that take recordings and tables in and give scores, figures and charts out.
//!
//! What is evaluated is what runs: [`detect`] drives `vitals`' own detector, row by row, and looks ahead nowhere; [`forecast`] says when a vital will
//! cross its limit, and how well that was foretold before; [`forest`] is the isolation forest alone. It is no
//! service: nothing waits, listens or remembers; files come in, files and text go out. What is computed from days, alerts and
//! labels is pure and stands in files of its own.
//!
//! ```
//! use evaluate::detect::{self, Options, Profile};
//! use vitals::{Detector, Settings};
//!
//! let path = std::env::temp_dir().join(format!("evaluate-example-{}.csv", std::process::id()));
//! let rows: String = (0..60).map(|second| format!("{second},{}\n", if second < 20 { 97 } else { 80 })).collect();
//! std::fs::write(&path, format!("time,spo2\n{rows}"))?;
//!
//! let options = Options { json: true, ..Options::of(vec![path.clone()], Profile::Bedside) };
//! let (mut out, mut notes) = (Vec::new(), Vec::new());
//! // `detect::run` takes the platform's own, forest included.
//! let detector = Detector::without_forest(Settings::bedside())?;
//! detect::run_with(&detector, &options, &mut out, &mut notes, &mut |_, _| ())?;
//! let told = String::from_utf8(out)?;
//! assert!(told.contains(r#""severity":"critical","route":"hard-limit","signals":["spo2"]"#), "{told}");
//! # std::fs::remove_file(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod auroc;
pub mod detect;
pub mod forecast;
pub mod forest;

mod aligned;
mod asked;
mod calendar;
mod draw;
mod error;
mod rows;
mod words;

pub use error::{Error, Kind};

/// Told how much is done of how much: bytes of a file, or seeds.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);
