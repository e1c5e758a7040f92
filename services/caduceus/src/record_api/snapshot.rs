//! The state after one block, fetched as it is needed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use claims::Finality;
use erm::{Key, SetChange, StateProof};
use portal::Snapshot;

use super::client::{ASK, Calls, decode};
use super::wire::{AnswerState, AskState, STATE};
use crate::network::lock;

type Value = (Option<Vec<u8>>, StateProof);

/// One height. Its header is known to be final; each value is verified against the header's state root when it comes.
pub(super) struct Remote {
    calls: Arc<Calls>,
    finality: Finality,
    history: Vec<SetChange>,
    fetched: Mutex<HashMap<Key, Value>>,
}

impl Remote {
    pub(super) fn new(calls: Arc<Calls>, finality: Finality, history: Vec<SetChange>) -> Self {
        Self { calls, finality, history, fetched: Mutex::default() }
    }

    fn fetch(&self, key: &Key) -> Result<Value, erm::Error> {
        if let Some(value) = lock(&self.fetched).get(key) {
            return Ok(value.clone());
        }
        let failed = |error: String| erm::Error::Store(format!("the record node: {error}"));
        let ask = AskState { height: self.finality.header.height, keys: vec![key.clone()] };
        let ask = self.calls.ask(STATE, ledger::encode(&ask), ASK, true);
        let answer = self.calls.call_blocking(ask).and_then(|bytes| decode::<AnswerState>(&bytes));
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        let Ok([value]) = <[Value; 1]>::try_from(answer.proven) else {
            return Err(failed("it did not answer what was asked".into()));
        };
        value.1.verify(&self.calls.network, &self.finality.header.state_root, key, value.0.as_deref())?;
        lock(&self.fetched).insert(key.clone(), value.clone());
        Ok(value)
    }
}

impl Snapshot for Remote {
    fn finality(&self) -> &Finality {
        &self.finality
    }

    fn history(&self) -> &[SetChange] {
        &self.history
    }

    fn prove(&self, key: &Key) -> Result<(Option<Vec<u8>>, StateProof), erm::Error> {
        self.fetch(key)
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, erm::Error> {
        self.fetch(key).map(|(value, _)| value)
    }
}
