//! A mail server, over enforced STARTTLS.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use kit::Secret;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::outbox::Failure;
use crate::settings::{Settings, SmtpTls};
use crate::{Error, Result};

pub(crate) struct SmtpTransport {
    server: AsyncSmtpTransport<Tokio1Executor>,
    name: String,
    patience: Duration,
}

impl SmtpTransport {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let host =
            settings.smtp_host.clone().ok_or_else(|| Error::Settings("transport = \"smtp\" needs smtp_host".into()))?;
        let tls = match settings.smtp_tls {
            SmtpTls::Required => Tls::Required(tls_parameters(&host, settings.smtp_ca_file.as_deref())?),
            SmtpTls::None => Tls::None,
        };
        let connections = u32::try_from(settings.deliveries_at_once).unwrap_or(1);
        // "Dangerous" is lettre's name for a builder without TLS; the line below it requires TLS again.
        let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host)
            .port(settings.smtp_port)
            .tls(tls)
            .timeout(Some(Duration::from_secs(settings.smtp_timeout_seconds)))
            .pool_config(PoolConfig::new().max_size(connections).idle_timeout(Duration::from_secs(60)));
        if let Some(user) = &settings.smtp_user {
            let password = match (&settings.smtp_password, &settings.smtp_password_file) {
                (Some(password), _) => password.clone(),
                (None, Some(file)) => Secret::from_file(Path::new(file))?,
                (None, None) => {
                    return Err(Error::Settings("smtp_user needs smtp_password or smtp_password_file".into()));
                }
            };
            server = server.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(Self {
            server: server.build(),
            name: format!("{host}:{}", settings.smtp_port),
            patience: Duration::from_secs(settings.smtp_timeout_seconds),
        })
    }

    pub(super) async fn deliver(&self, message: Message) -> std::result::Result<(), Failure> {
        // lettre's own timeout covers the connection only; a server that falls silent later would hold the mail for ever.
        match tokio::time::timeout(self.patience, self.server.send(message)).await {
            Ok(sent) => sent.map(|_| ()).map_err(|error| self.failure(&error)),
            Err(_) => {
                Err(Failure::Passing(format!("{} did not answer within {} s", self.name, self.patience.as_secs())))
            }
        }
    }

    fn failure(&self, error: &lettre::transport::smtp::Error) -> Failure {
        let (name, said) = (&self.name, chain_of(error));
        let code = error.status().map(u16::from);
        match code {
            // Who we are is refused, not this mail: that can be mended while it waits.
            Some(code @ (530 | 534 | 535 | 538)) => Failure::Passing(format!(
                "{name} refused to let us in ({code}: {said}); check smtp_user and its password"
            )),
            Some(code @ 500..) => Failure::Final(format!("{name} refused the mail ({code}: {said})")),
            Some(code) => Failure::Passing(format!("{name} does not take it now ({code}: {said})")),
            None if said.contains("STARTTLS") => Failure::Passing(format!(
                "{name} offers no STARTTLS, and nothing is sent without; use a server with TLS ({said})"
            )),
            None if said.contains("certificate") => Failure::Passing(format!(
                "the certificate of {name} is not trusted ({said}); check smtp_host, and name its authority's file in smtp_ca_file"
            )),
            None => Failure::Passing(format!("{name} could not be reached or broke off ({said})")),
        }
    }
}

fn tls_parameters(host: &str, ca_file: Option<&str>) -> Result<TlsParameters> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(file) = ca_file {
        let pem = std::fs::read(file)
            .map_err(|source| kit::Error::Environment { doing: format!("read smtp_ca_file {file}"), source })?;
        let wrong =
            |reason: String| Error::Settings(format!("smtp_ca_file {file}: {reason}; it must be a PEM certificate"));
        // lettre takes what is no certificate without a word.
        if !pem.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----") {
            return Err(wrong("it holds no certificate".into()));
        }
        parameters =
            parameters.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?);
    }
    parameters.build().map_err(|error| Error::Settings(format!("TLS for smtp_host {host:?}: {error}")))
}

/// An error with all that caused it, in one line of bounded length.
fn chain_of(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = inner.source();
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
}
