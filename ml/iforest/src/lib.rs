//! iforest
