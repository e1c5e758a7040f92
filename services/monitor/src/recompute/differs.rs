//! What differs, where an anomaly is not the one that its readings give.

use vitals::Anomaly;

/// Fields that are named at most.
const FIELDS_MAX: usize = 4;

/// The anomaly said that is most like the one looked for.
pub(super) struct Nearest<'a> {
    told: &'a Anomaly,
    found: Option<(u8, Anomaly)>,
    said: u64,
}

impl<'a> Nearest<'a> {
    pub(super) fn new(told: &'a Anomaly) -> Self {
        Self { told, found: None, said: 0 }
    }

    pub(super) fn see(&mut self, said: Vec<Anomaly>) {
        for anomaly in said {
            self.said += 1;
            let likeness = likeness(self.told, &anomaly);
            if self.found.as_ref().is_none_or(|(best, _)| likeness >= *best) {
                self.found = Some((likeness, anomaly));
            }
        }
    }

    pub(super) fn said(&self) -> u64 {
        self.said
    }

    /// Why none of them is the one.
    pub(super) fn explain(&self) -> String {
        match &self.found {
            None => "its readings give no anomaly at all".into(),
            Some((0, _)) => format!("its readings give {} anomalies, none of that episode or moment", self.said),
            Some((_, ours)) => {
                format!("its readings give another anomaly: {}", differences(self.told, ours).join("; "))
            }
        }
    }
}

fn likeness(told: &Anomaly, ours: &Anomaly) -> u8 {
    let episode = told.episode == ours.episode && told.change == ours.change;
    let moment = told.time_ms == ours.time_ms && told.route == ours.route;
    2 * u8::from(episode && moment) + u8::from(episode) + u8::from(moment)
}

/// The fields that differ, the commitment to everything before last.
fn differences(told: &Anomaly, ours: &Anomaly) -> Vec<String> {
    let mut all = Vec::new();
    macro_rules! compare {
        ($($field:ident),* $(,)?) => {
            $(if told.$field != ours.$field {
                let (told, ours) = (&told.$field, &ours.$field);
                all.push(format!("{} is {told:?}, computed {ours:?}", stringify!($field)));
            })*
        };
    }
    compare!(
        route,
        change,
        severity,
        signal,
        start_ms,
        time_ms,
        offset_minutes,
        value_milli,
        usual,
        limit,
        score_micro,
        threshold_micro,
        contributions,
        missing,
        news2,
        persisted,
        from_ms,
        to_ms,
        seed,
        episode,
    );
    all.truncate(FIELDS_MAX);
    if told.model != ours.model {
        all.push("the cohort model".into());
    }
    if told.window != ours.window {
        all.push("the commitment to readings, settings and parameters before it (window)".into());
    }
    all
}
