use crate::{START_MS, reading};
use proptest::prelude::*;
use vitals::{Admission, Category, Provenance, RawReading, Refusal, SPECS, Signal, to_own_unit};

fn raw<'a>(signal: &'a str, value: &'a str, unit: Option<&'a str>) -> RawReading<'a> {
    RawReading { signal, value, unit, time_ms: START_MS, offset_minutes: None, provenance: Provenance::Device }
}

fn admit(signal: &str, value: &str, unit: Option<&str>) -> Result<i64, Refusal> {
    Admission::default().admit(&raw(signal, value, unit), START_MS).map(|reading| reading.value_milli)
}

/// D2: each a typed signal with unit and plausible range; an unknown one is refused with a reason.
#[test]
fn each_signal_of_the_paper_has_a_unit_and_a_range_and_an_unknown_one_is_refused() {
    for name in [
        "heart_rate",
        "calories",
        "respiration",
        "sleep_stage",
        "systolic",
        "diastolic",
        "paced_rate",
        "battery_voltage",
    ] {
        let signal = Signal::from_name(name).unwrap_or_else(|| panic!("{name}"));
        let spec = signal.spec();
        assert!(!spec.unit.is_empty() && spec.low_milli < spec.high_milli);
        assert_eq!(
            Admission::default().check(&reading(0, signal, spec.high_milli / 1_000 + 1), START_MS),
            Err(Refusal::OutOfRange { signal })
        );
    }
    let refusal = admit("aura", "7", None).unwrap_err();
    assert_eq!((refusal, refusal.code()), (Refusal::UnknownSignal, "unknown-signal"));
}

#[test]
fn headers_of_recordings_name_signals() {
    for (header, signal) in [
        ("hr", Signal::HeartRate),
        ("HR", Signal::HeartRate),
        ("bpm", Signal::HeartRate),
        ("Heart-Rate", Signal::HeartRate),
        ("RESP", Signal::Respiration),
        ("respr", Signal::Respiration),
        ("SpO2", Signal::Spo2),
        ("steps", Signal::Steps),
        ("ABPSys", Signal::Systolic),
        ("NBPDias", Signal::Diastolic),
    ] {
        assert_eq!(Signal::from_name(header), Some(signal), "{header}");
    }
    // A panel of two values is no signal.
    assert_eq!(Signal::from_name("85354-9"), None);
}

#[test]
fn other_units_are_converted_exactly_and_unknown_ones_refused() {
    assert_eq!(admit("temperature", "98.6", Some("[degF]")), Ok(37_000));
    assert_eq!(admit("temperature", "310.15", Some("K")), Ok(37_000));
    assert_eq!(admit("temperature", "36.6", Some("Cel")), Ok(36_600));
    assert_eq!(admit("weight", "154.324", Some("[lb_av]")), Ok(70_000));
    assert_eq!(admit("glucose", "5.5", Some("mmol/L")), Ok(99_086));
    assert_eq!(admit("systolic", "16", Some("kPa")), Ok(120_010));
    assert_eq!(admit("spo2", "0.97", Some("1")), Ok(97_000));
    assert_eq!(admit("hrv_sdnn", "0.045", Some("s")), Ok(45_000));
    assert_eq!(admit("temperature", "37", Some("cel")), Err(Refusal::UnknownUnit { signal: Signal::Temperature }));
    assert_eq!(admit("heart_rate", "72", Some("Cel")), Err(Refusal::UnknownUnit { signal: Signal::HeartRate }));
}

#[test]
fn the_range_ends_exactly_where_it_says() {
    assert_eq!(admit("heart_rate", "300", None), Ok(300_000));
    assert_eq!(admit("heart_rate", "300.001", None), Err(Refusal::OutOfRange { signal: Signal::HeartRate }));
    assert_eq!(admit("heart_rate", "0", None), Err(Refusal::OutOfRange { signal: Signal::HeartRate }));
    let said = Refusal::OutOfRange { signal: Signal::HeartRate }.to_string();
    assert_eq!(said, "heart_rate must lie between 20 and 300 /min");
}

#[test]
fn instants_offsets_and_numbers_are_checked() {
    let base = raw("heart_rate", "72", None);
    let admission = Admission { max_age_ms: 1_000, future_tolerance_ms: 500 };
    let at = |time_ms| admission.admit(&RawReading { time_ms, ..base }, START_MS).map(|_| ());
    assert_eq!(at(START_MS - 1_000), Ok(()));
    assert_eq!(at(START_MS - 1_001), Err(Refusal::TooOld));
    assert_eq!(at(START_MS + 500), Ok(()));
    assert_eq!(at(START_MS + 501), Err(Refusal::InFuture));
    let everything = Admission { max_age_ms: i64::MAX, future_tolerance_ms: i64::MAX };
    for time_ms in [i64::MIN, -1, i64::MAX] {
        let refusal = everything.admit(&RawReading { time_ms, ..base }, START_MS).unwrap_err();
        assert_eq!(refusal.code(), "malformed", "{time_ms}");
    }
    for (minutes, fine) in [(840, true), (-840, true), (841, false), (i16::MIN, false)] {
        let raw = RawReading { offset_minutes: Some(minutes), ..base };
        assert_eq!(admission.admit(&raw, START_MS).is_ok(), fine, "{minutes}");
    }
    assert_eq!(admit("steps", "10.5", None).unwrap_err().code(), "malformed");
    assert_eq!(admit("heart_rate", "fast", None).unwrap_err().code(), "malformed");
}

#[test]
fn categories_have_numbers_and_names_of_their_own() {
    for category in Category::ALL {
        assert_eq!(Category::from_id(category.id()), Some(category));
        assert_eq!(Category::from_name(category.name()), Some(category));
    }
    assert_eq!((Category::from_id(0), Category::from_id(7), Category::from_name("Vitals")), (None, None, None));
    assert_eq!(Signal::MedicationIntake.category(), Category::Manual);
    assert!(Signal::Co2.is_environment() && !Signal::HeartRate.is_environment());
}

proptest! {
    #[test]
    fn any_text_is_admitted_or_refused_without_panic(signal in ".{0,12}", value in ".{0,12}", unit in proptest::option::of(".{0,6}"), time_ms in any::<i64>(), offset in any::<Option<i16>>(), received in any::<i64>()) {
        let raw = RawReading { signal: &signal, value: &value, unit: unit.as_deref(), time_ms, offset_minutes: offset, provenance: Provenance::Manual };
        let _ = Admission::default().admit(&raw, received);
    }

    #[test]
    fn every_accepted_unit_keeps_the_order_of_values(line in 0..SPECS.len(), a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000) {
        let spec = &SPECS[line];
        for other in spec.other_units {
            let convert = |value| to_own_unit(spec.signal, value, other.names[0]).unwrap();
            prop_assert!((a <= b) == (convert(a) <= convert(b)) || convert(a) == convert(b));
        }
    }
}
