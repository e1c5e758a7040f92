//! Tests of the notifier from outside.
