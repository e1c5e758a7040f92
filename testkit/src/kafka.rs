//! A real Apache Kafka broker: fetched with Maven, one node in KRaft mode, plaintext on 127.0.0.1.
//!
//! ```no_run
//! let broker = testkit::kafka::Broker::start(&[])?;
//! println!("{}", broker.bootstrap());
//! # anyhow::Ok(())
//! ```

mod broker;
mod fetch;

pub use broker::Broker;
pub use fetch::{VERSION, fetch};

/// Whether tests must not be skipped: `CI=true`.
pub fn required() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// A fresh broker for the named test, or `None` after saying on stderr which test is skipped and why.
///
/// # Errors
/// Where no broker can be had and `CI=true`, or a fetched broker does not start.
pub fn broker_for(test: &str, properties: &[(&str, &str)]) -> anyhow::Result<Option<Broker>> {
    if let Err(reason) = fetch() {
        anyhow::ensure!(!required(), "{test} needs Apache Kafka {VERSION}: {reason:#}");
        eprintln!("SKIPPED {test}: it needs Apache Kafka {VERSION}: {reason:#}");
        return Ok(None);
    }
    Broker::start(properties).map(Some)
}
