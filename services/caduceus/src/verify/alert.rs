//! `caduceus verify alert`: an alert computed again from its file, without a network.

use std::path::Path;

use monitor::Recomputed;
use phc::{ALERT_FILE_BYTES_MAX, AlertFile, AlertOnChain, Subject};
use vitals::{Anomaly, Side};

use super::read;
use crate::failure::{Failure, Outcome};
use crate::network::read_genesis;

/// Verifies an alert and says what it says, what was computed again and what is only attested.
pub(crate) fn run(path: &Path, genesis: &Path) -> Outcome {
    let genesis = read_genesis(genesis)?;
    let bytes = read(path, ALERT_FILE_BYTES_MAX as u64)?;
    let refused = |error: &dyn std::fmt::Display| Failure::wrong(format_args!("{}: {error}", path.display()));
    let file = AlertFile::decode(&bytes).map_err(|error| refused(&error))?;
    let on_chain = file.verify(&genesis.network()).map_err(|error| refused(&error))?;
    let recomputed = monitor::recompute(&file, &on_chain.chain).map_err(|error| refused(&error))?;
    let mut out = format!("the alert holds\n{}", said(&recomputed.anomaly, &file.subject));
    out += &format!("patient       {}\nchain         {}\n", on_chain.patient, on_chain.chain.id);
    out += &format!(
        "block         {} at height {}, entry {}, cut {}\nwriter        {}\n",
        on_chain.block,
        on_chain.height,
        file.entry,
        crate::demo::iso(on_chain.time_ms),
        on_chain.writer
    );
    for what in computed(&file, &on_chain, &recomputed) {
        out += &format!("computed      {what}\n");
    }
    for (what, by) in attested(&file, &recomputed) {
        out += &format!("attested by   {by}: {what}\n");
    }
    out += &format!("trust root    genesis of {} ({})\n", genesis.name, on_chain.chain.network);
    crate::console::print(&out);
    Ok(())
}

/// What the anomaly says, a line each.
fn said(anomaly: &Anomaly, subject: &Subject) -> String {
    let iso = crate::demo::iso;
    let milli = vitals::milli::to_text;
    let (signal, unit) = (anomaly.signal.name(), anomaly.signal.unit());
    let mut what = format!("{} on {signal}", anomaly.route.name());
    if let Some(value) = anomaly.value_milli {
        what += &format!(", {} {unit}", milli(value));
    }
    if let Some(limit) = anomaly.limit {
        let side = if limit.side == Side::Above { "above" } else { "below" };
        what += &format!(", limit {side} {} {unit}", milli(limit.limit_milli));
    }
    if let Some(usual) = anomaly.usual {
        what += &format!(", usually {} {unit}", milli(usual.median_milli));
    }
    let about = match subject {
        Subject::Patient => "the patient".to_owned(),
        Subject::Location(location) => format!("the location {location}"),
    };
    let mut out = format!("alert         {}, {}: {what}\n", anomaly.severity.name(), anomaly.change.name());
    out += &format!("about         {about}, since {}, known {}\n", iso(anomaly.start_ms), iso(anomaly.time_ms));
    out += &format!("episode       {}\n", anomaly.episode);
    if let Some(score) = anomaly.score_micro {
        let threshold = anomaly.threshold_micro.map_or_else(String::new, |micro| format!(", threshold {micro}"));
        out += &format!("score         {score} millionths{threshold}\n");
    }
    for share in anomaly.contributions.iter().filter(|share| share.share_micro != 0) {
        let deviation = milli(share.deviation_milli);
        out += &format!(
            "share         {}: {} millionths, {deviation} robust standard deviations\n",
            share.signal.name(),
            share.share_micro
        );
    }
    out
}

fn computed(file: &AlertFile, on_chain: &AlertOnChain, recomputed: &Recomputed) -> Vec<String> {
    let Recomputed { readings, late, parameters, .. } = recomputed;
    let model = if file.model.is_empty() {
        "that every block was made without a cohort forest".to_owned()
    } else {
        format!("the cohort forest's hash, the same in every block: {}", ledger::sha256(&file.model))
    };
    let set = match parameters {
        0 => "no doctor had set parameters".to_owned(),
        times => format!("parameters as a doctor had set them, {times} times"),
    };
    vec![
        format!(
            "the chain from its opening to height {}: every hash, every signature, and that the patient had named each writer",
            on_chain.height
        ),
        "the anomaly's salted commitment in the block".into(),
        "every batch of readings and parameters of these blocks, up to the roots in their headers; none is left out"
            .into(),
        model,
        format!(
            "what the detector says of the {readings} readings ({late} of them came too late to count; {set}): this anomaly, to the byte, \
             with its commitment to readings, settings and parameters"
        ),
    ]
}

fn attested(file: &AlertFile, recomputed: &Recomputed) -> Vec<(String, &'static str)> {
    let mut all = vec![
        ("that this is what was measured, and when".to_owned(), "the writer and the devices"),
        ("that no reading that the monitor was sent is on no chain".to_owned(), "the writer"),
        (
            "that no other block stands at this height, and what came later".to_owned(),
            "the writer, until an anchor on the record chain covers the block",
        ),
        ("whether it alerted somebody then: that hung on the clock".to_owned(), "whoever was on call"),
    ];
    let (late, ticks) = (file.arrival.late.len(), file.arrival.ticks.len());
    if late + ticks > 0 {
        all.push((
            format!(
                "the order of arrival beyond that of blocks: that {late} readings of {} came too late, and that the clock had gone on before \
                 {ticks} uploads; with another order the anomaly would be another",
                recomputed.readings
            ),
            "whoever made the file, held by the anomaly's own commitment",
        ));
    }
    all
}
