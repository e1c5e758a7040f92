//! A real recording: what it costs on disk. Skipped, by name, where the data is not there.

use std::io::Read as _;
use std::path::Path;
use std::time::Instant;

use phc::messages::{MONITOR_STATE, READINGS};
use vitals::Signal;

use crate::world::*;

const RECORDING: &str = "../../../shared/data/wearable/AS2MVDL_1min.csv.gz";

/// Heart rate and steps by minute; lines are taken as consecutive minutes.
fn minutes() -> Option<Vec<phc::Reading>> {
    let file = std::fs::File::open(Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDING)).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut readings = Vec::new();
    for (line, minute) in text.lines().skip(1).zip(0..) {
        let values = line.split(',').skip(1).zip([Signal::HeartRate, Signal::Steps]);
        readings
            .extend(values.filter_map(|(value, signal)| Some(reading(signal, minute, vitals::milli::parse(value)?))));
    }
    Some(readings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_recording_goes_through_whole_and_costs_a_few_bytes_a_reading() {
    let Some(readings) = minutes() else {
        println!(
            "skipped a_real_recording_goes_through_whole_and_costs_a_few_bytes_a_reading: {RECORDING} is not there"
        );
        return;
    };
    let mut world = World::new(80).await;
    world.settings = monitor::Settings { wait: world.settings.wait, ..monitor::Settings::default() };
    let patient = world.enrol().await;
    let mut running = world.start();
    let begun = Instant::now();
    let mut sequence = 0;
    for chunk in readings.chunks(2_000) {
        world.send(&patient, &batch(sequence, chunk.to_vec())).await;
        sequence += chunk.len() as u64;
        world.tick(chunk.last().unwrap().time_ms, false).await;
    }
    world.flush(&mut running, readings.last().unwrap().time_ms).await;
    let seconds = begun.elapsed().as_secs_f64();
    running.stop().await;
    let content = world.content(&patient).await;
    assert_eq!(content.readings, readings.len() as u64);
    let blocks = world.blocks(&patient).await;
    let of = |which: fn(u8) -> bool| -> u64 {
        let entries = blocks.iter().flat_map(|block| &block.header.batches);
        entries.filter(|entry| which(entry.category)).map(|entry| u64::from(entry.blob.length)).sum()
    };
    let count = readings.len() as f64;
    let each = |bytes: u64| bytes as f64 / count;
    let mut values = [0; 2];
    for (place, topic) in values.iter_mut().zip([MONITOR_STATE, READINGS]) {
        *place = world.records(topic).await.iter().map(|record| record.value.len() as u64).sum();
    }
    println!(
        "{} readings, {} scores, {} anomalies in {} blocks, {:.0} readings/s here; bytes a reading: {:.2} batches, {:.2} scores, {:.2} blocks, {:.2} states, {:.2} inbound",
        content.readings,
        content.scores,
        content.anomalies,
        blocks.len() - 1,
        count / seconds,
        each(of(|category| category < 128)),
        each(of(|category| category == phc::CATEGORY_SCORES)),
        each(blocks.iter().map(|block| block.encode().len() as u64).sum()),
        each(values[0]),
        each(values[1]),
    );
    assert!(each(of(|_| true)) < 4.0);
}
