//! The closed list of signals, with stable numbers and names.

use crate::registry::{SPECS, Spec};
use borsh::io::{Error, ErrorKind, Read, Result, Write};
use borsh::{BorshDeserialize, BorshSerialize};

/// The consent categories: a grant covers one of these (capability E10). Numbers never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Category {
    /// Heart, breath, temperature, pressure, glucose, weight.
    Vitals = 1,
    /// Steps and energy.
    Activity = 2,
    /// Sleep stages.
    Sleep = 3,
    /// State of implanted and worn devices.
    Devices = 4,
    /// What a person enters: medicine taken, training.
    Manual = 5,
    /// Rooms and beds.
    Environment = 6,
}

impl Category {
    /// All categories in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Vitals, Self::Activity, Self::Sleep, Self::Devices, Self::Manual, Self::Environment];

    /// The stable number.
    #[must_use]
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The stable name, as used in consents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vitals => "vitals",
            Self::Activity => "activity",
            Self::Sleep => "sleep",
            Self::Devices => "devices",
            Self::Manual => "manual",
            Self::Environment => "environment",
        }
    }

    /// The category with this number.
    #[must_use]
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.id() == id)
    }

    /// The category with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// One measured or entered quantity. Numbers never change and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Signal {
    /// Beats per minute.
    HeartRate = 1,
    /// Beats per minute at rest, as a device computes it.
    RestingHeartRate = 2,
    /// Breaths per minute.
    Respiration = 3,
    /// Peripheral oxygen saturation, per cent.
    Spo2 = 4,
    /// Body temperature, degrees Celsius.
    Temperature = 5,
    /// Systolic pressure, mm\[Hg\].
    Systolic = 6,
    /// Diastolic pressure, mm\[Hg\].
    Diastolic = 7,
    /// Standard deviation of beat intervals, milliseconds.
    HrvSdnn = 8,
    /// Blood glucose, mg/dL.
    Glucose = 9,
    /// Body weight, kilograms.
    Weight = 10,
    /// 1 where the person breathes supplemental oxygen, 0 on air.
    SupplementalOxygen = 11,
    /// 0 alert, 1 newly confused, or responsive to voice or pain only, or unresponsive (CVPU).
    Consciousness = 12,
    /// Steps since the previous reading.
    Steps = 20,
    /// Energy since the previous reading, kilocalories.
    Calories = 21,
    /// 0 awake, 1 light, 2 deep, 3 REM.
    SleepStage = 30,
    /// Share of beats that a pacemaker paced, per cent.
    PacedBeats = 40,
    /// Pacemaker's lower rate now in effect, per minute.
    PacedRate = 41,
    /// Voltage of an implanted device's battery, volts.
    BatteryVoltage = 42,
    /// Doses of medicine taken.
    MedicationIntake = 50,
    /// Minutes of training.
    Training = 51,
    /// Room temperature, degrees Celsius.
    RoomTemperature = 100,
    /// Relative humidity of the room, per cent.
    Humidity = 101,
    /// Carbon dioxide in the room, parts per million.
    Co2 = 102,
    /// Sound pressure level, decibels.
    Noise = 103,
    /// Illuminance, lux.
    Light = 104,
    /// 1 where somebody lies in the bed, else 0.
    BedOccupancy = 105,
}

impl Signal {
    /// All signals in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        SPECS.iter().map(|spec| spec.signal)
    }

    /// The stable number.
    #[must_use]
    pub const fn id(self) -> u16 {
        self as u16
    }

    /// The signal with this number.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        crate::registry::by_number(id)
    }

    /// The signal with this name, alias or LOINC code; upper and lower case, spaces, `-` and `_` count the same.
    ///
    /// ```
    /// use vitals::Signal;
    /// assert_eq!(Signal::from_name("Heart Rate"), Some(Signal::HeartRate));
    /// assert_eq!(Signal::from_name("SpO2"), Some(Signal::Spo2));
    /// assert_eq!(Signal::from_name("8867-4"), Some(Signal::HeartRate));
    /// assert_eq!(Signal::from_name("mood"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim();
        if name.len() > 64 {
            return None;
        }
        SPECS
            .iter()
            .find(|spec| {
                same_name(spec.name, name)
                    || spec.aliases.iter().any(|alias| same_name(alias, name))
                    || spec.loinc.contains(&name)
            })
            .map(|spec| spec.signal)
    }

    /// The signal with this LOINC code.
    #[must_use]
    pub fn from_loinc(code: &str) -> Option<Self> {
        SPECS.iter().find(|spec| spec.loinc.contains(&code)).map(|spec| spec.signal)
    }

    /// All that is known about the signal.
    #[must_use]
    pub fn spec(self) -> &'static Spec {
        crate::registry::spec(self)
    }

    /// The stable name, e.g. `heart_rate`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The consent category.
    #[must_use]
    pub fn category(self) -> Category {
        self.spec().category
    }

    /// The UCUM unit of stored values.
    #[must_use]
    pub fn unit(self) -> &'static str {
        self.spec().unit
    }

    /// The first LOINC code, where there is one.
    #[must_use]
    pub fn loinc(self) -> Option<&'static str> {
        self.spec().loinc.first().copied()
    }

    /// Whether the subject of its readings is a location, not a person (capability D3).
    #[must_use]
    pub fn is_environment(self) -> bool {
        self.category() == Category::Environment
    }
}

/// Equal but for case and the separators space, `-`, `_`.
fn same_name(a: &str, b: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = u8> + '_ {
        text.bytes().filter(|c| !matches!(c, b'_' | b'-' | b' ')).map(|c| c.to_ascii_lowercase())
    }
    letters(a).eq(letters(b))
}

impl BorshSerialize for Signal {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        self.id().serialize(writer)
    }
}

impl BorshDeserialize for Signal {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        let id = u16::deserialize_reader(reader)?;
        Self::from_id(id).ok_or_else(|| Error::new(ErrorKind::InvalidData, format!("no signal has number {id}")))
    }
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
