//! A log that fails: what was promised is there once, what was not may be sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use ledger::Chain;
use phc::ParametersSet;
use portal::{Custody as _, Ingest, IngestSettings};
use stream::topics::READINGS;
use stream::{Batch, EmbeddedLog, Error, EventLog, Position, Reader, Result, Scan, Writer};

use crate::world::World;

const MADE: u8 = 1;
const NOT_MADE: u8 = 2;

/// The next commit is made or not, and its answer is lost.
#[derive(Clone)]
struct Lossy {
    log: EmbeddedLog,
    next: Arc<AtomicU8>,
}

struct LossyWriter(Box<dyn Writer>, Arc<AtomicU8>);

#[async_trait]
impl EventLog for Lossy {
    async fn partitions(&self, topic: &str) -> Result<u32> {
        self.log.partitions(topic).await
    }
    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>> {
        Ok(Box::new(LossyWriter(self.log.writer(name).await?, self.next.clone())))
    }
    async fn reader(&self, group: &str, topics: &[&str]) -> Result<Box<dyn Reader>> {
        self.log.reader(group, topics).await
    }
    async fn scan(&self, topic: &str, partition: u32, from: u64) -> Result<Box<dyn Scan>> {
        self.log.scan(topic, partition, from).await
    }
    async fn end(&self, topic: &str, partition: u32) -> Result<u64> {
        self.log.end(topic, partition).await
    }
}

#[async_trait]
impl Writer for LossyWriter {
    async fn commit(&mut self, batch: Batch) -> Result<Vec<Position>> {
        let fault = self.1.swap(0, Ordering::SeqCst);
        if fault != NOT_MADE {
            let made = self.0.commit(batch).await;
            if fault == 0 {
                return made;
            }
        }
        Err(Error::Unsettled { writer: "ingest".into(), reason: "the connection was lost".into() })
    }
}

/// D13: parameters whose answer was lost are one record once they are sent again, whether they were in the log or not.
#[tokio::test]
async fn parameters_whose_answer_was_lost_are_one_record_when_they_are_sent_again() {
    for fault in [MADE, NOT_MADE] {
        let world = World::new().await;
        let next = Arc::new(AtomicU8::new(0));
        let log = Arc::new(Lossy { log: world.log.clone(), next: next.clone() });
        let settings = IngestSettings { writer: "lossy".into(), ..IngestSettings::default() };
        let ingest = Ingest::open(log, world.network, world.custody.clone(), settings).await.unwrap();
        let chain = Chain { network: world.network, id: world.patient("p1").chain };
        let set = ParametersSet {
            by: "doctors-a".into(),
            set_ms: 1_000,
            parameters: vitals::Parameters::default().to_bytes(),
        };
        next.store(fault, Ordering::SeqCst);
        ingest.set_parameters(chain.id, set.clone()).await.unwrap_err();
        // What counts is what the log holds: the first, where it was made.
        let again = ParametersSet { set_ms: 2_000, ..set.clone() };
        let expected = if fault == MADE { &set } else { &again };
        assert_eq!(ingest.set_parameters(chain.id, again.clone()).await.unwrap(), *expected);
        assert_eq!(ingest.parameters(chain.id).await.unwrap().as_ref(), Some(expected));
        let key = world.custody.keys(&chain.id).unwrap().stream(&chain).unwrap().clone();
        let held = world.topic(&READINGS).await;
        let held: Vec<_> = held.iter().filter_map(|(_, value)| ParametersSet::open(&key, &chain, value).ok()).collect();
        assert_eq!(held, std::slice::from_ref(expected));
        let empty = ParametersSet { parameters: Vec::new(), ..set };
        assert!(matches!(ingest.set_parameters(chain.id, empty).await, Err(portal::Error::Invalid(_))));
    }
}
