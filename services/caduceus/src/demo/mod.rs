//! `caduceus demo`: everything in one process, on simulated people and one injected clock.

mod episodes;
mod facts;
mod people;
mod view;

pub(crate) use facts::iso;
