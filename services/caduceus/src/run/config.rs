//! The configuration file of `run`: its sections, and those that belong to no single service.

mod record;
mod services;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use kit::{Configuration, Documented, Key, Secret, Section};
use serde::{Deserialize, Serialize};

pub(crate) use record::{RecordChainSettings, RecordNodeSettings};
pub(crate) use services::{MonitorSettings, PortalSettings};

/// Every section that may stand in the file, in the order of the example.
pub(crate) fn sections() -> kit::Result<Vec<Section>> {
    Ok(vec![
        Section::of::<NetworkSettings>()?,
        Section::of::<LogSettings>()?,
        Section::of::<BlobSettings>()?,
        Section::of::<MonitorSettings>()?,
        Section::of::<notify::Settings>()?,
        Section::of::<RecordNodeSettings>()?,
        Section::of::<RecordChainSettings>()?,
        Section::of::<PortalSettings>()?,
        Section::of::<HealthSettings>()?,
    ])
}

/// `[network]`: the founding document and the keys of this process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkSettings {
    pub(crate) dir: PathBuf,
    pub(crate) passphrase_file: Option<PathBuf>,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self { dir: "data".into(), passphrase_file: None }
    }
}

impl Documented for NetworkSettings {
    const SECTION: &'static str = "network";
    const ABOUT: &'static str =
        "The network and this process's keys. `caduceus found` makes both for trying things out.";
    const KEYS: &'static [Key] = &[
        Key::new(
            "dir",
            "",
            "Folder with genesis.json (the same at every member), keystore/keys (this process's keys) and keys/ (patients' wrapped data keys; not to be in data backups).",
        ),
        Key::optional(
            "passphrase_file",
            "",
            "File with the key store's passphrase; without it that of a demo custody is used where there is one, else it is asked for.",
            "\"/run/secrets/keystore-passphrase\"",
        ),
    ];
}

/// Which event log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogKind {
    /// A folder, for one process.
    #[default]
    Embedded,
    /// A Kafka cluster.
    Kafka,
}

/// `[log]`: the event log.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogSettings {
    pub(crate) kind: LogKind,
    pub(crate) dir: PathBuf,
    pub(crate) brokers: String,
    pub(crate) allow_single_broker: bool,
    pub(crate) create_topics: bool,
    pub(crate) session_ms: u64,
    pub(crate) security_protocol: Option<String>,
    pub(crate) sasl_mechanism: Option<String>,
    pub(crate) sasl_username: Option<String>,
    pub(crate) sasl_password: Option<Secret>,
    pub(crate) sasl_password_file: Option<PathBuf>,
    pub(crate) ssl_ca_location: Option<String>,
    pub(crate) ssl_certificate_location: Option<String>,
    pub(crate) ssl_key_location: Option<String>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            kind: LogKind::Embedded,
            dir: "data/log".into(),
            brokers: "127.0.0.1:9092".into(),
            allow_single_broker: false,
            create_topics: false,
            session_ms: 6_000,
            security_protocol: None,
            sasl_mechanism: None,
            sasl_username: None,
            sasl_password: None,
            sasl_password_file: None,
            ssl_ca_location: None,
            ssl_certificate_location: None,
            ssl_key_location: None,
        }
    }
}

impl LogSettings {
    /// What is passed on to the Kafka client as it is. The password is read from its file here.
    pub(crate) fn client(&self) -> kit::Result<BTreeMap<String, String>> {
        let password = match &self.sasl_password_file {
            Some(path) => Some(Secret::from_file(path)?),
            None => self.sasl_password.clone(),
        };
        let settings = [
            ("security.protocol", self.security_protocol.clone()),
            ("sasl.mechanism", self.sasl_mechanism.clone()),
            ("sasl.username", self.sasl_username.clone()),
            ("sasl.password", password.map(|secret| secret.expose().to_owned())),
            ("ssl.ca.location", self.ssl_ca_location.clone()),
            ("ssl.certificate.location", self.ssl_certificate_location.clone()),
            ("ssl.key.location", self.ssl_key_location.clone()),
        ];
        Ok(settings.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }
}

impl Documented for LogSettings {
    const SECTION: &'static str = "log";
    const ABOUT: &'static str = "The event log: a folder for one process, or Kafka.";
    const KEYS: &'static [Key] = &[
        Key::new("kind", "embedded or kafka", "Which event log."),
        Key::new("dir", "", "Folder of the embedded log; one process at a time."),
        Key::new("brokers", "host:port, …", "Kafka's addresses."),
        Key::new(
            "allow_single_broker",
            "",
            "Accept fewer than three copies, or fewer than two in sync: a lost broker then loses data.",
        ),
        Key::new("create_topics", "", "Create topics that are missing, as they are declared."),
        Key::new("session_ms", "ms", "A reader not heard of for this long is taken for dead, and its partitions move."),
        Key::optional("security_protocol", "", "Passed on to the Kafka client as security.protocol.", "\"SASL_SSL\""),
        Key::optional("sasl_mechanism", "", "Passed on as sasl.mechanism.", "\"SCRAM-SHA-512\""),
        Key::optional("sasl_username", "", "Passed on as sasl.username.", "\"caduceus\""),
        Key::optional(
            "sasl_password",
            "",
            "Passed on as sasl.password; better in the environment or in a file.",
            "\"…\"",
        ),
        Key::optional(
            "sasl_password_file",
            "",
            "File whose first line is the password.",
            "\"/run/secrets/kafka-password\"",
        ),
        Key::optional("ssl_ca_location", "", "Passed on as ssl.ca.location.", "\"/etc/caduceus/kafka-ca.pem\""),
        Key::optional(
            "ssl_certificate_location",
            "",
            "Passed on as ssl.certificate.location.",
            "\"/etc/caduceus/kafka.pem\"",
        ),
        Key::optional("ssl_key_location", "", "Passed on as ssl.key.location.", "\"/etc/caduceus/kafka.key\""),
    ];

    fn check(&self) -> Result<(), String> {
        if self.session_ms < 1_000 {
            return Err("session_ms: at least 1000".into());
        }
        if self.sasl_password.is_some() && self.sasl_password_file.is_some() {
            return Err("sasl_password and sasl_password_file: one of the two".into());
        }
        Ok(())
    }
}

/// `[blobs]`: sealed batches and documents.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlobSettings {
    pub(crate) dir: PathBuf,
}

impl Default for BlobSettings {
    fn default() -> Self {
        Self { dir: "data/blobs".into() }
    }
}

impl Documented for BlobSettings {
    const SECTION: &'static str = "blobs";
    const ABOUT: &'static str = "Sealed batches and documents, shared by monitors and portals.";
    const KEYS: &'static [Key] = &[Key::new("dir", "", "The folder.")];
}

/// `[health]`: liveness, readiness and metrics.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthSettings {
    pub(crate) listen: SocketAddr,
    pub(crate) open_to_network: bool,
    pub(crate) log_format: kit::telemetry::Format,
    pub(crate) log_filter: String,
    pub(crate) drain_seconds: u64,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
            open_to_network: false,
            log_format: kit::telemetry::Format::default(),
            // The consensus engine tells every vote at info.
            log_filter: "info,arc_malachitebft=error,libp2p=error".into(),
            drain_seconds: 30,
        }
    }
}

impl Documented for HealthSettings {
    const SECTION: &'static str = "health";
    const ABOUT: &'static str = "What operators look at, and how the process ends.";
    const KEYS: &'static [Key] = &[
        Key::new(
            "listen",
            "ip:port",
            "Address of /livez, /readyz and /metrics; port 0 lets the system choose, and the log says which.",
        ),
        Key::new(
            "open_to_network",
            "",
            "Whether other machines may ask; nothing there is secret, and nothing is protected.",
        ),
        Key::new("log_format", "text or json", "Form of the lines on standard error."),
        Key::new("log_filter", "", "What is logged, such as info or monitor=debug."),
        Key::new("drain_seconds", "seconds", "How long work under way may take after SIGTERM."),
    ];

    fn check(&self) -> Result<(), String> {
        reachable("listen", self.listen, "open_to_network", self.open_to_network)
    }
}

/// Refuses an address that other machines can reach where that was not said.
fn reachable(key: &str, address: SocketAddr, open: &str, is_open: bool) -> Result<(), String> {
    match address.ip().is_loopback() || is_open {
        true => Ok(()),
        false => Err(format!(
            "{key} = \"{address}\": other machines can reach it; use 127.0.0.1, or set {open} = true behind a TLS proxy"
        )),
    }
}

/// Checks every section, also those that this process does not use: the file is one for all.
pub(crate) fn check(read: &Configuration) -> kit::Result<()> {
    read.section::<NetworkSettings>()?;
    read.section::<LogSettings>()?;
    read.section::<BlobSettings>()?;
    read.section::<MonitorSettings>()?;
    read.section::<notify::Settings>()?;
    read.section::<RecordNodeSettings>()?;
    read.section::<RecordChainSettings>()?;
    read.section::<PortalSettings>()?;
    read.section::<HealthSettings>().map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use kit::config::{check_documented, example};

    use super::*;

    /// `caduceus config example` is a file that `run` takes as it is, and it says everything.
    #[test]
    fn the_example_is_a_file_that_run_accepts_and_every_key_in_it_is_documented() {
        let sections = sections().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("caduceus.toml");
        std::fs::write(&file, example(&sections)).unwrap();
        let read = Configuration::load_from(Some(&file), &sections, []).unwrap();
        check(&read).unwrap();
        check_documented::<NetworkSettings>().unwrap();
        check_documented::<LogSettings>().unwrap();
        check_documented::<BlobSettings>().unwrap();
        check_documented::<MonitorSettings>().unwrap();
        check_documented::<notify::Settings>().unwrap();
        check_documented::<RecordNodeSettings>().unwrap();
        check_documented::<RecordChainSettings>().unwrap();
        check_documented::<PortalSettings>().unwrap();
        check_documented::<HealthSettings>().unwrap();
    }

    #[test]
    fn the_environment_is_above_the_file_for_lists_and_addresses_too() {
        let variables = [
            ("CADUCEUS_RECORD_CHAIN__NODES", r#"["http://127.0.0.1:7", "http://127.0.0.1:8"]"#),
            ("CADUCEUS_HEALTH__LISTEN", "127.0.0.1:0"),
            ("CADUCEUS_LOG__KIND", "kafka"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let read = Configuration::load_from(None, &sections().unwrap(), variables).unwrap();
        assert_eq!(read.section::<RecordChainSettings>().unwrap().nodes.len(), 2);
        assert_eq!(read.section::<HealthSettings>().unwrap().listen.port(), 0);
        assert_eq!(read.section::<LogSettings>().unwrap().kind, LogKind::Kafka);
    }

    #[test]
    fn addresses_of_record_nodes_that_cannot_be_meant_are_refused_with_what_to_write() {
        for wrong in ["127.0.0.1:7", "https://127.0.0.1:7", "http://127.0.0.1", "http://127.0.0.1:7/x"] {
            let settings = RecordChainSettings { nodes: vec![wrong.into()], ..RecordChainSettings::default() };
            assert!(settings.check().unwrap_err().contains("http://"), "{wrong}");
        }
        let settings = RecordNodeSettings { peers: vec!["127.0.0.1:7".into()], ..RecordNodeSettings::default() };
        assert!(settings.check().unwrap_err().contains("node id@host:port"));
    }
}
