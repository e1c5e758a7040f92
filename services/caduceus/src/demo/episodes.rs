//! The episodes that the alerts tell of, for the summary.

use std::collections::BTreeMap;

use phc::messages::{ALERTS, Alert, open_topic_value};
use stream::EventLog;
use vitals::{Anomaly, Change};

use super::facts::{EpisodeLine, iso};
use crate::failure::{OrFail as _, Outcome};
use crate::network::Network;

const RECORDS_PER_READ: usize = 1_024;

/// Reads all alerts, in the order of the log of each patient.
pub(crate) async fn episodes(network: &Network, log: &dyn EventLog) -> Outcome<Vec<EpisodeLine>> {
    let mut found: BTreeMap<(String, [u8; 8]), (i64, EpisodeLine)> = BTreeMap::new();
    for partition in 0..log.partitions(ALERTS).await.or_environment("the event log")? {
        let mut scan = log.scan(ALERTS, partition, 0).await.or_environment("the event log")?;
        loop {
            let records = scan.next(RECORDS_PER_READ).await.or_environment("the event log")?;
            if records.is_empty() {
                break;
            }
            for record in records {
                if let Some((patient, anomaly)) = open(network, &record.key, &record.value)? {
                    take(&mut found, patient, &anomaly);
                }
            }
        }
    }
    let mut lines: Vec<_> = found.into_values().collect();
    lines.sort_by(|(one, a), (other, b)| (one, &a.patient, &a.signal).cmp(&(other, &b.patient, &b.signal)));
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

fn open(network: &Network, key: &[u8], value: &[u8]) -> Outcome<Option<(String, Anomaly)>> {
    let patients = network.patients();
    let Some(patient) = patients.values().find(|patient| patient.chain.id.0 == key) else { return Ok(None) };
    let Some(keys) = network.patient_keys(patient)? else { return Ok(None) };
    let stream_key = keys.stream(&patient.chain).or_environment("a patient's keys")?;
    let alert: Alert =
        open_topic_value(stream_key, &patient.chain, ALERTS, "alert", value).or_wrong("an alert in the log")?;
    let anomaly = ledger::decode("anomaly", &alert.anomaly).or_wrong("an alert in the log")?;
    Ok(Some((patient.name.clone(), anomaly)))
}

fn take(found: &mut BTreeMap<(String, [u8; 8]), (i64, EpisodeLine)>, patient: String, anomaly: &Anomaly) {
    let (_, line) = found.entry((patient.clone(), anomaly.episode.0)).or_insert_with(|| {
        let line = EpisodeLine {
            patient,
            route: anomaly.route.name().into(),
            signal: anomaly.signal.name().into(),
            start: iso(anomaly.start_ms),
            end: None,
        };
        (anomaly.start_ms, line)
    });
    if anomaly.change == Change::Resolved {
        line.end = Some(iso(anomaly.time_ms));
    }
}
