//! FHIR R4, as narrow as it is needed: each resource is read into plain values, and what is wrong is named by FHIRPath.

pub(crate) mod claim;
pub(crate) mod consent;
pub(crate) mod event;
pub(crate) mod node;
pub(crate) mod observation;
pub(crate) mod response;
pub(crate) mod time;

/// Where our own identifiers and extensions live.
pub const BASE: &str = "https://caduceus.example/fhir";

/// System of identifiers that are given as a plain reference (`Patient/p1`).
pub fn reference_system(resource: &str) -> String {
    format!("{BASE}/{resource}")
}

/// The URL of one of our extensions.
pub(crate) fn extension(name: &str) -> String {
    format!("{BASE}/StructureDefinition/{name}")
}
