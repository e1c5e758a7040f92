//! Agreement with scikit-learn 1.9 on published anomaly sets, where they are at hand.

use crate::fit;
use ndarray::Array2;
use std::io::Read;
use std::path::Path;

/// Set, scikit-learn's mean AUROC over ten seeds, its standard deviation (100 trees, ψ = 256 or all rows).
const TABLE: [(&str, f64, f64); 20] = [
    ("breastw", 0.987, 0.001),
    ("wine", 0.801, 0.023),
    ("glass", 0.786, 0.015),
    ("pima", 0.671, 0.007),
    ("yeast", 0.396, 0.007),
    ("stamps", 0.890, 0.013),
    ("letter", 0.639, 0.015),
    ("thyroid", 0.978, 0.004),
    ("ionosphere", 0.846, 0.006),
    ("wdbc", 0.988, 0.003),
    ("annthyroid", 0.818, 0.017),
    ("fault", 0.574, 0.012),
    ("mammography", 0.861, 0.008),
    ("satellite", 0.701, 0.020),
    ("waveform", 0.720, 0.021),
    ("spambase", 0.632, 0.019),
    ("optdigits", 0.719, 0.047),
    ("landsat", 0.479, 0.025),
    ("shuttle", 0.997, 0.001),
    ("magic-gamma", 0.721, 0.011),
];

fn read(name: &str) -> Option<(Array2<f64>, Vec<bool>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../../shared/data/tabular/{name}.csv.gz"));
    let file = std::fs::File::open(path).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let (features, label) = line.rsplit_once(',').unwrap();
        values.extend(features.split(',').map(|cell| cell.parse::<f64>().unwrap()));
        labels.push(label.trim().parse::<f64>().unwrap() > 0.5);
    }
    let columns = values.len() / labels.len();
    Some((Array2::from_shape_vec((labels.len(), columns), values).unwrap(), labels))
}

/// Area under the receiver operating characteristic by ranks, ties counted half (Mann, Whitney).
fn auroc(scores: &[f64], labels: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut at, mut rank_sum) = (0, 0.0);
    while at < order.len() {
        let tied = order[at..].iter().take_while(|row| scores[**row] == scores[order[at]]).count();
        let rank = at as f64 + (tied as f64 + 1.0) / 2.0;
        rank_sum += rank * order[at..at + tied].iter().filter(|row| labels[**row]).count() as f64;
        at += tied;
    }
    let positive = labels.iter().filter(|label| **label).count() as f64;
    (rank_sum - positive * (positive + 1.0) / 2.0) / (positive * (labels.len() as f64 - positive))
}

#[test]
fn areas_under_the_curve_agree_with_scikit_learn_on_published_sets() {
    for (name, mean, sd) in TABLE {
        let Some((data, labels)) = read(name) else {
            println!("skipped {name}: ../shared/data/tabular is not here");
            continue;
        };
        let areas: Vec<f64> = (0..10)
            .map(|seed| {
                let forest = fit(&data, 100, data.nrows().min(256), seed).unwrap();
                auroc(&forest.scores(data.view()).unwrap(), &labels)
            })
            .collect();
        let ours = areas.iter().sum::<f64>() / 10.0;
        // The table is rounded to three digits.
        let allowed = 3.0 * (2.0 * sd * sd / 10.0).sqrt() + 0.0005;
        println!("{name}: {ours:.4}, scikit-learn {mean:.3}, allowed ± {allowed:.4}");
        assert!((ours - mean).abs() <= allowed, "{name}: {ours:.4} against {mean:.3} ± {allowed:.4}");
    }
}
