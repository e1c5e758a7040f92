//! From an entry of the outbox to the bytes of a mail: the same entry and settings give the same bytes, whoever sends it, and again.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use ledger::Chain;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MessageBuilder, MultiPart, SinglePart};
use vitals::Anomaly;

use crate::notice::Notice;
use crate::outbox::{Entry, Key, Step};
use crate::settings::Settings;
use crate::{Error, Result, chart, html, names, text};

/// Composes mails.
pub(crate) struct Composer {
    settings: Settings,
    zone: TimeZone,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Composer {
    /// # Errors
    /// [`Error::Settings`] for an address or zone that is none.
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let address = |text: &String| {
            text.parse::<Mailbox>().map_err(|error| Error::Settings(format!("{text:?} is no mail address: {error}")))
        };
        Ok(Self {
            zone: settings.time_zone().map_err(Error::Settings)?,
            from: address(&settings.from)?,
            to: settings.recipients.iter().map(address).collect::<Result<_>>()?,
            settings: settings.clone(),
        })
    }

    /// The mail of an entry.
    ///
    /// # Errors
    /// [`Error::Compose`] where the entry does not decode or the message cannot be built.
    pub(crate) fn compose(&self, chain: &Chain, entry: &Entry) -> Result<Message> {
        let fault = |error: &dyn std::fmt::Display| Error::Compose(error.to_string());
        let anomaly: Anomaly = ledger::decode("anomaly", &entry.alert.anomaly).map_err(|error| fault(&error))?;
        let notice = Notice::of(chain, entry, &anomaly, &self.settings, &self.zone);
        let key = Key { chain: chain.id, episode: entry.episode, step: entry.step };
        let picture = notice.trend.as_ref().and_then(chart::draw);
        // Boundaries come from the episode's id, not from chance: a second sending is the same to the byte.
        let id = names::message_id(chain, &key, self.from.email.domain());
        let boundary = |part: &str| format!("{part}-{}", id.split('.').next().unwrap_or_default());
        let page = SinglePart::html(html::render(&notice));
        let mut pages =
            MultiPart::alternative().boundary(boundary("views")).singlepart(SinglePart::plain(text::render(&notice)));
        pages = match picture {
            Some(png) => {
                let kind = ContentType::parse("image/png").map_err(|error| fault(&error))?;
                let picture =
                    Attachment::new_inline_with_name(html::CHART_ID.into(), "chart.png".into()).body(png, kind);
                pages.multipart(MultiPart::related().boundary(boundary("page")).singlepart(page).singlepart(picture))
            }
            None => pages.singlepart(page),
        };
        self.envelope(chain, &key, entry, &notice.subject, &id)?.multipart(pages).map_err(|error| fault(&error))
    }

    fn envelope(&self, chain: &Chain, key: &Key, entry: &Entry, subject: &str, id: &str) -> Result<MessageBuilder> {
        let date = SystemTime::UNIX_EPOCH + Duration::from_millis(entry.queued_ms.max(0).unsigned_abs());
        let mut message =
            Message::builder().from(self.from.clone()).subject(subject).date(date).message_id(Some(format!("<{id}>")));
        for address in &self.to {
            message = message.to(address.clone());
        }
        if key.step == Step::Resolved {
            let first = names::message_id(chain, &Key { step: Step::Opened, ..*key }, self.from.email.domain());
            message = message.in_reply_to(format!("<{first}>")).references(format!("<{first}>"));
        }
        let name =
            HeaderName::new_from_ascii("Auto-Submitted".into()).map_err(|error| Error::Compose(error.to_string()))?;
        Ok(message.raw_header(HeaderValue::new(name, "auto-generated".into())))
    }
}
