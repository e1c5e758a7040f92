//! Where what was fetched is kept, outside the work tree.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// `$CADUCEUS_CACHE`, else `caduceus` below `$XDG_CACHE_HOME`, else below `~/.cache`.
pub(crate) fn folder() -> anyhow::Result<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    of("CADUCEUS_CACHE")
        .or_else(|| of("XDG_CACHE_HOME").map(|cache| cache.join("caduceus")))
        .or_else(|| of("HOME").map(|home| Path::new(&home).join(".cache/caduceus")))
        .context("none of CADUCEUS_CACHE, XDG_CACHE_HOME and HOME is set, so there is no place for a cache")
}
