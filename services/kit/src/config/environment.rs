//! `CADUCEUS_<SECTION>__<KEY>` as a figment provider over variables that are given.

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::{PREFIX, Section};

/// How figment's messages name this provider.
pub(super) const NAME: &str = "environment variables";

/// The variable of a key.
pub(super) fn variable(path: &[&str]) -> String {
    format!("{PREFIX}{}", path.join("__").to_uppercase())
}

/// The variables that are ours, as values by section and key.
pub(super) struct Environment(Dict);

impl Environment {
    /// Variables without `__` are not settings (`CADUCEUS_CACHE` is one of the tests') and are passed over.
    pub(super) fn of(variables: impl IntoIterator<Item = (String, String)>, sections: &[Section]) -> Self {
        let mut all: std::collections::BTreeMap<String, Dict> = std::collections::BTreeMap::new();
        for (name, text) in variables {
            let Some((section, key)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once("__")) else {
                continue;
            };
            let (section, key) = (section.to_lowercase(), key.to_lowercase());
            let is_text = sections.iter().any(|known| known.name == section && known.is_text(&key));
            // "1234" for a text stays text; everything else is read as TOML's values are.
            let value = if is_text { Value::from(text) } else { text.parse().unwrap_or_else(|never| match never {}) };
            all.entry(section).or_default().insert(key, value);
        }
        Self(all.into_iter().map(|(section, keys)| (section, Value::from(keys))).collect())
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(NAME)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}
