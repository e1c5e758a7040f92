//! record-node
