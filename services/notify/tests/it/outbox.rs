use std::collections::{BTreeMap, BTreeSet};

use ledger::Digest;
use notify::outbox::{Entry, Failure, Key, Outbox, OutboxRecord, Retry, Step, Verdict};
use proptest::prelude::*;
use vitals::Change;

use crate::world::{NOW_MS, alert_of, chain, forest};

const RETRY: Retry = Retry { first_ms: 10_000, longest_ms: 900_000, give_up_ms: 72 * 3_600_000 };

fn take(outbox: &mut Outbox, episode: u8, change: Change, now_ms: i64) -> Option<Entry> {
    let anomaly = forest(episode, change);
    outbox.take(chain(1).id, &anomaly, alert_of(&anomaly), now_ms)
}

#[test]
fn one_mail_for_the_beginning_and_one_for_the_end_whatever_is_said_between() {
    let mut outbox = Outbox::default();
    let steps: Vec<_> = [
        Change::Opened,
        Change::Opened,
        Change::Continued,
        Change::Resolved,
        Change::Resolved,
        Change::Opened,
        Change::Continued,
    ]
    .into_iter()
    .filter_map(|change| take(&mut outbox, 1, change, NOW_MS))
    .map(|entry| entry.step)
    .collect();
    assert_eq!(steps, [Step::Opened, Step::Resolved]);
    assert_eq!((outbox.pending(), outbox.open_episodes()), (2, 0));
}

/// What was known too late is on the chain, but nobody is woken for it.
#[test]
fn what_was_known_too_late_is_not_mailed_until_the_episode_is_about_now() {
    let mut outbox = Outbox::default();
    let mut take_late = |change, alerting| {
        let anomaly = forest(1, change);
        let alert = phc::Alert { alerting, ..alert_of(&anomaly) };
        outbox.take(chain(1).id, &anomaly, alert, NOW_MS).map(|entry| entry.step)
    };
    assert_eq!(take_late(Change::Opened, false), None);
    assert_eq!(take_late(Change::Continued, false), None);
    assert_eq!(take_late(Change::Continued, true), Some(Step::Opened));
    assert_eq!(take_late(Change::Resolved, false), Some(Step::Resolved), "who was told is told of the end");
}

#[test]
fn an_episode_first_heard_of_in_its_middle_is_opened_and_one_at_its_end_is_not_mailed() {
    let mut outbox = Outbox::default();
    assert_eq!(take(&mut outbox, 1, Change::Continued, NOW_MS).unwrap().step, Step::Opened);
    assert_eq!(take(&mut outbox, 2, Change::Resolved, NOW_MS), None);
    assert_eq!(outbox.open_episodes(), 1);
}

#[test]
fn the_end_waits_until_the_beginning_is_sent_or_given_up() {
    let mut outbox = Outbox::default();
    take(&mut outbox, 1, Change::Opened, NOW_MS);
    take(&mut outbox, 1, Change::Resolved, NOW_MS);
    let started = outbox.start_due(NOW_MS, 10);
    assert_eq!(started.iter().map(|(key, _)| key.step).collect::<Vec<_>>(), [Step::Opened]);
    assert!(outbox.start_due(NOW_MS, 10).is_empty(), "under way is not due");
    let key = started[0].0;
    let Some(Verdict::Dead(dead)) = outbox.failed(&key, Failure::Final("550".into()), RETRY, NOW_MS) else {
        panic!("not given up")
    };
    outbox.apply(key.chain, dead);
    assert_eq!(outbox.start_due(NOW_MS, 10)[0].0.step, Step::Resolved);
}

#[test]
fn pauses_double_up_to_the_longest_and_an_old_mail_is_given_up() {
    let mut outbox = Outbox::default();
    take(&mut outbox, 1, Change::Opened, NOW_MS);
    let (mut now_ms, mut pauses) = (NOW_MS, Vec::new());
    let reason = loop {
        let [(key, _)] = outbox.start_due(now_ms, 10)[..] else { panic!("nothing due") };
        match outbox.failed(&key, Failure::Passing("450".into()), RETRY, now_ms).unwrap() {
            Verdict::Again { due_ms } => {
                assert!(outbox.start_due(due_ms - 1, 10).is_empty(), "not before its time");
                pauses.push((due_ms - now_ms) / 1_000);
                now_ms = due_ms;
            }
            Verdict::Dead(OutboxRecord::Dead { reason, .. }) => break reason,
            Verdict::Dead(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(pauses[..8], [10, 20, 40, 80, 160, 320, 640, 900]);
    assert!(pauses[8..].iter().all(|pause| *pause == 900));
    assert!(now_ms - NOW_MS >= RETRY.give_up_ms && now_ms - NOW_MS < RETRY.give_up_ms + 900_000);
    assert!(reason.contains("given up after 72 h") && reason.contains("450"), "{reason}");
}

#[test]
fn a_huge_chart_is_thinned_and_keeps_its_last_point() {
    let anomaly = forest(1, Change::Opened);
    let mut alert = alert_of(&anomaly);
    alert.chart = (0..100_000).map(|at| (at, at)).collect();
    let entry = Outbox::default().take(chain(1).id, &anomaly, alert, NOW_MS).unwrap();
    assert!((1_000..=2_000).contains(&entry.alert.chart.len()));
    assert_eq!(entry.alert.chart.last(), Some(&(99_999, 99_999)));
    assert!(entry.alert.chart.is_sorted());
}

#[test]
fn records_of_the_topic_survive_their_encoding_and_nothing_else_decodes() {
    let entry = take(&mut Outbox::default(), 1, Change::Opened, NOW_MS).unwrap();
    let bytes = ledger::encode(&OutboxRecord::Queued(entry.clone()));
    assert_eq!(ledger::decode::<OutboxRecord>("record", &bytes).unwrap(), OutboxRecord::Queued(entry));
    assert!(ledger::decode::<OutboxRecord>("record", &bytes[..bytes.len() - 1]).is_err());
    assert!(ledger::decode::<OutboxRecord>("record", &[bytes.as_slice(), &[0]].concat()).is_err());
    assert!(ledger::decode::<OutboxRecord>("record", &[0]).is_err());
}

/// Where the process dies.
#[derive(Clone, Copy, Debug)]
enum Crash {
    No,
    BeforeQueueing,
    AfterQueueing,
    BeforeSending,
    AfterSending,
}

fn crash() -> impl Strategy<Value = Crash> {
    prop_oneof![6 => Just(Crash::No), 1 => Just(Crash::BeforeQueueing), 1 => Just(Crash::AfterQueueing), 1 => Just(Crash::BeforeSending), 2 => Just(Crash::AfterSending)]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![Just(Change::Opened), Just(Change::Continued), Just(Change::Resolved)]
}

proptest! {
    /// The log keeps what was committed; the process forgets everything at each crash. Every step that was called for is sent, and
    /// sent twice only where the process died between sending and recording it.
    #[test]
    fn no_mail_is_lost_or_doubled_whatever_dies_when(
        alerts in proptest::collection::vec((1_u8..3, 0_u8..3, change()), 1..24),
        crashes in proptest::collection::vec(crash(), 1..60),
        failing in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let (mut log, mut position): (Vec<(Digest, OutboxRecord)>, usize) = (Vec::new(), 0);
        let mut sent: BTreeMap<Key, u32> = BTreeMap::new();
        let mut excused: BTreeMap<Key, u32> = BTreeMap::new();
        let (mut crashes, mut failing, mut now_ms) = (crashes.into_iter(), failing.into_iter(), NOW_MS);
        'process: loop {
            let mut outbox = Outbox::default();
            for (id, record) in &log {
                outbox.apply(*id, record.clone());
            }
            loop {
                now_ms += 1_000_000;
                let crash = crashes.next().unwrap_or(Crash::No);
                if let Some((patient, episode, change)) = alerts.get(position) {
                    let (id, anomaly) = (chain(*patient).id, forest(*episode, *change));
                    let entry = outbox.take(id, &anomaly, alert_of(&anomaly), now_ms);
                    if matches!(crash, Crash::BeforeQueueing) { continue 'process; }
                    // One atomic step: the entry and the position.
                    position += 1;
                    log.extend(entry.map(|entry| (id, OutboxRecord::Queued(entry))));
                    if matches!(crash, Crash::AfterQueueing) { continue 'process; }
                }
                for (key, _) in outbox.start_due(now_ms, 2) {
                    if matches!(crash, Crash::BeforeSending) { continue 'process; }
                    if failing.next().unwrap_or(false) {
                        outbox.failed(&key, Failure::Passing("450".into()), RETRY, now_ms);
                        continue;
                    }
                    *sent.entry(key).or_default() += 1;
                    if matches!(crash, Crash::AfterSending) {
                        *excused.entry(key).or_default() += 1;
                        continue 'process;
                    }
                    let record = outbox.sent(&key, now_ms).unwrap();
                    log.push((key.chain, record.clone()));
                    outbox.apply(key.chain, record);
                }
                if position == alerts.len() && outbox.pending() == 0 { break 'process; }
            }
        }
        let mut wanted = BTreeSet::new();
        for (patient, episode, change) in &alerts {
            let key = |step| Key { chain: chain(*patient).id, episode: forest(*episode, *change).episode, step };
            match change {
                Change::Opened | Change::Continued if !wanted.contains(&key(Step::Resolved)) => { wanted.insert(key(Step::Opened)); }
                Change::Resolved if wanted.contains(&key(Step::Opened)) => { wanted.insert(key(Step::Resolved)); }
                _ => {}
            }
        }
        prop_assert_eq!(sent.keys().copied().collect::<BTreeSet<_>>(), wanted);
        for (key, times) in sent {
            prop_assert_eq!(times, 1 + excused.get(&key).copied().unwrap_or(0), "{:?}", key);
        }
    }
}
