//! What the portal keeps: documents of clinical events under their wrapped keys, sealed answers. And the receipts that were handed out.

use claims::Receipt;
use erm::{EventRecord, Genesis};
use ledger::DataKey;
use portal::{KeptDocument, KeptFiles};
use store::BlobStore;
use store::segment_log::Problem;

use super::record::Executed;
use super::report::Report;
use crate::failure::{OrFail as _, Outcome};
use crate::home::Home;
use crate::network::{Keys, Network};

/// Checks documents and answers, as far as their keys are at hand.
pub(super) async fn check(
    home: &Home,
    genesis: &Genesis,
    custody: Option<&Network>,
    record: Option<&Executed>,
    blobs: &BlobStore,
    report: &mut Report,
) -> Outcome {
    let kept = KeptFiles::at(&home.portal(), genesis.network());
    let mut closed = 0;
    for file in kept.documents().or_environment("the portal's documents")? {
        let document = match kept.document(&file, blobs).await {
            Ok(document) => document,
            Err(problem) => {
                report.error(problem);
                continue;
            }
        };
        match check_document(&document, genesis, custody, record) {
            Ok(opened) => closed += u64::from(!opened),
            Err(error) => report.error(error),
        }
    }
    if closed > 0 {
        report.not_verified(format_args!(
            "the wrapped keys of {closed} documents in {}: their facilities' keys are not here",
            home.portal().join("documents").display()
        ));
    }

    let answers = kept.answers().or_environment("the portal's answers")?;
    match custody.and_then(|network| network.portal_seed().ok()) {
        Some(seed) => {
            let own = DataKey::from_bytes(seed);
            for file in answers {
                match kept.answer(&file, &own) {
                    Ok(None) => {}
                    Ok(Some(receipt)) => {
                        if let Err(error) = claims::verify(&receipt, genesis, None) {
                            report.error(format_args!("{}: {error}", file.display()));
                        }
                    }
                    Err(problem) => report.error(problem),
                }
            }
        }
        None if answers.is_empty() => {}
        None => report.not_verified(format_args!(
            "{} answers in {}: they are sealed, and the portal's key is not here",
            answers.len(),
            home.portal().join("answers").display()
        )),
    }
    Ok(())
}

/// Every receipt verifies, as `verify receipt` does it.
pub(super) fn check_receipts(home: &Home, genesis: &Genesis, report: &mut Report) -> Outcome {
    let folder = home.receipts();
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(()) };
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry.or_environment(format_args!("{} cannot be read", folder.display()))?.path());
    }
    files.sort();
    for file in files {
        let bytes = crate::verify::read(&file, claims::RECEIPT_BYTES_MAX as u64);
        let verified = bytes.and_then(|bytes| {
            let receipt = Receipt::from_json(&bytes).or_wrong(file.display())?;
            claims::verify(&receipt, genesis, None).or_wrong(file.display())
        });
        if let Err(failure) = verified {
            report.error(failure);
        }
    }
    Ok(())
}

/// The document is the one that the record chain names, and opens for its facility. `false` where that key is not here.
fn check_document(
    document: &KeptDocument,
    genesis: &Genesis,
    custody: Option<&Network>,
    record: Option<&Executed>,
) -> Result<bool, String> {
    let wrong = |reason: &str| format!("{} at byte 0: {reason}", document.file.display());
    let event = match record {
        Some(record) => record.state.view().event(&document.event).map_err(|error| error.to_string())?,
        None => None,
    };
    if let Some(EventRecord { event, .. }) = &event
        && (event.document, event.document_bytes) != (document.digest, document.bytes)
    {
        return Err(wrong("the record chain names another document for this event"));
    }
    // An event that was not recorded after all has left its document; whose it was is known to who can open it.
    let parties = genesis.parties.iter().map(|party| &party.id);
    let facilities: Vec<_> = match &event {
        Some(event) => vec![&event.facility],
        None => parties.collect(),
    };
    let held: Vec<Keys> =
        facilities.iter().filter_map(|id| custody.and_then(|network| network.party(id).ok())).collect();
    let mut refused: Option<Problem> = None;
    for keys in &held {
        match (document.open(&keys.wrap), &event) {
            (Ok(opened), Some(EventRecord { event, .. }))
                if (opened.kind, opened.commitments(&genesis.network())) != (event.kind, event.fields.clone()) =>
            {
                return Err(wrong("the document says something else than the record chain has committed to"));
            }
            (Ok(_), _) => return Ok(true),
            (Err(problem), _) => refused = Some(problem),
        }
    }
    match refused {
        Some(problem) if held.len() == facilities.len() => Err(problem.to_string()),
        _ => Ok(false),
    }
}
