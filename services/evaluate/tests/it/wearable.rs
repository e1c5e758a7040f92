//! D12 on real people: who is found before or while falling ill, and how often somebody is alerted who is well.

use std::collections::BTreeSet;

use evaluate::detect::{Options, Profile};
use serde_json::Value;

use crate::support::{Folder, detect, shared, values, whole};

const PEOPLE: [&str; 4] = ["A3OU183", "A4G0044", "AJ7TSV9", "AS2MVDL"];

fn options() -> Option<Options> {
    let files =
        PEOPLE.iter().map(|name| shared(&format!("wearable/{name}_1min.csv.gz"))).collect::<Option<Vec<_>>>()?;
    Some(Options { labels: Some(shared("wearable/onset.csv")?), ..Options::of(files, Profile::Home) })
}

fn days(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|day| day.as_str().unwrap().to_owned()).collect()
}

/// D12: the figures, by the platform's detector, from the command's own objects and its table.
#[test]
fn four_of_four_are_found_with_at_most_0_77_false_alert_days_in_30() {
    let Some(options) = options() else { return };
    let (told, _) = detect(whole(Profile::Home), &Options { json: true, ..options.clone() }).unwrap();
    let (mut found, mut false_days, mut well_days) = ([0; 3], [0; 3], 0);
    for (object, name) in values(&told).iter().zip(PEOPLE) {
        assert_eq!(object["person"], name);
        let evaluation = &object["evaluation"];
        let rivals = &evaluation["rivals"];
        for (at, of) in [evaluation, &rivals["z_above_1.5"], &rivals["two_nights_4_above"]].into_iter().enumerate() {
            found[at] += u64::from(of["found"].as_bool().unwrap());
            false_days[at] += of["false_alert_days"].as_u64().unwrap();
        }
        well_days += evaluation["well_days_monitored"].as_u64().unwrap();
        // The days between start and end of the alerts are the alert-days.
        let mut between = BTreeSet::new();
        for alert in object["alerts"].as_array().unwrap() {
            let [start, end] = ["start", "end"].map(|key| alert[key].as_str().unwrap());
            assert!(start <= end, "{alert}");
            let mut day: jiff::civil::Date = start[..10].parse().unwrap();
            while day.to_string().as_str() <= &end[..10] {
                between.insert(day.to_string());
                day = day.tomorrow().unwrap();
            }
            assert!(alert["route"] != "drift" || start[..10] == end[..10], "{alert}");
        }
        assert_eq!(between, days(&evaluation["alert_days"]), "{name}");
        println!("{name}: {evaluation}");
    }
    let rate =
        |days: u64| f64::from(u32::try_from(days).unwrap()) * 30.0 / f64::from(u32::try_from(well_days).unwrap());
    println!("found {found:?} of 4; false {:?} per 30 in {well_days} days", false_days.map(rate));
    assert_eq!((found[0], well_days), (4, 78));
    assert!(rate(false_days[0]) <= 0.77, "{false_days:?}");
    // The rule that it is held against, as computed elsewhere: 3 of 4, 2.31.
    assert_eq!((found[1], false_days[1]), (3, 6));
}

/// The same as a table, charts beside it.
#[test]
fn the_table_says_the_same_in_its_last_lines() {
    let Some(options) = options() else { return };
    let folder = Folder::new();
    let options = Options { chart: Some(folder.path("people.svg")), ..options };
    let (told, _) = detect(whole(Profile::Home), &options).unwrap();
    println!("{told}");
    for expected in [
        "detector: found 4 of 4; false alert-days per 30 monitored days: 0.77\n",
        "z > 1.5: found 3 of 4; false alert-days per 30 monitored days: 2.31\n",
        "two nights +4/min: found ",
    ] {
        assert!(told.contains(expected), "{expected}");
    }
    for name in PEOPLE {
        let svg = std::fs::read_to_string(folder.path(&format!("people-{name}.svg"))).unwrap();
        assert!(svg.contains("first symptoms ") && svg.contains("alert "), "{name}");
    }
}
