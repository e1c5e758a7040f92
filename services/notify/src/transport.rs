//! The two ways a mail leaves.

mod file;
mod smtp;

use lettre::Message;

use crate::Result;
use crate::outbox::Failure;
use crate::settings::{Settings, TransportKind};

/// Hands over mails.
pub(crate) enum Transport {
    /// Writes them into a directory.
    File(file::FileTransport),
    /// Gives them to a mail server.
    Smtp(smtp::SmtpTransport),
}

impl Transport {
    /// The transport of the settings.
    ///
    /// # Errors
    /// [`Error::Settings`](crate::Error::Settings) or [`Error::Kit`](crate::Error::Kit) where a file that they name is missing or wrong.
    pub(crate) fn of(settings: &Settings) -> Result<Self> {
        match settings.transport {
            TransportKind::File => file::FileTransport::new(&settings.mail_dir).map(Self::File),
            TransportKind::Smtp => smtp::SmtpTransport::new(settings).map(Self::Smtp),
        }
    }

    /// Hands over one mail. `name` is the same whenever the same mail is handed over.
    pub(crate) async fn deliver(&self, name: &str, message: Message) -> std::result::Result<(), Failure> {
        match self {
            Self::File(files) => files.deliver(name, &message).await,
            Self::Smtp(server) => server.deliver(message).await,
        }
    }
}
