//! What doctors set, among the patient's readings.

use ledger::{Chain, Digest};
use phc::ParametersSet;
use rand_core::OsRng;
use stream::Append;
use stream::topics::READINGS;

use super::Appender;
use crate::Error;
use crate::custody::stream_key;

impl Appender {
    /// Appends what a doctor set, unless the same member has set the same last: a request that is sent again is one record.
    pub(super) async fn set(&mut self, chain: Digest, set: ParametersSet) -> Result<ParametersSet, Error> {
        let last = self.set_last(chain).await?;
        if let Some(last) = last.filter(|last| (&last.by, &last.parameters) == (&set.by, &set.parameters)) {
            return Ok(last);
        }
        let chain = Chain { network: self.network, id: chain };
        let key = stream_key(self.custody.as_ref(), &chain)
            .ok_or_else(|| Error::NoKey(format!("the stream key of chain {}", chain.id)))?;
        let value = set.seal(&key, &chain, &mut OsRng);
        let append = Append::new(READINGS, chain.id.0.to_vec(), set.set_ms, value);
        if let Err(error) = self.commit(vec![append]).await {
            // It is in the log or it is not: the log says, before anything else is answered.
            self.doubtful = true;
            return Err(error);
        }
        self.parameters.insert(chain.id, set.clone());
        Ok(set)
    }

    /// What was set last for a patient.
    pub(super) async fn set_last(&mut self, chain: Digest) -> Result<Option<ParametersSet>, Error> {
        if self.doubtful {
            self.rebuild().await?;
        }
        Ok(self.parameters.get(&chain).cloned())
    }
}
