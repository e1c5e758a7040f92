//! `caduceus run` as people and machines use it: processes of the built binary, ended by signals and by force.

mod http;
mod network;
mod process;
mod separate;
mod single;
