//! What is known about each signal: names, codes, units, plausible range.
//!
//! LOINC codes are listed only where the code means exactly this quantity; signals without one are
//! exchanged under their own name.

use crate::Category::{Activity, Devices, Environment, Manual, Sleep, Vitals};
use crate::{Category, Signal};

/// Another unit that is accepted for a signal: stored = (value + offset) × numerator / denominator.
#[derive(Clone, Copy, Debug)]
pub struct OtherUnit {
    /// Names of the unit (UCUM first).
    pub names: &'static [&'static str],
    /// Added before scaling, in thousandths of this unit.
    pub offset_milli: i64,
    /// Factor's numerator.
    pub numerator: i64,
    /// Factor's denominator, positive.
    pub denominator: i64,
}

/// One line of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The signal.
    pub signal: Signal,
    /// The stable name.
    pub name: &'static str,
    /// Other names, as found in headers of recordings.
    pub aliases: &'static [&'static str],
    /// LOINC codes that mean this signal, the preferred one first.
    pub loinc: &'static [&'static str],
    /// The UCUM unit of stored values.
    pub unit: &'static str,
    /// Other spellings of that unit.
    pub unit_names: &'static [&'static str],
    /// Other accepted units.
    pub other_units: &'static [OtherUnit],
    /// Lowest plausible value, thousandths.
    pub low_milli: i64,
    /// Highest plausible value, thousandths.
    pub high_milli: i64,
    /// Whether only whole numbers are meaningful.
    pub whole: bool,
    /// The consent category.
    pub category: Category,
}

impl Spec {
    const fn new(
        signal: Signal,
        name: &'static str,
        category: Category,
        unit: &'static str,
        low: i64,
        high: i64,
    ) -> Self {
        Self {
            signal,
            name,
            aliases: &[],
            loinc: &[],
            unit,
            unit_names: &[],
            other_units: &[],
            low_milli: low * crate::milli::ONE,
            high_milli: high * crate::milli::ONE,
            whole: false,
            category,
        }
    }

    const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn loinc(self, loinc: &'static [&'static str]) -> Self {
        Self { loinc, ..self }
    }

    const fn unit_names(self, unit_names: &'static [&'static str]) -> Self {
        Self { unit_names, ..self }
    }

    const fn or_in(self, other_units: &'static [OtherUnit]) -> Self {
        Self { other_units, ..self }
    }

    const fn whole(self) -> Self {
        Self { whole: true, ..self }
    }
}

const PER_MINUTE: &[&str] = &["{beats}/min", "beats/min", "beats/minute", "bpm", "1/min"];
const PER_SECOND: OtherUnit = OtherUnit { names: &["Hz", "/s"], offset_milli: 0, numerator: 60, denominator: 1 };
const FAHRENHEIT: OtherUnit =
    OtherUnit { names: &["[degF]", "degF", "°F", "F"], offset_milli: -32_000, numerator: 5, denominator: 9 };
const KELVIN: OtherUnit = OtherUnit { names: &["K"], offset_milli: -273_150, numerator: 1, denominator: 1 };
const KILOPASCAL: OtherUnit =
    OtherUnit { names: &["kPa"], offset_milli: 0, numerator: 1_000_000_000, denominator: 133_322_387 };
const SECONDS_IN_MS: OtherUnit = OtherUnit { names: &["s"], offset_milli: 0, numerator: 1_000, denominator: 1 };
const FRACTION: OtherUnit = OtherUnit { names: &["1"], offset_milli: 0, numerator: 100, denominator: 1 };
/// Glucose has 180.156 g/mol.
const MMOL_GLUCOSE: OtherUnit =
    OtherUnit { names: &["mmol/L"], offset_milli: 0, numerator: 180_156, denominator: 10_000 };
const POUND: OtherUnit =
    OtherUnit { names: &["[lb_av]", "lb", "lbs"], offset_milli: 0, numerator: 45_359_237, denominator: 100_000_000 };
const GRAM: OtherUnit = OtherUnit { names: &["g"], offset_milli: 0, numerator: 1, denominator: 1_000 };
const KILOJOULE: OtherUnit = OtherUnit { names: &["kJ"], offset_milli: 0, numerator: 1_000, denominator: 4_184 };
const MILLIVOLT: OtherUnit = OtherUnit { names: &["mV"], offset_milli: 0, numerator: 1, denominator: 1_000 };
const HOUR: OtherUnit = OtherUnit { names: &["h"], offset_milli: 0, numerator: 60, denominator: 1 };
const CELSIUS: &[&str] = &["degC", "°C", "C"];
const MMHG: &[&str] = &["mmHg"];

/// The registry, in the order of the numbers.
pub static SPECS: [Spec; 26] = [
    Spec::new(Signal::HeartRate, "heart_rate", Vitals, "/min", 20, 300)
        .aliases(&["hr", "bpm", "pulse", "heartrate"])
        .loinc(&["8867-4"])
        .unit_names(PER_MINUTE)
        .or_in(&[PER_SECOND]),
    Spec::new(Signal::RestingHeartRate, "resting_heart_rate", Vitals, "/min", 20, 220)
        .aliases(&["rhr", "resting_hr"])
        .loinc(&["40443-4"])
        .unit_names(PER_MINUTE)
        .or_in(&[PER_SECOND]),
    Spec::new(Signal::Respiration, "respiration", Vitals, "/min", 2, 80)
        .aliases(&["resp", "rr", "respr", "respiratory_rate", "respiration_rate", "breathing_rate"])
        .loinc(&["9279-1"])
        .unit_names(&["{breaths}/min", "breaths/min", "breaths/minute", "rpm", "1/min"])
        .or_in(&[PER_SECOND]),
    Spec::new(Signal::Spo2, "spo2", Vitals, "%", 40, 100)
        .aliases(&["sao2", "oxygen_saturation", "o2sat"])
        .loinc(&["59408-5", "2708-6"])
        .or_in(&[FRACTION]),
    Spec::new(Signal::Temperature, "temperature", Vitals, "Cel", 25, 45)
        .aliases(&["temp", "body_temperature"])
        .loinc(&["8310-5"])
        .unit_names(CELSIUS)
        .or_in(&[FAHRENHEIT, KELVIN]),
    Spec::new(Signal::Systolic, "systolic", Vitals, "mm[Hg]", 30, 300)
        .aliases(&["sbp", "sys", "systolic_blood_pressure", "abp_sys", "nbp_sys"])
        .loinc(&["8480-6"])
        .unit_names(MMHG)
        .or_in(&[KILOPASCAL]),
    Spec::new(Signal::Diastolic, "diastolic", Vitals, "mm[Hg]", 10, 220)
        .aliases(&["dbp", "dia", "diastolic_blood_pressure", "abp_dias", "nbp_dias"])
        .loinc(&["8462-4"])
        .unit_names(MMHG)
        .or_in(&[KILOPASCAL]),
    Spec::new(Signal::HrvSdnn, "hrv_sdnn", Vitals, "ms", 0, 500)
        .aliases(&["hrv", "sdnn"])
        .loinc(&["80404-7"])
        .or_in(&[SECONDS_IN_MS]),
    Spec::new(Signal::Glucose, "glucose", Vitals, "mg/dL", 10, 1_500)
        .aliases(&["bg", "blood_glucose"])
        .loinc(&["2339-0"])
        .or_in(&[MMOL_GLUCOSE]),
    Spec::new(Signal::Weight, "weight", Vitals, "kg", 0, 650)
        .aliases(&["body_weight"])
        .loinc(&["29463-7"])
        .or_in(&[POUND, GRAM]),
    Spec::new(Signal::SupplementalOxygen, "supplemental_oxygen", Vitals, "{0,1}", 0, 1)
        .aliases(&["oxygen_therapy", "on_oxygen"])
        .unit_names(&["1"])
        .whole(),
    Spec::new(Signal::Consciousness, "consciousness", Vitals, "{0,1}", 0, 1)
        .aliases(&["acvpu", "cvpu"])
        .unit_names(&["1"])
        .whole(),
    Spec::new(Signal::Steps, "steps", Activity, "{steps}", 0, 100_000)
        .aliases(&["step", "step_count"])
        .loinc(&["55423-8"])
        .unit_names(&["steps", "1", "count"])
        .whole(),
    Spec::new(Signal::Calories, "calories", Activity, "kcal", 0, 20_000)
        .aliases(&["kcal", "energy"])
        .loinc(&["41981-2"])
        .or_in(&[KILOJOULE]),
    Spec::new(Signal::SleepStage, "sleep_stage", Sleep, "{stage}", 0, 3)
        .aliases(&["sleep", "stage"])
        .unit_names(&["1"])
        .whole(),
    Spec::new(Signal::PacedBeats, "paced_beats", Devices, "%", 0, 100).aliases(&["paced"]).or_in(&[FRACTION]),
    Spec::new(Signal::PacedRate, "paced_rate", Devices, "/min", 20, 250)
        .aliases(&["pacemaker_rate"])
        .unit_names(PER_MINUTE)
        .or_in(&[PER_SECOND]),
    Spec::new(Signal::BatteryVoltage, "battery_voltage", Devices, "V", 0, 10).aliases(&["battery"]).or_in(&[MILLIVOLT]),
    Spec::new(Signal::MedicationIntake, "medication_intake", Manual, "{dose}", 0, 100)
        .aliases(&["medication", "dose", "doses"])
        .unit_names(&["1", "doses"]),
    Spec::new(Signal::Training, "training", Manual, "min", 0, 1_440).aliases(&["exercise", "workout"]).or_in(&[HOUR]),
    Spec::new(Signal::RoomTemperature, "room_temperature", Environment, "Cel", -40, 70)
        .aliases(&["room_temp", "ambient_temperature"])
        .unit_names(CELSIUS)
        .or_in(&[FAHRENHEIT, KELVIN]),
    Spec::new(Signal::Humidity, "humidity", Environment, "%", 0, 100)
        .aliases(&["relative_humidity"])
        .or_in(&[FRACTION]),
    Spec::new(Signal::Co2, "co2", Environment, "[ppm]", 100, 100_000).aliases(&["carbon_dioxide"]).unit_names(&["ppm"]),
    Spec::new(Signal::Noise, "noise", Environment, "dB", 0, 160)
        .aliases(&["sound", "sound_level"])
        .unit_names(&["dB[SPL]", "dB(A)"]),
    Spec::new(Signal::Light, "light", Environment, "lx", 0, 200_000)
        .aliases(&["illuminance", "lux"])
        .unit_names(&["lux"]),
    Spec::new(Signal::BedOccupancy, "bed_occupancy", Environment, "{0,1}", 0, 1)
        .aliases(&["bed", "occupancy"])
        .unit_names(&["1"])
        .whole(),
];

/// Numbers of signals are below this.
const NUMBERS: usize = 128;

static BY_NUMBER: [Option<Signal>; NUMBERS] = {
    let mut table = [None; NUMBERS];
    let mut at = 0;
    while at < SPECS.len() {
        table[SPECS[at].signal as usize] = Some(SPECS[at].signal);
        at += 1;
    }
    table
};

/// The signal of a number.
pub(crate) fn by_number(id: u16) -> Option<Signal> {
    *BY_NUMBER.get(usize::from(id))?
}

/// The line of a signal.
pub(crate) fn spec(signal: Signal) -> &'static Spec {
    let at = match signal {
        Signal::HeartRate => 0,
        Signal::RestingHeartRate => 1,
        Signal::Respiration => 2,
        Signal::Spo2 => 3,
        Signal::Temperature => 4,
        Signal::Systolic => 5,
        Signal::Diastolic => 6,
        Signal::HrvSdnn => 7,
        Signal::Glucose => 8,
        Signal::Weight => 9,
        Signal::SupplementalOxygen => 10,
        Signal::Consciousness => 11,
        Signal::Steps => 12,
        Signal::Calories => 13,
        Signal::SleepStage => 14,
        Signal::PacedBeats => 15,
        Signal::PacedRate => 16,
        Signal::BatteryVoltage => 17,
        Signal::MedicationIntake => 18,
        Signal::Training => 19,
        Signal::RoomTemperature => 20,
        Signal::Humidity => 21,
        Signal::Co2 => 22,
        Signal::Noise => 23,
        Signal::Light => 24,
        Signal::BedOccupancy => 25,
    };
    &SPECS[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_finds_its_own_line_by_number_name_alias_and_code() {
        let mut last = 0;
        for line in &SPECS {
            assert!(line.signal.id() > last, "{} out of order", line.name);
            last = line.signal.id();
            assert_eq!(spec(line.signal).name, line.name);
            assert_eq!(Signal::from_id(line.signal.id()), Some(line.signal));
            for name in line.aliases.iter().chain(line.loinc).chain([&line.name]) {
                assert_eq!(Signal::from_name(name), Some(line.signal), "{name} means two signals");
            }
            assert!(line.low_milli < line.high_milli);
        }
        assert_eq!(Signal::from_id(0), None);
        assert_eq!(Signal::from_id(u16::MAX), None);
    }
}
