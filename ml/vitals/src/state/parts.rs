//! What a state is made of.

use crate::grid::NEVER;
use crate::persistence::History;
use crate::{Parameters, Side, Signal};
use borsh::{BorshDeserialize, BorshSerialize};

/// Mean of a signal in a step that is not decided yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Pending {
    pub(crate) slot: i64,
    pub(crate) signal: Signal,
    pub(crate) sum_milli: i64,
    pub(crate) count: u32,
    /// Whether a person entered one of the values.
    pub(crate) manual: bool,
    /// Offset of the person's clock that came with it, the largest of several.
    pub(crate) offset_minutes: Option<i16>,
}

/// What was heard and is not decided: it hangs on ticks, and on the order within the lateness.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Inbox {
    /// Parameters of a doctor that no decided step has reached: the slot from which they are in force, ascending.
    pub(crate) upcoming: Vec<(i64, Parameters)>,
    /// Latest event time of a reading or a tick.
    pub(crate) clock_ms: i64,
    /// Latest event time of a reading, and its signal, that of the highest number of several.
    pub(crate) heard_ms: i64,
    pub(crate) heard: Option<Signal>,
    /// Slots before this one are decided.
    pub(crate) open_slot: i64,
    /// What ends by the beginning of this slot is closed.
    pub(crate) closed_slot: i64,
    pub(crate) pending: Vec<Pending>,
}

/// What a limit remembers of its signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Track {
    pub(crate) signal: Signal,
    pub(crate) history: History,
    pub(crate) side: Side,
    pub(crate) value_milli: i64,
}

/// Sum of one feature in the window that is not closed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Sum {
    pub(crate) sum_milli: i64,
    pub(crate) steps: u16,
}

/// A decided value and the end of its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Latest {
    pub(crate) time_ms: i64,
    pub(crate) value_milli: i64,
}

impl Latest {
    pub(crate) const NONE: Self = Self { time_ms: NEVER, value_milli: 0 };
}

/// The forest's last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct LastScore {
    pub(crate) time_ms: i64,
    pub(crate) score_micro: i32,
    pub(crate) threshold_micro: i32,
}
