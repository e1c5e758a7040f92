//! Configuration: one TOML file with a section a service, and above it the environment as `CADUCEUS_<SECTION>__<KEY>`.
//! An unknown key is refused, with its place and the nearest known one: a misspelt setting never passes in silence.

mod documented;
mod environment;

use std::path::Path;

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Metadata};

pub use documented::{Documented, Key, Section, check_documented, example};
use environment::Environment;

use crate::{Error, Result};

/// What precedes `<SECTION>__<KEY>` in the environment.
pub const PREFIX: &str = "CADUCEUS_";

/// The settings of all sections, from file and environment, known to hold known keys only.
#[derive(Clone, Debug)]
pub struct Configuration {
    figment: Figment,
}

impl Configuration {
    /// Reads the file (where one is named) and the process's environment. All sections that may stand in the file are given,
    /// also those that this process does not use.
    ///
    /// # Errors
    /// [`Error::Environment`] where the file cannot be read, [`Error::Configuration`] where it is no TOML or a key is unknown.
    pub fn load(file: Option<&Path>, sections: &[Section]) -> Result<Self> {
        // What is not UTF-8 cannot be one of our names; a value that is not is refused by its type.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
        Self::load_from(file, sections, variables)
    }

    /// As [`load`](Self::load), with an environment that is given.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_from(
        file: Option<&Path>,
        sections: &[Section],
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let mut figment = Figment::new();
        if let Some(path) = file {
            let place = || path.display().to_string();
            let text =
                std::fs::read_to_string(path).map_err(|error| Error::at("read the configuration", path, error))?;
            // Parsed here too for the line and column in the message.
            text.parse::<toml::Table>()
                .map_err(|error| Error::Configuration { place: place(), reason: error.to_string() })?;
            figment = figment.merge(Toml::file_exact(path));
        }
        figment = figment.merge(Environment::of(variables, sections));
        let all: Dict = figment.extract().map_err(|error| refused(&error, &[]))?;
        for (name, value) in &all {
            refuse_unknown(&figment, sections, name, value)?;
        }
        Ok(Self { figment })
    }

    /// The settings of one section: its defaults, with what was set above them, checked.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a value of the wrong type or one that [`Documented::check`] refuses.
    pub fn section<T: Documented>(&self) -> Result<T> {
        let value: T = Figment::from(Serialized::default(T::SECTION, T::default()))
            .merge(&self.figment)
            .focus(T::SECTION)
            .extract()
            .map_err(|error| refused(&error, &[T::SECTION]))?;
        value.check().map_err(|reason| Error::Configuration { place: format!("section [{}]", T::SECTION), reason })?;
        Ok(value)
    }
}

fn refuse_unknown(figment: &Figment, sections: &[Section], name: &str, value: &Value) -> Result<()> {
    let Some(section) = sections.iter().find(|section| section.name == name) else {
        let known = sections.iter().map(|section| section.name);
        return Err(unknown(figment, value, &[name], "section", known));
    };
    let Some(keys) = value.as_dict() else {
        let place = place(figment.get_metadata(value.tag()), &[name]);
        return Err(Error::Configuration {
            place,
            reason: format!("{name} is a section: write [{name}] and its keys below"),
        });
    };
    for (key, value) in keys {
        if !section.keys.iter().any(|known| known.name == key) {
            return Err(unknown(figment, value, &[name, key], "key", section.keys.iter().map(|known| known.name)));
        }
    }
    Ok(())
}

fn unknown<'a>(
    figment: &Figment,
    value: &Value,
    path: &[&str],
    what: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Error {
    let name = path.last().copied().unwrap_or_default();
    let nearest = known.clone().map(|other| (distance(name, other), other)).min();
    let hint = match nearest {
        Some((distance, other)) if distance <= name.len().div_ceil(3) => format!("did you mean {other:?}?"),
        _ => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
    };
    // A table has no tag of its own place; its first value has.
    let tag = value.as_dict().and_then(|dict| dict.values().next()).unwrap_or(value).tag();
    Error::Configuration {
        place: place(figment.get_metadata(tag), path),
        reason: format!("unknown {what} {name:?}; {hint}"),
    }
}

fn refused(error: &figment::Error, within: &[&str]) -> Error {
    let path: Vec<&str> = within.iter().copied().chain(error.path.iter().map(String::as_str)).collect();
    Error::Configuration { place: place(error.metadata.as_ref(), &path), reason: error.kind.to_string() }
}

/// `file: section.key`, or the environment variable.
fn place(metadata: Option<&Metadata>, path: &[&str]) -> String {
    let dotted = path.join(".");
    match metadata {
        Some(metadata) if metadata.name == environment::NAME => {
            format!("environment variable {}", environment::variable(path))
        }
        Some(metadata) => match metadata.source.as_ref().and_then(|source| source.file_path()) {
            Some(file) => format!("{}: {dotted}", file.display()),
            None => dotted,
        },
        None => dotted,
    }
}

/// Levenshtein's edit distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn edit_distances_are_those_of_the_literature() {
        for (a, b, expected) in [("kitten", "sitting", 3), ("", "abc", 3), ("flaw", "lawn", 2), ("same", "same", 0)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }
}
