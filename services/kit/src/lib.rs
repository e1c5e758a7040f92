//! What every service needs and none should write twice: a clock that is passed in, configuration from a file and the environment,
//! logs and metrics, health, an orderly end, and the keystore. It knows nothing of patients, chains or mail.
//!
//! ```
//! use kit::{Clock, ManualClock};
//!
//! let clock = ManualClock::at(1_000);
//! clock.advance(500);
//! assert_eq!(clock.now_ms(), 1_500);
//! clock.set(200); // time never goes back
//! assert_eq!(clock.now_ms(), 1_500);
//! ```

mod clock;
pub mod config;
mod error;
mod file;
mod health;
pub mod keystore;
mod passphrase;
mod port;
mod serve;
mod shutdown;
pub mod telemetry;

pub use clock::{Clock, ManualClock, SystemClock, Wait};
pub use config::{Configuration, Documented, Key, Section};
pub use error::{Error, Result};
pub use file::write_atomic;
pub use health::{Condition, Health, health_router};
pub use keystore::Keystore;
pub use passphrase::{Passphrase, Secret};
pub use port::Port;
pub use serve::{bind, serve};
pub use shutdown::Shutdown;
