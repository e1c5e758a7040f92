//! Readings out: the records of a personal chain, each with its proof, to whom the patient permits it (capabilities D5, E4, E5).
//!
//! `GET /phc/{chain}/records?category=vitals[&from=…][&to=…][&limit=…][&cursor=…]`: rows of readings of `from ≤ time < to`, what a
//! device measured at one moment under `values`, a page of at most `limit` rows (100; 1,000 at the most). Where there is more, `next`
//! is the cursor of the next page, which may be short or empty.

mod chains;
mod index;
mod page;
#[cfg(test)]
mod tests;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use claims::Day;
use erm::{Asker, Mode, Purpose};
use ledger::{Chain, Digest};
use serde::Deserialize;
use serde_json::Value;
use vitals::Category;

pub(crate) use self::chains::Chains;
use self::page::{Cursor, Wanted};
use crate::access::Ask;
use crate::fhir::time;
use crate::outcome::Problem;
use crate::{Holder, Outcome, Portal};

/// Records of a page that does not say how many.
const LIMIT: usize = 100;
/// Most records of a page.
const LIMIT_MAX: usize = 1_000;
/// Most days that are asked for one by one, so that grants for certain days apply.
const DAYS_MAX: i32 = 366;

/// The query as it was sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sent {
    category: String,
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// `GET /phc/{chain}/records`.
pub(crate) async fn get(
    State(portal): State<Portal>,
    Path(chain): Path<String>,
    query: Result<Query<Sent>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Response {
    let holder = portal.authorise(request.headers());
    drop(request);
    match answer(&portal, &chain, query.map(|Query(sent)| sent).ok(), holder).await {
        Ok(page) => Json(page).into_response(),
        Err(outcome) => Problem(outcome).into_response(),
    }
}

async fn answer(
    portal: &Portal,
    chain: &str,
    sent: Option<Sent>,
    holder: Result<Holder, Outcome>,
) -> Result<Value, Outcome> {
    let asker = match holder? {
        Holder::Party(id) => Asker::Party(id),
        Holder::Patient(key) => Asker::Patient(key),
        Holder::Device { .. } => return Err(Outcome::role("devices read nothing")),
    };
    let sent = sent.ok_or_else(|| {
        Outcome::invalid("query", "category is needed; from, to, limit and cursor are possible, and nothing else")
    })?;
    let wanted = wanted(&sent)?;
    let patient = page::chain_id(chain).and_then(|chain| portal.0.custody.patient_of_chain(&chain));
    let ask = Ask {
        patient,
        asked_for: chain.to_owned(),
        asker,
        purpose: Purpose::Treatment,
        mode: Mode::Read,
        wants: days(wanted.time).into_iter().map(|day| (erm::Category(wanted.category.id()), day)).collect(),
        record: Digest::ZERO,
        location: portal.0.settings.location.clone(),
        now_ms: portal.0.clock.now_ms(),
    };
    let permit = portal.0.access.ask(ask).await?;
    let chain = Chain { network: portal.0.network, id: permit.patient.chain };
    let keys = portal.0.custody.keys(&chain.id).ok_or_else(erased)?;
    page::read(&portal.0.chains, &portal.0.documents.blobs, &chain, &keys, &wanted).await
}

/// 410, which only those hear who were permitted.
pub(crate) fn erased() -> Outcome {
    let message =
        "no key of this patient's data is held here: the patient has erased it, or wrapped it for another portal";
    Outcome::new(StatusCode::GONE, "deleted", "no-key", message)
}

fn wanted(sent: &Sent) -> Result<Wanted, Outcome> {
    let category =
        Category::from_name(&sent.category).ok_or_else(|| Outcome::invalid("category", "this category is unknown"))?;
    let instant = |name: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => match time::parse(text) {
            Some((time_ms, _)) => Ok(Some(time_ms)),
            None => Err(Outcome::invalid(name, "send ISO 8601, such as 2026-03-10T12:00:00Z")),
        },
    };
    let (from_ms, to_ms) =
        (instant("from", &sent.from)?.unwrap_or(i64::MIN), instant("to", &sent.to)?.unwrap_or(i64::MAX));
    if from_ms >= to_ms {
        return Err(Outcome::invalid("to", "it must lie after from"));
    }
    let limit = sent.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Outcome::invalid("limit", format!("1 to {LIMIT_MAX} are possible")));
    }
    let cursor = sent.cursor.as_deref();
    let cursor = cursor
        .map(|text| Cursor::parse(text).ok_or_else(|| Outcome::invalid("cursor", "send next of the page before")))
        .transpose()?;
    Ok(Wanted { category, time: (from_ms, to_ms), limit, cursor })
}

/// The days asked for, where they are few; otherwise a grant or a denial for certain days counts as one that does not reach
/// (a grant) or does (a denial).
fn days((from_ms, to_ms): (i64, i64)) -> Vec<Option<Day>> {
    if from_ms == i64::MIN || to_ms == i64::MAX {
        return vec![None];
    }
    let (first, last) = (Day::of_ms(from_ms).0, Day::of_ms(to_ms.saturating_sub(1)).0);
    if last.saturating_sub(first) >= DAYS_MAX {
        return vec![None];
    }
    (first..=last).map(|day| Some(Day(day))).collect()
}
