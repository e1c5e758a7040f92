//! Real parts for tests: fetched once into a cache outside the work tree, started on loopback on ports that the operating system
//! chooses, ended when the test ends. Used by tests and by `cargo xtask`; never part of the product.

pub mod kafka;
pub mod smtp;
