//! Prints the backtest of a recording: CSV (also .gz) with a column `time` or `minute`, and columns named by signals.
//!
//! ```text
//! cargo run -p forecast --example backtest -- FILE [--bedside | --day] [--horizon-minutes N] [--signal NAME]
//!     [--resting] [--above VALUE] [--below VALUE] [--json]
//! ```
//! `--resting` keeps minutes without a step in the last twelve. Zeros are taken as missing.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::io::Read;

use forecast::{Limit, Plan, Settings, backtest};
use vitals::{Side, Signal, milli};

/// Values of one column: instant in milliseconds, thousandths of the unit.
type Values = Vec<(i64, i64)>;

const MINUTE_MS: i64 = 60_000;
/// At rest = no step in so many minutes.
const REST_MINUTES: i64 = 12;

struct Options {
    file: String,
    settings: Settings,
    signal: Option<Signal>,
    resting: bool,
    limits: Vec<Limit>,
    json: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let text = read(&options.file)?;
    for (signal, values) in columns(&text, options.resting)? {
        if options.signal.is_some_and(|only| only != signal) || signal == Signal::Steps {
            continue;
        }
        let plan = Plan { limits: options.limits.clone(), ..Plan::usual(&options.settings) };
        let report = backtest(signal, &options.settings, &plan, values)?;
        if options.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            println!("{report}");
        }
    }
    Ok(())
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("name a file")?;
    let mut options =
        Options { file, settings: Settings::home(), signal: None, resting: false, limits: Vec::new(), json: false };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--bedside" => options.settings = Settings::bedside(),
            "--day" => options.settings = Settings::day(),
            "--resting" => options.resting = true,
            "--json" => options.json = true,
            "--horizon-minutes" => {
                let steps = value()?.parse::<i64>()? * MINUTE_MS / options.settings.step_ms;
                options.settings.horizon_steps = u16::try_from(steps)?;
            }
            "--signal" => options.signal = Some(Signal::from_name(&value()?).ok_or("no such signal")?),
            "--above" | "--below" => {
                let side = if argument == "--above" { Side::Above } else { Side::Below };
                let limit_milli = milli::parse(&value()?).ok_or("a limit is a number")?;
                options.limits.push(Limit { limit_milli, side });
            }
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    Ok(options)
}

fn read(file: &str) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let bytes = std::fs::read(file)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text)?;
    } else {
        text = String::from_utf8(bytes)?;
    }
    Ok(text)
}

fn columns(text: &str, resting: bool) -> Result<Vec<(Signal, Values)>, Box<dyn Error>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().ok_or("the file is empty")?.split(',').collect();
    let steps_column = header.iter().position(|name| Signal::from_name(name) == Some(Signal::Steps));
    let mut columns: Vec<(usize, Signal, Values)> = Vec::new();
    for (at, name) in header.iter().enumerate().skip(1) {
        let signal = signal_of(name).filter(|signal| columns.iter().all(|(_, other, _)| other != signal));
        columns.extend(signal.map(|signal| (at, signal, Vec::new())));
    }
    let mut last_step_ms = i64::MIN;
    for (number, line) in lines.enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let time = cells.first().copied().unwrap_or_default();
        let time_ms = instant_ms(time).ok_or(format!("line {}: {time} is no time", number + 2))?;
        let cell = |at: usize| cells.get(at).and_then(|cell| milli::parse(cell));
        if steps_column.and_then(cell).is_some_and(|steps| steps > 0) {
            last_step_ms = time_ms;
        }
        if resting && time_ms.saturating_sub(last_step_ms) < REST_MINUTES * MINUTE_MS {
            continue;
        }
        for (at, _, values) in &mut columns {
            values.extend(cell(*at).filter(|value| *value != 0).map(|value| (time_ms, value)));
        }
    }
    Ok(columns.into_iter().map(|(_, signal, values)| (signal, values)).collect())
}

/// The signal of a column, by its name or by those that bedside monitors use; invasive pressure before the cuff's.
fn signal_of(name: &str) -> Option<Signal> {
    match name {
        "ABPSys" => Some(Signal::Systolic),
        "ABPDias" => Some(Signal::Diastolic),
        "RESP" => Some(Signal::Respiration),
        "PULSE" => None,
        other => Signal::from_name(other),
    }
}

/// From `YYYY-MM-DD hh:mm:ss`, or a number of minutes.
fn instant_ms(text: &str) -> Option<i64> {
    if let Ok(minute) = text.parse::<i64>() {
        return minute.checked_mul(MINUTE_MS);
    }
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    // Days of the civil calendar, years beginning in March.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + part(11..13)?) * 60 + part(14..16)?) * MINUTE_MS + part(17..19)? * 1_000)
}
