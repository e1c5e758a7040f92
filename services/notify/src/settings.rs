//! The section `[notify]` of the configuration.

use std::net::IpAddr;

use jiff::tz::TimeZone;
use kit::{Documented, Key, Secret};
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use vitals::Severity;

use crate::outbox::Retry;

/// Longest name of a notifier.
const NAME_BYTES_MAX: usize = 64;

/// How much a mail may say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Severity, reference, response time: no value, no signal, no chart.
    #[default]
    Minimal,
    /// Everything that helps to judge, with the chart.
    Full,
}

/// Where mail goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    /// `.eml` files in a directory.
    #[default]
    File,
    /// A mail server.
    Smtp,
}

/// Encryption on the way to the mail server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// STARTTLS with a certificate that is checked, or no mail at all.
    #[default]
    Required,
    /// None: only for a relay on this machine, and only for minimal content.
    None,
}

/// The settings. Without `Debug`: a password may be among them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Name of this notifier.
    pub name: String,
    /// Who is told.
    pub recipients: Vec<String>,
    /// Whom mails come from.
    pub from: String,
    /// How much they say.
    pub content: Content,
    /// The readers' time zone, an IANA name.
    pub zone: String,
    /// The portal's address, for links.
    pub base_url: Option<String>,
    /// Time to review a critical episode, minutes.
    pub response_critical_minutes: u32,
    /// Time to review an urgent episode, minutes.
    pub response_urgent_minutes: u32,
    /// Time to review an advisory or technical episode, minutes.
    pub response_advisory_minutes: u32,
    /// Where mail goes.
    pub transport: TransportKind,
    /// Directory of the `.eml` files.
    pub mail_dir: String,
    /// The mail server's name or address.
    pub smtp_host: Option<String>,
    /// Its port.
    pub smtp_port: u16,
    /// Encryption on the way there.
    pub smtp_tls: SmtpTls,
    /// PEM file of a further authority to trust.
    pub smtp_ca_file: Option<String>,
    /// User name there.
    pub smtp_user: Option<String>,
    /// Password there.
    pub smtp_password: Option<Secret>,
    /// File whose first line is the password.
    pub smtp_password_file: Option<String>,
    /// Longest time for handing over one mail, seconds.
    pub smtp_timeout_seconds: u64,
    /// Pause after the first failure, seconds.
    pub retry_first_seconds: u32,
    /// Longest pause, seconds.
    pub retry_longest_seconds: u32,
    /// Age at which a mail is given up, hours.
    pub give_up_hours: u32,
    /// Mails under way at the same time.
    pub deliveries_at_once: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "notify-1".into(),
            recipients: vec!["on-call@caduceus.example".into()],
            from: "Caduceus <caduceus@caduceus.example>".into(),
            content: Content::Minimal,
            zone: "UTC".into(),
            base_url: None,
            response_critical_minutes: 30,
            response_urgent_minutes: 60,
            response_advisory_minutes: 1_440,
            transport: TransportKind::File,
            mail_dir: "mail".into(),
            smtp_host: None,
            smtp_port: 587,
            smtp_tls: SmtpTls::Required,
            smtp_ca_file: None,
            smtp_user: None,
            smtp_password: None,
            smtp_password_file: None,
            smtp_timeout_seconds: 30,
            retry_first_seconds: 10,
            retry_longest_seconds: 900,
            give_up_hours: 72,
            deliveries_at_once: 4,
        }
    }
}

impl Documented for Settings {
    const SECTION: &'static str = "notify";
    const ABOUT: &'static str = "Alert mails. E-mail is no life-critical channel. Notifiers of different names share the work and take over from each other; each step of an episode is mailed by one of them.";
    const KEYS: &'static [Key] = &[
        Key::new("name", "", "Name of this notifier; another of the same name takes its place."),
        Key::new("recipients", "", "Who is on call: every episode is mailed to all of these."),
        Key::new("from", "", "Whom mails come from; its domain also makes the Message-IDs."),
        Key::new(
            "content",
            "minimal or full",
            "What mails say: full adds values and a chart, and needs enforced TLS or the file transport.",
        ),
        Key::new("zone", "IANA name", "The readers' time zone, such as Europe/Vienna."),
        Key::optional(
            "base_url",
            "",
            "Address of the portal; without it mails name a command instead of a link.",
            "\"https://portal.example.org\"",
        ),
        Key::new("response_critical_minutes", "minutes", "Time to review a critical episode."),
        Key::new("response_urgent_minutes", "minutes", "Time to review an urgent episode."),
        Key::new("response_advisory_minutes", "minutes", "Time to review an advisory or technical episode."),
        Key::new("transport", "file or smtp", "Where mail goes."),
        Key::new("mail_dir", "", "Directory of the .eml files of the file transport."),
        Key::optional("smtp_host", "", "The mail server's name, as in its certificate.", "\"mail.example.org\""),
        Key::new("smtp_port", "", "The mail server's port."),
        Key::new(
            "smtp_tls",
            "required or none",
            "STARTTLS with a checked certificate; none only for a relay on this machine and minimal content.",
        ),
        Key::optional(
            "smtp_ca_file",
            "",
            "PEM file of an authority to trust besides the system's.",
            "\"/etc/caduceus/mail-ca.pem\"",
        ),
        Key::optional("smtp_user", "", "User name at the mail server.", "\"caduceus\""),
        Key::optional("smtp_password", "", "Password there; better in the environment or in a file.", "\"…\""),
        Key::optional(
            "smtp_password_file",
            "",
            "File whose first line is the password.",
            "\"/run/secrets/smtp-password\"",
        ),
        Key::new("smtp_timeout_seconds", "seconds", "Longest time for handing over one mail."),
        Key::new("retry_first_seconds", "seconds", "Pause after the first failed attempt; it doubles with each."),
        Key::new("retry_longest_seconds", "seconds", "Longest pause between attempts."),
        Key::new("give_up_hours", "hours", "Age at which a mail that cannot be delivered becomes a dead letter."),
        Key::new("deliveries_at_once", "", "Mails under way at the same time."),
    ];

    fn check(&self) -> Result<(), String> {
        if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX || self.name.chars().any(char::is_control) {
            return Err(format!("name: 1 to {NAME_BYTES_MAX} printable characters are needed"));
        }
        if self.recipients.is_empty() || self.recipients.len() > 100 {
            return Err("recipients: name 1 to 100 addresses".into());
        }
        for address in self.recipients.iter().chain([&self.from]) {
            address
                .parse::<Mailbox>()
                .map_err(|error| format!("{address:?} is no mail address ({error}); write name@example.org"))?;
        }
        self.time_zone()?;
        if self.deliveries_at_once == 0 || self.deliveries_at_once > 64 {
            return Err("deliveries_at_once: 1 to 64 are possible".into());
        }
        if self.retry_first_seconds == 0 || self.retry_first_seconds > self.retry_longest_seconds {
            return Err("retry_first_seconds: at least 1, at most retry_longest_seconds".into());
        }
        if let Some(url) = &self.base_url {
            let safe = url.starts_with("https://")
                || url.starts_with("http://127.0.0.1")
                || url.starts_with("http://localhost");
            if !safe || url.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"'".contains(c)) {
                return Err(format!("base_url = {url:?} is no address for links; write https://portal.example.org"));
            }
        }
        match self.transport {
            TransportKind::File => Ok(()),
            TransportKind::Smtp => self.check_smtp(),
        }
    }
}

impl Settings {
    fn check_smtp(&self) -> Result<(), String> {
        let Some(host) = &self.smtp_host else {
            return Err("transport = \"smtp\" needs smtp_host, the mail server's name".into());
        };
        if self.smtp_timeout_seconds == 0 || self.smtp_timeout_seconds > 600 {
            return Err("smtp_timeout_seconds: 1 to 600 are possible".into());
        }
        if self.smtp_password.is_some() && self.smtp_password_file.is_some() {
            return Err("smtp_password and smtp_password_file are both set; keep one".into());
        }
        let has_password = self.smtp_password.is_some() || self.smtp_password_file.is_some();
        if self.smtp_user.is_some() != has_password {
            return Err(
                "smtp_user and its password (smtp_password or smtp_password_file) go together; set both or neither"
                    .into(),
            );
        }
        if self.smtp_tls == SmtpTls::None {
            if self.content == Content::Full {
                return Err("content = \"full\" carries health data and needs smtp_tls = \"required\" or transport = \"file\"; set one of these, or content = \"minimal\"".into());
            }
            let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
            if !local {
                return Err(format!(
                    "smtp_tls = \"none\" is possible only with a relay on this machine, not with {host:?}; set smtp_tls = \"required\""
                ));
            }
            if self.smtp_user.is_some() {
                return Err("smtp_user needs smtp_tls = \"required\": a password is not sent in the clear".into());
            }
        }
        Ok(())
    }

    /// The readers' time zone.
    pub(crate) fn time_zone(&self) -> Result<TimeZone, String> {
        TimeZone::get(&self.zone).map_err(|_| {
            format!("zone = {:?} is no time zone; write a name of the IANA list, such as Europe/Vienna", self.zone)
        })
    }

    /// Within how many minutes an episode is to be reviewed.
    pub(crate) fn response_minutes(&self, severity: Severity) -> u32 {
        match severity {
            Severity::Critical => self.response_critical_minutes,
            Severity::Urgent => self.response_urgent_minutes,
            Severity::Advisory | Severity::Technical => self.response_advisory_minutes,
        }
    }

    pub(crate) fn retry(&self) -> Retry {
        Retry {
            first_ms: i64::from(self.retry_first_seconds) * 1_000,
            longest_ms: i64::from(self.retry_longest_seconds) * 1_000,
            give_up_ms: i64::from(self.give_up_hours) * 3_600_000,
        }
    }
}
