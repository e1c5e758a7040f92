//! One chart a person.

use std::collections::BTreeSet;
use std::path::Path;

use crate::Error;

/// Writes charts, each with the person's name; where there are several, the name goes before the ending of the path.
pub(crate) fn write_each(path: &Path, charts: &[(&str, String)]) -> Result<(), Error> {
    let mut taken = BTreeSet::new();
    for (person, svg) in charts {
        let mut target = path.to_owned();
        if charts.len() > 1 {
            let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
            let name: String = person.chars().map(allowed).collect();
            let with = |number: usize| {
                let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
                let number = if number > 1 { format!("-{number}") } else { String::new() };
                let ending = path.extension().map_or_else(|| "svg".into(), |ending| ending.to_string_lossy());
                path.with_file_name(format!("{stem}-{name}{number}.{ending}"))
            };
            let mut number = 1;
            target = with(number);
            while !taken.insert(target.clone()) {
                number += 1;
                target = with(number);
            }
        }
        std::fs::write(&target, svg).map_err(Error::of_file(&target))?;
    }
    Ok(())
}
