//! Real heart rates and steps, where the recordings are at hand.

use crate::population::watch;
use crate::recordings;
use vitals::{Anomaly, Change, Route};

#[test]
fn real_recordings_of_heart_rate_and_steps_run_to_their_end_in_bounded_state() {
    for name in recordings::PEOPLE {
        let Some(readings) = recordings::person(name) else { continue };
        assert!(readings.len() > 100_000, "{name}");
        let last_ms = readings.last().unwrap().time_ms;
        let outcome = watch(readings.into_iter());
        let opened = |route| {
            let is = |anomaly: &&Anomaly| anomaly.route == route && anomaly.change == Change::Opened;
            outcome.anomalies.iter().filter(is).count()
        };
        println!(
            "{name}: {} readings, {} scores; episodes: {} by drift, {} by forest, {} by limits; state {} bytes",
            outcome.readings,
            outcome.scores.len(),
            opened(Route::Drift),
            opened(Route::Forest),
            opened(Route::HardLimit),
            outcome.state_bytes
        );
        assert!(outcome.state_bytes <= 4_096, "{name}: {}", outcome.state_bytes);
        // Scores go on to the end: nothing got stuck.
        assert!(last_ms - outcome.scores.last().unwrap().time_ms < 5 * 86_400_000, "{name}");
        assert!(outcome.anomalies.len() < 400, "{name}: {} entries", outcome.anomalies.len());
    }
}
