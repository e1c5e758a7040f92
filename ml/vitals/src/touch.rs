//! Reading ahead of the work: of many subjects each state is cold when its next reading comes, and what a reading needs of it
//! lies in a dozen places. Asked for one after the other, as the work comes to them, these loads take longer than the work.

use crate::PatientState;

impl PatientState {
    /// Reads a little of each place that the next reading will need, and gives a number that means nothing. Nothing changes by it.
    ///
    /// Who has readings of many subjects before it calls this for several of them first, level 0 for all, then level 1
    /// (what level 0 points to): the loads from memory then go on at the same time.
    #[must_use]
    pub fn touch(&self, level: u8) -> u64 {
        if level == 0 {
            let sums = self.sums.iter().fold(0, |sum: i64, of| sum.wrapping_add(of.sum_milli));
            let good = self.quality.iter().fold(0, |sum: i64, of| sum.wrapping_add(of.good.time_ms));
            return self
                .inbox
                .open_slot
                .wrapping_add(sums)
                .wrapping_add(good)
                .wrapping_add(self.walked_slot)
                .cast_unsigned();
        }
        let pending = self.inbox.pending.iter().fold(0, |sum: i64, entry| sum.wrapping_add(entry.slot));
        let tracks = self.tracks.iter().fold(0, |sum: i64, track| sum.wrapping_add(track.value_milli));
        let baselines = self.baselines.iter().fold(0, |sum: i64, (_, baseline)| {
            sum.wrapping_add(baseline.so_far_micro().map_or(0, |(median_micro, _)| median_micro))
        });
        let drift = self.drift.as_deref().map_or(0, crate::drift::Drift::touch);
        pending.wrapping_add(tracks).wrapping_add(baselines).cast_unsigned().wrapping_add(drift)
    }
}
