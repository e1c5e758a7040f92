//! What charts are made of.

mod files;
mod numbers;
mod scale;
mod svg;

pub(crate) use files::write_each;
pub(crate) use numbers::{float, milli, rounded};
pub(crate) use scale::{Rows, Scale, ticks};
pub(crate) use svg::{Svg, width_of};
