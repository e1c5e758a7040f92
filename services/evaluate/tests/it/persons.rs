//! Several persons in one file, and in several.

use evaluate::detect::{Options, Profile};
use recording::Columns;

use crate::support::{Folder, detect, plain, scores, scores_of, values};

#[test]
fn mixed_persons_are_watched_each_by_itself_and_rows_keep_their_order() {
    let folder = Folder::new();
    // Anna's saturation falls; Bert's does not.
    let spo2 = |person: &str, second: i64| if person == "Anna" && second > 60 { 80 } else { 97 };
    let mut mixed = "who,time,spo2\n".to_owned();
    let mut alone = [String::from("time,spo2\n"), String::from("time,spo2\n")];
    for second in 0..120 {
        for (own, person) in alone.iter_mut().zip(["Anna", "Bert"]) {
            let value = spo2(person, second);
            mixed += &format!("{person},{second},{value}\n");
            *own += &format!("{second},{value}\n");
        }
    }
    let file = folder.write("ward.csv", mixed);
    let (out, columns) = (folder.path("scores.csv"), Columns { person: Some("who".into()), ..Columns::default() });
    let options =
        Options { columns, json: true, scores: Some(out.clone()), ..Options::of(vec![file], Profile::Bedside) };
    let detector = plain(Profile::Bedside);
    let objects = values(&detect(&detector, &options).unwrap().0);
    let rows = scores(&out);
    assert_eq!(rows.len(), 240);
    for ((at, person), content) in ["Anna", "Bert"].into_iter().enumerate().zip(&alone) {
        let own = scores_of(&detector, &folder.write(&format!("{person}.csv"), content));
        let of_ward: Vec<_> = rows.iter().skip(at).step_by(2).cloned().collect();
        assert_eq!(of_ward, own);
        assert_eq!(objects[at]["person"], person);
    }
    assert_eq!(objects[0]["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(objects[1]["alerts"].as_array().unwrap().len(), 0);
}

#[test]
fn a_row_without_a_person_is_refused_and_belongs_to_nobody() {
    let folder = Folder::new();
    let file = folder.write("w.csv", "time,who,hr\n0,A,70\n1,,70\n2,A,70\n");
    let out = folder.path("s.csv");
    let columns = Columns { person: Some("who".into()), ..Columns::default() };
    let options = Options { columns, scores: Some(out.clone()), ..Options::of(vec![file], Profile::Bedside) };
    let (told, notes) = detect(&plain(Profile::Bedside), &options).unwrap();
    let rows = scores(&out);
    assert_eq!(rows[1], ["1", "", "", "refused"].map(str::to_owned));
    assert!(notes.contains("w.csv, line 3, column who: refused: the person could not be read"), "{notes}");
    assert_eq!(told.lines().count(), 2, "one person: {told}");
}

#[test]
fn files_come_one_after_the_other_each_with_a_person_of_its_own() {
    let folder = Folder::new();
    let files =
        vec![folder.write("A_1min.csv", "time,hr\n0,70\n60,71\n"), folder.write("B_1min.csv", "time,hr\n5,80\n")];
    let out = folder.path("s.csv");
    let options = Options { json: true, scores: Some(out.clone()), ..Options::of(files, Profile::Home) };
    let objects = values(&detect(&plain(Profile::Home), &options).unwrap().0);
    let persons: Vec<_> = objects.iter().map(|object| object["person"].as_str().unwrap()).collect();
    assert_eq!(persons, ["A", "B"]);
    let rows: Vec<String> = scores(&out).into_iter().map(|row| format!("{} {}", row[1], row[0])).collect();
    assert_eq!(rows, ["A 0", "A 60", "B 5"]);
    assert!(objects[0]["evaluation"].is_null() && objects[0]["file"].as_str().unwrap().ends_with("A_1min.csv"));
}
