//! Whether a pipeline's alerts lie where somebody is ill.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use ledger::{decode, sha256};
use phc::messages::ALERTS;
use phc::{Alert, open_topic_value};
use serde::Deserialize;
use serde_json::{Value, json};
use stream::{EventLog as _, KafkaLog, Record};
use vitals::{Anomaly, Change};

use crate::plan::Plan;
use crate::population::Population;

/// A peer's block begins with this, on a line of its own; the block's name is the line's SHA-256.
#[derive(Deserialize)]
struct Header {
    records: u64,
}

/// A peer's alert: the name of a block, and a record's place in it.
#[derive(Deserialize)]
struct Alerted {
    block: String,
    record: u64,
}

/// Alerts of the messages from the end of training up to `through`, and those messages, within episodes and outside.
pub(crate) async fn count(log: &KafkaLog, plan: &Plan, pipeline: &str, through: u64) -> Result<Value> {
    let places = if pipeline.starts_with("ours") {
        of_ours(&all(log, ALERTS).await?, plan)?
    } else {
        let blocks = all(log, &format!("blocks.{pipeline}")).await?;
        of_peer(&blocks, &all(log, &format!("alerts.{pipeline}")).await?, plan)?
    };
    let (inside, outside) = split(places.into_iter(), plan);
    let messages = (plan.training_messages()..through).filter_map(|message| plan.place(message));
    let (messages_inside, messages_outside) = split(messages, plan);
    Ok(json!({
        "inside": inside,
        "outside": outside,
        "messages_inside": messages_inside,
        "messages_outside": messages_outside,
    }))
}

async fn all(log: &KafkaLog, topic: &str) -> Result<Vec<Record>> {
    let mut scan = log.scan(topic, 0, 0).await?;
    let mut records = Vec::new();
    loop {
        let some = scan.next(1_000).await?;
        if some.is_empty() {
            return Ok(records);
        }
        records.extend(some);
    }
}

/// Minute and patient of every anomaly that began or grew; that one ended is told too, but is no alarm.
fn of_ours(alerts: &[Record], plan: &Plan) -> Result<Vec<(u32, u32)>> {
    let population = Population::new();
    let people: HashMap<_, _> = (0..plan.patients)
        .map(|number| (number, population.person(number)))
        .map(|(number, person)| (person.chain.id.0, (number, person)))
        .collect();
    let mut places = Vec::new();
    for alert in alerts {
        let (patient, person) = people.get(alert.key.as_ref()).context("an alert about nobody")?;
        let key = person.keys.stream(&person.chain)?;
        let opened: Alert = open_topic_value(key, &person.chain, ALERTS, "alert", &alert.value)?;
        let anomaly: Anomaly = decode("anomaly", &opened.anomaly)?;
        if anomaly.change != Change::Resolved {
            let minute = plan.minute_of(anomaly.time_ms - 1).context("an alert before the first message")?;
            places.push((minute, *patient));
        }
    }
    Ok(places)
}

/// Minute and patient of every message that a peer alerted about.
fn of_peer(blocks: &[Record], alerts: &[Record], plan: &Plan) -> Result<Vec<(u32, u32)>> {
    let (mut begins, mut next) = (HashMap::new(), plan.training_messages());
    for block in blocks {
        let line = block.value.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let header: Header = serde_json::from_slice(line).context("a block without a header")?;
        begins.insert(sha256(line).to_string(), next);
        next += header.records;
    }
    let mut places = Vec::new();
    for alert in alerts {
        let alerted: Alerted = serde_json::from_slice(&alert.value).context("an alert that is no JSON")?;
        let begins = begins.get(&alerted.block).context("an alert of no block")?;
        places.push(plan.place(begins + alerted.record).context("an alert of no message")?);
    }
    Ok(places)
}

/// How many of these lie within episodes, and how many outside.
fn split(places: impl Iterator<Item = (u32, u32)>, plan: &Plan) -> (u64, u64) {
    places.fold(
        (0, 0),
        |(inside, outside), (minute, patient)| {
            if plan.is_ill(patient, minute) { (inside + 1, outside) } else { (inside, outside + 1) }
        },
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn record(value: String) -> Record {
        Record {
            topic: "t".into(),
            partition: 0,
            offset: 0,
            key: Default::default(),
            time_ms: 0,
            headers: Default::default(),
            value: value.into(),
        }
    }

    #[test]
    fn an_alert_of_a_peer_is_found_by_its_block_and_place() {
        let plan = Plan::new(10, 0, 2, 100);
        let lines = ["{\"height\": 0, \"records\": 15}", "{\"height\": 1, \"records\": 30}"];
        let blocks = lines.map(|line| record(format!("{line}\nseal\n…")));
        let alert = |line: &str, place: u32| {
            record(format!("{{\"block\": \"{}\", \"record\": {place}, \"score\": 1.0}}", sha256(line.as_bytes())))
        };
        let alerts = [alert(lines[0], 14), alert(lines[1], 0), alert(lines[1], 6)];
        // 20 messages of training; then message 34, 35 and 41 of ten a minute.
        assert_eq!(of_peer(&blocks, &alerts, &plan).unwrap(), [(3, 4), (3, 5), (4, 1)]);
        assert!(of_peer(&[], &alerts, &plan).is_err());
    }

    #[test]
    fn what_lies_in_an_episode_is_told_from_what_does_not() {
        let plan = Plan::new(10, 0, 2, 100);
        let episode = plan.episode(0).unwrap();
        let places =
            [(episode.from - 1, 0), (episode.from, 0), (episode.to - 1, 0), (episode.to, 0), (episode.from, 1)];
        assert_eq!(split(places.into_iter(), &plan), (2, 3));
    }
}
