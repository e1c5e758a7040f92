//! `caduceus run` as people and machines use it: processes of the built binary, ended by signals and by force.

mod claims;
mod desk;
mod fhir;
mod http;
mod mails;
mod network;
mod process;
mod readings;
mod separate;
mod single;
mod whole;
