//! `.eml` files: written whole, readable by the owner only. Writing a mail again replaces the file by its equal.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use lettre::Message;

use crate::Result;
use crate::outbox::Failure;

pub(crate) struct FileTransport {
    dir: PathBuf,
}

impl FileTransport {
    pub(super) fn new(dir: &str) -> Result<Self> {
        let dir = Path::new(dir).to_owned();
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|source| {
            kit::Error::Environment { doing: format!("make the mail directory {}", dir.display()), source }
        })?;
        Ok(Self { dir })
    }

    pub(super) async fn deliver(&self, name: &str, message: &Message) -> std::result::Result<(), Failure> {
        let (path, bytes) = (self.dir.join(name), message.formatted());
        let written = tokio::task::spawn_blocking(move || kit::write_atomic(&path, &bytes, 0o600)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::Passing(error.to_string())),
            Err(error) => Err(Failure::Passing(error.to_string())),
        }
    }
}
