//! phc
