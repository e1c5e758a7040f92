//! The sensors of one location.

use crate::chance::Chance;
use crate::stream::Plan;
use vitals::{Provenance, Reading, Signal, milli};

const MINUTE_MS: i64 = 60_000;
const SIGNALS: usize = 6;

/// What goes wrong in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomFault {
    /// The ventilation fails: CO2 rises to 3,200 ppm.
    Ventilation,
    /// The heating fails: the room falls to 12 °C.
    Heating,
}

/// Readings of one location's sensors in the order of time.
pub struct RoomStream {
    plan: Plan,
    chance: Chance,
    minute: i64,
    end_minute: i64,
    fault: Option<(i64, i64, RoomFault)>,
    buffer: [Option<Reading>; SIGNALS],
    next: usize,
}

impl RoomStream {
    /// Location `number` of the plan, with at most one fault `(start_ms, end_ms, what)`.
    #[must_use]
    pub fn new(plan: Plan, number: u32, fault: Option<(i64, i64, RoomFault)>) -> Self {
        Self {
            plan: Plan { interval_minutes: plan.interval_minutes.max(1), ..plan },
            chance: Chance::new(plan.seed, 3, u64::from(number)),
            minute: plan.start_ms.div_euclid(MINUTE_MS),
            end_minute: plan.end_ms.div_euclid(MINUTE_MS),
            fault,
            buffer: [None; SIGNALS],
            next: SIGNALS,
        }
    }

    fn advance(&mut self) {
        let minute = self.minute;
        self.minute += i64::from(self.plan.interval_minutes);
        self.next = 0;
        let time_ms = minute * MINUTE_MS;
        let hour = (minute + i64::from(self.plan.offset_minutes)).rem_euclid(1_440) / 60;
        let day = (7..22).contains(&hour);
        let fault = self.fault.filter(|(from, to, _)| (*from..*to).contains(&time_ms)).map(|(_, _, fault)| fault);
        let mut around = |level: f64, spread: f64| level + spread * self.chance.normal();
        let values = [
            (Signal::RoomTemperature, around(if fault == Some(RoomFault::Heating) { 12.0 } else { 21.5 }, 0.3)),
            (Signal::Humidity, around(45.0, 2.0)),
            (Signal::Co2, around(if fault == Some(RoomFault::Ventilation) { 3_200.0 } else { 750.0 }, 60.0)),
            (Signal::Noise, around(if day { 45.0 } else { 30.0 }, 3.0)),
            (Signal::Light, around(if day { 250.0 } else { 12.0 }, 3.0)),
            (Signal::BedOccupancy, if day { 0.0 } else { 1.0 }),
        ];
        for ((place, (signal, value)), second) in self.buffer.iter_mut().zip(values).zip(30_i64..) {
            let whole = signal == Signal::BedOccupancy;
            let rounded = if whole { value } else { libm::round(value.max(0.0) * 10.0) / 10.0 };
            *place = milli::from_f64(rounded).map(|value_milli| Reading {
                signal,
                value_milli,
                time_ms: time_ms + second * 1_000,
                offset_minutes: Some(self.plan.offset_minutes),
                provenance: Provenance::Device,
            });
        }
    }
}

impl Iterator for RoomStream {
    type Item = Reading;

    fn next(&mut self) -> Option<Reading> {
        if self.next >= SIGNALS {
            if self.minute >= self.end_minute {
                return None;
            }
            self.advance();
        }
        let reading = self.buffer.get(self.next).copied().flatten();
        self.next += 1;
        reading
    }
}
