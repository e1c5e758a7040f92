//! Which limits there are.

use forecast::Limit;
use vitals::{Gate, Settings, Side, Signal, milli};

use crate::Error;
use crate::asked::parse_signal;
use crate::words::unit;

/// A limit of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalLimit {
    /// The signal.
    pub signal: Signal,
    /// Its limit.
    pub limit: Limit,
}

/// Reads `SIGNAL:above:VALUE` or `SIGNAL:below:VALUE`; the value in the signal's unit, within its plausible range.
///
/// # Errors
/// What is wrong with it, in words.
///
/// ```
/// use evaluate::forecast::parse_limit;
/// use vitals::{Side, Signal};
///
/// let limit = parse_limit("hr:above:100").unwrap();
/// assert_eq!((limit.signal, limit.limit.side, limit.limit.limit_milli), (Signal::HeartRate, Side::Above, 100_000));
/// assert!(parse_limit("mood:above:3").unwrap_err().contains("no signal is called `mood`"));
/// assert!(parse_limit("hr:over:100").unwrap_err().contains("above or below"));
/// assert!(parse_limit("hr:above:9999").unwrap_err().contains("between"));
/// ```
pub fn parse_limit(text: &str) -> Result<SignalLimit, String> {
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    let [signal, side, value] = parts.as_slice() else {
        return Err("SIGNAL:above:VALUE or SIGNAL:below:VALUE is needed, for example heart_rate:above:100".into());
    };
    let signal = parse_signal(signal)?;
    let side = match *side {
        "above" => Side::Above,
        "below" => Side::Below,
        other => return Err(format!("`{other}` is no side of a limit: above or below is needed")),
    };
    let limit_milli = milli::parse(value).ok_or_else(|| format!("`{value}` is no number"))?;
    let spec = signal.spec();
    if !(spec.low_milli..=spec.high_milli).contains(&limit_milli) {
        let [low, high] = [spec.low_milli, spec.high_milli].map(milli::to_text);
        return Err(format!("a limit of {} must lie between {low} and {high} {}", signal.name(), unit(signal)));
    }
    Ok(SignalLimit { signal, limit: Limit { limit_milli, side } })
}

/// Limits of every signal, and whether a signal counts at rest alone.
pub(crate) struct Limits {
    all: Vec<SignalLimit>,
    at_rest: Vec<Signal>,
    /// No step within it is rest, milliseconds.
    pub(crate) rest_ms: i64,
}

/// Limits of one signal, at most: each costs time.
const LIMITS_MAX: usize = 8;

impl Limits {
    /// Those of the settings, but for signals that have given ones.
    pub(crate) fn of(settings: &Settings, given: &[SignalLimit]) -> Result<Self, Error> {
        let mut all: Vec<SignalLimit> = Vec::new();
        for limit in given {
            if all.contains(limit) {
                return Err(Error::Usage(format!("--limit names the same limit of {} twice", limit.signal.name())));
            }
            all.push(*limit);
            if all.iter().filter(|other| other.signal == limit.signal).count() > LIMITS_MAX {
                return Err(Error::Usage(format!("--limit: at most {LIMITS_MAX} of {}", limit.signal.name())));
            }
        }
        for default in settings.limits.iter().filter(|limit| given.iter().all(|own| own.signal != limit.signal)) {
            let signal = default.signal;
            all.extend(Limit::of(default).map(|limit| SignalLimit { signal, limit }));
        }
        let resting = settings.limits.iter().filter(|limit| limit.gate == Gate::HighAtRest);
        let at_rest = resting.map(|limit| limit.signal).collect();
        Ok(Self { all, at_rest, rest_ms: i64::from(settings.rest_ms) })
    }

    /// Those of one signal.
    pub(crate) fn of_signal(&self, signal: Signal) -> Vec<Limit> {
        self.all.iter().filter(|limit| limit.signal == signal).map(|limit| limit.limit).collect()
    }

    /// Whether values of this signal count at rest alone, where rest can be told.
    pub(crate) fn at_rest(&self, signal: Signal) -> bool {
        self.at_rest.contains(&signal)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn given_limits_stand_instead_of_the_defaults_of_their_signal_alone() {
        let settings = Settings::home();
        let given = [parse_limit("heart_rate:above:100").unwrap()];
        let limits = Limits::of(&settings, &given).unwrap();
        assert_eq!(limits.of_signal(Signal::HeartRate), [given[0].limit]);
        let defaults = Limits::of(&settings, &[]).unwrap();
        assert_eq!(defaults.of_signal(Signal::HeartRate).len(), 2);
        assert_eq!(limits.of_signal(Signal::Spo2), defaults.of_signal(Signal::Spo2));
        assert!(limits.at_rest(Signal::HeartRate) && !limits.at_rest(Signal::Spo2));
        assert!(!Limits::of(&Settings::bedside(), &[]).unwrap().at_rest(Signal::HeartRate));
        let twice = Limits::of(&settings, &[given[0], given[0]]).err().unwrap();
        assert!(twice.to_string().contains("twice"), "{twice}");
    }

    #[test]
    fn a_limit_that_makes_no_sense_says_what_does() {
        for (text, expected) in [
            ("heart_rate", "SIGNAL:above:VALUE"),
            ("heart_rate:above:100:3", "SIGNAL:above:VALUE"),
            ("heart_rate:above:", "`` is no number"),
            ("heart_rate:above:1e99", "is no number"),
            ("spo2:below:-4", "between"),
        ] {
            let error = parse_limit(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
