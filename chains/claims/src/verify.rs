//! Checking a receipt with no network: what the evidence allows is computed again, the rest is named with who vouches for it.

use erm::{Checkpoint, ClaimRecord, Genesis, Key, SetChange, TrustRoot, verify_header};
use ledger::Digest;

use crate::disclosure::kept_closed;
use crate::proofs::Given;
use crate::reading::{Inquiry, Reading, read};
use crate::receipt::{Content, Finality, Operation, Receipt, VERSION};
use crate::{Day, Error, Verdict, check, event::field, schema, verdict};

/// What was found true of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The network.
    pub network: Digest,
    /// Where trust began, in words.
    pub trust_root: String,
    /// Height of the block that the evidence is from.
    pub height: u64,
    /// Time of the question.
    pub as_of_ms: i64,
    /// The verdict.
    pub verdict: Verdict,
    /// What was computed again.
    pub recomputed: Vec<String>,
    /// What rests on somebody's word.
    pub attested_by: Vec<Attested>,
}

/// A statement that the receipt does not prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The statement.
    pub what: String,
    /// Who says so.
    pub by: String,
}

/// Verifies a receipt against the network's genesis, and a pinned checkpoint where there is one: what departed
/// validators' keys could still forge before the checkpoint is then refused.
pub fn verify(receipt: &Receipt, genesis: &Genesis, checkpoint: Option<&Checkpoint>) -> Result<Verified, Error> {
    let content = &receipt.content;
    if content.version != VERSION {
        return Err(Error::refused("version", format!("{} is unknown", content.version)));
    }
    let network = genesis.network();
    if content.network != network {
        return Err(Error::refused("network", "it is of another network than the genesis"));
    }
    let trust = match checkpoint {
        Some(checkpoint) if checkpoint.network != network => {
            return Err(Error::refused("checkpoint", "it is of another network than the genesis"));
        }
        Some(checkpoint) => TrustRoot::Checkpoint(checkpoint),
        None => TrustRoot::Genesis(genesis),
    };
    let mut recomputed = vec![final_at("block", trust, content, &content.block)?];

    let root = &content.block.header.state_root;
    let mut given = Given::verified(network, root, &content.evidence)?;
    let (claim, rules) = (&content.claim, &content.rules);
    let inquiry = Inquiry { network, portal: &content.portal, claim, rules, as_of_ms: content.as_of_ms };
    if content.as_of_ms < content.block.header.time_ms {
        return Err(Error::refused("as_of_ms", "the question is older than the block that answers it"));
    }
    if let Some(finding) = schema(claim, Day::of_ms(content.as_of_ms)).first() {
        return Err(Error::refused(
            "claim",
            format!("{} is {}, not {}", finding.path, finding.found, finding.expected),
        ));
    }
    let Reading { evidence, portal } =
        read(&mut given, &inquiry, &content.evidence.patient, &content.evidence.identifier)?;
    let signer = portal.keys.last().ok_or_else(|| Error::refused("portal", "it has no key"))?.signer;
    let signed = signer.verify(&content.digest(), &receipt.signature);
    signed
        .map_err(|_| Error::refused("signature", format!("it is not that of {} over this receipt", content.portal)))?;
    if !portal.active() {
        return Err(Error::refused("portal", format!("{} was no member in good standing", content.portal)));
    }
    if !evidence.consent {
        return Err(Error::refused("consent", "none in force is shown for this insurer, these days and this purpose"));
    }
    given.all_used()?;
    let findings = check(claim, &evidence, rules);
    if findings != content.findings {
        return Err(Error::refused("findings", "the evidence gives other findings"));
    }
    if let Some((key, number)) = kept_closed(claim, &evidence, rules, &findings) {
        return Err(Error::refused("evidence.events.opened", format!("field {number} of event {key} is kept closed")));
    }
    let sequences: Vec<u32> = claim.items.iter().map(|item| item.sequence).collect();
    let own = verdict(&sequences, &findings);
    if own != content.verdict {
        return Err(Error::refused(
            "verdict",
            format!("the findings give {own}, the receipt says {}", content.verdict),
        ));
    }
    recomputed.push("patient's identifier and registration (check 2)".into());
    recomputed.push("consent at the time of the question, for the days of service (check 3)".into());
    recomputed.push(
        "encounter, documentation, participation and standing, amount, duplicates (checks 1, 5, 6, 7, 9, 10)".into(),
    );
    recomputed.push("verdict".into());
    if let Some(recorded) = recorded(trust, content)? {
        recomputed.push(recorded);
    }
    let by = |what: &str| Attested { what: what.into(), by: content.portal.to_string() };
    let mut attested_by = vec![
        by("the time of the question, and that the block was the latest then"),
        by("the tolerance and the code map that were used"),
    ];
    let closed =
        |event: &crate::Event| event.numbers.iter().any(|n| *n >= field::LINE && !event.fields.contains_key(n));
    if evidence.slots.iter().flat_map(|slot| &slot.events).any(closed) {
        attested_by.push(by("that fields kept closed would not make an agreeing line disagree"));
    }
    if content.idempotency_key.is_some() {
        attested_by.push(by("the Idempotency-Key"));
    }
    attested_by.push(Attested { what: "what the opened documents say is so".into(), by: claim.provider.clone() });
    Ok(Verified {
        network,
        trust_root: match trust {
            TrustRoot::Genesis(genesis) => format!("genesis of {} ({network})", genesis.name),
            TrustRoot::Checkpoint(checkpoint) => {
                format!("checkpoint {} at height {}", checkpoint.block, checkpoint.height)
            }
        },
        height: content.block.header.height,
        as_of_ms: content.as_of_ms,
        verdict: own,
        recomputed,
        attested_by,
    })
}

fn final_at(part: &str, trust: TrustRoot<'_>, content: &Content, block: &Finality) -> Result<String, Error> {
    // One history serves both blocks of a receipt; each uses what lies between the trust root and itself.
    let from = match trust {
        TrustRoot::Genesis(_) => 0,
        TrustRoot::Checkpoint(checkpoint) => checkpoint.height,
    };
    let between = |change: &&SetChange| change.header.height > from && change.header.height < block.header.height;
    if content.history.windows(2).any(|pair| pair[0].header.height >= pair[1].header.height) {
        return Err(Error::refused("history", "it does not ascend"));
    }
    let history: Vec<SetChange> = content.history.iter().filter(between).cloned().collect();
    let verified = verify_header(trust, &history, &block.header, &block.certificate);
    verified.map_err(|error| Error::refused(part, error))?;
    Ok(format!("finality of block {}", block.header.height))
}

fn recorded(trust: TrustRoot<'_>, content: &Content) -> Result<Option<String>, Error> {
    let last = content.recorded.as_ref().map_or(&content.block, |recorded| &recorded.block).header.height;
    if content.history.last().is_some_and(|change| change.header.height >= last) {
        return Err(Error::refused("history", "it reaches beyond the receipt's blocks"));
    }
    let recorded = match (content.operation, &content.recorded) {
        (Operation::Verify, None) => return Ok(None),
        (Operation::Submit, Some(recorded)) => recorded,
        (Operation::Verify, Some(_)) => return Err(Error::refused("recorded", "nothing is recorded by a look")),
        (Operation::Submit, None) => {
            return Err(Error::refused("recorded", "a submitted claim is recorded; this is not shown"));
        }
    };
    if recorded.block.header.height <= content.block.header.height {
        return Err(Error::refused("recorded", "it was not recorded after the evidence was read"));
    }
    final_at("recorded.block", trust, content, &recorded.block)?;
    let refuse = |reason: String| Error::refused("recorded.entry", reason);
    if recorded.entry.key != Key::Claim(content.claim_commitment()) {
        return Err(refuse("it is of another claim".into()));
    }
    let value = recorded.entry.value.as_deref().ok_or_else(|| refuse("it shows that nothing was recorded".into()))?;
    let root = &recorded.block.header.state_root;
    let shown = recorded.entry.proof.verify(&content.network, root, &recorded.entry.key, Some(value));
    shown.map_err(|error| refuse(error.to_string()))?;
    let record: ClaimRecord = ledger::decode("claim record", value).map_err(|error| refuse(error.to_string()))?;
    if record.response != content.response_commitment() {
        return Err(refuse("another response was recorded".into()));
    }
    if record.by != content.portal {
        return Err(refuse(format!("{} recorded it", record.by)));
    }
    Ok(Some(format!("claim and response recorded at height {}", record.height)))
}
