//! A real SMTP server, aiosmtpd: STARTTLS, AUTH, a mailbox and faults on demand, on 127.0.0.1.
//!
//! ```no_run
//! use std::time::Duration;
//! use testkit::smtp::{Options, Server};
//!
//! let mut server = Server::start(&Options::default())?;
//! println!("port {}, trust {}", server.port(), server.ca_file().display());
//! let mails = server.wait_for(1, Duration::from_secs(10))?;
//! println!("{}", String::from_utf8_lossy(&mails[0].content));
//! # anyhow::Ok(())
//! ```

mod certificates;
mod fetch;
mod server;

pub use certificates::Certificates;
pub use fetch::{VERSION, fetch};
pub use server::{Fault, Mail, Options, PASSWORD, Server, USER};

/// A fresh server for the named test, or `None` after saying on stderr which test is skipped and why.
///
/// # Errors
/// Where no server can be had and `CI=true`, or a fetched server does not start.
pub fn server_for(test: &str, options: &Options) -> anyhow::Result<Option<Server>> {
    if let Err(reason) = fetch() {
        let required = std::env::var("CI").is_ok_and(|value| value == "true");
        anyhow::ensure!(!required, "{test} needs aiosmtpd {VERSION}: {reason:#}");
        eprintln!("SKIPPED {test}: it needs aiosmtpd {VERSION}: {reason:#}");
        return Ok(None);
    }
    Server::start(options).map(Some)
}
