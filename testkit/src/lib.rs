//! Real parts for tests: fetched once into a cache outside the work tree, started on loopback on ports that the operating system
//! chooses, ended when the test ends. And an event log that fails on demand. Used by tests; never part of the product.

mod cache;
pub mod kafka;
pub mod log;
pub mod smtp;
