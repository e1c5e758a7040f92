//! A log that fails: what was promised is there once, what was not may be sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::Chain;
use phc::ParametersSet;
use portal::{Custody as _, Ingest, IngestSettings};
use stream::Error;
use stream::topics::READINGS;
use testkit::log::{Fate, FaultyLog};

use crate::world::World;

/// D13: parameters whose answer was lost are one record once they are sent again, whether they were in the log or not.
#[tokio::test]
async fn parameters_whose_answer_was_lost_are_one_record_when_they_are_sent_again() {
    for made in [true, false] {
        let world = World::new().await;
        // The next commit is made or not, and its answer is lost.
        let next = Arc::new(AtomicBool::new(false));
        let fails = next.clone();
        let fate = move || {
            let lost = || Error::Unsettled { writer: "ingest".into(), reason: "the connection was lost".into() };
            match (fails.swap(false, Ordering::SeqCst), made) {
                (false, _) => Fate::Made,
                (true, true) => Fate::Lost(lost()),
                (true, false) => Fate::Refused(lost()),
            }
        };
        let log = Arc::new(FaultyLog::new(world.log.clone(), fate));
        let settings = IngestSettings { writer: "lossy".into(), ..IngestSettings::default() };
        let ingest = Ingest::open(log, world.network, world.custody.clone(), settings).await.unwrap();
        let chain = Chain { network: world.network, id: world.patient("p1").chain };
        let set = ParametersSet {
            by: "doctors-a".into(),
            set_ms: 1_000,
            parameters: vitals::Parameters::default().to_bytes(),
        };
        next.store(true, Ordering::SeqCst);
        ingest.set_parameters(chain.id, set.clone()).await.unwrap_err();
        // What counts is what the log holds: the first, where it was made.
        let again = ParametersSet { set_ms: 2_000, ..set.clone() };
        let expected = if made { &set } else { &again };
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
