//! D12 at the bedside: how well the continuous severity separates stress from rest, a second at a time.

use evaluate::detect::{Options, Profile, parse_mapping};
use recording::Columns;
use serde_json::Value;

use crate::support::{detect, shared, values, whole};

/// D12: plain and balanced area over the people. The set is confounded by its protocol: a raw heart rate reaches .649 and .644.
#[test]
fn the_severity_separates_stress_from_rest_as_well_as_the_raw_heart_rate_nearly() {
    let Some(file) = shared("wearable/stress_1hz.csv.gz") else { return };
    let columns = Columns {
        time: Some("Time(sec)".into()),
        person: Some("Participant".into()),
        label: Some("Label".into()),
        signals: ["heart_rate=HR", "respiration=respr"].map(|text| parse_mapping(text).unwrap()).to_vec(),
    };
    let options = Options { columns, ..Options::of(vec![file], Profile::Bedside) };
    let (told, _) = detect(whole(Profile::Bedside), &Options { json: true, ..options.clone() }).unwrap();
    let objects = values(&told);
    let mean = |key: &str| {
        let of = |object: &Value| object["evaluation"]["auroc"][key].as_f64().unwrap();
        objects.iter().map(of).sum::<f64>() / 17.0
    };
    let (plain, balanced) = (mean("plain"), mean("balanced"));
    println!("{} people: plain {plain:.3}, balanced {balanced:.3}", objects.len());
    assert_eq!(objects.len(), 17);
    assert!(plain >= 0.63 && balanced >= 0.63, "{plain} {balanced}");
    let (table, _) = detect(whole(Profile::Bedside), &options).unwrap();
    let last = table.lines().find(|line| line.starts_with("mean of all")).unwrap();
    assert!(last.contains(&format!("{plain:.3}")) && last.contains(&format!("{balanced:.3}")), "{last}");
}
