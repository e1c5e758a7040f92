//! What `iforest` is asked to do.

use std::hint::black_box;

use anyhow::{Context as _, Result, bail, ensure};
use iforest::streaming::{StreamingForest, StreamingForestParams};
use iforest::{IsolationForest, IsolationForestParams};
use linfa::DatasetBase;
use linfa::traits::Fit as _;
use ndarray::{Array1, Array2, Axis, Slice};

/// For the report.
pub(crate) const SETTINGS: &str =
    "100 trees × 256, batch layout made beforehand, one thread; stream: 50 trees × 256, stream-small: 10 × 64";

type Job<'a> = Box<dyn FnMut() -> Result<f64> + 'a>;

pub(crate) struct Ours {
    rows: Array2<f64>,
    data: DatasetBase<Array2<f64>, Array1<()>>,
    /// The same, column after column in memory.
    columns: DatasetBase<Array2<f64>, Array1<()>>,
    forest: IsolationForest<f64>,
    one_tree: IsolationForest<f64>,
    stream: StreamingForest,
    small: StreamingForest,
    scores: Vec<f64>,
    /// The next row of those that are scored one at a time.
    at: usize,
}

impl Ours {
    pub(crate) fn new(rows: Array2<f64>) -> Result<Self> {
        let data = DatasetBase::from(rows.clone());
        let columns = DatasetBase::from(rows.t().as_standard_layout().into_owned().reversed_axes());
        let forest = params(100).fit(&data)?;
        forest.prepare_batch();
        let one_tree = params(1).fit(&data)?;
        let (stream, small) = (stream(50, 256, rows.ncols())?, stream(10, 64, rows.ncols())?);
        let scores = vec![0.0; rows.nrows()];
        Ok(Self { rows, data, columns, forest, one_tree, stream, small, scores, at: 0 })
    }

    /// Makes ready what is not measured; the returned job is what is.
    pub(crate) fn prepare<'a>(&'a mut self, work: &str, units: usize) -> Result<Job<'a>> {
        let Self { rows, data, columns, forest, one_tree, stream, small, scores, at } = self;
        match work {
            "batch" => {
                ensure!(units <= rows.nrows(), "{units} rows asked for of {}", rows.nrows());
                let (rows, scores) =
                    (rows.slice_axis(Axis(0), Slice::from(..units)), scores.get_mut(..units).unwrap_or_default());
                Ok(Box::new(move || {
                    forest.score_batch(rows, scores)?;
                    Ok(scores.iter().sum())
                }))
            }
            "row" => Ok(one_by_one(rows, at, units, |row| Ok(forest.score(row)?))),
            "call" => Ok(one_by_one(rows, at, units, |row| Ok(one_tree.score(row)?))),
            "stream" => Ok(one_by_one(rows, at, units, |row| follow(stream, row))),
            "stream-small" => Ok(one_by_one(rows, at, units, |row| follow(small, row))),
            "fit" => Ok(fits(data, units)),
            "fit-columns" => Ok(fits(columns, units)),
            _ => bail!("no work {work:?}"),
        }
    }
}

fn fits(data: &DatasetBase<Array2<f64>, Array1<()>>, units: usize) -> Job<'_> {
    Box::new(move || {
        let mut trees = 0;
        for _ in 0..units {
            let forest: IsolationForest<f64> = params(100).fit(black_box(data))?;
            trees += black_box(forest).trees();
        }
        Ok(trees as f64)
    })
}

/// Rows one a call, going on where the last round stopped, from the beginning again after the last.
fn one_by_one<'a>(
    rows: &'a Array2<f64>,
    at: &'a mut usize,
    units: usize,
    mut score: impl FnMut(&[f64]) -> Result<f64> + 'a,
) -> Job<'a> {
    Box::new(move || {
        let mut sum = 0.0;
        for _ in 0..units {
            let row = rows.row(*at);
            sum += score(black_box(row.as_slice().context("a row is not contiguous")?))?;
            *at = (*at + 1) % rows.nrows();
        }
        Ok(sum)
    })
}

/// The score of a point before it is learned.
fn follow(forest: &mut StreamingForest, row: &[f64]) -> Result<f64> {
    let score = forest.score(row)?;
    forest.learn(row)?;
    Ok(score)
}

/// Scores of the labelled rows: of the forest fitted on them, or of each before it is learned.
pub(crate) fn scores(work: &str, labelled: &Array2<f64>) -> Result<Vec<f64>> {
    match work {
        "batch" => {
            let forest: IsolationForest<f64> = params(100).fit(&DatasetBase::from(labelled.view()))?;
            Ok(forest.scores(labelled.view())?)
        }
        "stream" | "stream-small" => {
            let (trees, sample) = if work == "stream" { (50, 256) } else { (10, 64) };
            let mut forest = stream(trees, sample, labelled.ncols())?;
            let rows = labelled.rows().into_iter();
            rows.map(|row| follow(&mut forest, row.as_slice().context("a row is not contiguous")?)).collect()
        }
        _ => bail!("no scores for {work:?}"),
    }
}

fn params(trees: usize) -> IsolationForestParams {
    IsolationForestParams::new().trees(trees).sample_size(256).seed(1)
}

fn stream(trees: usize, sample: usize, features: usize) -> Result<StreamingForest> {
    Ok(StreamingForestParams::new().trees(trees).sample_size(sample).seed(1).forest(features)?)
}
