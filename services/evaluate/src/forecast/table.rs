//! What people read.

use recording::Spelling;

use super::sentences::{beyond, micro, name, per_cent, sentence, silence, span};
use super::told::{Outlook, Vital};
use crate::aligned::{aligned, cells};
use crate::words::{amount, unit};
use forecast::Skill;

/// What is foretold of a person, and the backtest of each vital.
pub(crate) fn text(outlook: &Outlook) -> String {
    let Outlook { person, rows, refused, .. } = outlook;
    let mut out = format!("{person}: {rows} rows, {refused} refused\n");
    if outlook.vitals.is_empty() {
        out += "  no vital\n";
    }
    for vital in &outlook.vitals {
        out += &of_vital(outlook, vital);
    }
    out += "\n";
    out
}

fn of_vital(outlook: &Outlook, vital: &Vital) -> String {
    let mut out = String::new();
    match &vital.ahead {
        Err(why) => out += &format!("  {}\n", silence(vital, why)),
        Ok(ahead) => {
            let time = outlook.time(ahead.made_ms);
            let (last, reach) = (amount(vital.signal, ahead.last_milli), span(ahead.reach_ms));
            out += &format!("  {} {last} until {time}; foretold up to {reach} ahead\n", name(vital));
        }
    }
    for told in vital.limits.iter().filter_map(|at| sentence(vital, at)) {
        out += &format!("    {told}\n");
    }
    if vital.report.forecasts > 0 {
        out += &indented(format!(
            "backtest: {} forecasts from {} values ({}), pinball loss in {}, beside persistence (the last value)",
            vital.report.forecasts,
            vital.report.values,
            left_out(vital),
            unit(vital.signal)
        ));
        out += &aligned(&horizons(vital)).lines().map(indented).collect::<String>();
        let crossings = crossings(vital);
        if crossings.len() > 1 {
            out += &aligned(&crossings).lines().map(indented).collect::<String>();
        }
    }
    out
}

fn indented(line: impl AsRef<str>) -> String {
    format!("      {}\n", line.as_ref())
}

fn left_out(vital: &Vital) -> String {
    let late = format!("{} late", vital.report.left_out);
    if vital.at_rest { format!("{} not at rest and {late} left out", vital.moving) } else { format!("{late} left out") }
}

fn horizons(vital: &Vital) -> Vec<Vec<String>> {
    let mut rows = vec![cells([
        "ahead",
        "forecasts",
        "apart",
        "loss",
        "last value's",
        "saved",
        "within 80 %",
        "last value's",
        "",
    ])];
    for score in &vital.report.horizons {
        rows.push(vec![
            span(score.horizon_ms),
            score.forecasts.to_string(),
            score.independent.to_string(),
            micro(score.pinball_micro),
            micro(score.persistence_pinball_micro),
            format!("{} %", per_cent(score.skill_milli())),
            format!("{} %", per_cent(score.coverage_milli)),
            format!("{} %", per_cent(score.persistence_coverage_milli)),
            verdict(score.skill()).into(),
        ]);
    }
    rows
}

/// Of each limit that was ever crossed, at the horizon that its answer is for.
fn crossings(vital: &Vital) -> Vec<Vec<String>> {
    let mut rows =
        vec![cells(["crossing", "crossed", "Brier score", "last value's", "always the same", "interval held", ""])];
    for at in &vital.limits {
        let Some(score) = at.score.filter(|score| score.crossed > 0) else { continue };
        rows.push(vec![
            format!("{} within {}", beyond(vital.signal, at.limit), span(score.horizon_ms)),
            format!("{} of {}", score.crossed, score.forecasts),
            micro(score.brier_micro),
            micro(score.persistence_brier_micro),
            micro(score.share_brier_micro()),
            if score.timed > 0 {
                format!("{} % of {}", per_cent(score.interval_coverage_milli), score.timed)
            } else {
                "-".into()
            },
            verdict(score.skill()).into(),
        ]);
    }
    rows
}

fn verdict(skill: Skill) -> &'static str {
    match skill {
        Skill::Better => "better",
        Skill::NoBetter => "no better",
        Skill::Untried => "too few to judge",
    }
}

impl Outlook {
    /// An instant as the recording writes its own.
    pub(crate) fn time(&self, time_ms: i64) -> String {
        let spelling = self.spelling.unwrap_or(Spelling::Epoch { fraction: false });
        spelling.write(time_ms, self.offset_minutes)
    }
}
