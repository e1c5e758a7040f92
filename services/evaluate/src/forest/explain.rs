//! `forest explain`: which columns made a row's score.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::score::Scored;
use super::table::Table;
use super::{Model, Progress, counted};
use crate::Error;

/// Most rows that are explained at once.
const TOP_MAX: usize = 100_000;

/// Which rows to explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one, from 1, the header not counted.
    Row(u64),
    /// So many of the highest scores, the highest first; of equal ones the earlier row.
    Top(usize),
}

/// What to explain.
#[derive(Clone, Debug)]
pub struct ExplainOptions {
    /// The table, as for [`super::score`].
    pub file: PathBuf,
    /// The model.
    pub model: PathBuf,
    /// Which rows.
    pub which: Which,
    /// One JSON object a line and row, instead of a table.
    pub json: bool,
}

/// A row that is to be explained.
struct Picked {
    /// From 1, the header not counted.
    row: u64,
    line: u64,
    values: Vec<f64>,
    score: f64,
}

/// Prints for each of the rows its score, the score that is expected of any row, and one contribution a column; these sum to
/// score − expected, up to rounding.
///
/// # Errors
/// [`Error`]; [`Error::Usage`] where there is no such row.
pub fn explain(options: &ExplainOptions, out: &mut dyn Write, progress: Progress<'_>) -> Result<(), Error> {
    match options.which {
        Which::Row(0) => return Err(Error::Usage("rows are counted from 1, the header not among them".into())),
        Which::Top(rows) if rows == 0 || rows > TOP_MAX => {
            return Err(Error::Usage(format!("the top {rows} rows asked for; ask for 1 to {TOP_MAX}")));
        }
        _ => {}
    }
    let model = Model::read(&options.model)?;
    let mut table = Table::open(&options.file)?;
    let mut scored = Scored::begin(&model, &table)?;
    let (mut picked, mut seen) = (Vec::new(), 0_u64);
    while scored.next_block(&mut table, progress)? {
        for (at, (row, score)) in scored.rows.iter().zip(&scored.scores).enumerate() {
            seen += 1;
            if matches!(options.which, Which::Row(asked) if asked != seen) {
                continue;
            }
            picked.push(Picked { row: seen, line: row.line, values: scored.values_of(at).to_owned(), score: *score });
        }
        match options.which {
            Which::Row(_) if !picked.is_empty() => break,
            Which::Row(_) => {}
            Which::Top(rows) => {
                // Stable: the earlier of equal ones stays before.
                picked.sort_by(|a, b| b.score.total_cmp(&a.score));
                picked.truncate(rows);
            }
        }
    }
    if picked.is_empty() {
        let rows = counted(usize::try_from(seen).unwrap_or(usize::MAX), "row");
        return Err(match options.which {
            Which::Row(asked) if seen > 0 => {
                Error::Usage(format!("{} has {rows}; there is no row {asked}", options.file.display()))
            }
            _ => table.wrong("there is no row"),
        });
    }
    for picked in &picked {
        let told = if options.json { object(&model, picked)? } else { text(&model, picked)? };
        out.write_all(told.as_bytes()).map_err(Error::Output)?;
    }
    Ok(())
}

/// The expected score, and one contribution a column.
fn shares(model: &Model, picked: &Picked) -> Result<(f64, Vec<f64>), Error> {
    let mut shares = vec![0.0; picked.values.len()];
    let explanation = model.forest().contributions(&picked.values, &mut shares)?;
    Ok((explanation.expected, shares))
}

fn object(model: &Model, picked: &Picked) -> Result<String, Error> {
    let (expected, shares) = shares(model, picked)?;
    let named = |values: &[f64]| -> Map<String, Value> {
        model.columns().iter().cloned().zip(values.iter().map(|value| json!(value))).collect()
    };
    let object = json!({
        "row": picked.row,
        "line": picked.line,
        "score": picked.score,
        "expected": expected,
        "values": named(&picked.values),
        "contributions": named(&shares),
    });
    Ok(format!("{object}\n"))
}

/// The columns with the largest contributions first.
fn text(model: &Model, picked: &Picked) -> Result<String, Error> {
    let (expected, shares) = shares(model, picked)?;
    let mut columns: Vec<(&str, String, f64)> = model
        .columns()
        .iter()
        .zip(&picked.values)
        .zip(&shares)
        .map(|((name, value), share)| (name.as_str(), value.to_string(), *share))
        .collect();
    columns.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()));
    let widest = |texts: &mut dyn Iterator<Item = usize>, title: &str| texts.chain([title.len()]).max().unwrap_or(0);
    let names = widest(&mut columns.iter().map(|(name, ..)| name.chars().count()), "column");
    let values = widest(&mut columns.iter().map(|(_, value, _)| value.len()), "value");
    let mut out = format!(
        "row {} (line {}): score {:.4}, expected {expected:.4}\n  {:names$}  {:>values$}  contribution\n",
        picked.row, picked.line, picked.score, "column", "value"
    );
    for (name, value, share) in columns {
        out += &format!("  {name:names$}  {value:>values$}  {share:>+12.4}\n");
    }
    Ok(out)
}
