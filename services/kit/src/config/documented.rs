//! Settings that explain themselves: every key with its default, its unit and its meaning.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Configuration, Error, Result};

/// What a key means. Its default is not written here: it is read off `Default`, so that the two cannot differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The name, as in the structure.
    pub name: &'static str,
    /// The unit, or the values that are possible; empty where the meaning says it.
    pub unit: &'static str,
    /// What it does, in a sentence.
    pub meaning: &'static str,
    /// Of a key without default: a value as it could be, in TOML's spelling.
    pub sample: Option<&'static str>,
}

impl Key {
    /// A key with a default.
    pub const fn new(name: &'static str, unit: &'static str, meaning: &'static str) -> Self {
        Self { name, unit, meaning, sample: None }
    }

    /// A key without default; `sample` is shown, commented out.
    pub const fn optional(name: &'static str, unit: &'static str, meaning: &'static str, sample: &'static str) -> Self {
        Self { name, unit, meaning, sample: Some(sample) }
    }
}

/// Settings of one section of the configuration.
pub trait Documented: Serialize + DeserializeOwned + Default {
    /// The section's name in the file, in snake case.
    const SECTION: &'static str;
    /// What the section is about, in a sentence.
    const ABOUT: &'static str;
    /// Every key, in the order of the example.
    const KEYS: &'static [Key];

    /// Refuses what no type can: returns what is wrong and what to write instead, naming the keys.
    ///
    /// # Errors
    /// The reason.
    fn check(&self) -> std::result::Result<(), String> {
        Ok(())
    }
}

/// A section without its type: what the loader and the example need.
#[derive(Clone, Debug)]
pub struct Section {
    pub(super) name: &'static str,
    about: &'static str,
    pub(super) keys: &'static [Key],
    defaults: toml::Table,
}

impl Section {
    /// The section of these settings.
    ///
    /// # Errors
    /// [`Error::Configuration`] where the defaults have no TOML spelling.
    pub fn of<T: Documented>() -> Result<Self> {
        let defaults = toml::Table::try_from(T::default()).map_err(|error| Error::Configuration {
            place: format!("section [{}]", T::SECTION),
            reason: error.to_string(),
        })?;
        Ok(Self { name: T::SECTION, about: T::ABOUT, keys: T::KEYS, defaults })
    }

    pub(super) fn is_text(&self, key: &str) -> bool {
        let sampled =
            || self.keys.iter().any(|known| known.name == key && known.sample.is_some_and(|s| s.starts_with('"')));
        self.defaults.get(key).map_or_else(sampled, toml::Value::is_str)
    }

    fn write(&self, out: &mut String, samples: bool) {
        out.push_str(&format!("# {}\n[{}]\n", self.about, self.name));
        for key in self.keys {
            let unit = if key.unit.is_empty() { String::new() } else { format!(" ({})", key.unit) };
            out.push_str(&format!("# {}{unit}\n", key.meaning));
            match (self.defaults.get(key.name), key.sample) {
                (Some(default), _) => out.push_str(&format!("{} = {default}\n", key.name)),
                (None, Some(sample)) if samples => out.push_str(&format!("{} = {sample}\n", key.name)),
                (None, sample) => out.push_str(&format!("# {} = {}\n", key.name, sample.unwrap_or("…"))),
            }
        }
    }
}

/// A working file with every key, its default and its meaning.
pub fn example(sections: &[Section]) -> String {
    let mut out = String::from(
        "# Every key with its default. Each can also be set in the environment: CADUCEUS_<SECTION>__<KEY>.\n",
    );
    for section in sections {
        out.push('\n');
        section.write(&mut out, false);
    }
    out
}

/// For the test of every settings type: the example must parse, equal the defaults, document every key once and nothing else, and its samples
/// must be accepted.
///
/// # Errors
/// What does not hold.
pub fn check_documented<T: Documented>() -> std::result::Result<(), String> {
    let section = Section::of::<T>().map_err(|error| error.to_string())?;
    for key in section.keys {
        if section.keys.iter().filter(|other| other.name == key.name).count() != 1 {
            return Err(format!("{} is documented twice", key.name));
        }
        if key.meaning.is_empty() || key.meaning.contains('\n') {
            return Err(format!("{} needs a meaning on one line", key.name));
        }
        if section.defaults.contains_key(key.name) == key.sample.is_some() {
            return Err(format!("{} needs either a default or a sample", key.name));
        }
    }
    if let Some(missing) = section.defaults.keys().find(|name| !section.keys.iter().any(|key| key.name == *name)) {
        return Err(format!("{missing} has a default but is not documented"));
    }
    let read = |text: &str| -> std::result::Result<T, String> {
        let dir = std::env::temp_dir().join(format!("caduceus-example-{}-{}.toml", std::process::id(), T::SECTION));
        std::fs::write(&dir, text).map_err(|error| error.to_string())?;
        let read =
            Configuration::load_from(Some(&dir), std::slice::from_ref(&section), []).and_then(|all| all.section());
        let _ = std::fs::remove_file(&dir);
        read.map_err(|error| error.to_string())
    };
    let again =
        toml::Table::try_from(read(&example(std::slice::from_ref(&section)))?).map_err(|error| error.to_string())?;
    if again != section.defaults {
        return Err(format!("the example reads as {again}, the defaults are {}", section.defaults));
    }
    // Samples may contradict each other or the defaults as settings, but each must be of the right type and name.
    let mut text = String::new();
    section.write(&mut text, true);
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let values = table.get(T::SECTION).cloned().ok_or("the section is missing")?;
    values.try_into::<T>().map(|_| ()).map_err(|error| error.to_string())
}
