//! How a command fails, and the exit code that says so.

use std::fmt;
use std::process::ExitCode;

/// Why a command did not do what was asked. The message is in `error`, what to do next included.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The thing checked is wrong, or does not decode: exit 1.
    Wrong(anyhow::Error),
    /// Wrong usage or configuration: exit 2.
    Usage(anyhow::Error),
    /// Disk, port or broker: exit 3.
    Environment(anyhow::Error),
}

/// What every command returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Wrong(_) => 1,
            Self::Usage(_) => 2,
            Self::Environment(_) => 3,
        })
    }

    pub(crate) fn wrong(message: impl fmt::Display) -> Self {
        Self::Wrong(anyhow::anyhow!("{message}"))
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(anyhow::anyhow!("{message}"))
    }

    pub(crate) fn environment(message: impl fmt::Display) -> Self {
        Self::Environment(anyhow::anyhow!("{message}"))
    }
}

impl From<recording::Error> for Failure {
    fn from(error: recording::Error) -> Self {
        evaluate::Error::Recording(error).into()
    }
}

impl From<evaluate::Error> for Failure {
    fn from(error: evaluate::Error) -> Self {
        match error.kind() {
            evaluate::Kind::Wrong => Self::wrong(error),
            evaluate::Kind::Usage => Self::usage(error),
            evaluate::Kind::Environment => Self::environment(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(error) | Self::Usage(error) | Self::Environment(error) => write!(f, "{error:#}"),
        }
    }
}

/// Sorts the errors of other crates into the three kinds.
pub(crate) trait OrFail<T> {
    /// The thing that was checked is wrong.
    fn or_wrong(self, context: impl fmt::Display) -> Outcome<T>;
    /// What was asked for makes no sense.
    fn or_usage(self, context: impl fmt::Display) -> Outcome<T>;
    /// The machine or another process failed.
    fn or_environment(self, context: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: fmt::Display> OrFail<T> for Result<T, E> {
    fn or_wrong(self, context: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Failure::wrong(format_args!("{context}: {error}")))
    }
    fn or_usage(self, context: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Failure::usage(format_args!("{context}: {error}")))
    }
    fn or_environment(self, context: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Failure::environment(format_args!("{context}: {error}")))
    }
}
