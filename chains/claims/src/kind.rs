pub use erm::EventKind as Kind;

/// The name of a kind of clinical event, as in JSON.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Record => "record",
        Kind::PharmacyBill => "pharmacy-bill",
        Kind::TestReport => "test-report",
        Kind::Prescription => "prescription",
        Kind::Image => "image",
    }
}
