//! erm
