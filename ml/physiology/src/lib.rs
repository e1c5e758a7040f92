//! physiology
